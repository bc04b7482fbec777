"""Run directories: where a new one is written, and the record and fold models of one that is
there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import splits
from graphfuse.evaluate.read_run_tables import load_folds
from graphfuse.files.atomic_write import Kind, real
from graphfuse.files.json import damaged
from graphfuse.files.safe_paths import inside
from graphfuse.files.working_folders import recover, working
from graphfuse.learn.model import FusionModel
from graphfuse.schema import RunRecord
from graphfuse.schema.read_run_json import read_shape

RUN = Kind.of(
    "run directory",
    "run.json",
    *("metrics.json", "evaluation.json", "folds.csv", "predictions.csv", "report.html"),
    *("model", "rankings", "graph"),
)


@contextmanager
def run_folder(
    folder: str | Path, cohort: Cohort, overwrite: bool = False
) -> Iterator[tuple[Path, Path]]:
    """The working folder of a new run directory, which is filled at `new` within, and the folder
    whose place it is to take.

    Raises `InputError` where that holds something else: also a run on other data, unless
    `overwrite`.
    """
    out = recover(real(folder))
    RUN.refuse_foreign(out, overwrite)
    if not overwrite:
        RUN.refuse_other(out, cohort.digest())
    with working(out) as work:
        (work / "new").mkdir()
        yield work, out


def load_record(folder: Path) -> RunRecord:
    """`run.json` of a run directory. Raises `InputError` where there is none, or it is damaged."""
    path = inside(folder, "run.json")
    if not path.is_file():
        raise InputError(
            f"{folder}: is no run directory (no run.json); make one with `graphfuse train "
            "COHORT -o DIR`"
        )
    return read_shape(path, RunRecord)


def load_replicas(
    folder: Path, cohort: Cohort, target: str, *, allow_parts: Iterable[str | Path] = ()
) -> list[Replica]:
    """The fold models of a run directory, with the rows that each was tested and trained on.

    Parameters
    ----------
    folder : Path
    cohort : Cohort
        Of the run.
    target : str
        The outcome's name.
    allow_parts : iterable of str or Path
        As in `FusionModel.load`.

    Raises
    ------
    InputError
        Where its files are damaged, or of other patients.
    """
    folds = load_folds(folder)
    for _, part in folds.groupby("repeat"):
        if list(part["patient"]) != list(cohort.patients.astype(str)):
            raise damaged(folder / "folds.csv", "its patients are not those of the cohort")
    replicas = []
    for split in splits(folds, cohort.outcome(target).known):
        name = f"model/folds/r{split.repeat}f{split.fold}"
        model = FusionModel.load(inside(folder, name), allow_parts=allow_parts)
        if model.fitted_.trained_on != len(split.train):
            raise damaged(folder / name, "it was not trained on this fold", "damaged model")
        replicas.append(Replica(*split, model))
    return replicas
