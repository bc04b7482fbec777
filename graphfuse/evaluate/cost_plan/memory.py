"""The memory of a study, from the sizes of what it keeps: the least that it takes, and the likely
peak.

What is kept, and how many more copies of a table or a kernel there are for a moment, was traced
allocation by allocation on cohorts of 100 × 20,000 and 800 × 100.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter

import pandas as pd
from joblib import cpu_count

from graphfuse.data import memory
from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, counted
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fusion_search import candidates
from graphfuse.learn.linear.kernels import allows_kernels, is_narrow
from graphfuse.learn.signals.net_channels import encoders_of
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

NUMBER = 8  # bytes
FITTED = 5.2  # copies of a table while it is scaled, besides what stays
SOLVED = 6.0  # kernels while a ridge regression walks over them, besides what stays
TURNED = 3.0  # kernels while a table is turned into its own coordinates
PER_COLUMN = 370  # bytes that a model keeps of a column: names, scales, slopes
WEIGHT = 4  # bytes
STEPS = 8  # copies of a net's weights while it trains
KEPT = 1.15  # times what is in use: allocators keep some of what is freed
TRAINING, WRITING = 4e7, 1.5e8  # bytes of libraries that are loaded to train, and to draw a report


@dataclass(frozen=True)
class Table:
    """A modality's size: `columns`, those `shown` to the nets, and whether its encoder `smooths`
    over a gene network and is `linear`."""

    columns: int
    shown: int
    smooths: bool
    linear: bool

    @property
    def kernels(self) -> int:
        """How many kernels it has: of its columns and, where they are smoothed, of these too."""
        return 1 + 2 * self.smooths

    def cut(self, most: int) -> Table:
        """The same with so many columns at most."""
        return replace(self, columns=min(self.columns, most), shown=min(self.shown, most))

    @property
    def seen(self) -> int:
        """Columns as the net sees them: a second time where they are smoothed."""
        return self.shown * (1 + self.smooths)


@dataclass(frozen=True)
class Footprint:
    """What a study keeps, in bytes.

    Parameters
    ----------
    tables : tuple of Table
        The modalities.
    folds : int
        Of one repeat.
    repeats : int
        Whose models are all kept.
    trained, everyone : int
        Patients that a fold is trained on, and all.
    width, seeds, candidates : int
        Of the nets: their width, how many train side by side, and how many are searched among.
    """

    tables: tuple[Table, ...]
    folds: int
    repeats: int
    trained: int
    everyone: int
    width: int
    seeds: int
    candidates: int = 1

    @classmethod
    def of(
        cls, cohort: Cohort, recipe: Recipe, network: GeneNetwork | None, folds: pd.DataFrame
    ) -> Footprint:
        """Of a study of this cohort with these folds."""
        first = folds[folds["repeat"] == folds["repeat"].iloc[0]]
        tested = first["fold"].notna().sum()
        count = first["fold"].nunique()
        return cls(
            tables=_tables(cohort, recipe, network),
            folds=count,
            repeats=folds["repeat"].nunique(),
            trained=int(len(cohort) - tested / max(count, 1)),
            everyone=len(cohort),
            width=recipe.net.width,
            seeds=recipe.train.seeds * len(recipe.train.settings),
            candidates=len(candidates(recipe)),
        )

    @property
    def least(self) -> float:
        """What is in memory at once in any case: the folds' tables and kernels."""
        return self.folds * self._fold(self.trained)

    def likely(self, step: float = 0.0) -> float:
        """The peak; `step`: bytes of a bank's training step for each patient and fold."""
        threads = min(cpu_count(), self.folds)
        kept = self.folds * self._fold(self.trained)
        whole = kept + self._fold(self.everyone)
        baselines = kept + threads * self._moment(self.trained)
        final = whole + self._moment(self.everyone)
        shown = self.folds * self._shown(self.trained) + self._shown(self.everyone)
        steps = step * (self.folds * self.trained + self.everyone)
        bank = whole + shown + steps
        return KEPT * (max(baselines, final, bank) + self._models())

    def peak(self, step: float = 0.0) -> float:
        """What the process takes at most besides what it has, until its report is written."""
        written = self._models() + self._moment(self.everyone)
        return max(TRAINING + self.likely(step), WRITING + KEPT * written)

    def _fold(self, patients: int) -> float:
        """A fold's rows as they are and as the net sees them, and the kernels that stay, which
        are no larger than their tables."""
        cells = sum(table.columns + table.seen for table in self.tables)
        kernels = 0
        for table in self.tables:
            kernels += table.kernels * min(patients, table.shown)
        return NUMBER * patients * (cells + kernels)

    def _moment(self, patients: int) -> float:
        """What is in memory besides a fold while it is fitted."""
        columns = FITTED * max(table.columns for table in self.tables)
        if not allows_kernels(patients):
            return NUMBER * patients * columns
        wide = [table for table in self.tables if not is_narrow(patients, table.shown)]
        more = sum(table.kernels for table in wide if patients > table.shown)
        solved = SOLVED * (patients if wide else max(table.shown for table in self.tables))
        return NUMBER * patients * max(columns, solved + more * patients)

    def _shown(self, patients: int) -> float:
        """What a bank is given of a fold, and what its nets are while they train."""
        total = 0.0
        wide = [table for table in self.tables if not is_narrow(patients, table.shown)]
        if allows_kernels(patients) and any(table.linear for table in wide):
            total += TURNED * NUMBER * patients**2 / self.folds  # one fold at a time
        for table in self.tables:
            rank, turned = table.shown, 0
            if table.linear:
                rank = min(patients, table.shown)
                turned = (table.shown + 2 * patients) * rank * NUMBER
            given = patients * rank * (1 + table.smooths) * (NUMBER + WEIGHT)
            weights = rank * self.width * self.seeds * WEIGHT * STEPS
            total += self.candidates * (turned + given) + weights
        return total

    def _models(self) -> float:
        """What all folds leave behind, and the final model."""
        weights = self.width * self.seeds * WEIGHT
        one = 0
        for table in self.tables:
            one += table.columns * PER_COLUMN + table.shown * weights
        return (self.folds * self.repeats + 1) * one


