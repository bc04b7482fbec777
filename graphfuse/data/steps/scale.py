"""The step `scale`: columns are centred and divided by their spread among training patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphfuse.data.prepare.step import Context, Step
from graphfuse.errors import InputError
from graphfuse.files.array_rules import FLOATS, Array, not_negative
from graphfuse.statistics.columns import is_constant, near_one


@dataclass(frozen=True, eq=False)
class Scale(Step):
    """Over training patients, columns get mean 0 and a standard deviation of 1, or a range of 1,
    which gives columns with outliers less weight; columns that are constant there become 0.

    Whether a column is constant is judged by the size of its own values (`is_constant`), so that
    neither its unit nor an offset matters. It comes after `impute`.
    """

    mean: np.ndarray
    factor: np.ndarray

    arrays: ClassVar[Mapping[str, Array]] = {
        "mean": Array(FLOATS, ("before",)),
        "factor": Array(FLOATS, ("before",), not_negative),
    }
    rescales: ClassVar[bool] = True

    @classmethod
    def reads_target(cls, **options: Any) -> bool:
        return False

    @classmethod
    def fit(cls, table: np.ndarray, context: Context | None = None, by: str = "deviation") -> Scale:
        """Fits the step; `by`: `"deviation"` or `"range"`."""
        if by not in ("deviation", "range"):
            raise InputError(f'scale: by = "deviation" or "range" (got {by!r})')
        if not len(table):
            zeros = np.zeros(table.shape[1])
            return cls(zeros, zeros)
        scaled, exponent = near_one(table)
        mean = scaled.mean(axis=0)
        if np.isnan(mean).any():
            raise InputError(
                'scale: values are missing; put "impute" before "scale" among [prepare] steps'
            )
        deviations = scaled - mean
        drift = deviations.mean(axis=0)  # rounding errors in the mean of large values
        width = np.ptp(scaled, axis=0) if by == "range" else deviations.std(axis=0)
        constant = is_constant(table)
        width = np.where(constant, 1.0, width)
        factor = np.ldexp(1 / width, -exponent)
        mean = np.ldexp(mean + drift, exponent)
        return cls(mean, np.where(constant, 0.0, factor))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return (table - self.mean) * self.factor
