"""Intervals and comparisons of scores: known answers, and what may not change them."""

import numpy as np
import pytest
from scipy import stats

from graphfuse.evaluate.fold_statistics import (
    Difference,
    interval,
    judged,
    quantile,
    score_over_folds,
    smallest_error,
    standard_error,
)
from graphfuse.evaluate.patient_draws import PatientDraws
from graphfuse.task.registry import metrics_of
from tests.drawn_scores import compared, drawn

METRICS = metrics_of("class")
ACCURACY, AUROC = METRICS["accuracy"], METRICS["auroc"]


def made(patients=200, seed=0, classes=2):
    """Known classes, and the probabilities of two models that know something of them."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, patients)
    logits = rng.normal(size=(patients, classes)) + np.eye(classes)[y]
    noisy = logits + 0.7 * rng.normal(size=logits.shape)
    return y, {"a": softmax(logits), "b": softmax(noisy)}


def softmax(logits):
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def fixed(units=100, tested=100, trained=np.inf):
    return PatientDraws({}, {}, units, tested, trained, {})


def score(draws, name="a", metric=ACCURACY):
    values = draws.scores[name][metric.name]
    return score_over_folds(values[:1], values, metric, draws.fewest[name][metric.name], draws)


def width(found):
    return found.ci95[1] - found.ci95[0]


def in_folds(patients, folds, seed):
    return np.random.default_rng(seed).permutation(patients) % folds


# ------------------------------------------------------------------------------------ known answers


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_k_folds_widen_as_nadeau_and_bengio_have_it(folds):
    """(1 / K + 1 / (K - 1)) · K · SE²."""
    n = 100 * folds
    draws = fixed(n, n, n * (folds - 1) / folds)
    assert draws.widening == pytest.approx(np.sqrt(1 + folds / (folds - 1)))
    assert fixed(30, 30, 70).widening == pytest.approx(np.sqrt(1 + 30 / 70))  # a held-out part
    assert fixed(100, 100).widening == 1  # a model that is given, on another cohort


def test_the_interval_of_an_accuracy_is_binomial_and_widened():
    y, outputs = made(400)
    draws = drawn(METRICS, y, outputs, in_folds(400, 5, 0), trained=320)
    found = score(draws)
    share = found.mean
    half = 1.5 * stats.t.isf(0.025, 399) * np.sqrt(share * (1 - share) / 400)
    assert found.ci95 == pytest.approx((share - half, share + half), abs=0.006)
    assert quantile(0.05, draws) == pytest.approx(1.96, abs=0.01)


def delong(y, first, second):
    """The difference of two AUROCs and its standard error, by placements of every pair
    (DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595)."""
    placed = []
    for p in (first, second):
        case, control = p[y == 1], p[y == 0]
        wins = np.array([[(a > b) + (a == b) / 2 for b in control] for a in case])
        placed.append((wins.mean(1), wins.mean(0)))
    of_cases = placed[0][0] - placed[1][0]
    of_controls = placed[0][1] - placed[1][1]
    variance = of_cases.var(ddof=1) / len(of_cases) + of_controls.var(ddof=1) / len(of_controls)
    return of_cases.mean(), np.sqrt(variance)


@pytest.mark.parametrize("seed", range(3))
def test_the_paired_error_of_aurocs_is_that_of_delong(seed):
    y, outputs = made(200, seed)
    expected, error = delong(y, outputs["a"][:, 1], outputs["b"][:, 1])
    found = Difference.between("a", "b", AUROC, drawn(METRICS, y, outputs, draws=4000))
    assert found.size == pytest.approx(expected, abs=1e-12)
    assert found.error == pytest.approx(error, rel=0.06)


def test_the_paired_error_of_accuracies_is_that_of_mcnemar():
    y, outputs = made(300)
    right = [outputs[name].argmax(1) == y for name in "ab"]
    difference = right[0].astype(float) - right[1]
    found = Difference.between("a", "b", ACCURACY, drawn(METRICS, y, outputs, draws=4000))
    assert found.error == pytest.approx(difference.std() / np.sqrt(300), rel=0.05)


def test_few_groups_are_judged_by_students_t():
    groups = np.repeat(np.arange(4), 50)
    y, outputs = made(200)
    draws = drawn(METRICS, y, outputs, units=groups)
    assert draws.units == 4 and quantile(0.05, draws) == pytest.approx(3.182, abs=0.001)


def test_verdicts_are_by_holm_and_name_the_smallest_difference():
    sizes = [0.10, 0.055, 0.05, 0.0]  # over an error of 0.02: p = 6e-7, .006, .013, 1
    draws = fixed(10_000)
    pairs = [Difference("a", str(i), ACCURACY, size, 0.02) for i, size in enumerate(sizes)]
    found = judged(pairs, draws)
    assert [each.verdict for each in found] == ["better", "better", "better", "no difference shown"]
    p = [2 * stats.norm.sf(size / 0.02) for size in sizes]
    adjusted = [4 * p[0], 3 * p[1], 2 * p[2], 1]
    assert [each.p_adjusted for each in found] == pytest.approx(adjusted, rel=0.02)
    assert [each.p for each in found] == pytest.approx(p, rel=0.02)
    at_level = stats.norm.isf(0.05 / 4 / 2) + stats.norm.isf(0.2)
    assert found[0].detectable == pytest.approx(0.02 * at_level, rel=0.01)
    (alone,) = judged(pairs[2:3], draws)
    assert alone.detectable == pytest.approx(2.8 * 0.02, rel=0.01)
    many = judged([*pairs[1:], *[pairs[3]] * 20], draws)
    assert {each.verdict for each in many} == {"no difference shown"}


@pytest.mark.parametrize("metric", list(METRICS), ids=METRICS.names)
def test_the_verdict_knows_which_way_is_up(metric):
    up = not metric.lower_is_better
    more, less = judged(
        [Difference("a", "b", metric, size, 0.01) for size in (0.2, -0.2)], fixed(1000)
    )
    assert more.verdict == ("better" if up else "worse")
    assert less.verdict == ("worse" if up else "better")


def test_a_difference_is_found_and_models_of_one_output_are_the_same():
    y, outputs = made(300, classes=3)
    guesses = np.random.default_rng(5).dirichlet(np.ones(3), 300)
    models = outputs | {"noise": guesses, "copy": outputs["a"]}
    draws = drawn(METRICS, y, models, in_folds(300, 5, 0), trained=240)
    pairs = compared(draws, [("a", "noise"), ("a", "copy")], METRICS.compared)
    assert [pair.verdict for pair in pairs] == ["better"] * 3 + ["no difference shown"] * 3
    for pair in pairs[3:]:
        assert (pair.difference, pair.ci95, pair.p, pair.detectable) == (0, (0, 0), 1, None)


# ---------------------------------------------------------------------------------- no zero width


@pytest.mark.parametrize("patients", [5, 20, 100, 1000])
def test_all_right_is_no_certainty(patients):
    """Of none wrong among n, the interval has the size of the rule of three."""
    y = np.arange(patients) % 2
    draws = drawn(METRICS, y, {"a": np.eye(2)[y] * 0.8 + 0.1}, draws=200)
    for metric in METRICS:
        low, high = score(draws, metric=metric).ci95
        assert low < high, metric.name
    low, high = score(draws).ci95
    assert high == 1 and 1.9 / patients < 1 - low < 4.5 / patients


def test_a_rare_class_that_nobody_is_called_leaves_room_for_the_next_patients():
    """Every draw scores 0 in the class of 9: the interval is no narrower than where one is called
    rightly."""
    y = np.repeat([0, 1], [36, 9])
    never = np.tile([0.8, 0.2], (45, 1))
    once = never.copy()
    once[-1] = [0.2, 0.8]
    draws = drawn(METRICS, y, {"a": never, "b": once})
    for name in ("macro_f1", "balanced_accuracy", "mcc"):
        wide, narrow = (width(score(draws, model, METRICS[name])) for model in "ba")
        assert narrow > 0.5 * wide and narrow > 0.08, name


def test_models_that_differ_in_no_call_are_no_certainty_either():
    y = np.arange(80) % 2
    sure, unsure = np.eye(2)[y] * 0.8 + 0.1, np.eye(2)[y] * 0.4 + 0.3
    draws = drawn(METRICS, y, {"a": sure, "b": unsure})
    (found,) = compared(draws, [("a", "b")], [ACCURACY])
    assert found.difference == 0 and found.ci95[0] < 0 < found.ci95[1] and found.detectable > 0.02
    wrong = drawn(METRICS, y, {"a": sure, "b": sure[:, ::-1]})
    (found,) = compared(wrong, [("a", "b")], [ACCURACY])
    assert found.difference == 1 and found.verdict == "better" and 0 < found.p < 1e-6


def test_a_metric_without_bounds_has_no_interval_where_nothing_varies():
    rmse = metrics_of("number")["rmse"]
    assert np.isnan(smallest_error(rmse, 50, fixed()))
    found = score_over_folds(np.zeros(1), np.zeros(101), rmse, 50, fixed())
    assert found.mean == 0 and found.ci95 == (None, None)


def test_no_interval_leaves_the_range_of_its_metric():
    for metric in METRICS:
        lowest, highest = metric.bounds
        assert interval(lowest + 0.01, 1.0, metric.bounds, fixed())[0] == lowest
        assert interval(highest - 0.01, 1.0, metric.bounds, fixed())[1] == highest


# ------------------------------------------------------------------------ what may not change them


def test_repeats_add_no_patients():
    """The same predictions in five repeats of other folds: the interval stays as wide. Only of what
    compares patients within a fold, repeats compare more of them: it comes near that of one fold of
    everyone."""
    y, outputs = made(150)
    folds = [in_folds(150, 5, seed) for seed in range(5)]
    once = drawn(METRICS, y, outputs, folds[:1], trained=120)
    often = drawn(METRICS, y, {name: [p] * 5 for name, p in outputs.items()}, folds, trained=120)
    whole = drawn(METRICS, y, outputs, trained=120)
    for metric in (ACCURACY, METRICS["brier"]):
        few, many = width(score(once, metric=metric)), width(score(often, metric=metric))
        assert many == pytest.approx(few, rel=0.05), metric.name
    for metric in (METRICS["macro_f1"], AUROC):
        least, many = width(score(whole, metric=metric)), width(score(often, metric=metric))
        assert many > 0.95 * least, metric.name


def test_the_order_of_folds_and_models_changes_nothing_and_the_seed_little():
    y, outputs = made(120)
    fold = in_folds(120, 4, 0)
    first = drawn(METRICS, y, outputs, fold)
    models = drawn(METRICS, y, dict(reversed(outputs.items())), fold)
    folds = drawn(METRICS, y, outputs, 3 - fold)
    for metric in METRICS:
        own = first.scores["b"][metric.name]
        assert (models.scores["b"][metric.name] == own).all(), metric.name
        if metric.unseen is None:
            np.testing.assert_allclose(folds.scores["b"][metric.name], own, atol=1e-12)
    again = drawn(METRICS, y, outputs, fold, seed=1)
    assert width(score(again)) == pytest.approx(width(score(first)), rel=0.1)


def test_patients_of_a_group_count_as_one():
    """Every patient four times: as wide as of the patients, not as of their rows."""
    y, outputs = made(100)
    four = {name: np.repeat(p, 4, axis=0) for name, p in outputs.items()}
    by_patient = drawn(METRICS, np.repeat(y, 4), four, units=np.repeat(np.arange(100), 4))
    assert width(score(by_patient)) == pytest.approx(
        width(score(drawn(METRICS, y, outputs))), rel=1e-6
    )


def test_more_patients_make_it_narrower():
    few, many = (score(drawn(METRICS, *made(n), draws=300)) for n in (60, 2000))
    assert width(many) < 0.25 * width(few)


# ------------------------------------------------------------------------------- where nothing is


def test_a_fold_of_one_class_is_left_out_and_the_reason_is_given():
    by_fold = np.array([0.8, np.nan, 0.6])
    found = score_over_folds(by_fold, np.full(101, 0.7), AUROC, 30, fixed())
    assert found.mean == pytest.approx(0.7)
    assert found.reason == "1 of 3 test folds do not have patients of two classes"
    none = score_over_folds(np.full(2, np.nan), np.full(101, np.nan), AUROC, 30, fixed())
    assert (none.mean, none.sd, none.ci95) == (None, None, (None, None))
    assert none.reason == "no test fold has patients of two classes"


def test_there_is_no_error_of_one_patient_or_of_draws_without_scores():
    assert np.isnan(standard_error(np.linspace(0, 1, 50), fixed(units=1)))
    mostly = np.r_[np.full(60, np.nan), np.linspace(0, 1, 40)]
    assert np.isnan(standard_error(mostly, fixed()))
    y, outputs = made(60)
    draws = drawn(METRICS, np.zeros(60, int), outputs)
    assert Difference.between("a", "b", AUROC, draws) is None
