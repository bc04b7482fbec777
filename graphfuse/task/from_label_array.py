"""Labels given as an array, as scikit-learn has them: how a kind of outcome takes them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from graphfuse.errors import InputError


class FromLabels:
    """A kind of outcome as it takes labels `[N]` that are given as an array."""

    kind: ClassVar[str] = ""

    @classmethod
    def labels(cls, given: np.ndarray) -> np.ndarray:
        """Converts labels to what this kind takes.

        Parameters
        ----------
        given : np.ndarray
            `[N]`, none of them missing.

        Returns
        -------
        np.ndarray
            `[N]`.

        Raises
        ------
        ValueError
            Where they cannot be such labels.
        """
        return given

    @classmethod
    def from_labels(cls, labels: np.ndarray, name: str) -> tuple:
        """Makes an outcome of labels.

        Parameters
        ----------
        labels : np.ndarray
            `[N]`, as `labels` gives them.
        name : str
            The outcome's name.

        Returns
        -------
        outcome : Outcome
        classes : np.ndarray or None
            `[K]`, sorted and of the labels' own type; None where there are no classes.

        Raises
        ------
        InputError
            Where one array does not describe such an outcome.
        """
        raise InputError(
            f"y: an array does not say a {cls.kind} outcome; give a cohort that has it, and its "
            "name as y"
        )

    def label_warning(self, labels: np.ndarray, outcome) -> str:
        """Warns of labels that look like those of an outcome, in another order.

        Parameters
        ----------
        labels : np.ndarray
            `[N]`, as they are given for the outcome's patients.
        outcome : Outcome
            Of this kind, as the cohort has it.

        Returns
        -------
        str
            Blank where nothing speaks against the labels.

        Raises
        ------
        InputError
            Where some labels stand for patients of whom nothing is known.
        """
        return ""

    def values_of(self, labels: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """The values of a target that labels stand for.

        Parameters
        ----------
        labels : np.ndarray
            `[N]`.
        classes : np.ndarray, optional
            `[K]`: what labels say in place of the names of the classes.

        Returns
        -------
        np.ndarray
            `[N]`; -1 for a label that is no class.
        """
        return np.asarray(labels, float)

    def attributes(self, classes: np.ndarray | None) -> dict[str, np.ndarray]:
        """Attributes that scikit-learn expects of fitted models of this kind only.

        Parameters
        ----------
        classes : np.ndarray or None
            `[K]`: the classes as they were given, in place of their names.

        Returns
        -------
        dict of str to np.ndarray
            Such as `classes_`.
        """
        return {}

    def refuse_other_kind(self, outcome) -> None:
        """Refuses an outcome of another kind than the one predicted.

        Parameters
        ----------
        outcome : Outcome

        Raises
        ------
        InputError
        """
        if outcome.kind != self.kind:
            raise InputError(
                f"outcome {outcome.name!r} is of kind {outcome.kind!r}, and what is predicted is "
                f"of kind {self.kind!r}; take another outcome"
            )
