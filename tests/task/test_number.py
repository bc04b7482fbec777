"""Numbers: scores against libraries, losses against their gradients, and regression from tables to
report."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn import metrics as reference
from sklearn.linear_model import Ridge
from typer.testing import CliRunner

from graphfuse.cli.options import app
from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.baselines import fit_baselines
from graphfuse.learn.linear.crossfit import ridge
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import PENALTIES
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.number import METRICS, Number
from graphfuse.task.outcome import Target


def target(values) -> Target:
    values = np.asarray(values, float)
    return Target(values, np.isfinite(values))


# ------------------------------------------------------------------------------------------ metrics


def test_scores_are_those_of_scikit_learn_and_scipy():
    rng = np.random.default_rng(0)
    y = rng.normal(3, 2, 200).round(1)
    value = (y + rng.normal(0, 1.5, 200)).round(1)
    found = METRICS.scores(y, np.stack([value] * 3, 1))
    assert found == pytest.approx(
        {
            "r2": reference.r2_score(y, value),
            "rmse": reference.root_mean_squared_error(y, value),
            "mae": reference.mean_absolute_error(y, value),
            "pearson": stats.pearsonr(y, value).statistic,
            "spearman": stats.spearmanr(y, value).statistic,
        },
        rel=1e-12,
    )


@pytest.mark.parametrize("metric", list(METRICS), ids=lambda metric: metric.name)
def test_a_weight_counts_a_patient_so_many_times(metric):
    rng = np.random.default_rng(1)
    y, output = rng.normal(size=30).round(1), rng.normal(size=(30, 3)).round(1)
    weights = rng.integers(0, 4, (5, 30))
    for weight, score in zip(weights, metric.score(y, output, weights.astype(float)), strict=True):
        rows = np.repeat(np.arange(30), weight)
        assert score == pytest.approx(METRICS.scores(y[rows], output[rows])[metric.name], rel=1e-9)


def test_what_does_not_vary_has_no_correlation_and_no_share_of_variance():
    found = METRICS.scores(np.full(5, 0.1), np.arange(15.0).reshape(5, 3))
    assert all(np.isnan(found[name]) for name in ("r2", "pearson", "spearman"))
    assert found["mae"] == pytest.approx(5.94)


def test_guessing_the_mean_scores_zero():
    y = np.array([1.0, 2.0, 6.0])
    assert METRICS.scores(y, np.full((3, 3), 3.0))["r2"] == pytest.approx(0)


# ---------------------------------------------------------------------------------- units and folds


def test_units_are_of_training_patients_and_folds_get_their_share_of_low_and_high():
    values = np.r_[np.arange(20.0), np.nan]
    task = Number().fitted(target(values))
    assert (task.location, task.scale) == pytest.approx((9.5, np.arange(20).std()))
    strata = task.strata(target(values))
    assert np.bincount(strata + 1).tolist() == [1, 4, 4, 4, 4, 4]
    ties = task.strata(target([0.0] * 15 + [1, 2, 3, 4, 5]))
    assert len(set(ties[:15])) == 1


@pytest.mark.parametrize("values", [[3.0] * 8, [0.1 + 0.2, 0.3] * 4, [2.0, np.nan, 2.0]])
def test_what_does_not_vary_teaches_nothing(values):
    task = Number().fitted(target([1.0, 2.0]))
    assert "one and the same value only" in task.lacks_spread(target(values))
    with pytest.raises(InputError, match="different values"):
        task.require(target(values), 2, "--cv: 2 folds")


def test_too_few_for_the_folds():
    with pytest.raises(InputError, match="at least 10 labelled patients are needed; 6 are known"):
        Number().require(target(np.arange(6)), 5, "--cv: 5 folds")


def test_relevance_is_the_squared_correlation_and_nothing_where_a_column_does_not_vary():
    rng = np.random.default_rng(2)
    table, values = rng.normal(size=(40, 3)), rng.normal(size=40)
    table[:, 1] = 7.1
    values[3] = np.nan
    found = Number().relevance(table, target(values))
    known = np.isfinite(values)
    expected = [stats.pearsonr(table[known, c], values[known]).statistic ** 2 for c in (0, 2)]
    assert found[[0, 2]] == pytest.approx(expected) and found[1] == 0


# ------------------------------------------------------------------------------------------- losses


@pytest.fixture
def learned():
    """A task with units, a target with some unknown, and linear predictors `[n, 1]`."""
    rng = np.random.default_rng(5)
    values = rng.normal(1e6, 20, 40)
    values[::7] = np.nan
    known = target(values)
    return Number().fitted(known), known, rng.normal(size=(40, 1))


def test_the_gradient_is_that_of_the_loss(learned):
    task, known, predictor = learned
    coded = task.coded(known)
    _, gradient = task.loss(predictor, coded)
    for row in (1, 8, 39):
        more, less = predictor.copy(), predictor.copy()
        more[row] += 1e-6
        less[row] -= 1e-6
        slope = (task.loss(more, coded)[0] - task.loss(less, coded)[0]) / 2e-6
        assert slope == pytest.approx(gradient[row, 0], abs=1e-7)
    residual = task.residual(predictor.T[:, None].copy(), coded.T[:, None])[:, 0].T
    np.testing.assert_allclose(residual, gradient)


def test_linear_models_and_nets_learn_by_one_loss(learned):
    task, known, predictor = learned
    tensors = task.tensors(known)
    each = task.net_loss(torch.from_numpy(predictor), tensors)
    assert torch.isfinite(each).all() and each.shape == (40,)
    mean = task.mean_loss(predictor[None], known)
    assert each[tensors.known].mean().item() == pytest.approx(mean.item(), rel=1e-9)


def test_the_calibration_of_lowest_loss_is_the_spread_of_the_errors(learned):
    task, known, predictor = learned
    tensors, given = task.tensors(known), torch.from_numpy(predictor)
    choices = torch.tensor(task.calibrations, dtype=torch.float64)
    found = task.calibrated_loss(given, tensors, choices)
    assert found.shape == (len(choices), 40) and 1.0 in task.calibrations
    best = choices[found[:, tensors.known].mean(1).argmin()].item()
    spread = task.calibration_at(task.mean_loss(predictor[None], known).item())
    assert best == pytest.approx(spread, rel=0.05)
    several = torch.stack([given, given + 1])
    together = torch.func.vmap(lambda each: task.net_loss(each, tensors))(several)
    torch.testing.assert_close(together[1], task.net_loss(given + 1, tensors))


def test_outputs_are_in_the_units_of_the_outcome_and_can_be_read_back(learned):
    task, known, predictor = learned
    output = task.output(predictor, 0.5)
    assert output[:, 0] == pytest.approx(task.location + task.scale * predictor[:, 0])
    width = (output[:, 2] - output[:, 1]) / task.scale
    assert width == pytest.approx(np.full(40, 2 * stats.norm.ppf(0.95) * 0.5))
    table = pd.DataFrame(task.table(output) | {"truth": np.arange(40.0)}).astype(str)
    back, truth = task.read_table(table)
    np.testing.assert_allclose(back, output, rtol=1e-12)
    assert truth.tolist() == list(range(40)) and list(table)[:3] == ["value", "lo", "hi"]
    table.loc[3, "lo"] = "nan"
    with pytest.raises(ValueError, match="no number"):
        task.read_table(table)
    assert Number.restored((), task.state()["units"]) == task


@pytest.mark.parametrize("units", [{}, {"location": 1.0, "scale": 0.0}, {"location": 1.0, "x": 2}])
def test_units_that_are_none_are_refused(units):
    with pytest.raises(ValueError, match="number: "):
        Number.restored((), units)


# ---------------------------------------------------------------------------- from tables to report


def planted(patients=300, columns=60, share=0.8, seed=0, unit=10.0, level=50.0):
    """A cohort of two modalities whose eight first columns of `rna` predict `share` of the
    outcome's variance; with the best prediction that there is."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, columns))
    slopes = np.array([1.0, -1, 1, -1, 0.8, -0.8, 0.6, 0.6])
    signal = x[:, :8] @ slopes
    signal *= np.sqrt(share) / signal.std()
    noise = rng.normal(size=patients)
    y = level + unit * (signal + np.sqrt(1 - share) * noise / noise.std())
    ids = [f"P{seed}-{i:04d}" for i in range(patients)]
    half = columns // 2
    tables = {
        "rna": pd.DataFrame(x[:, :half], ids, [f"G{c}" for c in range(half)]),
        "methylation": pd.DataFrame(x[:, half:], ids, [f"cg{c}" for c in range(columns - half)]),
    }
    return tables, pd.Series(y, ids, name="score"), level + unit * signal


