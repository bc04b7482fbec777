"""What every kind of outcome says of itself, so that nobody else needs to ask which kind it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, few
from graphfuse.task.elsewhere import Elsewhere
from graphfuse.task.explained import Explained
from graphfuse.task.given import OfLabels
from graphfuse.task.looked_at import LookedAt
from graphfuse.task.metric import MetricSet
from graphfuse.task.reported import Reported


class Kind(LookedAt, OfLabels, ABC):
    """A kind of outcome, and one outcome of it: how it is read, counted and shown.

    Written once per kind, as a class in a module of this folder. An instance is made for one
    outcome (`of`) and holds what is the outcome's own, such as the names of its classes. A
    `target` is a `task.outcome.Target`, an `outcome` a `task.outcome.Outcome`.
    """

    trains: ClassVar[bool] = False
    unknown: ClassVar[float] = np.nan  # what stands for a value that nobody knows

    # ------------------------------------------------------------------------ from tables to values

    @classmethod
    @abstractmethod
    def lacking(cls, spec) -> str:
        """What the manifest must say of such an outcome and does not; "" where it says all."""

    @classmethod
    @abstractmethod
    def columns_read(cls, spec) -> list[str]:
        """The columns from which the outcome is read."""

    @classmethod
    @abstractmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple:
        """The outcome from these columns, and what is to be told of it.

        Parameters
        ----------
        frame : pd.DataFrame
            A row for each patient of the cohort, blank where the file has none.
        spec : OutcomeSpec
            The manifest's `[outcome.<name>]`.
        name : str
            The outcome's.

        Returns
        -------
        outcome : Outcome
        notices : list of str

        Raises
        ------
        InputError
            Where the columns cannot be read as such an outcome.
        """

    @classmethod
    def from_series(cls, values: pd.Series, patients: pd.Index) -> tuple:
        """The outcome and notices, as of `read`, from a series by patient. Raises `InputError`."""
        raise InputError(
            f"outcome {values.name!r}: one series does not say a {cls.kind} outcome; describe its "
            "files in a manifest"
        )

    @classmethod
    def may_be(cls, column: pd.Series) -> bool:
        """Whether a column that holds an outcome most likely holds one of this kind."""
        return False

    @classmethod
    def named(cls, classes: Sequence[str]) -> Kind:
        """The kind as an outcome with these classes has it; of none, where it knows no classes."""
        return cls()

    @classmethod
    def of(cls, outcome) -> Kind:
        """The kind as this outcome has it."""
        return cls.named(outcome.classes)

    @staticmethod
    def known(values: np.ndarray) -> np.ndarray:
        """bool `[N]`: of whom a value is known."""
        return np.isfinite(values)

    # -------------------------------------------------------------------------- in words and tables

    @abstractmethod
    def counted(self, target) -> str:
        """How many patients have what, for whoever holds the data."""

    @abstractmethod
    def in_words(self, target) -> str:
        """The same for a log, in which no number under five is said."""

    @property
    def in_brief(self) -> str:
        """What the outcome's name is followed by in one line: "of 3 classes"."""
        return f"as a {self.kind}"

    @abstractmethod
    def shown(self, target) -> dict[str, np.ndarray]:
        """What tables of patients show: "" → the values in words or numbers `[N]`, and more columns
        by what is added to the outcome's name."""

    @abstractmethod
    def categories(self, target) -> tuple[np.ndarray, tuple[str, ...]]:
        """Which of a few named categories each patient is in, int `[N]` with -1 for none, and their
        names; no names where there are no categories."""

    @abstractmethod
    def altered(self, target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        """Values `[N]` and events, others at `rows`: what those patients might have had.

        Nothing that is fitted without those patients may change with them (`leak_check`).
        """


class Task(Explained, Elsewhere, Kind):
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
    #: How reports speak of it.
    reported: Reported = Reported()
    #: Whether outputs are probabilities that sum to 1, as fusions of decisions combine them.
    gives_probabilities: ClassVar[bool] = False

    def fitted(self, target) -> Task:
        """The task with the units of these training patients, where it has any."""
        return self

    @property
    def unfitted(self) -> Task:
        """The task without such units."""
        return self

    # ------------------------------------------------------------------------ who trains, in folds

    #: What a stratum is called, and several of them.
    strata_called: ClassVar[tuple[str, str]] = ("class", "classes")

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

    # ------------------------------------------------------------------------------ as it is saved

    @abstractmethod
    def state(self) -> dict:
        """What a saved model says of the task: `classes`, or its `kind` and its `units`."""

    @classmethod
    @abstractmethod
    def restored(cls, classes: tuple[str, ...], units: dict[str, float]) -> Task:
        """The task of a saved model. Raises `ValueError` where these are not as `state` gives
        them."""
