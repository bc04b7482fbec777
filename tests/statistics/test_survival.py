"""Kaplan-Meier, medians and the log-rank test, against closed forms, scipy and numbers frozen from
lifelines."""

import numpy as np
import pytest
from scipy.stats import CensoredData, logrank

from graphfuse.statistics.survival import kaplan_meier, log_rank, median_survival


def followed(groups=3):
    """Tied, censored times of 60 patients in groups of unequal hazard; the same draw that made the
    frozen numbers."""
    rng = np.random.default_rng(7)
    group = np.arange(60) % groups
    time = np.ceil(rng.exponential(np.array([10.0, 20.0, 14.0])[group]))
    return time, rng.random(60) < 0.7, group


# lifelines 0.30.3, where one = group == 0: multivariate_logrank_test(time, group, event), and of
# KaplanMeierFitter().fit(time[one], event[one]) survival_function_ and
# confidence_interval_survival_function_ at 2, 5 and 10,
# with median_survival_times of both.
FROZEN = {
    2: (0.9, 0.6560307, 0.9740102),
    5: (0.675, 0.4133008, 0.8395938),
    10: (0.54, 0.2816037, 0.7411053),
}


def test_three_groups_agree_with_lifelines():
    test = log_rank(*followed())
    assert (test.statistic, test.df, test.p) == pytest.approx(
        (7.22288200315425, 2, 0.027012893185250363), rel=1e-9
    )
    assert sum(test.observed) == pytest.approx(sum(test.expected))


def test_a_curve_agrees_with_lifelines():
    time, event, group = followed()
    curve = kaplan_meier(time[group == 0], event[group == 0])
    for moment, expected in FROZEN.items():
        last = curve[curve["time"] <= moment].iloc[-1]
        assert last[["survival", "survival_lo", "survival_hi"]].tolist() == pytest.approx(
            expected, abs=1e-6
        )
    assert median_survival(curve) == (12.0, 3.0, 15.0)


@pytest.mark.parametrize("seed", range(4))
def test_two_groups_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    time, event, group = (
        np.ceil(rng.exponential(8, 50)),
        rng.random(50) < 0.6,
        rng.integers(0, 2, 50),
    )
    x, y = (
        CensoredData(time[(group == g) & event], right=time[(group == g) & ~event]) for g in (0, 1)
    )
    theirs, ours = logrank(x, y), log_rank(time, event, group)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic**2, theirs.pvalue), rel=1e-9)


def test_names_and_order_of_groups_do_not_matter():
    time, event, group = followed()
    named = np.array(["c", "a", "b"])[group]
    turn = np.random.default_rng(0).permutation(60)
    assert log_rank(time[turn], event[turn], named[turn]).statistic == pytest.approx(
        log_rank(time, event, group).statistic
    )


def test_without_censoring_the_curve_is_the_share_alive():
    time = np.random.default_rng(1).exponential(5, 40)
    curve = kaplan_meier(time, np.ones(40, bool))
    alive = [(time > t).mean() for t in curve["time"]]
    assert curve["survival"].to_numpy() == pytest.approx(np.array(alive))
    assert curve["at_risk"].iloc[0] == 40 and curve["events"].sum() == 40


def test_no_event_and_one_group_have_no_test():
    time = np.arange(1.0, 11)
    none = log_rank(time, np.zeros(10, bool), np.arange(10) % 2)
    one = log_rank(time, np.ones(10, bool), np.zeros(10))
    assert np.isnan(none.p) and np.isnan(one.p)
    curve = kaplan_meier(time, np.zeros(10, bool))
    assert (curve["survival"] == 1).all() and median_survival(curve)[0] == np.inf


def test_p_is_uniform_when_groups_are_alike():
    rng = np.random.default_rng(5)
    found = [
        log_rank(rng.exponential(5, 60), rng.random(60) < 0.7, np.arange(60) % 3).p
        for _ in range(300)
    ]
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09
    assert 0.4 < np.mean(found) < 0.6


def test_a_patient_at_time_zero_stays_at_the_start_of_the_curve():
    curve = kaplan_meier(np.array([0.0, 1, 2]), np.array([True, True, False]))
    assert curve["time"].tolist() == [0, 1, 2] and curve["survival"].tolist() == pytest.approx(
        [2 / 3, 1 / 3, 1 / 3]
    )
