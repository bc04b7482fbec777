"""Runs: training into a folder, with graphs, rankings and a report."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from graphfuse.api.build_graphs import graph_of
from graphfuse.api.training import train
from graphfuse.api.use_model import rank
from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.evaluate.provenance import peak_memory
from graphfuse.evaluate.resume.finished_parts import finished_beside
from graphfuse.evaluate.run_directory import run_folder
from graphfuse.evaluate.run_results import Report
from graphfuse.explain.biology.known_genes import GeneSets, KnownGenes, Markers
from graphfuse.explain.ranking import Ranking
from graphfuse.files.working_folders import take_place
from graphfuse.learn.recipe_parts import with_parts
from graphfuse.report.run_extras import AddOns
from graphfuse.report.run_page import write_report
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.schema.check_arguments import Count, checked


@checked
def run(
    cohort: Cohort | str | Path,
    out: str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    *,
    top: Count = 10,
    gene_sets: GeneSets | None = None,
    markers: Markers | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **options,
) -> tuple[Report, Ranking | None]:
    """Trains and ranks into a run directory, with graphs and a report.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest.
    out : str or Path
        The run directory; an older run on the same data is replaced.
    recipe : Recipe, str or Path
        As in `train`.
    top : int
        How many items a print of the ranking shows.
    gene_sets, markers
        What the first genes are tested for, as in `rank`.
    resume : bool
        Whether to go on from what a run that was stopped had finished, and to keep what is finished
        where this one is interrupted.
    overwrite : bool
        Whether to replace a run on other data, or one that is damaged.
    **options
        As in `train`; here `cv` defaults to 5 folds, once.

    Returns
    -------
    tuple of Report and Ranking

    Raises
    ------
    InputError
        For unusable input, where `out` holds something else or another process writes there, and
        where what a stopped run left was of other inputs.

    See Also
    --------
    train : The same without a folder.
    """
    options = {"cv": (5, 1), "resume": resume, "overwrite": overwrite} | options
    options |= {"gene_sets": gene_sets, "markers": markers}
    return save_run(Path(out), cohort, recipe, ranked=True, top=top, **options)


def save_run(
    out: Path,
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path,
    *,
    ranked: bool,
    top: int = 50,
    gene_sets: GeneSets | None = None,
    markers: Markers | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **options,
) -> tuple[Report, Ranking | None]:
    """Trains and writes a run directory, whole or not at all: first what was trained, then the
    rankings (where `ranked`), the graphs with their scores, and the report.

    Arguments are those of `run`. Raises `IncompleteRunError` where one of these failed; the run is
    there without it.
    """
    recipe = with_parts(recipe)
    cohort = as_cohort(cohort)
    known = KnownGenes.read(gene_sets, markers)  # a bad file is refused before anything is trained
    with (
        run_folder(out, cohort, overwrite) as (work, place),
        finished_beside(place, resume) as finished,
    ):
        folder = work / "new"
        report = train(cohort, recipe, finished=finished, **options)
        report.write(folder, place)
        beside = AddOns(out, report.record.timings, report.failed)
        again = f"`graphfuse rank {out}` makes it again"
        by_build = f"`graphfuse build COHORT -r RECIPE -o {out / 'graph'}` makes it again"
        ranking = None
        if ranked:
            given = {"gene_sets": known.gene_sets, "markers": markers}
            given["device"] = options.get("device", "auto")
            ranking = beside.make("rank", again, lambda: rank(report, top, **given))
        if ranking is not None:
            beside.make("rankings", again, lambda: ranking.write(folder / "rankings"))
        graph = partial(_write_graph, report, ranking, folder / "graph")
        beside.make("graph", by_build, graph)
        report.record = beside.timed(report.record, peak_memory())
        report.write_record(folder, place)
        beside.make("report", again, lambda: write_report(folder))
        take_place(work, place)
        finished.hand_over(work)
    beside.stop(report)
    return report, ranking


def _write_graph(report: Report, ranking: Ranking | None, folder: Path) -> None:
    """Writes the graphs of a run, with its ranking's scores where there is one."""
    graph = graph_of(report.cohort, report.recipe, report.network, report.record.seed)
    if ranking is not None:
        graph = graph.with_ranking(ranking)
    graph.write(folder)
