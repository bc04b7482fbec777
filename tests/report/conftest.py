"""A made run directory, as `train` and `rank` write it."""

import json
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.safe_csv import safe_csv
from graphfuse.evaluate import probability_curves
from graphfuse.report.sections import decisions
from graphfuse.schema import RANKING_COLUMNS

FIVE = ["Normal-like", "Basal", "HER2", "LumA", "LumB"]
MODELS = {
    "majority": 0.544, "clinical": 0.561, "single:rna": 0.880, "single:meth": 0.812,
    "single:mirna": 0.809,
    "single:clinical": 0.561, "single": 0.880, "early": 0.867, "late": 0.844, "no-graph": 0.8785,
    "graphfuse": 0.8794,
}  # fmt: skip
GENES = [
    "ESR1", "FOXA1", "GATA3", "MLPH", "ERBB2", "GRB7", "FOXC1", "KRT5", "KRT17", "MKI67", "UBE2C",
    "BIRC5",
    "CCNB1", "PGR", "NAT1", "BCL2", "EGFR", "MIA", "SFRP1", "CDC20", "TYMS", "ANLN",
]  # fmt: skip
ID = "TCGA-{:02d}-A{:03d}"


def _make_run(folder, classes=FIVE, patients=240, repeats=2, seed=0, genes=GENES, ranked=True):
    """Writes the run directory `folder`; returns it."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(_metrics(rng, len(classes))))
    predictions = predict(rng, classes, patients, repeats)
    safe_csv(predictions, folder / "predictions.csv")
    (folder / "run.json").write_text(json.dumps(_record(classes, predictions, patients)))
    if ranked:
        _rankings(rng, folder / "rankings", classes, genes)
    return folder


def _score(rng, mean):
    half = float(rng.uniform(0.015, 0.04))
    return {"mean": mean, "sd": half / 2, "ci95": [mean - half, mean + half]}


def _metrics(rng, k):
    def row(accuracy, name):
        guess = name == "majority"
        means = {
            "accuracy": accuracy, "balanced_accuracy": 1 / k if guess else accuracy - 0.09,
            "macro_f1": 0.141 if guess else accuracy - 0.08,
            "auroc": 0.5 if guess else 0.5 + accuracy / 2 + 0.02,
            "auprc": 1 / k if guess else accuracy - 0.02, "mcc": 0.0 if guess else accuracy - 0.07,
            "brier": 1.19 - 1.1 * accuracy, "ece": 0.004 if guess else 0.05 + float(rng.uniform(0,
            0.03)),
        }  # fmt: skip
        return {m: _score(rng, float(v)) for m, v in means.items()} | {
            "fit_seconds": round(float(rng.uniform(0, 90)), 2)
        }

    comparisons = []
    for name, accuracy in (MODELS | {"without:rna": 0.841}).items():
        for metric in ("accuracy", "macro_f1", "auroc") if name != "graphfuse" else ():
            d, half = (
                (MODELS["graphfuse"] - accuracy) * (0.6 if metric == "auroc" else 1),
                float(rng.uniform(0.008, 0.02)),
            )
            verdict = (
                "better" if d - half > 0 else "worse" if d + half < 0 else "no difference shown"
            )
            comparisons.append(
                {
                    "a": "graphfuse",
                    "b": name,
                    "metric": metric,
                    "difference": d,
                    "ci95": [d - half, d + half],
                    "p": 0.5,
                    "verdict": verdict,
                }
            )
    return {
        "schema": 1,
        "target": "subtype",
        "protocol": {"folds": 5, "repeats": 2, "stratified": True},
        "models": {name: row(accuracy, name) for name, accuracy in MODELS.items()},
        "variants": {"without:rna": row(0.841, "without:rna")},
        "comparisons": comparisons,
    }


def predict(rng, classes, patients, repeats):
    k, tables = len(classes), []
    weights = np.array([0.05, 0.17, 0.07, 0.51, 0.20])[:k] if k > 2 else np.array([0.45, 0.55])
    truth = rng.choice(k, patients, p=weights / weights.sum())
    for repeat in range(repeats):
        logits = rng.normal(0, 1.15, (patients, k)) + 3.2 * np.eye(k)[truth]
        chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        table = {
            "patient": [ID.format(i // 50, i) for i in range(patients)],
            "repeat": repeat,
            "fold": rng.integers(0, 5, patients),
            "truth": np.array(classes)[truth],
            "call": np.array(classes)[chance.argmax(1)],
        }
        tables.append(pd.DataFrame(table | {f"p_{c}": chance[:, i] for i, c in enumerate(classes)}))
    return pd.concat(tables, ignore_index=True)


def _record(classes, predictions, patients):
    once = predictions[predictions["repeat"] == 0]["truth"].value_counts()
    steps = [("columns measured", 6000, 1.0, ""), ("with a gene symbol", 5990, 0.998,
    "no gene symbol"),
             ("symbol in the network", 4870, 0.81, "not in the network"),
             ("in an edge among measured genes", 4510, 0.75, "isolated")]  # fmt: skip
    return {
        "schema": 1,
        "created": "2025-11-23T18:40:12+00:00",
        "cohort": "tcga-brca",
        "manifest": "/home/someone/secret/tcga-brca.toml",
        "recipe": {
            "name": "multiplex",
            "title": "Patient multiplex and gene network",
            "patient": {"similarity": "cosine", "neighbours": 10, "layers": "each"},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 32},
            "select": {"top": None},
        },
        "target": "subtype",
        "classes": list(classes),
        "protocol": {"folds": 5, "repeats": 2, "stratified": True, "test_share": None},
        "seed": 0,
        "device": "cpu",
        "packages": {"graphfuse": "0.1.0", "torch": "2.8.0", "numpy": "2.3.1"},
        "hashes": {"manifest": "a" * 64, "recipe": "b" * 64, "data": "c" * 64},
        "timings": {"load": 3.2, "train": 312.4, "rank": 8011.0},
        "peak_memory_gb": 2.371,
        "notices": [f"{ID.format(0, 3)} has no miRNA", "18 columns are constant and were left out"],
        "fitted": {
            "epochs": 12,
            "fold_epochs": [8, 40, 12, 0, 20],
            "mix": {"joint": 0.41, "rna": 0.42, "meth": 0.05, "mirna": 0.0},
            "gates": {
                "rna": {"modality": 0.83, "patients": 0.10, "network": 0.13},
                "meth": {"modality": 0.46, "patients": 0.02, "network": 0.0},
                "mirna": {"modality": 0.41, "patients": -0.01},
                "clinical": {"modality": 0.41, "patients": 0.0},
            },
            "patients": patients,
            "labelled": patients,
            "presence": {"rna": patients, "meth": patients - 20, "mirna": 3},
            "classes": {c: int(once.get(c, 0)) for c in classes},
            "coverage": {
                "rna": [dict(zip(("step", "count", "share", "reason"), step)) for step in steps]
            },
        },
    }


def _ranking(rng, kind, ids, spread=2.2, **columns):
    n = len(ids)
    mean = 1 + np.sort(rng.gamma(1.2, 1.0, n)).round(2) * np.linspace(1, 12, n)
    table = pd.DataFrame({
        "rank": range(1, n + 1), "kind": kind, "id": ids, "score": np.linspace(1, 0.01, n) ** 2 / 7,
        "sign": rng.choice([-1, 1], n), "rank_mean": mean, "rank_lo": np.maximum(1,
        mean / spread).round(1),
        "rank_hi": (mean * spread).round(1), "selected_frequency": 1.0,
        "method": "integrated gradients", **columns,
    })  # fmt: skip
    return table.reindex(columns=RANKING_COLUMNS)


def _rankings(rng, folder, classes, genes):
    features = [f"rna:{gene}_{2000 + i}" for i, gene in enumerate(genes)] + [
        f"mirna:hsa-mir-{i}" for i in range(150)
    ]
    where = ["rna"] * len(genes) + ["mirna"] * 150
    symbols = list(genes) + [None] * 150
    nodes = _ranking(rng, "feature", features, gene=symbols, modality=where)
    by_class = [nodes.assign(**{"class": c}) for c in classes]
    ends = [(a, b) for a in genes for b in genes if a < b]
    safe_csv(nodes, folder / "nodes.csv")
    safe_csv(pd.concat(by_class), folder / "nodes_by_class.csv")
    safe_csv(
        _ranking(rng, "gene", list(genes), gene=list(genes), modality="rna"), folder / "genes.csv"
    )
    edges = _ranking(
        rng,
        "edge",
        [f"{a}|{b}" for a, b in ends],
        4,
        source=[a for a, _ in ends],
        target=[b for _, b in ends],
    )
    safe_csv(edges, folder / "edges.csv")
    shares = _ranking(rng, "modality", ["rna", "meth", "mirna"], modality=["rna", "meth", "mirna"])
    safe_csv(shares.assign(score=[0.86, 0.09, 0.05]), folder / "modalities.csv")


def _evaluated(folder, seed=3):
    """Adds to a made run what an evaluation does: controls of each graph, subsets, patterns,
    Shapley values, EMAP and groups."""
    rng = np.random.default_rng(seed)
    metrics = json.loads((folder / "metrics.json").read_text())
    plain, variants = metrics["models"]["early"], metrics["variants"]

    def add(name, accuracy, half=0.012):
        variants[name] = plain | {"accuracy": _score(rng, accuracy)}
        metrics["comparisons"] += pairs("graphfuse", name, MODELS["graphfuse"] - accuracy, half)

    for graph, none in (("patient", 0.874), ("gene", 0.860)):
        for kind, more in (("rewired", 0.001), ("random", -0.002), ("identity", 0.0)):
            add(f"{graph}:{kind}", none + more)
            metrics["comparisons"] += pairs(
                f"{graph}:{kind}", f"{graph}:empty", more, 0.011 if more else 0.0
            )
        add(f"{graph}:empty", none)
    for names, accuracy in (("rna+mirna", 0.877), ("rna", 0.871), ("meth", 0.80)):
        add(f"only:{names}", accuracy)
    variants["pattern:rna+meth+mirna+clinical"] = variants["pattern:rna+meth"] = plain
    add("group:site", 0.57)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    shares = {"rna": 0.21, "meth": 0.08, "clinical": 0.003}
    values = [
        {"modality": name, "metric": metric, "value": value, "ci95": [value - 0.02, value + 0.02]}
        for metric in ("macro_f1", "accuracy") for name, value in shares.items()
    ]  # fmt: skip
    groups = [_level("BH", 120, -0.1), _level("A8", 97, 0.02), _level("C8", 3, None)]
    evaluation = {
        "schema": 1,
        "contributions": values,
        "cross_modal": pairs("graphfuse", "additive", 0.002, 0.008),
        "subgroups": [row for rows in groups for row in rows],
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    return folder


def pairs(a, b, difference, half):
    """Comparisons as in `metrics.json`."""
    ends = [difference - half, difference + half]
    verdict = "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "no difference shown"
    about = {"a": a, "b": b, "difference": difference, "ci95": ends, "p": 0.5, "verdict": verdict}
    return [about | {"metric": metric} for metric in ("accuracy", "macro_f1", "auroc")]


def _level(name, patients, gap):
    row = {"group": "site", "level": name, "patients": patients}
    if gap is None:
        none = {
            "score": None,
            "ci95": [None, None],
            "gap": None,
            "gap_ci95": [None, None],
            "verdict": "not scored",
        }
        return [row | none | {"metric": metric} for metric in ("accuracy", "brier")]
    ends = [gap - 0.04, gap + 0.04]
    about = row | {
        "ci95": [0.7, 0.9],
        "gap_ci95": ends,
        "verdict": "gap shown" if abs(gap) > 0.04 else "no gap shown",
    }
    return [
        about | {"metric": "accuracy", "score": 0.8, "gap": gap},
        about | {"metric": "brier", "score": 0.3, "gap": -gap, "gap_ci95": [-ends[1], -ends[0]]},
    ]


def _unrendered(figure, file, **_):
    """Writes an empty picture in place of a figure."""
    file.write('<svg width="1pt" height="1pt" viewBox="0 0 1 1"></svg>')


@pytest.fixture(scope="session")
def quick_figures():
    """`quick_figures()`: a context in which figures are drawn but not rendered and decision curves
    have few points, for pages of which only the words are read."""

    @contextmanager
    def context():
        thresholds = np.linspace(0.1, 0.9, 5)
        few = partial(probability_curves.decision_curve, thresholds=thresholds, draws=40)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("matplotlib.figure.Figure.savefig", _unrendered)
            patch.setattr(decisions, "decision_curve", few)
            yield

    return context


@pytest.fixture
def words_alone(quick_figures):
    """Pages of this test have empty figures."""
    with quick_figures():
        yield


@pytest.fixture(scope="session")
def make_run():
    """Writes a run directory into a folder."""
    return _make_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run directory of 240 patients and five classes; not to be changed."""
    return _make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory):
    """The same with everything an evaluation adds; not to be changed."""
    return _evaluated(_make_run(tmp_path_factory.mktemp("evaluated")))


@pytest.fixture(scope="session")
def predictions():
    """Makes a predictions table: (classes, patients, repeats)."""
    return lambda classes, patients, repeats: predict(
        np.random.default_rng(1), classes, patients, repeats
    )
