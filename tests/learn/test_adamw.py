"""Replicas' descent: torch's own AdamW, each with its own rate; clipped by itself; nothing moves
that has stopped."""

from __future__ import annotations

import pytest
import torch

from graphfuse.learn.bank.adamw import CLIP, AdamW, clip

FOLDS, REPLICAS, SIZE, DECAYED = 2, 3, 7, 5
RATES = torch.tensor([[1e-2, 3e-3, 0.0], [1e-1, 1e-3, 5e-2]]).double()
DECAYS = torch.tensor([[1e-2, 0.0, 0.3], [0.1, 1.0, 0.0]]).double()


def gradients(steps: int = 40) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(steps, FOLDS, REPLICAS, SIZE, dtype=torch.float64) * torch.logspace(
        -3, 2, steps
    ).view(-1, 1, 1, 1)


def start() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(FOLDS, REPLICAS, SIZE, dtype=torch.float64)


def test_it_is_the_adamw_of_torch_for_each_replica():
    ours = AdamW(start(), DECAYED, RATES, DECAYS)
    for grad in gradients():
        ours.step(grad.clone(), torch.ones(FOLDS, REPLICAS, dtype=torch.bool))
    for f in range(FOLDS):
        for r in range(REPLICAS):
            weights, gates = (
                part.clone().requires_grad_()
                for part in start()[f, r].split([DECAYED, SIZE - DECAYED])
            )
            rate, decay = RATES[f, r].item(), DECAYS[f, r].item()
            theirs = torch.optim.AdamW(
                [
                    {"params": [weights], "weight_decay": decay},
                    {"params": [gates], "weight_decay": 0.0},
                ],
                lr=rate,
            )
            for grad in gradients():
                weights.grad, gates.grad = grad[f, r].clone().split([DECAYED, SIZE - DECAYED])
                torch.nn.utils.clip_grad_norm_([weights, gates], CLIP)
                theirs.step()
            found = torch.cat([weights, gates]).detach()
            assert (ours.values[f, r] - found).abs().max() <= 2e-7 * (
                rate > 0
            )  # torch divides by norm + 1e-6, we do not


def test_without_clipping_it_is_equal_to_the_last_digits():
    torch.manual_seed(2)
    grads = torch.randn(50, FOLDS, REPLICAS, SIZE, dtype=torch.float64) * 0.1
    ours = AdamW(start(), SIZE, RATES, DECAYS)
    for grad in grads:
        ours.step(grad.clone(), torch.ones(FOLDS, REPLICAS, dtype=torch.bool))
    for f, r in torch.cartesian_prod(torch.arange(FOLDS), torch.arange(REPLICAS)).tolist():
        value = start()[f, r].requires_grad_()
        theirs = torch.optim.AdamW([value], lr=RATES[f, r].item(), weight_decay=DECAYS[f, r].item())
        for grad in grads:
            value.grad = grad[f, r].clone()
            theirs.step()
        assert (ours.values[f, r] - value.detach()).abs().max() <= 1e-12


def test_gates_do_not_decay():
    ours = AdamW(start(), DECAYED, RATES, DECAYS)
    ours.step(
        torch.zeros(FOLDS, REPLICAS, SIZE, dtype=torch.float64),
        torch.ones(FOLDS, REPLICAS, dtype=torch.bool),
    )
    assert torch.equal(ours.values[..., DECAYED:], start()[..., DECAYED:])
    assert torch.allclose(
        ours.values[..., :DECAYED], start()[..., :DECAYED] * (1 - RATES * DECAYS)[..., None]
    )


def test_neither_values_nor_moments_move_of_a_replica_that_has_stopped():
    ours, alive = (
        AdamW(start(), DECAYED, RATES, DECAYS),
        torch.ones(FOLDS, REPLICAS, dtype=torch.bool),
    )
    first, *rest = gradients(5)
    ours.step(first.clone(), alive)
    before = [each.clone() for each in (ours.values, ours.first, ours.second)]
    alive[0, 0] = alive[1, 2] = False
    for grad in rest:
        ours.step(grad.clone(), alive)
    for was, now in zip(before, (ours.values, ours.first, ours.second), strict=True):
        assert torch.equal(was[~alive], now[~alive])
        assert not torch.equal(was[0, 1], now[0, 1])


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_a_gradient_keeps_its_direction(size):
    grad = start() * size
    shortened = grad.clone()
    clip(shortened)
    assert (torch.linalg.vector_norm(shortened, dim=-1) <= CLIP * (1 + 1e-12)).all()
    cosine = torch.nn.functional.cosine_similarity(grad, shortened, dim=-1)
    assert torch.allclose(cosine, torch.ones_like(cosine))


def test_a_gradient_that_is_not_finite_takes_no_step_and_no_neighbour_with_it():
    grad = start() / 100
    grad[0, 0, 0], grad[1, 1, 2] = torch.inf, torch.nan
    before = grad.clone()
    clip(grad)
    assert not grad[0, 0].any() and not grad[1, 1].any() and torch.equal(grad[0, 1], before[0, 1])
