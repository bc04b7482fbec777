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
from graphfuse.evaluate.metrics import corrected
from graphfuse.schema import Contribution
from graphfuse.schema.model_id import ONLY, OURS, ModelId, refuse_same_names

MOST = 5  # modalities whose every subset is trained: 30 nets beside the one on all

Scores = Mapping[Collection[str], np.ndarray]


def subsets(modalities: Sequence[str], most: int = MOST) -> list[tuple[str, ...]]:
    """Non-empty proper subsets of M modalities, smaller ones first, in the modalities' order.

    Each is a net of its own. Up to `most` modalities, every subset: 2^M - 2 of them (6 for 3, 30
    for 5). For more, those that are runs of neighbours when the modalities stand in a circle: M (M
    - 1) of them (30 for 6, 56 for 8), with every modality alone and all but it among them.
    """
    names, count = tuple(modalities), len(modalities)
    if count <= most:
        return [found for size in range(1, count) for found in combinations(names, size)]
    runs = [
        {names[(first + k) % count] for k in range(size)}
        for size in range(1, count)
        for first in range(count)
    ]
    return [tuple(name for name in names if name in run) for run in runs]


def only(modalities: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    """Subset, in the order of names, in which it is fitted → what its net is called, in the order
    of `modalities`. Raises `InputError` where two would be called the same."""
    found = {some: ModelId.of_modalities(ONLY, some) for some in subsets(modalities)}
    refuse_same_names(found.values())
    return {tuple(sorted(some)): [str(model)] for some, model in found.items()}


def shapley(scores: Scores, modalities: Sequence[str], most: int = MOST) -> dict[str, np.ndarray]:
    """Shapley value of every modality in every fold `[J]`: what it adds to the modalities before
    it, on average over orders.

    `scores`: subset → score per fold `[J]`, for all of `subsets`, for all modalities, and for none
    of them (`()`: that of the task's `baseline`). In every fold the values sum to the score of all
    less that of none. Exact, over all M! orders (Shapley 1953), up to `most` modalities; beyond,
    the mean over the 2M orders that go around the circle, in which every modality takes every place
    equally often. Raises `InputError` where a subset is missing.
    """
    names = tuple(modalities)
    value = {frozenset(subset): np.asarray(score, dtype=float) for subset, score in scores.items()}
    needed = [(), *subsets(names, most), names]
    absent = [
        "+".join(subset) or "none of them" for subset in needed if frozenset(subset) not in value
    ]
    if absent:
        raise InputError(
            f"Shapley values need a score for every subset of modalities; {len(absent)} "
            f"lack one ({examples(absent)})"
        )
    found = {name: np.zeros_like(value[frozenset()]) for name in names}
    for name, before, weight in _steps(names, exact=len(names) <= most):
        found[name] += weight * (value[before | {name}] - value[before])
    return found


def _steps(names: tuple[str, ...], exact: bool) -> Iterator[tuple[str, frozenset, float]]:
    """(modality, those before it, weight): all its places in all orders; weights of a modality sum
    to 1."""
    count = len(names)
    for at, name in enumerate(names):
        others = names[at + 1 :] + names[:at]  # around the circle, starting behind it
        for size in range(count):
            if exact:
                weight = 1 / (count * comb(count - 1, size))
                yield from (
                    (name, frozenset(before), weight) for before in combinations(others, size)
                )
            else:
                yield from (
                    (name, frozenset(side), 1 / (2 * count))
                    for side in (others[:size], others[count - 1 - size :])
                )


def by_subset(
    table: pd.DataFrame, modalities: Sequence[str], metric: str, baseline: str, most: int = MOST
) -> dict[tuple[str, ...], np.ndarray]:
    """Subset → score per fold `[J]`, from a table of scores (`tally.COLUMNS`): none of the
    modalities is the task's `baseline`, some are `only:<m+m>`, all are `graphfuse`. Folds count in
    which all of them have a score."""
    names = {
        (): baseline,
        **{some: str(ModelId.of_modalities(ONLY, some)) for some in subsets(modalities, most)},
        tuple(modalities): OURS,
    }
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
    found = {
        m: values[np.isfinite(values)] for m, values in shapley(scores, modalities, most).items()
    }
    return [
        Contribution(
            modality=m,
            metric=metric,
            value=float(values.mean()),
            ci95=_interval(values, test_share),
        )
        for m, values in found.items()
        if len(values)
    ]


def _interval(values: np.ndarray, test_share: float) -> tuple[float | None, float | None]:
    if len(values) < 2:
        return None, None
    half = corrected(values, test_share) * stats.t.ppf(0.975, len(values) - 1)
    return float(values.mean() - half), float(values.mean() + half)
