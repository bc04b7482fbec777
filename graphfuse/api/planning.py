"""What a training would take, before it is started."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import cpu_count

from graphfuse import errors
from graphfuse.api.plan_disk import Written, carried, drawn, graphs, written
from graphfuse.data import memory
from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.run import label_leaks
from graphfuse.data.manifest import as_cohort
from graphfuse.evaluate.cost_plan.estimate import (
    FOLDS,
    Plan,
    Spent,
    carried_on,
    factors,
    parts_of,
    predicted,
    probes,
    some,
)
from graphfuse.evaluate.cost_plan.linear_cost import MOST_SOLVED, Counts, Solving
from graphfuse.evaluate.cost_plan.memory import Footprint, what_fits
from graphfuse.evaluate.cost_plan.training_cost import by_steps, passes
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.graph_controls import controlled
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.provenance import record_run
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.run_report import Report
from graphfuse.evaluate.shapley import only
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.resolve import gene_side
from graphfuse.learn import fold_data
from graphfuse.learn.bank.memory import HEADROOM, Size
from graphfuse.learn.device import pick_device
from graphfuse.learn.fusion_search import candidates
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.kernels import allows_kernels
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.nn.registry import part
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.task.outcome import Outcome

NAMES = {
    "trees": "baselines: forest, boosting",
    "linear": "baselines and starts: linear",
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
    """Says what the command `train` with the same arguments would take: time, memory, disk.

    Trainings of some patients (64, 128, …, for as long as that is cheap) are timed part by part
    and carried on to all of them; ridge regressions, the nets' steps and the graphs' files are
    timed near full size. Memory is reckoned from the sizes of what is kept. Nets are taken to stop
    as early as in the largest of those trainings. The command also writes a report and graphs;
    `gf.train` does not take what these do.

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
        require_fusion(recipe, outcome.task)
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
        resident = memory.resident()

        def probe(count: int) -> dict[str, float]:
            self._train(count)
            return parts_of(self.done[-1].found, self.done[-1].spent, threads)

        with _quiet():
            sizes, taken = probes(probe, len(self.cohort), times)
            drawing, on_disk = self._graphs()
            files = self._files(times["trees"], ranked)
            fitted = self._whole(sizes, taken, needs)
        last = self.done[-1]
        stretch = last.spent.wall / last.spent.cpu
        parts = {NAMES[name]: Spent(cpu * stretch, cpu) for name, cpu in fitted.items() if cpu}
        files_of = {"scores, report": files.by_fold.plus(files.once), "graphs": drawing}
        step, free, fits = self._step(last), memory.available(), ""
        if free is not None and needs.peak(step) > free:
            fits = what_fits(needs, free, lambda footprint: footprint.peak(step))
        return Plan(
            self._title(needs),
            before | parts | files_of,
            resident + needs.peak(step),
            free,
            files.fold_bytes + files.once_bytes + on_disk,
            tuple(sizes),
            len(self.cohort),
            tuple(each.model.epochs_ for each in last.found.replicas),
            fits,
        )

    def _whole(
        self, sizes: list[int], taken: list[dict[str, float]], needs: Footprint
    ) -> dict[str, float]:
        """CPU seconds of the whole by part. What grows faster than the patients, ridge regressions
        and the nets' steps, is reckoned by itself: in small probes it is too little to be seen."""
        times, share = factors(needs.folds, needs.repeats), needs.trained / needs.everyone
        if sizes[-1] == needs.everyone:
            return {part: times[part] * cpu for part, cpu in taken[-1].items()}
        fold, solving = self._fold(self.done[-1].cohort), self._solving()
        counts = self._counts(fold)
        tested, folds = min(FOLDS, needs.folds), needs.folds * needs.repeats
        rest = []
        for size, each in zip(sizes, taken, strict=True):
            seen = solving.study(counts, tested, share * size, size)
            rest.append(max(0.0, each["linear"] - seen))
        found = predicted(sizes, taken, needs.everyone)
        found["linear"] = carried_on(sizes, rest, (0, 1), needs.everyone)
        found = {part: times[part] * cpu for part, cpu in found.items()}
        found["linear"] += solving.study(counts, folds, needs.trained, needs.everyone)
        data = fold_data.fold_data(fold, tuple(fold.cohort.modalities), self.recipe)
        passed = passes(data, self.recipe, self.seed, self.device)
        return found | by_steps(passed, taken[-1], sizes[-1], needs)

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
        rows = self._rows(count)
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

    def _fold(self, cohort: Cohort) -> PreparedFold:
        """All of these patients, prepared for models."""
        outcome = cohort.outcome(self.outcome.name)
        return PreparedFold.fit(cohort, outcome, self.recipe, self.network, self.seed)

    def _solving(self) -> Solving:
        """What the linear part of some more patients takes."""
        return Solving.timed(partial(self._fold, self._some(MOST_SOLVED)))

    def _some(self, most: int) -> Cohort:
        """About so many patients at most."""
        count = min(most, len(self.cohort))
        return self.cohort.take(self._rows(count))

    def _rows(self, count: int) -> np.ndarray:
        """Of about so many patients, of every stratum and fold alike."""
        strata = self.outcome.task.strata(self.outcome.target)
        return some(self.folds, strata, count, self.seed)

    def _counts(self, fold: PreparedFold) -> Counts:
        """What a fold solves, with nets on some modalities and with control graphs, where these
        are wanted."""
        if not allows_kernels(len(self.cohort)):
            return Counts(1, 0, 0)
        names = tuple(fold.cohort.modalities)
        sets = {names, *(only(names) if self.beside.modalities else ())}
        for modalities, candidate in product(sorted(sets), candidates(self.recipe)):
            fold_data.start_of(fold.restricted(modalities), modalities, candidate)
        fold_data.start_of(fold.without_graphs(), names, self.recipe)
        results, encoders = fold.results, fold.preparation.encoders.values()
        tables, searches = 1, results.count("path") + int(len(names) > 1)  # all side by side, too
        graphs = (
            controlled(self.recipe, fold.cohort, self.network) if self.beside.graph_ablation else []
        )
        for graph, _ in graphs:
            own = results.network if graph == "gene" else results.layers
            tables += int(graph == "gene")  # kernels of columns smoothed along another network
            searches += own.count("path") + results.both.count("path")
        return Counts(tables, searches, sum(part("encode", each).linear for each in encoders))

    def _files(self, folds: float, ranked: bool) -> Written:
        """The run directory of all patients, and of `folds` times a probe's folds."""
        ends = [self.done[0], *self.done[1:][-1:]]
        sizes = [each.patients for each in ends]
        probes = [written(partial(self._report, each), ranked, self.device) for each in ends]
        return carried(sizes, probes, len(self.cohort), folds)

    def _report(self, probe: _Probe) -> Report:
        """The report of a probe."""
        described = self.protocol.described(probe.folds)
        record = record_run(
            probe.cohort, self.recipe, self.network, probe.folds, probe.found, described,
            self.seed, self.device, [], {},
        )  # fmt: skip
        return Report.of(probe.found, probe.cohort, self.network, probe.folds, described, record)

    def _graphs(self) -> tuple[Spent, float]:
        """Seconds and bytes of the graphs of all patients."""
        count = len(self.cohort)
        columns = sum(each.table.shape[1] for each in self.cohort.modalities.values())
        shown = self._some(drawn(count, columns))
        return graphs(shown, count, self.recipe, self.network, self.seed)

    def _step(self, probe: _Probe) -> float:
        """Bytes that a step of all a fold's replicas takes for each patient."""
        fitted, section = probe.found.model.fitted_, self.recipe.train
        views = fitted.preparation.views(probe.cohort)
        inputs = fitted.inputs(views, new=False)
        size = Size.of(copy.deepcopy(fitted.nets[0]), inputs, torch.float32)
        replicas = section.seeds * len(section.settings)
        most = HEADROOM * 1e9 * section.memory_gb / len(self.cohort)
        return min(most, replicas * size.step / probe.patients)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged within, and what is said once may be said again later."""
    log, said = logging.getLogger("graphfuse"), set(errors.WARNED)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        errors.WARNED.clear()
        errors.WARNED.update(said)
