"""What is said beside an external evaluation: of lacking modalities, and of few labels."""

from __future__ import annotations

from graphfuse.data.cohort import Cohort
from graphfuse.errors import few_counted
from graphfuse.evaluate.metrics import FEWEST
from graphfuse.learn.model import FusionModel
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


def modalities_lacking(model: FusionModel, cohort: Cohort) -> list[str]:
    """What is said of modalities that are absent, and of those that nothing is made of."""
    there, notices = cohort.present, []
    for m in model.modalities_:
        lacking = len(cohort) - int(there[m].sum()) if m in there else len(cohort)
        if lacking:
            who = (
                "all patients lack"
                if lacking == len(cohort)
                else few_counted(lacking, "patient lacks", "patients lack")
            )
            notices.append(f"{who} modality {m!r}: it is masked, and they are scored by the others")
    unused = [m for m in cohort.modalities if m not in model.modalities_]
    return notices + (
        [f"not used, as the model was trained without: {', '.join(unused)}"] if unused else []
    )


def thinly_scored(task: Task, target: Target) -> list[str]:
    """What is said of scores that few patients, or not all that the `task` tells apart, stand
    behind; of everyone in the `target` something is known."""
    notices, count = [], len(target.values)
    if count < FEWEST:
        notices.append(
            f"{few_counted(count, 'patient')} scored: too few to say more than that the "
            "interval is wide"
        )
    return notices + task.caveats(target)
