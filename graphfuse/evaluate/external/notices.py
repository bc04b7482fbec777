"""Notices of an external evaluation: of modalities that are missing, and of few labels."""

from __future__ import annotations

from graphfuse.data.cohort import Cohort
from graphfuse.errors import few_counted
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.learn.model import FusionModel
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


def modalities_lacking(model: FusionModel, cohort: Cohort) -> list[str]:
    """Notices of the model's modalities that patients lack, and of the cohort's that the model
    does not use."""
    there, notices = cohort.present, []
    for m in model.modalities_:
        having = int(there[m].sum()) if m in there else 0
        lacking = len(cohort) - having
        if not lacking:
            continue
        if lacking == len(cohort):
            who = "all patients lack"
        else:
            who = few_counted(lacking, "patient lacks", "patients lack")
        notices.append(f"{who} modality {m!r}: it is masked, and they are scored by the others")
    unused = [m for m in cohort.modalities if m not in model.modalities_]
    if unused:
        notices.append(f"not used, as the model was trained without: {', '.join(unused)}")
    return notices


def unlabelled(target: Target) -> list[str]:
    """A notice of patients without a label."""
    count = (~target.known).sum()
    if not count:
        return []
    patients = few_counted(count, "patient has", "patients have")
    return [f"{patients} no label: predicted, not scored"]


def thinly_scored(task: Task, target: Target) -> list[str]:
    """Notices of scores of few patients, or not of all that the `task` tells apart; of everyone in
    the `target` something is known."""
    notices, count = [], len(target.values)
    if count < FEWEST:
        notices.append(
            f"{few_counted(count, 'patient')} scored: too few to say more than that the "
            "interval is wide"
        )
    return notices + task.caveats(target)
