"""What a training would take, before it is started."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from joblib import cpu_count

from graphfuse import errors
from graphfuse.api.graphs import graph_of
from graphfuse.api.trained import rank
from graphfuse.data import memory
from graphfuse.data.audit import label_leaks
from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.evaluate.depends import Beside
from graphfuse.evaluate.footprint import Footprint, what_fits
from graphfuse.evaluate.plan import (
    FOLDS,
    Plan,
    Spent,
    carried_on,
    cubes,
    factors,
    parts_of,
    predicted,
    probes,
    some,
    turning,
)
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.record import record_run
from graphfuse.evaluate.report import Report
from graphfuse.evaluate.study import Study, study
from graphfuse.graph.gene_slot import gene_side
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn import fit
from graphfuse.learn.budget import HEADROOM, Size
from graphfuse.learn.device import pick_device
from graphfuse.learn.linear.fold import PreparedFold
from graphfuse.learn.linear.kernels import allows_kernels, is_narrow
from graphfuse.report.html import write_report
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.task.outcome import Outcome

NAMES = {
    "trees": "ladder: forest, boosting",
    "linear": "ladder and starts: linear",
    "net": "nets, the final one too",
    "controls": "nets with control graphs",
}


def plan(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 5),
    folds: str | Path | pd.DataFrame | None = None,
    group: str | None = None,
    leave_out: str | None = None,
    split: str | None = None,
    holdout: float | tuple[float, int] | None = None,
    network: str | Path | GeneNetwork | None = None,
    search: bool = False,
    ledger: bool = True,
    modalities: bool = False,
    ranked: bool = False,
    seed: int = 0,
    device: str = "auto",
) -> Plan:
    """Says what `train` with the same arguments would take: time, memory, disk.

    Trainings of some patients (64, 128, …, for as long as that is cheap) are timed part by part
    and carried on to all of them; memory is reckoned from the sizes of what is kept.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest.
    recipe, target, cv, folds, group, leave_out, split, holdout, network, search, ledger, \
