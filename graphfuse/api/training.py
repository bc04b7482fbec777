"""Training of one recipe with its baseline models, benches of many, and negative controls."""

from __future__ import annotations

import functools
import logging
import shutil
import time
from pathlib import Path

import pandas as pd

from graphfuse.api.training_inputs import TrainingInputs
from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.errors import LeakError, counted
from graphfuse.evaluate.bench import Contest, Result, about_bench, contend, results
from graphfuse.evaluate.cost_plan.memory import require_memory
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.folds import digest
from graphfuse.evaluate.leakage.nulls import Nulls
from graphfuse.evaluate.leakage.nulls import nulls as score_nulls
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside, dependencies
from graphfuse.evaluate.resume.finished_parts import Finished
from graphfuse.evaluate.run_results import Report
from graphfuse.files.atomic_write import real, write_json
from graphfuse.files.toml import located
from graphfuse.files.working_folders import recover, take_place, working
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.learn.device import pick_device
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.learn.recipe_parts import with_parts
from graphfuse.report.bench_page import BENCH, write_bench
from graphfuse.schema import DEFAULT_RECIPE, Bench, Recipe
from graphfuse.schema.check_arguments import Seed, checked

log = logging.getLogger(__name__)


def _refusing_built_graphs(function):
    """The same function, which raises `LeakError` where any argument is a built graph."""

    @functools.wraps(function)
    def call(*arguments, **options):
        given = [*arguments, *options.values()]
        if any(isinstance(argument, PatientGraph) for argument in given):
            raise LeakError(
                "train takes a cohort and a recipe, not a built graph: a graph of all patients "
                "knows the held-out ones"
            )
        return function(*arguments, **options)

    return call


@_refusing_built_graphs
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
    """Cross-validates a recipe's net beside the baselines, and fits a final model on all patients.

    Everything (imputers, scalers, selectors, graphs, penalties, nets) is fitted anew on the
    training patients of each fold.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest: its path, or a name in `data_manifests/`.
    recipe : Recipe, str or Path
        Which graphs and which net: a recipe, its path, or a name in `graphs/`.
    target : str, optional
        The outcome to predict; by default the cohort's first.
    cv : (int, int) or int
        Folds, and how often the patients are dealt into them anew.
    folds : str, Path or pandas.DataFrame, optional
        In place of `cv`: a table with `patient` and `fold`, the fold in which a patient is tested
        (blank: always trained on), and `repeat` where there are several.
    group : str, optional
        A group that the cohort declares, such as a site, of which no value may be on both sides of
        a fold.
    leave_out : str, optional
        In place of `cv`: a declared group of which each value is tested once.
    split : str, optional
        In place of `cv`: "GROUP=VALUE", the patients who are tested, once, such as "split=test".
    holdout : float or (float, int), optional
        In place of `cv`: the share of patients who are tested, and how often such a share is drawn.
    network : GeneNetwork, str or Path, optional
        In place of the recipe's gene network: one, its card, or a table of edges.
    search : bool
        Whether fusions, encoders and propagators are chosen by successive halving on inner folds,
        among the candidates of the recipe's `[search]` or the usual ones.
    ledger : bool
        Whether the net is trained with rewired, random, identity and empty graphs too, which shows
        what the graphs are worth.
    modalities : bool
        Whether it is trained on every subset of the modalities too, for their Shapley values and
        interactions.
    seed : int
        Of everything drawn at random.
    device : str
        Where nets are trained: "auto", "cpu" or "cuda".
    finished : Finished, optional
        The parts that `run` keeps while it trains; `train` by itself keeps none.

    Returns
    -------
    Report
        Scores with intervals, predictions of held-out patients, and the final `model`.

    Raises
    ------
    InputError
        For input that cannot be used, and where memory cannot hold the training (see `plan`).
    LeakError
        Where a fit reads a held-out patient, and for a built graph, which knows all patients.

    See Also
    --------
    run : Trains into a folder, with rankings, graphs and a page.
    plan : What a training would take.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 20, "meth": 10}, effect=2.0, seed=1).cohort
    >>> recipe = gf.Recipe.model_validate({"name": "quick", "train": {"epochs": 2, "seeds": 1}})
    >>> report = gf.train(cohort, recipe, cv=(2, 1), ledger=False)
    >>> report.model.predict(cohort).shape
    (60,)
    """
    began = time.perf_counter()
    device = pick_device(device)
    protocol = Protocol.of(
        cv, folds=folds, group=group, leave_out=leave_out, split=split, holdout=holdout
    )
    recipe = with_parts(Recipe.of(recipe).searched() if search else recipe)
    inputs = TrainingInputs.of(
        as_cohort(cohort),
        recipe,
        target,
        protocol,
        Beside(ledger, modalities),
        network=network,
        seed=seed,
        device=device,
    )
    _require_resources(inputs)
    finished = finished or Finished()
    finished.begin(_dependencies(inputs))
    trained = inputs.study(inputs.cohort, inputs.outcome, inputs.folds, finished)
    _log_training(trained, recipe, finished)
    seconds = {"train": round(time.perf_counter() - began, 1)}
    report = inputs.report(trained, inputs.cohort, inputs.folds, seconds)
    if network is not None and not isinstance(network, GeneNetwork):
        report.record.fitted["network"] = located(network, [Path()], "graphs/networks")
    report.failed = tuple(trained.failed.values())
    return report


