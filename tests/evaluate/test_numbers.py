"""A number as the outcome: scores that scikit-learn gives too, bounds that hold what they say, gaps
where they were planted, another cohort in other units."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.external.scoring import score
from graphfuse.evaluate.fold_statistics import score_over_folds
from graphfuse.evaluate.leakage.check import leak_check
from graphfuse.evaluate.leakage.epoch_picking import best_of_epochs
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.subgroups import subgroups
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.registry import kind_of, metrics_of
from tests.drawn_scores import drawn as drawn_scores

pytestmark = pytest.mark.usefixtures("few_trees")
WEIGHTS = np.random.default_rng(99).normal(size=10)
QUICK = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 20, "seeds": 1}}
)
METRICS = metrics_of("number")


def planted(patients, seed, prefix="p", times=1.0, noise=0.5):
    """Two modalities of 20 columns, five of each in the number, whose mean is 50 and whose
    standard deviation is about 11, `times` as much in other units."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, 40))
    signal = x[:, [0, 1, 2, 3, 4, 20, 21, 22, 23, 24]] @ WEIGHTS / np.linalg.norm(WEIGHTS)
    ids = [f"{prefix}{number:03d}" for number in range(patients)]
    values = 50 + 10 * (signal + noise * rng.normal(size=patients))
    tables = {
        "rna": pd.DataFrame(x[:, :20], ids, [f"G{k}" for k in range(20)]),
        "meth": pd.DataFrame(x[:, 20:], ids, [f"M{k}" for k in range(20)]),
    }
    labels = pd.Series(times * values, ids, name="score")
    site = pd.Series(np.where(np.arange(patients) % 2, "north", "south"), ids, name="site")
    return Cohort.from_frames(tables, labels, groups={"site": site}, kind="number")


# --------------------------------------------------------------------------------- cross-validation


@pytest.fixture(scope="module")
def studied(few_trees):
    """Two cohorts of 120, each in three folds: (cohort, study)."""
    found = []
    for seed in range(2):
        cohort = planted(120, seed).ordered()
        outcome, folds = ready(cohort, None, Protocol.of((3, 1)), 0)
        beside = Beside(graph_ablation=False, modalities=False)
        made = study(
            cohort, outcome, QUICK, None, folds, 0, "cpu", beside=beside, final=False
        )  # fmt: skip
        found.append((cohort, made))
    return found


def test_ridge_on_everything_is_that_of_scikit_learn(studied):
    ours, theirs = [], []
    for cohort, made in studied:
        x = np.hstack([each.table.to_numpy() for each in cohort.modalities.values()])
        y = cohort.outcome().values
        for replica, output in zip(made.replicas, made.outputs["early"], strict=True):
            ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 30)))
            ridge.fit(x[replica.train], y[replica.train])
            theirs.append(r2_score(y[replica.tested], ridge.predict(x[replica.tested])))
            ours.append(r2_score(y[replica.tested], output[:, 0]))
    assert np.mean(theirs) > 0.5
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.04)


def test_scores_are_those_of_scikit_learn(studied):
    cohort, made = studied[0]
    y, table = cohort.outcome().values, made.scores()
    for name, outputs in made.outputs.items():
        rows = table[table["model"] == name]
        for replica, output, (_, row) in zip(
            made.replicas, outputs, rows.iterrows(), strict=True
        ):  # fmt: skip
            truth = y[replica.tested]
            assert row["r2"] == pytest.approx(r2_score(truth, output[:, 0]))
            assert row["rmse"] == pytest.approx(mean_squared_error(truth, output[:, 0]) ** 0.5)


def test_nine_of_ten_lie_between_the_bounds_of_every_model(studied):
    """240 predictions a model, of which 216 ± 5 lie inside where bounds are of 90 %."""
    inside = {}
    for cohort, made in studied:
        y = cohort.outcome().values
        for name, outputs in made.outputs.items():
            for replica, output in zip(made.replicas, outputs, strict=True):
                truth = y[replica.tested]
                within = (output[:, 1] <= truth) & (truth <= output[:, 2])
                inside.setdefault(name, []).extend(within)
    assert {"mean", "early", "late", "forest", "boosting", "single", "graphfuse"} <= set(inside)
    for name, within in inside.items():
        assert len(within) == 240 and 0.84 <= np.mean(within) <= 0.96, (name, np.mean(within))


def test_the_mean_scores_nothing_and_the_net_more(studied):
    for _, made in studied:
        models = made.metrics({}).models
        assert -0.1 < models["mean"]["r2"].mean <= 0
        assert models["mean"]["spearman"].mean is None
        assert models["graphfuse"]["r2"].mean > 0.35
        low, high = models["graphfuse"]["r2"].ci95
        assert low < models["graphfuse"]["r2"].mean < high <= 1


def test_the_best_epoch_is_no_worse_than_the_chosen_one():
    cohort = planted(60, 0)
    outcome, folds = ready(cohort, None, Protocol.of((2, 1)), 0)
    picked = best_of_epochs(cohort, outcome, QUICK, None, folds, 0, "cpu")
    assert picked.metric.name == "r2" and picked.curves.shape == (2, 21)
    assert (picked.best >= picked.curves.max(1) - 1e-12).all() and picked.optimism >= 0
    assert "guesses" not in str(picked)


