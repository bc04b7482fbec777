"""Arguments of public functions checked against their annotations."""

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
Draws = Annotated[int, range(10**6)]

_CHECKED = 8  # items of a container that are checked
_ANY = (Any, inspect.Parameter.empty)
Function = TypeVar("Function", bound=Callable)


def checked(function: Function) -> Function:
    """Makes a function or class refuse arguments that its annotations do not allow.

    Too many arguments, or too few, are Python's own `TypeError`. An argument without an annotation,
    or with one that names what is not imported at run time, may be anything.

    Parameters
    ----------
    function : callable or type
        Of a class, the constructor and every public method are checked.

    Returns
    -------
    callable or type
        It raises `InputError` that names the function, the argument, what it may be, and what it
        got.

    Examples
    --------
    >>> @checked
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(2)
    4
    >>> double("2")
    Traceback (most recent call last):
        ...
    graphfuse.errors.InputError: double: argument 'number': expected int (got str '2')
    """
    if isinstance(function, type):
        for name, member in list(vars(function).items()):
            if name == "__init__" or not name.startswith("_"):
                _check_member(function, name, member)
        return function
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*given, **named):
        bound = signature.bind(*given, **named)
        check_arguments(function, bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return call


def _check_member(owner: type, name: str, member) -> None:
    """Puts the checked method in the place of a method; other members stay."""
    if isinstance(member, classmethod | staticmethod):
        setattr(owner, name, type(member)(checked(member.__func__)))
    elif inspect.isfunction(member):
        setattr(owner, name, checked(member))


def check_arguments(function: Callable, arguments: Mapping[str, Any]) -> None:
    """Raises `InputError` for the first argument that its annotation does not allow."""
    where = function.__qualname__.removesuffix(".__init__")
    owner = arguments.get("cls")
    if isinstance(owner, type):  # which may have inherited the class method
        where = f"{owner.__name__}.{function.__name__}"
    for name, kind in _kinds(function).items():
        if name not in arguments or _fits(arguments[name], kind):
            continue
        expected, got = _words(kind), _got(arguments[name])
        raise InputError(f"{where}: argument {name!r}: expected {expected} (got {got})")


@functools.cache
def _kinds(function: Callable) -> dict[str, Any]:
    """Argument → what it may be; without those that may be anything."""
    kinds = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = _resolved(parameter.annotation, function.__globals__)
        if kind in _ANY:
            continue
        many = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            kinds[name] = tuple[kind, ...] if many else kind
    return kinds


def _resolved(annotation, names: dict):
    """The type that an annotation stands for, be it written as text or not."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names)
    except NameError:  # imported for type checkers alone
        return Any


def _fits(value, kind) -> bool:
    """Whether a value is of an annotated kind; of containers, the first items are checked."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind in _ANY or isinstance(kind, TypeVar):
        return True
    if kind is None or kind is types.NoneType:
        return value is None
    if origin in (typing.Union, types.UnionType):
        if not any(_fits(value, each) for each in inside):
            return False
        is_path = Path in inside and isinstance(value, str | Path)
        return not is_path or _names_a_file(value)
    if origin is Annotated:
        return _fits(value, inside[0]) and all(value in rule for rule in inside[1:])
    if origin is not None:
        return isinstance(value, origin) and _holds(value, origin, inside)
    return _is_plain(value, kind)


def _is_plain(value, kind) -> bool:
    """Whether a value is of a kind that holds no others. Truth values are no numbers, and text can
    be a name of a file."""
    is_truth_value = isinstance(value, bool | np.bool_)
    if kind is bool:
        return is_truth_value
    if kind is int:
        return isinstance(value, numbers.Integral) and not is_truth_value
    if kind is float:
        is_number = isinstance(value, numbers.Real) and not is_truth_value
        return is_number and bool(value == value)  # NaN is none
    if getattr(kind, "_is_protocol", False):
        wanted = [name for name in vars(kind) if not name.startswith("_")]
        return all(hasattr(type(value), name) for name in wanted)
    if isinstance(value, str | Path) and isinstance(value, kind):
        return _can_be_written(value)
    return isinstance(value, kind)


def _can_be_written(text: str | Path) -> bool:
    """Whether a file system takes the text as a name."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _names_a_file(path: str | Path) -> bool:
    """Whether a path is not blank, and no longer than file systems take."""
    written = os.fsencode(path)
    longest = max(map(len, written.split(b"/")))
    return 0 < len(written) < 4096 and longest < 256


def _holds(value, origin, inside: tuple) -> bool:
    """Whether a container's items are of the annotated kinds. The items of a `Mapping` or
    `Sequence` are left to the function, whose own messages say more."""
    if origin is tuple and inside[-1] is not ...:
        return len(value) == len(inside) and all(map(_fits, value, inside))
    if origin in (tuple, list, set):
        return all(_fits(each, inside[0]) for each in islice(value, _CHECKED))
    if origin is dict:
        for key, each in islice(value.items(), _CHECKED):
            if not (_fits(key, inside[0]) and _fits(each, inside[1])):
                return False
        return True
    return not isinstance(value, str | bytes)  # whose items are letters


def _words(kind) -> str:
    """A kind as messages name it."""
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
    items = ["…" if each is ... else _words(each) for each in inside]
    if origin is tuple:
        return f"({', '.join(items)})"
    if issubclass(origin, collections.abc.Mapping):
        key, value = items
        return f"{{{key}: {value}}}"
    return f"[{items[0]}, …]"


def _or(words: Iterable[str]) -> str:
    """'a, b or c'."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _got(value) -> str:
    """A value's type, and the value where it is short and no container."""
    name = type(value).__name__
    if not isinstance(value, numbers.Number | str | bytes):
        return name
    shown = repr(value)
    if len(shown) > 40:
        shown = shown[:40] + "…"
    return f"{name} {shown}"
