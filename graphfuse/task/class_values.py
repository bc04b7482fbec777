"""Classes before anything is trained: how they are read, counted and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, examples, few_of
from graphfuse.task.class_labels import MANY, ClassLabels, class_outcome
from graphfuse.task.kind_interface import Kind
from graphfuse.task.outcome import Outcome, Target

# Folds of cross-validation unless --cv says otherwise: each class needs a patient in every one.
FOLDS = 5
_UNLABELLED = None


class ClassValues(ClassLabels, Kind):
    """The classes called `names`, as they are before anything is trained."""

    names: tuple[str, ...]
    unknown = -1
    has_classes = True

    @classmethod
    def lacking(cls, spec) -> str:
        return "" if spec.column else "a class outcome needs column"

    @classmethod
    def columns_read(cls, spec) -> list[str]:
        return [spec.column]

    @classmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple[Outcome, list[str]]:
        labels = frame[spec.column].rename(name)
        derived_from = tuple(spec.derived_from)
        outcome, notices = class_outcome(labels, frame.index, spec.labels, derived_from)
        notices += _small_class_notice(outcome)
        if len(outcome.classes) == 1:
            notices.append(
                f"all labelled patients are {outcome.classes[0]!r}; there is nothing to tell apart"
            )
        return outcome, notices

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple[Outcome, list[str]]:
        return class_outcome(values, patients)

    @classmethod
    def may_be(cls, column: pd.Series) -> bool:
        return column.nunique() <= MANY

    @classmethod
    def named(cls, classes: Sequence[str]) -> Self:
        return cls(tuple(classes))

    @classmethod
    def check_classes(cls, classes: Sequence[str]) -> None:
        if len(classes) < 2:
            raise ValueError("classes: two names or more are needed")

    @staticmethod
    def known(values: np.ndarray) -> np.ndarray:
        return values >= 0

    @property
    def brief(self) -> str:
        return f"{len(self.names)} classes"

    def counted(self, target: Target) -> str:
        sizes = self._sizes(target)
        unlabelled = sizes.pop(_UNLABELLED)
        counts = ", ".join(f"{name} {size}" for name, size in sizes.items())
        return f"{counts}; unlabelled {unlabelled}"

    def in_words(self, target: Target) -> str:
        """Counts, with shares where no class is small."""
        sizes = self._sizes(target)
        size_words = few_of(sizes, spare=_UNLABELLED)
        counts = [f"{name} {size_words[name]}" for name in self.names]
        if not any(0 < sizes[name] < FEW for name in self.names):
            known = int(target.known.sum())
            shares = [f"({sizes[name] / known:.0%})" for name in self.names]
            counts = [f"{count} {share}" for count, share in zip(counts, shares, strict=True)]
        return f"{', '.join(counts)}; unlabelled {size_words[_UNLABELLED]}"

    def shown(self, target: Target) -> dict[str, np.ndarray]:
        names = np.array([*self.names, None], dtype=object)  # None: of code -1, unlabelled
        return {"": names[target.values]}

    def coloured(self, target: Target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        return {"": (target.values, self.names)}

    def categories(self, target: Target) -> tuple[np.ndarray, tuple[str, ...]]:
        return target.values, self.names

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        """Each of these patients gets another class at random."""
        values = target.values.copy()
        count = len(self.names)
        steps = rng.integers(1, max(count, 2), len(rows))
        values[rows] = (values[rows] + steps) % count
        return values, None

    def _sizes(self, target: Target) -> dict[str | None, int]:
        """How many patients each class has, and how many none."""
        sizes = {name: int((target.values == k).sum()) for k, name in enumerate(self.names)}
        return sizes | {_UNLABELLED: int((~target.known).sum())}


def _small_class_notice(outcome: Outcome) -> list[str]:
    """A notice for classes with fewer patients than there are folds by default."""
    sizes = np.bincount(outcome.values[outcome.known], minlength=len(outcome.classes))
    small = [repr(outcome.classes[code]) for code in np.flatnonzero(sizes < FOLDS)]
    if not small:
        return []
    noun = "class" if len(small) == 1 else "classes"
    return [
        f"{noun} {examples(small)}: fewer than {FOLDS} labelled patients, too few for the {FOLDS} "
        "folds that training takes by default; merge classes by labels = { … }, leave such labels "
        "blank, or take fewer folds (--cv)"
    ]
