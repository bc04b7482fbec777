"""What the files of a run take on disk, and to write, from those of smaller runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graphfuse.api.build_graphs import graph_of
from graphfuse.api.use_model import rank
from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cost_plan.estimate import Spent, carried_on
from graphfuse.evaluate.run_results import Report
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.report.run_page import write_report
from graphfuse.schema import Recipe

# patients, and cells of their tables, whose graphs are written to be timed at most; more take more
# in proportion
DRAWN, CELLS = 5000, 40_000_000
GROWTH = (0, 1)  # powers of the patients with which the other files grow


@dataclass(frozen=True)
class Written:
    """Seconds and bytes of a run's files: of those that each fold adds, and of all others."""

    by_fold: Spent
    once: Spent
    fold_bytes: float
    once_bytes: float


def written(report_of: Callable[[], Report], ranked: bool, device: str) -> Written:
    """Scores a probe, and writes its run directory without graphs, into a temporary folder."""
    began = Spent.now()
    report = report_of()
    with _temporary_folder() as folder:
        report.write(folder)
        if ranked:
            rank(report, device=device).write(folder / "rankings")
        by_fold = began.since()
        began = Spent.now()
        write_report(folder)
        models = _bytes(folder / "model" / "folds")
        return Written(by_fold, began.since(), models, _bytes(folder) - models)


def carried(sizes: Sequence[int], probes: Sequence[Written], to: int, folds: float) -> Written:
    """Extrapolates to `to` patients and `folds` times a probe's folds, from probes of `sizes`."""

    def grown(values: list[float]) -> float:
        return carried_on(sizes, values, GROWTH, to)

    def spent(values: list[Spent]) -> Spent:
        wall = grown([each.wall for each in values])
        cpu = grown([each.cpu for each in values])
        return Spent(wall, cpu)

    fold_bytes = grown([probe.fold_bytes for probe in probes])
    return Written(
        by_fold=spent([probe.by_fold for probe in probes]).times(folds),
        once=spent([probe.once for probe in probes]),
        fold_bytes=folds * fold_bytes,
        once_bytes=grown([probe.once_bytes for probe in probes]),
    )


def drawn(patients: int, columns: int) -> int:
    """How many of the patients, with so many columns, have their graphs written to be timed."""
    return max(1, min(patients, DRAWN, CELLS // max(columns, 1)))


def graphs(
    some: Cohort, patients: int, recipe: Recipe, network: GeneNetwork | None, seed: int
) -> tuple[Spent, float]:
    """Seconds and bytes of the graphs of so many patients, from writing those of `some`."""
    began = Spent.now()
    times = patients / len(some)
    with _temporary_folder() as folder:
        graph_of(some, recipe, network, seed).write(folder / "graph")
        return began.since().times(times), times * _bytes(folder)


def _bytes(folder: Path) -> int:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="graphfuse-plan-") as place:
        yield Path(place)