def _tables(cohort: Cohort, recipe: Recipe, network: GeneNetwork | None) -> tuple[Table, ...]:
    """The sizes of the cohort's modalities, as the recipe's net uses them."""
    encoders = encoders_of(recipe, cohort, network)
    tables = []
    for name, modality in cohort.modalities.items():
        count = modality.table.shape[1]
        encode = part("encode", encoders[name])
        shown = count if recipe.select.top is None else min(count, recipe.select.top)
        tables.append(Table(count, shown, bool(encode.hops), encode.linear))
    return tuple(tables)


def require_memory(
    cohort: Cohort, recipe: Recipe, network: GeneNetwork | None, folds: pd.DataFrame
) -> None:
    """Refuses a study that memory cannot hold, before anything of it is computed.

    Parameters
    ----------
    cohort, recipe, network, folds
        As in `study`.

    Raises
    ------
    InputError
        Says what it takes at least, what is free, and how many columns, patients or folds would
        fit.
    """
    needs = Footprint.of(cohort, recipe, network, folds)
    free = memory.available()
    if free is not None and needs.least > free:
        raise InputError(
            f"cohort {cohort.name!r}: training takes at least {memory.in_gb(needs.least)} of "
            f"memory, and {memory.in_gb(free)} are free. {what_fits(needs, free)}"
        )


def what_fits(
    needs: Footprint, free: float, take: Callable[[Footprint], float] = attrgetter("least")
) -> str:
    """What of a study would fit into so many bytes, in words; `take`: bytes of a footprint."""

    def columns(most: int) -> float:
        tables = tuple(table.cut(most) for table in needs.tables)
        return take(replace(needs, tables=tables))

    def patients(most: int) -> float:
        trained = most * needs.trained // needs.everyone
        return take(replace(needs, everyone=most, trained=trained))

    widest = max(table.columns for table in needs.tables)
    cures = []
    most = _most(columns, widest, free)
    if most > 1:
        cures.append(f"{counted(most, 'column')} of each table (columns = […] in the manifest)")
    most = _most(patients, needs.everyone, free)
    if most:
        cures.append(counted(most, "patient"))
    halved = replace(needs, folds=2, trained=needs.everyone // 2)
    if needs.folds > 2 and take(halved) <= free:
        cures.append("2 folds (--cv 2x1)")
    if not cures:
        return "Take fewer patients and fewer columns, or a larger machine"
    return f"What would fit: {', or '.join(cures)}"


def _most(take: Callable[[int], float], limit: int, free: float) -> int:
    """The largest number up to `limit` that takes no more than is free; 0 for none."""
    fitting = bisect_right(range(limit), free, key=take)
    return max(0, fitting - 1)
