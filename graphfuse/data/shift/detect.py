"""Whether new patients' tables are on the scale, and of the platform, that a model was trained on.

Two statistics are taken of the standardised columns of a batch of patients:

- *residual*: S = log(median residual of the batch / median residual of training patients), where a
  patient's residual is the mean square of what the leading training components leave unexplained
  (Jackson & Mudholkar 1979, doi:10.1080/00401706.1979.10489779). Another scale, another platform
  and exchanged columns all leave more of a profile unexplained; a shift of the prevalence or of a
  known factor does not.
- *displacement*: the median over columns of how far the batch's median lies from that of the
  training patients, in their standard deviations: what adds a constant to every column.

Both are compared with fixed bounds, or with what batches of training patients of that size show
where that is more; training patients' own residuals are taken out of fold. The bounds are measured
by `tests/benchmarks/shift.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from graphfuse.statistics.principal_axes import principal_axes

COMPONENTS = 30  # at most; fewer for a quarter of the patients or columns
FEWEST_PATIENTS = 12  # training patients below which nothing can be compared
FEWEST_COLUMNS = 10  # below which only a gross shift is told, and none is refused
MOST_PATIENTS = 1000  # training patients that the components are found from
FOLDS = 5

WARN_ABOVE = np.log(2)  # of S
WARN_BELOW = -np.log(2.5)  # whole hospitals are that much less diverse
REFUSE = 1.5
DISPLACED = 0.45  # training standard deviations, beside the noise of a median
DISPLACED_FAR = 2.0
CHANCE = 0.001  # of a batch of training patients beyond its own bound, on either side
FAR_OUT = 3.0  # times the largest training residual: a row to be flagged


@dataclass(frozen=True)
class Shift:
    """How a batch of `patients` compares: `residual` (S) and `displacement`, each with the bounds
    that are told (`warned`) and refused (`refused`)."""

    patients: int
    residual: float
    displacement: float
    warned: bool
    refused: bool


@dataclass(frozen=True, eq=False)
class ShiftReference:
    """What the training patients of one modality leave behind to compare new ones with.

    Parameters
    ----------
    components : array, float64 `[F, k]`
        Leading directions of the standardised columns.
    residuals : array, float64 `[101]`
        Quantiles of the logarithms of training patients' residuals, taken out of fold.
    medians : array, float64 `[F]`
        Of the standardised columns.
    varying : array, bool `[F]`
        Columns that are not constant among training patients.
    """

    components: np.ndarray
    residuals: np.ndarray
    medians: np.ndarray
    varying: np.ndarray

    @classmethod
    def fit(cls, columns: np.ndarray) -> ShiftReference | None:
        """The reference of training patients.

        Parameters
        ----------
        columns : array `[n, F]`
            Standardised columns, NaN where a value is missing.

        Returns
        -------
        ShiftReference or None
            None where there are too few patients or columns to compare anything with.
        """
        columns = columns[~np.isnan(columns).all(axis=1)]
        if len(columns) > MOST_PATIENTS:
            chosen = np.random.default_rng(0).choice(len(columns), MOST_PATIENTS, replace=False)
            columns = columns[np.sort(chosen)]
        filled = np.nan_to_num(columns)
        varying = filled.any(axis=0)
        if len(columns) < FEWEST_PATIENTS or not varying.any():
            return None
        count = min(COMPONENTS, len(columns) // 4, int(varying.sum()) // 4)
        held_out = _log(_held_out_residuals(columns, filled, count))
        quantiles = np.quantile(held_out, np.linspace(0, 1, 101))
        is_empty = np.isnan(columns).all(axis=0)
        medians = np.nanmedian(np.where(is_empty, 0.0, columns), axis=0)
        return cls(_leading(filled, count), quantiles, medians, varying)

    @property
    def is_narrow(self) -> bool:
        """Whether there are too few columns to refuse anything by."""
        return int(self.varying.sum()) < FEWEST_COLUMNS

    def compare(self, columns: np.ndarray) -> Shift | None:
        """How new patients compare, as a batch.

        Parameters
        ----------
        columns : array `[N, F]`
            Standardised columns, NaN where a value is missing.

        Returns
        -------
        Shift or None
            None where nobody has a value.
        """
        columns = columns[~np.isnan(columns).all(axis=1)]
        if not len(columns):
            return None
        there = self.varying & (np.isnan(columns).mean(axis=0) < 0.5)
        if not np.any(there):
            return None
        columns, components = columns[:, there], self.components[there]
        if not there[self.varying].all():
            components, _ = np.linalg.qr(components)
        residuals = _residuals(columns, np.nan_to_num(columns), components)
        residual = float(_log(np.median(residuals)) - self.residuals[50])
        displaced = np.abs(np.nanmedian(columns, axis=0) - self.medians[there])
        return self._judged(len(columns), residual, float(np.median(displaced)))

    def _judged(self, patients: int, residual: float, displacement: float) -> Shift:
        """The two statistics against their bounds for a batch of this size."""
        low, high = self.chance(patients)
        above, below = max(WARN_ABOVE, high), min(WARN_BELOW, low)
        far_above = max(REFUSE, above + WARN_ABOVE)
        far_below = min(-REFUSE, below - WARN_ABOVE)
        noise = 1.1 / np.sqrt(patients)
        near, far = DISPLACED + noise, DISPLACED_FAR + noise
        gross = residual > far_above or residual < far_below or displacement > far
        if self.is_narrow:
            return Shift(patients, residual, displacement, gross, False)
        warned = residual > above or residual < below or displacement > near
        return Shift(patients, residual, displacement, warned, gross)

    def chance(self, patients: int) -> tuple[float, float]:
        """The range of S for batches of so many training patients, with a quarter to spare: from
        the distribution of a median of draws from their residuals."""
        half = (patients + 1) / 2
        at = beta.ppf([CHANCE, 1 - CHANCE], half, half)
        quantiles = np.interp(at, np.linspace(0, 1, 101), self.residuals)
        low, high = quantiles - self.residuals[50]
        return 1.25 * float(low), 1.25 * float(high)

    def far_out(self, columns: np.ndarray) -> np.ndarray:
        """Rows whose residual lies far beyond that of every training patient, each judged by
        itself.

        Parameters
        ----------
        columns : array `[N, F]`
            Standardised columns, NaN where a value is missing.

        Returns
        -------
        bool array `[N]`
        """
        columns = np.where(self.varying, columns, np.nan)
        known = ~np.isnan(columns).all(axis=1)
        rows = columns[known]
        residuals = _residuals(rows, np.nan_to_num(rows), self.components)
        far_out = np.zeros(len(columns), dtype=bool)
        far_out[known] = _log(residuals) > self.residuals[-1] + np.log(FAR_OUT)
        return far_out

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `from_state` rebuilds the reference."""
        return {
            "components": self.components,
            "residuals": self.residuals,
            "medians": self.medians,
            "varying": self.varying.astype(np.uint8),
        }

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray]) -> ShiftReference:
        """The reference of `state`'s arrays."""
        varying = arrays["varying"].astype(bool)
        return cls(arrays["components"], arrays["residuals"], arrays["medians"], varying)


