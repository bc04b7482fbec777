"""The range of training values of a model's inputs, and values in their tables' own units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.explain.patient.counterfactual import Range
from graphfuse.explain.patient.patient_model import PatientModel

FAR = 3.0  # training standard deviations, where the training tables are not at hand
NEAR = 1e-6  # share of a column's range within which a value counts as recovered


def own_values(model: PatientModel) -> pd.Series:
    """The patient's value of each input's column, as it stands in the table.

    Parameters
    ----------
    model : PatientModel
        Of the patient.

    Returns
    -------
    pandas.Series
        `[G]`; missing where it was not measured, or the patient lacks the modality.
    """
    values = []
    for modality, column in zip(model.inputs["modality"], model.inputs["column"], strict=True):
        own = model.cohort.modalities.get(modality)
        is_there = own is not None and column in own.table
        values.append(own.table[column].iloc[0] if is_there else np.nan)
    return pd.Series(values, dtype=object)


class TrainingRange:
    """The training values of a model's inputs.

    Parameters
    ----------
    model : PatientModel
        Of the patient.
    training : Cohort or None
        The training patients; `None` where their tables are not at hand.
    """

    def __init__(self, model: PatientModel, training: Cohort | None):
        self._model, self._training = model, training
        self._own = own_values(model)
        self._values = None
        if training is not None:
            views = model.fitted.preparation.views(training)
            shown = []
            for name, own in views.own.items():
                shown.append(np.where(views.has[name][:, None], own, np.nan))
            self._values = np.concatenate(shown, axis=1)  # [n, G]

    @property
    def is_known(self) -> bool:
        """Whether the training tables are at hand."""
        return self._values is not None

    def range(self) -> Range:
        """How far each input may be moved: within the training values of its column, of numbers
        that were measured in the patient."""
        is_number = (self._model.inputs["kind"] == "value").to_numpy()
        is_measured = self._own.notna().to_numpy()
        count = len(self._model.values)
        low, high = np.full(count, -FAR), np.full(count, FAR)
        if self._values is not None:
            low, high = np.nanmin(self._values, axis=0), np.nanmax(self._values, axis=0)
        return Range(low, high, is_number & is_measured)

    def in_own_units(self, place: int, moved: float) -> float:
        """An input's value in the units of its table, by a line through the training patients where
        they lie on one, else by interpolation; missing where that does not give the patient's own
        value back."""
        if self._training is None:
            return np.nan
        modality, column = self._model.inputs.loc[place, ["modality", "column"]]
        table = self._training.modalities[modality].table
        shown = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
        known = np.isfinite(shown) & np.isfinite(self._values[:, place])
        scaled, own = self._values[known, place], shown[known]
        if not known.any() or np.ptp(scaled) == 0:
            return np.nan
        in_table = _table_values(scaled, own)
        before = pd.to_numeric(self._own[place], errors="coerce")
        back = in_table(self._model.values[place])
        if not abs(back - before) <= NEAR * np.ptp(own):
            return np.nan
        return float(in_table(moved))


def _table_values(scaled: np.ndarray, own: np.ndarray) -> Callable[[float], float]:
    """The value in a table for a value that models see, from pairs of them."""
    slope, start = np.polyfit(scaled, own, 1)
    if np.abs(start + slope * scaled - own).max() <= NEAR * np.ptp(own):
        return lambda value: start + slope * value
    order = np.argsort(scaled, kind="stable")
    return lambda value: np.interp(value, scaled[order], own[order])
