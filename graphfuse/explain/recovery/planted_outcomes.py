"""Outcomes of a cohort's own patients that depend on planted columns (plasmode simulation).

Patients, columns, their values, correlations and gaps are the user's; so are folds, and how many
patients of each class (or which numbers) each fold has. What is drawn is who has which outcome. It
depends on planted columns alone, linearly, with effects of equal size and random sign; other
columns go with it only as far as they are correlated with planted ones. Which values are missing
does not depend on it.

References
----------
Franklin et al. 2014, Plasmode simulation for the evaluation of pharmacoepidemiologic methods in
complex healthcare databases, Computational Statistics & Data Analysis 72.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.explain.column_groups import column_numbers
from graphfuse.task.outcome import Outcome

PART = 4  # of so many columns that vary, at most one is planted
TOGETHER = 400  # patients among whom outcomes are dealt at a time


@dataclass(frozen=True, eq=False)
class Drawn:
    """Planted columns, and how N patients incline to each of W directions.

    Attributes
    ----------
    columns : numpy.ndarray
        Positions of the planted columns.
    signal : numpy.ndarray
        `[N, W]`: what they say, of variance 1.
    noise : numpy.ndarray
        `[N, W]`: what nothing says, of variance 1.
    """

    columns: np.ndarray
    signal: np.ndarray
    noise: np.ndarray


class PlantedOutcomes:
    """Planted outcomes of a cohort.

    Parameters
    ----------
    cohort : Cohort
        The patients.
    modalities : sequence of str
        Whose columns may be planted, in this order.
    outcome : Outcome
        The real one.
    part : numpy.ndarray
        int `[N]`: parts of the patients, such as folds, that keep their own outcomes.

    Attributes
    ----------
    ids : list of str
        Of the C columns.
    values : numpy.ndarray
        `[N, C]` in standard deviations from the mean, 0 where missing; categories are 0.
    """

    def __init__(
        self, cohort: Cohort, modalities: Sequence[str], outcome: Outcome, part: np.ndarray
    ):
        self._outcome, self._part = outcome, part
        self.ids, numbers, names = [], [], []
        for name in modalities:
            modality = cohort.modalities[name]
            self.ids += modality.feature_ids
            numbers.append(column_numbers(modality))
            names += [name] * len(modality.columns)
        self._modality = np.array(names)
        table = pd.DataFrame(np.hstack(numbers))
        deviation = table.std(ddof=0).fillna(0.0)
        self._varies = (deviation > 0).to_numpy()
        standard = (table - table.mean()) / deviation.where(deviation > 0, 1.0)
        self._standard = standard.to_numpy()  # NaN where missing
        self.values = np.nan_to_num(self._standard)

    def draw(self, count: int, shares: Mapping[str, float], seed: int) -> Drawn:
        """Plant columns.

        Parameters
        ----------
        count : int
            How many; fewer where fewer vary.
        shares : mapping of str to float
            Modality → its share of them.
        seed : int
            Of all random numbers.

        Returns
        -------
        Drawn
        """
        rng = np.random.default_rng([seed, 77])
        chosen = []
        for name, own in self._counts(count, shares).items():
            may = np.flatnonzero(self._varies & (self._modality == name))
            chosen.append(rng.choice(may, own, replace=False))
        columns = np.concatenate(chosen)
        directions = len(self._outcome.task.directions)
        of_direction = rng.permutation(np.arange(len(columns)) % directions)
        sign = rng.choice([-1.0, 1.0], len(columns))
        signal = np.zeros((len(self.values), directions))
        for column, direction, own in zip(columns, of_direction, sign, strict=True):
            signal[:, direction] += own * self._complete(column, rng)
        signal -= signal.mean(0)
        signal /= np.sqrt(signal.var(0).mean())
        return Drawn(columns, signal, rng.normal(size=signal.shape))

    def _complete(self, column: int, rng: np.random.Generator) -> np.ndarray:
        """A column's values; patients in whom it was not measured have those of others."""
        values = self._standard[:, column].copy()
        missing = np.isnan(values)
        values[missing] = rng.choice(values[~missing], missing.sum())
        return values

    def _counts(self, count: int, shares: Mapping[str, float]) -> dict[str, int]:
        """How many columns of each modality are planted: in proportion to its share, at most as
        many as vary."""
        most = {name: int(self._varies[self._modality == name].sum()) for name in shares}
        total = sum(share for name, share in shares.items() if most[name])
        counts = dict.fromkeys(shares, 0)
        for _ in range(min(count, sum(most.values()))):
            lacking = {}
            for name, share in shares.items():
                if counts[name] < most[name]:
                    wanted = count * share / total if total else most[name]
                    lacking[name] = wanted - counts[name]
            counts[max(lacking, key=lacking.get)] += 1
        return counts

    def outcome(self, drawn: Drawn, strength: float, seed: int) -> Outcome:
        """The outcome that planted columns decide to this share.

        Parameters
        ----------
        drawn : Drawn
            The planted columns.
        strength : float
            The share of the variance of patients' inclinations that is the signal, 0 to 1.
        seed : int
            Of who is compared with whom, in large parts.

        Returns
        -------
        Outcome
            Known of the same patients; in each part with the same values as the real one.
        """
        utility = np.sqrt(strength) * drawn.signal + np.sqrt(1 - strength) * drawn.noise
        return self._dealt(utility, np.random.default_rng([seed, 78]))

    def shuffled(self, seed: int) -> Outcome:
        """An outcome that no column tells, with the same values in each part."""
        rng = np.random.default_rng([seed, 79])
        directions = len(self._outcome.task.directions)
        return self._dealt(rng.normal(size=(len(self.values), directions)), rng)

    def _dealt(self, utility: np.ndarray, rng: np.random.Generator) -> Outcome:
        """The real outcome's values, dealt anew within each part by utilities `[N, W]`."""
        values = self._outcome.values.copy()
        task = self._outcome.task
        known = self._outcome.known
        for number in np.unique(self._part[known]):
            rows = rng.permutation(np.flatnonzero(known & (self._part == number)))
            for some in np.array_split(rows, int(np.ceil(len(rows) / TOGETHER))):
                values[some] = task.reassigned(values[some], utility[some])
        return replace(self._outcome, values=values)


def require_few_planted(cohort: Cohort, modalities: Sequence[str], planted: int) -> None:
    """Check that planted columns are few enough for a list of the first to say anything.

    Parameters
    ----------
    cohort : Cohort
        The patients.
    modalities : sequence of str
        Whose columns may be planted.
    planted : int
        How many are to be.

    Raises
    ------
    InputError
        For more than a quarter of the columns of numbers that vary.
    """
    varying = 0
    for name in modalities:
        numbers = pd.DataFrame(column_numbers(cohort.modalities[name]))
        varying += int((numbers.std(ddof=0) > 0).sum())
    most = varying // PART
    if planted > most:
        cure = f"give --planted {most} or fewer" if most else f"{PART} columns are needed at least"
        raise InputError(
            f"recovery: {planted} planted columns are more than a quarter of the {varying} columns "
            f"of numbers that vary, of which any list finds many by chance; {cure}"
        )
