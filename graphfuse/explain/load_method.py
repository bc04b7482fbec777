"""Ranking methods by name or file, and checks of what a method of the user's own returns."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from graphfuse.errors import GraphfuseError, InputError, nearest
from graphfuse.explain import methods
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.files.class_from_file import class_in_file, error_with_line


def ranking_method(name: str) -> Method:
    """Return the ranking method of this name.

    Parameters
    ----------
    name : str
        The name of a method that ships, or `file.py:Class`, whose file is run.

    Returns
    -------
    Method

    Raises
    ------
    InputError
        Where no method has the name, or the class is no `Method`.

    Examples
    --------
    >>> ranking_method("integrated-gradients").name
    'integrated gradients'
    """
    title, path = name.replace("-", " "), None
    if ":" in name:
        cls = class_in_file(name, "a ranking method")
        file, _, symbol = name.rpartition(":")
        title, path = f"{Path(file).name}:{symbol}", Path(file)
    elif name in methods.available():
        cls = _shipped(name)
    else:
        raise InputError(
            f"method = {name!r}: no such ranking method{nearest(name, methods.available())}; or "
            "give file.py:Class"
        )
    if not (isinstance(cls, type) and issubclass(cls, Method)):
        raise InputError(
            f"method = {name!r}: is no ranking method; derive it from "
            "graphfuse.explain.method.Method"
        )
    with _as_input_error(path):
        made = cls()
    made.name, made.file = title, path
    return made


def _shipped(name: str) -> type[Method] | None:
    """The class of a method that ships: the first that its module defines."""
    module = importlib.import_module(f"{methods.__name__}.{name.replace('-', '_')}")
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    own = [each for each in classes if each.__module__ == module.__name__]
    return next((each for each in own if issubclass(each, Method)), None)


def attributed(method: Method, net: FoldNet) -> Attribution:
    """The attributions of a net by a method. Raises `InputError` where a method of the user's own
    fails, or returns other shapes than `Attribution` describes."""
    with _as_input_error(method.file):
        attribution = method.attribute(net)
        if method.file is not None:
            _check(attribution, net, method.file)
    return attribution


@contextmanager
def _as_input_error(path: Path | None) -> Iterator[None]:
    """Turns what a user's own file raises in the block into one `InputError` with its line."""
    try:
        yield
    except (GraphfuseError, MemoryError):
        raise
    except Exception as error:  # a researcher's file may raise anything
        if path is None:
            raise
        message = error_with_line(error, path)
        raise InputError(f"{path}: {type(error).__name__}: {message}") from error


def _check(attribution: Attribution, net: FoldNet, path: Path) -> None:
    """Raises `InputError` where shapes are not those that `Attribution` describes, or values are
    not finite."""
    if not isinstance(attribution, Attribution):
        raise InputError(f"{path}: expected an Attribution (got {type(attribution).__name__})")
    _require_modalities("columns", attribution.columns, net, path)
    for what, values, allowed in _expected(attribution, net):
        shape = np.shape(values)
        if shape not in allowed:
            expected = " or ".join(map(str, allowed))
            raise InputError(f"{path}: {what} has shape {shape}; expected {expected}")
        if not np.isfinite(np.asarray(values, float)).all():
            raise InputError(f"{path}: {what} holds values that are no finite numbers")


def _require_modalities(
    what: str, given: Mapping[str, np.ndarray], net: FoldNet, path: Path
) -> None:
    """Raises `InputError` where an array of a modality is missing."""
    lacking = set(net.columns) - set(given)
    if lacking:
        names = ", ".join(map(repr, sorted(lacking)))
        raise InputError(f"{path}: {what} lacks {names}; every modality is needed")


def _expected(
    attribution: Attribution, net: FoldNet
) -> Iterator[tuple[str, object, list[tuple[int, ...]]]]:
    """Name, values and allowed shapes of everything in an attribution."""
    yield from _expected_of_columns(attribution, net)
    directions = net.weight.shape[1]
    if attribution.edges is not None:
        count = 0 if net.network is None else net.network.edges
        yield "edges", attribution.edges, [(directions, count)]
    if attribution.links is not None:
        yield "links", attribution.links, [(len(attribution.links), directions)]
    if attribution.sets is not None:
        rows = len(attribution.sets)
        yield "sets", attribution.sets, [(rows, directions), (rows, 2 * directions)]


def _expected_of_columns(
    attribution: Attribution, net: FoldNet
) -> Iterator[tuple[str, object, list[tuple[int, ...]]]]:
    """The same of columns."""
    directions = net.weight.shape[1]
    through = attribution.through_network or {}
    for name, own in net.columns.items():
        whole = (directions, *own.shape)
        yield f"columns[{name!r}]", attribution.columns[name], [whole]
        if name in through:
            yield f"through_network[{name!r}]", through[name], [whole]
