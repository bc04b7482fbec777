"""What rankings ask of a task: directions of attributions, and how a column goes with the outcome
without any model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from graphfuse.task.wording import AttributionWords


class Marginal(NamedTuple):
    """How each of F columns goes with the outcome by itself; NaN where that cannot be computed.

    Attributes
    ----------
    association : np.ndarray
        `[F]`: such as the AUROC of a class against the rest, or a correlation.
    lo, hi : np.ndarray
        `[F]`: its 95 % interval.
    effect : np.ndarray
        `[F]`: the size of the effect, above 0 where higher values go with the direction.
    difference : np.ndarray
        `[F]`: mean of the direction, such as a class, less mean of all others, in the column's own
        unit; NaN where directions are no groups of patients.
    p : np.ndarray
        `[F]`: of the test that the column has nothing to do with the outcome.
    direction : np.ndarray
        int `[F]`: the direction, such as the class, that association and effect are of.
    positives, negatives : np.ndarray
        `[F]`: how many patients with a value are of that direction, and how many are not; of a
        number, how many have a value, and 0.
    choices : np.ndarray
        `[F]`: of how many directions it was chosen, which the interval allows for.
    """

    association: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    effect: np.ndarray
    difference: np.ndarray
    p: np.ndarray
    direction: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    choices: np.ndarray

    @classmethod
    def unknown(cls, columns: int) -> Marginal:
        """Of so many columns, of which nothing is known."""
        nothing = np.full(columns, np.nan)
        nowhere = np.zeros(columns, dtype=int)
        sizes = nowhere, nowhere, np.ones(columns, dtype=int)
        return cls(nothing, nothing, nothing, nothing, nothing, nothing, nowhere, *sizes)


class Attributed(ABC):
    """A task whose models are explained, direction by direction."""

    #: What rankings say of attributions.
    attribution_words: ClassVar[AttributionWords]

    @property
    @abstractmethod
    def directions(self) -> tuple[str, ...]:
        """The names `[W]` of what the numbers of a predictor stand for, such as the classes."""

    @property
    def ranked_apart(self) -> tuple[str, ...]:
        """The directions in which items are also ranked one by one; none where there is one."""
        return self.directions if self.width > 1 else ()

    @property
    def sign_of(self) -> int | None:
        """The direction whose signs rankings show; `None` for that in which an item matters
        most."""
        return None

    @property
    def own_unit(self) -> float:
        """By what the attributions of one patient are multiplied to be in the outcome's own unit;
        1 where it has none."""
        return 1.0

    def direction_called(self, output: np.ndarray) -> np.ndarray:
        """The direction that each output stands for, such as the most probable class.

        Parameters
        ----------
        output : np.ndarray
            `[N, O]`.

        Returns
        -------
        np.ndarray
            Int `[N]`.
        """
        return np.zeros(len(output), int)

    def moved(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """How far predictions moved when their inputs were changed.

        Parameters
        ----------
        before, after : np.ndarray
            Outputs `[N, O]` of the same patients.

        Returns
        -------
        np.ndarray
            `[N]`; 0 where nothing moved. By default the mean absolute change.
        """
        return np.abs(after - before).mean(1)

    def reassigned(self, values: np.ndarray, utility: np.ndarray) -> np.ndarray:
        """The same outcomes, dealt anew to N patients by how much each inclines to each direction.

        Parameters
        ----------
        values : np.ndarray
            `[N]`: known outcomes.
        utility : np.ndarray
            `[N, W]`, in `directions`.

        Returns
        -------
        np.ndarray
            `[N]`: `values` in another order. By default the largest go to the largest utilities in
            the first direction.
        """
        dealt = np.empty_like(values)
        dealt[np.argsort(utility[:, 0], kind="stable")] = np.sort(values)
        return dealt

    def marginal(self, values: np.ndarray, target) -> tuple[Marginal, ...]:
        """How each column goes with the outcome by itself.

        Parameters
        ----------
        values : np.ndarray
            float `[N, F]`, NaN where missing.
        target : Target
            Of the N patients.

        Returns
        -------
        tuple of Marginal
            The first of the direction with the strongest association, column by column; then one
            for each direction of `ranked_apart`. By default nothing is known.
        """
        unknown = Marginal.unknown(values.shape[1])
        return (unknown,) * (1 + len(self.ranked_apart))

    def marginal_interval(
        self,
        association: np.ndarray,
        positives: np.ndarray,
        negatives: np.ndarray,
        choices: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The 95 % interval of associations, each the strongest of several.

        Parameters
        ----------
        association, positives, negatives, choices : np.ndarray
            `[F]`, as of `Marginal`.

        Returns
        -------
        low, high : np.ndarray
            `[F]`: wide enough for all from which each was chosen (Bonferroni). By default nothing
            is known.
        """
        unknown = np.full(len(association), np.nan)
        return unknown, unknown

    @abstractmethod
    def patient_weights(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """How much each patient counts in the explanation of each direction.

        Parameters
        ----------
        predictor : np.ndarray
            `[N, W]`.
        calibration : float
            The net's, as `output` takes it.

        Returns
        -------
        np.ndarray
            `[N, W]`: below 0 for patients who show the opposite of a direction; absolute values sum
            to 1 in each column.
        """

    @abstractmethod
    def contrast(self, predictor):
        """The part of a predictor that attributions explain: what differs between directions.

        Parameters
        ----------
        predictor : np.ndarray or torch.Tensor
            `[…, W]`.

        Returns
        -------
        np.ndarray or torch.Tensor
            `[…, W]`, linear in the predictor.
        """
