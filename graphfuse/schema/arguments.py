"""Arguments held against their annotations, where a user's call comes in."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import numbers
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np

from graphfuse.errors import InputError

Seed = Annotated[int, range(2**32)]  # all that numpy's generators take
Count = Annotated[int, range(1, 10**9)]

_LOOKED = 8  # items of a container that are looked at
_ANY = (Any, inspect.Parameter.empty)
Door = TypeVar("Door", bound=Callable)


def checked(door: Door) -> Door:
    """The same function, refusing arguments that its annotations do not allow; of a class, its
    constructor and every public method.

    Raises `InputError` that names the function, the argument, what it may be, and what it got; too
    many arguments, or too few, are Python's own `TypeError`. An argument without an annotation, or
    with one that names what is not imported where it stands, may be anything.

    >>> checked(lambda: None)()
    """
    if isinstance(door, type):
        for name, member in list(vars(door).items()):
            if name == "__init__" or not name.startswith("_"):
                _check_member(door, name, member)
        return door
    signature = inspect.signature(door)

    @functools.wraps(door)
    def call(*given, **named):
        bound = signature.bind(*given, **named)
        check_arguments(door, bound.arguments)
        return door(*bound.args, **bound.kwargs)

    return call


def _check_member(owner: type, name: str, member) -> None:
    if isinstance(member, classmethod | staticmethod):
        setattr(owner, name, type(member)(checked(member.__func__)))
    elif inspect.isfunction(member):
        setattr(owner, name, checked(member))


def check_arguments(door: Callable, arguments: Mapping[str, Any]) -> None:
    """Raises `InputError` for the first argument of `door` that its annotation does not allow."""
    where = door.__qualname__.removesuffix(".__init__")
    for name, kind in _kinds(door).items():
        if name in arguments and not _fits(arguments[name], kind):
            raise InputError(
                f"{where}: argument {name!r}: expected {_words(kind)} (got {_got(arguments[name])})"
            )


@functools.cache
def _kinds(door: Callable) -> dict[str, Any]:
    """Argument → what it may be; without those that may be anything."""
    found = {}
    for name, parameter in inspect.signature(door).parameters.items():
        kind = _resolved(parameter.annotation, door.__globals__)
        if kind in _ANY:
            continue
        many = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            found[name] = tuple[kind, ...] if many else kind
    return found


def _resolved(annotation, names: dict):
    """What an annotation stands for, as text or not."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names)
    except NameError:  # imported for type checkers alone
        return Any


def _fits(value, kind) -> bool:
    """Whether a value is of an annotated kind; of containers, the first items are looked at."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind in _ANY or isinstance(kind, TypeVar):
        return True
    if kind is None or kind is types.NoneType:
        return value is None
    if origin in (typing.Union, types.UnionType):
        is_path = Path in inside and isinstance(value, str | Path)
        return any(_fits(value, each) for each in inside) and (not is_path or _names_a_file(value))
    if origin is Annotated:
        return _fits(value, inside[0]) and all(value in rule for rule in inside[1:])
    if origin is not None:
        return isinstance(value, origin) and _holds(value, origin, inside)
    return _is_plain(value, kind)


def _is_plain(value, kind) -> bool:
    """Whether a value is of a kind that holds no others. Truth values are no numbers, and text can
    be a name of a file."""
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)
    if kind is float:
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
        return is_number and bool(value == value)
    if getattr(kind, "_is_protocol", False):
        wanted = [name for name in vars(kind) if not name.startswith("_")]
        return all(hasattr(type(value), name) for name in wanted)
    if isinstance(value, str | Path) and isinstance(value, kind):
        return _can_be_written(value)
    return isinstance(value, kind)


def _can_be_written(text: str | Path) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _names_a_file(path: str | Path) -> bool:
    """Whether a path is not blank, and no longer than file systems take."""
    written = os.fsencode(path)
    return 0 < len(written) < 4096 and all(len(step) < 256 for step in written.split(b"/"))


def _holds(value, origin, inside: tuple) -> bool:
    """Whether a container's items are of the kinds that its annotation has for them. Of a mapping
    or sequence of any type, whoever takes it looks at the items, and says more."""
    if origin is tuple and inside[-1] is not ...:
        return len(value) == len(inside) and all(map(_fits, value, inside))
    if origin in (tuple, list, set):
        return all(_fits(each, inside[0]) for each in islice(value, _LOOKED))
    if origin is dict:
        items = islice(value.items(), _LOOKED)
        return all(_fits(key, inside[0]) and _fits(each, inside[1]) for key, each in items)
    return not isinstance(value, str | bytes)  # which go by letters


def _words(kind) -> str:
    """A kind as a message names it."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _or([_words(each) for each in inside])
    if origin is Annotated:
        allowed = inside[1]
        return f"a whole number from {allowed.start} to {allowed.stop - 1}"
    if kind is types.NoneType or kind is None:
        return "None"
    if origin is None:
        return getattr(kind, "__name__", str(kind))
    if origin is Callable or origin is collections.abc.Callable:
        return "a function"
    within = ["…" if each is ... else _words(each) for each in inside]
    if origin is tuple:
        return f"({', '.join(within)})"
    if issubclass(origin, collections.abc.Mapping):
        return f"{{{within[0]}: {within[1]}}}"
    return f"[{within[0]}, …]"


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _got(value) -> str:
    """A value's type, and the value where it is short and no container."""
    name = type(value).__name__
    if isinstance(value, numbers.Number | str | bytes):
        shown = repr(value)
        return f"{name} {shown if len(shown) <= 40 else shown[:40] + '…'}"
    return name
