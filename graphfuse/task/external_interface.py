"""What scores on a cohort that the model never saw ask of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from graphfuse.errors import InputError


class External(ABC):
    """The task of a trained model, as its model is scored on another cohort."""

    kind: ClassVar[str] = ""
    #: What models of it do, after "the model".
    model_does: ClassVar[str] = "predicts something else"

    def matched(self, outcome, cohort: str):
        """The outcome of another cohort, as a target of this task.

        Parameters
        ----------
        outcome : Outcome
            The cohort's own; its classes may be others, or stand in another order.
        cohort : str
            Its name, for messages.

        Returns
        -------
        Target

        Raises
        ------
        InputError
            For an outcome of another kind, or of values that the model was not trained on.
        """
        if outcome.kind != self.kind:
            raise InputError(
                f"outcome {outcome.name!r} is of kind {outcome.kind!r}; the model {self.model_does}"
            )
        return outcome.target

    def caveats(self, target) -> list[str]:
        """Caveats that belong beside the scores.

        Parameters
        ----------
        target : Target
            Of the patients who are scored, all of them known.

        Returns
        -------
        list of str
        """
        return []

    def on_record(self, target) -> dict[str, object]:
        """What a run's record keeps of the outcomes of its patients.

        Parameters
        ----------
        target : Target

        Returns
        -------
        dict
            Key → what JSON can hold.
        """
        return {}

    def in_protocol(self, target) -> dict[str, object]:
        """What `metrics.json` keeps of how the outcomes of the scored patients are distributed.

        Parameters
        ----------
        target : Target

        Returns
        -------
        dict
            Key → what JSON can hold.
        """
        return {}

    @abstractmethod
    def null_on_record(self, fitted: Mapping[str, object]) -> np.ndarray | None:
        """The prediction of a baseline that knows the training outcomes only, from the record.

        Parameters
        ----------
        fitted : mapping
            What `run.json` keeps of the training patients; empty where there is no run.

        Returns
        -------
        np.ndarray or None
            `[O]`, as `null_output` was in training; None where the record does not say.
        """
