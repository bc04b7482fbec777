"""Class labels: one class for one word, and words that are none."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.task.class_labels import class_outcome


def made(labels, names=None):
    labels = pd.Series(labels, [f"P{i}" for i in range(len(labels))], dtype=object, name="y")
    return class_outcome(labels, labels.index, names)


def test_labels_become_codes():
    patients = pd.Index(["a", "b", "c", "d"])
    floats = pd.Series([0.0, 1.0, np.nan], index=list("abc"), name="y")
    found, notices = class_outcome(floats, patients)
    assert found.classes == ("0", "1") and list(found.values) == [0, 1, -1, -1] and not notices
    names = {"0": "Normal", "1": "Basal", "3": "LumA"}
    named, _ = class_outcome(pd.Series([3, 0, 3], index=list("abd")), patients, names, ("rna",))
    assert named.classes == ("Normal", "LumA") and named.derived_from == ("rna",)
    assert list(named.values) == [1, 0, -1, 1]
    with pytest.raises(InputError, match="differ only in case"):
        class_outcome(pd.Series(["LumA", "luma "], index=["a", "b"]), patients)
    with pytest.raises(InputError, match="not among labels"):
        class_outcome(pd.Series([7], index=["a"]), patients, {"0": "x"})


def test_what_looks_alike_is_one_class_and_told():
    found, notices = made(["Grade B", "Grade\u00a0B", "Grade  B", "Ko\u0308ln", "K\u00f6ln"])
    assert found.classes == ("Grade B", "K\u00f6ln") and list(found.values) == [0, 0, 0, 1, 1]
    assert len(notices) == 1 and "'Grade B', 'K\u00f6ln'" in notices[0]
    assert made(["Grade B", "Grade C"])[1] == []


@pytest.mark.parametrize("word", ["[Not Available]", "not reported", "Unknown", "[Discrepancy]"])
def test_words_for_unknown_are_no_class_unless_named(word):
    found, (notice,) = made(["case", "ctrl", word, word])
    assert found.classes == ("case", "ctrl") and list(found.values) == [0, 1, -1, -1]
    assert "<5 patients are unlabelled" in notice and repr(word) in notice
    names = {"case": "case", "ctrl": "ctrl"}
    found, notices = made(["case", "ctrl", word], names)
    assert list(found.values) == [0, 1, -1] and len(notices) == 1
    found, notices = made(["case", "ctrl", word], names | {word: "other"})
    assert found.classes == ("case", "ctrl", "other") and not notices


def test_blank_cells_are_nothing_to_tell_of():
    assert made(["a", "b", "NA", "", None, "-"])[1] == []


def test_codes_are_classes_of_their_own():
    assert made(["1_2", "12", "1E2", "100", "01", "1"])[0].classes == (
        "01", "1", "100", "12", "1E2", "1_2",
    )  # fmt: skip


def test_booleans_and_floats_are_written_in_many_ways():
    found, notices = made(["TRUE", "False", np.nan, "true", True])
    assert found.classes == ("False", "True") and list(found.values) == [1, 0, -1, 1, 1]
    assert len(notices) == 1
    assert made(["0.0", "1.0", "0"])[0].classes == ("0", "1")
    names = {"TRUE": "sick", "FALSE": "well"}
    assert made(["True", False], names)[0].classes == ("sick", "well")


def test_minus_is_a_class_beside_plus():
    assert made(["+", "-", "+"])[0].classes == ("+", "-")
    assert made(["a", "-", "b"])[0].classes == ("a", "b")


def test_kinds_of_dash_are_one_and_zeros_in_front_are_told():
    dashes = ["HER2-low", "HER2\u2011low", "HER2\u2013low", "other"]
    with pytest.raises(InputError, match="differ only in case"):
        made(dashes)
    codes, notices = made(["01", "1", "02", "2"])
    assert codes.classes == ("01", "02", "1", "2")
    assert "taken for different classes" in " ".join(notices)
    assert not made(["1_2", "12", "1_2", "12"])[1]


def test_numbers_that_are_no_classes_are_refused_unless_they_are_named():
    fractions = [f"{number * 1.37:.3f}" for number in range(40)]
    with pytest.raises(InputError, match="looks like a number, not a class: 40 different values"):
        made(fractions)
    codes, _ = made(["0.5", "1.5"] * 10)
    assert codes.classes == ("0.5", "1.5")
    named, _ = made(fractions, {value: f"dose {value}" for value in fractions})
    assert len(named.classes) == 40
