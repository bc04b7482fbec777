"""Attributions of held-out patients, averaged over fold models before absolute values are taken.

Each patient is explained by models that never saw it, one in each repeat of the folds. What a
fold's model learned by chance has another size or sign in the next fold, so attributions are
averaged with their signs. Their part that is linear in an input is averaged over the folds: the
slope of the attribution on the input's value, in each direction, among a fold's test patients. What
is left, such as interactions (0 in linear models), is the patient's own, and averaged over repeats.

Scores are in units of noise: how far slopes of the same modality are apart between fold models.
Models may shrink one modality more than another, noise and all; in these units a score is as likely
to be noise in one as in the other. A modality that few of the models use is apart between them, and
scores low. Within a modality the order does not depend on the units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from graphfuse.explain.halves_agreement import Agreement, halves_agreement
from graphfuse.explain.item_scores import ItemScores
from graphfuse.explain.method import Attribution, FoldNet

SMALLEST = 1e-6  # of the mean squared slope, where fold models are alike
LINEAR = 1e-9  # share of the largest attribution below which a rest counts as rounding


@dataclass(frozen=True, eq=False)
class FoldColumns:
    """The attributions of a fold's model, or of one of its nets, to its inputs on n test patients.

    Attributes
    ----------
    values : numpy.ndarray
        The patients' inputs `[n, F]`, all modalities' side by side.
    attributions : numpy.ndarray
        `[K, n, F]`, signed.
    through_network : numpy.ndarray or None
        Slopes `[K, F]` of what comes through the gene network's neighbours; `None` where the method
        does not tell.
    """

    values: np.ndarray
    attributions: np.ndarray
    through_network: np.ndarray | None

    @classmethod
    def of(cls, attribution: Attribution, net: FoldNet) -> FoldColumns:
        """Those of one net."""
        names = list(net.columns)
        values = np.concatenate([net.columns[name] for name in names], axis=1)
        attributions = np.concatenate([attribution.columns[name] for name in names], axis=2)
        if attribution.through_network is None:
            return cls(values, attributions, None)
        through = []
        for name in names:
            own = attribution.columns[name]
            part = attribution.through_network.get(name, np.zeros_like(own))
            through.append(slopes(net.columns[name], part)[0])
        return cls(values, attributions, np.concatenate(through, axis=1))

    @classmethod
    def mean(cls, nets: Sequence[FoldColumns]) -> FoldColumns:
        """The signed mean over the nets of one model, which have the same inputs."""
        if len(nets) == 1:
            return nets[0]
        attributions = sum(net.attributions for net in nets) / len(nets)
        through = [net.through_network for net in nets]
        is_told = all(part is not None for part in through)
        return cls(nets[0].values, attributions, sum(through) / len(nets) if is_told else None)

    def over(self, sums: sparse.csr_array) -> FoldColumns:
        """The same over the G inputs of all folds; `sums` is `[F, G]`."""
        values, through = _summed(self.values, sums), self.through_network
        attributions = np.empty((len(self.attributions), *values.shape))
        for k, attribution in enumerate(self.attributions):
            attributions[k] = _summed(attribution, sums)
        through = None if through is None else _summed(through, sums)
        return FoldColumns(values, attributions, through)


class AttributionsOverFolds:
    """Signed attributions of a cohort's patients, averaged over fold models that are added.

    Parameters
    ----------
    patients : int
        The number of patients of the cohort.
    items : mapping of str to scipy.sparse.csr_array
        Kinds of items to score, such as genes → the matrix `[G, items]` that sums the inputs of
        each.
    """

    def __init__(self, patients: int, items: Mapping[str, sparse.csr_array]):
        self._items = items
        self._times = np.zeros(patients)  # how often a patient was tested
        self._values: np.ndarray | None = None  # [patients, G], summed over repeats
        self._rest: np.ndarray | None = None  # [K, patients, G] alike, where any is not 0
        self._slopes: list[np.ndarray] = []  # [K, G] of each fold
        self._used: list[np.ndarray] = []  # bool [G]
        self._through: list[np.ndarray | None] = []
        self._by_fold: dict[str, list[np.ndarray]] = {name: [] for name in items}

    def add(self, fold: FoldColumns, rows: np.ndarray) -> None:
        """Add a fold's model.

        Parameters
        ----------
        fold : FoldColumns
            Over the G inputs of all folds.
        rows : numpy.ndarray
            The test patients' rows in the cohort, int `[n]`.
        """
        if self._values is None:
            self._values = np.zeros((len(self._times), fold.values.shape[1]))
        for name, sums in self._items.items():
            self._by_fold[name].append(_mean_size(fold.attributions, sums))
        slope, used = slopes(fold.values, fold.attributions)
        self._slopes.append(slope)
        self._used.append(used)
        self._through.append(fold.through_network)
        self._times[rows] += 1
        self._values[rows] += fold.values
        self._add_rest(fold, rows, slope)

    def _add_rest(self, fold: FoldColumns, rows: np.ndarray, slope: np.ndarray) -> None:
        """Add what of the attributions is not linear in the input, patient by patient."""
        if _is_linear(fold, slope):
            return
        if self._rest is None:
            shape = (len(slope), *self._values.shape)
            self._rest = np.zeros(shape, dtype=np.float32)
        for k, attribution in enumerate(fold.attributions):
            self._rest[k, rows] += attribution - fold.values * slope[k]

    @property
    def slope(self) -> np.ndarray:
        """Each input's slope in each direction, float64 `[K, G]`: the mean over the fold models
        that use the input."""
        return _mean_where_used(self._slopes, self._used)

    @property
    def slope_through_network(self) -> np.ndarray | None:
        """The part of the slopes that comes through the gene network's neighbours `[K, G]`."""
        if any(slope is None for slope in self._through):
            return None
        return _mean_where_used(self._through, self._used)

    def noise(self, group: np.ndarray) -> np.ndarray:
        """The variance of each input's slope between fold models, pooled over its group.

        Parameters
        ----------
        group : numpy.ndarray
            int `[G]`: such as each input's modality.

        Returns
        -------
        numpy.ndarray
            `[G]`, above 0; as of `slope_noise`.
        """
        slopes_by_fold = np.stack(self._slopes)  # [folds, K, G]
        variance = np.ones(len(group))
        for number in np.unique(group):
            own = group == number
            variance[own] = slope_noise(slopes_by_fold[:, :, own])
        return variance

    def agreement(self, group: np.ndarray) -> Agreement:
        """How far the models of two halves, which were added one after the other, agree.

        Parameters
        ----------
        group : numpy.ndarray
            int `[G]`: each input's modality.

        Returns
        -------
        Agreement
        """
        in_units = np.stack(self._slopes) / np.sqrt(self.noise(group))
        tested = self._times > 0
        values = self._values[tested] / self._times[tested, None]
        return halves_agreement(in_units, values, group)

    def scores(self) -> dict[str, ItemScores]:
        """The scores of all items, in the unit of attributions.

        Returns
        -------
        dict of str to ItemScores
            By the name of the kind of item.
        """
        tested = self._times > 0
        times = self._times[tested, None]
        values = self._values[tested] / times
        by_direction = {name: [] for name in self._items}
        for k, slope in enumerate(self.slope):
            attribution = values * slope  # [tested, G]
            if self._rest is not None:
                attribution += self._rest[k, tested] / times
            for name, sums in self._items.items():
                size = _mean_size(attribution[None], sums)
                by_direction[name].append(size[0])
        scores = {}
        for name, mean in by_direction.items():
            scores[name] = ItemScores(np.stack(mean), np.stack(self._by_fold[name]))
        return scores


