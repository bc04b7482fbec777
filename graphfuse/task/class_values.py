"""Classes before anything is trained: how they are read, counted and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, examples, few_of
from graphfuse.task.class_labels import MANY, ClassLabels, class_outcome
from graphfuse.task.kind import Kind
from graphfuse.task.outcome import Outcome, Target

# Folds of cross-validation unless --cv says otherwise: each class needs a patient in every one.
FOLDS = 5
_UNLABELLED = None


class ClassValues(ClassLabels, Kind):
    """The classes called `names`, as values of patients."""

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
        found, notices = class_outcome(labels, frame.index, spec.labels, tuple(spec.derived_from))
        sizes = np.bincount(found.values[found.known], minlength=len(found.classes))
        small = [repr(c) for c, size in zip(found.classes, sizes, strict=True) if size < FOLDS]
        if small:
            which = f"{'class' if len(small) == 1 else 'classes'} {examples(small)}"
            notices.append(
                f"{which}: fewer than {FOLDS} labelled patients, too few for the {FOLDS} folds "
                "that training takes by default; "
                "merge classes by labels = { … }, leave such labels blank, or take fewer folds "
                "(--cv)"
            )
        if len(found.classes) == 1:
            notices.append(
                f"all labelled patients are {found.classes[0]!r}; there is nothing to tell apart"
            )
        return found, notices

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
        said, known = few_of(sizes, spare=_UNLABELLED), int(target.known.sum())
        has_few = any(0 < sizes[name] < FEW for name in self.names)
        shares = {name: "" if has_few else f" ({sizes[name] / known:.0%})" for name in self.names}
        counts = ", ".join(f"{name} {said[name]}{share}" for name, share in shares.items())
        return f"{counts}; unlabelled {said[_UNLABELLED]}"

    def shown(self, target: Target) -> dict[str, np.ndarray]:
        names = np.array([*self.names, None], dtype=object)  # code -1, unlabelled, is the last
        return {"": names[target.values]}

    def coloured(self, target: Target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        return {"": (target.values, self.names)}

    def categories(self, target: Target) -> tuple[np.ndarray, tuple[str, ...]]:
        return target.values, self.names

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        values, count = target.values.copy(), len(self.names)
        values[rows] = (values[rows] + rng.integers(1, max(count, 2), len(rows))) % count
        return values, None

    def _sizes(self, target: Target) -> dict[str | None, int]:
        """How many patients each class has, and how many none."""
        sizes = {name: int((target.values == k).sum()) for k, name in enumerate(self.names)}
        return sizes | {_UNLABELLED: int((~target.known).sum())}
