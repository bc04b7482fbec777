"""Scales: what is known of an order, and what is left unsaid."""

import random

import pytest

from graphfuse.data.records.ordinal_scales import in_order, places

KNOWN = [
    ["T0", "Ta", "Tis", "T1mi", "T1", "T1a", "T1c", "T2", "T4d"],
    ["N0", "N0 (i-)", "N0 (i+)", "N0 (mol+)", "N1mi", "N1", "N1a", "N3"],
    ["Stage 0", "Stage 0a", "Stage 0is", "Stage I", "Stage IA", "Stage IS", "Stage IIIC1"],
    ["I", "II", "III", "IV", "V"],
    ["2", "9", "10", "11.5"],
    ["absent", "mild", "moderate", "severe", "critical"],
    ["Very Low", "low", "Medium", "HIGH"],
    ["low grade", "high grade"],
    ["G1", "G2", "G3"],
    ["NYHA I", "NYHA II", "NYHA IV"],
    ["Child-Pugh A", "Child-Pugh B"],
    ["<40", "40-49", "50-59", "60+"],
    ["negative", "trace", "1+", "2+"],
    ["never", "sometimes", "always"],
    ["poorly differentiated", "undifferentiated"],
]


@pytest.mark.parametrize("levels", KNOWN, ids=lambda levels: levels[0])
def test_known_orders(levels):
    mixed = levels[:]
    random.Random(1).shuffle(mixed)
    assert in_order(mixed) == levels


@pytest.mark.parametrize(
    "words",
    [["red", "green"], ["none", "mild", "often"], ["yes", "no"], ["I", "2"], ["M", "F"],
     ["former", "current", "never"], ["T1", "N1"], ["1_2", "3"], ["1q", "2p"]],
)  # fmt: skip
def test_orders_that_are_not_known(words):
    assert places(words) is None and in_order(words) is None


def test_two_words_of_one_place_have_no_order():
    assert len(set(places(["cT2", "T2", "T3"]).values())) == 2
    assert in_order(["cT2", "T2", "T3"]) is None


@pytest.mark.parametrize(
    "words",
    [["never", "always"], ["A", "B"], ["10", "9"], ["small", "large"], ["type I", "type II"]],
)
def test_only_sure_scales_are_guessed(words):
    assert in_order(words) is not None and places(words, guessing=True) is None
