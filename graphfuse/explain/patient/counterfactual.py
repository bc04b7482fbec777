"""Counterfactuals: moves of a patient's columns that flip the call, or take a number across the
training mean.

Columns are moved against the gradient of what the call hangs on, each within the range of the
training patients. All of them a little is the shortest move (in a linear model, by the root of the
sum of squares); few of them a lot is easier to read.
Both are moves in the model, not in a patient: nothing says that a column can be changed alone, or
that its change would change the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.explain.patient.patient_model import Outputs, PatientModel

POINTS = 128  # of a path, or of the part of it in which the call flips
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Move:
    """A move of some of a patient's inputs after which the call is another.

    Attributes
    ----------
    inputs : numpy.ndarray
        The inputs moved, int `[moved]`.
    profile : numpy.ndarray
        All inputs after the move `[G]`.
    length : float
        Its length: the root of the sum of squares, in training standard deviations.
    total : float
        The sum of its absolute parts, in training standard deviations.
    call : int
        The call after it, as of `PatientModel.call`.
    output : numpy.ndarray
        What is predicted after it `[O]`.
    """

    inputs: np.ndarray
    profile: np.ndarray
    length: float
    total: float
    call: int
    output: np.ndarray


@dataclass(frozen=True, eq=False)
class Range:
    """How far each of G inputs may be moved, in training standard deviations.

    Attributes
    ----------
    low, high : numpy.ndarray
        `[G]`.
    is_movable : numpy.ndarray
        bool `[G]`: numbers that were measured in the patient.
    """

    low: np.ndarray
    high: np.ndarray
    is_movable: np.ndarray


class Counterfactuals:
    """Moves along one direction that flip a patient's call.

    Parameters
    ----------
    model : PatientModel
        Of the patient.
    slope : numpy.ndarray
        `[G]`: the gradient of what the call hangs on, such as the logit of the class less that of
        the runner-up, positive where a higher value raises it.
    within : Range
        How far inputs may be moved.
    """

    def __init__(self, model: PatientModel, slope: np.ndarray, within: Range):
        self._model, self._slope = model, np.where(within.is_movable, slope, 0.0)
        x = model.values
        self._outside = int((within.is_movable & ((x < within.low) | (x > within.high))).sum())
        end = np.where(self._slope > 0, np.minimum(within.low, x), np.maximum(within.high, x))
        self._room = np.abs(end - x)  # [G]
        self._call = int(model.call(model.at(x[None]))[0])
        gain = np.abs(self._slope) * self._room
        order = np.argsort(-gain, kind="stable")
        self._order = order[gain[order] > 0]

    def smallest(self) -> Move | None:
        """The shortest move of all inputs together; `None` where none flips the call."""
        return self._along(self._order)

    def outside(self) -> int:
        """How many inputs that may be moved begin outside their range."""
        return self._outside

    def fewest(self) -> Move | None:
        """The smallest move of the fewest inputs, those first that can do most; `None` where none
        flips the call."""
        count = self._fewest_that_flip()
        return None if count is None else self._along(self._order[:count])

    def _fewest_that_flip(self) -> int | None:
        """How many of the first inputs flip the call where they are moved as far as they may be."""
        lower, upper = 0, len(self._order)
        if not upper or not self._flips_with([upper])[0]:
            return None
        while upper - lower > 1:
            counts = np.unique(np.linspace(lower, upper, 66).astype(int))[1:-1]
            counts = counts if len(counts) else np.array([(lower + upper) // 2])
            flips = self._flips_with(counts)
            upper = int(counts[flips].min(initial=upper))
            below = counts[counts < upper]
            lower = int(below.max(initial=lower))
        return upper

    def _flips_with(self, counts) -> np.ndarray:
        """Whether the call flips with so many of the first inputs at their ends, bool."""
        profiles = []
        for count in counts:
            chosen = self._order[:count]
            profiles.append(self._moved(chosen, np.inf))
        return self._model.call(self._model.at(np.stack(profiles))) != self._call

    def _along(self, chosen: np.ndarray) -> Move | None:
        """The first point along the path of some inputs where the call is another."""
        if not len(chosen):
            return None
        longest = (self._room[chosen] / np.abs(self._slope[chosen])).max()
        steps = longest * np.geomspace(1e-6, 1, POINTS)
        found = None
        for _ in range(ROUNDS):  # each looks closer at where the call flips first
            profiles = np.stack([self._moved(chosen, step) for step in steps])
            said = self._model.at(profiles)
            flips = self._model.call(said) != self._call
            if not flips.any():
                return found
            first = int(flips.argmax())
            found = self._move(profiles[first], said, first)
            before = steps[first - 1] if first else 0.0
            steps = np.linspace(before, steps[first], POINTS)
        return found

    def _move(self, profile: np.ndarray, said: Outputs, row: int) -> Move:
        """The move to a profile, of which a row of outputs is."""
        moved = np.flatnonzero(profile != self._model.values)
        change = profile - self._model.values
        sizes = float(np.linalg.norm(change)), float(np.abs(change).sum())
        return Move(moved, profile, *sizes, int(self._model.call(said)[row]), said.output[row])

    def _moved(self, chosen: np.ndarray, step: float) -> np.ndarray:
        """The patient's inputs after a step of some of them against the slope, each no farther than
        its room."""
        profile = self._model.values.copy()
        slope = self._slope[chosen]
        far = np.minimum(step * np.abs(slope), self._room[chosen])
        profile[chosen] -= np.sign(slope) * far
        return profile
