"""Nets whose attributions are known: one that is its linear model, and one that is far from it."""

from __future__ import annotations

import pytest
import torch

from graphfuse.explain.method import FoldNet
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


def fitted(planted, network, epochs: int = 0) -> Fitted:
    recipe = Recipe.model_validate(
        {
            "name": "quick",
            "patient": {"neighbours": 4},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": epochs, "stop": "last", "seeds": 1, "learning_rate": 1e-2},
        }
    )
    return FusionModel(recipe, device="cpu", network=network).fit(planted.cohort).fitted_


@pytest.fixture(scope="session")
def linear(small, network) -> FoldNet:
    """A net that is its linear model, through open gates."""
    found = fitted(small, network)
    for parameter in found.nets[0].encode:
        parameter.gate.data.fill_(0.4)
    return FoldNet(found, 0, small.cohort.take(range(30)), network)


@pytest.fixture(scope="session")
def shaken(small, network) -> FoldNet:
    """A net with interactions: its parameters are moved at random."""
    found = fitted(small, network, 4)
    generator = torch.Generator().manual_seed(1)
    for parameter in found.nets[0].parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = parameter.data + 0.5 * noise.to(parameter.dtype)
    return FoldNet(found, 0, small.cohort.take(range(12)), network)
