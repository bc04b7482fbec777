"""Whether a pipeline, anybody's, lets held-out patients influence what it fits.

Two instruments, since each is blind where the other sees. The log of accesses
(`graphfuse.evaluate.leakage.access_log`) notes every read of a held-out patient while the pipeline
fits, whether or not it changes a number; it misses what does not go through the cohort's own
parts. The perturbation fits once more with
held-out values, and once more with held-out labels, set to something else: a number that moves has
seen them, by whatever way; it misses reads that happen to change nothing. Neither sees what was
fitted before the pipeline was called, or what is in the tables themselves: give it the whole
pipeline, and `graphfuse.data.leak_audit.run` the tables.
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
from graphfuse.schema.arguments import Seed, checked
from graphfuse.task.outcome import Outcome

TOLERANCE = 1e-9  # absolute, of probabilities and of other fitted numbers
#: By which a model says what it predicts, the first that it has, and what that is called.
ASKED = {"predict_proba": "probabilities", "output": "predictions", "predict": "predictions"}
WAYS = ("scrambled", "blank")


@dataclass(frozen=True)
class Finding:
    """One thing found: the `instrument` that saw it (spy | perturbation), `what` was seen of
    held-out patients (values | labels | groups), and how, in words."""

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
    """What held-out patients change in a pipeline, as both instruments see it; an empty list where
    they change nothing.

    `fit(cohort, rows)` gets the whole cohort and the rows to train on, and returns anything with
    `predict_proba(cohort)`, `[N, K]`, or where it predicts no classes, with `output(cohort)`, as a
    `FusionModel` has it, or `predict(cohort)`, `[N]`. `target`: the outcome whose labels are
    watched and changed (default: all of them). `numbers(model)`: an array, or names → arrays, to
    compare beside the predictions (a ranking, fitted parameters). Fits up to six times.

    Raises `InputError` where nobody is held out or trained on, or where two fits on the same data
    differ: a pipeline must be seeded before anything can be told from what moves.
    """
    check = _Check(fit, cohort, *_sides(cohort, train_rows), target, seed, numbers)
    model, seen = check.watched()
    return seen + check.perturbed(check.said(model))


def perturbed(
    cohort: Cohort, rows: np.ndarray, what: str, way: str, seed: int = 0, target: str | None = None
) -> Cohort:
    """The cohort with the `what` of the patients at `rows` set to something else.

    "values", "scrambled": numbers far from their column's own, other words of it, nothing absent,
    groups exchanged; "blank": missing wherever the type allows it. "labels", "scrambled": another
    class, another number; "blank": unknown. `target`: the one outcome to change (default: all).
    """
    rng = np.random.default_rng(seed)
    if what == "labels":
        wanted = [cohort.outcome(target).name] if target is not None else list(cohort.outcomes)
        changed = {
            k: _relabelled(o, rows, way, rng) if k in wanted else o
            for k, o in cohort.outcomes.items()
        }
        return replace(cohort, outcomes=changed)
    tables = {k: _revalued(m, rows, way, rng) for k, m in cohort.modalities.items()}
    return replace(
        cohort,
        modalities=tables,
        groups={k: _regrouped(g, rows, way, rng) for k, g in cohort.groups.items()},
    )


# -------------------------------------------------------------------------------------- instruments


@dataclass(frozen=True, eq=False)
class _Check:
    """A pipeline under check. `scored`: training and held-out patients whom a model can score (they
    have some modality)."""

    fit: Callable
    cohort: Cohort
    train: np.ndarray
    held: np.ndarray
    target: str | None
    seed: int
    numbers: Callable | None

    @property
    def scored(self) -> dict[str, np.ndarray]:
        has = self.cohort.present.any(axis=1).to_numpy()
        sides = {"training patients": self.train, "held-out patients": self.held}
        return {name: rows[has[rows]] for name, rows in sides.items() if has[rows].any()}

    def watched(self) -> tuple[object, list[Finding]]:
        """The model fitted under the spy, and what it read of held-out patients, then and in
        scoring them."""
        cohort, spy = spied(self.cohort, strict=False)
        with spy.fitting(self.train):
            model = self.fit(cohort, self.train)
        with spy.scoring(self.held, self.train):
            for rows in self.scored.values():
                _predicted(model, cohort.take(rows))
        named = None if self.target is None else self.cohort.outcome(self.target).name
        leaks = [leak for leak in spy.leaks if leak.what != "labels" or named in (None, leak.of)]
        return model, [Finding("spy", leak.what, str(leak)) for leak in leaks]

    def said(self, model, cohort: Cohort | None = None) -> dict[str, np.ndarray]:
        """Everything the model says: predictions of either side, from their true values, and
        `numbers`."""
        cohort, found = self.cohort if cohort is None else cohort, {}
        for side, rows in self.scored.items():
            what, output = _predicted(model, cohort.take(rows))
            found[f"{what} of {side}"] = output
        extra = {} if self.numbers is None else self.numbers(model)
        extra = extra if isinstance(extra, Mapping) else {"fitted numbers": extra}
        return found | {name: np.asarray(value) for name, value in extra.items()}

    def perturbed(self, before: dict[str, np.ndarray]) -> list[Finding]:
        """What moves with held-out values, and what with held-out labels; the first way that shows
        it is told."""
        found = [
            finding
            for what in ("values", "labels")
            for finding in [next(self._moved(what, before), None)]
            if finding
        ]
        if found:
            self._repeatable(before)
        return found

    def _moved(self, what: str, before: dict[str, np.ndarray]) -> Iterator[Finding]:
        for way in WAYS:
            other = perturbed(self.cohort, self.held, what, way, self.seed, self.target)
            where = f"where the {what} of {few(len(self.held))} held-out patients are {way}"
            try:
                model = self.fit(other, self.train)
            except (
                Exception
            ) as error:  # as it is, it fits: what stops it now are patients it must not see
                yield Finding(
                    "perturbation", what, f"{where}, fitting stops with {type(error).__name__}"
                )
                continue
            moved = differences(before, self.said(model))
            if moved:
                yield Finding("perturbation", what, f"{where}, the fit changes: {'; '.join(moved)}")
            elif what == "labels" and (moved := differences(before, self.said(model, other))):
                yield Finding("perturbation", what, f"{where}, scoring changes: {'; '.join(moved)}")

    def _repeatable(self, before: dict[str, np.ndarray]) -> None:
        moved = differences(before, self.said(self.fit(self.cohort, self.train)))
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
    train = np.arange(len(cohort))[np.asarray(rows, dtype=None if np.size(rows) else int)]
    held = np.setdiff1d(np.arange(len(cohort)), train)
    if not len(train) or not len(held):
        raise InputError(
            f"{len(train):,} patients to train on and {len(held):,} held out; give "
            "train_rows with some on either side"
        )
    return train, held


def differences(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> list[str]:
    """In words, what differs by more than `TOLERANCE` (missing equals missing) or in shape."""
    found = []
    for name in before.keys() | after.keys():
        one, two = before.get(name), after.get(name)
        if one is None or two is None or one.shape != two.shape:
            found.append(f"{name} have another shape")
        elif one.dtype.kind not in "biufc" or two.dtype.kind not in "biufc":
            found += [] if np.array_equal(one, two) else [f"{name} differ"]
        elif not np.allclose(one, two, rtol=0, atol=TOLERANCE, equal_nan=True):
            gap = np.abs(one.astype(float) - two.astype(float))
            found.append(
                f"{name} by up to {np.nanmax(gap):.2g}"
                if np.isfinite(gap).any()
                else f"{name} become missing"
            )
    return sorted(found)


# ------------------------------------------------------------------------------------ perturbations


def _revalued(modality: Modality, rows: np.ndarray, way: str, rng: np.random.Generator) -> Modality:
    table = modality.table
    numeric = table.select_dtypes("floating")
    values = numeric.to_numpy(float, copy=True, na_value=np.nan)
    if way == "blank":
        values[rows] = np.nan
    else:
        centre, width = (
            numeric.mean().fillna(0).to_numpy(float),
            numeric.std().fillna(0).to_numpy(float) + 1,
        )
        values[rows] = centre + width * rng.normal(3, 2, (len(rows), values.shape[1]))
    changed = {
        name: _reworded(table[name], rows, way, rng)
        for name in table.columns.difference(numeric.columns)
    }
    frame = pd.DataFrame(values, index=table.index, columns=numeric.columns).astype(numeric.dtypes)
    return replace(
        modality,
        table=pd.concat([frame, pd.DataFrame(changed, index=table.index)], axis=1)[table.columns],
    )


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
    drawn = [known.index(str(changed[row])) + rng.integers(1, max(len(known), 2)) for row in rows]
    changed[rows] = "" if way == "blank" else [known[number % len(known)] for number in drawn]
    return changed


def _relabelled(outcome: Outcome, rows: np.ndarray, way: str, rng: np.random.Generator) -> Outcome:
    """The outcome with other values at `rows`, or (`way` "blank") with none."""
    values, event = outcome.task.altered(outcome.target, rows, rng)
    if way == "blank":
        values = outcome.values.copy()
        values[rows] = outcome.task.unknown
    return replace(outcome, values=values, event=event)
