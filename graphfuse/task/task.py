"""The interface of a kind of outcome of which models are trained."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from graphfuse.task.external_interface import External
from graphfuse.task.kind_interface import Kind
from graphfuse.task.linear_interface import LearnedByLinearModels
from graphfuse.task.metric import MetricSet
from graphfuse.task.net_interface import LearnedByNets
from graphfuse.task.prediction_interface import Predicted
from graphfuse.task.ranking_interface import Attributed
from graphfuse.task.tree_interface import LearnedByTrees
from graphfuse.task.wording import ReportWords


class Task(
    LearnedByLinearModels, LearnedByNets, LearnedByTrees, Predicted, Attributed, External, Kind
):
    """A kind of outcome of which models are trained.

    An instance is made for one outcome, and is what models, metrics and reports ask of it.
    `graphfuse.task` says which methods a new kind must define. In their docstrings, a `target` is a
    `task.outcome.Target` of N patients; W is the number of columns of a linear predictor, and O of
    a model's output.
    """

    trains = True
    metrics: ClassVar[MetricSet]  # of its models' outputs
    #: What scikit-learn calls such models: "classifier" or "regressor".
    estimator: ClassVar[str] = "regressor"
    #: The name of the baseline that knows nothing of a patient, and what it predicts, in words.
    baseline: ClassVar[str]
    baseline_meaning: ClassVar[str]
    #: The sections of a report that are its own, by the names of `graphfuse.report.sections`.
    sections: ClassVar[tuple[str, ...]] = ()
    #: What reports call it and its predictions.
    report_words: ReportWords = ReportWords()
    #: Whether outputs are probabilities that sum to 1, as fusions of decisions combine them.
    gives_probabilities: ClassVar[bool] = False
    #: What a stratum is called, and several of them.
    strata_called: ClassVar[tuple[str, str]] = ("stratum", "strata")

    @classmethod
    @abstractmethod
    def example(cls, patients: int):
        """Makes an outcome of this kind, on which a user's own parts are tried.

        Parameters
        ----------
        patients : int
            Of how many patients; it is known of all of them.

        Returns
        -------
        Outcome
        """

    def fitted(self, target) -> Task:
        """The task with the units in which models learn it, where it has any.

        Parameters
        ----------
        target : Target
            Of the training patients.

        Returns
        -------
        Task
        """
        return self

    @property
    def unfitted(self) -> Task:
        """The task without such units."""
        return self

    # ------------------------------------------------------------------------ who trains, in folds

    @abstractmethod
    def strata(self, target) -> np.ndarray:
        """The strata of which every fold gets its share.

        Parameters
        ----------
        target : Target
            Of N patients.

        Returns
        -------
        np.ndarray
            Int `[N]`; -1 where nothing is known.
        """

    @abstractmethod
    def require(self, target, fewest: int, what: str) -> None:
        """Refuses a target of which models cannot be trained.

        Parameters
        ----------
        target : Target
            Of all patients.
        fewest : int
            How many known patients each stratum must have.
        what : str
            What asks for them, to begin the message with.

        Raises
        ------
        InputError
            Where a stratum has fewer, or there is nothing to learn.
        """

    @abstractmethod
    def lacks_spread(self, target) -> str:
        """Says why nothing can be learned of a target.

        Parameters
        ----------
        target : Target
            Of the training patients.

        Returns
        -------
        str
            Such as "labelled patients of one class only"; blank where something can be learned.
        """

    @abstractmethod
    def untrained(self, training, tested) -> list[str]:
        """The names of the classes that are tested and that no training patient has.

        Parameters
        ----------
        training, tested : Target
            Of the training patients, and of those who are tested.

        Returns
        -------
        list of str
            Empty where there are no classes.
        """

    @abstractmethod
    def relevance(self, table: np.ndarray, target) -> np.ndarray:
        """How strongly each column is associated with the target, for the selection of columns.

        Parameters
        ----------
        table : np.ndarray
            `[N, F]`, in which nothing is missing.
        target : Target
            Of the N patients.

        Returns
        -------
        np.ndarray
            Float64 `[F]`, the larger the stronger.
        """

    # ------------------------------------------------------------------------------ as it is saved

    @abstractmethod
    def state(self) -> dict:
        """What a saved model holds of the task.

        Returns
        -------
        dict
            `classes`, or its `kind` and its `units`.
        """

    @classmethod
    @abstractmethod
    def restored(cls, classes: tuple[str, ...], units: dict[str, float]) -> Task:
        """The task of a saved model.

        Parameters
        ----------
        classes : tuple of str
            The names of its classes; empty where it has none.
        units : dict of str to float
            The units in which it was learned.

        Returns
        -------
        Task

        Raises
        ------
        ValueError
            Where these are not as `state` gives them.
        """
