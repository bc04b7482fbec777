"""The metrics of class labels against scikit-learn, by hand, and under weights."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from graphfuse.errors import InputError
from graphfuse.evaluate.bootstrap import blocks
from graphfuse.task.class_metrics import _ece
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class")


def made(classes, patients=80, seed=0, grain=None):
    """Class codes, and probabilities that know something of them; in steps of 1 / `grain`."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, patients)
    logits = rng.normal(size=(patients, classes)) + 1.2 * np.eye(classes)[codes]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return codes, p if grain is None else np.round(p * grain) / grain


def of_scikit_learn(codes, p, weight=None):
    """The same metrics, ECE apart, by scikit-learn; areas over the classes with cases and
    controls."""
    classes, call, given = p.shape[1], p.argmax(1), {"sample_weight": weight}
    ranked = [1] if classes == 2 else range(classes)
    ranked = [k for k in ranked if 0 < (codes == k).sum() < len(codes)]
    roc = [reference.roc_auc_score(codes == k, p[:, k], **given) for k in ranked]
    precision = [reference.average_precision_score(codes == k, p[:, k], **given) for k in ranked]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "accuracy": reference.accuracy_score(codes, call, **given),
            "balanced_accuracy": reference.balanced_accuracy_score(codes, call, **given),
            "macro_f1": reference.f1_score(codes, call, average="macro", zero_division=0, **given),
            "auroc": np.mean(roc) if roc else np.nan,
            "auprc": np.mean(precision) if precision else np.nan,
            "mcc": _correlation(codes, call, **given),
            "brier": np.average(((p - np.eye(classes)[codes]) ** 2).sum(1), weights=weight),
        }


def _correlation(codes, call, **given):
    """Matthews'; scikit-learn says 0 where all patients are of one class, of which nothing is
    known."""
    if len(np.unique(codes)) < 2:
        return np.nan
    return reference.matthews_corrcoef(codes, call, **given)


