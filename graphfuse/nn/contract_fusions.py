"""What is checked of fusions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from graphfuse.nn.contract_checks import Check, D, K, M, N, alone, differ, gradients, moved, shape
from graphfuse.nn.contract_samples import (
    MANY,
    as_mask,
    normal,
    sample,
    sample_fusion,
    sample_modalities,
)
from graphfuse.nn.slots import Fuse

PATIENTS = 5 * N  # whose validation logits a fusion is primed with


def fusion_checks(cls: type[Fuse]) -> Iterator[Check]:
    """What a fusion must keep to."""
    build, (h, present) = sample(cls)
    module = build()
    out = (N, D if cls.level == "embedding" else K)
    yield "level, apart and least_tokens go together", lambda: _settings(cls)
    if cls.level == "hybrid":
        yield "joint gives an embedding", lambda: shape(module.fuse.joint(h, present), (N, D))
    yield "modalities become one", lambda: shape(module(h, present), out)
    yield "a patient alone = in a batch", lambda: differ(*alone(module, h, present))
    single = sample_fusion(cls, 1).double()
    every = torch.ones_like(present[:, :1])
    yield "one modality will do", lambda: shape(single(h[:, :1], every), out)
    yield "all but one absent is finite", lambda: _one_present(module, h, out)
    none = torch.zeros_like(h), torch.zeros_like(present)
    yield "all absent is finite, gradients too", lambda: gradients(module, none, reach=False)
    yield "each present modality gets a gradient", lambda: _reaches(module, h, present)
    if cls.level != "embedding":
        yield from _checks_of_logits(cls)
    if cls.level != "decision":
        yield from _checks_of_tokens(cls, module, h, present)
    if cls.prime is not Fuse.prime:
        yield from _checks_of_priming(cls)


def _settings(cls: type[Fuse]) -> str:
    if cls.apart and cls.level != "decision":
        why = "where modalities can be trained by themselves"
        return f"apart = True is for level = 'decision', {why}; got {cls.level!r}"
    if cls.least_tokens < 1:
        return f"expected least_tokens of 1 or more, got {cls.least_tokens}"
    return ""


def _one_present(module: nn.Module, h: Tensor, expected: tuple) -> str:
    modality = torch.arange(N) % M  # the one that each patient has
    present = torch.eye(M, dtype=h.dtype)[modality]
    masked = h * as_mask(present, h)
    return shape(module(masked, present), expected)


def _reaches(module: nn.Module, h: Tensor, present: Tensor) -> str:
    h = h.clone().requires_grad_()
    out = module(h, present)
    total = (out * torch.randn_like(out)).sum()
    (grad,) = torch.autograd.grad(total, h)
    without = [m for m in range(M) if not grad[:, m].any()]
    return f"modalities {without} get none" if without else ""


# ------------------------------------------------------------------------------------------- tokens


def _checks_of_tokens(
    cls: type[Fuse], module: nn.Module, h: Tensor, present: Tensor
) -> Iterator[Check]:
    if cls.least_tokens == 1:
        yield "several tokens of a modality will do", lambda: _several_tokens(cls, module)
    if cls.least_tokens > 1:
        title = "the order of a modality's tokens does not matter"
        yield title, lambda: differ(module(h, present), module(h.flip(2), present))


def _several_tokens(cls: type[Fuse], module: nn.Module) -> str:
    expected = (N, D if cls.level == "embedding" else K)
    h, present = sample_modalities(cls, MANY)
    return shape(module(h, present), expected)


# ------------------------------------------------------------------------------------------- logits


def _checks_of_logits(cls: type[Fuse]) -> Iterator[Check]:
    yield "what lies behind the mask changes nothing", lambda: _ignores_absent(cls)
    if not cls.of_probabilities:
        yield "not of probabilities: one number of each modality will do", lambda: _numbers(cls)


def _ignores_absent(cls: type[Fuse]) -> str:
    """Whether other logits of absent modalities give the same."""
    count = M + (cls.level == "hybrid")
    fuse = moved(cls(K if cls.level == "decision" else D, M))
    present = torch.ones(N, count, dtype=torch.float64)
    present[0, 0] = present[1, 1:M] = 0
    logits = normal(N, count, K)
    other = torch.where(present[..., None] > 0, logits, 9 * logits + 1)
    return differ(fuse(logits, present), fuse(other, present))


def _numbers(cls: type[Fuse]) -> str:
    """One number of each modality, of which a softmax over classes would make nothing."""
    count = M + (cls.level == "hybrid")
    fuse = moved(cls(1 if cls.level == "decision" else D, M))
    numbers = normal(N, count, 1)
    present = torch.ones(N, count, dtype=torch.float64)
    return shape(fuse(numbers, present), (N, 1)) or _reaches(fuse, numbers, present)


# ------------------------------------------------------------------------------------------ priming


def _checks_of_priming(cls: type[Fuse]) -> Iterator[Check]:
    yield "primed, its parameters are finite, whoever is labelled", lambda: _primed_finite(cls)
    title = "priming sees labelled patients and present modalities only"
    yield title, lambda: _primed_blind(cls)


def _primed_finite(cls: type[Fuse]) -> str:
    logits, present, labels = _validation()
    nobody = labels.clamp(max=-1)
    primed = [_primed(cls, logits, present, each) for each in (labels, nobody)]
    return "" if torch.isfinite(torch.stack(primed)).all() else "a parameter is not"


def _primed_blind(cls: type[Fuse]) -> str:
    logits, present, labels = _validation()
    is_labelled = (labels >= 0)[:, None]
    seen = is_labelled & (present > 0)  # [5 N, M]
    other = torch.where(seen[..., None], logits, 9.0 - logits)
    first = _primed(cls, logits, present, labels)
    return differ(first, _primed(cls, other, present, labels))


def _validation() -> tuple[Tensor, Tensor, Tensor]:
    """Validation logits `[5 N, M, K]`, `present` and labels of patients of whom one in five is
    unlabelled, some lack a modality and one lacks all."""
    logits = normal(PATIENTS, M, K)
    labels = torch.arange(PATIENTS) % 5 - 1
    present = torch.ones(PATIENTS, M, dtype=torch.float64)
    present[1::3, 0] = present[2::4, M - 1] = present[4] = 0
    return logits, present, labels


def _primed(cls: type[Fuse], logits: Tensor, present: Tensor, labels: Tensor) -> Tensor:
    """All parameters and buffers of a new part once primed, in one row."""
    torch.manual_seed(1)
    fuse = cls(K if cls.level == "decision" else D, M).double()
    with torch.no_grad():
        fuse.prime(logits, present, labels)
    values = fuse.state_dict().values()
    return torch.cat([value.double().flatten() for value in values])
