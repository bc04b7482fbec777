"""Classes of another cohort: met by name, whatever their codes; what nobody trained is refused."""

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import kind_of

TASK = kind_of("class").named(("Basal", "Her2", "LumA"))


def outcome(codes, classes, kind="class"):
    return Outcome("subtype", kind, np.array(codes), classes)


def test_codes_are_those_of_the_model_whatever_the_order_of_the_classes():
    found = TASK.matched(outcome([0, 1, -1, 0], ("LumA", "Basal", "nobody's")), "mine")
    assert found.values.tolist() == [2, 0, -1, 2]
    assert found.known.tolist() == [True, True, False, True]
    assert TASK.on_record(found) == {"classes": {"Basal": 1, "Her2": 0, "LumA": 2}}
    scored = found.take(found.known)
    assert TASK.in_protocol(scored) == {
        "prevalence": {"Basal": 0.3333, "Her2": 0.0, "LumA": 0.6667}
    }
    (caveat,) = TASK.caveats(scored)
    assert caveat.startswith("nobody here is 'Her2': macro-F1")


def test_all_unknown_classes_are_named_at_once():
    with pytest.raises(InputError, match="cohort .mine.: 2 things to correct") as said:
        TASK.matched(outcome([0, 1, 2, 2], ("LumA", "luma", "Lum-B")), "mine")
    assert "label 'luma' (1 patient) is none" in str(said.value)
    assert "label 'Lum-B' (2 patients) is none" in str(said.value)


def test_another_kind_is_refused():
    with pytest.raises(InputError, match="is of kind 'number'; the model predicts classes"):
        TASK.matched(outcome([0.5, 1.5], (), "number"), "mine")


def test_the_baseline_is_of_the_shares_on_record():
    assert TASK.null_on_record({"classes": {"LumA": 6, "Basal": 2}}).tolist() == [0.25, 0, 0.75]
    assert TASK.null_on_record({}) is None
