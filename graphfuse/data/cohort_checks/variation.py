"""Checks that modalities vary between patients: nothing can be learned from a constant one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.unmeasurable_numbers import measurable
from graphfuse.data.modality import Modality
from graphfuse.errors import FEW, InputError
from graphfuse.statistics.columns import ROUNDING

# Patients on whom a modality's variation must rest: fewer may all be in one test fold.
ENOUGH = FEW


def deviating(modality: Modality) -> np.ndarray:
    """bool `[N]`: patients who differ from most others in some column.

    A missing value is no difference in tables of numbers, where the median replaces it; in records
    it is one, since missing values have a column there.
    """
    differs = np.zeros(len(modality.table), dtype=bool)
    numbers = modality.table.select_dtypes("number")
    differs |= _off_the_median(numbers.to_numpy(dtype=float))
    if modality.kind == "ehr":
        for name in modality.table.columns.difference(numbers.columns):
            levels, _ = pd.factorize(modality.table[name], use_na_sentinel=True)
            most_frequent = np.bincount(levels + 1).argmax() - 1  # -1: missing
            differs |= (levels != most_frequent) & (levels >= 0)
        missing = modality.table.isna().to_numpy()
        mostly_missing = missing.mean(axis=0) > 0.5
        differs |= (missing != mostly_missing).any(axis=1)
    return differs & modality.present


def _off_the_median(values: np.ndarray) -> np.ndarray:
    """bool `[N]`: rows with a value that rounding does not explain as the column's median."""
    values = measurable(values)
    if len(values):
        has_values = ~np.isnan(values).all(axis=0)
        values = values[:, has_values]
    if not values.size:
        return np.zeros(len(values), dtype=bool)
    median = np.nanmedian(values, axis=0)
    size = np.nanmax(np.abs(values), axis=0)
    return (np.abs(values - median) > ROUNDING * size).any(axis=1)


def barely_varying(cohort: Cohort) -> list[str]:
    """A notice for each modality that is constant, or would be without a handful of patients."""
    notices = []
    for name, modality in cohort.modalities.items():
        carriers = int(modality.present.sum())
        differing = int(deviating(modality).sum())
        if differing >= ENOUGH and carriers >= ENOUGH:
            continue
        if carriers < ENOUGH:
            notice = (
                f"fewer than {ENOUGH} patients have it: in folds that hold them out it counts as "
                "without columns; leave it out, or add patients"
            )
        elif not differing:
            notice = "every column is constant: nothing can be learned from it; leave it out"
        else:
            notice = (
                f"all but a few patients (fewer than {ENOUGH}) have the same values: in folds "
                "that hold them out it is constant and counts as without columns; leave it out, "
                "or add patients who differ"
            )
        notices.append(f"[modality.{name}] {notice}")
    return notices


def require_variation(cohort: Cohort) -> None:
    """Raises `InputError` where no column of any modality varies between patients."""
    if any(deviating(modality).any() for modality in cohort.modalities.values()):
        return
    names = ", ".join(cohort.modalities)
    raise InputError(
        f"cohort {cohort.name!r}: every column of every modality ({names}) is constant, so there "
        "is nothing to learn from; check how the tables were written"
    )
