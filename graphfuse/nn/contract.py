"""The contract suite of the slots: what every part must hold, run on any class (`graphfuse
check-part file.py:Class`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from graphfuse.errors import Faults, InputError, nearest
from graphfuse.nn.contract_checks import (
    D,
    F,
    K,
    M,
    N,
    Promise,
    alone,
    bank,
    differ,
    forbidden,
    gradients,
    moved,
    shape,
)
from graphfuse.nn.contract_samples import (
    MANY,
    as_mask,
    sample,
    sample_fusion,
    sample_lists,
    sample_modalities,
)
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.registry import SLOTS, part
from graphfuse.nn.slots import Encode, Fuse, Head, Propagate

LEVELS = ("embedding", "decision", "hybrid")


def check_named(name: str) -> list[str]:
    """Lines that say what was checked of the part `file.py:Class`. Raises `InputError` with
    everything that fails."""
    if ":" not in name:
        file = name if name.endswith(".py") else "my.py"
        raise InputError(
            f"{name}: names no class of a file; give file.py:Class, such as {file}:Bilinear"
        )
    for slot, base in SLOTS.items():
        try:
            found = part(slot, name)
        except InputError as error:
            if "is no" not in str(error):
                raise
            continue
        kept = [f"  ok  {line}" for line in check(found, name)]
        return [
            f"{name}: a part of slot {slot} ({base.__name__})",
            *kept,
            *(f"  note  {line}" for line in _notes(found)),
        ]
    raise InputError(
        f"{name}: is of no slot; derive it from one of "
        f"graphfuse.nn.slots.{', '.join(b.__name__ for b in SLOTS.values())}, or a step from "
        "graphfuse.data.prepare.step.Step"
    )


def check(cls: type[nn.Module], name: str | None = None) -> list[str]:
    """Names of the promises that the part `cls` keeps. Raises `InputError` with those that it does
    not."""
    with torch.random.fork_rng(devices=[]):
        return _checked(cls, name or cls.__name__)


def check_own(names: Iterable[tuple[str, str]]) -> None:
    """The suite on the parts of one's own, `file.py:Class`, among these (slot, name). Raises
    `InputError` as `check` does."""
    for slot, name in names:
        # those of PyTorch Geometric are tried out when they are built
        if ":" in name and not name.startswith("pyg:"):
            check(part(slot, name), name)


def _notes(cls: type[nn.Module]) -> list[str]:
    """What may be meant and may be an oversight: a fusion that never looks at `present`."""
    if not issubclass(cls, Fuse) or cls.level == "decision":
        return []
    with torch.random.fork_rng(devices=[]):
        build, (h, present) = sample(cls)
        fuse = build()
        fuse = fuse if cls.level == "embedding" else fuse.fuse.joint
        blind = not differ(fuse(h, present), fuse(h, torch.ones_like(present)))
    zeros = (
        "an absent modality counts as a row of zeros (right in a sum; not in a maximum, a "
        "product or a softmax)"
    )
    return [f"`present` is not looked at: {zeros}"] if blind else []


def _checked(cls: type[nn.Module], name: str) -> list[str]:
    suites = {Encode: _encode, Propagate: _propagate, Fuse: _fuse, Head: _head}
    suite = next(suite for base, suite in suites.items() if issubclass(cls, base))
    if issubclass(cls, Fuse) and cls.level not in LEVELS:
        raise InputError(
            f"{name}: level = {cls.level!r}: there is no such "
            f"level{nearest(str(cls.level), LEVELS)}"
        )
    faults, kept, promises = Faults(name), [], []
    try:
        promises = [*suite(cls), *_common(cls)]
    except Exception as error:
        faults.add(f"it cannot be built: {type(error).__name__}: {error}")
    for promise, holds in promises:
        try:
            said = holds()
        except Exception as error:  # a researcher's part may raise anything: it is a finding
            said = f"{type(error).__name__}: {error}"
        if said:
            faults.add(f"{promise}: {said}")
        else:
            kept.append(promise)
    faults.stop()
    return kept


def _common(cls) -> Iterator[Promise]:
    build, arguments = sample(cls)
    yield "no dropout, no batch statistics inside", lambda: forbidden(build())
    yield (
        "the same call twice gives the same",
        lambda: differ(*(build_once(*arguments) for build_once in [build()] * 2)),
    )
    if not getattr(cls, "loops", False):
        yield "a bank of replicas = the loop over them", lambda: bank(build, arguments)
    yield "gradients are finite and reach the parameters", lambda: gradients(build(), arguments)


def _encode(cls) -> Iterator[Promise]:
    build, (x,) = sample(cls)
    yield (
        "what it sees becomes [N, T, D], T = its tokens",
        lambda: shape(build()(x), (N, build().tokens, D)),
    )
    yield "a patient alone = in a batch", lambda: differ(*alone(build(), x))
    if cls.linear:
        yield "a rotation of the columns folds into `weight`", lambda: _rotates(build(), x)
    if cls.hops:
        yield "with its gate closed, the network is not there", lambda: _closed(build(), x)


def _propagate(cls) -> Iterator[Promise]:
    build, (own, senders, _) = sample(cls)
    module = build()

    def heard(lists: EdgeLists, said: Tensor = senders) -> Tensor:
        return module(own, said, (lists,) * M if cls.couples else lists)

    lists = sample_lists()
    yield "states become a message of their shape", lambda: shape(heard(lists), tuple(own.shape))
    silent = lists._replace(weight=torch.zeros_like(lists.weight))
    elsewhere = EdgeLists.build(lists.offsets, lists.index.flip(0), silent.weight, N)
    yield "an edge of weight 0 is no edge", lambda: differ(heard(silent), heard(elsewhere))
    if cls.quiet:
        yield (
            "quiet: without edges, no message",
            lambda: differ(heard(silent), torch.zeros_like(own)),
        )
    order = torch.randperm(N)
    renamed = EdgeLists.build(lists.offsets, torch.argsort(order)[lists.index], lists.weight, N)
    yield (
        "the order of the senders does not matter",
        lambda: differ(heard(lists), heard(renamed, senders[order])),
    )


def _fuse(cls) -> Iterator[Promise]:
    build, (h, present) = sample(cls)
    module, out = build(), (N, D if cls.level == "embedding" else K)
    yield "level, apart and least_tokens go together", lambda: _settings(cls)
    if cls.level == "hybrid":
        yield "joint gives an embedding", lambda: shape(module.fuse.joint(h, present), (N, D))
    yield "modalities become one", lambda: shape(module(h, present), out)
    yield "a patient alone = in a batch", lambda: differ(*alone(module, h, present))
    single = sample_fusion(cls, 1).double()
    yield (
        "one modality will do",
        lambda: shape(single(h[:, :1], torch.ones_like(present[:, :1])), out),
    )
    only = torch.eye(M, dtype=h.dtype)[torch.arange(N) % M]
    yield (
        "all but one absent is finite",
        lambda: shape(module(h * as_mask(only, h), only), out),
    )
    none = torch.zeros_like(h), torch.zeros_like(present)
    yield "all absent is finite, gradients too", lambda: gradients(module, none, reach=False)
    yield "each present modality gets a gradient", lambda: _reaches(module, h, present)
    if cls.level != "embedding":
        yield "what lies behind the mask changes nothing", lambda: _hidden(cls)
        if not cls.of_probabilities:
            yield "not of probabilities: one number of each modality will do", lambda: _single(cls)
    if cls.level != "decision" and cls.least_tokens == 1:
        yield (
            "several tokens of a modality will do",
            lambda: shape(module(*sample_modalities(cls, MANY)), out),
        )
    if cls.level != "decision" and cls.least_tokens > 1:
        yield (
            "the order of a modality's tokens does not matter",
            lambda: differ(module(h, present), module(h.flip(2), present)),
        )
    if cls.prime is not Fuse.prime:
        yield "primed, its parameters are finite, whoever is labelled", lambda: _primed_finite(cls)
        yield (
            "priming sees labelled patients and present modalities only",
            lambda: _primed_blind(cls),
        )


def _settings(cls: type[Fuse]) -> str:
    if cls.apart and cls.level != "decision":
        return (
            "apart = True is for level = 'decision', where modalities can be trained by "
            f"themselves; got {cls.level!r}"
        )
    return (
        ""
        if cls.least_tokens >= 1
        else f"expected least_tokens of 1 or more, got {cls.least_tokens}"
    )


def _hidden(cls: type[Fuse]) -> str:
    """Logits of absent modalities, set to something else."""
    count = M + (cls.level == "hybrid")
    fuse, present = (
        moved(cls(K if cls.level == "decision" else D, M)),
        torch.ones(N, count, dtype=torch.float64),
    )
    present[0, 0] = present[1, 1:M] = 0
    logits = torch.randn(N, count, K, dtype=torch.float64)
    return differ(
        fuse(logits, present),
        fuse(torch.where(present[..., None] > 0, logits, 9 * logits + 1), present),
    )


def _single(cls: type[Fuse]) -> str:
    """One number of each modality, of which a softmax over classes would make nothing."""
    count = M + (cls.level == "hybrid")
    fuse = moved(cls(1 if cls.level == "decision" else D, M))
    numbers = torch.randn(N, count, 1, dtype=torch.float64)
    present = torch.ones(N, count, dtype=torch.float64)
    return shape(fuse(numbers, present), (N, 1)) or _reaches(fuse, numbers, present)


def _primed_finite(cls: type[Fuse]) -> str:
    held, present, codes = _held()
    all_finite = all(
        torch.isfinite(_primed(cls, held, present, each)).all()
        for each in (codes, codes.clamp(max=-1))
    )
    return "" if all_finite else "a parameter is not"


def _primed_blind(cls: type[Fuse]) -> str:
    held, present, codes = _held()
    seen = (codes >= 0)[:, None, None] & (present > 0)[..., None]
    return differ(
        _primed(cls, held, present, codes),
        _primed(cls, torch.where(seen, held, 9.0 - held), present, codes),
    )


def _held() -> tuple[Tensor, Tensor, Tensor]:
    """Held-out logits `[5 N, M, K]` of patients of whom one in five is unlabelled, some lack a
    modality and one all."""
    held, codes = torch.randn(5 * N, M, K, dtype=torch.float64), torch.arange(5 * N) % 5 - 1
    present = torch.ones(5 * N, M, dtype=torch.float64)
    present[1::3, 0] = present[2::4, M - 1] = present[4] = 0
    return held, present, codes


def _primed(cls: type[Fuse], held: Tensor, present: Tensor, codes: Tensor) -> Tensor:
    """All numbers of a new part once primed."""
    torch.manual_seed(1)
    fuse = cls(K if cls.level == "decision" else D, M).double()
    with torch.no_grad():
        fuse.prime(held, present, codes)
    return torch.cat([value.double().flatten() for value in fuse.state_dict().values()])


def _head(cls) -> Iterator[Promise]:
    build, (z,) = sample(cls)
    yield "[N, D] becomes [N, K]", lambda: shape(build()(z), (N, K))
    yield "a patient alone = in a batch", lambda: differ(*alone(build(), z))
    yield (
        "starts at zero",
        lambda: "" if not cls(D, K).double()(z).any() else "a new head must give zeros",
    )


def _rotates(module: Encode, x: Tensor) -> str:
    turn = torch.linalg.qr(torch.randn(F, F, dtype=torch.float64))[0]
    before = module(x)
    with torch.no_grad():
        module.weight.copy_(turn.T @ module.weight)
    return differ(before, module(x @ turn))


def _closed(module: Encode, x: Tensor) -> str:
    with torch.no_grad():
        module.gate.zero_()
    other = x.clone()
    other[:, 1:] += 1
    return differ(module(x), module(other))


def _reaches(module: nn.Module, h: Tensor, present: Tensor) -> str:
    h = h.clone().requires_grad_()
    out = module(h, present)
    (grad,) = torch.autograd.grad((out * torch.randn_like(out)).sum(), h)
    deaf = [m for m in range(M) if not grad[:, m].any()]
    return f"modalities {deaf} get none" if deaf else ""
