"""What the contract suite gives to a part: inputs, and parts built for them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from graphfuse.nn.contract_checks import D, F, K, M, N, T, moved
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Encode, Fuse, Propagate

MANY = 3  # tokens of a modality, where a part is given several
Build = Callable[[], nn.Module]


def sample(cls: type[nn.Module]) -> tuple[Build, tuple]:
    """How to build the part away from its start (where a head or a gate at zero would hide what it
    does), and the arguments of one call, in float64."""
    torch.manual_seed(0)
    if issubclass(cls, Encode):
        return _sample_encoder(cls)
    if issubclass(cls, Propagate):
        return _sample_propagator(cls)
    if issubclass(cls, Fuse):
        return lambda: moved(sample_fusion(cls, M)), sample_modalities(cls)
    z = normal(N, D)
    return lambda: moved(cls(D, K)), (z,)


def normal(*size: int) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(size, dtype=torch.float64)


def _sample_encoder(cls: type[Encode]) -> tuple[Build, tuple]:
    features, x = _seen(cls)
    return lambda: moved(cls(features, D)), (cls.prepare(x),)


def _seen(cls: type[Encode]) -> tuple[int | tuple[int, ...], Tensor]:
    """The features that an encoder is built with, and its input for N patients."""
    if cls.sees == "planes":
        rows = normal(N, 2 + K, F)
        mask_and_planes = (rows[:, 1:] > 0).double()
        return (2 + K, F), torch.cat([rows[:, :1], mask_and_planes], 1)
    if cls.sees == "nodes":
        return (K, F, -1), normal(N, K, F)
    if cls.sees == "sets":
        return (K, F), normal(N, K, F)
    columns = 0 if cls.sees == "nothing" else F
    if cls.hops:
        return columns, normal(N, 1 + cls.hops, columns)
    return columns, normal(N, columns)


def _sample_propagator(cls: type[Propagate]) -> tuple[Build, tuple]:
    channels = (M,) if cls.couples else ()
    own, senders = normal(2, N, *channels, T, D)
    lists = (sample_lists(),) * M if cls.couples else sample_lists()
    return lambda: moved(cls(D)), (own, senders, lists)


def sample_lists() -> EdgeLists:
    """Two neighbours for every patient but the last, who has none, with weights of a half."""
    neighbours = [((i + 1) % N, (i + 3) % N) for i in range(N - 1)]
    index = torch.tensor(neighbours).flatten()
    degrees = torch.tensor([0, *[2] * (N - 1), 0])
    weight = torch.full((len(index),), 0.5, dtype=torch.float64)
    return EdgeLists.build(degrees.cumsum(0), index, weight, N)


class _AsTheNetRunsIt(nn.Module):
    """A hybrid fusion as the net runs it, with heads that read the first K entries of an
    embedding."""

    def __init__(self, fuse: Fuse):
        super().__init__()
        self.fuse = fuse

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        own = h.mean(2)[..., :K]  # [N, M, K]
        joint = self.fuse.joint(h, present)[:, None, :K]  # [N, 1, K]
        always = torch.ones_like(present[:, :1])
        logits = torch.cat([own, joint], 1)
        return self.fuse(logits, torch.cat([present, always], 1))


def sample_fusion(cls: type[Fuse], modalities: int) -> nn.Module:
    """The fusion as a map of `h` and `present`, whatever its level."""
    fuse = cls(K if cls.level == "decision" else D, modalities)
    return _AsTheNetRunsIt(fuse) if cls.level == "hybrid" else fuse


def sample_modalities(cls: type[Fuse], tokens: int = T) -> tuple[Tensor, Tensor]:
    """`h` and `present` of patients of whom two lack a modality."""
    present = torch.ones(N, M, dtype=torch.float64)
    present[1, 0] = present[2, M - 1] = 0
    if cls.least_tokens > 1:
        tokens = max(MANY, cls.least_tokens)
    entries = (K,) if cls.level == "decision" else (tokens, D)
    h = normal(N, M, *entries)
    return h * as_mask(present, h), present


def as_mask(present: Tensor, h: Tensor) -> Tensor:
    """`present` with axes of one, so that it multiplies `h`."""
    ones = (1,) * (h.dim() - present.dim())
    return present.view(*present.shape, *ones)
