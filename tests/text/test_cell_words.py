"""Words: one spelling of a cell, and what says unknown."""

import pytest

from graphfuse.text.cell_words import as_word, is_unknown, plus_and_minus, spelt, written_alike


@pytest.mark.parametrize(
    "value, word",
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        ("1.00", "1"),
        (" x ", "x"),
        (True, "True"),
        ("TRUE", "True"),
        ("false", "False"),
        ("007", "007"),
        ("01", "01"),
        ("01.0", "01.0"),
        (0.0, "0"),
        ("-0.0", "0"),
        ("0.50", "0.50"),
        (-2.0, "-2"),
        ("-2.0", "-2"),
        ("1_2", "1_2"),
        ("1E2", "1E2"),
        ("1e5", "1e5"),
        ("inf", "inf"),
        ("+1", "+1"),
    ],
)
def test_one_spelling_for_a_value(value, word):
    assert as_word(value) == word


@pytest.mark.parametrize(
    "text",
    ["Type\u00a0 B", "Type\u200b B", " Type B\ufeff", "Type\u2003B", "Ty\u00adpe B", "Type B"],
)
def test_what_cannot_be_seen_does_not_count(text):
    assert spelt(text) == "Type B"


def test_unicode_forms_are_one():
    assert spelt("Ko\u0308ln") == spelt("K\u00f6ln") == "K\u00f6ln"


@pytest.mark.parametrize(
    "word",
    ["NA", "n/a", "Not Available", "[Not Available]", "not_reported", "<NA>", "'--", "UNKNOWN", "?",
     "[Discrepancy]", "(unknown)"],
)  # fmt: skip
def test_words_for_unknown(word):
    assert is_unknown(word)


@pytest.mark.parametrize("word", ["none", "negative", "no", "0", "equivocal", "Navajo", "[x]", "N"])
def test_words_that_say_something(word):
    assert not is_unknown(word)


def test_results_in_plus_and_minus():
    assert plus_and_minus(["+", "-"]) and plus_and_minus(["(+)"]) and plus_and_minus(["1+", "2+"])
    assert not plus_and_minus(["0", "1+"])
    assert not plus_and_minus(["a+b", "90+", "-"])


def test_words_written_alike():
    assert written_alike(["Lum A", "lum a", "Basal", "LUM_A"]) == ["LUM_A", "Lum A", "lum a"]
    assert written_alike(["1_2", "12", "A+", "A-", "II", "I/II"]) == []
