"""Errors: one family, all faults at once, the nearest word."""

import pytest

from graphfuse.errors import Faults, FetchError, GraphfuseError, InputError, LeakError, examples, nearest


def test_one_family():
    for kind in (InputError, FetchError, LeakError):
        assert issubclass(kind, GraphfuseError)
    assert issubclass(FetchError, InputError)
    assert not issubclass(LeakError, InputError) and not issubclass(GraphfuseError, ValueError)


def test_no_fault_no_error():
    Faults("file").stop()


def test_one_fault_is_one_line():
    faults = Faults("a.toml")
    faults.add("x is wrong; mend x")
    with pytest.raises(InputError) as caught:
        faults.stop()
    assert str(caught.value) == "a.toml: x is wrong; mend x"


def test_many_faults_are_told_together_in_order():
    faults = Faults("a.toml")
    for word in ("first", "second", "third"):
        faults.add(word)
    with pytest.raises(InputError) as caught:
        faults.stop()
    assert str(caught.value).splitlines() == ["a.toml: 3 things to mend", "  - first", "  - second", "  - third"]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("subtyp", ["subtype", "stage"], " (did you mean 'subtype'?)"),
        ("neighbors", ["neighbours", "space"], " (did you mean 'neighbours'?)"),
        ("zzz", ["stage", "age"], " (known: age, stage)"),
        ("zzz", [], " (known: none)"),
        ("1", [10, 2], " (did you mean '10'?)"),
    ],
)
def test_the_nearest_word(word, known, said):
    assert nearest(word, iter(known)) == said


def test_examples_are_three_and_a_count():
    assert examples([]) == ""
    assert examples("abc") == "a, b, c"
    assert examples(range(1503)) == "0, 1, 2 and 1,500 more"
    assert examples(iter("abc"), limit=1) == "a and 2 more"
