"""The verbs: defaults, and what their arguments mean."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pandas as pd

from graphfuse.data.audit import label_leaks
from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort, load
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate import external
from graphfuse.evaluate.bench import Contest, Result, about_bench, contend, results
from graphfuse.evaluate.nulls import Nulls
from graphfuse.evaluate.nulls import nulls as find_nothing
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.record import network_hash, peak_memory, record_run
from graphfuse.evaluate.report import Report, load_record, load_replicas
from graphfuse.evaluate.study import Beside, study
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.ranking import rank as rank_replicas
from graphfuse.files import located, run_directory, undamaged, write_json
from graphfuse.graph.coverage import Coverage
from graphfuse.graph.gene_slot import gene_coverage, gene_side
from graphfuse.graph.network import GeneNetwork
from graphfuse.graph.patients import PatientGraph
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.model import FusionModel, pick_device
from graphfuse.learn.signalling import Signalling
from graphfuse.learn.subtype import Subtypes, subtypes
from graphfuse.report.add_ons import AddOns
from graphfuse.report.bench import write_bench
from graphfuse.report.html import write_report
from graphfuse.schema import Bench, Recipe

log = logging.getLogger(__name__)

DEFAULT = "multiplex"

__all__ = [
    "bench",
    "build",
    "coverage",
    "load",
    "nulls",
    "predict",
    "rank",
    "run",
    "score",
    "subtype",
    "train",
]


def build(
    cohort: Cohort, recipe: Recipe | str | Path = DEFAULT, *, network=None, seed: int = 0
) -> PatientGraph:
    """The graphs of a whole cohort, to look at and to export: one layer per modality, and the gene
    network.

    Fitted on all patients, so no model is trained on it: `train` takes the recipe and fits graphs
    in every fold.
    """
    cohort, recipe = as_cohort(cohort), _recipe(recipe)
    cohort, genes, _ = gene_side(recipe, cohort, network, seed)
    return _graph(cohort, recipe, genes, seed)


def _graph(cohort: Cohort, recipe: Recipe, genes: GeneNetwork | None, seed: int) -> PatientGraph:
    outcome = next((o for o in cohort.outcomes.values() if o.kind == "class"), None)
    codes = (
        outcome.values if outcome is not None else pd.Series(-1, index=cohort.patients).to_numpy()
    )
    preparation, views = Preparation.fit(cohort, codes, recipe, genes, seed)
    names = {m: [p.columns[c] for c in p.owners] for m, p in preparation.pipelines.items()}
    lists = {name: layer.lists() for name, layer in preparation.layers.items()}
    symbols = {
        m: [cohort.modalities[m].symbols[c] for c in p.owners]
        for m, p in preparation.pipelines.items()
    }
    template = None
    if recipe.signalling is not None and any(any(each) for each in symbols.values()):
        template = Signalling.fit(cohort, symbols, genes, recipe.signalling, seed).template
    about = {name: layer.about for name, layer in preparation.layers.items()}
    return PatientGraph(cohort, lists, genes, views.own, names, template, about)


def coverage(
    cohort: Cohort, recipe: Recipe | str | Path = DEFAULT, *, network=None
) -> Coverage | str:
    """How much of the cohort's gene tables the recipe's network (or `network`) covers, and why the
    rest is lost."""
    return (
        gene_coverage(_recipe(recipe), as_cohort(cohort), network)
        or "this recipe has no gene network"
    )


def train(
    cohort: Cohort,
    recipe: Recipe | str | Path = DEFAULT,
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
    seed: int = 0,
    device: str = "auto",
) -> Report:
    """Cross-validates the recipe's net beside the ladder, and fits a final model on all patients.

    `target`: a class outcome (default: the first). Who is tested when: `cv` (folds, repeats), or
    one of `folds` (a file), `leave_out` (each value of a declared group once), `split`
    ("split=test": those of that group) and `holdout` (a share, or share and repeats); `group`: a
    declared group that must never stand on both sides (see `evaluate.protocol`). `network`: an edge
    list, card or `GeneNetwork` in place of the recipe's. `search`: fusions, encoders and
    propagators by successive halving on inner folds (the recipe's `[search]`, or the usual
    candidates). `ledger`: also the net with rewired, random, identity and no graphs, which says
    what the graphs are worth. `modalities`: also every subset of the modalities, their Shapley
    values, and whether the net uses interactions between them. Everything is fitted anew on each
    fold's training patients. Raises `InputError` for unusable input, and `LeakError` where a
    held-out patient would be seen, or when given a built graph: it knows them all.
    """
    if isinstance(cohort, PatientGraph) or isinstance(recipe, PatientGraph):
        raise LeakError(
            "train takes a cohort and a recipe, not a built graph: a graph of all patients "
            "knows the held-out ones"
        )
    began, device = time.perf_counter(), pick_device(device)
    protocol = Protocol.of(
        cv, folds=folds, group=group, leave_out=leave_out, split=split, holdout=holdout
    )
    recipe = _recipe(recipe).searched() if search else _recipe(recipe)
    cohort = as_cohort(cohort)
    outcome, table = ready(cohort, target, protocol, seed)
    leaks = label_leaks(cohort, outcome.name)
    for said in leaks:
        log.warning("%s: %s", cohort.name, said)
    cohort, genes, notices = gene_side(recipe, cohort, network, seed)
    notices = [*leaks, *notices]
    found = study(
        cohort,
        outcome,
        recipe,
        genes,
        table,
        seed,
        device,
        beside=Beside(ledger, modalities),
        keeps=protocol.keeps,
    )
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


def rank(report: Report, top: int = 50) -> Ranking:
    """Ranked features, genes, edges and modalities of a trained report; `top` is how many a print
    shows."""
    return rank_replicas(report.replicas, report.cohort, report.network, report.model.classes_).top(
        top
    )


def predict(
    model: FusionModel | str | Path, cohort: Cohort | str | Path, *, allow_shift: bool = False
) -> pd.DataFrame:
    """`patient, call, p_<class>…, flag` for patients that the model may never have seen; `model`:
    fitted, or its run directory; `cohort`: theirs, or its manifest, which is then read by the
    model's types of columns, so that no row depends on the file's others. `flag` says why a row
    should not be trusted, blank where nothing was found. Raises `InputError`
    where tables are far from the scale of training, unless `allow_shift` (`FusionModel.shifts`)."""
    if not isinstance(model, FusionModel):
        model = FusionModel.load(Path(model) / "model")
    return model.table(as_cohort(cohort, like=model), allow_shift=allow_shift)


def subtype(cohort: Cohort, recipe: Recipe | str | Path = DEFAULT, **options) -> Subtypes:
    """Clusters of patients that no label was used for, how stable they are, and what they go with.

    Options as in `graphfuse.learn.subtype.subtypes`: `layer` ("snf", a modality, or any layer),
    `method` ("spectral" or "leiden"), `clusters` (chosen where not given), `resolution`,
    `resamples`, `nulls`, `seed`.
    """
    return subtypes(as_cohort(cohort), _recipe(recipe), **options)


def run(
    cohort: Cohort,
    out: str | Path,
    recipe: Recipe | str | Path = DEFAULT,
    *,
    top: int = 10,
    **options,
):
    """Train, rank, graphs and report into a run directory; gives the `Report` and the `Ranking`.
    Options as in `train` (here `cv` defaults to 5 folds, once)."""
    return save_run(Path(out), cohort, recipe, ranked=True, top=top, **{"cv": (5, 1)} | options)


def save_run(
    out: Path, cohort: Cohort, recipe, *, ranked: bool, top: int = 50, **options
) -> tuple[Report, Ranking | None]:
    """Trains and writes a run directory, whole or not at all: first what was trained, then the
    graphs, the rankings (where `ranked`) and the report.

    Raises `IncompleteRunError` where one of these failed; the run is there without it.
    """
    with run_directory(out) as folder:
        report = train(cohort, recipe, **options)
        report.write(folder)
        beside = AddOns(out, report.record.timings, report.failed)
        again = f"`graphfuse rank {out}` makes it again"
        by_build = f"`graphfuse build COHORT -r RECIPE -o {out / 'graph'}` makes it again"
        beside.make("graph", by_build, lambda: _graph_of(report).write(folder / "graph"))
        ranking = beside.make("rank", again, lambda: rank(report, top)) if ranked else None
        if ranking is not None:
            beside.make("rankings", again, lambda: ranking.write(folder / "rankings"))
        report.record = beside.timed(report.record, peak_memory())
        report.write_record(folder)
        beside.make("report", again, lambda: write_report(folder))
    beside.stop(report)
    return report, ranking


def _graph_of(report: Report) -> PatientGraph:
    return _graph(report.cohort, report.recipe, report.network, report.record.seed)


def nulls(
    cohort: Cohort,
    recipe: Recipe | str | Path = DEFAULT,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 1),
    seed: int = 0,
    device: str = "auto",
) -> Nulls:
    """What the recipe's net and its ladder find where there is nothing: in shuffled labels, in
    noise, in the best of epochs. An interval that leaves out chance more often than it says is a
    leak. Arguments as in `train`."""
    cohort, recipe = as_cohort(cohort), _recipe(recipe)
    outcome, folds = ready(cohort, target, Protocol.of(cv), seed)
    cohort, genes, _ = gene_side(recipe, cohort, None, seed)
    return find_nothing(cohort, outcome.name, recipe, genes, folds, seed, pick_device(device))


def score(
    run: str | Path | Report | FusionModel,
    cohort: Cohort | str | Path,
    target: str | None = None,
    *,
    seed: int = 0,
    allow_shift: bool = False,
):
    """An `External`: a trained run on a cohort that it never saw, both frozen by hash
    (`evaluate.external.score`)."""
    return external.score(run, cohort, target, seed=seed, allow_shift=allow_shift)


def bench(
    plan: Bench | str | Path,
    out: str | Path,
    *,
    seed: int = 0,
    device: str = "auto",
    command: str = "",
) -> list[Result]:
    """Cohorts × recipes beside the ladder and the ledger, under one protocol, into a folder of
    tables, figures and hashes.

    `plan`: a bench file, or its value. Finished repeats stay in `out`, so that a bench that was
    stopped goes on where it was; what it depends on (data, recipes, networks, folds, versions,
    code) is in their names. Raises `InputError` where a cohort or a recipe cannot be used, or `out`
    holds something else.
    """
    out, plan = Path(out), plan if isinstance(plan, Bench) else Bench.read(plan)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "parts").is_dir())):
        raise InputError(
            f"{out}: is there already and is no folder of a bench; give another with -o"
        )
    contests = Contest.all_of(plan, seed)
    table = contend(contests, out / "parts", pick_device(device))
    protocol = Protocol.of((plan.folds, plan.repeats)).described(contests[0].folds)
    found = results(contests, table, protocol)
    about = about_bench(plan, found, protocol, seed, command)
    write_json(out / "bench.json", about)
    write_bench(out, found, table, about)
    return found


def rank_run(folder: Path, top: int = 50) -> Ranking:
    """Rankings of a saved run: reloads its cohort, explains the fold models, writes `rankings/` and
    the report anew.

    Raises `InputError` where the cohort's manifest has gone or its data are no longer those of the
    run.
    """
    record = load_record(folder)
    if record.manifest is None:
        raise InputError(
            f"{folder}: was trained on tables in memory; rank it there with graphfuse.rank(report)"
        )
    cohort = load(record.manifest)
    if cohort.digest() != record.hashes["data"]:
        raise InputError(
            f"{folder}: the data behind {record.manifest} are no longer those of this run; "
            "train again"
        )
    replicas = load_replicas(folder, cohort, record.target)
    with undamaged(folder / "run.json"):
        recipe = Recipe.model_validate(record.recipe)
    cohort, genes, _ = gene_side(recipe, cohort, record.fitted.get("network"), record.seed)
    if network_hash(genes) != record.hashes["network"]:
        raise InputError(
            f"{folder}: the gene network is no longer that of this run; bring it back, or "
            "train again"
        )
    ranking = rank_replicas(replicas, cohort, genes, record.classes).top(top)
    ranking.write(folder / "rankings")
    with undamaged(folder):
        write_report(folder)
    return ranking


def _recipe(recipe: Recipe | str | Path) -> Recipe:
    return recipe.located() if isinstance(recipe, Recipe) else Recipe.named(recipe)
