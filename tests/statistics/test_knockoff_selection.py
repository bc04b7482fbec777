"""Selection by knockoffs: false discoveries and power in simulated cohorts."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.statistics.knockoff_selection import lasso_difference, selection_q


def cohort(rows, seed, columns=200, causal=30, classes=0):
    """Neighbouring columns correlated at .5, `causal` of them with effects of either sign, four
    parts signal to one of noise; the outcome as a number, or cut into classes of equal size."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, columns))
    for column in range(1, columns):
        if column % 20:
            fresh = np.sqrt(0.75) * table[:, column]
            table[:, column] = 0.5 * table[:, column - 1] + fresh
    places = rng.choice(columns, causal, replace=False)
    signal = table[:, places] @ rng.choice([-1.0, 1.0], causal) if causal else np.zeros(rows)
    outcome = signal + rng.normal(size=rows) * (signal.std() / 2 or 1.0)
    if classes:
        rank = outcome.argsort().argsort()
        outcome = np.eye(classes)[rank * classes // rows]
    return table, outcome, places, rng


def found(rows, seed, draws=5, **options):
    """False-discovery proportion, power and number of columns selected at q = .1."""
    table, outcome, places, rng = cohort(rows, seed, **options)
    chosen = np.flatnonzero(selection_q(table, outcome, rng, draws) <= 0.1)
    true = np.isin(chosen, places).sum()
    return (len(chosen) - true) / max(len(chosen), 1), true / max(len(places), 1), len(chosen)


def test_exchanging_columns_and_knockoffs_changes_the_sign_alone():
    table, outcome, _, rng = cohort(120, 0, columns=400)
    knockoffs = rng.normal(size=table.shape)
    one = lasso_difference(table, knockoffs, outcome, np.random.default_rng(1))
    other = lasso_difference(knockoffs, table, outcome, np.random.default_rng(1))
    assert np.corrcoef(one, -other)[0, 1] > 0.99 and np.abs(one).max() > 0.05
    assert one == pytest.approx(-other, abs=0.03), "as far as the lasso converged"
    assert (one != 0).sum() < 240, "two pairs for each row enter at most"


def test_a_constant_column_is_never_selected():
    table, outcome, _, rng = cohort(300, 1)
    table[:, 5] = 2.0
    assert selection_q(table, outcome, rng, draws=2)[5] == 1


def test_few_false_discoveries_and_most_effects():
    false, power, _ = np.mean([found(300, seed) for seed in range(5)], axis=0)
    assert false <= 0.13 and power >= 0.7


def test_noise_selects_nothing_mostly():
    lists = [found(150, seed, draws=3, columns=100, causal=0)[2] > 0 for seed in range(10)]
    assert sum(lists) <= 2


@pytest.mark.nightly
@pytest.mark.parametrize("classes", [0, 2, 4])
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_false_discoveries_over_fifty_cohorts(rows, classes):
    """At 100 rows lists are mostly empty, which is allowed; false ones are not."""
    options = {"classes": classes}
    false, power, _ = np.mean([found(rows, seed, **options) for seed in range(50)], axis=0)
    assert false <= 0.13 and (rows < 1000 or power >= 0.5)
