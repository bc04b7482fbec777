"""Scores against scikit-learn and by hand; intervals and verdicts against their formulas."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from graphfuse.evaluate.metrics import calibration_error, compare, corrected, scores, summary
from graphfuse.schema import METRICS


def made(classes, patients=80, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, patients)
    logits = rng.normal(size=(patients, classes)) + 1.2 * np.eye(classes)[codes]
    return codes, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_are_those_of_scikit_learn(classes):
    codes, p = made(classes)
    found, called = scores(codes, p), p.argmax(1)
    truth = np.eye(classes)[codes]
    expected = {
        "accuracy": reference.accuracy_score(codes, called),
        "balanced_accuracy": reference.balanced_accuracy_score(codes, called),
        "macro_f1": reference.f1_score(codes, called, average="macro"),
        "mcc": reference.matthews_corrcoef(codes, called),
        "auroc": reference.roc_auc_score(
            codes, p[:, 1] if classes == 2 else p, multi_class="ovr", average="macro"
        ),
        "auprc": reference.average_precision_score(codes, p[:, 1])
        if classes == 2
        else reference.average_precision_score(truth, p, average="macro"),
        "brier": np.mean(
            [
                sum((p[i, k] - (codes[i] == k)) ** 2 for k in range(classes))
                for i in range(len(codes))
            ]
        ),
    }
    assert tuple(found) == METRICS
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_a_perfect_and_a_hopeless_model():
    codes = np.array([0, 1, 2, 0, 1, 2])
    right, wrong = scores(codes, np.eye(3)[codes]), scores(codes, np.eye(3)[(codes + 1) % 3])
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc"):
        assert right[name] == 1
    assert right["brier"] == right["ece"] == 0
    assert wrong["accuracy"] == wrong["macro_f1"] == 0 and wrong["brier"] == 2 and wrong["ece"] == 1


def test_a_class_missing_from_the_fold_is_left_out_of_the_areas():
    codes, p = made(3)
    codes = np.where(codes == 2, 0, codes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = scores(codes, p)
    expected = np.mean([reference.roc_auc_score(codes == k, p[:, k]) for k in (0, 1)])
    assert found["auroc"] == pytest.approx(expected) and np.isfinite(list(found.values())).all()


def test_a_fold_of_one_class_has_no_area():
    found = scores(np.zeros(4, int), np.full((4, 2), 0.5))
    assert np.isnan(found["auroc"]) and np.isnan(found["auprc"]) and found["accuracy"] == 1


def test_calibration_error_by_hand():
    """0.95 and 0.97 share the last of 15 bins, 0.62 and 0.65 the tenth: 2/5·|1 - 1.92/2| ... and so
    on."""
    confidence = np.array([0.95, 0.97, 0.62, 0.65, 1.0])
    right = np.array([True, True, True, False, False])
    last = 3 / 5 * abs(2 / 3 - (0.95 + 0.97 + 1.0) / 3)
    tenth = 2 / 5 * abs(1 / 2 - (0.62 + 0.65) / 2)
    assert calibration_error(right, confidence) == pytest.approx(last + tenth, rel=1e-12)
    assert calibration_error(right, confidence, bins=1) == pytest.approx(
        abs(0.6 - confidence.mean()), rel=1e-12
    )


def test_calibration_error_is_a_loop():
    rng = np.random.default_rng(0)
    confidence, right = rng.random(500), rng.random(500) < 0.6
    expected = 0
    for b in range(15):
        mine = [i for i in range(500) if b / 15 <= confidence[i] < (b + 1) / 15]
        if mine:
            expected += len(mine) / 500 * abs(right[mine].mean() - confidence[mine].mean())
    assert calibration_error(right, confidence) == pytest.approx(expected, rel=1e-10)


def test_calibrated_probabilities_have_little_error_and_boasts_have_much():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 100_000)
    right = rng.random(100_000) < confidence
    assert calibration_error(right, confidence) < 0.01
    assert calibration_error(right, np.ones(100_000)) == pytest.approx(1 - right.mean(), rel=1e-9)


# ---------------------------------------------------------------------------------------- intervals


def test_the_corrected_interval_by_hand():
    """Five folds 0.7, 0.8, 0.9, 0.8, 0.8; test share 1/4: sd = √0.005, error = sd·√(1/5 + 1/4),
    t(4) = 2.776."""
    values = np.array([0.7, 0.8, 0.9, 0.8, 0.8])
    sd = np.sqrt(0.02 / 4)
    assert corrected(values, 0.25) == pytest.approx(sd * np.sqrt(0.45), rel=1e-12)
    found = summary(values, 0.25, "mcc")
    half = 2.7764451 * sd * np.sqrt(0.45)
    assert found.mean == pytest.approx(0.8) and found.sd == pytest.approx(sd)
    assert found.ci95 == pytest.approx((0.8 - half, 0.8 + half), rel=1e-6)
    assert corrected(values, 0.25) > sd / np.sqrt(5)  # wider than if the folds were independent


def test_intervals_of_few_folds():
    one, none = summary(np.array([0.5]), 0.25, "ece"), summary(np.array([np.nan]), 0.25, "ece")
    assert (one.mean, one.sd, one.ci95) == (0.5, 0.0, (None, None))
    assert (none.mean, none.sd, none.ci95) == (None, None, (None, None))
    some = summary(np.array([0.5, np.nan, 0.7]), 0.25, "auroc")
    assert some == summary(np.array([0.5, 0.7]), 0.25, "auroc")


def test_no_interval_leaves_the_range_of_its_metric():
    low, high = np.array([0.0, 0.01, 0.3]), np.array([1.0, 0.99, 0.7])
    for metric in METRICS:
        assert (
            summary(high, 0.25, metric).ci95[1] == pytest.approx({"brier": 2.0}.get(metric, 1.0))
            or metric == "brier"
        )
        assert summary(low, 0.25, metric).ci95[0] == 0 or metric == "mcc"
    assert summary(low, 0.25, "mcc").ci95[0] < 0  # a correlation may be negative, down to -1
    assert summary(np.array([-0.9, -1.0, -0.2]), 0.25, "mcc").ci95[0] == -1
    assert 1 < summary(np.array([1.0, 0.5, 1.9]), 0.25, "brier").ci95[1] <= 2


GOOD = np.array([0.90, 0.91, 0.89, 0.90, 0.92])
BAD = np.array([0.60, 0.62, 0.58, 0.61, 0.60])


@pytest.mark.parametrize("metric", METRICS)
def test_the_verdict_knows_which_way_is_up(metric):
    up = metric not in ("brier", "ece")
    high = compare("a", "b", metric, GOOD, BAD, 0.25)
    low = compare("a", "b", metric, BAD, GOOD, 0.25)
    assert high.verdict == ("better" if up else "worse") and low.verdict == (
        "worse" if up else "better"
    )
    assert (
        high.difference == pytest.approx((GOOD - BAD).mean()) and low.difference == -high.difference
    )
    assert (high.a, high.b, high.metric) == ("a", "b", metric)


def test_the_comparison_is_a_corrected_paired_t_test():
    a, b = GOOD, GOOD + np.array([0.01, -0.03, 0.02, 0.0, -0.02])
    found = compare("a", "b", "auroc", a, b, 0.25)
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
        found = compare("a", "b", "auroc", rng.normal(0.05, 0.05, 5), np.zeros(5), 0.25)
        low, high = found.ci95
        assert (found.p < 0.05) == (low > 0 or high < 0) == (found.verdict != "no difference shown")


def test_equal_models_and_constant_gaps():
    same = compare("a", "b", "auroc", GOOD, GOOD, 0.25)
    assert (same.difference, same.p, same.verdict) == (0.0, 1.0, "no difference shown")
    shifted = compare("a", "b", "auroc", np.full(5, 0.75), np.full(5, 0.5), 0.25)
    assert shifted.verdict == "better" and shifted.p < 1e-10


def test_nothing_can_be_said_of_fewer_than_two_folds():
    assert compare("a", "b", "auroc", GOOD[:1], BAD[:1], 0.25) is None
    assert compare("a", "b", "auroc", np.array([np.nan, 0.5]), np.array([0.4, 0.4]), 0.25) is None


def test_by_chance_one_in_twenty_differs():
    """The size of the test: without the correction for shared training patients it would be far
    above 5 %."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(2000):
        shared = rng.normal(
            0, np.sqrt(0.2), 1
        )  # correlation of folds = test share / (1 + test share) at a share of 1/4
        found = compare(
            "a", "b", "auroc", shared + rng.normal(0, np.sqrt(0.8), 5), np.zeros(5), 0.25
        )
        wrong += found.verdict != "no difference shown"
    assert 0.03 < wrong / 2000 < 0.07


def test_two_folds_that_agree_by_luck_are_no_comparison():
    assert compare("a", "b", "accuracy", np.array([0.9, 0.9]), np.array([0.8, 0.8]), 0.25) is None
    same = compare("a", "b", "accuracy", np.array([0.9, 0.8]), np.array([0.9, 0.8]), 0.25)
    assert same.difference == 0 and same.verdict == "no difference shown"
