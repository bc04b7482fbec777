"""Planted cohorts shaped like a user's: their shape, their strength, and what is found in them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import average_precision_score, roc_auc_score

import graphfuse as gf
from graphfuse.errors import InputError
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.explain.column_scores import column_scores
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.recovery.held_out_ridge import PENALTIES, HeldOutRidge
from graphfuse.explain.recovery.measure import recovery
from graphfuse.explain.recovery.planted_outcomes import PlantedOutcomes, require_few_planted
from graphfuse.explain.recovery.recovery import RECOVERY_COLUMNS, Recovery, sentence
from graphfuse.explain.refits import Refits
from graphfuse.schema import Recipe
from graphfuse.task.classes import Classes
from graphfuse.task.number import Number

LINEAR = Recipe.model_validate({"name": "linear", "train": {"epochs": 0, "seeds": 1}})
METHOD = ranking_method("integrated-gradients")
WIDTHS = {"a": 150, "b": 100}
CAUSAL = 10


def made(seed, strength, kind="class", rows=200):
    """A cohort whose outcome is decided to a share `strength` by ten of 250 columns, which twelve
    factors correlate; some patients lack a table. And the ids of the ten."""
    rng = np.random.default_rng(seed)
    columns = sum(WIDTHS.values())
    loadings = rng.normal(size=(12, columns)) * (rng.random((12, columns)) < 0.3)
    values = 0.35 * rng.normal(size=(rows, 12)) @ loadings + rng.normal(size=(rows, columns))
    values = (values - values.mean(0)) / values.std(0)
    ids = [f"p{i:03d}" for i in range(rows)]
    names = [f"{name}:G{i}" for name, width in WIDTHS.items() for i in range(width)]
    causal = [*rng.choice(150, 6, replace=False), *(150 + rng.choice(100, 4, replace=False))]
    signal = values[:, causal] @ rng.choice([-1, 1], CAUSAL)
    inclination = np.sqrt(strength) * signal / signal.std()
    inclination += np.sqrt(1 - strength) * rng.normal(size=rows)
    first = pd.DataFrame(values[:, :150], ids, [f"G{i}" for i in range(150)])
    second = pd.DataFrame(values[:, 150:], ids, [f"G{i}" for i in range(100)])
    second = second[rng.random(rows) > 0.15]
    if kind == "class":
        is_case = inclination > np.quantile(inclination, 0.6)
        outcome = pd.Series(np.where(is_case, "case", "control"), ids, name="y")
    else:
        outcome = pd.Series(50 + 5 * inclination, ids, name="y")
    cohort = gf.Cohort.from_frames({"a": first, "b": second}, outcome, kind=kind)
    return cohort, [names[position] for position in causal]


def fitted(cohort):
    """Linear models on four folds, as a run would have them."""
    outcome = cohort.outcome()
    strata = outcome.task.strata(outcome.target)
    folds = splits(repeated(cohort.patients, strata, 4, 1, 0), outcome.known)
    refits = Refits(LINEAR, None, outcome.name, 0, "cpu")
    return refits, refits.models([(cohort, fold) for fold in folds])


def tried(cohort, cohorts=2, planted=CAUSAL):
    """The scores of a cohort's columns, and what is recovered from planted cohorts like it."""
    refits, replicas = fitted(cohort)
    scores, _ = column_scores(replicas, cohort, METHOD)
    by_modality = scores.groupby(scores.index.str[0]).sum()
    shares = by_modality / by_modality.sum()
    return scores, recovery(shares, replicas, cohort, refits, METHOD, cohorts, planted)


def planted_outcomes(cohort, folds=4):
    part = np.arange(len(cohort)) % folds
    return PlantedOutcomes(cohort, list(cohort.modalities), cohort.outcome(), part), part


