"""What a training would take, carried on from probes."""

import numpy as np
import pytest

from graphfuse.evaluate.cost_plan.estimate import (
    Plan,
    Spent,
    carried_on,
    factors,
    in_time,
    predicted,
    probes,
    some,
)
from graphfuse.evaluate.folds import repeated


def test_a_sum_of_powers_is_carried_on_as_it_is():
    sizes = [64, 128, 256, 512]
    taken = [0.5 + 2e-3 * n + 3e-8 * n**3 for n in sizes]
    assert carried_on(sizes, taken, (0, 1, 2, 3), 4000) == pytest.approx(0.5 + 8 + 1920, rel=1e-6)


def test_nothing_is_carried_on_where_all_patients_were_probed():
    assert carried_on([64, 100], [1.0, 7.0], (0, 1), 100) == 7.0
    assert carried_on([64, 128], [0.0, 0.0], (0, 1), 1000) == 0.0


def test_noise_never_makes_less_of_more():
    """A probe that took less than a smaller one: the whole is not below what was seen."""
    assert carried_on([64, 128], [2.0, 1.0], (0, 1, 2), 1000) >= 1.0


def test_more_folds_and_repeats_take_more():
    for part in ("trees", "linear", "net", "controls"):
        assert factors(5, 1)[part] < factors(5, 2)[part] < factors(10, 2)[part]
        assert factors(2, 1)[part] == 1.0


def _took(n):
    return {"trees": 1e-3 * n, "linear": 1e-6 * n**2, "net": 0.1, "controls": 0.0}


def test_probes_double_while_they_are_cheap_beside_the_whole():
    sizes, taken = probes(_took, 10_000, factors(5, 5))
    assert sizes[:3] == [128, 256, 512] and sizes[-1] < 10_000
    whole = sum(_took(10_000).values()) * 12.5
    assert sum(sum(each.values()) for each in taken) < 8 + 0.1 * whole
    found = predicted(sizes, taken, 10_000)
    assert found["linear"] == pytest.approx(100, rel=0.01)


def test_probes_of_few_patients_end_with_all_of_them():
    assert probes(_took, 40, factors(5, 1))[0] == [40]
    assert probes(_took, 300, factors(5, 1))[0] == [75, 150, 300]


def test_some_patients_are_of_every_class_and_fold(small):
    codes = small.cohort.outcome().values
    folds = repeated(small.cohort.patients, codes, 4, 2, 0)
    rows = some(folds, codes, 24, 0)
    assert 24 <= len(rows) <= 32 and (np.diff(rows) > 0).all()
    fold = folds["fold"].to_numpy()[: len(codes)][rows].astype(int)
    assert {*zip(fold, codes[rows], strict=True)} == {(f, c) for f in range(4) for c in (0, 1)}
    assert len(some(folds, codes, len(codes), 0)) == len(codes)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (8.31, "8.3 s"), (62, "62 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_time_in_words(seconds, said):
    assert in_time(seconds) == said


def test_a_plan_prints_its_shares_and_what_would_fit():
    parts = {"reading": Spent(2.0, 1.0), "nets": Spent(30.0, 50.0)}
    found = Plan("made", parts, 3e9, 2e9, 5e6, (64, 128), 900, (0, 12), "What would fit: 1 patient")
    assert found.seconds == 32 and found.cpu_seconds == 51
    later = found.after("loading", Spent(4.0, 3.0))
    assert list(later.parts) == ["loading", "reading", "nets"] and later.seconds == 36
    lines = str(found).splitlines()
    assert lines[1].split() == ["time", "32", "s", "51", "s", "of", "CPU"]
    assert lines[4].split() == "memory, at its peak 3.0 GB 2.0 GB are free".split()
    assert "64, 128 patients" in lines[-2] and "carried on to 900" in lines[-2]
    assert lines[-1] == "It does not fit. What would fit: 1 patient"


@pytest.mark.parametrize(
    "epochs, words", [((0, 0), "0 epochs"), ((1,), "1 epoch"), ((3, 9), "3 to 9")]
)
def test_epochs_are_a_span_where_they_differ(epochs, words):
    plan = Plan("x", {}, 1e9, None, 1e6, (64,), 64, epochs)
    assert f"as they did there (after {words}" in str(plan)
