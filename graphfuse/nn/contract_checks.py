"""What the promises of the contract suite are made of: sizes, and comparisons that say what is
wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

N, M, T, D, K, F = 7, 3, 1, 8, 4, 5
CLOSE = 1e-9
Promise = tuple[str, Callable[[], str]]


def moved(module: nn.Module) -> nn.Module:
    """The part in float64, every parameter a little off its first value."""
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def shape(out: Tensor, expected: tuple) -> str:
    """Whether `out` is finite and of this shape; `None` stands for any size."""
    fits = out.dim() == len(expected) and all(
        e in (None, s) for s, e in zip(out.shape, expected, strict=True)
    )
    if not fits:
        return f"expected shape {expected}, got {tuple(out.shape)}"
    return "" if torch.isfinite(out).all() else "not all values are finite"


def differ(a: Tensor, b: Tensor) -> str:
    """Whether two results are one, to 1e-9."""
    gap = (a - b).detach().abs().max().item()
    return "" if gap <= CLOSE else f"differs by {gap:.1e}"


def alone(module: nn.Module, *batch: Tensor) -> tuple[Tensor, Tensor]:
    """All patients at once, and one by one."""
    return module(*batch), torch.cat([module(*(b[i : i + 1] for b in batch)) for i in range(N)])


def forbidden(module: nn.Module) -> str:
    """What no part may hold."""
    names = [type(m).__name__ for m in module.modules()]
    found = [n for n in names if "Dropout" in n or "BatchNorm" in n]
    return (
        (
            f"holds {', '.join(found)}; the bank draws dropout masks itself, and LayerNorm "
            "needs no batch"
        )
        if found
        else ""
    )


def bank(build, arguments) -> str:
    """Three replicas as one program, against their loop."""
    modules = [build() for _ in range(3)]
    parameters, buffers = stack_module_state(modules)

    def one(state):
        return functional_call(modules[0], state, arguments)

    state = {**parameters, **buffers}
    looped = torch.stack([m(*arguments) for m in modules])
    try:
        return differ(vmap(one)(state), looped) if state else ""
    except RuntimeError as error:
        if "random" in str(error):
            return "it draws random numbers; the bank draws dropout itself, so parts must not draw"
        raise


def gradients(module: nn.Module, arguments, reach: bool = True) -> str:
    """Whether what comes out is finite, and all gradients, of parameters and of what was given;
    with `reach`, whether every parameter has one."""
    given = tuple(a.clone().requires_grad_() if isinstance(a, Tensor) else a for a in arguments)
    leaves = {
        **dict(module.named_parameters()),
        **{f"argument {i}": a for i, a in enumerate(given) if isinstance(a, Tensor)},
    }
    out = module(*given)
    if not torch.isfinite(out).all():
        return "not all values are finite"
    if not out.requires_grad:
        return ""
    grads = torch.autograd.grad(
        (out * torch.randn_like(out)).sum(), list(leaves.values()), allow_unused=True
    )
    found = dict(zip(leaves, grads, strict=True))
    unused = [name for name, _ in module.named_parameters() if reach and found[name] is None]
    wrong = [
        name for name, grad in found.items() if grad is not None and not torch.isfinite(grad).all()
    ]
    return "; ".join(
        [
            *(f"{name} has none" for name in unused),
            *(f"that of {name} is not finite" for name in wrong),
        ]
    )
