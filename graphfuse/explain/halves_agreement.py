"""Whether models of halves that share no patient agree in what they use, beyond chance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

FEWEST = 10  # permutations, of which fewer do not say what a tenth of cohorts reach
LEVEL = 0.1  # share of cohorts without any signal in which the agreement is above `by_chance`


class Agreement(NamedTuple):
    """The mean correlation of what two halves' models use, and what it reaches by chance."""

    value: float
    by_chance: float

    def beside(self, nulls: np.ndarray) -> Agreement:
        """The same beside correlations of models of permuted labels: by chance is then reached what
        one more such correlation would exceed with a probability of at most a tenth. Fewer than 10
        of them leave what is reached by chance as it was."""
        if len(nulls) < FEWEST:
            return self
        place = math.ceil(round((1 - LEVEL) * (len(nulls) + 1), 9))
        return self._replace(by_chance=float(np.sort(nulls)[place - 1]))

    @property
    def is_chance(self) -> bool:
        """Whether it could be chance."""
        return not self.value > self.by_chance


def halves_agreement(slopes: np.ndarray, values: np.ndarray, modality: np.ndarray) -> Agreement:
    """Return the mean correlation of slopes between the models of two halves.

    Signs count, so that without any signal the mean is 0 (a little below, as halves are
    stratified). What it reaches by chance follows from how many independent columns there are:
    where labels say nothing, slopes of ridge regressions vary at most as the columns do, and the
    correlation of two such vectors has the variance trace(C²) / trace(C)², C being the covariance
    of the columns. Of many pairs of halves of the same patients the mean varies about half as much.

    Parameters
    ----------
    slopes : numpy.ndarray
        `[2 P, K, G]`: of each model, the slope of its attributions on each input, in units of
        noise; the models of a pair follow each other.
    values : numpy.ndarray
        `[N, G]`: the patients' inputs, centred.
    modality : numpy.ndarray
        int `[G]`: of each input.

    Returns
    -------
    Agreement
        `by_chance` is exceeded in at most a tenth of cohorts without signal.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signal, values = rng.normal(size=(1, 1, 200)), rng.normal(size=(50, 200))
    >>> noise = rng.normal(size=(8, 1, 200))
    >>> one = np.zeros(200, int)
    >>> halves_agreement(noise, values, one).is_chance
    True
    >>> found = halves_agreement(signal + noise, values, one)
    >>> round(found.value, 1), found.is_chance
    (0.5, False)
    """
    models = slopes.reshape(len(slopes), -1)
    length = np.linalg.norm(models, axis=1, keepdims=True)
    directions = np.divide(models, length, out=np.zeros_like(models), where=length > 0)
    products = directions[::2] * directions[1::2]
    pairs = len(products)
    power = (directions**2).reshape(slopes.shape).mean(0).sum(0)  # [G]
    deviation = _deviation(values, _weights(values, power, modality))
    of_mean = deviation * np.sqrt((1 + 1 / pairs) / 2)
    return Agreement(float(products.sum(1).mean()), float(norm.isf(LEVEL) * of_mean))


def _weights(values: np.ndarray, power: np.ndarray, modality: np.ndarray) -> np.ndarray:
    """How much each input counts `[G]`, so that modalities have the shares that slopes have."""
    weights = np.zeros(len(power))
    for number in np.unique(modality):
        own = modality == number
        total = (values[:, own] ** 2).sum()
        if total > 0:
            weights[own] = power[own].sum() / total
    return weights


def _deviation(values: np.ndarray, weights: np.ndarray) -> float:
    """The standard deviation by chance of the correlation of two vectors that vary as the inputs
    do; 1 where no input varies. What trace(C²) is too large by in few patients is taken off."""
    kernel = (values * weights) @ values.T
    trace = np.trace(kernel)
    if not trace > 0:
        return 1.0
    patients = len(values)
    squares = (kernel**2).sum() - trace**2 / patients
    return float(np.sqrt(max(squares, 0.0)) / trace)