def test_the_ridge_is_scikit_learns_with_a_penalty_by_leaving_one_out():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(90, 140))
    coded = values[:, :5] @ rng.normal(size=(5, 2)) + rng.normal(size=(90, 2))
    train, tested = np.arange(60), np.arange(60, 90)
    found = HeldOutRidge(values, [(train, tested)]).explained(coded)
    centred = values[train] - values[train].mean(0)
    mean = np.linalg.eigvalsh(centred @ centred.T).mean()
    ridge = RidgeCV(PENALTIES * mean).fit(values[train], coded[train])
    lost = ((coded[tested] - ridge.predict(values[tested])) ** 2).sum()
    total = ((coded[tested] - coded[train].mean(0)) ** 2).sum()
    assert np.isclose(found.share, 1 - lost / total, atol=1e-8) and found.error > 0


def test_classes_are_dealt_so_that_their_utilities_have_the_largest_sum():
    rng = np.random.default_rng(1)
    utility, values = rng.normal(size=(6, 3)), np.array([0, 1, 1, 2, 2, 2])
    dealt = Classes(("x", "y", "z")).reassigned(values, utility)
    rows = np.arange(6)
    best = max(utility[rows, list(each)].sum() for each in set(permutations(values)))
    assert sorted(dealt) == sorted(values) and np.isclose(utility[rows, dealt].sum(), best)
    numbers = Number().reassigned(np.array([5.0, 1.0, 3.0]), np.array([[0.1], [0.3], [0.2]]))
    assert numbers.tolist() == [1.0, 5.0, 3.0]


@pytest.mark.parametrize("kind", ["class", "number"])
def test_planted_outcomes_have_the_shape_of_the_real_one(kind):
    cohort, _ = made(3, 0.5, kind)
    outcome = cohort.outcome()
    values = outcome.values.copy()
    values[:20] = -1 if kind == "class" else np.nan
    cohort = cohort.with_outcome(type(outcome)(**{**vars(outcome), "values": values}))
    plan, part = planted_outcomes(cohort)
    drawn = plan.draw(10, {"a": 0.7, "b": 0.3}, seed=0)
    of = pd.Series([plan.ids[position][0] for position in drawn.columns]).value_counts()
    assert of.to_dict() == {"a": 7, "b": 3}
    dealt = plan.outcome(drawn, 0.5, seed=0)
    assert (dealt.known == cohort.outcome().known).all() and (dealt.values != values)[20:].any()
    for number in range(4):
        rows = dealt.known & (part == number)
        assert (np.sort(dealt.values[rows]) == np.sort(values[rows])).all()


def test_strength_is_the_share_that_planted_columns_decide():
    cohort, _ = made(4, 0.5)
    plan, _ = planted_outcomes(cohort, folds=1)
    drawn = plan.draw(10, {"a": 1.0, "b": 1.0}, seed=1)
    towards = drawn.signal[:, 1] - drawn.signal[:, 0]
    seen = {}
    for strength in (0.0, 0.5, 1.0):
        outcome = plan.outcome(drawn, strength, seed=1)
        seen[strength] = roc_auc_score(outcome.values, towards)
    assert abs(seen[0.0] - 0.5) < 0.12 and 0.75 < seen[0.5] < 0.95 and seen[1.0] > 0.999
    numbers, _ = planted_outcomes(made(4, 0.5, "number")[0], folds=1)
    drawn = numbers.draw(10, {"a": 1.0, "b": 1.0}, seed=1)
    dealt = pd.Series(numbers.outcome(drawn, 1.0, seed=1).values)
    assert dealt.corr(pd.Series(drawn.signal[:, 0]), method="spearman") > 0.999


def test_few_columns_that_vary_are_all_that_is_planted():
    cohort, _ = made(5, 0.5)
    few = {}
    for name, modality in cohort.modalities.items():
        few[name] = modality.table.iloc[:, :3].assign(constant=1.0)
    outcome = cohort.outcome()
    labels = pd.Series(outcome.values.astype(str), cohort.patients, name="y")
    plan, _ = planted_outcomes(gf.Cohort.from_frames(few, labels))
    drawn = plan.draw(50, {"a": 0.0, "b": 0.0}, seed=0)
    assert len(drawn.columns) == 6 and not plan.values[:, [3, 7]].any()


