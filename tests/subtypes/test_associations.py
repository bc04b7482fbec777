"""What a partition says of modalities and outcomes, against known answers."""

import numpy as np
import pytest

from graphfuse.subtypes.associations import associations, contribution, separations, shared
from graphfuse.subtypes.stability import Resampled
from graphfuse.task.outcome import Outcome

LABELS = np.array([0, 0, 0, 1, 1, 1, -1])


def test_shared_information_is_on_the_patients_of_both():
    assert shared(LABELS, np.array([5, 5, 5, 2, 2, 2, 0])) == (
        pytest.approx(1),
        pytest.approx(1),
        6,
    )
    assert shared(LABELS, np.array([0, 1, -1, 0, 1, -1, 0]))[:2] == (
        pytest.approx(0),
        pytest.approx(-0.5, abs=0.6),
    )
    assert np.isnan(shared(LABELS, np.full(7, -1))[0])


def test_a_modality_with_the_same_clusters_contributes_all():
    rows = [np.array([0, 1, 3, 4]), np.array([1, 2, 4, 5])]
    fused = Resampled(rows, [{2: LABELS[r]} for r in rows])
    other = Resampled(rows, [{2: np.array([0, 1, 0, 1])}, {}])
    table = contribution(
        LABELS,
        {"same": LABELS, "other": np.array([0, 1, 0, 1, 0, 1, 0])},
        fused,
        {"same": fused, "other": other},
        2,
    )
    same, other = table.to_dict("records")
    assert [same[c] for c in ("patients", "nmi", "nmi_lo", "nmi_hi", "ami")] == pytest.approx(
        [6, 1, 1, 1, 1]
    )
    assert other["nmi"] < 0.1 and other["nmi_lo"] == other["nmi_hi"] == pytest.approx(0)


def test_survival_of_the_known_only():
    time = np.array([1.0, 2, np.nan, 5, 6, 7, 3])
    outcome = Outcome(
        "overall", "survival", time, event=np.array([True, True, False, True, False, True, True])
    )
    found = separations(
        LABELS, {"overall": outcome, "again": outcome, "age": Outcome("age", "number", time)}
    )
    assert list(found) == ["overall", "again"]
    groups = found["overall"].groups
    assert groups["patients"].tolist() == [2, 3] and groups["events"].tolist() == [2, 2]
    assert groups["median"].tolist() == [1, 7]
    assert found["overall"].p_holm == pytest.approx(2 * found["overall"].test.p)
    assert separations(np.full(7, -1), {"overall": outcome}) == {}


def test_classes_are_counted_by_cluster():
    outcome = Outcome(
        "type",
        "class",
        np.array([0, 0, 2, 1, 1, -1, 1]),
        ("a", "b", "c"),
        derived_from=("rna", "prot"),
    )
    found = associations(LABELS, {"type": outcome}, ("rna", "meth"))["type"]
    assert found.counts.to_numpy().tolist() == [[2, 0, 1], [0, 2, 0]] and list(found.counts) == [
        "a",
        "b",
        "c",
    ]
    assert found.derived_from == ("rna",) and 0 < found.nmi < 1
