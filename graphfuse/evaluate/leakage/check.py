"""Checks whether any pipeline lets held-out patients influence what it fits.

Two instruments are used, since each detects what the other misses. The access log
(`graphfuse.evaluate.leakage.access_log`) notes every read of a held-out patient while the pipeline
fits, whether or not it changes a number; it misses what does not go through the cohort's own
parts. The perturbation fits once more with held-out values, and once more with held-out labels,
set to something else: a number that changes depends on them, in whatever way; it misses reads that
happen to change nothing. Neither detects what was fitted before the pipeline was called, or leaks
in the tables themselves: give it the whole pipeline, and `graphfuse.data.leak_audit.run` the
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError, few
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.schema.check_arguments import Seed, checked
from graphfuse.task.outcome import Outcome

TOLERANCE = 1e-9  # absolute, of probabilities and of other fitted numbers
#: By which a model says what it predicts, the first that it has, and what that is called.
ASKED = {"predict_proba": "probabilities", "output": "predictions", "predict": "predictions"}
WAYS = ("scrambled", "blank")


@dataclass(frozen=True)
class Finding:
    """One leak.

    Attributes
    ----------
    instrument : str
        That detected it: "spy" or "perturbation".
    what : str
        What of held-out patients was used: "values", "labels" or "groups".
    says : str
        How, in words.
    """

    instrument: str
    what: str
    says: str

    def __str__(self) -> str:
        return f"{self.instrument}: {self.says}"


@checked
def leak_check(
    fit: Callable,
    cohort: Cohort,
    train_rows,
    target: str | None = None,
    seed: Seed = 0,
    *,
    numbers: Callable | None = None,
) -> list[Finding]:
    """Finds leaks of held-out patients into a pipeline, by both instruments. Fits up to six times.

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

    Returns
    -------
    list of Finding
        Empty where held-out patients change nothing.

    Raises
    ------
    InputError
        Where nobody is held out or trained on, or where two fits on the same data differ: only a
        seeded pipeline can be checked.
    """
    train, held_out = _sides(cohort, train_rows)
    check = _Check(fit, cohort, train, held_out, target, seed, numbers)
    model, leaks = check.watched()
    return leaks + check.perturbed(check.numbers_of(model))


def perturbed(
    cohort: Cohort, rows: np.ndarray, what: str, way: str, seed: int = 0, target: str | None = None
) -> Cohort:
    """The cohort with something else in place of values or labels of some patients.

    Parameters
    ----------
    cohort : Cohort
    rows : np.ndarray
        int, of the patients.
    what : str
        "values" or "labels".
    way : str
        "scrambled": values far from their column's own, other words of it, nothing absent, groups
        exchanged; another class, another number. "blank": missing wherever the type allows it;
        labels unknown.
    seed : int
    target : str, optional
        The one outcome to change (default: all).
    """
    rng = np.random.default_rng(seed)
    if what == "labels":
        changed = dict(cohort.outcomes)
        wanted = list(changed) if target is None else [cohort.outcome(target).name]
        for name in changed:
            if name in wanted:
                changed[name] = _relabelled(changed[name], rows, way, rng)
        return replace(cohort, outcomes=changed)
    modalities = {k: _revalued(m, rows, way, rng) for k, m in cohort.modalities.items()}
    groups = {k: _regrouped(g, rows, way, rng) for k, g in cohort.groups.items()}
    return replace(cohort, modalities=modalities, groups=groups)


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

    def perturbed(self, before: dict[str, np.ndarray]) -> list[Finding]:
        """What changes with held-out values, and what with held-out labels; of each, the first way
        that shows it."""
        findings = []
        for what in ("values", "labels"):
            finding = next(self._moved(what, before), None)
            if finding is not None:
                findings.append(finding)
        if findings:
            self._refuse_unseeded(before)
        return findings

    def _moved(self, what: str, before: dict[str, np.ndarray]) -> Iterator[Finding]:
        """What changes where held-out values or labels are something else, way after way."""
        for way in WAYS:
            other = perturbed(self.cohort, self.held_out, what, way, self.seed, self.target)
            where = f"where the {what} of {few(len(self.held_out))} held-out patients are {way}"
            try:
                model = self.fit(other, self.train)
            except Exception as error:
                # with the cohort as it is, it fits: held-out patients are what stops it now
                stops = f"{where}, fitting stops with {type(error).__name__}"
                yield Finding("perturbation", what, stops)
                continue
            moved = differences(before, self.numbers_of(model))
            if moved:
                yield Finding("perturbation", what, f"{where}, the fit changes: {'; '.join(moved)}")
                continue
            if what == "labels":
                moved = differences(before, self.numbers_of(model, other))
                if moved:
                    changes = f"{where}, scoring changes: {'; '.join(moved)}"
                    yield Finding("perturbation", what, changes)

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


def differences(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> list[str]:
    """In words, what differs by more than `TOLERANCE` (missing equals missing) or in shape."""
    lines = []
    for name in before.keys() | after.keys():
        difference = _difference(before.get(name), after.get(name))
        if difference:
            lines.append(f"{name} {difference}")
    return sorted(lines)


def _difference(one: np.ndarray | None, two: np.ndarray | None) -> str:
    """How two arrays differ, in words; '' where they are equal."""
    if one is None or two is None or one.shape != two.shape:
        return "have another shape"
    if one.dtype.kind not in "biufc" or two.dtype.kind not in "biufc":
        return "" if np.array_equal(one, two) else "differ"
    if np.allclose(one, two, rtol=0, atol=TOLERANCE, equal_nan=True):
        return ""
    gap = np.abs(one.astype(float) - two.astype(float))
    if not np.isfinite(gap).any():
        return "become missing"
    return f"by up to {np.nanmax(gap):.2g}"


# ------------------------------------------------------------------------------------ perturbations


def _revalued(modality: Modality, rows: np.ndarray, way: str, rng: np.random.Generator) -> Modality:
    """The modality with other values at `rows`."""
    table = modality.table
    numeric = table.select_dtypes("floating")
    values = numeric.to_numpy(float, copy=True, na_value=np.nan)
    if way == "blank":
        values[rows] = np.nan
    else:
        centre = numeric.mean().fillna(0).to_numpy(float)
        width = numeric.std().fillna(0).to_numpy(float) + 1
        noise = rng.normal(3, 2, (len(rows), values.shape[1]))
        values[rows] = centre + width * noise
    worded = table.columns.difference(numeric.columns)
    words = {name: _reworded(table[name], rows, way, rng) for name in worded}
    numbers = pd.DataFrame(values, index=table.index, columns=numeric.columns)
    numbers = numbers.astype(numeric.dtypes)
    changed = pd.concat([numbers, pd.DataFrame(words, index=table.index)], axis=1)
    return replace(modality, table=changed[table.columns])


def _reworded(column: pd.Series, rows: np.ndarray, way: str, rng: np.random.Generator) -> pd.Series:
    """Another word of the column's own in each row, or none."""
    words = sorted(column.dropna().unique())
    column = column.copy()
    if way == "blank":
        column.iloc[rows] = np.nan
        return column
    for row in rows:
        others = [word for word in words if word != column.iloc[row]]
        if others:
            column.iloc[row] = rng.choice(others)
    return column


def _regrouped(
    group: np.ndarray, rows: np.ndarray, way: str, rng: np.random.Generator
) -> np.ndarray:
    """Another group of those there are; blank: one of which nobody else is."""
    changed = np.asarray(group).astype(object)
    known = sorted(set(map(str, changed)))
    others = []
    for row in rows:
        step = rng.integers(1, max(len(known), 2))
        number = known.index(str(changed[row])) + step
        others.append(known[number % len(known)])
    changed[rows] = "" if way == "blank" else others
    return changed


def _relabelled(outcome: Outcome, rows: np.ndarray, way: str, rng: np.random.Generator) -> Outcome:
    """The outcome with other values at `rows`, or (`way` "blank") with none."""
    values, event = outcome.task.altered(outcome.target, rows, rng)
    if way == "blank":
        values = outcome.values.copy()
        values[rows] = outcome.task.unknown
    return replace(outcome, values=values, event=event)
