"""What is planted comes first in the rankings of fold models."""

from __future__ import annotations

import pytest

from graphfuse.data.synth_ranking import planted_ranking
from graphfuse.explain.rank_over_folds import rank
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import Recipe
from tests.benchmarks.rankings import KINDS, dealt, fold_models, measured


def figures(kind: str, seed: int, patients: int = 300) -> dict[str, float]:
    """One cohort's average precisions."""
    truth = planted_ranking(patients, counts=KINDS[kind], seed=seed)
    network = GeneNetwork.from_frame(truth.network)
    folds = dealt(truth, (5, 1))
    replicas = fold_models(truth, folds, Recipe.named("multiplex"), network)
    return measured(truth, rank(replicas, truth.cohort, network), folds)


@pytest.mark.slow
def test_single_causal_columns_come_first():
    assert figures("singles", 0)["nodes"] >= 0.9
