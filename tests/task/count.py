"""A kind of outcome that the package does not have, whole and from nothing: a count, as of visits.

Models learn log(1 + count) by least squares, which no number of patients fits beyond what is
known, and predict one number, without bounds. A test puts this file beside `classes.py`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, few
from graphfuse.task.metric import Metric, MetricSet
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.task import Task
from graphfuse.task.wording import AttributionWords
from graphfuse.text.parse_numbers import plain_numbers


def _log_error(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ np.abs(np.log1p(y) - np.log1p(output[:, 0])) / weights.sum(1)


def _within_one(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ (np.abs(y - output[:, 0]) <= 1) / weights.sum(1)


METRICS = MetricSet(
    "count",
    (
        Metric(
            "log_error", "log error", "mean error of log(1 + count)", _log_error, chance=np.nan,
            bounds=(0.0, np.inf), lower_is_better=True, percent=False, compared=True,
            compared_outside=True,
        ),
        Metric(
            "within_one", "within one", "share of counts missed by one at most", _within_one,
            chance=np.nan, by_group=True,
        ),
    ),
    primary="log_error",
    secondary="within_one",
    headline_of=lambda width: "log_error",
    headline_rule="the log error",
)  # fmt: skip


@dataclass(frozen=True)
class Count(Task):
    kind = "count"
    metrics = METRICS
    baseline = "usual"
    baseline_meaning = "always the usual count"

    # ------------------------------------------------------------------------ how it is read, shown

    @classmethod
    def lacking(cls, spec) -> str:
        return "" if spec.column else "a count outcome needs column"

    @classmethod
    def columns_read(cls, spec) -> list[str]:
        return [spec.column]

    @classmethod
    def read(cls, frame, spec, name) -> tuple:
        return cls.from_series(frame[spec.column].rename(name), frame.index)

    @classmethod
    def from_series(cls, values, patients) -> tuple:
        counts = plain_numbers(values.reindex(patients)).to_numpy()
        if (counts < 0).any():
            raise InputError(f"outcome {values.name!r}: a count is below 0; correct it")
        return Outcome(str(values.name), cls.kind, counts), []

    def counted(self, target) -> str:
        return f"{int(target.known.sum())} counts"

    def in_words(self, target) -> str:
        return f"{few(target.known.sum())} counts"

    def shown(self, target) -> dict:
        return {"": target.values}

    def categories(self, target) -> tuple:
        return np.where(target.known, target.values > 0, -1).astype(int), ("none", "some")

    def altered(self, target, rows, rng) -> tuple:
        values = target.values.copy()
        values[rows] = rng.integers(50, 100, len(rows))
        return values, None

    # ------------------------------------------------------------------------ who trains, in folds

    @classmethod
    def example(cls, patients):
        return Outcome("visits", cls.kind, np.arange(patients) % 7.0)

    def strata(self, target) -> np.ndarray:
        return self.categories(target)[0]

    def require(self, target, fewest, what) -> None:
        if self.lacks_spread(target) or target.known.sum() < 2 * fewest:
            raise InputError(f"{what} need more patients, and counts that differ")

    def lacks_spread(self, target) -> str:
        differ = len(np.unique(target.values[target.known])) > 1
        return "" if differ else "labelled patients of one count only"

    def untrained(self, training, tested) -> list[str]:
        return []

    def relevance(self, table, target) -> np.ndarray:
        logs = self.coded(target)[target.known, 0]
        spread = table[target.known] - table[target.known].mean(0)
        size = np.maximum((spread**2).sum(0), 1e-12)
        return ((logs - logs.mean()) @ spread) ** 2 / size

    # --------------------------------------------------------------------------- how it is learned

    width = 1

    def coded(self, target) -> np.ndarray:
        return np.log1p(np.where(target.known, target.values, 0.0))[:, None]

    def intercepts(self, means) -> np.ndarray:
        return means

    curvature = 2.0

    def residual(self, predictor, coded) -> np.ndarray:
        predictor -= coded
        return predictor

    def loss(self, predictor, coded) -> tuple:
        residual = predictor - coded
        return (residual**2).sum() / 2, residual

    def mean_loss(self, predictor, target) -> np.ndarray:
        apart = predictor[:, target.known, 0] - self.coded(target)[target.known, 0]
        return (apart**2).mean(1) / 2

    def tensors(self, target):
        return super().tensors(target._replace(values=self.coded(target)[:, 0]))

    def net_loss(self, predictor, target: Target):
        return (predictor[..., 0] - target.values) ** 2 / 2

    def calibrated_loss(self, predictor, target, calibrations):
        return self.net_loss(predictor, target).unsqueeze(-2) + 0 * calibrations[:, None]

    def forest(self, **settings):
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**settings)

    def boosting(self, **settings):
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**settings)

    def trees_output(self, model, x) -> np.ndarray:
        return self.valid(model.predict(x)[:, None])

    def out_of_bag(self, model) -> np.ndarray:
        return self.valid(model.oob_prediction_[:, None])

    def staged_output(self, model, x) -> np.ndarray:
        return self.valid(np.stack(list(model.staged_predict(x)))[..., None])

    def trees_loss(self, output, target) -> np.ndarray:
        return ((np.log1p(output[..., 0]) - np.log1p(target.values)) ** 2).sum(-1)

    # ------------------------------------------------------------------- what is predicted, and why

    def output(self, predictor, calibration=1.0) -> np.ndarray:
        return self.valid(np.expm1(predictor))

    def null_output(self, target) -> np.ndarray:
        return np.expm1(self.coded(target)[target.known].mean(0))

    def valid(self, output) -> np.ndarray:
        return np.maximum(output, 0.0)

    def called(self, output, classes=None) -> np.ndarray:
        return output[:, 0]

    def table(self, output) -> dict:
        return {"count": output[:, 0]}

    def read_table(self, table) -> tuple:
        said = table[["count", "truth"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        if not (said >= 0).all():
            raise ValueError("a count is no number of 0 or more")
        return said[:, :1], said[:, 1]

    attribution_words = AttributionWords(
        of="the logarithm of the count",
        outputs="logarithms of counts",
        score="mean of what the item adds to the logarithm",
        sign="+ a higher value raises the predicted count",
        by_direction="empty: a count has one direction",
        neighbours="what each neighbour adds to the logarithm",
    )
    directions = ("count",)

    def patient_weights(self, predictor, calibration) -> np.ndarray:
        apart = predictor - predictor.mean(0)
        return apart / np.abs(apart).sum(0)

    def contrast(self, predictor):
        return predictor

    # ------------------------------------------------------------- of another cohort, and as saved

    def null_on_record(self, fitted) -> None:
        return None

    def state(self) -> dict:
        return {"kind": self.kind, "units": {}}

    @classmethod
    def restored(cls, classes, units):
        if classes or units:
            raise ValueError("count: no classes and no units are needed")
        return cls()
