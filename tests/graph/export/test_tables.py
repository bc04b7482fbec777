"""Tables on disk are the tables in memory, and lists come back from them."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.export.tables import layers_of, read_tables, to_frames, write_tables


def test_parquet_gives_the_frames_back_as_they_were(built, bare, tmp_path):
    for i, graph in enumerate((built, bare)):
        frames = to_frames(graph)
        (tmp_path / str(i)).mkdir()
        write_tables(frames, tmp_path / str(i))
        back = read_tables(tmp_path / str(i))
        for name, frame in frames.items():
            pd.testing.assert_frame_equal(
                back[name], frame, check_exact=True, check_dtype=len(frame) > 0
            )


def test_layers_come_back_from_edges(built):
    back = layers_of(to_frames(built)["patient_edges"], built.cohort.patients)
    assert list(back) == list(built.layers)
    for name, lists in built.layers.items():
        for part in ("offsets", "index", "weight"):
            np.testing.assert_array_equal(getattr(back[name], part), getattr(lists, part))


def test_a_table_of_ones_own_needs_two_columns(built):
    own = pd.DataFrame({"source": ["P01", "P02"], "target": ["P00", "P00"]})
    lists = layers_of(own, built.cohort.patients)["edges"]
    first = built.cohort.patients.get_loc("P00")
    assert lists.degree[first] == 2 and lists.edges == 2 and set(lists.weight) == {1.0}


def test_what_cannot_be_read_stops(built, tmp_path):
    with pytest.raises(InputError, match=r"patient_nodes.parquet"):
        read_tables(tmp_path)
    with pytest.raises(InputError, match="no column"):
        layers_of(pd.DataFrame({"a": []}), built.cohort.patients)
    odd = pd.DataFrame({"source": ["P01", "nobody"], "target": ["P00", "P00"], "weight": ["x", 1]})
    with pytest.raises(InputError, match=r"(?s)1 ids.*nobody.*1 weights"):
        layers_of(odd, built.cohort.patients)
