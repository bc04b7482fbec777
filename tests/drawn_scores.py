"""Scores of models on folds, drawn as a run draws them."""

import numpy as np

from graphfuse.evaluate.fold_statistics import Difference, judged
from graphfuse.evaluate.patient_draws import TestPart, drawn_scores, over_repeats


def drawn(metrics, y, outputs, folds=None, units=None, trained=np.inf, draws=1000, seed=0):
    """The draws of models whose outputs `[N, O]` (of several repeats: a list of them) are scored in
    `folds` (int `[N]`, or a list of them; default: one fold of everyone)."""
    everyone = np.arange(len(y))
    units = everyone if units is None else units
    dealt = folds if isinstance(folds, list) else [folds]
    repeats = []
    for number, fold in enumerate(dealt):
        fold = np.zeros(len(y), int) if fold is None else fold
        members = [np.flatnonzero(fold == k) for k in np.unique(fold[fold >= 0])]
        tested = np.where(fold >= 0, units, -1)
        parts = {}
        for name, output in outputs.items():
            own = output[number] if isinstance(output, list) else output
            parts[name] = [TestPart(rows, y[rows], own[rows]) for rows in members]
        repeats.append(drawn_scores(parts, tested, metrics, trained, draws, seed))
    return over_repeats(repeats)


def compared(draws, pairs, metrics):
    """The comparisons of these pairs of models in these metrics, as one report has them."""
    found = [Difference.between(a, b, metric, draws) for a, b in pairs for metric in metrics]
    return judged([each for each in found if each is not None], draws)
