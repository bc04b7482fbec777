"""What the checks of the contract suite are made of: sizes, and comparisons that return a
complaint, or an empty string."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

# the sizes of samples: patients, modalities, tokens, the net's width, outputs, columns
N, M, T, D, K, F = 7, 3, 1, 8, 4, 5
CLOSE = 1e-9
Check = tuple[str, Callable[[], str]]  # what is checked, and a function that returns a complaint


def moved(module: nn.Module) -> nn.Module:
    """The part in float64, every parameter a little off its first value."""
    with torch.no_grad():
        for parameter in module.double().parameters():
            noise = torch.randn_like(parameter)
            parameter.add_(0.1 * noise)
    return module


def shape(out: Tensor, expected: tuple) -> str:
    """Whether `out` is finite and of the shape `expected`; `None` stands for any size."""
    actual = tuple(out.shape)
    sizes_fit = len(actual) == len(expected) and all(
        want in (None, have) for have, want in zip(actual, expected, strict=True)
    )
    if not sizes_fit:
        return f"expected shape {expected}, got {actual}"
    return "" if torch.isfinite(out).all() else "not all values are finite"


def differ(a: Tensor, b: Tensor) -> str:
    """Whether two results are the same, to 1e-9."""
    gap = (a - b).detach().abs().max().item()
    return "" if gap <= CLOSE else f"differs by {gap:.1e}"


def alone(module: nn.Module, *batch: Tensor) -> tuple[Tensor, Tensor]:
    """The outputs of all patients at once, and of one at a time."""
    each = []
    for i in range(N):
        patient = [tensor[i : i + 1] for tensor in batch]
        each.append(module(*patient))
    return module(*batch), torch.cat(each)


def forbidden(module: nn.Module) -> str:
    """Which modules it holds that no part may hold."""
    names = [type(m).__name__ for m in module.modules()]
    wrong = [name for name in names if "Dropout" in name or "BatchNorm" in name]
    if not wrong:
        return ""
    why = "the bank draws dropout masks itself, and LayerNorm needs no batch"
    return f"holds {', '.join(wrong)}; {why}"


def bank(build: Callable[[], nn.Module], arguments: tuple) -> str:
    """Whether three replicas as one program give what they give one by one."""
    modules = [build() for _ in range(3)]
    parameters, buffers = stack_module_state(modules)

    def one(state):
        return functional_call(modules[0], state, arguments)

    state = {**parameters, **buffers}
    looped = torch.stack([module(*arguments) for module in modules])
    if not state:
        return ""
    try:
        return differ(vmap(one)(state), looped)
    except RuntimeError as error:
        if "random" in str(error):
            return "it draws random numbers; the bank draws dropout itself, so parts must not draw"
        raise


def gradients(module: nn.Module, arguments: tuple, reach: bool = True) -> str:
    """Whether the output is finite, and all gradients, of parameters and of the arguments; with
    `reach`, whether every parameter has one."""
    given = [_leaf(each) for each in arguments]
    out = module(*given)
    if not torch.isfinite(out).all():
        return "not all values are finite"
    if not out.requires_grad:
        return ""
    parameters = dict(module.named_parameters())
    tensors = {f"argument {i}": a for i, a in enumerate(given) if isinstance(a, Tensor)}
    leaves = parameters | tensors
    total = (out * torch.randn_like(out)).sum()
    grads = torch.autograd.grad(total, [*leaves.values()], allow_unused=True)
    by_name = dict(zip(leaves, grads, strict=True))
    unused = [name for name in parameters if reach and by_name[name] is None]
    known = {name: grad for name, grad in by_name.items() if grad is not None}
    wrong = [name for name, grad in known.items() if not torch.isfinite(grad).all()]
    complaints = [f"{name} has none" for name in unused]
    complaints += [f"that of {name} is not finite" for name in wrong]
    return "; ".join(complaints)


def _leaf(argument):
    """A copy that gradients are taken of; what is no tensor as it is."""
    return argument.clone().requires_grad_() if isinstance(argument, Tensor) else argument
