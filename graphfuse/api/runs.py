"""Run directories, trained into."""

from __future__ import annotations

from pathlib import Path

from graphfuse.api.graphs import graph_of
from graphfuse.api.trained import rank
from graphfuse.api.training import train
from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.record import peak_memory
from graphfuse.evaluate.report import RUN, Report
from graphfuse.explain.ranking import Ranking
from graphfuse.files.written import whole_folder
from graphfuse.graph.patients import PatientGraph
from graphfuse.report.add_ons import AddOns
from graphfuse.report.html import write_report
from graphfuse.schema import DEFAULT_RECIPE, Recipe


def run(
    cohort: Cohort,
    out: str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
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
    with whole_folder(out, RUN) as folder:
        report = train(cohort, recipe, **options)
        report.write(folder, out)
        beside = AddOns(out, report.record.timings, report.failed)
        again = f"`graphfuse rank {out}` makes it again"
        by_build = f"`graphfuse build COHORT -r RECIPE -o {out / 'graph'}` makes it again"
        beside.make("graph", by_build, lambda: _graph_of(report).write(folder / "graph"))
        ranking = None
        if ranked:
            device = options.get("device", "auto")
            ranking = beside.make("rank", again, lambda: rank(report, top, device=device))
        if ranking is not None:
            beside.make("rankings", again, lambda: ranking.write(folder / "rankings"))
        report.record = beside.timed(report.record, peak_memory())
        report.write_record(folder, out)
        beside.make("report", again, lambda: write_report(folder))
    beside.stop(report)
    return report, ranking


def _graph_of(report: Report) -> PatientGraph:
    return graph_of(report.cohort, report.recipe, report.network, report.record.seed)
