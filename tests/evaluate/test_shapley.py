"""Shapley values against all orders written out, and what they must do with copies, noise and
folds."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.patient_draws import PatientDraws
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.shapley import (
    MOST,
    by_subset,
    contributions,
    only,
    shapley,
    subsets,
)
from graphfuse.report import modality_contributions
from graphfuse.schema import Evaluation, Recipe
from graphfuse.task.registry import metrics_of
from tests.drawn_scores import drawn

pytestmark = pytest.mark.usefixtures("few_trees")

METRICS = metrics_of("class")

NAMES = ("rna", "meth", "mirna", "clinical")


def game(names, folds=5, seed=0):
    """A score for every subset, of any size."""
    rng = np.random.default_rng(seed)
    return {
        s: rng.random(folds) for size in range(len(names) + 1) for s in combinations(names, size)
    }


def averaged(value, orders):
    """Mean over orders of what each modality adds to those before it."""
    found = {}
    value = {frozenset(s): v for s, v in value.items()}
    for order in orders:
        for at, name in enumerate(order):
            found.setdefault(name, []).append(
                value[frozenset(order[: at + 1])] - value[frozenset(order[:at])]
            )
    return {name: np.mean(each, 0) for name, each in found.items()}


# ------------------------------------------------------------------------------------------ subsets


def test_subsets_stand_by_size_and_then_in_order():
    assert subsets(["a"]) == []
    assert subsets(["b", "a"]) == [("b",), ("a",)]
    assert subsets("abc") == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize("count", range(1, MOST + 1))
def test_every_proper_subset_is_there_once(count):
    found = subsets("abcdefgh"[:count])
    assert len(set(found)) == len(found) == max(2**count - 2, 0)


@pytest.mark.parametrize("count", [6, 8])
def test_of_many_modalities_not_every_subset_is_trained(count):
    names = "abcdefgh"[:count]
    found = subsets(names)
    assert len(set(map(frozenset, found))) == len(found) == count * (count - 1)
    assert set(map(tuple, names)) <= set(found)
    assert {tuple(n for n in names if n != left) for left in names} <= set(found)
    assert all(list(s) == sorted(s) for s in found) and [len(s) for s in found] == sorted(
        len(s) for s in found
    )


# ------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_values_are_the_mean_over_all_orders(count):
    names = NAMES[:count]
    value = game(names)
    found, expected = shapley(value, names), averaged(value, permutations(names))
    assert list(found) == list(names)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_of_many_modalities_values_are_the_mean_over_orders_around_the_circle():
    names = "abcdef"
    orders = [
        [names[(first + step * k) % 6] for k in range(6)] for first in range(6) for step in (1, -1)
    ]
    assert {tuple(sorted(order[:k])) for order in orders for k in range(1, 6)} == set(
        subsets(names)
    )
    value = {s: v for s, v in game(names).items() if s in {(), *subsets(names), tuple(names)}}
    found, expected = shapley(value, names), averaged(value, orders)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
        assert all([o.index(name) for o in orders].count(place) == 2 for place in range(6))


@pytest.mark.parametrize("count", [2, 4, 7])
def test_values_sum_to_all_less_none_in_every_fold(count):
    names = tuple("abcdefg"[:count])
    value = game(names)
    np.testing.assert_allclose(
        sum(shapley(value, names).values()), value[names] - value[()], rtol=1e-12
    )


@pytest.mark.parametrize("count", [3, 6])
def test_what_simply_adds_up_is_given_back(count):
    names, worth = (
        tuple("abcdef"[:count]),
        dict(zip("abcdef", [0.2, -0.1, 0.0, 0.05, 0.3, 0.01], strict=True)),
    )
    value = {s: np.array([0.5 + sum(worth[n] for n in s)]) for s in game(names)}
    for name, found in shapley(value, names).items():
        assert found == pytest.approx(worth[name], abs=1e-12)


def test_a_copied_modality_shares_the_credit():
    inner = game(("a", "b"))
    value = {s: inner[tuple(sorted({n[0] for n in s}))] for s in game(("a", "a'", "b"))}
    found = shapley(value, ("a", "a'", "b"))
    np.testing.assert_allclose(found["a"], found["a'"], rtol=1e-12)
    np.testing.assert_allclose(
        found["a"] + found["a'"] + found["b"], inner["a", "b"] - inner[()], rtol=1e-12
    )


def test_a_modality_that_changes_nothing_is_worth_nothing():
    inner = game(("a", "b"))
    value = {s: inner[tuple(n for n in s if n != "x")] for s in game(("a", "b", "x"))}
    found = shapley(value, ("a", "b", "x"))
    assert (found["x"] == 0).all()
    np.testing.assert_allclose(found["a"], shapley(inner, ("a", "b"))["a"], rtol=1e-12)


def test_subsets_may_be_named_in_any_order():
    value = game(("a", "b", "c"))
    turned = {frozenset(reversed(s)): v for s, v in value.items()}
    for name, found in shapley(value, ("a", "b", "c")).items():
        assert (found == shapley(turned, ("a", "b", "c"))[name]).all()


def test_what_is_missing_is_named():
    value = game(("a", "b"))
    del value[("b",)], value[()]
    with pytest.raises(InputError, match=r"2 lack one \(none of them, b\)"):
        shapley(value, ("a", "b"))


# ------------------------------------------------------------------------------------ contributions


def real(copies=False, patients=240, seed=0):
    """The draws, in five folds, of a regression on every subset of: a signal, another, noise; or
    with the first copied."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, patients)
    tables = {
        "strong": y[:, None] * 1.2 + rng.normal(size=(patients, 4)),
        "weak": y[:, None] * 0.4 + rng.normal(size=(patients, 4)),
        "noise": rng.normal(size=(patients, 4)),
    }
    if copies:
        tables["noise"] = tables["strong"].copy()
    names, fold_of = tuple(tables), np.zeros(patients, int)
    outputs = {"majority": np.zeros((patients, 2)), "graphfuse": np.zeros((patients, 2))}
    for subset in subsets(names):
        outputs[f"only:{'+'.join(subset)}"] = np.zeros((patients, 2))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for number, (train, test) in enumerate(folds.split(y, y)):
        fold_of[test] = number
        outputs["majority"][test] = np.bincount(y[train]) / len(train)
        for subset in [*subsets(names), names]:
            x = np.hstack([tables[name] for name in subset])
            model = LogisticRegression().fit(x[train], y[train])
            called = "graphfuse" if subset == names else f"only:{'+'.join(subset)}"
            outputs[called][test] = model.predict_proba(x[test])
    return drawn(METRICS, y, outputs, fold_of, trained=0.8 * patients), names


