"""Training of one recipe with its baseline models, benches of many, and negative controls."""

from __future__ import annotations

import functools
import logging
import shutil
import time
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.run import label_leaks
from graphfuse.data.manifest import as_cohort
from graphfuse.errors import LeakError, counted
from graphfuse.evaluate.bench import Contest, Result, about_bench, contend, results
from graphfuse.evaluate.cost_plan.memory import require_memory
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.folds import digest
from graphfuse.evaluate.leakage.nulls import Nulls
from graphfuse.evaluate.leakage.nulls import nulls as find_nothing
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.provenance import record_run
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside, dependencies
from graphfuse.evaluate.resume.finished_parts import Finished
from graphfuse.evaluate.run_report import Report
from graphfuse.files.atomic_write import real, write_json
from graphfuse.files.toml import located
from graphfuse.files.working_folders import recover, take_place, working
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.resolve import gene_side
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.learn.device import pick_device
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.report.bench_page import BENCH, write_bench
from graphfuse.schema import DEFAULT_RECIPE, Bench, Recipe
from graphfuse.schema.arguments import Seed, checked

log = logging.getLogger(__name__)


def _from_no_graph(function):
    """The same function, refusing a built graph for what it is: a leak."""

    @functools.wraps(function)
    def call(*given, **named):
        if any(isinstance(each, PatientGraph) for each in (*given, *named.values())):
            raise LeakError(
                "train takes a cohort and a recipe, not a built graph: a graph of all patients "
                "knows the held-out ones"
            )
        return function(*given, **named)

    return call


@_from_no_graph
@checked
def train(
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
    seed: Seed = 0,
    device: str = "auto",
    finished: Finished | None = None,
) -> Report:
    """Cross-validates the recipe's net and the baseline models, and fits a final model on all
    patients.

    `target`: the outcome (default: the first). Who is tested when: `cv` (folds, repeats), or one of
    `folds` (a file), `leave_out` (each value of a declared group once), `split` ("split=test":
    those of that group) and `holdout` (a share, or share and repeats); `group`: a
    declared group that must never stand on both sides (see `evaluate.protocol`). `network`: an edge
    list, card or `GeneNetwork` in place of the recipe's. `search`: fusions, encoders and
    propagators by successive halving on inner folds (the recipe's `[search]`, or the usual
    candidates). `ledger`: also the net with rewired, random, identity and no graphs, which says
    what the graphs are worth. `modalities`: also every subset of the modalities, their Shapley
    values, and whether the net uses interactions between them. `finished`: the parts that a run
    keeps (`gf.run`'s own; by itself, `train` keeps none). Everything is fitted anew on each fold's
    training patients. Raises `InputError` for unusable input and where memory cannot hold it
    (`plan`), and `LeakError` where a held-out patient would be seen, or when given a built graph:
    it knows them all.
    """
    began, device = time.perf_counter(), pick_device(device)
    protocol = Protocol.of(
        cv, folds=folds, group=group, leave_out=leave_out, split=split, holdout=holdout
    )
    recipe = Recipe.of(recipe).searched() if search else Recipe.of(recipe)
    cohort = as_cohort(cohort)
    outcome, table = ready(cohort, target, protocol, seed)
    require_fusion(recipe, outcome.task)
    leaks = label_leaks(cohort, outcome.name)
    for said in leaks:
        log.warning("%s: %s", cohort.name, said)
    cohort, genes, notices = gene_side(recipe, cohort, network, seed)
    if recipe.net.start == "linear":
        require_kernels(cohort)
    require_memory(cohort, recipe, genes, table)
    notices, beside = [*leaks, *notices], Beside(ledger, modalities)
    finished = finished or Finished()
    finished.begin(
        dependencies(cohort, outcome.name, recipe, genes, seed, beside, protocol.keeps)
        | {"folds": digest(table), "device": device.split(":")[0]}
    )
    found = study(
        cohort,
        outcome,
        recipe,
        genes,
        table,
        seed,
        device,
        beside=beside,
        keeps=protocol.keeps,
        finished=finished,
    )
    if finished.reused:
        log.info("%s", finished.told())
    if recipe.train.stop == "inner":
        log.info("%s", _early_stopping(found, recipe))
    described = protocol.described(table)
    seconds = {"train": round(time.perf_counter() - began, 1)}
    record = record_run(
        cohort, recipe, genes, table, found, described, seed, device, notices, seconds
    )
    if network is not None and not isinstance(network, GeneNetwork):
        record.fitted["network"] = located(network, [Path()], "graphs/networks")
    report = Report.of(found, cohort, genes, table, described, record)
    report.failed = tuple(found.failed.values())
    return report


def _early_stopping(found: Study, recipe: Recipe) -> str:
    """How many epochs inner folds chose, in words."""
    epochs = [replica.model.epochs_ for replica in found.replicas]
    least, most = min(epochs), max(epochs)
    if least < most:
        return f"Early stopping: {least} to {most} epochs, by fold"
    kept = ", the linear model is kept" if most == 0 and recipe.net.start == "linear" else ""
    return f"Early stopping: {counted(most, 'epoch')} in all folds{kept}"


@checked
def nulls(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 1),
    seed: Seed = 0,
    device: str = "auto",
) -> Nulls:
    """What the recipe's net and its baselines find where there is nothing: in shuffled labels, in
    noise, in the best of epochs. An interval that leaves out chance more often than it says is a
    leak. Arguments as in `train`."""
    cohort, recipe = as_cohort(cohort), Recipe.of(recipe)
    outcome, folds = ready(cohort, target, Protocol.of(cv), seed)
    require_fusion(recipe, outcome.task)
    cohort, genes, _ = gene_side(recipe, cohort, None, seed)
    return find_nothing(cohort, outcome.name, recipe, genes, folds, seed, pick_device(device))


@checked
def bench(
    plan: Bench | str | Path,
    out: str | Path,
    *,
    seed: Seed = 0,
    device: str = "auto",
    command: str = "",
) -> list[Result]:
    """Cohorts × recipes beside baselines and graph controls, under one protocol, into a folder of
    tables, figures and hashes.

    `plan`: a bench file, or its value. Finished repeats stay in `out`, so that a bench that was
    stopped goes on where it was; what it depends on (data, recipes, networks, folds, versions,
    code) is in their names. Raises `InputError` where a cohort or a recipe cannot be used, or `out`
    holds something else.
    """
    out, plan = recover(real(out)), plan if isinstance(plan, Bench) else Bench.read(plan)
    BENCH.refuse_foreign(out)
    with working(out) as work:
        contests = Contest.all_of(plan, seed)
        table = contend(contests, out / "parts", pick_device(device))
        protocol = Protocol.of((plan.folds, plan.repeats)).described(contests[0].folds)
        found = results(contests, table, protocol)
        about = about_bench(plan, found, protocol, seed, command)
        shutil.copytree(out / "parts", work / "new" / "parts", ignore=shutil.ignore_patterns(".*"))
        write_json(work / "new" / "bench.json", about)
        write_bench(work / "new", found, table, about)
        take_place(work, out)
    return found
