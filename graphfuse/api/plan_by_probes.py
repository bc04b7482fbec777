"""How a plan is made: trainings of some of the patients are timed and extrapolated to all."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from joblib import cpu_count

from graphfuse import errors
from graphfuse.api.plan_disk import Written, carried, drawn, graphs, written
from graphfuse.api.training_inputs import TrainingInputs
from graphfuse.data import memory
from graphfuse.data.cohort import Cohort
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
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.graph_controls import controlled
from graphfuse.evaluate.run_results import Report
from graphfuse.evaluate.shapley import only
from graphfuse.learn import fold_data
from graphfuse.learn.bank.memory import HEADROOM, Size
from graphfuse.learn.fusion_search import candidates
from graphfuse.learn.linear.kernels import allows_kernels
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.nn.registry import part

NAMES = {
    "trees": "baselines: forest, boosting",
    "linear": "baselines and starts: linear",
    "net": "nets, the final one too",
    "controls": "nets with control graphs",
}


@dataclass(frozen=True, eq=False)
class _Probe:
    """A training of some of the patients, and what it took."""

    cohort: Cohort
    folds: pd.DataFrame
    trained: Study
    spent: Spent

    @property
    def patients(self) -> int:
        """How many it was trained and tested on."""
        return len(self.cohort)


@dataclass(frozen=True, eq=False)
class Planner:
    """Plans one training, by probes of it."""

    inputs: TrainingInputs
    probes: list[_Probe] = field(default_factory=list)

    def plan(self, before: dict[str, Spent], ranked: bool) -> Plan:
        """The plan of the training, with what was spent before any fit."""
        inputs = self.inputs
        needs = Footprint.of(inputs.cohort, inputs.recipe, inputs.network, inputs.folds)
        resident = memory.resident()
        with quiet():
            sizes, taken = self._probe(needs)
            drawing, graph_bytes = self._graphs()
            files = self._files(factors(needs.folds, needs.repeats)["trees"], ranked)
            cpu_seconds = self._cpu_seconds(sizes, taken, needs)
        last = self.probes[-1]
        step = self._step_bytes(last)
        peak = needs.peak(step)
        free = memory.available()
        of_files = {"scores, report": files.by_fold.plus(files.once), "graphs": drawing}
        return Plan(
            title=self._title(needs),
            parts=before | _by_wall(cpu_seconds, last.spent) | of_files,
            memory=resident + peak,
            free=free,
            disk=files.fold_bytes + files.once_bytes + graph_bytes,
            probed=tuple(sizes),
            patients=len(inputs.cohort),
            epochs=tuple(replica.model.epochs_ for replica in last.trained.replicas),
            fits=_cure(needs, step, free),
        )

    def _title(self, needs: Footprint) -> str:
        """What is planned, in words."""
        columns = sum(table.columns for table in needs.tables)
        cohort = self.inputs.cohort
        recipe = self.inputs.recipe.name or "of its own"
        return (
            f"{cohort.name}: {errors.counted(len(cohort), 'patient')}, "
            f"{errors.counted(columns, 'column')}; recipe {recipe}, "
            f"{errors.counted(needs.folds, 'fold')} × {needs.repeats}"
        )

    # ------------------------------------------------------------------------------- the probes

    def _probe(self, needs: Footprint) -> tuple[list[int], list[dict[str, float]]]:
        """Trains on ever more patients; their numbers, and CPU seconds by part of each training."""
        threads = min(cpu_count(), needs.folds, FOLDS)

        def cpu_seconds_of(count: int) -> dict[str, float]:
            self._train(count)
            return parts_of(self.probes[-1].trained, self.probes[-1].spent, threads)

        times = factors(needs.folds, needs.repeats)
        return probes(cpu_seconds_of, len(self.inputs.cohort), times)

    def _train(self, count: int) -> None:
        """Trains on about so many patients, in the folds of the first repeat."""
        rows = self._rows(count)
        cohort = self.inputs.cohort.take(rows)
        folds = self._first_folds(cohort)
        began = Spent.now()
        trained = self.inputs.study(cohort, self.inputs.outcome.take(rows), folds)
        self.probes.append(_Probe(cohort, folds, trained, began.since()))

    def _first_folds(self, cohort: Cohort) -> pd.DataFrame:
        """The first folds of the first repeat, of these patients; the others always train."""
        folds = self.inputs.folds
        is_first = folds["repeat"] == folds["repeat"].iloc[0]
        table = folds[is_first & folds["patient"].isin(cohort.patients)]
        tested = table["fold"].dropna().unique()[:FOLDS]
        table = table.assign(fold=table["fold"].where(table["fold"].isin(tested)))
        return table.reset_index(drop=True)

    def _some(self, most: int) -> Cohort:
        """About so many patients at most."""
        count = min(most, len(self.inputs.cohort))
        return self.inputs.cohort.take(self._rows(count))

    def _rows(self, count: int) -> np.ndarray:
        """Rows of about so many patients, of every stratum and fold alike."""
        outcome = self.inputs.outcome
        strata = outcome.task.strata(outcome.target)
        return some(self.inputs.folds, strata, count, self.inputs.seed)

    # --------------------------------------------------------------------------- time by its parts

    def _cpu_seconds(
        self, sizes: list[int], taken: list[dict[str, float]], needs: Footprint
    ) -> dict[str, float]:
        """CPU seconds of the whole training, by part.

        What grows faster than the patients, ridge regressions and the nets' steps, is timed by
        itself near full size: in small probes it takes too little to be seen.
        """
        times = factors(needs.folds, needs.repeats)
        if sizes[-1] == needs.everyone:
            return {name: times[name] * seconds for name, seconds in taken[-1].items()}
        fold = self._fold(self.probes[-1].cohort)
        beside_solving, solving = self._linear_seconds(fold, sizes, taken, needs)
        of_a_probe = predicted(sizes, taken, needs.everyone)
        of_a_probe["linear"] = beside_solving
        seconds = {name: times[name] * each for name, each in of_a_probe.items()}
        seconds["linear"] += solving
        data = fold_data.fold_data(fold, tuple(fold.cohort.modalities), self.inputs.recipe)
        passed = passes(data, self.inputs.recipe, self.inputs.seed, self.inputs.device)
        return seconds | by_steps(passed, taken[-1], sizes[-1], needs)

    def _linear_seconds(
        self,
        fold: PreparedFold,
        sizes: list[int],
        taken: list[dict[str, float]],
        needs: Footprint,
    ) -> tuple[float, float]:
        """CPU seconds of the linear part: of a probe of all patients without its solving of
        regressions, and of the solving in the whole training."""
        solving = Solving.timed(partial(self._fold, self._some(MOST_SOLVED)))
        counts = self._counts(fold)
        tested = min(FOLDS, needs.folds)
        share = needs.trained / needs.everyone
        beside = []
        for size, seconds in zip(sizes, taken, strict=True):
            solved = solving.study(counts, tested, share * size, size)
            beside.append(max(0.0, seconds["linear"] - solved))
        folds = needs.folds * needs.repeats
        return (
            carried_on(sizes, beside, (0, 1), needs.everyone),
            solving.study(counts, folds, needs.trained, needs.everyone),
        )

    def _fold(self, cohort: Cohort) -> PreparedFold:
        """All of these patients, prepared for models."""
        inputs = self.inputs
        outcome = cohort.outcome(inputs.outcome.name)
        return PreparedFold.fit(cohort, outcome, inputs.recipe, inputs.network, inputs.seed)

    def _counts(self, fold: PreparedFold) -> Counts:
        """How many regressions a fold solves: of its nets, those on some modalities and those with
        control graphs, where these are asked for."""
        if not allows_kernels(len(self.inputs.cohort)):
            return Counts(1, 0, 0)
        self._solve(fold)
        results = fold.results
        names = fold.cohort.modalities
        tables = 1
        searches = results.count("path") + int(len(names) > 1)  # all side by side, too
        for graph in self._controlled_graphs(fold):
            own = results.network if graph == "gene" else results.layers
            tables += int(graph == "gene")  # kernels of columns smoothed along another network
            searches += own.count("path") + results.both.count("path")
        encoders = fold.preparation.encoders.values()
        return Counts(tables, searches, sum(part("encode", name).linear for name in encoders))

    def _solve(self, fold: PreparedFold) -> None:
        """Solves what the nets of a fold start from; the fold keeps the results."""
        names = tuple(fold.cohort.modalities)
        subsets = {names}
        if self.inputs.beside.modalities:
            subsets |= set(only(names))
        for modalities, candidate in product(sorted(subsets), candidates(self.inputs.recipe)):
            fold_data.start_of(fold.restricted(modalities), modalities, candidate)
        fold_data.start_of(fold.without_graphs(), names, self.inputs.recipe)

    def _controlled_graphs(self, fold: PreparedFold) -> list[str]:
        """The graph, "patient" or "gene", that each control replaces."""
        if not self.inputs.beside.graph_ablation:
            return []
        controls = controlled(self.inputs.recipe, fold.cohort, self.inputs.network)
        return [graph for graph, _ in controls]

    # --------------------------------------------------------------------------- files and memory

    def _files(self, folds: float, ranked: bool) -> Written:
        """The run directory of all patients, and of `folds` times a probe's folds."""
        ends = [self.probes[0], *self.probes[1:][-1:]]
        sizes = [probe.patients for probe in ends]
        files = [written(partial(self._report, each), ranked, self.inputs.device) for each in ends]
        return carried(sizes, files, len(self.inputs.cohort), folds)

    def _report(self, probe: _Probe) -> Report:
        """The report of a probe."""
        return self.inputs.report(probe.trained, probe.cohort, probe.folds, {})

    def _graphs(self) -> tuple[Spent, float]:
        """Seconds and bytes of the graphs of all patients."""
        inputs = self.inputs
        count = len(inputs.cohort)
        columns = sum(each.table.shape[1] for each in inputs.cohort.modalities.values())
        shown = self._some(drawn(count, columns))
        return graphs(shown, count, inputs.recipe, inputs.network, inputs.seed)

    def _step_bytes(self, probe: _Probe) -> float:
        """Bytes that a step of all replicas of a fold takes for each patient."""
        model = probe.trained.model.fitted_
        section = self.inputs.recipe.train
        tensors = model.inputs(model.preparation.views(probe.cohort), new=False)
        size = Size.of(copy.deepcopy(model.nets[0]), tensors, torch.float32)
        replicas = section.seeds * len(section.settings)
        most = HEADROOM * 1e9 * section.memory_gb / len(self.inputs.cohort)
        return min(most, replicas * size.step / probe.patients)


def _by_wall(cpu_seconds: dict[str, float], spent: Spent) -> dict[str, Spent]:
    """Parts by the names that a plan has for them, with seconds by the clock in the proportion of a
    probe's."""
    stretch = spent.wall / spent.cpu
    return {NAMES[name]: Spent(cpu * stretch, cpu) for name, cpu in cpu_seconds.items() if cpu}


def _cure(needs: Footprint, step: float, free: float | None) -> str:
    """What would fit into the memory that is free; blank where the training does."""
    if free is None or needs.peak(step) <= free:
        return ""
    return what_fits(needs, free, lambda footprint: footprint.peak(step))


@contextmanager
def quiet() -> Iterator[None]:
    """Logs nothing within, and forgets which warnings were given there (`errors.warn_once`)."""
    log = logging.getLogger("graphfuse")
    level = log.level
    warned = set(errors.WARNED)
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        errors.WARNED.clear()
        errors.WARNED.update(warned)
