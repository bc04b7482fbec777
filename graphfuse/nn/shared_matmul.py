"""A matrix product in which replicas that see the same patients share them."""

from __future__ import annotations

import torch
from torch import Tensor


def product(x: Tensor, weight: Tensor) -> Tensor:
    """Compute `x @ weight`, with one wide product for all replicas under `torch.func.vmap`.

    Where replicas differ in their weights alone, the weights stand side by side in one product: `x`
    is neither copied nor kept once for each replica, and one wide product is faster than many
    narrow ones.

    Parameters
    ----------
    x : Tensor, [..., F]
    weight : Tensor, [F, D]

    Returns
    -------
    Tensor, [..., D]

    Examples
    --------
    >>> import torch
    >>> product(torch.ones(2, 3), torch.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    rows = x.reshape(-1, x.shape[-1])
    return _Product.apply(rows, weight).unflatten(0, x.shape[:-1])


class _Product(torch.autograd.Function):
    """`[n, F]`, `[F, D]` → `[n, D]`."""

    @staticmethod
    def forward(x, weight):
        return x @ weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        dtype = grad.dtype  # in half precision that of the product, not of what is multiplied
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight.mT.to(dtype)
            grad_x = grad_x.to(x.dtype)
        if ctx.needs_input_grad[1]:
            grad_weight = x.mT.to(dtype) @ grad
            grad_weight = grad_weight.to(weight.dtype)
        return grad_x, grad_weight

    @staticmethod
    def vmap(info, in_dims, x, weight):
        x_dim, weight_dim = in_dims
        if x_dim is None:
            # weights side by side: [F, replicas, D] as [F, replicas × D]
            wide = weight.movedim(weight_dim, -2)
            out = _Product.apply(x, wide.flatten(-2))
            out = out.unflatten(-1, wide.shape[-2:])
            return out, out.dim() - 2
        x = x.movedim(x_dim, 0)
        if weight_dim is None:
            weight = weight.expand(info.batch_size, *weight.shape)
        else:
            weight = weight.movedim(weight_dim, 0)
        return _Product.apply(x, weight), 0
