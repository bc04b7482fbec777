"""A matrix product in which replicas that see the same patients share them."""

from __future__ import annotations

import torch
from torch import Tensor


def product(x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight`: `[…, F]`, `[F, D]` → `[…, D]`.

    Under `torch.func.vmap` over weights alone, all replicas' weights stand side by side in one
    product: `x` is neither copied nor kept once for each replica, and one wide product is faster
    than many narrow ones.
    """
    return _Product.apply(x.reshape(-1, x.shape[-1]), weight).unflatten(0, x.shape[:-1])


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(x, weight):
        return x @ weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors  # in half precision the product has a dtype of its own
        to_x = (grad @ weight.mT.to(grad.dtype)).to(x.dtype) if ctx.needs_input_grad[0] else None
        return to_x, (x.mT.to(grad.dtype) @ grad).to(weight.dtype) if ctx.needs_input_grad[
            1
        ] else None

    @staticmethod
    def vmap(info, in_dims, x, weight):
        if in_dims[0] is None:
            wide = weight.movedim(in_dims[1], -2)
            out = _Product.apply(x, wide.flatten(-2)).unflatten(-1, wide.shape[-2:])
            return out, out.dim() - 2
        x = x.movedim(in_dims[0], 0)
        weight = (
            weight.expand(info.batch_size, *weight.shape)
            if in_dims[1] is None
            else weight.movedim(in_dims[1], 0)
        )
        return _Product.apply(x, weight), 0
