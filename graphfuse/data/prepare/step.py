"""`Step`, the base class of preparation steps, which are fitted on training patients.

A step is a class in a file of `graphfuse/data/steps/` (the folder is the registry), or
`file.py:Class` anywhere. A recipe lists the steps of a modality in `[prepare] steps`.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, nearest
from graphfuse.files.array_rules import Array
from graphfuse.files.class_from_file import class_in_file
from graphfuse.task.outcome import Learned


@dataclass(frozen=True, eq=False)
class Context:
    """The training patients of a step, besides their table `[n, F]`.

    Parameters
    ----------
    modality : str
        The modality's name.
    kind : {"omics", "embedding", "ehr"}
        The modality's kind.
    patients : Index
        Ids of the rows.
    columns : array of str `[F]`
        The name of the modality's column that each column of the table comes from.
    groups : mapping of str to array `[n]`
        Name of a grouping → each patient's group, `None` where unknown.
    learned : Learned
        The target (`values`, and who is `known`) with its task; for a step that does not read the
        target, nobody is known.
    """

    modality: str
    kind: str
    patients: pd.Index
    columns: np.ndarray
    groups: Mapping[str, np.ndarray]
    learned: Learned

    def relevance(self, table: np.ndarray) -> np.ndarray:
        """How strongly each column is associated with the target.

        Parameters
        ----------
        table : float array `[n, F]`
            Of the training patients, without missing values.

        Returns
        -------
        float64 array `[F]`
            Larger is stronger; the task of the target decides how it is measured.

        Raises
        ------
        InputError
            Where values are missing.
        """
        if np.isnan(table).any():
            raise InputError(
                f"modality {self.modality!r}: columns are chosen by their values, and some are "
                'missing; put "impute" before "select" among [prepare] steps'
            )
        return self.learned.relevance(table)


class Step:
    """Base class of preparation steps; derive from it as a frozen dataclass.

    `fit` gets the training patients who have the modality; `apply` gets any patients, and its
    result for a row may not depend on the other rows. Tables are float64, and NaN is missing. A
    step turns no number into NaN, and after the last step of a pipeline no NaN is left. Neither
    method changes its table. `graphfuse check-part file.py:Class` tests all this.

    Attributes
    ----------
    arrays : mapping of str to Array
        The fields that are saved as arrays → `Array(types, shape, rule)`. In a shape, `"before"`
        is the number of columns that come in, `"after"` the number that go out, and any other word
        a size that arrays of the step share. Saved models with other arrays are refused.
    rescales : bool
        Whether the step only shifts and multiplies each column.
    unitless : bool
        Whether the fit depends neither on shifts nor on units. Such a step is fitted on the columns
        before they were rescaled, so that rounding cannot change it.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from graphfuse.files.array_rules import FLOATS
    >>> @dataclass(frozen=True, eq=False)
    ... class Centre(Step):
    ...     mean: np.ndarray
    ...     arrays = {"mean": Array(FLOATS, ("before",))}
    ...     rescales = True
    ...
    ...     @classmethod
    ...     def reads_target(cls, **options):
    ...         return False
    ...
    ...     @classmethod
    ...     def fit(cls, table, context):
    ...         return cls(np.nanmean(table, axis=0))
    ...
    ...     def apply(self, table):
    ...         return table - self.mean
    >>> Centre.fit(np.array([[1.0], [3.0]]), None).apply(np.array([[4.0]]))
    array([[2.]])
    """

    arrays: ClassVar[Mapping[str, Array]] = {}
    rescales: ClassVar[bool] = False
    unitless: ClassVar[bool] = False

    @classmethod
    def reads_target(cls, **options: Any) -> bool:
        """Whether `fit` uses the target.

        Where it does, inner folds fit the step again without their validation patients; where it
        does not, the step is given no labels.

        Parameters
        ----------
        **options
            The options of `fit`.

        Returns
        -------
        bool
        """
        return True

    @classmethod
    def fit(cls, table: np.ndarray, context: Context, **options: Any) -> Step:
        """Fits the step on training patients.

        Parameters
        ----------
        table : float array `[n, F]`
            Their numbers, NaN where missing.
        context : Context
            Their ids, columns, groups and target.
        **options
            From the recipe.

        Returns
        -------
        Step
        """
        raise TypeError(f"{cls.__name__} must define fit(table, context) -> {cls.__name__}")

    def apply(self, table: np.ndarray) -> np.ndarray:
        """Applies the fitted step to any patients.

        Parameters
        ----------
        table : float array `[N, F]`
            Their numbers, NaN where missing.

        Returns
        -------
        float array `[N, F']`
        """
        raise TypeError(f"{type(self).__name__} must define apply([N, F]) -> [N, F']")

    def owners(self, columns: int) -> np.ndarray:
        """The input column that each output column stands for in rankings.

        Parameters
        ----------
        columns : int
            The number F of columns that come in.

        Returns
        -------
        int array `[F']`
            By default the columns themselves.
        """
        return np.arange(columns)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays and the JSON from which `from_state` restores the step.

        Returns
        -------
        arrays : dict of str to array
            As `arrays` declares them.
        about : dict
            By default the other fields of the dataclass.
        """
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        about = {name: value for name, value in fields.items() if name not in self.arrays}
        return {name: fields[name] for name in self.arrays}, about

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> Step:
        """Restores a step.

        Parameters
        ----------
        arrays : mapping of str to array
            As `state` gave them.
        about : mapping
            As `state` gave it.

        Returns
        -------
        Step
        """
        return cls(**arrays, **about)


@cache
def available_steps() -> tuple[str, ...]:
    """Names of the steps that ship with graphfuse, sorted."""
    folder = Path(__file__).parents[1] / "steps"
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(folder)])))


def step(name: str) -> type[Step]:
    """The class of a step, by its name in the folder or as `file.py:Class`.

    Raises `InputError` for an unknown name, a missing file or class, or a class that is no step.
    """
    if name in available_steps():
        module = importlib.import_module(f"graphfuse.data.steps.{name}")
        return next(each for each in vars(module).values() if _is_own(each, module.__name__))
    if ":" not in name:
        raise InputError(
            f"[prepare] steps: {name!r}: no such step{nearest(name, available_steps())}; or give "
            "file.py:Class"
        )
    custom = class_in_file(name)
    if not is_step(custom):
        raise InputError(
            f"[prepare] steps: {name!r}: is no Step; "
            "derive it from graphfuse.data.prepare.step.Step"
        )
    return custom


def is_step(thing: object) -> bool:
    """Whether this is a class of steps."""
    return isinstance(thing, type) and issubclass(thing, Step)


def _is_own(thing: object, module: str) -> bool:
    """Whether this is a class of steps that the module defines."""
    return is_step(thing) and thing.__module__ == module


def check_options(name: str, kind: type[Step], options: Mapping[str, Any]) -> None:
    """Raises `InputError` for options that `fit` does not take."""
    _, _, *taken = inspect.signature(kind.fit).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in taken):
        return
    known = [each.name for each in taken]
    for option in options:
        if option not in known:
            raise InputError(
                f"[prepare] steps: {name!r} has no option {option!r}{nearest(option, known)}"
            )
