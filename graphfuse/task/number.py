"""A number for each patient, such as a score or a concentration: regression.

Models learn it in standard deviations from the mean of their training patients (least squares) and
predict it in its own units, with bounds between which 90 % of patients lie where errors are normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from graphfuse.errors import FEW, InputError, few
from graphfuse.statistics.columns import ROUNDING
from graphfuse.statistics.rank_association import correlation_interval, rank_correlation
from graphfuse.task.number_metrics import METRICS, correlation
from graphfuse.task.number_values import NumberValues
from graphfuse.task.number_words import NUMBER_WORDS
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.ranking_interface import Marginal
from graphfuse.task.task import Task
from graphfuse.task.wording import ReportWords

STRATA = 5  # of about as many patients, low to high: every fold gets its share of each
WIDE = 1.6448536269514722  # standard deviations to either side of the mean that hold 90 %
FAR = 3.0  # standard deviations from where training was
_COLUMNS = ("value", "lo", "hi")


@dataclass(frozen=True)
class Number(NumberValues, Task):
    """A number, and the units in which models learn it.

    Parameters
    ----------
    location, scale : float
        Mean and standard deviation of the training patients' values.
    """

    location: float = 0.0
    scale: float = 1.0

    kind = "number"
    metrics = METRICS
    estimator = "regressor"
    baseline = "mean"
    baseline_meaning = "always the training patients' mean"
    sections = ("agreement",)
    report_words = ReportWords(
        listed="a number",
        edge_sign="the interaction moves predictions away from their mean, − towards it",
    )

    # ------------------------------------------------------------------------ who trains, in folds

    @classmethod
    def example(cls, patients: int) -> Outcome:
        """Halves, from below 0 up."""
        return Outcome("y", cls.kind, np.arange(patients) - 3.5)

    def fitted(self, target: Target) -> Number:
        values = target.values[target.known]
        scale = 1.0 if self.lacks_spread(target) else float(values.std())
        return replace(self, location=float(values.mean()), scale=scale)

    @property
    def unfitted(self) -> Number:
        return Number()

    strata_called = ("fifth of the values", "fifths of the values")

    def strata(self, target: Target) -> np.ndarray:
        """Fifths of the known values."""
        fifths = pd.qcut(pd.Series(target.values), STRATA, labels=False, duplicates="drop")
        if fifths.isna().all():  # all values are the same
            fifths = fifths.fillna(0)
        codes = fifths.fillna(-1).astype(int).to_numpy()
        return np.where(target.known, codes, -1)

    def require(self, target: Target, fewest: int, what: str) -> None:
        known = int(target.known.sum())
        lacking = self.lacks_spread(target)
        if lacking:
            raise InputError(f"{what} need labelled patients with different values; {lacking}")
        if known < 2 * fewest:
            raise InputError(
                f"{what}: at least {2 * fewest} labelled patients are needed; {few(known)} are "
                "known. Take fewer folds"
            )

    def lacks_spread(self, target: Target) -> str:
        values = target.values[target.known]
        if len(values) < 2:
            return f"too few labelled patients (n_samples = {len(values)})"
        if np.ptp(values) > ROUNDING * np.abs(values).max():
            return ""
        return "labelled patients with one and the same value only"

    def untrained(self, training: Target, tested: Target) -> list[str]:
        return []

    def relevance(self, table: np.ndarray, target: Target) -> np.ndarray:
        """Squared correlation; 0 where a column does not vary."""
        if self.lacks_spread(target):
            return np.zeros(table.shape[1])
        columns = table[target.known].T  # [F, n]
        y = target.values[target.known]
        ones = np.ones(columns.shape)
        return np.nan_to_num(correlation(columns, ones * y, ones) ** 2)

    # ------------------------------------------------------------------- how linear models learn it

    # Of squares it is 1 in each of the kernel's coordinates; the intercept, which lies across them,
    # bends with them, and both together are bounded by twice as much.
    curvature = 2.0

    @property
    def width(self) -> int:
        return 1

    def coded(self, target: Target) -> np.ndarray:
        """In standard deviations from the mean."""
        coded = np.zeros((len(target.values), 1))
        coded[target.known, 0] = self._standard(target.values[target.known])
        return coded

    def intercepts(self, means: np.ndarray) -> np.ndarray:
        return means

    def residual(self, predictor: np.ndarray, coded: np.ndarray) -> np.ndarray:
        predictor -= coded
        return predictor

    def loss(self, predictor: np.ndarray, coded: np.ndarray) -> tuple[float, np.ndarray]:
        """Half the squared error."""
        residual = predictor - coded
        return (residual**2).sum() / 2, residual

    def mean_loss(self, predictor: np.ndarray, target: Target) -> np.ndarray:
        """Half the mean squared error."""
        values = self._standard(target.values[target.known])
        errors = predictor[:, target.known, 0] - values  # [L, n]
        return (errors**2).mean(1) / 2

    def calibration_at(self, loss: float) -> float:
        """The standard deviation of the errors."""
        return float(np.sqrt(2 * loss))

    # --------------------------------------------------------------------------- how nets learn it

    calibrations = tuple(2 ** (step / 8) for step in range(-48, 9))  # σ of the errors

    def tensors(self, target: Target) -> Target:
        """In standard deviations from the mean; 0 where nothing is known."""
        return super().tensors(target._replace(values=self.coded(target)[:, 0]))

    def net_loss(self, predictor, target: Target):
        """Half the squared error."""
        return (predictor[..., 0] - target.values) ** 2 / 2

    def calibrated_loss(self, predictor, target: Target, calibrations):
        """Negative log-likelihood of errors that are normal, of each standard deviation."""
        loss = self.net_loss(predictor, target).unsqueeze(-2)
        sigma = calibrations[:, None]
        return loss / sigma**2 + sigma.log()

    # ------------------------------------------------------------------------- how trees learn it

    def forest(self, **settings):
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**settings)

    def boosting(self, **settings):
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**settings)

    def for_trees(self, target: Target) -> np.ndarray:
        """In standard deviations from the mean: trees split no node whose variance is below some
        1e-16, whatever the units, and boosting sums single-precision numbers."""
        return self._standard(target.values)

    def trees_output(self, model, x: np.ndarray) -> np.ndarray:
        return self._without_bounds(model.predict(x))

    def out_of_bag(self, model) -> np.ndarray:
        return self._without_bounds(model.oob_prediction_)

    def staged_output(self, model, x: np.ndarray) -> np.ndarray:
        stages = np.stack(list(model.staged_predict(x)))
        return self._without_bounds(stages)

    def trees_loss(self, output: np.ndarray, target: Target) -> np.ndarray:
        """Squared error."""
        return ((output[..., 0] - target.values) ** 2).sum(-1)

    def bounded(self, output: np.ndarray, loss: float) -> np.ndarray:
        return _spread_around(output[..., 0], WIDE * np.sqrt(loss))

    # -------------------------------------------------------------------------- what is predicted

    def output(self, predictor: np.ndarray, calibration: float = 1.0) -> np.ndarray:
        """The value and its bounds."""
        value = self._in_units(predictor[..., 0])
        return _spread_around(value, WIDE * self.scale * calibration)

    def null_output(self, target: Target) -> np.ndarray:
        """The mean, with bounds as wide as these patients vary."""
        values = target.values[target.known]
        spread = self.scale if self.lacks_spread(target) else values.std(ddof=1)
        return _spread_around(values.mean(), WIDE * spread)

    def valid(self, output: np.ndarray) -> np.ndarray:
        """The same value, with bounds on either side of it."""
        value, low, high = np.moveaxis(output, -1, 0)
        low = np.minimum(low, value)
        high = np.maximum(high, value)
        return np.stack([value, low, high], -1)

    def called(self, output: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        return output[:, 0]

    def in_total(self, called: np.ndarray) -> str:
        if len(called) < FEW:
            return f"{few(len(called))} patients predicted"
        return f"{len(called):,} patients predicted ({called.min():.4g} to {called.max():.4g})"

    def table(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """`value`, and the bounds `lo` and `hi`."""
        return dict(zip(_COLUMNS, output.T, strict=True))

    def read_table(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        cells = table[[*_COLUMNS, "truth"]]
        numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(float)
        if not np.isfinite(numbers).all():
            raise ValueError("a value is no number")
        return numbers[:, :3], numbers[:, 3]

    # -------------------------------------------------------------------------- how it is explained

    attribution_words = NUMBER_WORDS

    @property
    def directions(self) -> tuple[str, ...]:
        return ("value",)

    @property
    def own_unit(self) -> float:
        """The outcome's units in a standard deviation."""
        return self.scale

    def moved(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The absolute change of the value, in standard deviations of the outcome."""
        return np.abs(after[:, 0] - before[:, 0]) / self.scale

    def marginal(self, values: np.ndarray, target: Target) -> tuple[Marginal, ...]:
        """Spearman's correlation, and the outcome's change by standard deviation of the column."""
        is_known = target.known
        found = rank_correlation(values[is_known], target.values[is_known])
        blank = Marginal.unknown(len(found.rho))
        low, high = self.marginal_interval(found.rho, found.rows, blank.negatives, blank.choices)
        known = {"association": found.rho, "lo": low, "hi": high, "effect": found.slope}
        return (blank._replace(**known, p=found.p, positives=found.rows),)

    def marginal_interval(self, association, positives, negatives, choices):
        return correlation_interval(association, positives, norm.isf(0.025 / choices))

    def patient_weights(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """By how far a patient's prediction is from the mean prediction; below 0 where it is below.

        Equal weights would cancel what is high in one patient and low in another.
        """
        deviation = predictor - predictor.mean(0)
        total = np.abs(deviation).sum(0)
        equal = np.full(predictor.shape, 1 / len(predictor))
        varies = total > 1e-12 * len(predictor)
        return np.divide(deviation, total, out=equal, where=varies)

    def contrast(self, predictor):
        """The predictor itself."""
        return predictor

    # -------------------------------------------------------------------------- in other cohorts

    model_does = "predicts a number"

    def caveats(self, target: Target) -> list[str]:
        """A caveat where values lie far from those of training, as where units differ."""
        distance = np.median(np.abs(self._standard(target.values)))
        if distance < FAR:
            return []
        median = np.median(target.values)
        return [
            f"half of the values here are {FAR:g} standard deviations or more from the mean of "
            f"training ({median:.4g} is their median, {self.location:.4g} that mean): are they in "
            "the same units?"
        ]

    def on_record(self, target: Target) -> dict[str, dict[str, float]]:
        """`values`: their mean and standard deviation."""
        values = target.values[target.known]
        return {"values": {"mean": float(values.mean()), "sd": float(values.std())}}

    def null_on_record(self, fitted: Mapping[str, object]) -> np.ndarray:
        """The mean of training, which the task knows itself."""
        return self.output(np.zeros((1, self.width)))[0]

    # ------------------------------------------------------------------------------ as it is saved

    def state(self) -> dict:
        return {"kind": self.kind, "units": {"location": self.location, "scale": self.scale}}

    @classmethod
    def restored(cls, classes: tuple[str, ...], units: dict[str, float]) -> Number:
        if classes or set(units) != {"location", "scale"}:
            raise ValueError("number: a location and a scale are needed, and no classes")
        if not np.isfinite(list(units.values())).all() or units["scale"] <= 0:
            raise ValueError("number: location and scale must be numbers, and the scale above 0")
        return cls(**units)

    def _standard(self, values: np.ndarray) -> np.ndarray:
        """Values in the outcome's units, in standard deviations from the mean."""
        return (values - self.location) / self.scale

    def _in_units(self, standard: np.ndarray) -> np.ndarray:
        """Standard deviations from the mean, in the outcome's units."""
        return self.location + self.scale * standard

    def _without_bounds(self, standard: np.ndarray) -> np.ndarray:
        """What trees predict, with bounds at the value until they are known (`bounded`)."""
        return _spread_around(self._in_units(standard), 0.0)


def _spread_around(value: np.ndarray, half: float) -> np.ndarray:
    """The value and its bounds, `[…, 3]`, so far to either side of it."""
    return np.stack([value, value - half, value + half], -1)
