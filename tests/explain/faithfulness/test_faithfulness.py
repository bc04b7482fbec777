"""Faithfulness: curves with known values, honest choices of columns, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.data.synth import planted
from graphfuse.explain.faithfulness import retraining
from graphfuse.explain.faithfulness.column_orders import counts_of
from graphfuse.explain.faithfulness.faithfulness import FAITHFULNESS_COLUMNS
from graphfuse.explain.faithfulness.removal_curves import removal_curves
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.refits import Refits
from graphfuse.schema import Recipe

LINEAR = Recipe.model_validate({"name": "linear", "train": {"epochs": 0, "seeds": 1}})
pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def truth():
    """Six of sixty columns of each modality shift by class; some patients lack a modality."""
    return planted(
        150, {"rna": 60, "meth": 60}, carriers=6, effect=1.5, missing={"meth": 0.3}, seed=4
    )


@pytest.fixture(scope="module")
def report(truth):
    return gf.train(truth.cohort, LINEAR, cv=(2, 1), ledger=False, device="cpu")


@pytest.fixture(scope="module")
def ranking(report):
    return gf.rank(report, faithfulness=True, device="cpu")


def value(table, measure, order, against="", k=None):
    chosen = table[(table["measure"] == measure) & (table["order"] == order)]
    chosen = chosen[chosen["against"] == against]
    return chosen if k is None else chosen[chosen["k"] == k]


def test_without_the_first_of_one_order_is_with_the_last_of_the_other(report):
    order = np.random.default_rng(0).permutation(120)
    orders = {"a": [order], "b": [order[::-1]]}
    curves = removal_curves(report.replicas, report.cohort, orders, [30, 90])
    assert np.allclose(curves.deletion["a"], curves.insertion["b"][::-1], atol=1e-9)
    assert not curves.deletion["a"][0].any() and not curves.insertion["a"][-1].any()


def test_a_linear_model_of_a_number_moves_by_what_its_columns_add():
    """Deletion of one column moves each patient by its slope times its value."""
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.normal(size=(90, 4)), columns=list("ABCD"))
    values.index = [f"p{i:02d}" for i in range(90)]
    y = 3 * values["A"] - values["B"] + 0.1 * rng.normal(size=90)
    cohort = gf.Cohort.from_frames({"rna": values}, y.rename("y"), kind="number")
    plain = Recipe.model_validate(
        {"name": "p", "net": {"propagate": "none"}, "train": {"epochs": 0, "seeds": 1}}
    )
    report = gf.train(cohort, plain, cv=(2, 1), ledger=False, device="cpu")
    curves = removal_curves(report.replicas, cohort, {"A": [np.arange(4)]}, [1])
    moved = curves.deletion["A"][1]
    expected = 3 * np.abs(values["A"] - values["A"].mean()) / y.std()
    assert np.corrcoef(moved, expected)[0, 1] > 0.99
    assert np.isclose(np.median(moved / expected), 1, atol=0.06)


def test_the_ranking_of_planted_columns_is_faithful(ranking):
    table = ranking.faithfulness.table
    assert tuple(table.columns) == FAITHFULNESS_COLUMNS
    for measure, better in {"deletion area": 1, "insertion area": -1}.items():
        row = value(table, measure, "ranked", "random").iloc[0]
        assert better * row["value"] > 0 and row["lo"] * row["hi"] > 0
    k = counts_of(120)[3]  # a tenth
    assert value(table, "fidelity+", "ranked", k=k)["value"].item() > 2 * (
        value(table, "fidelity+", "random", k=k)["value"].item()
    )
    more = value(table, "retrained", "ranked", "random", k=10)
    assert more["lo"].item() > 0 and more["metric"].item() == "accuracy"
    assert value(table, "deletion", "ranked", k=0)["value"].item() == 0


def test_a_random_order_in_the_rankings_place_is_not(report):
    orders = {"ranked": [np.random.default_rng(5).permutation(120)]}
    orders["random"] = [np.random.default_rng(seed).permutation(120) for seed in range(5)]
    curves = removal_curves(report.replicas, report.cohort, orders, counts_of(120))
    own, others = (curves.area(curves.deletion[name]).mean() for name in orders)
    assert abs(own - others) < 0.05


def test_labels_of_test_patients_choose_no_column(report):
    """Inner models rank alike whatever the labels of the fold's test patients are."""
    replica, cohort = report.replicas[0], report.cohort
    outcome = cohort.outcome()
    values = outcome.values.copy()
    values[replica.tested] = 1 - values[replica.tested]
    turned = cohort.with_outcome(replace(outcome, values=values))
    refits = Refits.of(report.replicas, None, "cpu", None)
    method = ranking_method("integrated-gradients")
    orders = [retraining._inner_order(replica, made, refits, method) for made in (cohort, turned)]
    assert (orders[0] == orders[1]).all()
    order = orders[0]
    other = retraining._inner_order(
        replace(replica, tested=replica.train[:40], train=replica.train[40:]),
        cohort,
        refits,
        method,
    )
    assert (order != other).any()


def test_patients_who_have_none_of_the_columns_get_what_is_predicted_of_nobody(report):
    replica = report.replicas[0]
    ids = list(range(60))  # all of one modality, which a third of the patients lack
    chosen = retraining.with_columns(report.cohort, np.array(ids[:3]))
    (name,) = chosen.modalities
    assert name == "meth" and len(chosen.modalities["meth"].columns) == 3
    train = replica.train[chosen.present.to_numpy()[replica.train].any(axis=1)]
    refits = Refits.of(report.replicas, None, "cpu", None)
    split = gf.evaluate.folds.Split(0, 0, replica.tested, train)
    (model,) = refits.models([(chosen, split)])
    output = retraining._output(model, chosen)
    lacks = ~chosen.present["meth"].to_numpy()[replica.tested]
    assert lacks.any() and np.ptp(output[lacks], axis=0).max() == 0
    assert np.allclose(output.sum(1), 1) and np.ptp(output[~lacks], axis=0).max() > 0.1


def test_what_is_printed_and_written(ranking, tmp_path):
    ranking.write(tmp_path / "rankings")
    table = pd.read_csv(tmp_path / "rankings" / "faithfulness.csv")
    assert len(table) == len(ranking.faithfulness.table)
    (line,) = ranking.faithfulness.lines()
    assert line in repr(ranking) and "the probability of the class" in line
    assert "without the first 12 columns" in line and "trained anew on the first 10: " in line
    readme = (tmp_path / "rankings" / "README.txt").read_text()
    assert "fidelity+ and fidelity-" in readme and "not asked for (--faith" not in readme