def _require_resources(inputs: TrainingInputs) -> None:
    """Raises `InputError` where memory cannot hold what is to be trained."""
    if inputs.recipe.net.start == "linear":
        require_kernels(inputs.cohort)
    require_memory(inputs.cohort, inputs.recipe, inputs.network, inputs.folds)


def _dependencies(inputs: TrainingInputs) -> dict[str, str]:
    """All that the parts of a training depend on: parts that are kept for another are refused."""
    of_parts = dependencies(
        inputs.cohort,
        inputs.outcome.name,
        inputs.recipe,
        inputs.network,
        inputs.seed,
        inputs.beside,
        inputs.protocol.keeps,
    )
    return of_parts | {"folds": digest(inputs.folds), "device": inputs.device.split(":")[0]}


def _log_training(trained: Study, recipe: Recipe, finished: Finished) -> None:
    """Logs which parts were finished before, and when nets stopped."""
    if finished.reused:
        log.info("%s", finished.summary())
    if recipe.train.stop == "inner":
        log.info("%s", _early_stopping(trained, recipe))


def _early_stopping(trained: Study, recipe: Recipe) -> str:
    """How many epochs inner folds chose, for the folds' models and the final one, in words."""
    epochs = [replica.model.epochs_ for replica in trained.replicas]
    least, most = min(epochs), max(epochs)
    final = most if trained.model is None else trained.model.epochs_
    if least < most:
        return f"Early stopping: {least} to {most} epochs, by fold; {final} in the final model"
    chosen = f"Early stopping: {counted(most, 'epoch')} in all folds"
    if final != most:
        return f"{chosen}, {final} in the final model"
    is_linear = most == 0 and recipe.net.start == "linear"
    return f"{chosen}, the linear model is kept" if is_linear else chosen


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
    """Scores a recipe's net and its baselines where there is nothing to find.

    The labels are shuffled, or the columns replaced by noise; and the best epoch on the test
    patients is compared with the one chosen without them. Where intervals leave out chance more
    often than they should, something leaks.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest.
    recipe : Recipe, str or Path
        As in `train`.
    target : str, optional
        The outcome; by default the cohort's first.
    cv : (int, int) or int
        Folds, and how often the patients are dealt into them anew.
    seed : int
        Of everything drawn at random.
    device : str
        Where nets are trained: "auto", "cpu" or "cuda".

    Returns
    -------
    Nulls

    Raises
    ------
    InputError
        For input that `train` would not take either.
    """
    recipe = with_parts(recipe)
    cohort = as_cohort(cohort)
    outcome, folds = ready(cohort, target, Protocol.of(cv), seed)
    require_fusion(recipe, outcome.task)
    cohort, genes, _ = gene_side(recipe, cohort, None, seed)
    return score_nulls(cohort, outcome.name, recipe, genes, folds, seed, pick_device(device))


@checked
def bench(
    plan: Bench | str | Path,
    out: str | Path,
    *,
    seed: Seed = 0,
    device: str = "auto",
    command: str = "",
) -> list[Result]:
    """Trains recipes on cohorts under one protocol, into a folder of tables, figures and hashes.

    Finished repeats stay in `out`, so that a bench that was stopped goes on where it was. What they
    depend on (data, recipes, networks, folds, versions, code) is in their names.

    Parameters
    ----------
    plan : Bench, str or Path
        What is trained on what, or the TOML file that says so (`graphfuse.schema.bench`).
    out : str or Path
        The folder; an older bench there is replaced.
    seed : int
        Of everything drawn at random.
    device : str
        Where nets are trained: "auto", "cpu" or "cuda".
    command : str
        The command line that the tables name as their source.

    Returns
    -------
    list of Result
        The scores of each recipe on each cohort.

    Raises
    ------
    InputError
        Where a cohort or a recipe cannot be used, or `out` holds something else.
    """
    out = recover(real(out))
    plan = plan if isinstance(plan, Bench) else Bench.read(plan)
    BENCH.refuse_foreign(out)
    with working(out) as work:
        contests = Contest.all_of(plan, seed)
        parts, where = out / "parts", pick_device(device)
        table = contend(contests, parts, where)
        protocol = Protocol.of((plan.folds, plan.repeats)).described(contests[0].folds)
        scored = results(contests, table, protocol, parts, where)
        about = about_bench(plan, scored, protocol, seed, command)
        shutil.copytree(parts, work / "new" / "parts", ignore=shutil.ignore_patterns(".*"))
        write_json(work / "new" / "bench.json", about)
        write_bench(work / "new", scored, table, about)
        take_place(work, out)
    return scored
