"""Checks whether any pipeline lets held-out patients influence what it fits or predicts.

Four instruments are used, since each detects what the others miss.

- The access log (`graphfuse.evaluate.leakage.access_log`, "spy") notes every read of a held-out
  patient while the pipeline fits, whether or not it changes a number; it misses what does not go
  through the cohort's own parts.
- The perturbation fits once more with held-out values, labels or ids set to something else: a
  number that changes depends on them, in whatever way. Tables and labels of held-out patients that
  the pipeline reaches past the cohort, in globals, closures or attributes, are changed in the same
  way (`graphfuse.evaluate.leakage.outside_data`). It misses reads that happen to change nothing.
- Row independence scores the same patients among 30, among 5 and alone.
- Renaming scores the same patients under other ids.

None detects numbers that were fitted on everyone before the pipeline was called, what it reads from
a file, or leaks in the tables themselves: give it the whole pipeline, and
`graphfuse.data.leak_audit.run` the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, few
from graphfuse.evaluate.leakage.finding import Finding, differences
from graphfuse.evaluate.leakage.outside_data import OutsideData
from graphfuse.evaluate.leakage.perturbed_cohort import WAYS, perturbed
from graphfuse.evaluate.leakage.row_independence import RowScores, tried_rows
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.schema.check_arguments import Seed, checked

#: By which a model says what it predicts, the first that it has, and what that is called.
ASKED = {"predict_proba": "probabilities", "output": "predictions", "predict": "predictions"}


@checked
def leak_check(
    fit: Callable,
    cohort: Cohort,
    train_rows,
    target: str | None = None,
    seed: Seed = 0,
    *,
    numbers: Callable | None = None,
    ids_matter: bool = False,
) -> list[Finding]:
    """Finds leaks of held-out patients into a pipeline, by four instruments.

    The pipeline is fitted six to nine times.

    Parameters
    ----------
    fit : callable
        `fit(cohort, rows)` gets the whole cohort and the rows to train on, and returns anything
        with `predict_proba(cohort)`, `[N, K]`, or where it predicts no classes, with
        `output(cohort)`, as a `FusionModel` has it, or `predict(cohort)`, `[N]`.
    cohort : Cohort
        N patients.
    train_rows : array-like
        Rows to train on, as numbers or bool `[N]`; all others are held out.
    target : str, optional
        The outcome whose labels are watched and changed (default: all of them).
    seed : int
        Of the perturbations.
    numbers : callable, optional
        `numbers(model)`: an array, or names → arrays, to compare together with the predictions (a
        ranking, fitted parameters).
    ids_matter : bool
        Whether the pipeline may look something up by id, such as edges between patients in a file.
        Ids are then left as they are, and what is read from them is not found.

    Returns
    -------
    list of Finding
        Empty where held-out patients change nothing.

    Raises
    ------
    InputError
        Where nobody is held out or trained on, or where two fits, or two scorings, of the same
        data differ: only a seeded pipeline can be checked.
    """
    train, held_out = _sides(cohort, train_rows)
    check = _Check(fit, cohort, train, held_out, target, seed, numbers, ids_matter)
    model, leaks = check.watched()
    before = check.numbers_of(model)
    return leaks + check.rows(model) + check.perturbed(before)


# -------------------------------------------------------------------------------------- instruments


@dataclass(frozen=True, eq=False)
class _Check:
    """A pipeline under check, with the rows that train and those that are held out."""

    fit: Callable
    cohort: Cohort
    train: np.ndarray
    held_out: np.ndarray
    target: str | None
    seed: int
    numbers: Callable | None
    ids_matter: bool

    @property
    def scored(self) -> dict[str, np.ndarray]:
        """Rows of the training and of the held-out patients whom a model can score: they have some
        modality."""
        has_any = self.cohort.present.any(axis=1).to_numpy()
        sides = {"training patients": self.train, "held-out patients": self.held_out}
        scored = {name: rows[has_any[rows]] for name, rows in sides.items()}
        return {name: rows for name, rows in scored.items() if len(rows)}

    def watched(self) -> tuple[object, list[Finding]]:
        """The model fitted under the access log, and what it read of held-out patients, then and in
        scoring them."""
        cohort, spy = spied(self.cohort, strict=False)
        with spy.fitting(self.train):
            model = self.fit(cohort, self.train)
        with spy.scoring(self.held_out, self.train):
            for rows in self.scored.values():
                _predicted(model, cohort.take(rows))
        named = None if self.target is None else self.cohort.outcome(self.target).name
        findings = []
        for leak in spy.leaks:
            if leak.what != "labels" or named in (None, leak.of):
                findings.append(Finding("spy", leak.what, str(leak)))
        return model, findings

    def numbers_of(self, model: object, cohort: Cohort | None = None) -> dict[str, np.ndarray]:
        """Everything that is compared of a model: predictions of either side, from their true
        values, and `numbers`."""
        if cohort is None:
            cohort = self.cohort
        result = {}
        for side, rows in self.scored.items():
            what, output = _predicted(model, cohort.take(rows))
            result[f"{what} of {side}"] = output
        if self.numbers is None:
            return result
        extra = self.numbers(model)
        if not isinstance(extra, Mapping):
            extra = {"fitted numbers": extra}
        return result | {name: np.asarray(value) for name, value in extra.items()}

    def rows(self, model: object) -> list[Finding]:
        """Whether predictions hang on the patients scored beside a row, or on its id."""
        nobody = np.zeros(0, int)
        train = self.scored.get("training patients", nobody)
        held_out = self.scored.get("held-out patients", nobody)
        rows = tried_rows(held_out, train, self.seed)
        if not len(rows):
            return []
        what, _ = _predicted(model, self.cohort.take(rows))
        scores = RowScores(lambda part: _predicted(model, part)[1], what, self.cohort, rows)
        return scores.findings(with_ids=not self.ids_matter)

    def perturbed(self, before: dict[str, np.ndarray]) -> list[Finding]:
        """What changes with held-out values, labels and ids, and with those that the pipeline
        reaches past the cohort; of each, the first way that shows it."""
        outside = OutsideData.reached(self.fit, self.cohort, self.held_out)
        findings = []
        for what, ways in WAYS.items():
            if what == "ids" and self.ids_matter:
                continue
            moved = [*self._moved(what, ways, before), *self._moved_outside(what, outside, before)]
            findings += moved
        if findings:
            self._refuse_unseeded(before)
        return findings

    def _moved(
        self, what: str, ways: tuple[str, ...], before: dict[str, np.ndarray]
    ) -> list[Finding]:
        """The first way to change held-out values, labels or ids that changes a number."""
        for way in ways:
            other = perturbed(self.cohort, self.held_out, what, way, self.seed, self.target)
            where = f"where the {what} of {few(len(self.held_out))} held-out patients are {way}"
            scored = [self.cohort]
            if what == "labels":
                scored.append(other)
            says = self._fitted_and_scored(other, scored, before)
            if says:
                return [Finding("perturbation", what, f"{where}, {says}")]
        return []

    def _fitted_and_scored(
        self, fitted: Cohort, scored: list[Cohort], before: dict[str, np.ndarray]
    ) -> str:
        """How a fit on the cohort `fitted` changes numbers, by the patients of the first cohort in
        `scored`, and then of the others; '' where it does not."""
        # with the cohort as it is, it fits and scores: what stops it now are held-out patients
        doing = "fitting"
        try:
            model = self.fit(fitted, self.train)
            for number, cohort in enumerate(scored):
                doing = "scoring"
                moved = differences(before, self.numbers_of(model, cohort))
                if moved:
                    subject = "scoring" if number else "the fit"
                    return f"{subject} changes: {'; '.join(moved)}"
        except Exception as error:
            return f"{doing} stops with {type(error).__name__}"
        return ""

    def _moved_outside(
        self, what: str, outside: OutsideData, before: dict[str, np.ndarray]
    ) -> list[Finding]:
        """What changes with held-out values or labels that are reached past the cohort."""
        names = outside.names(what)
        if not names:
            return []
        with outside.changed(what, self.seed):
            says = self._fitted_and_scored(self.cohort, [self.cohort], before)
        if not says:
            return []
        where = f"where the {what} of {few(len(self.held_out))} held-out patients in {names}"
        cure = "take everything from the cohort that fit is given"
        return [Finding("perturbation", what, f"{where} are scrambled, {says}; {cure}")]

    def _refuse_unseeded(self, before: dict[str, np.ndarray]) -> None:
        """Raises `InputError` where another fit on the same data differs."""
        again = self.fit(self.cohort, self.train)
        moved = differences(before, self.numbers_of(again))
        if moved:
            raise InputError(
                f"fitted twice on the same data, the pipeline differs ({'; '.join(moved)}), "
                "so what moves tells nothing; "
                "seed every draw inside fit, and check again"
            )


def _predicted(model, cohort: Cohort) -> tuple[str, np.ndarray]:
    """What a model predicts of these patients, and what that is called."""
    way = next((each for each in ASKED if callable(getattr(model, each, None))), None)
    if way is None:
        raise InputError(
            f"leak_check: fit returns {type(model).__name__}, which has none of "
            f"{', '.join(ASKED)}; return a model that predicts"
        )
    return ASKED[way], np.asarray(getattr(model, way)(cohort))


def _sides(cohort: Cohort, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows held out."""
    everyone = np.arange(len(cohort))
    train = everyone[np.asarray(rows, dtype=None if np.size(rows) else int)]
    held_out = np.setdiff1d(everyone, train)
    if not len(train) or not len(held_out):
        raise InputError(
            f"{len(train):,} patients to train on and {len(held_out):,} held out; give "
            "train_rows with some on either side"
        )
    return train, held_out
