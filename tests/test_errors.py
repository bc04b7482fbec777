"""Errors: one family, all faults at once, the nearest word."""

import itertools
import logging

import pytest

from graphfuse.errors import (
    Faults,
    FetchError,
    GraphfuseError,
    InputError,
    LeakError,
    counted,
    examples,
    few_counted,
    few_of,
    nearest,
    warn_once,
)


def test_one_family():
    for kind in (InputError, FetchError, LeakError):
        assert issubclass(kind, GraphfuseError)
    assert issubclass(FetchError, InputError)
    assert not issubclass(LeakError, InputError) and not issubclass(GraphfuseError, ValueError)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"a": 31, "b": 27, "none": 0}, ["31", "27", "0"]),
        ({"a": 31, "b": 27, "none": 3}, ["31", "27", "<5"]),  # nothing is hidden for its sake
        ({"a": 31, "b": 3, "none": 0}, ["31", "<5", "some or none"]),
        ({"a": 1_031, "b": 3, "none": 9}, ["1,031", "<5", "some or none"]),
    ],
)
def test_small_parts_of_a_total_cannot_be_told_by_subtraction(parts, words):
    assert list(few_of(parts, spare="none").values()) == words


def test_what_is_hidden_has_more_than_one_reading():
    """By brute force, for who knows the total and this rule: of all parts that read the same
    and have the same total up to 30, no small one is the same in all, but where all are 1."""
    readings = {}
    for a, b, none in itertools.product(range(1, 30), range(1, 30), range(30)):
        seen = (a + b + none, *few_of({"a": a, "b": b, "none": none}, spare="none").values())
        readings.setdefault(seen, []).append((a, b))
    told = 0
    for (total, *words, _), found in readings.items():
        if total > 30:
            continue  # of which not all readings are there
        for place, word in enumerate(words):
            if word == "<5" and len({pair[place] for pair in found}) == 1:
                assert {pair[place] for pair in found} == {1}
                told += 1
    assert told == 2 + 2 * 25  # 1 and 1; 1 and 5 to 29, either way round


def test_few_patients_are_not_counted():
    assert [few_counted(n, "patient") for n in (0, 1, 4, 5)] == [
        "0 patients",
        "<5 patients",
        "<5 patients",
        "5 patients",
    ]
    assert few_counted(1, "patient has", "patients have") == "<5 patients have"


def test_no_fault_no_error():
    Faults("file").stop()


def test_one_fault_is_one_line():
    faults = Faults("a.toml")
    faults.add("x is wrong; correct x")
    with pytest.raises(InputError) as caught:
        faults.stop()
    assert str(caught.value) == "a.toml: x is wrong; correct x"


def test_many_faults_are_told_together_in_order():
    faults = Faults("a.toml")
    for word in ("first", "second", "third"):
        faults.add(word)
    with pytest.raises(InputError) as caught:
        faults.stop()
    assert str(caught.value).splitlines() == [
        "a.toml: 3 things to correct",
        "  - first",
        "  - second",
        "  - third",
    ]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("subtyp", ["subtype", "stage"], " (did you mean 'subtype'?)"),
        ("neighbors", ["neighbours", "space"], " (did you mean 'neighbours'?)"),
        ("zzz", ["stage", "age"], " (known: age, stage)"),
        ("zzz", [], " (known: none)"),
        ("1", [10, 2], " (did you mean '10'?)"),
        ("sageconv", ["EdgeConv", "SAGEConv", "TAGConv"], " (did you mean 'SAGEConv'?)"),
        ("crp", ["Hb", "CRP", "LDH"], " (did you mean 'CRP'?)"),
        (
            "zzz",
            [f"gene{i:04d}" for i in range(23)],
            f" (known: {', '.join(f'gene{i:04d}' for i in range(20))} and 3 more)",
        ),
    ],
)
def test_the_nearest_word(word, known, said):
    assert nearest(word, iter(known)) == said


def test_examples_are_three_and_a_count():
    assert examples([]) == ""
    assert examples("abc") == "a, b, c"
    assert examples(range(1503)) == "0, 1, 2 and 1,500 more"
    assert examples(iter("abc"), limit=1) == "a and 2 more"


def test_a_count_agrees_with_what_is_counted():
    assert [counted(n, "patient") for n in (0, 1, 2, 1000)] == [
        "0 patients",
        "1 patient",
        "2 patients",
        "1,000 patients",
    ]
    assert [counted(n, "patient has", "patients have") for n in (1, 3)] == [
        "1 patient has",
        "3 patients have",
    ]


def test_a_warning_is_given_once(caplog):
    log = logging.getLogger("graphfuse.test")
    for message in ("first 100 %", "first 100 %", "second"):
        warn_once(log, message)
    assert caplog.messages == ["first 100 %", "second"]
