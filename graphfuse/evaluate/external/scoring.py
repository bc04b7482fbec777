"""Scores of a trained model on a cohort that it never saw. Both are identified by hash, and every
evaluation on that cohort is on record."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.errors import InputError, LeakError, counted
from graphfuse.evaluate.external.model_identity import Frozen, alike, known_profiles
from graphfuse.evaluate.external.notices import modalities_lacking, thinly_scored, unlabelled
from graphfuse.evaluate.external.result import External
from graphfuse.evaluate.fold_statistics import Difference, judged, score_over_folds
from graphfuse.evaluate.patient_draws import DRAWS, PatientDraws, TestPart, drawn_scores
from graphfuse.evaluate.run_results import Report
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Metrics, Score
from graphfuse.schema.run_model_name import OURS
from graphfuse.task.metric import MetricSet
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.task import Task


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

    Parameters
    ----------
    run : str, Path, Report or FusionModel
        A run directory, a report, or a model.
    cohort : Cohort, str or Path
        The cohort, or its manifest. Modalities that a patient lacks are masked.
    target : str, optional
        The cohort's outcome (default: of the model's own name), classes matched by their names.
    seed : int
        Of the draws of patients.
    allow_shift : bool
        Whether tables far from the scale of training are scored (`FusionModel.shifts`).
    device : str, optional
        Default: the model's own.
    allow_parts : iterable of str or Path
        As in `FusionModel.load`.

    Returns
    -------
    External

    Raises
    ------
    LeakError
        Where patients of the cohort trained the model, by id or by profile.
    InputError
        For labels that it was not trained on, for tables far from the scale of training unless
        `allow_shift`, and for a `device` that is not there.
    """
    frozen = Frozen.of(run, allow_parts)
    frozen = replace(frozen, model=frozen.model.on(device))
    model = frozen.model
    cohort = as_cohort(cohort, like=model)
    notices = model.unknown_values(cohort)
    checked = _check_unseen(frozen, cohort, notices)
    outcome = cohort.outcome(target or model.target_)
    truth = _truth(model.task_, outcome, cohort)
    scored = truth.take(truth.known)
    notices += modalities_lacking(model, cohort)
    notices += unlabelled(truth)
    output = model.output(cohort)
    notices += model.shifts(cohort, allow_shift=allow_shift)
    notices += thinly_scored(model.task_, scored)
    record = _record(frozen, cohort, outcome.name, truth)
    record |= {"checked_unseen": checked, "notices": notices, "graphfuse": version("graphfuse")}
    metrics = _metrics(frozen, outcome.name, scored, output[truth.known], seed)
    predictions = _predictions(model, cohort, truth, output)
    return External(cohort.name, predictions, metrics, record)


def _record(frozen: Frozen, cohort: Cohort, target: str, truth: Target) -> dict[str, object]:
    """What is on record of an evaluation: when, of which model, and on which data."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "time": now.isoformat(timespec="seconds"),
        "run": frozen.about,
        "target": target,
        "model": frozen.sha256,
        "data": cohort.digest(),
        "model_files": frozen.hashes,
        "manifest_sha256": cohort.about.get("manifest_sha256", ""),
        "patients": len(cohort),
        "scored": int(truth.known.sum()),
        **frozen.model.task_.on_record(truth),
    }


def default_folder(run: str | Path, cohort: str) -> Path:
    """The default folder of evaluations on a cohort: `external/<cohort>` in the folder of the run
    directory, which a new training into that directory leaves alone."""
    run = Path(run)
    if run.name in ("", "..") or run.is_symlink():
        run = run.resolve()
    name = re.sub(r"[^\w.-]+", "-", cohort).strip(".")
    return run.parent / "external" / (name or "cohort")


# --------------------------------------------------------------------------------------- never seen


def _check_unseen(frozen: Frozen, cohort: Cohort, notices: list[str]) -> dict[str, object]:
    """Raises `LeakError` where patients trained the model; gives what could be compared, and adds
    a notice of what could not."""
    if frozen.ids is None:
        notices.append(
            "a model without its run keeps no patient ids: whether any patient trained it "
            "was judged by profile only"
        )
    else:
        same = int(alike(cohort.patients).isin(alike(frozen.ids)).sum())
        if same:
            raise LeakError(
                f"cohort {cohort.name!r}: {same} of {counted(len(cohort), 'patient id')} are "
                "in the training data of this model. "
                "Leave them out; or, where they are other people, give their ids a prefix"
            )
    is_known, compared = known_profiles(frozen.model, cohort)
    if is_known.any():
        raise LeakError(
            f"cohort {cohort.name!r}: "
            f"{counted(is_known.sum(), 'patient has', 'patients have')} the very values of a "
            "training "
            "patient under another id; leave them out"
        )
    if not compared:
        notices.append(
            "profiles could not be compared with the training patients' (tables too small, "
            "or no linear start)"
        )
    return {"ids": frozen.ids is not None, "profiles": compared}


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
    """The rows of `predictions.csv`."""
    columns = {"patient": cohort.patients, "truth": model.task_.shown(truth)[""]}
    columns |= model.task_.table(output)
    columns["flag"] = model.flags(cohort)
    return pd.DataFrame(columns)


# ------------------------------------------------------------------------------------------- scores


def _metrics(frozen: Frozen, outcome: str, truth: Target, output: np.ndarray, seed: int) -> Metrics:
    """The scores of the model and of the task's baseline, where that is known."""
    task, y = frozen.model.task_, truth.values
    outputs = {OURS: output}
    if frozen.null is not None:
        null_output = np.tile(frozen.null, (len(y), 1))
        outputs = {task.baseline: null_output, OURS: output}
    everyone = np.arange(len(y))
    parts = {name: [TestPart(everyone, y, each)] for name, each in outputs.items()}
    draws = drawn_scores(parts, everyone, task.metrics, seed=seed)
    differences = []
    if frozen.null is not None:
        found = [
            Difference.between(OURS, task.baseline, metric, draws)
            for metric in task.metrics.compared_outside
        ]
        differences = [difference for difference in found if difference is not None]
    protocol = {
        "kind": "external",
        "interval": "external",
        "intervals": (
            f"95 %, over the cohort's patients ({DRAWS:,} draws): of this model, not of its "
            "training"
        ),
        **task.in_protocol(truth),
    }
    return Metrics(
        target=outcome,
        kind=task.kind,
        protocol=protocol,
        models={name: _scores(name, task.metrics, draws) for name in outputs},
        comparisons=judged(differences, draws),
    )


def _scores(name: str, metrics: MetricSet, draws: PatientDraws) -> dict[str, Score]:
    """A model's score in every metric, with an interval over patients."""
    scores = {}
    for metric in metrics:
        drawn = draws.scores[name][metric.name]
        fewest = draws.fewest[name][metric.name]
        scored = score_over_folds(drawn[:1], drawn, metric, fewest, draws)
        scores[metric.name] = scored.model_copy(update={"sd": None})
    return scores
