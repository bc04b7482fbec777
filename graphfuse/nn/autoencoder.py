"""A tied deterministic autoencoder."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu, linear


class Autoencoder(nn.Module):
    """F → int(0.8 F) → code and back by the same weights transposed, leaky ReLUs, a last linear
    map, a bias for each of the four steps (as in D'Souza et al. 2022, arXiv 2210.14377; not
    variational).

    `generator` draws the first weights, so that building one leaves the caller's random numbers
    alone.
    """

    def __init__(self, features: int, code: int, generator: Generator | None = None):
        super().__init__()
        hidden = max(1, int(0.8 * features))
        self.inner = nn.Parameter(
            torch.randn(hidden, features, generator=generator) * features**-0.5
        )
        self.outer = nn.Parameter(torch.randn(code, hidden, generator=generator) * hidden**-0.5)
        self.inner_bias = nn.Parameter(torch.zeros(hidden))
        self.outer_bias = nn.Parameter(torch.zeros(code))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.out_bias = nn.Parameter(torch.zeros(features))

    def encode(self, x: Tensor) -> Tensor:
        """`[…, F]` → codes `[…, code]`."""
        return self.encode_hidden(linear(x, self.inner, self.inner_bias))

    def encode_hidden(self, sums: Tensor) -> Tensor:
        """The rest of `encode` from the first layer's sums `[…, int(0.8 F)]`, before their leaky
        ReLU."""
        return leaky_relu(linear(leaky_relu(sums), self.outer, self.outer_bias))

    def forward(self, x: Tensor) -> Tensor:
        hidden = leaky_relu(linear(self.encode(x), self.outer.T, self.hidden_bias))
        return linear(hidden, self.inner.T, self.out_bias)


def reconstruction_loss(model: Autoencoder, x: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error over the entries of `x` `[n, F]` that `weight` `[n, 1]` or `[n, F]`
    counts."""
    weight = weight.expand(x.shape)
    return (weight * (model(x) - x).square()).sum() / weight.sum().clamp(min=1)
