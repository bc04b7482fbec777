"""What the contract suite shows a part: inputs, and parts made for them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from graphfuse.nn.contract_checks import (
    D,
    F,
    K,
    M,
    N,
    T,
    moved,
)
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Encode, Fuse, Propagate

MANY = 3  # tokens of a modality, where a part is shown several


def sample(cls) -> tuple[Callable[[], nn.Module], tuple]:
    """How to build the part away from its start (where a head or a gate at zero would hide what it
    does), and arguments of one call, float64."""
    torch.manual_seed(0)
    if issubclass(cls, Encode):
        features, x = _seen(cls)
        return lambda: moved(cls(features, D)), (cls.prepare(x),)
    if issubclass(cls, Propagate):
        own, senders = torch.randn(2, N, *((M,) if cls.couples else ()), T, D, dtype=torch.float64)
        return lambda: moved(cls(D)), (
            own,
            senders,
            (sample_lists(),) * M if cls.couples else sample_lists(),
        )
    if issubclass(cls, Fuse):
        return lambda: moved(sample_fusion(cls, M)), sample_modalities(cls)
    return lambda: moved(cls(D, K)), (torch.randn(N, D, dtype=torch.float64),)


def _seen(cls: type[Encode]) -> tuple[int | tuple[int, ...], Tensor]:
    """What an encoder is built with, and N patients as it sees them."""
    if cls.sees == "planes":
        rows = torch.randn(N, 2 + K, F, dtype=torch.float64)
        return (2 + K, F), torch.cat([rows[:, :1], (rows[:, 1:] > 0).double()], 1)
    if cls.sees == "nodes":
        return (K, F, -1), torch.randn(N, K, F, dtype=torch.float64)
    if cls.sees == "sets":
        return (K, F), torch.randn(N, K, F, dtype=torch.float64)
    width = 0 if cls.sees == "nothing" else F
    return width, torch.randn(
        (N, 1 + cls.hops, width) if cls.hops else (N, width), dtype=torch.float64
    )


def sample_lists(weight: float = 0.5) -> EdgeLists:
    """Every patient hears two others; the last hears nobody."""
    index = torch.tensor([(i + step) % N for i in range(N - 1) for step in (1, 3)])
    offsets = torch.tensor([*range(0, 2 * N - 1, 2), 2 * N - 2])
    return EdgeLists.build(
        offsets, index, torch.full((len(index),), weight, dtype=torch.float64), N
    )


class _Whole(nn.Module):
    """A hybrid fusion as the net runs it, with heads that read the first K numbers of an
    embedding."""

    def __init__(self, fuse: Fuse):
        super().__init__()
        self.fuse = fuse

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        said = torch.cat([h.mean(2)[..., :K], self.fuse.joint(h, present)[:, None, :K]], 1)
        return self.fuse(said, torch.cat([present, torch.ones_like(present[:, :1])], 1))


def sample_fusion(cls: type[Fuse], modalities: int) -> nn.Module:
    """The fusion as a map of `h` and `present`, whatever its level."""
    fuse = cls(K if cls.level == "decision" else D, modalities)
    return _Whole(fuse) if cls.level == "hybrid" else fuse


def sample_modalities(cls: type[Fuse], tokens: int = T) -> tuple[Tensor, Tensor]:
    """`h` and `present` of patients of whom two lack a modality."""
    present = torch.ones(N, M, dtype=torch.float64)
    present[1, 0] = present[2, M - 1] = 0
    tokens = tokens if cls.least_tokens == 1 else max(MANY, cls.least_tokens)
    h = torch.randn(
        (N, M, K) if cls.level == "decision" else (N, M, tokens, D), dtype=torch.float64
    )
    return h * as_mask(present, h), present


def as_mask(present: Tensor, h: Tensor) -> Tensor:
    """`present` with axes of one, so that it multiplies `h`."""
    return present.view(*present.shape, *(1,) * (h.dim() - 2))
