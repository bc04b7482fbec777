"""Numbers before anything is trained: how they are read, shown and audited."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.errors import InputError, counted, examples, few, few_counted
from graphfuse.statistics.sentinels import sentinel_of
from graphfuse.task.kind_interface import Kind, beyond_all
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.wording import CategoryWords
from graphfuse.text.cell_words import cleaned
from graphfuse.text.parse_numbers import bounds_notice, plain_numbers, shapes

_WORDS = 20  # different texts, up to which a column may be of classes
_FEWEST = 20  # values; of fewer, no notice says how they are distributed
_LARGEST = 1e100  # whose squares can be summed
_OUTER = 0.05  # the share of patients that lies farthest out
_DECIDES = 0.8  # of the variance; of a normal distribution they hold 0.28, of an exponential 0.5


class NumberValues(Kind):
    """A number for each patient, as it is before anything is trained."""

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
        values, notices = _numbers_of(frame[spec.column])
        return Outcome(name, cls.kind, values, derived_from=tuple(spec.derived_from)), notices

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple[Outcome, list[str]]:
        name = str(values.name or "outcome")
        numbers, notices = _numbers_of(values.rename(name).reindex(patients))
        return Outcome(name, cls.kind, numbers), notices

    @classmethod
    def labels(cls, given: np.ndarray) -> np.ndarray:
        """Floats, as scikit-learn makes them of whole numbers and of text that says numbers."""
        if given.dtype.kind in "mM":
            raise ValueError("dates and times are no numbers; give days or years since a date")
        try:
            return np.asarray(given, float)
        except (TypeError, ValueError):
            shown = examples(dict.fromkeys(map(repr, given.tolist())))
            raise ValueError(
                f'holds what is no number ({shown}); classes are learned with kind="class"'
            ) from None

    @classmethod
    def from_labels(cls, labels: np.ndarray, name: str) -> tuple[Outcome, None]:
        return Outcome(name, cls.kind, labels), None

    def label_warning(self, labels: np.ndarray, outcome: Outcome) -> str:
        """Of labels that are the outcome's numbers and not those of the same patients, as labels in
        the order of a table are not in that of the cohort."""
        if labels.dtype.kind != "f" or not outcome.known.any():
            return ""
        own = outcome.values[outcome.known]
        given = labels[outcome.known]
        mostly_distinct = len(np.unique(own)) > len(own) / 2
        same_values = np.isin(given, own).mean() > 0.5
        same_patients = (given == own).mean() >= 0.5
        if not mostly_distinct or not same_values or same_patients:
            return ""
        return (
            f"y: is not the outcome {outcome.name!r} of the same patients; where it should be, "
            "give labels in the order of cohort.patients"
        )

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
        median = np.median(values) if len(values) else 0.0
        is_high = target.values > median
        names = ("up to the median", "above the median")
        if not is_high[target.known].any():
            is_high = target.values >= median
            names = ("below the median", "at the median")
        return np.where(target.known, is_high, -1).astype(int), names

    def in_order(self, target: Target) -> np.ndarray | None:
        return target.values

    def distinguished(self, names: Iterable[str]) -> str:
        return f"who is {' or '.join(names)}"

    def restated(self, target: Target, column: np.ndarray) -> bool:
        """Whether both put patients in one order, or in opposite ones."""
        ranks = rankdata(column)
        ranks_of_values = rankdata(target.values)
        if not (np.ptp(ranks) and np.ptp(ranks_of_values)):
            return False
        correlation = np.corrcoef(ranks, ranks_of_values)[0, 1]
        return abs(correlation) > 1 - 1e-9

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        return beyond_all(target.values, rows, rng), None


def _numbers_of(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Float64 `[N]`, NaN where a cell is blank, and notices of what is odd about them."""
    _refuse_words(column)
    values = plain_numbers(column, bounds=True)
    _refuse_huge(values)
    of_bounds = bounds_notice(cleaned(column))
    of_values = _missing_code_notice(values) or _outlier_notice(values)
    notices = [notice for notice in (of_bounds, of_values) if notice]
    return values.to_numpy(), [f"column {column.name!r}: {notice}" for notice in notices]


def _refuse_words(column: pd.Series) -> None:
    """Raises `InputError` where the column holds a few texts again and again, and nothing else."""
    known = cleaned(column).dropna()
    is_word = (shapes(known) == "text") & known.map(type).isin((str, bool))
    if known.empty or known.nunique() > _WORDS or not is_word.all():
        return
    shown = examples(dict.fromkeys(known.map(repr)))
    raise InputError(
        f"column {column.name!r} holds words and no numbers ({shown}); name another column, or "
        'declare kind = "class"'
    )


def _refuse_huge(values: pd.Series) -> None:
    """Raises `InputError` for numbers whose squares are infinite."""
    huge = int((values.abs() > _LARGEST).sum())
    if huge:
        raise InputError(
            f"column {values.name!r}: {counted(huge, 'value lies', 'values lie')} beyond "
            f"±{_LARGEST:g}, larger than any measurement: a code for missing? Leave such cells "
            "blank"
        )


def _missing_code_notice(values: pd.Series) -> str:
    """A notice where a number far from all others may stand for a missing value; "" for none."""
    code = sentinel_of(values)
    if code is None:
        return ""
    patients = few_counted(int((values == code).sum()), "patient has", "patients have")
    return f"{patients} {code:.6g}, far from all others: a code for missing? Leave such cells blank"


def _outlier_notice(values: pd.Series) -> str:
    """A notice where a few values lie so far out that they make up the squared error; "" for
    none."""
    squares = (values.dropna() - values.mean()) ** 2
    descending = np.sort(squares)[::-1]
    total = descending.sum()
    if len(squares) < _FEWEST or not 0 < total < np.inf:
        return ""
    outermost = descending[: int(_OUTER * len(squares))]
    share = outermost.sum() / total
    if share < _DECIDES:
        return ""
    return (
        f"the {_OUTER:.0%} of patients farthest from the mean hold {share:.0%} of the variance, so "
        "that a few decide what is learned and how it scores: check these values, or predict their "
        "logarithm"
    )
