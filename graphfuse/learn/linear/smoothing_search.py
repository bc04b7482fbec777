"""How strongly a modality's columns are smoothed along its graphs, by the held-out loss.

A gate for each graph (the gene network, every patient layer of the modality) says how much the mean
over neighbours counts beside a column itself; 0 leaves the graph out. Gates are opened one after
the other, by greedy forward selection.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from graphfuse.learn.linear.kernel_sets import kernel_sets, means
from graphfuse.learn.linear.penalty_search import loss_below, path
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge_key import RidgeKey, level_before

GATES = (1.0, 2.0, 4.0)  # tried in turn while the held-out loss falls

# Share of the loss by which a gate must lower it where all patients are labelled; in proportion
# less where fewer are.
WORTH = 0.01

# A trial is given up where its rough loss exceeds the rough loss without it by this share of that,
# and by this much. On TCGA-BRCA losses rise by up to 7 % and fall by up to 4 % from there to the
# solution; losses near 0 change by any share.
ROUGH_SHARE = 0.1
ROUGH_EXCESS = 0.01


def opened(fold: PreparedFold, modality: str) -> RidgeKey:
    """The regression on one modality, with its gates as far open as its held-out loss falls."""
    return fold.results.both.get(("opened", modality), partial(_opened, fold, modality))


def gates(fold: PreparedFold, modality: str) -> np.ndarray:
    """The gates of a modality's gene network and of each of its patient layers, `[1 + L]`."""
    return opened(fold, modality).gates_of(modality, fold.preparation.depth)


def _opened(fold: PreparedFold, modality: str) -> RidgeKey:
    """Greedy forward selection: of the closed gates, the one that lowers the held-out loss most is
    opened, until none lowers it by `WORTH`."""
    key = RidgeKey.of_one(modality, np.zeros(1 + fold.preparation.depth))
    closed = _usable_gates(fold, modality)
    sets = kernel_sets(fold, (modality,)) if closed else []  # kept while all trials are solved
    while closed:
        losses = {gate: _loss(fold, key, _wider(fold, key, gate, GATES[0])) for gate in closed}
        gate = min(losses, key=losses.get)
        wider = _widest(fold, key, gate)
        if wider == key:
            break
        key = wider
        closed.remove(gate)
    del sets
    return key


def _widest(fold: PreparedFold, key: RidgeKey, gate: int) -> RidgeKey:
    """The regression with one gate as far open as the loss falls; `key` where it does not."""
    least_fall = WORTH * fold.target.known.mean()
    for value in GATES:
        wider = _wider(fold, key, gate, value)
        if _loss(fold, key, wider) > (1 - least_fall) * path(fold, key).loss:
            break
        key = wider
    return key


def _loss(fold: PreparedFold, key: RidgeKey, trial: RidgeKey) -> float:
    """The held-out loss of a trial beside the present regression of `key`; infinite where the trial
    is given up."""
    rough = path(fold, key).rough_loss
    bound = rough + max(ROUGH_SHARE * rough, ROUGH_EXCESS)
    return loss_below(fold, trial, bound)


def _wider(fold: PreparedFold, key: RidgeKey, gate: int, value: float) -> RidgeKey:
    """The regression with one gate set to `value`, its penalty sought around the present one."""
    (modality,) = key.modalities
    values = key.gates_of(modality, fold.preparation.depth)
    values[gate] = value
    return RidgeKey.of_one(modality, values, level_before(path(fold, key).level))


def _usable_gates(fold: PreparedFold, modality: str) -> list[int]:
    """The gates of graphs with an edge: 0 for the gene network, 1 and more for patient layers."""
    layers = []
    if not fold.preparation.isolates_patients:
        around = means(fold)[modality]
        layers = [1 + number for number, mean in enumerate(around) if mean.nnz]
    x_smoothed = fold.views.x_smoothed.get(modality)
    has_network = x_smoothed is not None and x_smoothed.any()
    return [0, *layers] if has_network else layers
