"""Devices: which are meant, that one which is not there is named, and that predictions and rankings
are computed where they are asked to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfuse import api
from graphfuse.errors import InputError
from graphfuse.explain.differentiable_model import Forward
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

TRAIN = {"epochs": 3, "seeds": 2}
PLAIN = {"name": "plain", "patient": {"neighbours": 4}, "train": TRAIN}
NETWORK = PLAIN | {"net": {"encode": {"default": "table", "gene": "network"}, "width": 6}}
WALK = PLAIN | {"net": {"propagate": "walk", "fuse": "attention_pool", "width": 6}}
LATE = PLAIN | {"net": {"propagate": "gcn", "fuse": "late", "width": 6}}


@pytest.fixture(scope="module", params=[NETWORK, WALK, LATE], ids=["network", "walk", "late"])
def model(small, network, request) -> FusionModel:
    recipe = Recipe.model_validate(request.param)
    return FusionModel(recipe, device="cpu", network=network).fit(small.cohort)


def test_devices_are_named_or_refused():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda")
    for wrong in ("tpu", "cpu:3", "cuda:", "cuda:x", "", "CPU"):
        with pytest.raises(InputError, match=f"--device {wrong}: no such device"):
            pick_device(wrong)
    with pytest.raises(InputError, match=r"device: expected auto, cpu or cuda \(got int\)"):
        pick_device(0)


def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(InputError, match="--device cuda:99: PyTorch sees no GPU"):
        pick_device("cuda:99")


def test_a_model_moves_whole(model, small):
    """On torch's meta device, which holds no numbers: whatever stays behind on the CPU cannot be
    computed with."""
    fitted = model.fitted_
    views = fitted.preparation.views(small.cohort)
    there = fitted.on("meta")
    inputs = there.inputs(views)
    assert there.run(0, inputs).device.type == "meta"
    forward = Forward(there, 0, inputs, views)
    assert {each.device.type for each in forward.gradients(forward.columns)} == {"meta"}
    assert {each.device.type for net in fitted.nets for each in net.parameters()} == {"cpu"}


def test_a_model_on_the_cpu_by_another_name_has_the_same_digits(model, small):
    before = model.predict_proba(small.cohort)
    assert model.on("cpu") is model.on(None) is model
    elsewhere = FusionModel(model.recipe, device="auto").adopt(
        model.fitted_, model.recipe_, small.cohort.outcome()
    )
    assert np.array_equal(elsewhere.on("cpu").predict_proba(small.cohort), before)


def test_who_predicts_on_a_gpu_that_is_not_there_is_told(model, small):
    for use in (api.predict, api.score):
        with pytest.raises(InputError, match="--device cuda:99"):
            use(model, small.cohort, device="cuda:99")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_says_what_the_cpu_says(model, small):
    here = model.predict_proba(small.cohort)
    assert np.abs(model.on("cuda").predict_proba(small.cohort) - here).max() < 1e-4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_ranks_as_the_cpu_does(small, network):
    recipe = Recipe.model_validate(NETWORK)
    report = api.train(small.cohort, recipe, cv=(2, 1), network=network, ledger=False, device="cpu")
    given = report.replicas, report.cohort, report.network
    here, there = rank(*given, "cpu"), rank(*given, "cuda")
    both = here.nodes.merge(there.nodes, on="id")
    assert np.abs(both["score_x"] - both["score_y"]).max() < 1e-4
