"""Patients of whom a model can say nothing, and values that are beyond it."""

from __future__ import annotations

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.data.prepare.pipeline import ABSURD
from graphfuse.errors import Faults, InputError, counted, few
from graphfuse.learn.views import Views


def refuse_beyond(model, cohort: Cohort, views: Views) -> None:
    """Raises `InputError` where a patient has none of the `FusionModel`'s modalities, or values are
    too large to be measurements."""
    nothing = ~views.present.any(1)
    if nothing.any():
        raise InputError(
            f"cohort {cohort.name!r}: {few(int(nothing.sum()))} of {few(len(cohort))} patients "
            "have none of the model's modalities "
            f"({', '.join(model.modalities_)}); add their tables or leave them out"
        )
    faults = Faults(f"cohort {cohort.name!r}")
    for name, pipeline in model.fitted_.preparation.pipelines.items():
        count = pipeline.overflowing(views.own[name])
        if count:
            faults.add(
                f"modality {name!r}: {counted(count, 'column holds', 'columns hold')} values "
                f"more than {ABSURD:.0e} standard deviations from those of training; where "
                "they stand for missing, make them blank"
            )
    faults.stop()


def refuse_lost(cohort: Cohort, output: np.ndarray) -> None:
    """Raises `InputError` where a number that is predicted of a patient, `[N, O]`, is none."""
    lost = ~np.isfinite(output).all(axis=1)
    if lost.any():
        raise InputError(
            f"cohort {cohort.name!r}: no prediction can be computed for "
            f"{few(int(lost.sum()))} of {few(len(cohort))} patients; look at their tables for "
            "extreme values"
        )
