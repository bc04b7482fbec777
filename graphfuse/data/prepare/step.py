"""The contract of a step: numbers in, numbers out, fitted on training patients.

A step is a class in a file of `graphfuse/data/steps/` (the folder is the registry), or
`file.py:Class` anywhere. A recipe names the steps of a modality in `[prepare] steps`.
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
from graphfuse.files.arrays import Array
from graphfuse.files.class_from_file import class_in_file
from graphfuse.task.outcome import Learned


@dataclass(frozen=True, eq=False)
class Context:
    """What a step may know of the training patients, besides their table `[n, F]`.

    Parameters
    ----------
    modality : str
        The modality's name.
    kind : str
        `"omics"`, `"embedding"` or `"ehr"`.
    patients : pd.Index
        Ids of the rows.
    columns : array of str `[F]`
        The name of the modality's column that each column of the table comes from.
    groups : mapping of str to array `[n]`
        Group's name → each patient's entry, `None` where unknown.
    learned : Learned
        Their target, with its `values` and who is `known`, and the task that says how it is
        learned; for a step that does not read it, nobody's is known.
    """

    modality: str
    kind: str
    patients: pd.Index
    columns: np.ndarray
    groups: Mapping[str, np.ndarray]
    learned: Learned

    def relevance(self, table: np.ndarray) -> np.ndarray:
        """float64 `[F]`: how much each column of `table` `[n, F]` says of the target; the larger,
        the more. Raises `InputError` where values are missing."""
        if np.isnan(table).any():
            raise InputError(
                f"modality {self.modality!r}: columns are chosen by their values, and some are "
                'missing; put "impute" before "select" among [prepare] steps'
            )
        return self.learned.relevance(table)


class Step:
    """One step from a modality's numbers to what models see; derive from it, as a frozen dataclass.

    `fit` sees the training patients who have the modality; `apply` anyone, and gives each row the
    same whoever else is there. Tables are float64; NaN is missing. A step turns no number into NaN,
    and after the last step of a pipeline no NaN is left. Neither method changes its table.

    `arrays` declares what is saved: field → `Array(types, shape, rule)`. In a shape, `"before"`
    stands for the number of columns that come in and `"after"` for the number that go out; any
    other word, for a size that arrays of this step share. Models whose arrays are not so are
    refused.

    `rescales`: it only moves and multiplies each column. `unitless`: its fit depends on neither, so
    that it is fitted on columns as they were before they were rescaled, and rounding decides
    nothing.
    """

    arrays: ClassVar[Mapping[str, Array]] = {}
    rescales: ClassVar[bool] = False
    unitless: ClassVar[bool] = False

    @classmethod
    def reads_target(cls, **options: Any) -> bool:
        """Whether `fit`, with these options, looks at the target. Inner folds then fit it anew
        without the patients they hold out; where it does not, no label is shown to it."""
        return True

    @classmethod
    def fit(cls, table: np.ndarray, context: Context, **options: Any) -> Step:
        """The step fitted on training patients, `table` `[n, F]`; a recipe gives the options."""
        raise TypeError(f"{cls.__name__} must define fit(table, context) -> {cls.__name__}")

    def apply(self, table: np.ndarray) -> np.ndarray:
        """From a table `[N, F]` of anyone's to one `[N, F']`."""
        raise TypeError(f"{type(self).__name__} must define apply([N, F]) -> [N, F']")

    def owners(self, columns: int) -> np.ndarray:
        """int `[F']`: which of the `columns` that come in each column that goes out stands for in
        rankings; by default, they are the same."""
        return np.arange(columns)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays, as `arrays` declares them, and JSON: by default the dataclass's other fields."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        about = {name: value for name, value in fields.items() if name not in self.arrays}
        return {name: fields[name] for name in self.arrays}, about

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> Step:
        """The step of `state`'s arrays and JSON."""
        return cls(**arrays, **about)


@cache
def available_steps() -> tuple[str, ...]:
    """Names of the steps that ship, sorted."""
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
    found = class_in_file(name)
    if not is_step(found):
        raise InputError(
            f"[prepare] steps: {name!r}: is no Step; "
            "derive it from graphfuse.data.prepare.step.Step"
        )
    return found


def is_step(found: object) -> bool:
    """Whether this is a class of steps."""
    return isinstance(found, type) and issubclass(found, Step)


def _is_own(found: object, module: str) -> bool:
    return is_step(found) and found.__module__ == module


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
