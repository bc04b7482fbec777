"""Standardised columns of patients, as linear starts, layers and nets are given them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Views:
    """Standardised columns of N patients.

    Attributes
    ----------
    own : dict of str to np.ndarray
        Modality → standardised columns `[N, F]`.
    x_smoothed : dict of str to np.ndarray
        Modality → mean over each column's gene-network neighbours `[N, F]`, for the modalities
        whose encoder reads it.
    present : np.ndarray
        bool `[N, M]`: which patient has which modality.
    patients : pd.Index
        Ids of the patients.
    """

    own: dict[str, np.ndarray]
    x_smoothed: dict[str, np.ndarray]
    present: np.ndarray
    patients: pd.Index

    def only(self, modalities: tuple[str, ...]) -> Views:
        """The views of some modalities."""
        order = list(self.own)
        columns = [order.index(m) for m in modalities]
        own = {m: self.own[m] for m in modalities}
        x_smoothed = {m: v for m, v in self.x_smoothed.items() if m in modalities}
        return Views(own, x_smoothed, self.present[:, columns], self.patients)

    def take(self, rows: np.ndarray) -> Views:
        """The views of some patients."""
        own = {m: columns[rows] for m, columns in self.own.items()}
        x_smoothed = {m: columns[rows] for m, columns in self.x_smoothed.items()}
        return Views(own, x_smoothed, self.present[rows], self.patients[rows])

    @property
    def has(self) -> dict[str, np.ndarray]:
        """Modality → bool `[N]`: who has it."""
        return dict(zip(self.own, self.present.T, strict=True))

    def variation(self) -> dict[str, int]:
        """Modality → how many of its columns vary among those who have it."""
        has = self.has
        return {name: _varying(own[has[name]]) for name, own in self.own.items()}


def _varying(columns: np.ndarray) -> int:
    """How many columns of `[n, F]` hold more than one value."""
    varies = (columns != columns[:1]).any(axis=0)
    return int(np.count_nonzero(varies))