def slopes(values: np.ndarray, attributions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slopes of attributions on the values of their inputs, through 0 at the training mean.

    Parameters
    ----------
    values : numpy.ndarray
        `[n, G]`.
    attributions : numpy.ndarray
        `[K, n, G]`.

    Returns
    -------
    slope : numpy.ndarray
        `[K, G]`; 0 where no patient has a value.
    used : numpy.ndarray
        bool `[G]`: inputs of which some patient has a value.

    Examples
    --------
    >>> values = np.array([[1.0, 0.0], [2.0, 0.0]])
    >>> slope, used = slopes(values, 3 * values[None])
    >>> slope.tolist(), used.tolist()
    ([[3.0, 0.0]], [True, False])
    """
    products = np.einsum("kng,ng->kg", attributions, values)
    squares = np.einsum("ng,ng->g", values, values)
    used = squares > 0
    slope = np.divide(products, squares, out=np.zeros_like(products), where=used)
    return slope, used


def slope_noise(slopes_by_fold: np.ndarray) -> float:
    """The variance of slopes between fold models, the mean over inputs and directions.

    Parameters
    ----------
    slopes_by_fold : numpy.ndarray
        `[folds, K, G]`.

    Returns
    -------
    float
        1 where there is one fold only, or all slopes are 0; at least a millionth of the mean
        squared slope.

    Examples
    --------
    >>> slope_noise(np.array([[[1.0]], [[3.0]]]))
    2.0
    """
    if len(slopes_by_fold) < 2 or not slopes_by_fold.any():
        return 1.0
    variance = slopes_by_fold.var(axis=0, ddof=1).mean()
    power = (slopes_by_fold.mean(0) ** 2).mean()
    return float(max(variance, SMALLEST * power))


def _is_linear(fold: FoldColumns, slope: np.ndarray) -> bool:
    """Whether attributions are their slopes `[K, G]` times the inputs, up to rounding."""
    largest_rest = largest = 0.0
    for k, attribution in enumerate(fold.attributions):  # one at a time: they are large
        rest = attribution - fold.values * slope[k]
        largest_rest = max(largest_rest, np.abs(rest).max(initial=0))
        largest = max(largest, np.abs(attribution).max(initial=0))
    return largest_rest <= LINEAR * largest


def _mean_where_used(slopes: list[np.ndarray], used: list[np.ndarray]) -> np.ndarray:
    """The mean of slopes `[K, G]` over the folds that use an input."""
    times = np.sum(used, axis=0)  # [G]
    return np.sum(slopes, axis=0) / np.maximum(times, 1)


def _mean_size(attributions: np.ndarray, sums: sparse.csr_array) -> np.ndarray:
    """The mean over patients of the absolute attribution of each item, `[K, items]`; `attributions`
    `[K, n, G]` are summed over an item's inputs first."""
    return np.stack([np.abs(_summed(each, sums)).mean(0) for each in attributions])


def _summed(values: np.ndarray, sums: sparse.csr_array) -> np.ndarray:
    """Values `[n, G]` summed over the inputs of each item, `[n, items]`."""
    return (sums.T @ values.T).T
