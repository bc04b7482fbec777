"""Detects whether new patients' tables are on the scale and of the platform of the training data.

Two statistics of the standardised columns of a batch of patients are computed:

- *residual*: S = log(median residual of the batch / median residual of training patients), where a
  patient's residual is the mean square that the leading training components leave unexplained
  (Jackson & Mudholkar 1979, doi:10.1080/00401706.1979.10489779). Another scale, another platform
  and exchanged columns all leave more of a profile unexplained; a shift of the prevalence or of a
  known factor does not.
- *displacement*: the median over columns of the distance between the batch's median and that of the
  training patients, in their standard deviations. It detects constants added to every column.

Both are compared with fixed bounds, or with the range of batches of training patients of that size
where it is wider; training patients' own residuals are computed out of fold. The bounds are
measured by `tests/benchmarks/shift.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from graphfuse.statistics.principal_axes import principal_axes

COMPONENTS = 30  # at most; fewer for a quarter of the patients or columns
FEWEST_PATIENTS = 12  # training patients below which nothing can be compared
FEWEST_COLUMNS = 10  # below which only a gross shift is warned of, and none is refused
MOST_PATIENTS = 1000  # training patients from whom the components are computed
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
    """The comparison of a batch of `patients` with training: `residual` (S) and `displacement`, and
    whether they are beyond the bounds for a warning (`warned`) or a refusal (`refused`)."""

    patients: int
    residual: float
    displacement: float
    warned: bool
    refused: bool


@dataclass(frozen=True, eq=False)
class ShiftReference:
    """Statistics of the training patients of one modality, with which new ones are compared.

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
            None where there are too few patients or columns for a comparison.
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
        residuals = _log(_out_of_fold_residuals(columns, filled, count))
        quantiles = np.quantile(residuals, np.linspace(0, 1, 101))
        is_empty = np.isnan(columns).all(axis=0)
        medians = np.nanmedian(np.where(is_empty, 0.0, columns), axis=0)
        return cls(_leading(filled, count), quantiles, medians, varying)

    @property
    def is_narrow(self) -> bool:
        """Whether there are too few columns to refuse a batch."""
        return int(self.varying.sum()) < FEWEST_COLUMNS

    def compare(self, columns: np.ndarray) -> Shift | None:
        """Compares new patients, as a batch, with the training patients.

        Parameters
        ----------
        columns : array `[N, F]`
            Standardised columns, NaN where a value is missing.

        Returns
        -------
        Shift or None
            None where no patient has a value.
        """
        columns = columns[~np.isnan(columns).all(axis=1)]
        if not len(columns):
            return None
        share_missing = np.isnan(columns).mean(axis=0)
        is_used = self.varying & (share_missing < 0.5)
        if not np.any(is_used):
            return None
        columns, components = columns[:, is_used], self.components[is_used]
        if not is_used[self.varying].all():
            components, _ = np.linalg.qr(components)
        residuals = _residuals(columns, np.nan_to_num(columns), components)
        residual = float(_log(np.median(residuals)) - self.residuals[50])
        displacements = np.abs(np.nanmedian(columns, axis=0) - self.medians[is_used])
        return self._judged(len(columns), residual, float(np.median(displacements)))

    def _judged(self, patients: int, residual: float, displacement: float) -> Shift:
        """Compares the two statistics with their bounds for a batch of this size."""
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
        """The range of S for batches of this many training patients, widened by a quarter: from the
        distribution of a median of draws from their residuals."""
        half = (patients + 1) / 2
        at = beta.ppf([CHANCE, 1 - CHANCE], half, half)
        quantiles = np.interp(at, np.linspace(0, 1, 101), self.residuals)
        low, high = quantiles - self.residuals[50]
        return 1.25 * float(low), 1.25 * float(high)

    def far_out(self, columns: np.ndarray) -> np.ndarray:
        """Rows whose residual is far beyond that of every training patient, each by itself.

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
        bound = self.residuals[-1] + np.log(FAR_OUT)
        far_out = np.zeros(len(columns), dtype=bool)
        far_out[known] = _log(residuals) > bound
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
        """Restores the reference from `state`'s arrays."""
        varying = arrays["varying"].astype(bool)
        return cls(arrays["components"], arrays["residuals"], arrays["medians"], varying)


def _log(residuals):
    """Logarithms, finite where a residual is 0."""
    return np.log(np.maximum(residuals, np.finfo(float).tiny))


def _leading(filled: np.ndarray, count: int) -> np.ndarray:
    """The `count` leading right singular vectors `[F, k]`; none where `count` is 0."""
    return principal_axes(filled, count, 1e-10) if count else np.zeros((filled.shape[1], 0))


def _residuals(columns: np.ndarray, filled: np.ndarray, components: np.ndarray) -> np.ndarray:
    """float64 `[N]`: the mean square of each row that the components leave unexplained, over its
    known columns."""
    scores = filled @ components
    missing = np.isnan(columns)
    if not missing.any():
        unexplained = (filled**2).sum(axis=1) - (scores**2).sum(axis=1)
        return np.maximum(unexplained, 0) / filled.shape[1]
    rest = np.where(missing, 0.0, filled - scores @ components.T)
    known = (~missing).sum(axis=1)
    return (rest**2).sum(axis=1) / np.maximum(known, 1)


def _out_of_fold_residuals(columns: np.ndarray, filled: np.ndarray, count: int) -> np.ndarray:
    """Every training patient's residual by the components, and on the scale, of the other folds.

    Columns keep their size: they need not be of unit variance, as those divided by their range."""
    fold = np.random.default_rng(0).permutation(len(filled)) % FOLDS
    size = filled.std(axis=0)
    residuals = np.zeros(len(filled))
    for number in range(FOLDS):
        is_test = fold == number
        training = filled[~is_test]
        mean = training.mean(axis=0)
        spread = training.std(axis=0)
        varies = spread > 0
        factor = np.where(varies, size / np.where(varies, spread, 1), 0.0)
        scaled = (training - mean) * factor
        components = _leading(scaled, min(count, len(training) // 4))
        rows = (columns[is_test] - mean) * factor
        residuals[is_test] = _residuals(rows, np.nan_to_num(rows), components)
    return residuals
