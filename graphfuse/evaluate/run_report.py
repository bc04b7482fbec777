"""What a training run found, as a value and as a run directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica, Study
from graphfuse.evaluate.folds import splits
from graphfuse.evaluate.graph_controls import sentences
from graphfuse.evaluate.portable_paths import portable, portable_metrics
from graphfuse.evaluate.run_tables import load_folds, load_predictions
from graphfuse.evaluate.subgroups import subgroups
from graphfuse.files.atomic_write import Kind, real, whole, write_json
from graphfuse.files.json import damaged
from graphfuse.files.safe_paths import inside
from graphfuse.files.working_folders import recover, take_place, working
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.model import FusionModel
from graphfuse.schema import (
    Evaluation,
    Metrics,
    Recipe,
    RunRecord,
    Score,
)
from graphfuse.schema.arguments import checked
from graphfuse.schema.model_id import EARLY, GROUP, LATE, NO_GRAPH, OURS, SINGLE, WITHOUT, ModelId
from graphfuse.schema.run_json import read_shape
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of

RUN = Kind.of(
    "run directory",
    "run.json",
    *("metrics.json", "evaluation.json", "folds.csv", "predictions.csv", "report.html"),
    *("model", "rankings", "graph"),
)


@checked
@dataclass(eq=False)
class Report:
    """Scores of the net beside its baselines, its predictions, the fold models and the final model.

    `metrics`: a `schema.Metrics`; `evaluation`: a `schema.Evaluation`, what there is to say of
    modalities and of groups of patients; `predictions` and `folds`: as in `predictions.csv` and
    `folds.csv`; `model`: fitted on all patients; `replicas`: one model per fold; `record`: how the
    run was made; `failed`: what beside the net could not be trained, and why. `cohort` and
    `network` are those of the run; one that is loaded from its `folder` has neither, nor replicas.
    """

    cohort: Cohort | None
    network: GeneNetwork | None
    metrics: Metrics
    evaluation: Evaluation
    predictions: pd.DataFrame
    folds: pd.DataFrame
    model: FusionModel
    replicas: list[Replica]
    record: RunRecord
    failed: tuple[str, ...] = ()
    folder: Path | None = None

    @classmethod
    def load(cls, folder: str | Path, *, allow_parts: Iterable[str | Path] = ()) -> Report:
        """The report of a run directory, of which nothing is run.

        Parameters
        ----------
        folder : str or Path
            What `save` or `graphfuse train` wrote.
        allow_parts : iterable of str or Path
            Python files whose parts the model may use (`FusionModel.load`).

        Returns
        -------
        Report
            Without cohort, network and fold models: `graphfuse.rank(report, cohort=…)` fetches them
            from the folder.

        Raises
        ------
        InputError
            Where it is no run directory, or is damaged.
        """
        folder = recover(Path(folder))
        record = load_record(folder)
        return cls(
            cohort=None,
            network=None,
            metrics=read_shape(inside(folder, "metrics.json"), Metrics),
            evaluation=read_shape(inside(folder, "evaluation.json"), Evaluation),
            predictions=load_predictions(folder, record.task),
            folds=load_folds(folder),
            model=FusionModel.load(inside(folder, "model"), allow_parts=allow_parts),
            replicas=[],
            record=record,
            folder=folder,
        )

    @classmethod
    def of(
        cls,
        found: Study,
        cohort: Cohort,
        network: GeneNetwork | None,
        folds,
        protocol: dict,
        record: RunRecord,
    ) -> Report:
        """The report of a finished study; who is in which of the cohort's groups is looked at now,
        for scores by group."""
        metrics, predictions = found.metrics(protocol), found.predictions(cohort)
        groups = subgroups(
            predictions,
            cohort.groups,
            cohort.patients,
            found.outcome.task,
            metrics_of(metrics.kind).by_group,
            seed=record.seed,
        )
        evaluation = found.evaluation(metrics, groups)
        return cls(
            cohort,
            network,
            metrics,
            evaluation,
            predictions,
            folds,
            found.model,
            found.replicas,
            record,
        )

    @property
    def recipe(self) -> Recipe:
        return Recipe.model_validate(self.record.recipe)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """The run directory, whole or not at all. Raises `InputError` where the folder holds
        something else: also a run on other data, unless `overwrite`."""
        self._refuse_if_loaded()
        with run_folder(folder, self.cohort, overwrite) as (work, out):
            self.write(work / "new", out)
            take_place(work, out)
        return Path(folder)

    def write(self, folder: str | Path, place: str | Path | None = None) -> None:
        """The files of a run directory into an existing folder (rankings, graphs and the report are
        written elsewhere); `place`: where it will stand in the end, if not there."""
        self._refuse_if_loaded()
        folder = Path(folder)
        self.write_record(folder, place)
        metrics = portable_metrics(self.metrics, self.record)
        write_json(folder / "metrics.json", metrics.model_dump(mode="json", by_alias=True))
        write_json(
            folder / "evaluation.json", self.evaluation.model_dump(mode="json", by_alias=True)
        )
        safe_csv(self.folds, folder / "folds.csv")
        safe_csv(self.predictions, folder / "predictions.csv")
        self.model.save(folder / "model")
        for replica in self.replicas:
            replica.model.save(folder / "model" / "folds" / f"r{replica.repeat}f{replica.fold}")

    def _refuse_if_loaded(self) -> None:
        if self.folder is not None:
            raise InputError(
                f"this report was loaded from {self.folder}, without its fold models; copy that "
                "folder"
            )

    def write_record(self, folder: Path, place: str | Path | None = None) -> None:
        """`run.json` into an existing folder; files are called by where they are from `place`
        (default: the folder)."""
        written = portable(self.record, folder if place is None else Path(place))
        with whole(folder / "run.json") as part:
            write_json(part, written.model_dump(mode="json", by_alias=True))

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.record.cohort}: {self.metrics.target}",
                *score_lines(self.metrics),
                "",
                *self.verdicts(),
            ]
        )

    __repr__ = __str__

    def verdicts(self) -> list[str]:
        """The net against the baselines chosen without looking and its control without graphs, in
        words."""
        metrics, lines = metrics_of(self.metrics.kind), []
        primary, secondary = metrics[metrics.primary], metrics[metrics.secondary]
        for pair in self.metrics.comparisons:
            if (
                pair.metric == secondary.name
                and pair.a == OURS
                and pair.b in (SINGLE, EARLY, LATE, NO_GRAPH)
            ):
                own = self.metrics.models[OURS].get(secondary.name, Score.none()).mean
                values = (pair.difference, *pair.ci95)
                change, low, high = (secondary.signed(value, like=own) for value in values)
                against = f"{secondary.in_sentence} against {pair.b}"
                lines.append(f"{against}: {change} ({low} to {high}), {pair.verdict}")
        found = sentences(self.metrics.comparisons, primary)
        lines += [f"{primary.in_sentence}: {said}" for said in found]
        adds = [
            f"{c.modality} {primary.signed(c.value)}"
            for c in self.evaluation.contributions
            if c.metric == primary.name
        ]
        if adds:
            what = f"{primary.in_sentence} that each modality adds (Shapley)"
            lines.append(f"{what}: {', '.join(adds)}")
        return lines


def score_lines(metrics: Metrics) -> list[str]:
    """The net and its baselines as text: the metrics compared, with 95 % intervals."""
    shown = metrics_of(metrics.kind).compared
    beside = {
        name: row
        for name, row in metrics.variants.items()
        if ModelId.parse(name).is_one_of(WITHOUT, GROUP)
    }
    rows = {"": [metric.name for metric in shown]}
    for name, row in {**metrics.models, **beside}.items():
        rows[name] = [_cell(row.get(metric.name, Score.none()), metric) for metric in shown]
    wide = max(24, *(len(cell) + 2 for cells in rows.values() for cell in cells))
    return [f"{name:<22}" + "".join(f"{c:>{wide}}" for c in cells) for name, cells in rows.items()]


def _cell(score: Score, metric: Metric) -> str:
    """A score with its interval; a range between ends that may be negative has a word."""
    if score.mean is None:
        return "-"
    low, high = score.ci95
    if low is None:
        return metric.written(score.mean)
    to = " to " if metric.bounds[0] < 0 else "-"
    ends = to.join(metric.written(end, like=max(low, high, key=abs)) for end in (low, high))
    return f"{metric.written(score.mean)} ({ends})"


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
    """The fold models of a run directory, with the rows of its `cohort` that each was tested and
    trained on. Raises `InputError` where its files are damaged, or of other patients;
    `allow_parts`: as in `FusionModel.load`."""
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
