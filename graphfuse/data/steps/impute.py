"""The step `impute`: missing values become the training median."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphfuse.data.prepare.step import Context, Step
from graphfuse.files.array_rules import FLOATS, Array


@dataclass(frozen=True, eq=False)
class Impute(Step):
    """Missing values become the training median of their column, or 0 where no training patient has
    a value."""

    median: np.ndarray

    arrays: ClassVar[Mapping[str, Array]] = {"median": Array(FLOATS, ("before",))}

    @classmethod
    def reads_target(cls, **options: Any) -> bool:
        return False

    @classmethod
    def fit(cls, table: np.ndarray, context: Context | None = None) -> Impute:
        if not len(table):
            return cls(np.zeros(table.shape[1]))
        if not np.isnan(table).any():
            return cls(np.median(table, axis=0))
        has_values = ~np.isnan(table).all(axis=0)
        median = np.zeros(table.shape[1])
        median[has_values] = np.nanmedian(table[:, has_values], axis=0)
        return cls(median)

    def apply(self, table: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(table), self.median, table)