def test_more_planted_columns_than_a_quarter_are_refused_with_the_most():
    cohort, _ = made(0, 0.5)
    name, *_ = cohort.modalities
    most = cohort.modalities[name].table.shape[1] // 4
    require_few_planted(cohort, [name], most)
    with pytest.raises(InputError, match=f"a quarter of the .*; give --planted {most} or fewer"):
        require_few_planted(cohort, [name], most + 1)


def test_where_nothing_is_there_nothing_would_be_found():
    _, found = tried(made(0, 0.0)[0])
    (line,) = found.lines()
    assert set(found.table["cohort"]) == {"real"} and "nothing would be found" in line
    assert "read the list as noise" in found.readme_texts["recovery"].replace("\n" + " " * 22, " ")


def test_a_planted_cohort_is_as_strong_as_the_real_one_and_what_is_planted_is_found():
    _, found = tried(made(2, 0.7, "number")[0], cohorts=2)
    table = found.table
    assert tuple(table.columns) == RECOVERY_COLUMNS
    real = table[table["cohort"] == "real"].set_index("measure")["value"]
    planted = table[(table["cohort"] != "real") & (table["measure"] == "ridge_r2")]["value"]
    assert real["p"] == 0.01 and abs(planted.mean() - real["ridge_r2"]) < 0.12
    columns = table[table["kind"] == "columns"]
    assert (columns["planted"] == CAUSAL).all() and (columns["of"] == 250).all()
    precision = columns[columns["measure"] == "average_precision"]
    assert (precision["value"] > 0.6).all() and (precision["chance"] == 0.04).all()
    (line,) = found.lines()
    assert "of 10 planted columns" in line and "are among the first 10 (by chance 0.4)" in line


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "strength"), [("class", 0.6), ("number", 0.7)])
def test_what_is_recovered_agrees_with_what_truly_is(kind, strength):
    """Over cohorts of one kind, the true average precision and that in planted cohorts like them
    are apart by no more than three standard errors."""
    true, planted = [], []
    for seed in range(8):
        cohort, causal = made(seed, strength, kind)
        scores, found = tried(cohort)
        true.append(average_precision_score(scores.index.isin(causal), scores))
        rows = found.table[found.table["kind"] == "columns"]
        own = rows.loc[rows["measure"] == "average_precision", "value"]
        planted.append(own.mean() if len(own) else CAUSAL / 250)
    error = np.sqrt((np.var(true, ddof=1) + np.var(planted, ddof=1)) / 8)
    assert abs(np.mean(true) - np.mean(planted)) < 3 * error
    assert np.mean(true) > 0.4


def test_what_is_said_where_no_more_is_found_than_by_chance():
    rows = [("real", "", "ridge_r2", None, None, None, 0.1, None)]
    for end, value in {"lo": 0.08, "hi": 0.12}.items():
        rows.append(("real", "", f"ridge_r2_{end}", None, None, None, value, None))
    rows += [("1", "", "strength", None, None, None, 1.0, None)]
    rows += [("1", "", "ridge_r2", None, None, None, 0.05, None)]
    for kind in ("columns", "groups"):
        rows += [("1", kind, "average_precision", None, 10, 1000, 0.02, 0.01)]
        rows += [("1", kind, "found", 10, 10, 1000, 0, 0.1)]
        rows += [("1", kind, "found", 100, 10, 1000, 2, 1.0)]
    table = pd.DataFrame(rows, columns=list(RECOVERY_COLUMNS))
    text = sentence(table)
    assert text.endswith("That is no more than by chance: nothing would be found")
    assert "Even outcomes that 10 columns decide alone are not predicted as well" in text
    assert "of 10 planted columns 0.0 are among the first 10 (by chance 0.1), 2.0 are among" in text
    assert Recovery(table).lines() == [text]
