"""What every kind of outcome says of itself, so that nobody else needs to ask which kind it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from graphfuse.errors import InputError
from graphfuse.task.audit_interface import Audited
from graphfuse.task.label_arrays import FromLabels


class Kind(Audited, FromLabels, ABC):
    """A kind of outcome, and one outcome of it: how it is read, counted and shown.

    Written once per kind, as a class in a module of this folder (`graphfuse.task` says how). An
    instance is made for one outcome (`of`) and holds what is the outcome's own, such as the names
    of its classes. A `target` is a `task.outcome.Target`, an `outcome` a `task.outcome.Outcome`.
    """

    trains: ClassVar[bool] = False  # whether it is a `task.task.Task`
    unknown: ClassVar[float] = np.nan  # what stands for a value that nobody knows

    # ------------------------------------------------------------------------ from tables to values

    @classmethod
    @abstractmethod
    def lacking(cls, spec) -> str:
        """What the manifest must say of such an outcome and does not; "" where it says all."""

    @classmethod
    @abstractmethod
    def columns_read(cls, spec) -> list[str]:
        """The columns from which the outcome is read."""

    @classmethod
    @abstractmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple:
        """The outcome from these columns, and what is to be told of it.

        Parameters
        ----------
        frame : pd.DataFrame
            A row for each patient of the cohort, blank where the file has none.
        spec : OutcomeSpec
            The manifest's `[outcome.<name>]`.
        name : str
            The outcome's.

        Returns
        -------
        outcome : Outcome
        notices : list of str

        Raises
        ------
        InputError
            Where the columns cannot be read as such an outcome.
        """

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple:
        """The outcome and notices, as of `read`, from a series by patient. Raises `InputError`."""
        raise InputError(
            f"outcome {values.name!r}: one series does not say a {cls.kind} outcome; describe its "
            "files in a manifest"
        )

    @classmethod
    def may_be(cls, column: pd.Series) -> bool:
        """Whether a column that holds an outcome most likely holds one of this kind."""
        return False

    @classmethod
    def named(cls, classes: Sequence[str]) -> Kind:
        """The kind as an outcome with these classes has it; of none, where it knows no classes."""
        return cls()

    @classmethod
    def check_classes(cls, classes: Sequence[str]) -> None:
        """Raises `ValueError` where no outcome of this kind has these classes."""
        if classes:
            raise ValueError(f"classes: an outcome of kind {cls.kind!r} has none")

    @classmethod
    def of(cls, outcome) -> Kind:
        """The kind as this outcome has it."""
        return cls.named(outcome.classes)

    @staticmethod
    def known(values: np.ndarray) -> np.ndarray:
        """bool `[N]`: of whom a value is known."""
        return np.isfinite(values)

    # -------------------------------------------------------------------------- in words and tables

    @property
    def brief(self) -> str:
        """What there is to predict, in two or three words: "3 classes"."""
        return f"a {self.kind}"

    @abstractmethod
    def counted(self, target) -> str:
        """How many patients have what, for whoever holds the data."""

    @abstractmethod
    def in_words(self, target) -> str:
        """The same for a log, in which no number under five is said."""

    @abstractmethod
    def shown(self, target) -> dict[str, np.ndarray]:
        """What tables of patients show: "" → the values in words or numbers `[N]`, and more columns
        by what is added to the outcome's name."""

    @abstractmethod
    def categories(self, target) -> tuple[np.ndarray, tuple[str, ...]]:
        """Which of a few named categories each patient is in, int `[N]` with -1 for none, and their
        names; no names where there are no categories."""

    @abstractmethod
    def altered(self, target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        """Values `[N]` and events, others at `rows`: what those patients might have had.

        Nothing that is fitted without those patients may change with them (`leak_check`).
        """


def beyond_all(values: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers `[N]` (NaN: unknown), with those at `rows` drawn anew above all that there are."""
    known = pd.Series(values).fillna(0)
    drawn = known.max() + (1 + known.std()) * rng.random(len(rows))
    altered = values.copy()
    altered[rows] = drawn
    return altered
