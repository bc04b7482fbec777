"""Whether what is predicted of a row hangs on that row alone: the same among 30 rows, among 5 and
alone, and under another id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.leakage.finding import Finding, differences
from graphfuse.evaluate.leakage.perturbed_cohort import perturbed

MANY, FEW = 30, 5  # rows scored together
ROUNDING = 1e-5  # of the largest prediction, as float32 sums over thousands of columns differ


@dataclass(frozen=True, eq=False)
class RowScores:
    """A fitted model under check, and the rows on which it is tried.

    Attributes
    ----------
    score : callable
        `score(cohort)`: predictions `[n]` or `[n, K]`.
    what : str
        What these are called: "probabilities" or "predictions".
    cohort : Cohort
    rows : int array
        At most 30 rows that the model can score, held-out ones first.
    """

    score: Callable[[Cohort], np.ndarray]
    what: str
    cohort: Cohort
    rows: np.ndarray

    def findings(self, with_ids: bool) -> list[Finding]:
        """Whether predictions hang on the other rows that are scored, and (`with_ids`) on ids.

        Raises
        ------
        InputError
            Where the same rows, scored twice, get different predictions.
        """
        together = self.score(self.cohort.take(self.rows))
        self._refuse_unseeded(together)
        findings = []
        company = self._company(together)
        if company:
            findings.append(Finding("row independence", "values", company))
        if with_ids:
            named = self._under_other_ids(together)
            if named:
                findings.append(Finding("renaming", "ids", named))
        return findings

    def _refuse_unseeded(self, together: np.ndarray) -> None:
        """Raises `InputError` where the rows scored once more get other predictions."""
        again = self.score(self.cohort.take(self.rows))
        moved = self._moved(together, again)
        if moved:
            raise InputError(
                f"leak_check: the same patients scored twice get different {self.what} ({moved}), "
                "so what moves tells nothing; switch dropout off, or seed every draw in scoring"
            )

    def _company(self, together: np.ndarray) -> str:
        """How predictions among 30 rows differ from those of 5 of them, and of each alone; '' where
        they do not."""
        some = np.unique(np.linspace(0, len(self.rows) - 1, FEW).astype(int))
        batches = {f"among {len(some)} of them": [self.rows[some]]}
        batches["alone"] = [self.rows[[position]] for position in some]
        for company, parts in batches.items():
            where = f"scored among {len(self.rows)} patients and {company}"
            try:
                apart = np.concatenate([self.score(self.cohort.take(part)) for part in parts])
            except Exception as error:  # the same rows are scored without one in company
                return f"{where}: scoring stops with {type(error).__name__}; {_ROW_CURE}"
            moved = self._moved(together[some], apart)
            if moved:
                return f"{where}, the same patients get other {self.what}: {moved}; {_ROW_CURE}"
        return ""

    def _under_other_ids(self, together: np.ndarray) -> str:
        """How predictions change where the same rows have other ids; '' where they do not."""
        some = self.cohort.take(self.rows)
        renamed = perturbed(some, np.arange(len(some)), "ids", "renamed")
        where = f"where {len(some)} patients have other ids and the same columns"
        try:
            moved = self._moved(together, self.score(renamed))
        except Exception as error:  # under their own ids they are scored without one
            return f"{where}, scoring stops with {type(error).__name__}; {_ID_CURE}"
        return f"{where}, {self.what} change: {moved}; {_ID_CURE}" if moved else ""

    def _moved(self, before: np.ndarray, after: np.ndarray) -> str:
        """The difference of two sets of predictions beyond rounding, in words."""
        largest = 1.0
        if before.dtype.kind in "biuf":
            finite = np.abs(before[np.isfinite(before)])
            largest = float(finite.max(initial=0.0))
        moved = differences({self.what: before}, {self.what: after}, ROUNDING * largest)
        return "".join(moved).removeprefix(f"{self.what} ")


_ROW_CURE = "prepare each patient by what was fitted on training patients, never by those beside it"
_ID_CURE = (
    "predict from the cohort's columns; where edges or tables are meant to be looked up by id, "
    "give ids_matter=True"
)


def tried_rows(held_out: np.ndarray, train: np.ndarray, seed: int) -> np.ndarray:
    """At most 30 rows: of those held out, drawn at random, and filled up from those that train."""
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([rng.permutation(held_out), rng.permutation(train)])
    return drawn[:MANY]
