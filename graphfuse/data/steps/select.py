"""The step `select`: keeps the columns with the strongest association with the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from graphfuse.data.prepare.step import Context, Step
from graphfuse.errors import InputError
from graphfuse.files.array_rules import PLACES, Array, chosen


@dataclass(frozen=True, eq=False)
class Select(Step):
    """Keeps the `top` columns by their relevance for the training labels; ties are broken by
    column name, so that the order of columns does not matter."""

    keep: np.ndarray

    arrays: ClassVar[Mapping[str, Array]] = {"keep": Array(PLACES, ("after",), chosen("before"))}
    unitless: ClassVar[bool] = True

    @classmethod
    def reads_target(cls, top: int | None = None) -> bool:
        return top is not None

    @classmethod
    def fit(cls, table: np.ndarray, context: Context, top: int | None = None) -> Select:
        """Fits the step; `top`: how many columns are kept, `None`: all."""
        if top is not None and (type(top) is not int or top < 1):
            raise InputError(f"select: top must be a whole number of 1 or more (got {top!r})")
        if top is None or top >= table.shape[1]:
            return cls(np.arange(table.shape[1]))
        names = np.asarray(context.columns, dtype=str)
        order = np.lexsort((names, -context.relevance(table)))
        return cls(np.sort(order[:top]))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return table[:, self.keep]

    def owners(self, columns: int) -> np.ndarray:
        return self.keep
