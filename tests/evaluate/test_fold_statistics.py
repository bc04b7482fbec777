"""Intervals and verdicts over folds against their formulas."""

import numpy as np
import pytest
from scipy import stats

from graphfuse.evaluate.fold_statistics import compare, corrected, summary
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class")
AUROC = METRICS["auroc"]


def test_the_corrected_interval_by_hand():
    """Five folds 0.7, 0.8, 0.9, 0.8, 0.8; test share 1/4: sd = √0.005, error = sd·√(1/5 + 1/4),
    t(4) = 2.776."""
    values = np.array([0.7, 0.8, 0.9, 0.8, 0.8])
    sd = np.sqrt(0.02 / 4)
    assert corrected(values, 0.25) == pytest.approx(sd * np.sqrt(0.45), rel=1e-12)
    found = summary(values, 0.25, METRICS["mcc"])
    half = 2.7764451 * sd * np.sqrt(0.45)
    assert found.mean == pytest.approx(0.8) and found.sd == pytest.approx(sd)
    assert found.ci95 == pytest.approx((0.8 - half, 0.8 + half), rel=1e-6)
    assert corrected(values, 0.25) > sd / np.sqrt(5)  # wider than if the folds were independent


def test_intervals_of_few_folds():
    one, none = (
        summary(np.array([0.5]), 0.25, METRICS["ece"]),
        summary(np.array([np.nan]), 0.25, METRICS["ece"]),
    )
    assert (one.mean, one.sd, one.ci95) == (0.5, 0.0, (None, None))
    assert (none.mean, none.sd, none.ci95) == (None, None, (None, None))
    some = summary(np.array([0.5, np.nan, 0.7]), 0.25, METRICS["auroc"])
    assert some == summary(np.array([0.5, 0.7]), 0.25, METRICS["auroc"])


def test_no_interval_leaves_the_range_of_its_metric():
    assert {metric.bounds for metric in METRICS} == {(0.0, 1.0), (-1.0, 1.0), (0.0, 2.0)}
    for metric in METRICS:
        lowest, highest = metric.bounds
        span = highest - lowest
        near_low = lowest + span * np.array([0.0, 0.01, 0.3])
        near_high = highest - span * np.array([0.0, 0.01, 0.3])
        assert summary(near_low, 0.25, metric).ci95[0] == lowest, metric.name
        assert summary(near_high, 0.25, metric).ci95[1] == highest, metric.name
        assert corrected(near_low, 0.25) * 2 > near_low.mean() - lowest  # it would go beyond


GOOD = np.array([0.90, 0.91, 0.89, 0.90, 0.92])
BAD = np.array([0.60, 0.62, 0.58, 0.61, 0.60])


@pytest.mark.parametrize("metric", list(METRICS), ids=METRICS.names)
def test_the_verdict_knows_which_way_is_up(metric):
    up = metric.name not in ("brier", "ece")
    high = compare("a", "b", metric, GOOD, BAD, 0.25)
    low = compare("a", "b", metric, BAD, GOOD, 0.25)
    assert high.verdict == ("better" if up else "worse") and low.verdict == (
        "worse" if up else "better"
    )
    assert (
        high.difference == pytest.approx((GOOD - BAD).mean()) and low.difference == -high.difference
    )
    assert (high.a, high.b, high.metric) == ("a", "b", metric.name)


def test_the_comparison_is_a_corrected_paired_t_test():
    a, b = GOOD, GOOD + np.array([0.01, -0.03, 0.02, 0.0, -0.02])
    found = compare("a", "b", AUROC, a, b, 0.25)
    difference = a - b
    error = difference.std(ddof=1) * np.sqrt(1 / 5 + 0.25)
    t = difference.mean() / error
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 4), rel=1e-10)
    half = stats.t.ppf(0.975, 4) * error
    assert found.ci95 == pytest.approx(
        (difference.mean() - half, difference.mean() + half), rel=1e-10
    )
    assert found.verdict == "no difference shown" and found.p > 0.05


def test_verdict_interval_and_p_say_the_same():
    rng = np.random.default_rng(0)
    for _ in range(200):
        found = compare("a", "b", AUROC, rng.normal(0.05, 0.05, 5), np.zeros(5), 0.25)
        low, high = found.ci95
        assert (found.p < 0.05) == (low > 0 or high < 0) == (found.verdict != "no difference shown")


def test_equal_models_and_constant_gaps():
    same = compare("a", "b", AUROC, GOOD, GOOD, 0.25)
    assert (same.difference, same.p, same.verdict) == (0.0, 1.0, "no difference shown")
    shifted = compare("a", "b", AUROC, np.full(5, 0.75), np.full(5, 0.5), 0.25)
    assert shifted.verdict == "better" and shifted.p < 1e-10


def test_nothing_can_be_said_of_fewer_than_two_folds():
    assert compare("a", "b", AUROC, GOOD[:1], BAD[:1], 0.25) is None
    assert compare("a", "b", AUROC, np.array([np.nan, 0.5]), np.array([0.4, 0.4]), 0.25) is None


def test_by_chance_one_in_twenty_differs():
    """The size of the test: without the correction for shared training patients it would be far
    above 5 %."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(2000):
        shared = rng.normal(
            0, np.sqrt(0.2), 1
        )  # correlation of folds = test share / (1 + test share) at a share of 1/4
        found = compare("a", "b", AUROC, shared + rng.normal(0, np.sqrt(0.8), 5), np.zeros(5), 0.25)
        wrong += found.verdict != "no difference shown"
    assert 0.03 < wrong / 2000 < 0.07


def test_two_folds_that_agree_by_luck_are_no_comparison():
    assert (
        compare("a", "b", METRICS["accuracy"], np.array([0.9, 0.9]), np.array([0.8, 0.8]), 0.25)
        is None
    )
    same = compare("a", "b", METRICS["accuracy"], np.array([0.9, 0.8]), np.array([0.9, 0.8]), 0.25)
    assert same.difference == 0 and same.verdict == "no difference shown"
