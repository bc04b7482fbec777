"""The result of an external evaluation, written into a folder that may hold earlier ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.safe_csv import safe_csv
from graphfuse.errors import few_counted
from graphfuse.evaluate.external.record import evaluations_in, sums_of, write_record
from graphfuse.evaluate.score_lines import missing_scores, verdict_words
from graphfuse.files.atomic_write import Kind, whole_folder, write_json
from graphfuse.files.working_folders import recover
from graphfuse.schema import Comparison, Metrics, Score
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of

log = logging.getLogger(__name__)

_IDENTITY = ("model", "data", "target")  # by which an evaluation is known
_RECORD = Kind.of("record of evaluations", "record.json", "predictions.csv", "metrics.json")
_EVALUATION = Kind.of("evaluation", "metrics.json", "predictions.csv")


@dataclass(frozen=True, eq=False)
class External:
    """The predictions and scores of a model on a cohort that it never saw.

    Attributes
    ----------
    cohort : str
        Its name.
    predictions : pd.DataFrame
        patient, truth (blank = unlabelled), and what is predicted: `call, p_<class>…` of classes,
        `value, lo, hi` of a number.
    metrics : Metrics
        In which `mean` is the score and `ci95` an interval over patients, of this one model.
    record : dict
        Hashes, counts, what could be checked, notices.
    """

    cohort: str
    predictions: pd.DataFrame
    metrics: Metrics
    record: dict

    def save(self, folder: str | Path) -> Path:
        """Writes `predictions.csv`, `metrics.json` and `record.json`.

        The first evaluation stays where it is. A later one of the same model on the same data adds
        a line to `record.json`; of another model or other data, it goes into `folder/2`,
        `folder/3`, …, and the record says what had changed.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Path
            The folder of this evaluation.

        Raises
        ------
        InputError
            Where the folder holds something else.
        """
        folder = recover(Path(folder))
        done = evaluations_in(folder)
        same = [each for each in done if not self._changed_since(each)]
        entry = {
            "number": len(done) + 1,
            "folder": _folder_name(done, same),
            "changed_since_first": self._changed_since(done[0]) if done else [],
        } | self.record
        if not done:
            with whole_folder(folder, _RECORD) as part:
                self._write(part)
                write_record(part, self.cohort, [entry | {"files": sums_of(part)}])
            return folder
        log.warning(
            "%s: external validation %d on this cohort, %s; the first is kept",
            folder,
            entry["number"],
            _since(entry["changed_since_first"]),
        )
        own = folder / entry["folder"]
        if not same:
            with whole_folder(own, _EVALUATION) as part:
                self._write(part)
        write_record(folder, self.cohort, [*done, entry | {"files": sums_of(own)}])
        return own

    def _changed_since(self, evaluation: dict) -> list[str]:
        """What differs from an earlier evaluation: model, data or target."""
        return [key for key in _IDENTITY if evaluation[key] != self.record[key]]

    def _write(self, folder: Path) -> None:
        safe_csv(self.predictions, folder / "predictions.csv")
        write_json(folder / "metrics.json", self.metrics.model_dump(mode="json", by_alias=True))

    def __str__(self) -> str:
        about = self.record
        scored = few_counted(about["scored"], "patient")
        lines = [f"{self.cohort}: {self.metrics.target} of {scored} that the model never saw", ""]
        metrics = metrics_of(self.metrics.kind)
        lines += self._table()
        lines += missing_scores(self.metrics, metrics)
        lines.append("")
        lines += [_in_words(pair, metrics[pair.metric]) for pair in self.metrics.comparisons]
        lines += [f"note: {notice}" for notice in about["notices"]]
        lines.append(f"model {about['model'][:12]}, data {about['data'][:12]} (sha256)")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        """The scores as lines, a row a metric and a column a model."""
        models = self.metrics.models
        rows = {"": list(models)}
        for metric in metrics_of(self.metrics.kind).names:
            rows[metric] = [_cell(row[metric]) for row in models.values()]
        widest = max(len(cell) + 1 for cells in rows.values() for cell in cells)
        width = max(26, widest)
        lines = []
        for metric, cells in rows.items():
            columns = "".join(f"{cell:>{width}}" for cell in cells)
            lines.append(f"{metric:<20}{columns}")
        return lines

    __repr__ = __str__


def _cell(score: Score) -> str:
    """A score with its interval."""
    if score.mean is None:
        return "-"
    low, high = score.ci95
    if low is None:
        return f"{score.mean:.3f}"
    return f"{score.mean:.3f} ({low:.3f} to {high:.3f})"


def _folder_name(done: list[dict], same: list[dict]) -> str:
    """Where an evaluation goes, after those `done`, of which some are of the `same` model and
    data."""
    if same:
        return same[0]["folder"]
    if not done:
        return "."
    return str(1 + len({each["folder"] for each in done}))


def _since(changed: list[str]) -> str:
    """In words, what has changed since the first evaluation."""
    if not changed:
        return "the same as the first"
    return f"with another {' and '.join(changed)} than the first"


def _in_words(pair: Comparison, metric: Metric) -> str:
    """A comparison as a line."""
    low, high = pair.ci95
    change = f"{pair.difference:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"{pair.metric} against {pair.b}: {change}, {verdict_words(pair, metric)}"
