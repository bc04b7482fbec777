"""A trained model on a cohort that it never saw, both frozen by hash, with every look at that
cohort on record."""

from __future__ import annotations

import datetime
import importlib.metadata
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import InputError, LeakError, counted, few_counted
from graphfuse.evaluate.bootstrap import bootstrap_compare, bootstrap_scores
from graphfuse.evaluate.external.frozen_model import Frozen, alike, known_profiles
from graphfuse.evaluate.external.notices import modalities_lacking, thinly_scored
from graphfuse.evaluate.external.record import evaluations_in, sums_of, write_record
from graphfuse.evaluate.run_report import Report
from graphfuse.files.atomic_write import Kind, whole_folder, write_json
from graphfuse.files.working_folders import recover
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Metrics, Score
from graphfuse.schema.model_id import OURS
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.registry import metrics_of
from graphfuse.task.task import Task

log = logging.getLogger(__name__)

DRAWS = 1000
_RECORD = Kind.of("record of evaluations", "record.json", "predictions.csv", "metrics.json")
_EVALUATION = Kind.of("evaluation", "metrics.json", "predictions.csv")


@dataclass(frozen=True, eq=False)
class External:
    """What a model says of a cohort that it never saw.

    `predictions`: patient, truth (blank = unlabelled), and what is predicted: `call, p_<class>…` of
    classes, `value, lo, hi` of a number; `metrics`: a
    `schema.Metrics` in which `mean` is the score and `ci95` a bootstrap over patients; `record`:
    hashes, counts, what could be checked, notices.
    """

    cohort: str
    predictions: pd.DataFrame
    metrics: Metrics
    record: dict

    def save(self, folder: str | Path) -> Path:
        """`predictions.csv`, `metrics.json` and `record.json` in `folder`; gives the folder in
        which this evaluation stands.

        The first evaluation stays where it is. A later one of the same model on the same data adds
        a line to `record.json`; of another model or other data, it goes into `folder/2`,
        `folder/3`, …, and the record says what had changed.
        """
        folder = recover(Path(folder))
        done = evaluations_in(folder)
        same = [
            e
            for e in done
            if all(e[key] == self.record[key] for key in ("model", "data", "target"))
        ]
        name = (
            same[0]["folder"]
            if same
            else "."
            if not done
            else str(1 + len({e["folder"] for e in done}))
        )
        changed = [
            key for key in ("model", "data", "target") if done and done[0][key] != self.record[key]
        ]
        entry = {
            "number": len(done) + 1,
            "folder": name,
            "changed_since_first": changed,
        } | self.record
        if not done:
            with whole_folder(folder, _RECORD) as part:
                self._write(part)
                write_record(part, self.cohort, [entry | {"files": sums_of(part)}])
            return folder
        since = (
            f"with another {' and '.join(changed)} than the first"
            if changed
            else "the same as the first"
        )
        log.warning(
            "%s: external validation %d on this cohort, %s; the first is kept",
            folder,
            entry["number"],
            since,
        )
        if not same:
            with whole_folder(folder / name, _EVALUATION) as part:
                self._write(part)
        write_record(folder, self.cohort, [*done, entry | {"files": sums_of(folder / name)}])
        return folder / name

    def _write(self, folder: Path) -> None:
        safe_csv(self.predictions, folder / "predictions.csv")
        write_json(folder / "metrics.json", self.metrics.model_dump(mode="json", by_alias=True))

    def __str__(self) -> str:
        said = self.record
        head = (
            f"{self.cohort}: {self.metrics.target} of {few_counted(said['scored'], 'patient')} "
            "that the model never saw"
        )
        names, models = list(self.metrics.models), self.metrics.models
        rows = {"": names}
        for metric in metrics_of(self.metrics.kind).names:
            rows[metric] = [_cell(models[name][metric]) for name in names]
        width = max(26, *(len(cell) + 1 for cells in rows.values() for cell in cells))
        lines = [head, ""]
        for metric, cells in rows.items():
            lines.append(f"{metric:<20}" + "".join(f"{cell:>{width}}" for cell in cells))
        lines += [""] + [
            (
                f"{p.metric} against {p.b}: {p.difference:+.3f} ({p.ci95[0]:+.3f} to "
                f"{p.ci95[1]:+.3f}), {p.verdict}"
            )
            for p in self.metrics.comparisons
        ]
        lines += [f"note: {notice}" for notice in said["notices"]]
        return "\n".join([*lines, f"model {said['model'][:12]}, data {said['data'][:12]} (sha256)"])

    __repr__ = __str__


