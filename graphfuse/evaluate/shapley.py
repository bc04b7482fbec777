"""What each modality adds: the net on every subset of them, and from those scores its Shapley
values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from graphfuse.errors import InputError, examples
from graphfuse.evaluate.fold_statistics import corrected
from graphfuse.schema import Contribution
from graphfuse.schema.run_model_name import ONLY, OURS, ModelId, refuse_same_names

MOST = 5  # modalities whose every subset is trained: 30 nets beside the one on all

Scores = Mapping[Collection[str], np.ndarray]


def subsets(modalities: Sequence[str], most: int = MOST) -> list[tuple[str, ...]]:
    """Non-empty proper subsets of M modalities, smaller ones first, in the modalities' order.

    Each is a net of its own. Up to `most` modalities, every subset: 2^M - 2 of them (6 for 3, 30
    for 5). For more, those that are runs of neighbours when the modalities stand in a circle: M (M
    - 1) of them (30 for 6, 56 for 8), with every modality alone and all but it among them.
    """
    names = tuple(modalities)
    count = len(names)
    chosen = []
    for size in range(1, count):
        if count <= most:
            chosen += combinations(names, size)
            continue
        for first in range(count):
            run = {names[(first + k) % count] for k in range(size)}
            chosen.append(tuple(name for name in names if name in run))
    return chosen


def only(modalities: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    """Subset, in the order of names, in which it is fitted → what its net is called, in the order
    of `modalities`. Raises `InputError` where two would be called the same."""
    models = {some: ModelId.of_modalities(ONLY, some) for some in subsets(modalities)}
    refuse_same_names(models.values())
    names = {}
    for some, model in models.items():
        names[tuple(sorted(some))] = [str(model)]
    return names


def shapley(scores: Scores, modalities: Sequence[str], most: int = MOST) -> dict[str, np.ndarray]:
    """Shapley value of every modality: what it adds to those before it, on average over orders.

    In every fold the values sum to the score of all less that of none. Exact, over all M! orders,
    up to `most` modalities; beyond, the mean over the 2M orders that go around the circle, in which
    every modality takes every place equally often.

    Parameters
    ----------
    scores : mapping
        Subset → score per fold `[J]`, for all of `subsets`, for all modalities, and for none of
        them (`()`: that of the task's `baseline`).
    modalities : sequence of str
        In their order.
    most : int
        The most modalities for which all orders count.

    Returns
    -------
    dict of str to np.ndarray
        Of each modality, in every fold `[J]`.

    Raises
    ------
    InputError
        Where a subset is missing.

    References
    ----------
    Shapley 1953, A value for n-person games.
    """
    names = tuple(modalities)
    value = {}
    for subset, score in scores.items():
        value[frozenset(subset)] = np.asarray(score, dtype=float)
    needed = [(), *subsets(names, most), names]
    absent = [subset for subset in needed if frozenset(subset) not in value]
    if absent:
        words = ["+".join(subset) or "none of them" for subset in absent]
        raise InputError(
            f"Shapley values need a score for every subset of modalities; {len(absent)} "
            f"lack one ({examples(words)})"
        )
    shares = {name: np.zeros_like(value[frozenset()]) for name in names}
    for name, before, weight in _steps(names, exact=len(names) <= most):
        gain = value[before | {name}] - value[before]
        shares[name] += weight * gain
    return shares


def _steps(names: tuple[str, ...], exact: bool) -> Iterator[tuple[str, frozenset, float]]:
    """(modality, those before it, weight): all its places in all orders; weights of a modality sum
    to 1."""
    count = len(names)
    for at, name in enumerate(names):
        others = names[at + 1 :] + names[:at]  # around the circle, starting behind it
        for size in range(count):
            if exact:
                before_it = combinations(others, size)
                weight = 1 / (count * comb(count - 1, size))
            else:
                before_it = (others[:size], others[count - 1 - size :])
                weight = 1 / (2 * count)
            for before in before_it:
                yield name, frozenset(before), weight


def by_subset(
    table: pd.DataFrame, modalities: Sequence[str], metric: str, baseline: str, most: int = MOST
) -> dict[tuple[str, ...], np.ndarray]:
    """Subset → score per fold `[J]`, from a table of scores (`summary.columns`): none of the
    modalities is the task's `baseline`, some are `only:<m+m>`, all are `graphfuse`. Folds count in
    which all of them have a score."""
    names = {(): baseline}
    for some in subsets(modalities, most):
        names[some] = str(ModelId.of_modalities(ONLY, some))
    names[tuple(modalities)] = OURS
    wide = table.pivot(index=["repeat", "fold"], columns="model", values=metric)
    names = {subset: name for subset, name in names.items() if name in wide}
    wide = wide[list(names.values())].dropna()
    return {subset: wide[name].to_numpy(float) for subset, name in names.items()}


def contributions(
    scores: Scores, modalities: Sequence[str], metric: str, test_share: float, most: int = MOST
) -> list[Contribution]:
    """Mean Shapley value of every modality over folds, with the 95 % interval corrected for
    overlapping training sets (`metrics.corrected`); `scores` as in `shapley`, `test_share` = n_test
    / n_train.

    Values are differences in the metric's own units: in Brier score and ECE, less is better, so a
    modality that helps has a value below 0. One fold has no interval; where no fold has a score,
    there is nothing.
    """
    shares = []
    for modality, by_fold in shapley(scores, modalities, most).items():
        values = by_fold[np.isfinite(by_fold)]
        if not len(values):
            continue
        interval = _interval(values, test_share)
        shares.append(
            Contribution(
                modality=modality, metric=metric, value=float(values.mean()), ci95=interval
            )
        )
    return shares


def _interval(values: np.ndarray, test_share: float) -> tuple[float | None, float | None]:
    """The corrected interval of a mean over folds; none for one fold."""
    if len(values) < 2:
        return None, None
    mean = values.mean()
    quantile = stats.t.ppf(0.975, len(values) - 1)
    half = corrected(values, test_share) * quantile
    return float(mean - half), float(mean + half)
