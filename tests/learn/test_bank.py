"""The bank: own epochs, own stops, clipped steps, padding that no gradient reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfuse.learn import fit
from graphfuse.learn.bank import CLIP, Bank
from graphfuse.learn.linear import CrossFit
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate({"name": "quick", "patient": {"neighbours": 4}, "net": {"width": 6}})


@pytest.fixture(scope="module")
def folds(small):
    """Two folds of different sizes."""
    found = []
    for rows in (np.arange(70), np.arange(15, 80)):
        cohort = small.cohort.take(rows)
        cross = CrossFit(cohort, cohort.outcome().values, 2, RECIPE, None, 0)
        found.append(fit.fold_data(cross, tuple(cohort.modalities), RECIPE))
    return found


def bank_of(folds, seeds=(0, 1)) -> tuple[Bank, list]:
    nets = [[fit.fresh(fold, s) for s in seeds] for fold in folds]
    bank = Bank(nets, [f.inputs for f in folds], [f.codes for f in folds], dtype=torch.float64)
    return bank, [[torch.Generator().manual_seed(s) for s in seeds] for _ in folds]


def rows(folds, seeds=2) -> torch.Tensor:
    longest = max(len(f.codes) for f in folds)
    return torch.stack([(torch.arange(longest) < len(f.codes)).double().expand(seeds, -1) for f in folds])


def test_a_new_bank_is_the_linear_start(folds):
    bank, _ = bank_of(folds)
    logits = bank.logits().detach()
    for f, fold in enumerate(folds):
        expected = fit.fresh(fold, 0).double()(fold.inputs)
        assert torch.allclose(logits[f, 0, : len(fold.codes)], expected, atol=1e-12)
        assert torch.equal(logits[f, 0], logits[f, 1])  # seeds differ only once weights move


def test_a_fold_stops_after_its_own_epochs(folds):
    bank, draws = bank_of(folds)
    before = [bank.state(f, 0) for f in (0, 1)]
    bank.train(rows(folds), [0, 4], draws, learning_rate=1e-2, weight_decay=0.0)
    moved = [any(not torch.equal(before[f][n], v) for n, v in bank.state(f, 0).items()) for f in (0, 1)]
    assert moved == [False, True]


def test_training_lowers_the_loss_and_padding_stays_zero(folds):
    bank, draws = bank_of(folds)
    weight = rows(folds)
    before = bank.losses(weight).detach()
    bank.train(weight, [30, 30], draws, learning_rate=1e-2, weight_decay=1e-2)
    assert (bank.losses(weight).detach() < before).all()
    for name, value in bank.parameters.items():
        kept = bank.state(1, 0)[name].shape
        padding = value[1, 0].detach().clone()
        padding[tuple(slice(n) for n in kept)] = 0
        assert not padding.any(), name


def test_watching_follows_the_loss_and_stops_for_want_of_patience(folds):
    bank, draws = bank_of(folds)
    weight = rows(folds)
    nothing = torch.zeros_like(weight)
    curves = bank.train(
        weight, [60, 60], draws, learning_rate=1e-2, weight_decay=0.0, watch=nothing, patience=5
    )  # a loss that never changes
    assert len(curves) == 1 + 5 and torch.isfinite(curves).all()


def test_steps_are_clipped_per_replica(folds):
    bank, _ = bank_of(folds)
    (bank.losses(rows(folds)) * torch.tensor([[1e6, 1e-6], [1.0, 1.0]], dtype=torch.float64)).sum().backward()
    bank._clip()
    grads = [p.grad for p in bank.parameters.values() if p.grad is not None]
    norm = sum(g.flatten(2).square().sum(2) for g in grads).sqrt()
    assert norm[0, 0] == pytest.approx(CLIP) and norm[0, 1] < 1e-4


def test_unlabelled_patients_count_in_no_loss(folds):
    bank, _ = bank_of(folds)
    weight = rows(folds)
    whole = bank.losses(weight).detach()
    bank.codes[0, :10] = -1
    part = bank.losses(weight).detach()
    weight[0, :, :10] = 0
    assert torch.equal(part, bank.losses(weight).detach()) and not torch.equal(part[0], whole[0])
