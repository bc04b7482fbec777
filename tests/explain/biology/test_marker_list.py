"""Lists of known markers: files, and where a ranking puts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.explain.biology.marker_list import MARKER_COLUMNS, marker_ranks, read_markers


def test_a_gene_a_line(tmp_path):
    path = tmp_path / "pam50.txt"
    path.write_text("# of breast cancer\nESR1\n\nERBB2\tHER2\nKI67, a comment\nESR1\n")
    assert read_markers(path) == ("ESR1", "ERBB2", "KI67")


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_a_file_without_markers_is_refused(tmp_path, text):
    (tmp_path / "none.txt").write_text(text)
    with pytest.raises(InputError, match="holds no marker; write one gene a line"):
        read_markers(tmp_path / "none.txt")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file; give a text file of markers"):
        read_markers(tmp_path / "no.txt")


def test_markers_by_rank_and_those_not_measured_last():
    table = pd.DataFrame({"id": list("ABC"), "rank": [1, 2, 3], "score": [3.0, 2, 1]})
    table = table.assign(sign=[1, -1, 1], rank_lo=1.0, rank_hi=3.0)
    found = marker_ranks(["X", "C", "A"], table, np.array([True, False, False]))
    assert tuple(found.columns) == MARKER_COLUMNS
    assert found["marker"].tolist() == ["A", "C", "X"]
    assert found["measured"].tolist() == [True, True, False]
    assert found["first"].tolist() == [True, False, False]
    assert found["rank"].tolist()[:2] == [1, 3] and found["rank"].isna().tolist()[2]
