"""The product that replicas share: the plain one, alone, stacked and nested; with its gradients,
and without copies of x."""

from __future__ import annotations

import pytest
import torch
from torch.func import vmap

from graphfuse.nn.shared_matmul import product

FOLDS, SEEDS, N, F, D = 2, 3, 5, 4, 6


def tensors(*leading: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(FOLDS, N, *leading, F, dtype=torch.float64)
    return x.requires_grad_(), torch.randn(FOLDS, SEEDS, F, D, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("leading", [(), (2,)], ids=["rows", "hops"])
def test_folds_of_seeds_are_the_products_one_by_one(leading):
    x, weight = tensors(*leading)
    out = vmap(vmap(product, in_dims=(None, 0)))(x, weight)
    expected = torch.stack(
        [torch.stack([x[f] @ weight[f, s] for s in range(SEEDS)]) for f in range(FOLDS)]
    )
    assert torch.allclose(out, expected, atol=1e-12)
    push = torch.randn_like(out)
    for found, sought in zip(
        torch.autograd.grad((out * push).sum(), (x, weight)),
        torch.autograd.grad((expected * push).sum(), (x, weight)),
        strict=True,
    ):
        assert torch.allclose(found, sought, atol=1e-12)


@pytest.mark.parametrize("dims", [(0, 0), (0, None), (None, 0), (1, 2)], ids=str)
def test_any_axis_may_be_the_replicas(dims):
    torch.manual_seed(0)
    x, weight = torch.randn(N, F), torch.randn(F, D)
    many_x, many_w = (
        t if dim is None else torch.stack([t, 2 * t], dim)
        for t, dim in zip((x, weight), dims, strict=True)
    )
    out = vmap(product, in_dims=dims)(many_x, many_w)
    both = dims.count(None) == 0
    assert torch.allclose(
        out, torch.stack([x @ weight, (4 if both else 2) * (x @ weight)]), atol=1e-5
    )


def test_gradients_are_right_to_the_second_order():
    torch.manual_seed(0)
    x, weight = (
        torch.randn(N, F).double().requires_grad_(),
        torch.randn(F, D).double().requires_grad_(),
    )
    assert torch.autograd.gradcheck(product, (x, weight)) and torch.autograd.gradgradcheck(
        product, (x, weight)
    )


def test_what_is_kept_for_the_backward_pass_holds_x_once():
    x, weight = tensors()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        vmap(vmap(product, in_dims=(None, 0)))(x.detach(), weight)
    places = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    assert sum(places.values()) <= (x.numel() + weight.numel()) * 8