modalities, seed, device
        As in `train`.
    ranked : bool
        Whether rankings are made too, as `run` does.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        For input that `train` would not take either.

    Examples
    --------
    >>> print(plan("tcga-brca", cv=(5, 1), ledger=False))  # doctest: +SKIP
    """
    began, device = Spent.now(), pick_device(device)
    protocol = Protocol.of(
        cv, folds=folds, group=group, leave_out=leave_out, split=split, holdout=holdout
    )
    recipe = Recipe.of(recipe).searched() if search else Recipe.of(recipe)
    cohort = as_cohort(cohort)
    reading, began = began.since(), Spent.now()
    with _quiet():
        outcome, table = ready(cohort, target, protocol, seed)
        label_leaks(cohort, outcome.name)
        cohort, genes, _ = gene_side(recipe, cohort, network, seed)
    asked = _Asked(
        cohort, outcome, recipe, genes, table, protocol, seed, device, Beside(ledger, modalities)
    )
    return asked.plan({"reading": reading, "checks, gene network": began.since()}, ranked)


@dataclass(frozen=True, eq=False)
class _Probe:
    """A training of some patients: how many, what it found, and what it took."""

    patients: int
    cohort: Cohort
    folds: pd.DataFrame
    found: Study
    spent: Spent


@dataclass(frozen=True, eq=False)
class _Written:
    """What the files of a probe took: seconds, bytes of fold models, and of all else."""

    spent: Spent
    models: int
    rest: int


@dataclass(frozen=True, eq=False)
class _Asked:
    """A training that is planned, and the probes of it."""

    cohort: Cohort
    outcome: Outcome
    recipe: Recipe
    network: GeneNetwork | None
    folds: pd.DataFrame
    protocol: Protocol
    seed: int
    device: str
    beside: Beside
    done: list[_Probe] = field(default_factory=list)

    def plan(self, before: dict[str, Spent], ranked: bool) -> Plan:
        """The plan, `before` being what was spent before any fit."""
        needs = Footprint.of(self.cohort, self.recipe, self.network, self.folds)
        times = factors(needs.folds, needs.repeats)
        threads = min(cpu_count(), needs.folds, FOLDS)
        written, resident = [], memory.resident()

        def probe(count: int) -> dict[str, float]:
            self._train(count)
            if len(self.done) == 1:
                written.append(self._written(self.done[0], ranked))
            last = self.done[-1]
            return parts_of(last.found, last.spent, threads)

        with _quiet():
            sizes, taken = probes(probe, len(self.cohort), times)
            last = self.done[-1]
            if len(self.done) > 1:
                written.append(self._written(last, ranked))
        stretch = last.spent.wall / last.spent.cpu
        fitted = self._whole(sizes, taken, needs)
        parts = {NAMES[part]: Spent(cpu * stretch, cpu) for part, cpu in fitted.items() if cpu}
        ends = [self.done[0].patients, last.patients][-len(written) :]
        parts = before | parts | {"report and graphs": self._files(ends, written)}
        step, free, fits = self._step(last), memory.available(), ""
        if free is not None and needs.peak(step) > free:
            fits = what_fits(needs, free, lambda footprint: footprint.peak(step))
        return Plan(
            self._title(needs),
            parts,
            resident + needs.peak(step),
            free,
            self._disk(ends, written, times["trees"]),
            tuple(sizes),
            len(self.cohort),
            tuple(each.model.epochs_ for each in last.found.replicas),
            fits,
        )

    def _whole(
        self, sizes: list[int], taken: list[dict[str, float]], needs: Footprint
    ) -> dict[str, float]:
        """CPU seconds of the whole by part. What grows with patients³ is reckoned by itself: in
        small probes it is too little to be seen."""
        per_cube, share = self._per_cube(self.done[-1]), needs.trained / needs.everyone
        rest = []
        for size, each in zip(sizes, taken, strict=True):
            seen = per_cube * cubes(size, share * size, min(FOLDS, needs.folds))
            rest.append(each | {"linear": max(0.0, each["linear"] - seen)})
        times = factors(needs.folds, needs.repeats)
        found = predicted(sizes, rest, needs.everyone)
        found = {part: times[part] * cpu for part, cpu in found.items()}
        folds = needs.folds * needs.repeats
        found["linear"] += per_cube * cubes(needs.everyone, needs.trained, folds)
        return found

    def _title(self, needs: Footprint) -> str:
        """What is planned, in words."""
        columns = sum(table.columns for table in needs.tables)
        return (
            f"{self.cohort.name}: {errors.counted(len(self.cohort), 'patient')}, "
            f"{errors.counted(columns, 'column')}; recipe {self.recipe.name or 'of its own'}, "
            f"{errors.counted(needs.folds, 'fold')} × {needs.repeats}"
        )

    def _train(self, count: int) -> None:
        """Trains on about so many patients, in the folds of the first repeat."""
        rows = some(self.folds, self.outcome.values, count, self.seed)
        small = self.cohort.take(rows)
        first = self.folds["repeat"] == self.folds["repeat"].iloc[0]
        table = self.folds[first & self.folds["patient"].isin(small.patients)]
        kept = table["fold"].dropna().unique()[:FOLDS]
        table = table.assign(fold=table["fold"].where(table["fold"].isin(kept)))
        began = Spent.now()
        found = study(
            small,
            self.outcome.take(rows),
            self.recipe,
            self.network,
            table.reset_index(drop=True),
            self.seed,
            self.device,
            beside=self.beside,
            keeps=self.protocol.keeps,
        )
        self.done.append(_Probe(len(rows), small, table, found, began.since()))

    def _per_cube(self, probe: _Probe) -> float:
        """CPU seconds by patients³ of all kernels that a fold brings into their coordinates: none
        of narrow tables, and none where there are more patients than kernels are kept for."""
        needs = Footprint.of(self.cohort, self.recipe, self.network, self.folds)
        count = len(self.cohort)
        wide = [table for table in needs.tables if not is_narrow(count, table.shown)]
        if not wide or not allows_kernels(count):
            return 0.0
        names, codes = tuple(probe.cohort.modalities), probe.found.outcome.values
        classes = len(self.outcome.classes)
        fold = PreparedFold.fit(probe.cohort, codes, classes, self.recipe, self.network, self.seed)
        fit.start_of(fold, names, self.recipe)
        plain = int(len(names) > 1)  # the ladder's own search on all tables
        linear = sum(table.linear for table in wide)
        return (fold.results.count("path") + plain + linear) * turning(count)

    def _written(self, probe: _Probe, ranked: bool) -> _Written:
        """Writes a probe's run directory to where it is forgotten."""
        began = Spent.now()
        described = self.protocol.described(probe.folds)
        record = record_run(
            probe.cohort, self.recipe, self.network, probe.folds, probe.found, described,
            self.seed, self.device, [], {},
        )  # fmt: skip
        report = Report.of(probe.found, probe.cohort, self.network, probe.folds, described, record)
        with tempfile.TemporaryDirectory(prefix="graphfuse-plan-") as place:
            folder = Path(place)
            report.write(folder)
            graph_of(probe.cohort, self.recipe, self.network, self.seed).write(folder / "graph")
            if ranked:
                rank(report, device=self.device).write(folder / "rankings")
            write_report(folder)
            models = _bytes(folder / "model" / "folds")
            return _Written(began.since(), models, _bytes(folder) - models)

    def _files(self, sizes: list[int], written: list[_Written]) -> Spent:
        """What writing the run directory of all patients takes."""
        to = len(self.cohort)
        wall = carried_on(sizes, [each.spent.wall for each in written], (0, 1), to)
        return Spent(wall, carried_on(sizes, [each.spent.cpu for each in written], (0, 1), to))

    def _disk(self, sizes: list[int], written: list[_Written], times: float) -> float:
        """Bytes of the run directory of all patients."""
        to = len(self.cohort)
        models = carried_on(sizes, [each.models for each in written], (0, 1), to)
        return times * models + carried_on(sizes, [each.rest for each in written], (0, 1), to)

    def _step(self, probe: _Probe) -> float:
        """Bytes that a step of all a fold's replicas takes for each patient."""
        fitted, section = probe.found.model.fitted_, self.recipe.train
        views = fitted.preparation.views(probe.cohort)
        inputs = fitted.inputs(views, new=False)
        size = Size.of(copy.deepcopy(fitted.nets[0]), inputs, torch.float32)
        replicas = section.seeds * len(section.settings)
        most = HEADROOM * 1e9 * section.memory_gb / len(self.cohort)
        return min(most, replicas * size.step / probe.patients)


def _bytes(folder: Path) -> int:
    """Of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged within, and what is said once may be said again later."""
    log, said = logging.getLogger("graphfuse"), set(errors.SAID)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        errors.SAID.clear()
        errors.SAID.update(said)
