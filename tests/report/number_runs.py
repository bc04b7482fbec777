"""Run directories of a number outcome, as `train` and `rank` write them."""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from graphfuse.data.safe_csv import safe_csv
from graphfuse.evaluate.patient_draws import TestPart, drawn_scores, over_repeats
from graphfuse.evaluate.summary import columns, tally
from graphfuse.schema import RANKING_COLUMNS
from graphfuse.task.registry import metrics_of

NUMBER = metrics_of("number")
WIDE = 1.6448536269514722
# model -> how far, in standard deviations of the truth, its predictions lie from it
MODELS = {
    "mean": None, "single:rna": 0.75, "single:meth": 0.95, "single": 0.75, "early": 0.6,
    "late": 0.7, "forest": 0.65, "no-graph": 0.55, "graphfuse": 0.5, "without:rna": 0.9,
    "only:rna": 0.7, "only:meth": 0.9, "patient:rewired": 0.56, "patient:random": 0.57,
}  # fmt: skip


def predictions(patients=150, repeats=2, level=50.0, scale=10.0, error=0.5, seed=0, bounds=1.0):
    """A table of held-out predictions whose least-squares slope on the truth is 1 and whose bounds,
    times `bounds`, hold 90 % of patients."""
    rng = np.random.default_rng(seed)
    expected = rng.normal(0, 1, patients)
    truth = expected + error * rng.normal(0, 1, patients)
    tables = []
    for repeat in range(repeats):
        half = WIDE * error * bounds
        value = level + scale * expected
        tables.append(
            pd.DataFrame(
                {
                    "patient": [f"PAT-{i:04d}" for i in range(patients)],
                    "repeat": repeat,
                    "fold": rng.permutation(patients) % 3,
                    "truth": level + scale * truth,
                    "value": value,
                    "lo": value - scale * half,
                    "hi": value + scale * half,
                    "flag": "",
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def metrics(table, models=MODELS, seed=0):
    """`metrics.json` of models that err by so much."""
    rng = np.random.default_rng(seed)
    rows, parts = [], {}
    ids = pd.Index(table["patient"].unique())
    for name, error in models.items():
        for (repeat, fold), part in table.groupby(["repeat", "fold"]):
            y = part["truth"].to_numpy(float)
            value = np.full(len(y), table["truth"].mean())
            if error is not None:
                value = y + error * table["truth"].std() * rng.normal(0, 1, len(y))
            output = np.stack([value, value, value], 1)
            tested, trained = len(part), table["patient"].nunique() - len(part)
            scores = NUMBER.scores(y, output)
            rows.append([name, repeat, fold, tested, trained, *scores.values(), 0.4])
            who = ids.get_indexer(part["patient"])
            parts.setdefault(repeat, {}).setdefault(name, []).append(TestPart(who, y, output))
    frame = pd.DataFrame(rows, columns=columns(NUMBER))
    units, trained = np.arange(len(ids)), 2 / 3 * len(ids)
    draws = over_repeats([drawn_scores(each, units, NUMBER, trained) for each in parts.values()])
    protocol = {"folds": 3, "repeats": 2, "stratified": True, "interval": "patients"}
    return tally(frame, draws, "score", protocol, NUMBER)


@lru_cache
def scored(models, **options):
    """The text of `metrics.json` of such predictions."""
    return metrics(predictions(**options), dict(models)).model_dump_json(by_alias=True)


def record(table):
    """`run.json`."""
    patients = table["patient"].nunique()
    return {
        "schema": 1, "kind": "number", "created": "2026-11-30T12:00:00+00:00", "cohort": "made",
        "manifest": None, "recipe": {"name": "multiplex"}, "target": "score", "classes": [],
        "protocol": {"folds": 3, "repeats": 2, "stratified": True}, "seed": 0, "device": "cpu",
        "packages": {"graphfuse": "0.1.0"}, "hashes": {"data": "c" * 64}, "timings": {"train": 3.0},
        "peak_memory_gb": 1.0, "notices": [],
        "fitted": {
            "epochs": 12, "fold_epochs": [8, 12, 9], "mix": {"joint": 0.4},
            "gates": {"rna": {"modality": 0.8, "patients": 0.1}, "meth": {"modality": 0.3}},
            "patients": patients, "labelled": patients, "derived_from": [],
            "presence": {"rna": patients, "meth": patients - 20}, "classes": {}, "coverage": {},
        },
    }  # fmt: skip


def evaluation(scale):
    """`evaluation.json`: Shapley values in two metrics, and scores by group."""

    def row(level, metric, score, gap, verdict):
        ends = [score * 0.9, score * 1.1], [gap - abs(gap) / 2, gap + abs(gap) / 2]
        return {
            "group": "site", "level": level, "patients": 60, "metric": metric, "score": score,
            "ci95": ends[0], "gap": gap, "gap_ci95": ends[1], "verdict": verdict,
        }  # fmt: skip

    shares = [("rna", 0.5, 0.3), ("meth", 0.2, 0.1)]
    return {
        "schema": 1, "kind": "number",
        "contributions": [
            {"modality": name, "metric": metric, "value": value * size, "ci95": [0.0, value * size]}
            for name, value, _ in shares for metric, size in (("r2", 1.0), ("rmse", -scale))
        ],
        "cross_modal": [],
        "subgroups": [
            row("A", "r2", 0.4, -0.2, "gap shown"), row("A", "rmse", scale, scale / 5, "gap shown"),
            row("B", "r2", 0.6, 0.1, "no gap shown"), row("B", "rmse", scale / 2, -scale / 5,
            "no gap shown"),
        ],
    }  # fmt: skip


def make(folder, level=50.0, scale=10.0, models=MODELS, bounds=1.0):
    """Writes the run directory `folder`; returns it."""
    folder.mkdir(parents=True)
    table = predictions(level=level, scale=scale, bounds=bounds)
    metrics_text = scored(tuple(models.items()), level=level, scale=scale)
    safe_csv(table, folder / "predictions.csv")
    (folder / "metrics.json").write_text(metrics_text)
    (folder / "run.json").write_text(json.dumps(record(table)))
    (folder / "evaluation.json").write_text(json.dumps(evaluation(scale)))
    (folder / "rankings").mkdir()
    ids = [f"rna:G{i}" for i in range(30)]
    nodes = pd.DataFrame({
        "rank": range(1, 31), "kind": "feature", "id": ids, "modality": "rna",
        "score": np.linspace(1, 0.01, 30), "sign": 1, "rank_mean": np.arange(1.0, 31),
        "rank_lo": np.arange(1.0, 31), "rank_hi": np.arange(3.0, 33), "selected_frequency": 1.0,
        "method": "integrated gradients",
    })  # fmt: skip
    safe_csv(nodes.reindex(columns=RANKING_COLUMNS), folder / "rankings" / "nodes.csv")
    return folder
