"""Trainings whose figures are kept: what a redesign must not move.

`figures(name)` trains a case and gives all its numbers; `python -m tests.figures.record` writes
them down, and `test_figures.py` compares them with what was written.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import graphfuse as gf
from graphfuse.data.synth import planted
from tests.benchmarks.cohorts import DATA, covid, rosmap

HERE = Path(__file__).parent
MOST = 2000  # rows of a ranking that are kept, in the order of their ids
PLANTED = {"rna": 120, "meth": 80}


def demo() -> gf.Report:
    """The README's demo: 769 patients, the default recipe, 5 folds with all controls."""
    return gf.train("tcga-brca", cv=(5, 1))


def alzheimers() -> gf.Report:
    """ROSMAP: 351 patients, 5 × 5 folds."""
    return gf.train(rosmap(), cv=(5, 5))


def intensive_care() -> gf.Report:
    """COVID: 128 patients with health records, 5 × 5 folds."""
    return gf.train(covid(), cv=(5, 5))


def of_recipe(recipe: str) -> Callable[[], gf.Report]:
    """The training of a recipe on a planted cohort, some modalities and labels missing."""

    def trained() -> gf.Report:
        made = planted(160, PLANTED, missing={"meth": 0.2}, unlabelled=0.1, classes=3, seed=7)
        network = gf.GeneNetwork.from_frame(made.network, "planted")
        return gf.train(made.cohort, recipe, cv=(4, 1), network=network)

    return trained


CASES: dict[str, Callable[[], gf.Report]] = {
    "demo": demo,
    "rosmap": alzheimers,
    "covid-icu": intensive_care,
    "signalling": of_recipe("signalling"),
    "mogonet": of_recipe("mogonet"),
    "multiplex": of_recipe("multiplex"),
}
SHARED = {"rosmap": "rosmap", "covid-icu": "covid_omics_ehr"}


def is_here(name: str) -> bool:
    """Whether the data of a case are on this machine (or are fetched by the package itself)."""
    return name not in SHARED or (DATA / SHARED[name]).is_dir()


def machine() -> str:
    """What rounding depends on: the processor, and the versions of the libraries of numbers."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    flags = next((line for line in lines if line.startswith("flags")), "")
    processor = hashlib.sha256(flags.encode()).hexdigest()[:8]
    versions = f"numpy {np.__version__}, torch {torch.__version__}"
    return f"{platform.machine()} {processor}, {torch.get_num_threads()} threads, {versions}"


def figures(name: str) -> dict[str, np.ndarray]:
    """All that a case's training found, by name: scores, probabilities, and rankings."""
    report = CASES[name]()
    ranking = gf.rank(report)
    found = {"scores": _scores(report), "folds": _probabilities(report.predictions)}
    found |= {f"nodes {column}": values for column, values in _ranked(ranking.nodes).items()}
    found |= {f"edges {column}": values for column, values in _ranked(ranking.edges).items()}
    found["modalities"] = ranking.modalities.sort_values("id")["score"].to_numpy(float)
    return found | {"epochs": np.array(report.record.fitted["fold_epochs"], float)}


def _scores(report: gf.Report) -> np.ndarray:
    """Means and ends of intervals of every model in every metric, and all comparisons; models by
    name."""
    metrics, found = report.metrics, []
    rows = sorted({**metrics.models, **metrics.variants}.items())
    for _, row in rows:
        for metric, score in sorted(row.items()):
            if metric != "fit_seconds":
                found += [score.mean, *score.ci95]
    pairs = sorted(metrics.comparisons, key=lambda pair: (pair.a, pair.b, pair.metric))
    for pair in pairs:
        found += [pair.difference, *pair.ci95, pair.p]
    return np.array(found, float)


def _probabilities(predictions: pd.DataFrame) -> np.ndarray:
    """`[rows, K]`, in the order of repeats, folds and patients."""
    table = predictions.sort_values(["repeat", "fold", "patient"])
    return table.filter(regex="^p_").to_numpy(float)


def _ranked(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Score, sign and rank of a ranking's first items by id, the sum of all scores, and a hash of
    the ids."""
    table = table.sort_values("id")
    ids = hashlib.sha256("\n".join(table["id"]).encode()).digest()[:6]
    first = table.head(MOST)
    return {
        "score": first["score"].to_numpy(float),
        "sign": first["sign"].to_numpy(float),
        "rank": first["rank"].to_numpy(float),
        "sum": np.array([table["score"].astype(float).sum()]),
        "ids": np.array([int.from_bytes(ids, "big")], float),
    }
