"""Knockoff thresholds, e-values and q: known answers, and false discoveries in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.statistics.knockoff_filter import (
    e_value_q,
    knockoff_e_values,
    knockoff_q,
    knockoff_threshold,
)


def by_definition(statistics, level):
    """The smallest size at which one more than the negatives are at most that share."""
    for size in sorted(set(np.abs(statistics[statistics != 0]))):
        false, selected = (statistics <= -size).sum(), (statistics >= size).sum()
        if (1 + false) / max(selected, 1) <= level:
            return size
    return np.inf


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_that_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    statistics = np.round(rng.normal(0.7, 1, 60), 1)  # with ties, some of them 0
    for level in (0.05, 0.2, 0.5):
        assert knockoff_threshold(statistics, level) == by_definition(statistics, level)


def test_one_draw_at_its_own_level_selects_what_the_threshold_selects():
    """Ren and Barber, section 3: e-BH on the e-values of one draw is the knockoff+ filter."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        statistics = np.concatenate([rng.normal(3, 1, 30), rng.normal(0, 1, 200)])
        chosen = statistics >= knockoff_threshold(statistics, 0.1)
        assert ((knockoff_q(statistics, 0.1) <= 0.1) == chosen).all()


def test_e_values_of_draws_are_averaged():
    rng = np.random.default_rng(1)
    draws = rng.normal(1, 1, (5, 80))
    single = [knockoff_e_values(own, 0.3) for own in draws]
    assert knockoff_e_values(draws, 0.3) == pytest.approx(np.mean(single, axis=0))


@pytest.mark.parametrize("level", [0.05, 0.1, 0.4])
def test_q_selects_as_the_step_up_rule_does(level):
    rng = np.random.default_rng(2)
    for _ in range(20):
        e = rng.exponential(8, 50) * (rng.random(50) < 0.5)
        ordered = np.sort(e)[::-1]
        passing = np.flatnonzero(ordered >= 50 / (level * np.arange(1, 51)))
        last = passing.max() + 1 if len(passing) else 0
        assert (e_value_q(e) <= level).sum() == last


def test_items_without_any_effect_have_e_values_of_one_on_average_at_most():
    rng = np.random.default_rng(3)
    totals = [knockoff_e_values(rng.normal(size=(3, 100)), 0.2).sum() for _ in range(400)]
    assert np.mean(totals) <= 100 + 3 * np.std(totals) / 20


def test_nothing_is_selected_where_all_is_noise_or_nothing():
    assert (knockoff_q(np.zeros((2, 10))) == 1).all()
    rng = np.random.default_rng(4)
    lists = [(knockoff_q(rng.normal(size=(5, 200))) <= 0.1).any() for _ in range(50)]
    assert sum(lists) <= 5
