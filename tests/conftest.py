"""Planted cohorts and quick recipes that many tests share."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests themselves run side by side

import pytest

from graphfuse.data.synth import Planted, planted
from graphfuse.graph.network import GeneNetwork


@pytest.fixture(scope="session")
def small() -> Planted:
    """80 patients, two gene tables, a third of the patients without the second."""
    return planted(80, {"rna": 40, "meth": 24}, carriers=5, effect=2.0, missing={"meth": 0.3}, seed=3)


@pytest.fixture(scope="session")
def network(small: Planted) -> GeneNetwork:
    return GeneNetwork.from_frame(small.network, "planted")
