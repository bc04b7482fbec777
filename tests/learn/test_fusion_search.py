"""Successive halving: it finds the fusion that data need, and reads nothing that is held out."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.learn.fusion_search import candidates, described, successive_halving, train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees")

QUICK = {
    "name": "quick",
    "patient": {"neighbours": 4},
    "net": {"fuse": "late", "width": 16},
    "train": {"epochs": 72, "seeds": 3, "learning_rate": 1e-2},
    "search": {"fuse": ["late", "bilinear", "label_tensor"], "encode": ["table"], "propagate": []},
}


MIXES = """
from graphfuse.nn.slots import Fuse

class Mixes(Fuse):
    def __init__(self, dim, modalities):
        super().__init__()

    def forward(self, h, present):
        total = h.mean(2).sum(1)
        return total - total.mean(0)
"""


def recipe(**changes) -> Recipe:
    return Recipe.model_validate({**QUICK, **changes})


def exclusive_or(patients=500, seed=0) -> Cohort:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, patients, 4))
    ids = [f"P{i:04d}" for i in range(patients)]
    tables = {
        name: pd.DataFrame(x, ids, [f"{name}{i}" for i in range(4)])
        for name, x in (("a", a), ("b", b))
    }
    return Cohort.from_frames(tables, pd.Series((a[:, 0] * b[:, 0] > 0).astype(int), ids, name="y"))


def crossed(cohort, given) -> PreparedFold:
    return PreparedFold.fit(cohort, cohort.outcome(), given, None, 0)


def test_candidates_differ_in_one_slot_and_bring_the_tokens_they_need():
    given = recipe(
        search={
            "fuse": ["late", "concat", "cross_attention"],
            "encode": ["table", "mlp"],
            "propagate": ["none"],
        }
    )
    found = [(c.net.fuse, c.net.propagate, c.net.encode) for c in candidates(given)]
    assert found[0] == ("late", "mean", "table")
    assert ("concat", "mean", "table") in found and ("late", "none", "table") in found
    assert ("late", "mean", {"default": "mlp"}) in found
    assert ("cross_attention", "mean", {"default": "tokens"}) in found
    assert len(found) == len(set(map(str, found)))
    assert candidates(recipe(search=None)) == [recipe(search=None)]


@pytest.mark.slow
def test_an_exclusive_or_across_modalities_picks_an_interaction():
    cohort, given = exclusive_or(), recipe()
    (found,) = train_folds([crossed(cohort, given)], ("a", "b"), given, 0, "cpu")
    assert found.recipe.net.fuse == "bilinear" and found.trained.epochs > 0
    model = FusionModel(given, device="cpu").fit(cohort)
    assert model.recipe_.net.fuse == "bilinear" and model.score(exclusive_or(seed=9)) > 0.85


def test_the_winner_is_said_and_trained_as_long_as_it_would_be_alone(caplog):
    """However few candidates there are: two are halved once, after 8 epochs of 72."""
    cohort, given = (
        exclusive_or(300),
        recipe(search={"fuse": ["late", "bilinear"], "encode": [], "propagate": []}),
    )
    cross = crossed(cohort, given)
    with caplog.at_level(logging.INFO, "graphfuse.learn.fusion_search"):
        (found,) = train_folds([cross], ("a", "b"), given, 0, "cpu")
    (alone,) = train_folds(
        [cross], ("a", "b"), found.recipe.model_copy(update={"search": None}), 0, "cpu"
    )
    assert found.recipe.net.fuse == "bilinear" and found.trained.epochs == alone.trained.epochs > 24
    assert found.trained.curve == alone.trained.curve
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "search: 2 candidates for 8 epochs on inner folds"
    assert said[1].startswith("search: 1 of 2: fuse late, encode table, propagate mean: loss 0.")
    assert said[3] == "search: 1 candidate for 72 epochs on inner folds"
    assert said[-1].startswith(
        "search: 1 of 1 model took fuse bilinear, encode table, propagate mean: loss 0."
    )
    assert float(said[-1].split()[-1]) == round(min(found.trained.curve), 3)


def test_a_recipe_is_described_in_words():
    mixed = recipe(
        net={
            "fuse": "stack",
            "encode": {"gene": "network", "default": "mlp"},
            "propagate": "attention",
        }
    )
    assert described(mixed) == "fuse stack, encode mlp (network for gene), propagate attention"
    assert (
        described(recipe(net={"encode": {"rna": "mlp"}}))
        == "fuse gated, encode table (mlp for rna), propagate mean"
    )


@pytest.mark.parametrize("searched", [False, True])
def test_a_part_that_breaks_its_contract_is_not_trained(tmp_path, small, searched):
    (tmp_path / "mine.py").write_text(MIXES)
    name = f"{tmp_path / 'mine.py'}:Mixes"
    given = recipe(
        search={"fuse": ["sum", name]} if searched else None,
        net={"fuse": "sum" if searched else name},
    )
    with pytest.raises(InputError, match="mine.py:Mixes: a patient alone = in a batch: differs by"):
        FusionModel(given, device="cpu").fit(small.cohort)


@pytest.mark.slow
def test_additive_data_keep_what_they_have():
    cohort = planted(150, {"rna": 40, "meth": 30}, effect=1.0, seed=2).cohort
    given = recipe(
        net={"fuse": "gated", "width": 8},
        train={"epochs": 24, "seeds": 1, "learning_rate": 1e-2},
        search={"fuse": ["gated", "concat", "bilinear"]},
    )
    found = successive_halving(
        [crossed(cohort, given)], ("rna", "meth"), candidates(given), 0, "cpu"
    )[0]
    assert found.recipe == given or found.trained.epochs > 0  # ties go to the recipe itself


def test_what_cannot_be_built_is_passed_over():
    cohort = planted(
        60, {f"m{i}": 8 for i in range(7)}, classes=4, effect=2.0, seed=1
    ).cohort  # 4 ** 7 label cells
    given = recipe(
        net={"fuse": "concat", "width": 4},
        train={"epochs": 8, "seeds": 1},
        search={"fuse": ["label_tensor", "cross_attention", "sum"], "encode": []},
    )
    found = successive_halving(
        [crossed(cohort, given)], tuple(cohort.modalities), candidates(given)[:3], 0, "cpu"
    )
    assert found[0].recipe.net.fuse in ("concat", "sum")


@pytest.mark.parametrize("seed", [0])
def test_held_out_patients_choose_nothing(small, spoiled, seed):
    folds, other = spoiled
    given = recipe(
        train={"epochs": 8, "seeds": 1},
        search={"fuse": ["late", "bilinear"], "encode": [], "propagate": []},
    )
    before, after = (
        study(c, c.outcome(), given, None, folds, seed, "cpu", final=False).replicas[0].model
        for c in (small.cohort, other)
    )
    assert (
        before.recipe_ == after.recipe_
        and before.epochs_ == after.epochs_
        and before.gates_ == after.gates_
    )
    rest = replace(small.cohort)
    np.testing.assert_array_equal(before.predict_proba(rest), after.predict_proba(rest))
