"""Decision curves and reliability against what is known by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from graphfuse.evaluate.probability_curves import (
    decision_curve,
    net_benefit,
    reliability,
    useful,
    wilson,
)


def table(case, chance, repeats=1):
    one = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(len(case))],
            "fold": 0,
            "truth": np.where(case, "yes", "no"),
        }
    )
    one["p_yes"], one["p_no"] = chance, 1 - np.asarray(chance)
    one["call"] = np.where(np.asarray(chance) >= 0.5, "yes", "no")
    return pd.concat([one.assign(repeat=repeat) for repeat in range(repeats)], ignore_index=True)


def test_net_benefit_by_hand():
    """Ten patients, four cases: at 0.2 six are treated, three of them cases: 3/10 - 3/10 × 0.25."""
    case = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    chance = np.array([0.9, 0.8, 0.3, 0.1, 0.6, 0.5, 0.2, 0.1, 0.1, 0.05])
    found = net_benefit(case, chance, np.array([0.2, 0.5, 0.95])).mean(0)
    assert found == pytest.approx([3 / 10 - 3 / 10 * 0.25, 2 / 10 - 2 / 10 * 1.0, 0.0])


def test_an_oracle_gains_its_cases_at_every_threshold_and_treating_all_pays_at_low_ones_only():
    case = np.random.default_rng(0).random(200) < 0.3
    curve = decision_curve(table(case, np.where(case, 1.0, 0.0)), "yes", draws=100)
    share, t = case.mean(), curve["threshold"]
    assert curve["model"].to_numpy() == pytest.approx(share)
    assert curve["all"].to_numpy() == pytest.approx(share - (1 - share) * t / (1 - t))
    assert (curve["all"] > 0).to_numpy().tolist() == (t < share - 1e-12).tolist()
    assert curve["gain"].to_numpy() == pytest.approx(share - np.maximum(curve["all"], 0))
    assert useful(curve) == [(0.01, 0.99)]


def test_chance_predictions_show_no_gain_and_a_net_that_treats_all_is_treat_all():
    rng = np.random.default_rng(1)
    case = rng.random(300) < 0.4
    blind = decision_curve(table(case, rng.random(300)), "yes", draws=200)
    assert sum(high - low for low, high in useful(blind)) < 0.05 and blind["gain"].min() < -0.05
    everyone = decision_curve(table(case, np.full(300, 0.995)), "yes", draws=50)
    assert everyone["model"].to_numpy() == pytest.approx(everyone["all"].to_numpy())
    assert useful(everyone) == []


def test_repeats_add_no_patients():
    rng = np.random.default_rng(2)
    case = rng.random(100) < 0.5
    chance = np.clip(0.5 + 0.3 * (case - 0.5) + rng.normal(0, 0.2, 100), 0, 1)
    once, often = (
        decision_curve(table(case, chance, repeats), "yes", draws=100) for repeats in (1, 5)
    )
    pd.testing.assert_frame_equal(once, often)


def test_spans_of_thresholds():
    curve = pd.DataFrame(
        {"threshold": [0.1, 0.2, 0.3, 0.4, 0.5], "gain_lo": [0.1, -1.0, 0.1, 0.2, np.nan]}
    )
    assert useful(curve) == [(0.1, 0.1), (0.3, 0.4)]


def test_reliability_bins_hold_their_own_and_leave_out_the_few():
    rng = np.random.default_rng(0)
    sure = np.repeat([0.55, 0.75, 0.97], [100, 60, 4])
    right = rng.random(164) < sure
    found = table(np.ones(164, bool), np.where(right, sure, 1 - sure))
    bins = reliability(found, ["yes", "no"])
    assert [round(b.confidence, 2) for b in bins] == [0.55, 0.75]
    assert (
        bins[0].right == pytest.approx(right[:100].mean())
        and bins[0].low < bins[0].right < bins[0].high
    )
    often = reliability(
        table(np.ones(164, bool), np.where(right, sure, 1 - sure), 5), ["yes", "no"]
    )
    assert [b.low for b in often] == pytest.approx([b.low for b in bins])
    assert reliability(found.iloc[:0], ["yes", "no"]) == []


@pytest.mark.parametrize("right, patients", [(50, 100), (20, 20), (0, 7), (3, 11)])
def test_wilson_is_that_of_scipy(right, patients):
    expected = binomtest(right, patients).proportion_ci(method="wilson")
    assert wilson(right / patients, patients) == pytest.approx(
        (expected.low, expected.high), abs=1e-6
    )
