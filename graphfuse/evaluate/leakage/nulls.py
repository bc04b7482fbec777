"""Cohorts with nothing to find, and what a recipe and its baselines find in them.

A pipeline that leaks scores above chance on them all the same: a score whose interval leaves chance
out on shuffled labels or on noise is a fault of the pipeline, not a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.leakage.epoch_picking import Picked, best_of_epochs
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.progress import progress
from graphfuse.schema import Metrics, Recipe
from graphfuse.task.metric import Metric
from graphfuse.task.registry import kind_of, metrics_of

DEALT = 5  # beside a seed: the generator of that seed alone may have made the cohort


def shuffled(cohort: Cohort, target: str | None = None, seed: int = 0) -> Cohort:
    """The cohort with the outcome `target` (default: the first) permuted among those who have it;
    other outcomes, values and missing values stay. Raises `InputError` as `Cohort.outcome`."""
    outcome = cohort.outcome(target)
    known = np.flatnonzero(outcome.known)
    rng = np.random.default_rng([seed, DEALT])
    rows = np.arange(len(cohort))
    rows[known] = rng.permutation(known)
    return replace(cohort, outcomes={**cohort.outcomes, outcome.name: outcome.take(rows)})


def noise(cohort: Cohort, seed: int = 0) -> Cohort:
    """The cohort with every column replaced by noise that is independent of the patient: omics and
    embeddings normal with the column's mean and standard deviation, EHR columns their own values
    permuted.

    What is missing stays missing, and outcomes stay: a score above chance then comes from who lacks
    what.
    """
    modalities = {}
    for number, (name, modality) in enumerate(cohort.modalities.items()):
        rng = np.random.default_rng([seed, number, DEALT])
        modalities[name] = replace(modality, table=_noise(modality, rng), values="mixed")
    return replace(cohort, modalities=modalities)


def _noise(modality: Modality, rng: np.random.Generator) -> pd.DataFrame:
    """A table of noise in place of a modality's."""
    table = modality.table
    if modality.kind == "ehr":
        return table.apply(lambda column: _dealt(column, rng))
    mean = table.mean().to_numpy()
    deviation = table.std(ddof=0).to_numpy()
    drawn = mean + deviation * rng.normal(size=table.shape)
    return pd.DataFrame(drawn, table.index, table.columns).where(table.notna())


def _dealt(column: pd.Series, rng: np.random.Generator) -> pd.Series:
    """The known values of a column in another order."""
    rows = np.arange(len(column))
    known = np.flatnonzero(column.notna())
    rows[known] = rng.permutation(known)
    return column.iloc[rows].set_axis(column.index)


# ---------------------------------------------------------------------------- what is found in them

KINDS: dict[str, Callable[[Cohort, str, int], Cohort]] = {
    "shuffled labels": shuffled,
    "noise features": lambda cohort, target, seed: noise(cohort, seed),
}


@dataclass(frozen=True, eq=False)
class Nulls:
    """What a recipe and its baselines score where there is nothing to find.

    Attributes
    ----------
    cohort : str
        Its name.
    metrics : dict of str to Metrics
        By what was made of the cohort: "shuffled labels", "noise features".
    picked : Picked
        On shuffled labels, what the best epoch on the test patients scores, and the one chosen
        without them.
    """

    cohort: str
    metrics: dict[str, Metrics]
    picked: Picked

    @property
    def metric(self) -> Metric:
        """The one in which chance is judged: the first in which all guesses are worth the same."""
        return next(each for each in metrics_of(self._kind) if each.is_even)

    @property
    def _kind(self) -> str:
        """Of the outcome."""
        return next(iter(self.metrics.values())).kind

    @property
    def table(self) -> pd.DataFrame:
        """null, model, the metric with its 95 % interval, and whether that holds chance."""
        metric = self.metric
        rows = []
        for null, metrics in self.metrics.items():
            for model, scores in metrics.models.items():
                score = scores[metric.name]
                low, high = score.ci95
                row = {"null": null, "model": model, metric.name: score.mean, "lo": low, "hi": high}
                row["holds_chance"] = None
                if low is not None:
                    row["holds_chance"] = bool(low <= metric.chance <= high)
                rows.append(row)
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        table, metric = self.table, self.metric
        lines = [
            f"{self.cohort}: negative controls ({metric.in_sentence}, 95 % interval; "
            f"chance is {metric.chance:g})"
        ]
        for null, rows in table.groupby("null", sort=False):
            lines += ["", null]
            lines += [_line(row, getattr(row, metric.name)) for row in rows.itertuples()]
        others = table["model"] != kind_of(self._kind).baseline  # which is chance itself
        judged = table[others].dropna(subset="holds_chance")
        missed = int((~judged["holds_chance"].astype(bool)).sum())
        expected = 0.05 * len(judged)
        lines.append("")
        lines.append(
            f"{missed} of {len(judged)} intervals leave out chance; of valid ones about "
            f"{expected:.1f} would"
        )
        lines.append(f"best of epochs, shuffled labels: {self.picked}")
        return "\n".join(lines)

    __repr__ = __str__


def nulls(
    cohort: Cohort,
    target: str,
    recipe: Recipe,
    network: GeneNetwork | None,
    folds: pd.DataFrame,
    seed: int,
    device: str,
) -> Nulls:
    """The recipe's net and its baselines on the cohort with shuffled labels and with noise for
    features, over a folds table; and what picking the epoch on the test patients would have gained
    where there is nothing to gain."""
    metrics = {}
    dealt = shuffled(cohort, target, seed)
    with progress("negative controls", len(KINDS) + 1) as step:
        for kind, made in KINDS.items():
            null = made(cohort, target, seed)
            outcome = null.outcome(target)
            result = study(null, outcome, recipe, network, folds, seed, device, final=False)
            metrics[kind] = result.metrics({})
            step(True)
        picked = best_of_epochs(dealt, dealt.outcome(target), recipe, network, folds, seed, device)
    return Nulls(cohort.name, metrics, picked)


def _line(row, score: float | None) -> str:
    """A row of the table in words."""
    written = "-" if pd.isna(score) else f"{score:.3f}"
    has_interval = row.lo is not None and not np.isnan(row.lo)
    span = f" ({row.lo:.3f} to {row.hi:.3f})" if has_interval else ""
    flag = "   LEAVES OUT CHANCE" if row.holds_chance is False else ""
    return f"  {row.model:<22}{written}{span}{flag}"
