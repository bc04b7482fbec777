"""How strong planted outcomes must be to be predicted as well as the real one.

How well is measured alike for both: by how much of an outcome a ridge regression explains on
held-out patients. That has no winner's curse, as the effects of first-ranked columns have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.recovery.held_out_ridge import Explained, HeldOutRidge
from graphfuse.explain.recovery.planted_outcomes import Drawn, PlantedOutcomes
from graphfuse.task.outcome import Outcome

SHUFFLES = 99  # outcomes that no column tells, with which the real one is compared
HALVINGS = 10


class RidgeOnFolds:
    """A ridge regression on all columns in the folds of one repeat, for outcomes of a cohort.

    Parameters
    ----------
    made : PlantedOutcomes
        The columns.
    folds : sequence of Replica
        The fold models of one repeat; what they predict has no part in this.
    outcome : Outcome
        The real one: it says of whom outcomes are known.
    """

    def __init__(self, made: PlantedOutcomes, folds: Sequence[Replica], outcome: Outcome):
        self._made, self._real = made, outcome
        self._known = np.flatnonzero(outcome.known)
        place = np.full(len(outcome.known), -1)
        place[self._known] = np.arange(len(self._known))
        splits = []
        for fold in folds:
            train, tested = place[fold.train], place[fold.tested]
            splits.append((train[train >= 0], tested[tested >= 0]))
        self._ridge = HeldOutRidge(made.values[self._known], splits)

    def explained(self, outcome: Outcome) -> Explained:
        """How much of an outcome is explained on held-out patients."""
        own = outcome.take(self._known)
        task = own.task.fitted(own.target)
        return self._ridge.explained(task.coded(own.target))

    def p_value(self) -> float:
        """The chance that as much would be explained of an outcome that no column tells."""
        real = self.explained(self._real).share
        as_much = 1
        for seed in range(SHUFFLES):
            shuffled = self._made.shuffled(seed)
            as_much += self.explained(shuffled).share >= real
        return as_much / (1 + SHUFFLES)

    def strength(self, drawn: Sequence[Drawn]) -> float:
        """The strength at which as much is explained of planted outcomes, on average, as of the
        real one; 1 where none is so strong.

        Parameters
        ----------
        drawn : sequence of Drawn
            Planted columns of several outcomes.

        Returns
        -------
        float
            0 to 1, as of `PlantedOutcomes.outcome`.
        """
        share = self.explained(self._real).share
        low, high = 0.0, 1.0
        if self._mean(drawn, high) <= share:
            return high
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self._mean(drawn, middle) < share:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def _mean(self, drawn: Sequence[Drawn], strength: float) -> float:
        """How much is explained of outcomes of this strength on average."""
        shares = []
        for seed, each in enumerate(drawn):
            outcome = self._made.outcome(each, strength, seed)
            shares.append(self.explained(outcome).share)
        return float(np.mean(shares))
