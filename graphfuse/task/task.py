"""What a kind of outcome of which models are trained says of itself: how it is learned by linear
models, nets and trees, predicted, scored and saved."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import pandas as pd

from graphfuse.errors import few
from graphfuse.task.external_interface import External
from graphfuse.task.kind import Kind
from graphfuse.task.metric import MetricSet
from graphfuse.task.ranking_interface import Attributed
from graphfuse.task.wording import ReportWords


class Task(Attributed, External, Kind):
    """A kind of outcome of which models are trained."""

    trains = True
    metrics: ClassVar[MetricSet]  # of what its models put out
    #: What scikit-learn calls such models: "classifier" or "regressor".
    estimator: ClassVar[str] = "regressor"
    #: The baseline that knows nothing of a patient, and what it says, in words.
    baseline: ClassVar[str]
    baseline_meaning: ClassVar[str]
    #: The sections of a report that are its own, by the names of `graphfuse.report.sections`.
    sections: ClassVar[tuple[str, ...]] = ()
    #: What reports call it and what is predicted of it.
    report_words: ReportWords = ReportWords()
    #: Whether outputs are probabilities that sum to 1, as fusions of decisions combine them.
    gives_probabilities: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def example(cls, patients: int):
        """An outcome of this kind over so many patients, known of all of them, on which parts that
        are not the package's own are tried."""

    def fitted(self, target) -> Task:
        """The task with the units of these training patients, where it has any."""
        return self

    @property
    def unfitted(self) -> Task:
        """The task without such units."""
        return self

    # ------------------------------------------------------------------------ who trains, in folds

    #: What a stratum is called, and several of them.
    strata_called: ClassVar[tuple[str, str]] = ("stratum", "strata")

    @abstractmethod
    def strata(self, target) -> np.ndarray:
        """int `[N]`: what every fold should have its share of; -1 where nothing is known."""

    @abstractmethod
    def require(self, target, fewest: int, what: str) -> None:
        """Raises `InputError`, naming `what` asks for it, where there are fewer than `fewest` known
        patients of each stratum, or nothing to learn."""

    @abstractmethod
    def lacks_spread(self, target) -> str:
        """Why nothing can be learned of this target, as "labelled patients of one class only"; ""
        where something can."""

    @abstractmethod
    def untrained(self, training, tested) -> list[str]:
        """The names of what is `tested` and nobody in `training` has."""

    @abstractmethod
    def relevance(self, table: np.ndarray, target) -> np.ndarray:
        """float64 `[F]`: how much each column of `table` `[N, F]`, in which nothing is missing,
        says of the target; the larger, the more."""

    # ------------------------------------------------------------------- how linear models learn it

    #: The most that a patient's loss bends in its linear predictor.
    curvature: ClassVar[float] = 1.0

    @property
    @abstractmethod
    def width(self) -> int:
        """W, numbers of a patient's linear predictor: a logit for each class, or one number."""

    @abstractmethod
    def coded(self, target) -> np.ndarray:
        """float64 `[N, W]`: what the linear predictor's mean is compared with, as 1 at a patient's
        class; zeros where nothing is known."""

    @abstractmethod
    def intercepts(self, means: np.ndarray) -> np.ndarray:
        """Where intercepts start for patients whose `coded` have these means, `[W, …]`."""

    @abstractmethod
    def residual(self, predictor: np.ndarray, coded: np.ndarray) -> np.ndarray:
        """The loss's gradient in the linear predictor `[W, …, n]`, in the same memory; `coded` `[W,
        …, n]`."""

    @abstractmethod
    def loss(self, predictor: np.ndarray, coded: np.ndarray) -> tuple[float, np.ndarray]:
        """The summed loss of patients with a linear predictor `[n, W]`, and its gradient."""

    @abstractmethod
    def mean_loss(self, predictor: np.ndarray, target) -> np.ndarray:
        """The mean loss `[L]` of linear predictors `[L, n, W]`, over patients who are known."""

    def calibration_at(self, loss: float) -> float:
        """The calibration of a regression whose mean loss was this, of patients held out."""
        return 1.0

    # --------------------------------------------------------------------------- how nets learn it

    #: By what a net's predictor may be divided, or how far it may be from the truth; 1 is among
    #: them.
    calibrations: ClassVar[tuple[float, ...]] = (1.0,)

    def tensors(self, target):
        """The target as nets learn it."""
        import torch

        fields = (each if isinstance(each, tuple) else torch.from_numpy(each) for each in target)
        return type(target)(*fields)

    @abstractmethod
    def net_loss(self, predictor, target):
        """Each patient's loss `[…, n]` of a net's linear predictor `[…, n, W]`, as tensors.

        It is any finite number where nothing is known, and asks for no value of a tensor, so that
        `torch.func.vmap` takes it.
        """

    @abstractmethod
    def calibrated_loss(self, predictor, target, calibrations):
        """The same at each of C calibrations, tensor `[C]`: `[…, C, n]`."""

    # ------------------------------------------------------------------------- how trees learn it

    @abstractmethod
    def forest(self, **settings):
        """An unfitted random forest of scikit-learn's."""

    @abstractmethod
    def boosting(self, **settings):
        """An unfitted gradient boosting of scikit-learn's."""

    def for_trees(self, target) -> np.ndarray:
        """`[N]`: the values as trees are fitted on them."""
        return target.values

    @abstractmethod
    def trees_output(self, model, x: np.ndarray) -> np.ndarray:
        """What fitted trees predict `[n, O]` of columns `[n, F]`."""

    @abstractmethod
    def out_of_bag(self, model) -> np.ndarray:
        """What a forest predicts `[n, O]` of the patients it was fitted on, each by the trees that
        never saw it."""

    @abstractmethod
    def staged_output(self, model, x: np.ndarray) -> np.ndarray:
        """What boosting predicts after each tree, `[S, n, O]`."""

    @abstractmethod
    def trees_loss(self, output: np.ndarray, target) -> np.ndarray:
        """The summed loss `[…]` of outputs `[…, n, O]`; trees may be too sure of themselves."""

    def bounded(self, output: np.ndarray, loss: float) -> np.ndarray:
        """Outputs of trees, with the bounds of one whose mean loss was this, of patients held
        out."""
        return output

    # -------------------------------------------------------------------------- what is predicted

    @abstractmethod
    def output(self, predictor: np.ndarray, calibration: float = 1.0) -> np.ndarray:
        """What is predicted, `[…, O]`, by a linear predictor `[…, W]`: probabilities, or a number
        with its bounds."""

    @abstractmethod
    def null_output(self, target) -> np.ndarray:
        """`[O]`: what is predicted by who knows nothing of a patient but the training patients'
        target."""

    @abstractmethod
    def valid(self, output: np.ndarray) -> np.ndarray:
        """Sums and differences of outputs, `[…, O]`, as the nearest outputs that there are."""

    @abstractmethod
    def called(self, output: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """`[N]`: the one value that a model's output `[N, O]` stands for; `classes`: what is said
        for the names of its classes."""

    def in_total(self, called: np.ndarray) -> str:
        """Of how many patients what is predicted, `[N]` as of `called`, without a number under
        five."""
        return f"{few(len(called))} patients predicted"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `table`."""
        return tuple(self.table(self.output(np.zeros((1, self.width)))))

    @abstractmethod
    def table(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """The output `[N, O]` in the columns of a table of predictions, without their truth."""

    @abstractmethod
    def read_table(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """What such columns say, as numbers or as text: the output `[N, O]`, and the values `[N]`
        of its column `truth`. Raises `ValueError` where they say nothing that there is."""

    # ------------------------------------------------------------------------------ as it is saved

    @abstractmethod
    def state(self) -> dict:
        """What a saved model says of the task: `classes`, or its `kind` and its `units`."""

    @classmethod
    @abstractmethod
    def restored(cls, classes: tuple[str, ...], units: dict[str, float]) -> Task:
        """The task of a saved model. Raises `ValueError` where these are not as `state` gives
        them."""
