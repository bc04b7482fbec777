"""Does a net use its modalities together, or only side by side? EMAP (Hessel and Lee 2020, arXiv
2010.06572).

A net may be additive, f(x) = Σ_m g_m(x_m): each modality contributes, whatever the others are.
A net's best approximation of that form is its empirical multimodally additive projection. Where
the projection scores as well as the net, no interaction of modalities was of use, whatever the
fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.learn.device import pick_device
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.model import FusionModel
from graphfuse.learn.standardised_columns import Views

DRAWS = 50  # patients whose modalities stand in for another's
# bytes of columns of recombined patients at a time; the net's own arrays take a few times as much
BLOCK = 32e6


def additive(model: FusionModel, cohort: Cohort, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Outputs of the model's additive projection over these patients.

    For predictors f of the net, modalities m, and D donors j among the patients: Σ_m mean_j f(x_m
    of i, all else of j) - (M - 1) f̄, with f̄ the mean over modalities and pairs of donors. All
    patients are donors where there are no more than `draws`, which with two modalities is the
    projection of Hessel and Lee: the additive function that is nearest over all pairs. Beyond,
    `draws` of them, the same for everyone, so that an additive net stays exactly what it is. With
    three modalities or more, the other modalities of a donor stay together: what each modality adds
    is averaged over combinations that do occur, and an interaction of two others is in none of the
    terms.

    f are predictors, as the logits of the paper, or outputs, as probabilities, which late fusion
    adds up: whichever comes nearer to the net. Net by net (seed by seed), then averaged as the
    model's are. Modalities are exchanged among patients who have the same ones; a patient with one
    only, or with a pattern of their own, keeps the model's own output. Patients may donate to
    themselves, as in the paper. This shrinks interactions by about 2 / N, so that small cohorts err
    towards "no difference". Neighbours are those of the values as recombined; a layer of several
    modalities is an interaction, and the user's own edges go with a patient's first modality by
    name.

    Parameters
    ----------
    model : FusionModel
        Fitted.
    cohort : Cohort
        N patients.
    draws : int
        The most donors, at least 2.
    seed : int
        Of the draw of donors.

    Returns
    -------
    np.ndarray
        float64 `[N, O]`, such as class probabilities.

    Raises
    ------
    InputError
        As `FusionModel.predict` does, and for fewer than two draws.

    References
    ----------
    Hessel & Lee 2020, Does my multimodal model learn cross-modal interactions?, EMNLP.
    """
    if draws < 2:
        raise InputError(f"EMAP: {draws} draws; at least 2 are needed")
    whole = model.output(cohort)
    fitted = model.fitted_.on(pick_device(model.device))
    views = fitted.preparation.views(cohort)
    scales = scales_of(fitted)
    projected = {scale: whole.copy() for scale in scales}
    for pattern in np.unique(views.present, axis=0):
        rows = np.flatnonzero((views.present == pattern).all(1))
        if pattern.sum() < 2 or len(rows) < 2:
            continue
        donors = _donors(len(rows), draws, [seed, *pattern.astype(int)])
        predictors = _exchanged_all(fitted, views, pattern, rows, rows[donors])
        for scale, (into, back) in scales.items():
            additive_part = projection(into(predictors), donors)
            projected[scale][rows] = back(additive_part).mean(1)

    def distance(output: np.ndarray) -> float:
        return float(((output - whole) ** 2).sum())

    return min(projected.values(), key=distance)


def _exchanged_all(
    fitted: Fitted, views: Views, pattern: np.ndarray, rows: np.ndarray, donors: np.ndarray
) -> np.ndarray:
    """Predictors `[M, N, D, seeds, K]`, each of the M modalities of a pattern exchanged in turn."""
    names = [name for name, there in zip(views.own, pattern, strict=True) if there]
    first = names[0]
    return np.stack([exchanged(fitted, views, name, first, rows, donors) for name in names])


def _donors(count: int, draws: int, seed: list[int]) -> np.ndarray:
    """int `[D]`, sorted: which of `count` patients are donors."""
    everyone = np.arange(count)
    if count <= draws:
        return everyone
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(everyone, draws, replace=False))


def scales_of(fitted: Fitted) -> dict[str, tuple[Callable, Callable]]:
    """Scale → the map from predictors to what is projected, and that from the projection to
    outputs."""
    task = fitted.task
    output = partial(task.output, calibration=fitted.temperature)
    return {"predictors": (np.asarray, output), "outputs": (output, task.valid)}


def projection(values: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """The additive projection of a function of recombined patients.

    Parameters
    ----------
    values : np.ndarray
        `[M, N, D, …]`: f of the m-th modality of patient i and all else of donor j.
    donors : np.ndarray
        int `[D]`: which of the patients the donors are.

    Returns
    -------
    np.ndarray
        `[N, …]`.
    """
    overall = values[:, donors].mean((0, 1, 2))
    return values.mean(2).sum(0) - (len(values) - 1) * overall


def exchanged(
    fitted: Fitted, views: Views, name: str, first: str, rows: np.ndarray, donors: np.ndarray
) -> np.ndarray:
    """Predictors of patients with one modality of some patients and all else of others.

    Parameters
    ----------
    fitted : Fitted
        The model's nets.
    views : Views
        Of all patients.
    name : str
        The modality taken from the patients at `rows`.
    first : str
        The modality whose patient they are to the user's own edges.
    rows, donors : np.ndarray
        int `[N]` and `[D]`.

    Returns
    -------
    np.ndarray
        float64 `[N, D, seeds, K]`.
    """
    own = np.repeat(rows, len(donors))  # [N · D]
    other = np.tile(donors, len(rows))  # [N · D]
    parts = []
    for part in blocks(len(own), views):
        source = dict.fromkeys(views.own, other[part])
        source[name] = own[part]
        predictors = fitted.predictors(recombined(views, source, first))
        parts.append(predictors.numpy())
    predictors = np.concatenate(parts, 1).swapaxes(0, 1)  # [N · D, seeds, K]
    return predictors.reshape(len(rows), len(donors), *predictors.shape[1:])


def recombined(views: Views, source: Mapping[str, np.ndarray], first: str) -> Views:
    """Patients made of several: every modality's columns from the rows `source` has for it;
    identity and presence from those of the `first`."""
    own = {m: columns[source[m]] for m, columns in views.own.items()}
    x_smoothed = {m: columns[source[m]] for m, columns in views.x_smoothed.items()}
    same = source[first]
    return Views(own, x_smoothed, views.present[same], views.patients[same])


def blocks(count: int, views: Views) -> Iterator[slice]:
    """Slices of `count` patients, each with columns of at most `BLOCK` bytes."""
    tables = [*views.own.values(), *views.x_smoothed.values()]
    width = sum(columns.shape[1] for columns in tables)
    size = max(1, int(BLOCK // (8 * max(width, 1))))
    return (slice(start, start + size) for start in range(0, count, size))
