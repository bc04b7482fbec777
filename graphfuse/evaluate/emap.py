"""Does a net use its modalities together, or only side by side? EMAP (Hessel and Lee 2020, arXiv
2010.06572).

A net may say f(x) = Σ_m g_m(x_m): every modality has its say, whatever the others are. Its best
approximation of that form is its empirical multimodally additive projection. Where the projection
scores as well as the net, no interaction of modalities was of use, whatever the fusion.
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
from graphfuse.learn.views import Views

DRAWS = 50  # patients whose modalities stand in for another's
# bytes of columns of recombined patients at a time; the net's own arrays take a few times as much
BLOCK = 32e6


def additive(model: FusionModel, cohort: Cohort, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Outputs float64 `[N, O]`, such as class probabilities, of the model's additive projection
    over these patients.

    For what the net says f, modalities m, and D donors j among the patients: Σ_m mean_j f(x_m of i,
    all else of j) - (M - 1) f̄, with f̄ the mean over modalities and pairs of donors. All patients
    are donors where there are no more than `draws`, which with two modalities is the projection of
    Hessel and Lee: the additive function that is nearest over all pairs. Beyond, `draws` of them,
    the same for everyone, so that an additive net stays exactly what it is. With three modalities
    or more, a donor's others stay together: each modality's own say is averaged over combinations
    that do occur; what two others say to each other is in none of the terms.

    f are predictors, as the logits of the paper, or outputs, as probabilities, which late fusion
    adds up: whichever comes nearer to the net. Net by net (seed by seed), then averaged as the
    model's are. Modalities are exchanged among patients who have the same ones; who has one only,
    or a pattern of their own, keeps the model's own output. A patient is among its own donors, as
    in the paper: of N patients, about 2 / N of an interaction stays, so that few patients say "no
    difference" rather than too much. Neighbours are those of the values as recombined; a layer of
    several modalities is an interaction, and the user's own edges go with a patient's first
    modality by name. Raises `InputError` as `predict` does, and for fewer than two draws.
    """
    if draws < 2:
        raise InputError(f"EMAP: {draws} draws; at least 2 are needed")
    whole, fitted = model.output(cohort), model.fitted_.on(pick_device(model.device))
    views, scales = fitted.preparation.views(cohort), scales_of(fitted)
    found = {scale: whole.copy() for scale in scales}
    for pattern in np.unique(views.present, axis=0):
        rows = np.flatnonzero((views.present == pattern).all(1))
        if pattern.sum() > 1 and len(rows) > 1:
            donors = np.arange(len(rows))
            if len(rows) > draws:
                rng = np.random.default_rng([seed, *pattern.astype(int)])
                donors = np.sort(rng.choice(donors, draws, replace=False))
            names = [name for name, there in zip(views.own, pattern, strict=True) if there]
            said = np.stack(
                [exchanged(fitted, views, name, names[0], rows, rows[donors]) for name in names]
            )
            for scale, (into, back) in scales.items():
                found[scale][rows] = back(projection(into(said), donors)).mean(1)
    return min(found.values(), key=lambda projected: float(((projected - whole) ** 2).sum()))


def scales_of(fitted: Fitted) -> dict[str, tuple[Callable, Callable]]:
    """Scale → what is projected, made of predictors, and outputs of it."""
    task = fitted.task
    output = partial(task.output, calibration=fitted.temperature)
    return {"predictors": (np.asarray, output), "outputs": (output, task.valid)}


def projection(said: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """The additive projection `[N, …]` of `said` `[M, N, D, …]`: f of the m-th modality of patient
    i and all else of donor j, who is the `donors[j]`-th of the patients."""
    return said.mean(2).sum(0) - (len(said) - 1) * said[:, donors].mean((0, 1, 2))


def exchanged(
    fitted: Fitted, views: Views, name: str, first: str, rows: np.ndarray, donors: np.ndarray
) -> np.ndarray:
    """Predictors `[N, D, seeds, K]` of patients with the modality `name` of the patients at `rows`
    and all else of those at `donors`, in blocks of a bounded size; `first`: the modality whose
    patient they are to the user's own edges."""
    own, other = np.repeat(rows, len(donors)), np.tile(donors, len(rows))
    found = [
        fitted.predictors(
            recombined(
                views, {m: own[part] if m == name else other[part] for m in views.own}, first
            )
        ).numpy()
        for part in blocks(len(own), views)
    ]
    found = np.concatenate(found, 1).swapaxes(0, 1)
    return found.reshape(len(rows), len(donors), *found.shape[1:])


def recombined(views: Views, source: Mapping[str, np.ndarray], first: str) -> Views:
    """Patients made of several: every modality's columns from the rows `source` has for it;
    identity and presence from those of the `first`."""
    return Views(
        {m: columns[source[m]] for m, columns in views.own.items()},
        {m: columns[source[m]] for m, columns in views.x_smoothed.items()},
        views.present[source[first]],
        views.patients[source[first]],
    )


def blocks(count: int, views: Views) -> Iterator[slice]:
    """Slices of `count` patients, each with columns of at most `BLOCK` bytes."""
    width = sum(
        columns.shape[1] for part in (views.own, views.x_smoothed) for columns in part.values()
    )
    size = max(1, int(BLOCK // (8 * max(width, 1))))
    return (slice(start, start + size) for start in range(0, count, size))