def in_accuracy(draws, names):
    return contributions(draws, names, [METRICS["accuracy"]], "majority")


def test_signal_is_told_from_noise_by_its_interval():
    strong, weak, noise = in_accuracy(*real())
    assert (strong.modality, strong.metric) == ("strong", "accuracy")
    assert strong.ci95[0] > 0.1 and strong.value > weak.value > noise.value
    assert noise.ci95[0] < 0 < noise.ci95[1] and abs(noise.value) < 0.03
    assert strong.p_adjusted < 0.001 and noise.p_adjusted > 0.05


def test_a_copy_of_real_data_has_the_same_value():
    strong, _, copy = in_accuracy(*real(copies=True))
    assert copy.value == pytest.approx(strong.value, abs=1e-12)
    assert copy.ci95 == pytest.approx(strong.ci95)


def given(**scores):
    """Draws of one modality's net and of the baseline: the first score is that of the patients as
    they are."""
    names = {"majority": "none", "graphfuse": "a"}
    by_model = {name: {"auroc": np.array(scores[key])} for name, key in names.items()}
    return PatientDraws(by_model, {}, 50, 50, 100, {})


def test_the_interval_by_hand():
    draws = given(none=[0.5, 0.5, 0.5, 0.5], a=[0.8, 0.7, 0.9, 0.8])
    (found,) = contributions(draws, ("a",), [METRICS["auroc"]], "majority")
    error = np.std([0.7, 0.9, 0.8]) * np.sqrt(50 / 49) * np.sqrt(1.5)
    half = stats.t.ppf(0.975, 49) * error
    assert found.value == pytest.approx(0.3)
    assert found.ci95 == pytest.approx((0.3 - half, 0.3 + half))
    assert found.p_adjusted == pytest.approx(2 * stats.t.sf(0.3 / error, 49))


