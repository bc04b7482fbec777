"""The kinds of outcome: every module of this folder that holds one is registered by being there."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

import pandas as pd

from graphfuse.errors import InputError, nearest
from graphfuse.task.metric import MetricSet

UNSAID = "class"  # the kind of labels that are given without one


@cache
def kinds() -> dict[str, type]:
    """Name of a kind, as manifests have it → its class, in the order of the files."""
    class_of = {}
    for file in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"graphfuse.task.{file.name}")
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            if is_own and getattr(value, "kind", None):
                class_of[value.kind] = value
    return class_of


def kind_of(name: str) -> type:
    """The class of a kind of outcome. Raises `InputError` for a kind that there is not."""
    if name not in kinds():
        raise InputError(f"no kind of outcome is called {name!r}{nearest(name, kinds())}")
    return kinds()[name]


def trained_kind(name: str) -> type:
    """The class of a kind of outcome of which models are trained. Raises `InputError` for any
    other."""
    if not kind_of(name).trains:
        raise InputError(
            f"no model is trained of outcomes of kind {name!r} so far; take "
            f"{' or '.join(trained_kinds())}"
        )
    return kind_of(name)


def kind_of_labels(asked: str | None, outcome=None) -> type:
    """The class of the kind of labels that are given as an array.

    Parameters
    ----------
    asked : str or None
        The kind, where one was given.
    outcome : Outcome, optional
        The one that the same patients have already: labels are taken to be of its kind where models
        are trained of it, else to be classes.

    Raises
    ------
    InputError
        As `trained_kind` does.
    """
    if asked is None and outcome is not None and kind_of(outcome.kind).trains:
        return kind_of(outcome.kind)
    return trained_kind(asked or UNSAID)


def metrics_of(kind: str) -> MetricSet:
    """The metrics of a kind of outcome. Raises `InputError` for one that cannot be scored."""
    cls = kind_of(kind)
    if not cls.trains:
        raise InputError(f"outcomes of kind {kind!r} cannot be scored; take another outcome")
    return cls.metrics


def kind_that_may_be(column: pd.Series) -> str:
    """The name of the first kind that a column with an outcome most likely is of."""
    return next(name for name, kind in kinds().items() if kind.may_be(column))


def trained_kinds() -> list[str]:
    """The names of the kinds of which models are trained."""
    return [name for name, kind in kinds().items() if kind.trains]
