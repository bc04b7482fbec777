"""How often cohorts without a signal, and with a planted one, are called "not stable"."""

from __future__ import annotations

import pytest

from graphfuse.data.synth_ranking import planted_ranking
from graphfuse.evaluate.leakage.nulls import shuffled
from graphfuse.explain.half_samples import HalfSamples, settled
from graphfuse.explain.rank_over_folds import rank
from tests.explain.test_half_samples import RECIPE, fold_models


def is_stable(cohort) -> bool:
    """By the verdict over 20 models of halves."""
    replicas = fold_models(cohort)
    halves = HalfSamples.of(replicas, cohort, None, settled(RECIPE, replicas), 20)
    ranking = rank(replicas, cohort, None, resamples=halves)
    return not ranking.stability.verdict.startswith("not stable")


@pytest.mark.nightly
def test_noise_is_not_stable_and_planted_cohorts_are():
    """300 patients, 3 modalities of 200 columns; the causal columns alone score AUROC .95."""
    planted = [planted_ranking(300, seed=seed).cohort for seed in range(1000, 1050)]
    called = [is_stable(shuffled(cohort, seed=7)) for cohort in planted]
    assert sum(called) <= 5
    assert sum(map(is_stable, planted)) >= 45
