"""A tied deterministic autoencoder."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu, linear


class Autoencoder(nn.Module):
    """Encode F columns by two layers, and decode them by the same weights transposed.

    F → int(0.8 F) → code and back, with leaky ReLUs, a last linear map, and a bias for each of the
    four steps; not variational.

    Parameters
    ----------
    features : int
        The number of columns F.
    code : int
        The number of codes.
    generator : torch.Generator, optional
        Draws the first weights, so that building one leaves the caller's random numbers alone.

    References
    ----------
    D'Souza et al. 2022, arXiv 2210.14377.

    Examples
    --------
    >>> model = Autoencoder(10, 3)
    >>> model.encode(torch.zeros(5, 10)).shape, model(torch.zeros(5, 10)).shape
    (torch.Size([5, 3]), torch.Size([5, 10]))
    """

    def __init__(self, features: int, code: int, generator: Generator | None = None):
        super().__init__()
        hidden = max(1, int(0.8 * features))
        inner = torch.randn(hidden, features, generator=generator)
        outer = torch.randn(code, hidden, generator=generator)
        self.inner = nn.Parameter(inner * features**-0.5)
        self.outer = nn.Parameter(outer * hidden**-0.5)
        self.inner_bias = nn.Parameter(torch.zeros(hidden))
        self.outer_bias = nn.Parameter(torch.zeros(code))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.out_bias = nn.Parameter(torch.zeros(features))

    def encode(self, x: Tensor) -> Tensor:
        """The codes `[..., code]` of columns `[..., F]`."""
        sums = linear(x, self.inner, self.inner_bias)
        return self.encode_hidden(sums)

    def encode_hidden(self, sums: Tensor) -> Tensor:
        """The codes, given the first layer's sums `[..., int(0.8 F)]` before their leaky ReLU."""
        hidden = leaky_relu(sums)
        return leaky_relu(linear(hidden, self.outer, self.outer_bias))

    def forward(self, x: Tensor) -> Tensor:
        """The columns `[..., F]`, encoded and decoded."""
        codes = self.encode(x)
        hidden = leaky_relu(linear(codes, self.outer.T, self.hidden_bias))
        return linear(hidden, self.inner.T, self.out_bias)


def reconstruction_loss(model: Autoencoder, x: Tensor, weight: Tensor) -> Tensor:
    """The mean squared error over the entries of `x` `[n, F]` that `weight` `[n, 1]` or `[n, F]`
    counts."""
    weight = weight.expand(x.shape)
    error = (model(x) - x).square()
    return (weight * error).sum() / weight.sum().clamp(min=1)
