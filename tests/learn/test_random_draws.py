"""Chance by name: no number depends on the order of modalities, nor a modality's first weights on
which others there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.leakage.epoch_picking import best_of_epochs
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.learn import fold_data
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.random_draws import mask_sources, seed_of
from graphfuse.schema import Recipe

WIDTHS = {"rna": 12, "meth": 9, "a": 5}
TRAINED = {"epochs": 3, "stop": "last", "seeds": 2, "modality_dropout": 0.2}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return planted(48, WIDTHS, carriers=3, missing={"meth": 0.3}, seed=4).cohort


def in_order(cohort: Cohort, names) -> Cohort:
    return replace(cohort, modalities={name: cohort.modalities[name] for name in names})


def recipe(**sections) -> Recipe:
    return Recipe.model_validate({"name": "r", "train": TRAINED, "net": {"width": 4}} | sections)


NETS = {
    "gated": recipe(),
    "no start": recipe(net={"width": 4, "start": "none", "fuse": "concat", "bridge": "linear"}),
    "late": recipe(net={"width": 4, "fuse": "late", "encode": "mlp", "propagate": "gcn"}),
    "tokens": recipe(net={"width": 4, "fuse": "cross_attention", "encode": "tokens"}),
    "fused layers": recipe(patient={"layers": ["snf", "shared"], "control": "random"}),
    "concepts": recipe(
        concepts={"planes": 3, "codes": 3, "components": 4, "epochs": 4},
        net={"width": 4, "encode": {"default": "none", "concepts": "walk"}},
    ),
    "searched": recipe(
        train=TRAINED | {"stop": "inner"},
        search={"fuse": ["concat"], "encode": ["mlp"], "propagate": []},
    ),
}


@pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
def test_a_prediction_does_not_depend_on_the_order_of_modalities(cohort, net):
    first = FusionModel(net, device="cpu").fit(cohort).predict_proba(cohort)
    other = in_order(cohort, ["rna", "a", "meth"])
    found = FusionModel(net, device="cpu").fit(other).predict_proba(in_order(cohort, WIDTHS))
    assert np.abs(first - found).max() <= 1e-9
    assert np.ptp(first) > 0.01


def named(model: str) -> str:
    """A model's name with its modalities, which stand in the manifest's order, in that of names."""
    kind, colon, modalities = model.partition(":")
    return kind + colon + "+".join(sorted(modalities.split("+")))


@pytest.mark.slow
def test_a_study_does_not_depend_on_the_order_of_modalities(cohort):
    outcome = cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 3, 1, 0)
    net, said = NETS["gated"], []
    for names in (("rna", "meth", "a"), ("a", "rna", "meth")):
        found = study(
            in_order(cohort, names), outcome, net, None, folds, 0, "cpu",
            beside=Beside(graph_ablation=True, modalities=True),
        )  # fmt: skip
        said.append({named(key): np.concatenate(p) for key, p in found.outputs.items()})
    assert said[0].keys() == said[1].keys()
    for name, probability in said[0].items():
        assert np.abs(probability - said[1][name]).max() <= 1e-9, name


def test_picked_epochs_do_not_depend_on_the_order_of_modalities(cohort):
    outcome = cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 2, 1, 0)
    curves = [
        best_of_epochs(in_order(cohort, names), outcome, NETS["gated"], None, folds, 0, "cpu")
        for names in (("rna", "meth", "a"), ("a", "rna", "meth"))
    ]
    assert np.array_equal(curves[0].curves, curves[1].curves)


def test_a_constant_column_moves_no_trained_net(cohort):
    net = NETS["gated"]
    tables = {m.name: m.table for m in cohort.modalities.values()}
    found = []
    for constants in (0, 3):
        wider = dict(tables)
        for number in range(constants):
            wider["rna"] = wider["rna"].assign(**{f"same{number}": 7.5})
        outcome = cohort.outcome()
        labels = (
            tables["rna"]
            .index.to_series()
            .map(
                dict(zip(cohort.patients, np.asarray(outcome.classes)[outcome.values], strict=True))
            )
        )
        made = Cohort.from_frames(
            {name: table.dropna(how="all") for name, table in wider.items()},
            labels.rename("subtype"),
        )
        found.append(FusionModel(net, device="cpu").fit(made).predict_proba(made))
    # The columns are turned into the patients' own coordinates, whose last digits products of
    # another width round otherwise; training is in single precision.
    assert np.abs(found[0] - found[1]).max() <= 1e-4


def fold_of(cohort: Cohort, names) -> fold_data.FoldData:
    chosen = in_order(cohort, names)
    cross = PreparedFold.fit(chosen, chosen.outcome(), NETS["gated"], None, 0)
    return fold_data.fold_data(cross, tuple(chosen.modalities), NETS["gated"])


def test_first_weights_of_a_modality_do_not_depend_on_the_others(cohort):
    nets = {names: initial_net(fold_of(cohort, names), 3) for names in [("a", "rna"), ("rna",)]}
    both, alone = (nets[names].encode[-1].weight for names in nets)
    assert torch.equal(both, alone)
    assert not torch.equal(nets["a", "rna"].encode[0].weight[:4], both[:4])
    again = initial_net(fold_of(cohort, ("rna",)), 4).encode[0].weight
    assert not torch.equal(again, alone)


def test_masks_of_a_modality_do_not_depend_on_the_others():
    for names in permutations(WIDTHS):
        drawn = {
            name: torch.rand(4, generator=source)
            for name, source in zip(names, mask_sources(names, 1), strict=True)
        }
        alone = torch.rand(4, generator=mask_sources(["rna"], 1)[0])
        assert torch.equal(drawn["rna"], alone)
        assert len({tuple(each.tolist()) for each in drawn.values()}) == 3


def test_seeds_differ_by_seed_and_name():
    found = {seed_of(seed, name) for seed in range(20) for name in ("rna", "rnb", "ab", "a", "")}
    assert len(found) == 100 and all(0 <= each < 2**63 for each in found)
