"""Finds the parts of a net by name: a file in a slot's folder, `file.py:Class` or `pyg:NAME`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from torch import nn

from graphfuse.errors import InputError, nearest
from graphfuse.files.class_from_file import class_in_file
from graphfuse.nn.slots import Encode, Fuse, Head, Propagate

SLOTS: dict[str, type[nn.Module]] = {
    "encode": Encode,
    "propagate": Propagate,
    "fuse": Fuse,
    "head": Head,
}


def available(slot: str) -> list[str]:
    """Names of the parts in a slot's folder, sorted.

    >>> available("head")
    ['class']
    """
    return list(_shipped(slot))


@cache
def _shipped(slot: str) -> tuple[str, ...]:
    folder = Path(__file__).parent / slot
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(folder)])))


def part(slot: str, name: str) -> type[nn.Module]:
    """The class of a part.

    Parameters
    ----------
    slot : {"encode", "propagate", "fuse", "head"}
    name : str
        The name of a file in the slot's folder, `file.py:Class` for a class kept elsewhere, or
        (of propagators) `pyg:NAME` for a convolution of PyTorch Geometric (see
        `graphfuse.nn.pyg`).

    Returns
    -------
    type
        A subclass of the slot's base class in `graphfuse.nn.slots`.

    Raises
    ------
    InputError
        For an unknown name, a missing file or class, or a class of another slot.

    Examples
    --------
    >>> part("fuse", "sum")
    <class 'graphfuse.nn.fuse.sum.Sum'>
    """
    base = SLOTS[slot]
    if name.startswith("pyg:"):
        pyg = importlib.import_module("graphfuse.nn.pyg")
        cls = pyg.convolution(name.removeprefix("pyg:"))
    elif ":" in name:
        cls = class_in_file(name)
    elif name in available(slot):
        cls = _class_of(importlib.import_module(f"graphfuse.nn.{slot}.{name}"), base)
    else:
        guess = nearest(name, available(slot))
        pyg = ", or pyg:NAME for a convolution of PyTorch Geometric" if slot == "propagate" else ""
        raise InputError(f"{slot} = {name!r}: no such part{guess}; or give file.py:Class{pyg}")
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise InputError(
            f"{slot} = {name!r}: is no {base.__name__}; derive it from "
            f"graphfuse.nn.slots.{base.__name__}"
        )
    return cls


def _class_of(module: ModuleType, base: type[nn.Module]) -> type[nn.Module]:
    """The first subclass of `base` that is written in the module itself."""
    for value in vars(module).values():
        written_here = isinstance(value, type) and value.__module__ == module.__name__
        if written_here and issubclass(value, base):
            return value
    raise LookupError(f"{module.__name__} holds no {base.__name__}")
