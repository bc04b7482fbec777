"""Labels given as an array, as scikit-learn has them: how a kind of outcome takes them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from graphfuse.errors import InputError


class FromLabels:
    """What a kind of outcome says of labels that are given as an array."""

    kind: ClassVar[str] = ""

    @classmethod
    def labels(cls, given: np.ndarray) -> np.ndarray:
        """Labels `[N]` given as an array, none of them missing, as this kind takes them. Raises
        `ValueError` where it does not."""
        return given

    @classmethod
    def from_labels(cls, labels: np.ndarray, name: str) -> tuple:
        """The outcome that such `labels` are, and its classes sorted and of the labels' own type;
        None where there are no classes. Raises `InputError` where one array cannot say it."""
        raise InputError(
            f"y: an array does not say a {cls.kind} outcome; give a cohort that has it, and its "
            "name as y"
        )

    def label_warning(self, labels: np.ndarray, outcome) -> str:
        """What is to be told of `labels` `[N]`, given for the patients of such an `outcome`, that
        look as if they were meant to be its own and are not; "" for nothing. Raises `InputError`
        where some stand for patients of whom nothing is known."""
        return ""

    def values_of(self, labels: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """`labels` `[N]` as values of a target; `classes`: what they say for the names of its
        classes. A label that is none of them is -1."""
        return np.asarray(labels, float)

    def attributes(self, classes: np.ndarray | None) -> dict[str, np.ndarray]:
        """What scikit-learn asks of fitted models of this kind alone; `classes`: as given in place
        of their names."""
        return {}

    def refuse_other_kind(self, outcome) -> None:
        """Raises `InputError` where an outcome is of another kind than the one predicted."""
        if outcome.kind != self.kind:
            raise InputError(
                f"outcome {outcome.name!r} is of kind {outcome.kind!r}, and what is predicted is "
                f"of kind {self.kind!r}; take another outcome"
            )
