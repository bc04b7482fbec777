"""Occlusion: of linear models the closed form, of others what the net says without the unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.integrated_gradients import IntegratedGradients
from graphfuse.explain.occluded import falls_by_unit, without
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

NAMES = ["occlusion", *(f"occlusion-of-{unit}" for unit in ("genes", "groups", "modalities"))]


@pytest.mark.parametrize("name", NAMES)
def test_falls_of_a_linear_model_are_slopes_times_values(linear, name):
    found = ranking_method(name).attribute(linear)
    expected = IntegratedGradients().attribute(linear)
    for modality in linear.columns:
        np.testing.assert_allclose(found.columns[modality], expected.columns[modality], atol=1e-9)
    assert found.edges is None and found.through_network is None


def test_an_input_falls_by_what_the_net_says_without_it(shaken):
    found = ranking_method("occlusion").attribute(shaken)
    whole = shaken.logits(shaken.columns)
    for name, column in (("rna", 5), ("meth", 2)):
        is_occluded = {m: np.zeros(x.shape[1], dtype=bool) for m, x in shaken.columns.items()}
        is_occluded[name][column] = True
        left = shaken.logits(without(shaken.columns, is_occluded))
        np.testing.assert_allclose(found.columns[name][:, :, column], (whole - left).T, atol=1e-12)


def units_of(net: FoldNet, name: str) -> dict[str, list]:
    return {
        "occlusion-of-genes": net.symbols,
        "occlusion-of-groups": net.groups,
        "occlusion-of-modalities": {m: [m] * x.shape[1] for m, x in net.columns.items()},
    }[name]


@pytest.mark.parametrize("name", NAMES[1:])
def test_columns_of_a_unit_sum_to_its_joint_fall(shaken, name):
    of_columns = {f"rna:G{number:04d}": f"group {number % 9}" for number in range(1, 41)}
    of_columns |= {f"meth:G{number:04d}": f"group {number % 9}" for number in range(1, 41)}
    net = replace(shaken, group_of=pd.Series(of_columns))
    units = units_of(net, name)
    found = ranking_method(name).attribute(net).columns
    alone = ranking_method("occlusion").attribute(net).columns
    whole = net.logits(net.columns)
    differs = 0
    for unit in sorted({unit for names in units.values() for unit in names}):
        members = {m: np.array([each == unit for each in names]) for m, names in units.items()}
        fall = (whole - net.logits(without(net.columns, members))).T  # [K, N]
        summed = sum(found[m][:, :, own].sum(2) for m, own in members.items())
        np.testing.assert_allclose(summed, fall, atol=1e-10)
        apart = sum(alone[m][:, :, own].sum(2) for m, own in members.items())
        differs += np.abs(apart - fall).max() > 1e-3
    assert differs  # or the test would say nothing


def test_inputs_without_a_unit_fall_alone(shaken):
    nothing = {name: [None] * own.shape[1] for name, own in shaken.columns.items()}
    found = falls_by_unit(shaken, nothing)
    alone = ranking_method("occlusion").attribute(shaken).columns
    for name in found:
        np.testing.assert_array_equal(found[name], alone[name])


def test_a_gene_set_falls_with_all_its_columns(small, tmp_path):
    genes = [f"G{number:04d}" for number in range(1, 13)]
    text = "first\t\t" + "\t".join(genes[:6]) + "\nsecond\t\t" + "\t".join(genes[4:12]) + "\n"
    (tmp_path / "sets.gmt").write_text(text)
    recipe = Recipe.model_validate(
        {
            "name": "sets",
            "pathways": {"sets": str(tmp_path / "sets.gmt"), "least": 3},
            "net": {
                "encode": {"default": "table", "pathways": "pathways"},
                "fuse": "attention_pool",
                "propagate": "none",
                "width": 6,
            },
            "train": {"epochs": 4, "stop": "last", "seeds": 1},
        }
    )
    model = FusionModel(recipe, device="cpu").fit(small.cohort)
    net = FoldNet(model.fitted_, 0, small.cohort.take(range(20)))
    found = ranking_method("occlusion").attribute(net).sets
    whole = net.logits(net.columns)
    for name, inside in (("first", set(genes[:6])), ("second", set(genes[4:12]))):
        members = {}
        for modality, symbols in net.symbols.items():
            members[modality] = np.array([symbol in inside for symbol in symbols])
        fall = whole - net.logits(without(net.columns, members))  # [N, K]
        expected = (fall * net.weight).sum(0)
        np.testing.assert_allclose(found.loc[name].to_numpy(float), expected, atol=1e-12)
