"""Spelling of ids: what cannot be seen goes, numbers become text, text stays as it is."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.text.id_spelling import (
    has_hidden,
    ids_as_text,
    missing_words,
    padding,
    style,
    visible,
)


@pytest.mark.parametrize(
    "written",
    [
        "Zoë 7", "Zoe\N{COMBINING DIAERESIS} 7", "\ufeffZoë 7", "Zoë\u00a07", "Zo\u200bë 7",
        "Zoë\u20097\u2009", "Zoë\u200e 7", "Zo\u00adë 7", "\u2060Zoë 7 ",
    ],
)  # fmt: skip
def test_what_cannot_be_seen_makes_no_difference(written):
    assert visible(written) == "Zoë 7"


def test_what_can_be_seen_stays():
    for plain in ("P 1", "p1", "P-1", "P.1", "P01", "ß", "ﬁ"):
        assert visible(plain) == plain and not has_hidden(f" {plain}\t")
    assert has_hidden("P\u200b1") and has_hidden("P\u00a01") and not has_hidden(7)


def test_labels_of_any_type_become_text():
    labels = [7, 7.0, np.float32(8), 7.5, b"x", "007", "1e5", " a ", None, np.nan, pd.NA, pd.NaT]
    wanted = ["7", "7", "8", "7.5", "x", "007", "1e5", "a", "", "", "", ""]
    assert list(ids_as_text(labels)) == wanted
    assert list(ids_as_text([np.int64(12), 1e5])) == ["12", "100000"]


def test_keys_compare_what_can_be_seen():
    assert style("Pt_1") == style("PT-1") == style("pt 1") != style("pt 2")
    assert padding("P01-007") == padding("p1_7") != padding("P1-70")
    assert padding("1e+05") == padding("100000") == padding("100000.0")
    assert padding("P10") != padding("P1") and padding("0") == "0" and padding("100") == "100"


def test_words_for_missing_are_no_ids_unless_ids_are_words():
    numbered = pd.Index(["P1", "P2", "nan"], dtype=object)
    assert missing_words(numbered).tolist() == [False, False, True]
    initials = pd.Index(["AB", "NA", "CD"], dtype=object)
    assert not missing_words(initials).any()