def assert_same(found, expected):
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("grain", [None, 8], ids=["continuous", "ties"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_are_those_of_scikit_learn(classes, grain):
    codes, p = made(classes, grain=grain)
    found = METRICS.scores(codes, p)
    assert tuple(found) == METRICS.names
    assert_same(found, of_scikit_learn(codes, p))


@pytest.mark.parametrize("patients", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("classes", [2, 4])
def test_so_are_those_of_few_patients_with_classes_missing(classes, patients):
    for seed in range(40):
        codes, p = made(classes, patients, seed, grain=4)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = METRICS.scores(codes, p)
        assert_same(found, of_scikit_learn(codes, p))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_fold_of_one_class_has_no_area(classes):
    found = METRICS.scores(np.zeros(4, int), np.full((4, classes), 1 / classes))
    assert np.isnan([found["auroc"], found["auprc"], found["mcc"]]).all()
    assert found["accuracy"] == 1
    assert {m.needs for m in METRICS if np.isnan(found[m.name])} == {"patients of two classes"}


def test_a_class_missing_from_the_fold_is_left_out_of_the_areas():
    codes, p = made(3)
    codes = np.where(codes == 2, 0, codes)
    expected = np.mean([reference.roc_auc_score(codes == k, p[:, k]) for k in (0, 1)])
    found = METRICS.scores(codes, p)
    assert found["auroc"] == pytest.approx(expected) and np.isfinite(list(found.values())).all()


def test_a_perfect_and_a_hopeless_model():
    codes = np.array([0, 1, 2, 0, 1, 2])
    right = METRICS.scores(codes, np.eye(3)[codes])
    wrong = METRICS.scores(codes, np.eye(3)[(codes + 1) % 3])
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc"):
        assert right[name] == 1
    assert right["brier"] == right["ece"] == 0
    assert wrong["accuracy"] == wrong["macro_f1"] == 0 and wrong["brier"] == 2 and wrong["ece"] == 1


# ------------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("grain", [None, 8], ids=["continuous", "ties"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_whole_weights_are_repeated_patients(classes, grain):
    codes, p = made(classes, grain=grain)
    weights = next(blocks(np.zeros(len(codes), int), 20, np.random.default_rng(1)))
    found = {metric.name: metric.score(codes, p, weights) for metric in METRICS}
    for row, weight in enumerate(weights.astype(int)):
        expected = METRICS.scores(np.repeat(codes, weight), np.repeat(p, weight, axis=0))
        assert_same({name: values[row] for name, values in found.items()}, expected)


@pytest.mark.parametrize("classes", [2, 3])
def test_any_weights_are_those_of_scikit_learn(classes):
    codes, p = made(classes, grain=20)
    weights = np.random.default_rng(2).gamma(1.0, 1.0, (3, len(codes)))
    found = {metric.name: metric.score(codes, p, weights) for metric in METRICS}
    for row, weight in enumerate(weights):
        expected = of_scikit_learn(codes, p, weight)
        assert_same({name: values[row] for name, values in found.items()}, expected)


def test_a_draw_without_anybody_has_no_score_and_does_not_warn():
    codes, p = made(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {m.name: m.score(codes, p, np.zeros((2, len(codes)))) for m in METRICS}
    assert all(values.shape == (2,) and np.isnan(values).all() for values in found.values())


def test_means_over_some_classes_leave_out_the_others():
    codes, p = made(4)
    some, once = np.array([0, 2]), np.ones((1, len(codes)))
    f1, area = (METRICS[name].over(some).score(codes, p, once) for name in ("macro_f1", "auroc"))
    assert f1[0] == pytest.approx(
        reference.f1_score(codes, p.argmax(1), labels=some, average="macro")
    )
    areas = [reference.roc_auc_score(codes == k, p[:, k]) for k in some]
    assert area[0] == pytest.approx(np.mean(areas))
    for metric in METRICS:
        whole, none = (each.score(codes, p, once)[0] for each in (metric, metric.over(some[:0])))
        assert np.isnan(none) if metric.by_level else none == whole, metric.name


# -------------------------------------------------------------------------------------- calibration


def calibration_error(codes, p, bins=15):
    return _ece(codes, p, np.ones((1, len(codes))), bins).item()


def two_classes(right, confidence):
    """Codes and probabilities of two classes of which the called one has this confidence (> 1/2),
    rightly or not."""
    codes = np.where(right, 0, 1)
    return codes, np.stack([confidence, 1 - confidence], 1)


def by_chance(confidence):
    """The mean of |hits less confidence| of so many patients of a calibrated model, as of a
    normal."""
    confidence = np.asarray(confidence)
    return np.sqrt(2 / np.pi * (confidence * (1 - confidence)).sum())


def test_calibration_error_by_hand():
    """0.95, 0.97 and 1 share the last of 15 bins, 0.62 and 0.65 the tenth; what is off by chance
    alone, the mean of a normal's absolute value, is taken off each."""
    confidence = np.array([0.95, 0.97, 0.62, 0.65, 1.0])
    given = two_classes([True, True, True, False, False], confidence)
    last = 3 / 5 * abs(2 / 3 - (0.95 + 0.97 + 1.0) / 3) - by_chance([0.95, 0.97, 1.0]) / 5
    tenth = 2 / 5 * abs(1 / 2 - (0.62 + 0.65) / 2) - by_chance([0.62, 0.65]) / 5
    assert calibration_error(*given) == pytest.approx(last + tenth, rel=1e-12)
    expected = abs(0.6 - confidence.mean()) - by_chance(confidence) / 5
    assert calibration_error(*given, bins=1) == pytest.approx(expected, rel=1e-12)


def test_calibration_error_is_a_loop():
    codes, p = made(3, 500)
    confidence, right = p.max(1), codes == p.argmax(1)
    expected = 0
    for b in range(15):
        mine = [i for i in range(500) if b / 15 <= confidence[i] < (b + 1) / 15]
        if mine:
            expected += len(mine) / 500 * abs(right[mine].mean() - confidence[mine].mean())
            expected -= by_chance(confidence[mine]) / 500
    assert METRICS.scores(codes, p)["ece"] == pytest.approx(expected, rel=1e-10)


def test_calibrated_probabilities_have_little_error_and_boasts_have_much():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 100_000)
    right = rng.random(100_000) < confidence
    assert calibration_error(*two_classes(right, confidence)) < 0.01
    assert METRICS["ece"].pooled
    boasts = calibration_error(*two_classes(right, np.ones(100_000)))
    assert boasts == pytest.approx(1 - right.mean(), rel=1e-9)


@pytest.mark.parametrize("patients, off", [(24, 0.015), (75, 0.005), (154, 0.004)])
@pytest.mark.parametrize("classes", [2, 5])
def test_a_calibrated_model_has_no_error_however_few_the_patients(patients, off, classes):
    """What was not taken off was 0.18 of 24 patients, 0.08 of 154."""
    rng, found = np.random.default_rng(0), []
    for _ in range(500):
        p = rng.dirichlet(np.full(classes, 0.5), patients)
        codes = (p.cumsum(1) > rng.random((patients, 1))).argmax(1)
        found.append(calibration_error(codes, p))
    assert np.mean(found) == pytest.approx(0, abs=off)


# ------------------------------------------------------------------- what is known of metrics


@pytest.mark.parametrize("counts", [(30, 50), (50, 30), (10, 25, 15, 50)])
def test_chance_is_the_score_of_the_shares_for_everyone(counts):
    codes = np.repeat(np.arange(len(counts)), counts)
    shares = np.bincount(codes) / len(codes)
    found = METRICS.scores(codes, np.tile(shares, (len(codes), 1)))
    for metric in METRICS:
        chance = metric.chance(shares) if callable(metric.chance) else metric.chance
        if metric is METRICS["ece"]:  # these shares are those of the very patients, to the last
            assert found["ece"] < chance == 0
            continue
        assert chance == pytest.approx(found[metric.name], abs=1e-12), metric.name


def test_no_score_leaves_its_bounds_and_better_models_lie_on_the_better_side():
    codes = np.tile(np.arange(3), 20)
    best = METRICS.scores(codes, np.eye(3)[codes])
    worst = METRICS.scores(codes, np.eye(3)[(codes + 1) % 3])
    for metric in METRICS:
        low, high = metric.bounds
        assert low <= min(best[metric.name], worst[metric.name])
        assert high >= max(best[metric.name], worst[metric.name])
        assert metric.is_better(best[metric.name] - worst[metric.name]), metric.name


def test_what_stands_where():
    assert [m.name for m in METRICS.compared] == ["accuracy", "macro_f1", "auroc"]
    outside = ["accuracy", "macro_f1", "auroc", "brier"]
    assert [m.name for m in METRICS.compared_outside] == outside
    by_group = ["accuracy", "balanced_accuracy", "macro_f1", "auroc", "brier"]
    assert [m.name for m in METRICS.by_group] == by_group
    assert (METRICS.primary, METRICS.secondary) == ("accuracy", "macro_f1")
    assert METRICS["brier"].in_sentence == "Brier" and METRICS["mcc"].title == "MCC"
    assert METRICS["macro_f1"].in_points(0.0123) == "+1.2"


def test_an_unknown_metric_or_kind_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"metric 'aurok' is unknown .did you mean 'auroc'"):
        METRICS["aurok"]
    with pytest.raises(InputError, match=r"no kind of outcome is called 'clas' .*'class'\?\)$"):
        metrics_of("clas")
    with pytest.raises(InputError, match="outcomes of kind 'survival' cannot be scored"):
        metrics_of("survival")


def test_even_metrics_score_chance_on_average_whatever_is_guessed():
    """A guess that nearly always calls the first class, and one that never does."""
    assert [metric.name for metric in METRICS if metric.is_even] == ["auroc", "mcc"]
    rng, tilts = np.random.default_rng(0), (2.0, -2.0)
    for metric in (METRICS["auroc"], METRICS["mcc"]):
        for tilt in tilts:
            scores = []
            for _ in range(300):
                codes = (rng.random(60) < 0.3).astype(int)
                chance = 1 / (1 + np.exp(tilt - rng.normal(size=60)))
                output = np.stack([1 - chance, chance], 1)
                scores.append(metric.score(codes, output, np.ones((1, 60))).item())
            assert np.mean(scores) == pytest.approx(metric.chance, abs=0.03)
