"""Scores under draws of patients, as a file of arrays: finished repeats of a bench keep theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphfuse.evaluate.patient_draws import PatientDraws


def write_draws(path: Path, draws: PatientDraws) -> None:
    """Writes the draws of one repeat (npz, without pickle)."""
    models = list(draws.scores)
    metrics = list(draws.scores[models[0]])
    scores = [[draws.scores[model][metric] for metric in metrics] for model in models]
    fewest = [[draws.fewest[model][metric] for metric in metrics] for model in models]
    arrays = {"models": np.array(models, dtype=str), "metrics": np.array(metrics, dtype=str)}
    arrays["scores"] = np.array(scores)  # [models, metrics, 1 + D]
    arrays["fewest"] = np.array(fewest)  # [models, metrics]
    arrays["counts"] = np.array([draws.units, draws.tested, draws.trained])
    with path.open("wb") as file:
        np.savez(file, **arrays)


def read_draws(path: Path) -> PatientDraws:
    """The draws of one repeat, as `write_draws` wrote them."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    models, metrics = arrays["models"].tolist(), arrays["metrics"].tolist()
    scores, fewest = {}, {}
    for model, scored, counted in zip(models, arrays["scores"], arrays["fewest"], strict=True):
        scores[model] = dict(zip(metrics, scored, strict=True))
        fewest[model] = dict(zip(metrics, counted.tolist(), strict=True))
    units, tested, trained = arrays["counts"].tolist()
    return PatientDraws(scores, fewest, int(units), tested, trained, {})