def test_values_that_nothing_varies_have_no_interval_and_unknown_ones_are_left_out():
    same = given(none=[0.5, 0.5, 0.5], a=[0.5, 0.5, 0.5])
    (found,) = contributions(same, ("a",), [METRICS["auroc"]], "majority")
    assert (found.value, found.ci95, found.p_adjusted) == (0, (None, None), None)
    nothing = given(none=[np.nan] * 3, a=[0.5] * 3)
    assert contributions(nothing, ("a",), [METRICS["auroc"]], "majority") == []


def test_scores_are_found_among_all_models():
    draws, names = real()
    found = by_subset(draws.scores, names, "auroc", "majority")
    assert next(iter(found)) == () and list(found)[-1] == names and len(found) == 8
    assert (found["weak",] == draws.scores["only:weak"]["auroc"]).all()
    less = {name: row for name, row in draws.scores.items() if name != "only:weak"}
    with pytest.raises(InputError, match=r"\(weak\)"):
        shapley(by_subset(less, names, "auroc", "majority"), names)


# ------------------------------------------------------------------ what a modality may be called


def small(tables, seed=0):
    """60 patients of two classes; of every third, the last table is missing."""
    rng = np.random.default_rng(seed)
    ids = [f"P{i}" for i in range(60)]
    labels = pd.Series(np.where(np.arange(60) % 2, "yes", "no"), index=ids, name="y")
    made = {name: pd.DataFrame(rng.normal(size=(60, 4)), ids, list("ABCD")) for name in tables}
    made[tables[-1]] = made[tables[-1]][np.arange(60) % 3 > 0]
    return Cohort.from_frames(made, labels)


def run(cohort):
    recipe = Recipe.model_validate(
        {"name": "quick", "net": {"width": 3}, "train": {"epochs": 1, "seeds": 1}}
    )
    outcome = cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 2, 1, 0)
    beside = Beside(modalities=True)
    return study(cohort, outcome, recipe, None, folds, 0, "cpu", beside=beside, final=False)


def test_a_modality_may_be_called_like_two():
    found = run(small(("a+b", "c"))).metrics({})
    assert {"single:a+b", "single:c"} < set(found.models)
    assert {"only:a+b", "only:c", "pattern:a+b", "pattern:a+b+c"} < set(found.variants)
    rows = modality_contributions.contributions(found, Evaluation())
    assert [row["name"] for row in rows["patterns"]] == ["a+b", "a+b+c"]
    assert [row["name"] for row in rows["subsets"]] == ["a+b", "c", "all"]


def test_subsets_whose_names_read_alike_are_refused():
    with pytest.raises(InputError, match="'a' and 'b'.* would be called 'only:a[+]b'; rename"):
        only(("a", "b", "a+b"))
    with pytest.raises(InputError, match="would be called 'only:a[+]b[+]c'"):
        only(("a", "b+c", "a+b", "c"))
    assert len(only(("b", "a+b", "a"))) == 6


def test_so_are_patterns_before_any_fit():
    """Half of the patients have a and b, the others only a+b."""
    cohort = small(("a", "b", "a+b"))
    tables = {name: modality.table for name, modality in cohort.modalities.items()}
    first = cohort.patients[:30]
    tables = {name: table[table.index.isin(first)] for name, table in tables.items()}
    whole = cohort.modalities["b"].table
    tables["a+b"] = whole[~whole.index.isin(first)]
    labels = pd.Series(np.where(np.arange(60) % 2, "yes", "no"), cohort.patients, name="y")
    with pytest.raises(InputError, match="would be called 'pattern:a[+]b'.*rename one of them"):
        run(Cohort.from_frames(tables, labels))
