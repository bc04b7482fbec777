"""What each modality adds: the net on every subset of them, and from those scores its Shapley
values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np

from graphfuse.errors import InputError, examples
from graphfuse.evaluate.bootstrap import UNBOUNDED
from graphfuse.evaluate.fold_statistics import interval, standard_error, two_sided
from graphfuse.evaluate.patient_draws import Drawn, PatientDraws
from graphfuse.schema import Contribution
from graphfuse.schema.run_model_name import ONLY, OURS, ModelId, refuse_same_names
from graphfuse.statistics.multiple_testing import holm
from graphfuse.task.metric import Metric

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
    scored: Mapping[str, Drawn],
    modalities: Sequence[str],
    metric: str,
    baseline: str,
    most: int = MOST,
) -> dict[tuple[str, ...], np.ndarray]:
    """Subset → scores `[1 + D]`, of the patients as they are and of each draw (`patient_draws`):
    none of the modalities is the task's `baseline`, some are `only:<m+m>`, all are `graphfuse`."""
    names = {(): baseline}
    for some in subsets(modalities, most):
        names[some] = str(ModelId.of_modalities(ONLY, some))
    names[tuple(modalities)] = OURS
    return {subset: scored[name][metric] for subset, name in names.items() if name in scored}


def contributions(
    draws: PatientDraws,
    modalities: Sequence[str],
    metrics: Sequence[Metric],
    baseline: str,
    most: int = MOST,
) -> list[Contribution]:
    """Shapley value of every modality in these metrics, with its 95 % interval over cohorts
    (`fold_statistics`) and its p-value, adjusted by Holm for how many values there are.

    Values are differences in the metric's own units: in Brier score and ECE, less is better, so a
    modality that helps has a value below 0. A value that no draw of patients changes has no
    interval; where a subset has no score, there is nothing.
    """
    shares = []
    for metric in metrics:
        scores = by_subset(draws.scores, modalities, metric.name, baseline, most)
        for modality, drawn in shapley(scores, modalities, most).items():
            if np.isfinite(drawn[0]):
                shares.append((modality, metric, drawn))
    errors = [standard_error(drawn[1:], draws) or np.nan for _, _, drawn in shares]
    values = [float(drawn[0]) for _, _, drawn in shares]
    p_values = [two_sided(value, error, draws) for value, error in zip(values, errors, strict=True)]
    rows = zip(shares, values, errors, holm(p_values), strict=True)
    found = []
    for (modality, metric, _), value, error, p in rows:
        ends = interval(value, error, UNBOUNDED, draws)
        known_p = p if np.isfinite(p) else None
        found.append(
            Contribution(
                modality=modality, metric=metric.name, value=value, ci95=ends, p_adjusted=known_p
            )
        )
    return found
