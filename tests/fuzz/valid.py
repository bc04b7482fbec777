"""The valid inputs that the fuzzer spoils: a small cohort in several formats, a recipe, networks
and folds."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
import pandas as pd

PATIENTS = [f"P{number:02d}" for number in range(24)]
ENSEMBL = [f"ENSG{number:011d}" for number in range(8)]
_TESTS = ("CRP", "LDH")
GENES = ["TP53", "EGFR", "KRAS", "PTEN", "MYC", "ESR1", "GATA3", "CDH1"]

MANIFEST = {
    "name": "clinic",
    "title": "A clinic",
    "licence": "none",
    "patients": {"id": "patient"},
    "outcome": {
        "subtype": {
            "kind": "class",
            "file": "about.csv",
            "column": "subtype",
            "labels": {"0": "calm", "1": "wild"},
            "derived_from": ["rna"],
        },
        "overall": {
            "kind": "survival",
            "file": "about.csv",
            "time": ["days_to_death", "days_to_visit"],
            "event": {"column": "vital", "value": "Dead"},
        },
        "weight": {"kind": "number", "file": "about.csv", "column": "weight"},
    },
    "modality": {
        "rna": {
            "file": "rna.csv",
            "kind": "omics",
            "values": "z-score",
            "entity": "gene",
            "symbol": "^([A-Z0-9]+)$",
        },
        "meth": {
            "file": "meth.tsv",
            "kind": "omics",
            "values": "beta",
            "orient": "patients-in-columns",
        },
        "clinical": {
            "file": "about.csv",
            "kind": "ehr",
            "columns": ["age", "sex", "stage", "seen"],
            "types": {"age": "numeric", "stage": "ordinal", "seen": "date"},
        },
        "labs": {
            "file": "labs.csv",
            "kind": "ehr",
            "columns": ["CRP", "LDH"],
            "series": {"time": "day", "variable": "test", "value": "result"},
        },
        "counts": {
            "file": "counts.csv",
            "kind": "omics",
            "values": "counts",
            "transform": "log1p",
            "entity": "gene",
            "ids": "ensembl",
            "map": "map.tsv",
        },
    },
    "groups": {
        "site": {"file": "about.csv", "column": "site"},
        "ward": {"id_slice": [0, 2]},
    },
}
RECIPE = {
    "name": "tried",
    "patient": {
        "similarity": "cosine",
        "space": "latent",
        "neighbours": 4,
        "rule": "nearest",
        "layers": ["rna", "family"],
        "layer": {"family": {"edges": "family.csv"}, "both": {"of": ["rna", "meth"]}},
    },
    "gene": {"network": "edges.csv", "min_score": 0.3, "aliases": "aliases.csv"},
    "net": {
        "encode": {"default": "table", "gene": "network"},
        "propagate": "mean",
        "fuse": "gated",
        "width": 4,
    },
    "train": {"epochs": 2, "seeds": 1, "learning_rate": [0.003, 0.01], "dropout": 0.1},
    "select": {"top": 6},
    "signalling": {"kinds": {"tran": ["rna"]}, "interact": "tran", "links": []},
    "pathways": {"sets": "sets.gmt", "least": 2},
}
CARD = {
    "name": "of-mine",
    "version": "1",
    "source": [{"path": "."}],
    "edges": {
        "file": "edges.csv",
        "source": "source",
        "target": "target",
        "score": "score",
        "min_score": 0.3,
        "directed": False,
        "ids": "symbol",
        "aliases": "aliases.csv",
    },
    "expect": {"nodes": 7, "edges": 10},
}


@cache
def files() -> dict[str, bytes]:
    """Every file of the cohort but the TOML ones, by name."""
    random = np.random.default_rng(7)
    rna = pd.DataFrame(random.normal(size=(24, 8)).round(3), PATIENTS, GENES)
    rna = rna.rename_axis("patient")
    sites = [f"cg{number:05d}" for number in range(6)]
    meth = pd.DataFrame(random.uniform(0.05, 0.95, (6, 20)).round(3), sites, PATIENTS[:20])
    mapped = [f"{one}\t{gene}" for one, gene in zip(ENSEMBL, GENES, strict=True)]
    made = {
        "rna.csv": rna.to_csv().encode(),
        "labs.csv": _labs(random).to_csv(index=False).encode(),
        "counts.csv": _counts(random).rename_axis("patient").to_csv().encode(),
        "map.tsv": "\n".join(["id\tsymbol", *mapped]).encode(),
        "meth.tsv": meth.rename_axis("site").to_csv(sep="\t").encode(),
        "about.csv": _about(random).to_csv(index=False).encode(),
        "edges.csv": _edges(random).to_csv(index=False).encode(),
        "aliases.csv": b"name,symbol\nP53,TP53\nHER1,EGFR\n",
        "family.csv": b"source,target\nP00,P01\nP02,P03\nP04,P05\n",
        "sets.gmt": b"ONE\tnone\tTP53\tEGFR\tKRAS\nTWO\tnone\tMYC\tESR1\tGATA3\n",
        "folds.csv": _folds().to_csv(index=False).encode(),
    }
    return made | _other_formats(rna)


def _about(random: np.random.Generator) -> pd.DataFrame:
    dead = np.arange(24) % 3 == 0
    days = random.integers(30, 900, 24)
    return pd.DataFrame(
        {
            "patient": PATIENTS,
            "subtype": np.arange(24) % 2,
            "age": random.integers(30, 80, 24),
            "sex": np.where(np.arange(24) % 4 < 2, "female", "male"),
            "stage": np.array(["I", "II", "III", "IV"])[np.arange(24) % 4],
            "seen": [f"2021-03-{day:02d}" for day in range(1, 25)],
            "site": np.array(["north", "south"])[np.arange(24) % 3 % 2],
            "days_to_death": np.where(dead, days, np.nan),
            "days_to_visit": np.where(dead, np.nan, days),
            "vital": np.where(dead, "Dead", "Alive"),
            "weight": random.normal(70, 9, 24).round(1),
        }
    )


def _labs(random: np.random.Generator) -> pd.DataFrame:
    """Measurements, one a row: three days of two tests."""
    rows = [(patient, day, test) for patient in PATIENTS for day in (1, 3, 4) for test in _TESTS]
    frame = pd.DataFrame(rows, columns=["patient", "day", "test"])
    return frame.assign(result=random.uniform(1, 90, len(rows)).round(1))


def _counts(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(random.poisson(90, (24, 8)), PATIENTS, ENSEMBL)


def _edges(random: np.random.Generator) -> pd.DataFrame:
    pairs = [(one, other) for one in GENES for other in GENES if one < other][:16]
    frame = pd.DataFrame(pairs, columns=["source", "target"])
    return frame.assign(score=random.uniform(0.1, 1, len(pairs)).round(3))


def _folds() -> pd.DataFrame:
    patients = PATIENTS * 2
    repeat = np.repeat([0, 1], 24)
    return pd.DataFrame({"patient": patients, "repeat": repeat, "fold": np.arange(48) // 2 % 3})


def _other_formats(rna: pd.DataFrame) -> dict[str, bytes]:
    """The same table as parquet, npz, npy and h5ad."""
    import tempfile
    from pathlib import Path

    import anndata

    parquet, npz, npy = BytesIO(), BytesIO(), BytesIO()
    rna.to_parquet(parquet)
    ids, columns = np.array(rna.index, str), np.array(rna.columns, str)
    np.savez(npz, values=rna.to_numpy(), ids=ids, columns=columns)
    np.save(npy, rna.to_numpy())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "rna.h5ad"
        anndata.AnnData(rna).write_h5ad(place)
        h5ad = place.read_bytes()
    return {
        "rna.parquet": parquet.getvalue(),
        "rna.npz": npz.getvalue(),
        "rna.npy": npy.getvalue(),
        "rna.ids.txt": "\n".join(PATIENTS).encode(),
        "rna.h5ad": h5ad,
    }
