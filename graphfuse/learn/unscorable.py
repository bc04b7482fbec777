"""Errors for patients that a model cannot score."""

from __future__ import annotations

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.data.prepare.pipeline import ABSURD
from graphfuse.errors import Faults, InputError, counted, few
from graphfuse.learn.standardised_columns import Views


def refuse_beyond(model, cohort: Cohort, views: Views) -> None:
    """Raises an error where a model cannot score patients.

    Parameters
    ----------
    model : FusionModel
        Fitted.
    cohort : Cohort
        The patients.
    views : Views
        Of the patients.

    Raises
    ------
    InputError
        Where a patient has none of the model's modalities, or values are too large to be
        measurements.
    """
    has_nothing = ~views.present.any(1)
    if has_nothing.any():
        count = int(has_nothing.sum())
        modalities = ", ".join(model.modalities_)
        raise InputError(
            f"cohort {cohort.name!r}: {few(count)} of {few(len(cohort))} patients "
            "have none of the model's modalities "
            f"({modalities}); add their tables or leave them out"
        )
    faults = Faults(f"cohort {cohort.name!r}")
    for name, pipeline in model.fitted_.preparation.pipelines.items():
        count = pipeline.overflowing(views.own[name])
        if count:
            columns = counted(count, "column holds", "columns hold")
            faults.add(
                f"modality {name!r}: {columns} values "
                f"more than {ABSURD:.0e} standard deviations from those of training; where "
                "they stand for missing, make them blank"
            )
    faults.stop()


def refuse_lost(cohort: Cohort, output: np.ndarray) -> None:
    """Raises `InputError` where the output `[N, O]` of a patient is not finite."""
    lost = ~np.isfinite(output).all(axis=1)
    if lost.any():
        count = int(lost.sum())
        raise InputError(
            f"cohort {cohort.name!r}: no prediction can be computed for "
            f"{few(count)} of {few(len(cohort))} patients; look at their tables for "
            "extreme values"
        )