def _log(residuals):
    """Logarithms, finite where a residual is 0."""
    return np.log(np.maximum(residuals, np.finfo(float).tiny))


def _leading(filled: np.ndarray, count: int) -> np.ndarray:
    """The `count` leading right singular vectors `[F, k]`; none where `count` is 0."""
    return principal_axes(filled, count, 1e-10) if count else np.zeros((filled.shape[1], 0))


def _residuals(columns: np.ndarray, filled: np.ndarray, components: np.ndarray) -> np.ndarray:
    """float64 `[N]`: the mean square of what the components leave of each row, over the columns
    that it has."""
    scores = filled @ components
    missing = np.isnan(columns)
    if not missing.any():
        left = (filled**2).sum(axis=1) - (scores**2).sum(axis=1)
        return np.maximum(left, 0) / filled.shape[1]
    left = np.where(missing, 0.0, filled - scores @ components.T)
    return (left**2).sum(axis=1) / np.maximum((~missing).sum(axis=1), 1)


def _held_out_residuals(columns: np.ndarray, filled: np.ndarray, count: int) -> np.ndarray:
    """Every training patient's residual by the components, and on the scale, of the others.

    Columns keep their size: they need not be of unit variance, as those divided by their range."""
    fold = np.random.default_rng(0).permutation(len(filled)) % FOLDS
    size = filled.std(axis=0)
    residuals = np.zeros(len(filled))
    for number in range(FOLDS):
        held, rest = fold == number, fold != number
        mean = filled[rest].mean(axis=0)
        spread = filled[rest].std(axis=0)
        varies = spread > 0
        factor = np.where(varies, size / np.where(varies, spread, 1), 0.0)
        scaled = (filled[rest] - mean) * factor
        components = _leading(scaled, min(count, rest.sum() // 4))
        rows = (columns[held] - mean) * factor
        residuals[held] = _residuals(rows, np.nan_to_num(rows), components)
    return residuals