def cohort_of(tables, outcome) -> Cohort:
    return Cohort.from_frames(tables, outcome, kind="number")


RECIPE = Recipe(name="quick", train={"epochs": 3, "seeds": 1})


def test_early_is_the_ridge_regression_of_scikit_learn():
    tables, outcome, _ = planted(120, 40)
    cohort = cohort_of(tables, outcome).ordered()
    train, test = np.arange(90), np.arange(90, 120)
    inside, outside = cohort.take(train), cohort.take(test)
    fold = PreparedFold.fit(inside, inside.outcome(), RECIPE, None, 0).without_graphs()
    names = tuple(cohort.modalities)
    fit = ridge(fold, names)
    views = fold.preparation.views(outside)
    early = fit_baselines(fold, outside, views)["early"].output
    x = np.hstack([fold.views.own[m] for m in names])
    alpha = (x**2).sum() / len(x) / PENALTIES[fit.level]
    expected = Ridge(alpha).fit(x, inside.outcome().values)
    asked = np.hstack([views.own[m] for m in names])
    np.testing.assert_allclose(early[:, 0], expected.predict(asked), rtol=1e-6)


def test_a_shift_and_a_factor_of_the_outcome_are_those_of_its_predictions():
    tables, outcome, _ = planted(80, 20)
    other = outcome * 1e3 - 1e7
    first, second = (
        FusionModel(RECIPE).fit(cohort_of(tables, each)).table(cohort_of(tables, each))
        for each in (outcome, other)
    )
    for name in ("value", "lo", "hi"):
        np.testing.assert_allclose(second[name], first[name] * 1e3 - 1e7, rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_every_baseline_predicts_alike_in_other_units(unit, some_trees):
    """Trees of scikit-learn split nothing where the variance is under 1e-16."""
    tables, outcome, _ = planted(90, 24, level=3.0, unit=1.5)
    found = []
    for factor in (1.0, unit):
        cohort = cohort_of(tables, outcome * factor).ordered()
        inside, outside = cohort.take(np.arange(60)), cohort.take(np.arange(60, 90))
        fold = PreparedFold.fit(inside, inside.outcome(), RECIPE, None, 0).without_graphs()
        baselines = fit_baselines(fold, outside, fold.preparation.views(outside))
        found.append({name: baseline.output / factor for name, baseline in baselines.items()})
    assert {"mean", "early", "forest", "boosting"} <= set(found[0]) == set(found[1])
    for name, output in found[0].items():
        np.testing.assert_allclose(found[1][name], output, rtol=1e-6, atol=1e-6, err_msg=name)
    assert min(found[1][name][:, 0].std() for name in ("forest", "boosting")) > 0.2


def test_a_constant_outcome_is_refused_in_one_sentence():
    tables, outcome, _ = planted(40, 10)
    with pytest.raises(InputError, match="one and the same value only; nothing can be learned"):
        FusionModel(RECIPE).fit(cohort_of(tables, outcome * 0 + 4.2))


def test_fusions_of_probabilities_are_refused_with_a_cure():
    tables, outcome, _ = planted(40, 10)
    recipe = RECIPE.model_copy(update={"net": RECIPE.net.model_copy(update={"fuse": "late"})})
    with pytest.raises(InputError, match="fuse.*probabilities"):
        FusionModel(recipe).fit(cohort_of(tables, outcome))


@pytest.fixture(scope="module")
def folder(some_trees, tmp_path_factory):
    """A planted cohort as files, a second one of the same kind, and a run on the first."""
    home = tmp_path_factory.mktemp("number")
    for name, seed in (("first", 0), ("second", 1)):
        tables, outcome, oracle = planted(seed=seed)
        there = home / name
        there.mkdir()
        for modality, table in tables.items():
            table.rename_axis("id").to_csv(there / f"{modality}.csv")
        truth = pd.DataFrame({"score": outcome, "site": np.arange(300) % 3, "oracle": oracle})
        truth.rename_axis("id").to_csv(there / "patients.csv")
        (there / "cohort.toml").write_text(MANIFEST.format(name=name))
    (home / "quick.toml").write_text('name = "quick"\n[train]\nepochs = 5\nseeds = 1\n')
    said = ["train", home / "first/cohort.toml", "--recipe", home / "quick.toml", "--cv", "3"]
    shell(*said, "--no-ledger", "-o", home / "run")
    return home


MANIFEST = """\
name = "{name}"
[outcome.score]
kind = "number"
file = "patients.csv"
column = "score"
[groups.site]
file = "patients.csv"
column = "site"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "log"
[modality.methylation]
file = "methylation.csv"
kind = "omics"
values = "log"
"""


def shell(*words, code=0) -> str:
    """What a command printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def test_cross_validation_finds_nine_tenths_of_what_can_be_predicted(folder):
    predictions = pd.read_csv(folder / "run/predictions.csv")
    truth = pd.read_csv(folder / "first/patients.csv")
    oracle = reference.r2_score(truth["score"], truth["oracle"])
    assert oracle == pytest.approx(0.8, abs=0.02)
    metrics = json.loads((folder / "run/metrics.json").read_text())
    assert metrics["kind"] == "number"
    for model in ("graphfuse", "early"):
        assert metrics["models"][model]["r2"]["mean"] >= 0.9 * oracle
    assert abs(metrics["models"]["mean"]["r2"]["mean"]) < 0.1
    inside = predictions["truth"].between(predictions["lo"], predictions["hi"])
    assert 0.85 <= inside.mean() <= 0.96


def test_a_report_says_how_predictions_agree_with_the_truth(folder):
    page = (folder / "run/report.html").read_text()
    assert "R²" in page and "90" in page and "accuracy" not in page.lower()


def test_another_cohort_is_predicted_and_scored(folder):
    shell("predict", folder / "run", folder / "second/cohort.toml", "-o", folder / "said.csv")
    said = pd.read_csv(folder / "said.csv")
    assert list(said) == ["patient", "value", "lo", "hi", "flag"]
    truth = pd.read_csv(folder / "second/patients.csv")
    assert reference.r2_score(truth["score"], said["value"]) > 0.65
    shell("score", folder / "run", folder / "second/cohort.toml")
    [found] = folder.glob("**/external/*/metrics.json")
    scores = json.loads(found.read_text())["models"]
    assert scores["graphfuse"]["r2"]["mean"] == pytest.approx(
        reference.r2_score(truth["score"], said["value"]), abs=1e-6
    )


@pytest.mark.slow
def test_rankings_find_the_planted_columns_with_their_signs(folder):
    shell("rank", folder / "run")
    nodes = pd.read_csv(folder / "run/rankings/nodes.csv")
    first = nodes.head(8).set_index("id")
    assert set(first.index) == {f"rna:G{c}" for c in range(8)}
    signs = [1, -1, 1, -1, 1, -1, 1, 1]
    assert [int(first.loc[f"rna:G{c}", "sign"]) for c in range(8)] == signs


def test_what_is_the_outcome_in_other_words_is_found(folder):
    table = pd.read_csv(folder / "first/rna.csv").set_index("id")
    copied = pd.read_csv(folder / "first/patients.csv").set_index("id")["score"]
    there = folder / "leaking"
    there.mkdir()
    table.assign(G3=np.log(copied)).to_csv(there / "rna.csv")
    for name in ("methylation.csv", "patients.csv", "cohort.toml"):
        (there / name).write_bytes((folder / "first" / name).read_bytes())
    assert "(G3; AUROC 1.000" in shell("audit", there / "cohort.toml")
    assert "score" in shell("check", folder / "first/cohort.toml")


@pytest.mark.slow
def test_a_bench_compares_recipes_on_it(folder):
    (folder / "bench.toml").write_text(
        'name = "numbers"\nfolds = 2\nrepeats = 1\nrecipes = ["quick.toml"]\n'
        '[[cohort]]\ncohort = "first/cohort.toml"\n'
    )
    shell("bench", "--plan", folder / "bench.toml", "-o", folder / "bench")
    scores = pd.read_csv(folder / "bench/scores.csv")
    assert {"mean", "early", "graphfuse"} <= set(scores["model"])
    assert set(scores["metric"]) == {metric.name for metric in METRICS}
