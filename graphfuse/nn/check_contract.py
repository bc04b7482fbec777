"""Checks that a class keeps the contract of its slot: run by `graphfuse check-part file.py:Class`,
and before parts of one's own are trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from graphfuse.errors import Faults, InputError, nearest
from graphfuse.nn.contract_checks import Check, differ
from graphfuse.nn.contract_fusions import fusion_checks
from graphfuse.nn.contract_parts import (
    common_checks,
    encoder_checks,
    head_checks,
    propagator_checks,
)
from graphfuse.nn.contract_samples import sample
from graphfuse.nn.registry import SLOTS, part
from graphfuse.nn.slots import Encode, Fuse, Head, Propagate

LEVELS = ("embedding", "decision", "hybrid")
SUITES = {
    Encode: encoder_checks,
    Propagate: propagator_checks,
    Fuse: fusion_checks,
    Head: head_checks,
}


def check_named(name: str) -> list[str]:
    """Check the part `file.py:Class`, whichever slot it is of.

    Parameters
    ----------
    name : str
        A file and a class in it.

    Returns
    -------
    list of str
        Lines that say what was checked.

    Raises
    ------
    InputError
        With everything that fails, or where the class is of no slot.
    """
    if ":" not in name:
        file = name if name.endswith(".py") else "my.py"
        raise InputError(
            f"{name}: names no class of a file; give file.py:Class, such as {file}:Bilinear"
        )
    for slot, base in SLOTS.items():
        try:
            cls = part(slot, name)
        except InputError as error:
            if "is no" not in str(error):
                raise
            continue
        heading = f"{name}: a part of slot {slot} ({base.__name__})"
        passed = [f"  ok  {line}" for line in check(cls, name)]
        notes = [f"  note  {line}" for line in _notes(cls)]
        return [heading, *passed, *notes]
    bases = ", ".join(base.__name__ for base in SLOTS.values())
    raise InputError(
        f"{name}: is of no slot; derive it from one of graphfuse.nn.slots.{bases}, or a step from "
        "graphfuse.data.prepare.step.Step"
    )


def check(cls: type[nn.Module], name: str | None = None) -> list[str]:
    """Check a part; the caller's random numbers stay as they are.

    Parameters
    ----------
    cls : type
        A subclass of a base class in `graphfuse.nn.slots`.
    name : str, optional
        What messages call it; by default the name of the class.

    Returns
    -------
    list of str
        Names of the checks, all of which passed.

    Raises
    ------
    InputError
        With every check that failed, and why.

    Examples
    --------
    >>> from graphfuse.nn.fuse.sum import Sum
    >>> check(Sum)[:2]
    ['level, apart and least_tokens go together', 'modalities become one']
    """
    with torch.random.fork_rng(devices=[]):
        return _checked(cls, name or cls.__name__)


def check_own(names: Iterable[tuple[str, str]]) -> None:
    """Check those of the parts (slot, name) that users wrote, `file.py:Class`; raises `InputError`
    as `check` does."""
    for slot, name in names:
        is_geometric = name.startswith("pyg:")  # these are tried out when they are built
        if ":" in name and not is_geometric:
            check(part(slot, name), name)


def _notes(cls: type[nn.Module]) -> list[str]:
    """What may be meant and may be an oversight: a fusion that never looks at `present`."""
    if not issubclass(cls, Fuse) or cls.level == "decision":
        return []
    with torch.random.fork_rng(devices=[]):
        build, (h, present) = sample(cls)
        module = build()
        fuse = module if cls.level == "embedding" else module.fuse.joint
        everyone = fuse(h, torch.ones_like(present))
        looks = bool(differ(fuse(h, present), everyone))
    zeros = (
        "an absent modality counts as a row of zeros (right in a sum; not in a maximum, a "
        "product or a softmax)"
    )
    return [] if looks else [f"`present` is not looked at: {zeros}"]


def _checked(cls: type[nn.Module], name: str) -> list[str]:
    if issubclass(cls, Fuse) and cls.level not in LEVELS:
        guess = nearest(str(cls.level), LEVELS)
        raise InputError(f"{name}: level = {cls.level!r}: there is no such level{guess}")
    faults, passed, checks = Faults(name), [], []
    try:
        checks = [*_checks(cls)]
    except Exception as error:
        faults.add(f"it cannot be built: {type(error).__name__}: {error}")
    for title, run in checks:
        if complaint := _complaint(run):
            faults.add(f"{title}: {complaint}")
        else:
            passed.append(title)
    faults.stop()
    return passed


def _checks(cls: type[nn.Module]) -> Iterator[Check]:
    """The checks of the class's slot, then those of every slot."""
    for base, suite in SUITES.items():
        if issubclass(cls, base):
            yield from suite(cls)
    yield from common_checks(cls)


def _complaint(run) -> str:
    """What a check finds wrong, or nothing; a user's part may raise anything."""
    try:
        return run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
