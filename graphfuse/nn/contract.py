"""The contract suite of the slots: what every part must hold, run on any class (`graphfuse check-part file.py:Class`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from graphfuse.errors import Faults, InputError
from graphfuse.nn.lists import Lists
from graphfuse.nn.parts import SLOTS, Encode, Fuse, Head, Propagate, part

N, M, T, D, K, F = 7, 3, 1, 8, 4, 5
CLOSE = 1e-9


def check_named(name: str) -> list[str]:
    """Lines that say what was checked of the part `file.py:Class`. Raises `InputError` with everything that fails."""
    for slot, base in SLOTS.items():
        try:
            found = part(slot, name)
        except InputError as error:
            if "is no" not in str(error):
                raise
            continue
        return [f"{name}: a part of slot {slot} ({base.__name__})", *(f"  ok  {line}" for line in check(found, name))]
    raise InputError(
        f"{name}: is of no slot; derive it from one of graphfuse.nn.parts.{', '.join(b.__name__ for b in SLOTS.values())}"
    )


def check(cls: type[nn.Module], name: str | None = None) -> list[str]:
    """Names of the promises that the part `cls` keeps. Raises `InputError` with those that it does not."""
    with torch.random.fork_rng(devices=[]):
        return _checked(cls, name or cls.__name__)


def _checked(cls: type[nn.Module], name: str) -> list[str]:
    suites = {Encode: _encode, Propagate: _propagate, Fuse: _fuse, Head: _head}
    suite = next(suite for base, suite in suites.items() if issubclass(cls, base))
    faults, kept = Faults(name), []
    for promise, holds in (*suite(cls), *_common(cls)):
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


Promise = tuple[str, Callable[[], str]]


def _common(cls) -> Iterator[Promise]:
    build, arguments = _sample(cls)
    yield "no dropout, no batch statistics inside", lambda: _forbidden(build())
    yield "the same call twice gives the same", lambda: _differ(*(build_once(*arguments) for build_once in [build()] * 2))
    yield "a bank of replicas = the loop over them", lambda: _bank(build, arguments)
    yield "gradients are finite and reach the parameters", lambda: _gradients(build(), arguments)


def _sample(cls) -> tuple[Callable[[], nn.Module], tuple]:
    """How to build the part away from its start (where a head or a gate at zero would hide what it does), and arguments of one
    call, float64."""
    torch.manual_seed(0)
    if issubclass(cls, Encode):
        features, x = _seen(cls)
        return lambda: _moved(cls(features, D)), (cls.prepare(x),)
    if issubclass(cls, Propagate):
        own, senders = torch.randn(2, N, *((M,) if cls.couples else ()), T, D, dtype=torch.float64)
        return lambda: _moved(cls(D)), (own, senders, (_lists(),) * M if cls.couples else _lists())
    if issubclass(cls, Fuse):
        present = torch.ones(N, M, dtype=torch.float64)
        h = (
            torch.randn(N, M, K, dtype=torch.float64)
            if cls.level == "decision"
            else torch.randn(N, M, T, D, dtype=torch.float64)
        )
        return lambda: _moved(cls(h.shape[-1], M)), (h, present)
    return lambda: _moved(cls(D, K)), (torch.randn(N, D, dtype=torch.float64),)


def _seen(cls: type[Encode]) -> tuple[int | tuple[int, ...], Tensor]:
    """What an encoder is built with, and N patients as it sees them."""
    if cls.sees == "planes":
        rows = torch.randn(N, 2 + K, F, dtype=torch.float64)
        return (2 + K, F), torch.cat([rows[:, :1], (rows[:, 1:] > 0).double()], 1)
    if cls.sees == "nodes":
        return (K, F, -1), torch.randn(N, K, F, dtype=torch.float64)
    width = 0 if cls.sees == "nothing" else F
    return width, torch.randn((N, 1 + cls.hops, width) if cls.hops else (N, width), dtype=torch.float64)


def _moved(module: nn.Module) -> nn.Module:
    """The part in float64, every parameter a little off its first value."""
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def _lists(weight: float = 0.5) -> Lists:
    """Every patient hears two others; the last hears nobody."""
    index = torch.tensor([(i + step) % N for i in range(N - 1) for step in (1, 3)])
    offsets = torch.tensor([*range(0, 2 * N - 1, 2), 2 * N - 2])
    return Lists.build(offsets, index, torch.full((len(index),), weight, dtype=torch.float64), N)


def _encode(cls) -> Iterator[Promise]:
    build, (x,) = _sample(cls)
    yield "what it sees becomes [N, T, D]", lambda: _shape(build()(x), (N, None, D))
    yield "a patient alone = in a batch", lambda: _differ(*_alone(build(), x))
    if cls.linear:
        yield "a rotation of the columns folds into `weight`", lambda: _rotates(build(), x)
    if cls.hops:
        yield "with its gate closed, the network is not there", lambda: _closed(build(), x)


def _propagate(cls) -> Iterator[Promise]:
    build, (own, senders, _) = _sample(cls)
    module = build()

    def heard(lists: Lists, said: Tensor = senders) -> Tensor:
        return module(own, said, (lists,) * M if cls.couples else lists)

    lists = _lists()
    yield "states become a message of their shape", lambda: _shape(heard(lists), tuple(own.shape))
    silent = lists._replace(weight=torch.zeros_like(lists.weight))
    moved = Lists.build(lists.offsets, lists.index.flip(0), silent.weight, N)
    yield "an edge of weight 0 is no edge", lambda: _differ(heard(silent), heard(moved))
    order = torch.randperm(N)
    renamed = Lists.build(lists.offsets, torch.argsort(order)[lists.index], lists.weight, N)
    yield "the order of the senders does not matter", lambda: _differ(heard(lists), heard(renamed, senders[order]))


def _fuse(cls) -> Iterator[Promise]:
    build, (h, present) = _sample(cls)
    module, out = build(), (N, K if cls.level == "decision" else D)
    yield "modalities become one", lambda: _shape(module(h, present), out)
    yield "a patient alone = in a batch", lambda: _differ(*_alone(module, h, present))
    yield "one modality will do", lambda: _shape(cls(h.shape[-1], 1).double()(h[:, :1], present[:, :1]), out)
    only = torch.zeros_like(present)
    only[:, 0] = 1
    mask = only.view(N, M, *(1,) * (h.dim() - 2))
    yield "all but one absent is finite", lambda: _shape(module(h * mask, only), out)
    yield "each present modality gets a gradient", lambda: _reaches(module, h, present)


def _head(cls) -> Iterator[Promise]:
    build, (z,) = _sample(cls)
    yield "[N, D] becomes [N, K]", lambda: _shape(build()(z), (N, K))
    yield "a patient alone = in a batch", lambda: _differ(*_alone(build(), z))
    yield "starts at zero", lambda: "" if not cls(D, K).double()(z).any() else "a new head must give zeros"


def _shape(out: Tensor, expected: tuple) -> str:
    fits = out.dim() == len(expected) and all(e in (None, s) for s, e in zip(out.shape, expected, strict=True))
    if not fits:
        return f"expected shape {expected}, got {tuple(out.shape)}"
    return "" if torch.isfinite(out).all() else "not all values are finite"


def _differ(a: Tensor, b: Tensor) -> str:
    gap = (a - b).detach().abs().max().item()
    return "" if gap <= CLOSE else f"differs by {gap:.1e}"


def _alone(module: nn.Module, *batch: Tensor) -> tuple[Tensor, Tensor]:
    return module(*batch), torch.cat([module(*(b[i : i + 1] for b in batch)) for i in range(N)])


def _rotates(module: Encode, x: Tensor) -> str:
    turn = torch.linalg.qr(torch.randn(F, F, dtype=torch.float64))[0]
    before = module(x)
    with torch.no_grad():
        module.weight.copy_(turn.T @ module.weight)
    return _differ(before, module(x @ turn))


def _closed(module: Encode, x: Tensor) -> str:
    with torch.no_grad():
        module.gate.zero_()
    other = x.clone()
    other[:, 1:] += 1
    return _differ(module(x), module(other))


def _forbidden(module: nn.Module) -> str:
    names = [type(m).__name__ for m in module.modules()]
    found = [n for n in names if "Dropout" in n or "BatchNorm" in n]
    return f"holds {', '.join(found)}; the bank draws dropout masks itself, and LayerNorm needs no batch" if found else ""


def _bank(build, arguments) -> str:
    modules = [build() for _ in range(3)]
    parameters, buffers = stack_module_state(modules)

    def one(state):
        return functional_call(modules[0], state, arguments)

    state = {**parameters, **buffers}
    looped = torch.stack([m(*arguments) for m in modules])
    return _differ(vmap(one)(state), looped) if state else ""


def _gradients(module: nn.Module, arguments) -> str:
    parameters = list(module.parameters())
    out = module(*arguments)
    if not parameters or not out.requires_grad:
        return ""
    found = torch.autograd.grad((out * torch.randn_like(out)).sum(), parameters, allow_unused=True)
    return "" if all(g is None or torch.isfinite(g).all() for g in found) else "a gradient is not finite"


def _reaches(module: nn.Module, h: Tensor, present: Tensor) -> str:
    h = h.clone().requires_grad_()
    out = module(h, present)
    (grad,) = torch.autograd.grad((out * torch.randn_like(out)).sum(), h)
    deaf = [m for m in range(M) if not grad[:, m].any()]
    return f"modalities {deaf} get none" if deaf else ""