def score(
    run: str | Path | Report | FusionModel,
    cohort: Cohort | str | Path,
    target: str | None = None,
    *,
    seed: int = 0,
    allow_shift: bool = False,
    device: str | None = None,
    allow_parts: Iterable[str | Path] = (),
) -> External:
    """Scores a trained model on a cohort that it never saw: nothing is fitted, chosen or calibrated
    there.

    `run`: a run directory, a report, or a model; `target`: the cohort's outcome (default: of the
    model's own name), classes met by their names. Modalities that a patient lacks are masked.
    Raises `LeakError` where patients of the cohort trained the model, by id or by profile, and
    `InputError` for labels that it was not trained on, and for tables far from the scale of
    training unless `allow_shift` (`FusionModel.shifts`), and for a `device` (default: the model's
    own) that is not there. `allow_parts`: as in `FusionModel.load`.
    """
    frozen = Frozen.of(run, allow_parts)
    frozen = replace(frozen, model=frozen.model.on(device))
    cohort = as_cohort(cohort, like=frozen.model)
    notices = frozen.model.unknown_values(cohort)
    checked = _check_unseen(frozen, cohort, notices)
    task = frozen.model.task_
    outcome = cohort.outcome(target or frozen.model.target_)
    truth = _truth(task, outcome, cohort)
    known = truth.known
    notices += modalities_lacking(frozen.model, cohort)
    if not known.all():
        notices.append(
            f"{few_counted((~known).sum(), 'patient has', 'patients have')} no label: predicted, "
            "not scored"
        )
    output = frozen.model.output(cohort)
    notices += frozen.model.shifts(cohort, allow_shift=allow_shift)
    notices += thinly_scored(task, truth.take(known))
    record = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "run": frozen.about,
        "target": outcome.name,
        "model": frozen.sha256,
        "data": cohort.digest(),
        "model_files": frozen.hashes,
        "manifest_sha256": cohort.about.get("manifest_sha256", ""),
        "patients": len(cohort),
        "scored": int(known.sum()),
        **task.on_record(truth),
        "checked_unseen": checked,
        "notices": notices,
        "graphfuse": importlib.metadata.version("graphfuse"),
    }
    metrics = _metrics(frozen, outcome.name, truth.take(known), output[known], seed)
    predictions = _predictions(frozen.model, cohort, truth, output)
    return External(cohort.name, predictions, metrics, record)


def beside(run: str | Path, cohort: str) -> Path:
    """Where evaluations on a cohort stand by default: `external/<cohort>` beside the run directory,
    which a new training into that directory leaves alone."""
    run = Path(run)
    if run.name in ("", "..") or run.is_symlink():
        run = run.resolve()
    return run.parent / "external" / (re.sub(r"[^\w.-]+", "-", cohort).strip(".") or "cohort")


# --------------------------------------------------------------------------------------- never seen


def _check_unseen(frozen: Frozen, cohort: Cohort, notices: list[str]) -> dict[str, object]:
    """Raises `LeakError` where patients trained the model; gives what could be looked at."""
    same = 0 if frozen.ids is None else int(alike(cohort.patients).isin(alike(frozen.ids)).sum())
    if same:
        raise LeakError(
            f"cohort {cohort.name!r}: {same} of {counted(len(cohort), 'patient id')} are "
            "in the training data of this model. "
            "Leave them out; or, where they are other people, give their ids a prefix"
        )
    if frozen.ids is None:
        notices.append(
            "a model without its run keeps no patient ids: whether any patient trained it "
            "was judged by profile only"
        )
    twins, looked = known_profiles(frozen.model, cohort)
    if twins.any():
        raise LeakError(
            f"cohort {cohort.name!r}: "
            f"{counted(twins.sum(), 'patient has', 'patients have')} the very values of a "
            "training "
            "patient under another id; leave them out"
        )
    if not looked:
        notices.append(
            "profiles could not be compared with the training patients' (tables too small, "
            "or no linear start)"
        )
    return {"ids": frozen.ids is not None, "profiles": looked}


# ----------------------------------------------------------------------------------- labels, tables


def _truth(task: Task, outcome: Outcome, cohort: Cohort) -> Target:
    """What is known of the cohort's patients. Raises `InputError` where it is nothing that the
    model was trained on, or nothing at all."""
    truth = task.matched(outcome, cohort.name)
    if not outcome.known.any():
        raise InputError(
            f"outcome {outcome.name!r}: nobody has a label to score by; call them with "
            "`graphfuse predict`"
        )
    return truth


def _predictions(
    model: FusionModel, cohort: Cohort, truth: Target, output: np.ndarray
) -> pd.DataFrame:
    told = model.task_.shown(truth)[""]
    said = {"patient": cohort.patients, "truth": told, **model.task_.table(output)}
    return pd.DataFrame({**said, "flag": model.flags(cohort)})


# ------------------------------------------------------------------------------------------- scores


def _metrics(frozen: Frozen, outcome: str, truth: Target, output: np.ndarray, seed: int) -> Metrics:
    """The model's scores, and beside them those of the task's baseline, where it is known."""
    task, y, said = frozen.model.task_, truth.values, {OURS: output}
    metrics = task.metrics
    if frozen.null is not None:
        said = {task.baseline: np.tile(frozen.null, (len(y), 1))} | said
    protocol = {
        "kind": "external",
        "interval": "bootstrap",
        "intervals": (
            f"95 %, bootstrap over the cohort's patients ({DRAWS:,} draws): of this model, not "
            "of its training"
        ),
        **task.in_protocol(truth),
    }
    models = {}
    for name, each in said.items():
        points = metrics.scores(y, each)
        intervals = bootstrap_scores(metrics, y, each, DRAWS, seed)
        models[name] = {
            m: Score(mean=points[m] if np.isfinite(points[m]) else None, sd=None, ci95=intervals[m])
            for m in metrics.names
        }
    pairs = []
    if frozen.null is not None:
        pairs = bootstrap_compare(
            OURS,
            task.baseline,
            y,
            said[OURS],
            said[task.baseline],
            metrics.compared_outside,
            DRAWS,
            seed,
        )
    return Metrics(
        target=outcome,
        kind=task.kind,
        protocol=protocol,
        models=models,
        comparisons=pairs,
    )


def _cell(score: Score) -> str:
    if score.mean is None:
        return "-"
    low, high = score.ci95
    return f"{score.mean:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


# -------------------------------------------------------------------------------- what is on record
