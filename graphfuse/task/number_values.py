"""A number for each patient: how it is read, shown, and looked at in audits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.errors import few
from graphfuse.task.kind import Kind
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.wording import CategoryWords
from graphfuse.text.numbers import plain_numbers


class NumberValues(Kind):
    """Numbers, before anything is trained."""

    category_words = CategoryWords(
        one="patients on one side of the median only",
        several="both sides of the median",
        every="all patients",
        known="known of enough patients on both sides of its median",
        asked="an outcome that is known of {} patients on either side of its median",
    )

    @classmethod
    def lacking(cls, spec) -> str:
        return "" if spec.column else "a number outcome needs column"

    @classmethod
    def columns_read(cls, spec) -> list[str]:
        return [spec.column]

    @classmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple[Outcome, list[str]]:
        values = plain_numbers(frame[spec.column]).to_numpy()
        return Outcome(name, cls.kind, values, derived_from=tuple(spec.derived_from)), []

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple[Outcome, list[str]]:
        name = str(values.name or "outcome")
        numbers = plain_numbers(values.rename(name).reindex(patients))
        return Outcome(name, cls.kind, numbers.to_numpy()), []

    @classmethod
    def labels(cls, given: np.ndarray) -> np.ndarray:
        return np.asarray(given, float)

    @classmethod
    def from_labels(cls, labels: np.ndarray, name: str) -> tuple[Outcome, None]:
        return Outcome(name, cls.kind, labels), None

    @classmethod
    def may_be(cls, column: pd.Series) -> bool:
        return True

    def counted(self, target: Target) -> str:
        return f"{int(target.known.sum())} known"

    def in_words(self, target: Target) -> str:
        values = target.values[target.known]
        return f"number, {few(len(values))} known, {values.min():.6g} to {values.max():.6g}"

    def shown(self, target: Target) -> dict[str, np.ndarray]:
        return {"": target.values}

    def categories(self, target: Target) -> tuple[np.ndarray, tuple[str, ...]]:
        """Who lies above the median, and who does not; where nobody is above it, who lies below."""
        values = target.values[target.known]
        middle = np.median(values) if len(values) else 0.0
        high, names = target.values > middle, ("up to the median", "above the median")
        if not high[target.known].any():
            high, names = target.values >= middle, ("below the median", "at the median")
        return np.where(target.known, high, -1).astype(int), names

    def in_order(self, target: Target) -> np.ndarray | None:
        return target.values

    def distinguished(self, names: Iterable[str]) -> str:
        return f"who is {' or '.join(names)}"

    def restated(self, target: Target, column: np.ndarray) -> bool:
        """Whether both put patients in one order, or in opposite ones."""
        ranks = rankdata(column), rankdata(target.values)
        return all(map(np.ptp, ranks)) and abs(np.corrcoef(*ranks)[0, 1]) > 1 - 1e-9

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        values = target.values.copy()
        known = pd.Series(values).fillna(0)
        values[rows] = known.max() + (1 + known.std()) * rng.random(len(rows))
        return values, None