# ----------------------------------------------------------------------------- groups and intervals


def test_a_site_with_larger_errors_shows_a_gap_and_equal_sites_do_not():
    rng = np.random.default_rng(0)
    ids = pd.Index([f"p{number:03d}" for number in range(240)], name="patient")
    site = np.where(np.arange(240) % 2, "north", "south")
    truth = rng.normal(50, 10, 240)
    error = rng.normal(size=240)
    for factor, verdict in ((1.0, "no gap shown"), (2.0, "gap shown")):
        value = truth + 3 * error * np.where(site == "north", factor, 1)
        table = pd.DataFrame(
            {"patient": ids, "repeat": 0, "truth": truth}
            | {"value": value, "lo": value - 5, "hi": value + 5}
        )
        task = kind_of("number").named(())
        rows = subgroups(table, {"site": site}, ids, task, METRICS.by_group)
        found = {(row.level, row.metric): row for row in rows}
        assert [row.metric for row in rows[:3]] == ["r2", "rmse", "mae"]
        assert {row.verdict for row in rows if row.metric == "rmse"} == {verdict}
        north = site == "north"
        assert found["north", "rmse"].score == pytest.approx(
            mean_squared_error(truth[north], value[north]) ** 0.5
        )
        assert found["north", "r2"].score == pytest.approx(r2_score(truth[north], value[north]))


def test_intervals_hold_the_score_of_all_patients_in_95_of_100():
    rng, held = np.random.default_rng(1), {"r2": 0, "rmse": 0, "pearson": 0}

    def drawn(patients):
        signal = rng.normal(size=patients)
        output = np.stack([0.8 * signal, 0.8 * signal - 1, 0.8 * signal + 1], 1)
        return signal + 0.7 * rng.normal(size=patients), output

    y, output = drawn(200_000)
    once = np.ones((1, len(y)))
    truth = {name: METRICS[name].score(y, output, once).item() for name in held}
    for seed in range(150):
        known, predicted = drawn(60)
        draws = drawn_scores(METRICS, known, {"net": predicted}, draws=300, seed=seed)
        for name in held:
            scored = draws.scores["net"][name]
            found = score_over_folds(scored[:1], scored, METRICS[name], 60, draws)
            low, high = found.ci95
            held[name] += low <= truth[name] <= high
    assert all(135 <= count <= 150 for count in held.values()), held  # 142.5 ± 2.7


# -------------------------------------------------------------------------------- another cohort


@pytest.fixture(scope="module")
def model():
    return FusionModel(QUICK, device="cpu").fit(planted(120, 0))


def test_another_cohort_is_scored_beside_the_training_mean(model):
    other = planted(90, 7, "q")
    found = score(model, other)
    y = other.outcome().values
    row = found.metrics.models["graphfuse"]
    assert row["r2"].mean == pytest.approx(r2_score(y, found.predictions["value"])) and (
        row["r2"].mean > 0.4
    )
    mean = planted(120, 0).outcome().values.mean()
    assert found.metrics.models["mean"]["rmse"].mean == pytest.approx(
        mean_squared_error(y, np.full(90, mean)) ** 0.5
    )
    verdicts = {pair.metric: (pair.b, pair.verdict) for pair in found.metrics.comparisons}
    assert verdicts == {"r2": ("mean", "better"), "rmse": ("mean", "better")}
    assert found.record["values"]["mean"] == pytest.approx(y.mean())
    assert not any("units" in notice for notice in found.record["notices"])


def test_other_units_are_told(model):
    found = score(model, planted(90, 7, "q", times=10))
    assert any("are they in the same units?" in notice for notice in found.record["notices"])
    low, high = found.metrics.models["graphfuse"]["r2"].ci95
    assert low < found.metrics.models["graphfuse"]["r2"].mean < high < 0
    assert "r2" in str(found) and ")-" not in str(found)


def test_classes_are_no_numbers(model):
    other = planted(30, 7, "q")
    labels = pd.Series(np.where(np.arange(30) % 2, "a", "b"), other.patients, name="score")
    tables = {name: each.table for name, each in other.modalities.items()}
    with pytest.raises(InputError, match="of kind 'class'; the model predicts a number"):
        score(model, Cohort.from_frames(tables, labels))


# ------------------------------------------------------------------------------------------ leaks


@pytest.mark.slow
def test_a_scale_of_everyone_is_a_leak_and_an_honest_fit_is_none():
    cohort, train = planted(60, 0), np.arange(40)
    short = QUICK.model_copy(update={"train": QUICK.train.model_copy(update={"epochs": 2})})

    def honest(everyone, rows):
        return FusionModel(short, device="cpu").fit(everyone.take(rows))

    def peeking(everyone, rows):
        fitted = honest(everyone, rows)
        values = everyone.outcome().values
        task = replace(fitted.task_, scale=float(np.nanstd(values)))
        fitted.task_, fitted.fitted_ = task, replace(fitted.fitted_, task=task)
        return fitted

    assert leak_check(honest, cohort, train) == []
    found = leak_check(peeking, cohort, train)
    assert {each.instrument for each in found} == {"spy", "perturbation"}
    assert {each.what for each in found} == {"labels"}
