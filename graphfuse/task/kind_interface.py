"""The interface of every kind of outcome: how it is read, counted and shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from graphfuse.errors import InputError
from graphfuse.task.audit_interface import Audited
from graphfuse.task.from_label_array import FromLabels


class Kind(Audited, FromLabels, ABC):
    """A kind of outcome.

    Each kind is a class in a module of this folder (`graphfuse.task` says how to write one), so
    that no other module asks which kind an outcome is. An instance is made for one outcome (`of`)
    and holds what is the outcome's own, such as the names of its classes. In docstrings, a `target`
    is a `task.outcome.Target`, an `outcome` a `task.outcome.Outcome`, both of N patients.
    """

    trains: ClassVar[bool] = False  # whether it is a `task.task.Task`
    unknown: ClassVar[float] = np.nan  # what stands for a value that nobody knows

    # ------------------------------------------------------------------------ from tables to values

    @classmethod
    @abstractmethod
    def lacking(cls, spec) -> str:
        """Says what a manifest lacks to describe such an outcome.

        Parameters
        ----------
        spec : OutcomeSpec
            The manifest's `[outcome.<name>]`.

        Returns
        -------
        str
            Blank where nothing is missing.
        """

    @classmethod
    @abstractmethod
    def columns_read(cls, spec) -> list[str]:
        """The columns from which the outcome is read.

        Parameters
        ----------
        spec : OutcomeSpec
            The manifest's `[outcome.<name>]`.

        Returns
        -------
        list of str
        """

    @classmethod
    @abstractmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple:
        """Reads the outcome from its columns.

        Parameters
        ----------
        frame : pd.DataFrame
            A row for each patient of the cohort, blank where the file has none.
        spec : OutcomeSpec
            The manifest's `[outcome.<name>]`.
        name : str
            The outcome's name.

        Returns
        -------
        outcome : Outcome
        notices : list of str
            What users should know of the values.

        Raises
        ------
        InputError
            Where the columns cannot be read as such an outcome.
        """

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple:
        """Makes the outcome of a series in memory.

        Parameters
        ----------
        values : pd.Series
            By patient; its name is the outcome's.
        patients : pd.Index
            The cohort's patients, in order.

        Returns
        -------
        outcome : Outcome
        notices : list of str

        Raises
        ------
        InputError
            Where the series does not describe such an outcome.
        """
        raise InputError(
            f"outcome {values.name!r}: one series does not say a {cls.kind} outcome; describe its "
            "files in a manifest"
        )

    @classmethod
    def may_be(cls, column: pd.Series) -> bool:
        """Whether a column that holds an outcome most likely holds one of this kind.

        Parameters
        ----------
        column : pd.Series
            As it was read.

        Returns
        -------
        bool
        """
        return False

    @classmethod
    def named(cls, classes: Sequence[str]) -> Kind:
        """Makes an instance for an outcome with these classes.

        Parameters
        ----------
        classes : sequence of str
            Their names; empty for a kind without classes.

        Returns
        -------
        Kind
        """
        return cls()

    @classmethod
    def check_classes(cls, classes: Sequence[str]) -> None:
        """Refuses classes that no outcome of this kind can have.

        Parameters
        ----------
        classes : sequence of str
            Their names.

        Raises
        ------
        ValueError
        """
        if classes:
            raise ValueError(f"classes: an outcome of kind {cls.kind!r} has none")

    @classmethod
    def of(cls, outcome) -> Kind:
        """Makes an instance for one outcome.

        Parameters
        ----------
        outcome : Outcome
            Of this kind.

        Returns
        -------
        Kind
        """
        return cls.named(outcome.classes)

    @staticmethod
    def known(values: np.ndarray) -> np.ndarray:
        """Of which patients a value is known.

        Parameters
        ----------
        values : np.ndarray
            `[N]`.

        Returns
        -------
        np.ndarray
            Bool `[N]`.
        """
        return np.isfinite(values)

    # -------------------------------------------------------------------------- in words and tables

    @property
    def brief(self) -> str:
        """What there is to predict, in two or three words, such as "3 classes"."""
        return f"a {self.kind}"

    @abstractmethod
    def counted(self, target) -> str:
        """How many patients have which value, for those who hold the data.

        Parameters
        ----------
        target : Target

        Returns
        -------
        str
        """

    @abstractmethod
    def in_words(self, target) -> str:
        """How many patients have which value, for a log.

        Parameters
        ----------
        target : Target

        Returns
        -------
        str
            Without any number of patients under five.
        """

    @abstractmethod
    def shown(self, target) -> dict[str, np.ndarray]:
        """The outcome as columns of a table of patients.

        Parameters
        ----------
        target : Target

        Returns
        -------
        dict of str to np.ndarray
            What is appended to the outcome's name → a column `[N]` in words or numbers; "" has the
            values.
        """

    @abstractmethod
    def categories(self, target) -> tuple[np.ndarray, tuple[str, ...]]:
        """A few named categories, into which the patients fall.

        Parameters
        ----------
        target : Target

        Returns
        -------
        codes : np.ndarray
            Int `[N]`: the category of each patient, -1 for none.
        names : tuple of str
            Empty where there are no categories.
        """

    @abstractmethod
    def altered(self, target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        """Other values of some patients, as they might have had.

        Nothing that is fitted without those patients may change with them (`leak_check`).

        Parameters
        ----------
        target : Target
        rows : np.ndarray
            Row numbers of those patients.
        rng : np.random.Generator
            From which the values are drawn.

        Returns
        -------
        values : np.ndarray
            `[N]`.
        event : np.ndarray or None
            Bool `[N]` of times to an event, else None.
        """


def beyond_all(values: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers `[N]` (NaN: unknown), with those at `rows` drawn anew above all that there are."""
    known = pd.Series(values).fillna(0)
    drawn = known.max() + (1 + known.std()) * rng.random(len(rows))
    altered = values.copy()
    altered[rows] = drawn
    return altered
