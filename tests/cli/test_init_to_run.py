"""Tables of each kind, from files to a report by the three commands that a newcomer types."""

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

RECIPE = """name = "tiny"
[gene]
network = "edges.csv"
[net]
width = 4
[train]
epochs = 2
seeds = 1
"""
N = 40
IDS = pd.Index([f"P{i:03d}" for i in range(N)], name="id")
GENES = [f"{first}{family}{at}" for at, first in enumerate("ABCDEF") for family in ("KIT", "SOX")]
CLASSES = np.resize(["case", "control"], N)
rng = np.random.default_rng(8)
CASE = (CLASSES == "case")[:, None]
SIGNAL = rng.normal(size=(N, 12)) + 1.5 * CASE * (np.arange(12) < 6)


def labels():
    pd.Series(CLASSES, IDS, name="grp").to_csv("labels.csv")
    return ["labels.csv"]


def frame(values, columns=GENES):
    return pd.DataFrame(values, IDS, columns)


def logs():
    frame(SIGNAL + 8).to_csv("rna.csv")
    return ["rna.csv", *labels()]


def patients_in_columns():
    frame(SIGNAL + 8).T.rename_axis("gene").to_csv("expression.tsv", sep="\t")
    return ["expression.tsv", *labels()]


def raw_counts():
    frame(np.round(np.exp(SIGNAL + 5)).astype(int)).to_csv("data_mrna_seq_v2_rsem.csv")
    return ["data_mrna_seq_v2_rsem.csv", *labels()]


def symbols_beside_ids():
    names = [f"{gene} ({i + 70})" for i, gene in enumerate(GENES)]
    frame(SIGNAL + 8, names).to_csv("OmicsExpression.csv")
    return ["OmicsExpression.csv", *labels()]


def row_numbers():
    frame(SIGNAL + 8).reset_index(names="patient_id").to_csv("rna.csv")
    pd.DataFrame({"patient_id": IDS, "grp": CLASSES}).to_csv("labels.csv")
    return ["rna.csv", "labels.csv"]


def beta_values():
    sites = [f"cg{i:08d}" for i in range(12)]
    frame(1 / (1 + np.exp(-SIGNAL)), sites).to_csv("meth.csv.gz")
    return ["meth.csv.gz", *labels()]


def mutations():
    frame((SIGNAL > 1).astype(int)).to_csv("mutations.csv")
    return ["mutations.csv", *labels()]


def embedding():
    wide = np.c_[SIGNAL, rng.normal(size=(N, 12))]
    frame(wide, [f"f{i}" for i in range(24)]).to_parquet("image_features.parquet")
    return ["image_features.parquet", *labels()]


def records():
    about = {"age": rng.integers(30, 80, N), "stage": np.resize(["I", "II", "III"], N)}
    about |= {"smoker": np.resize(["yes", "no", None], N), "diagnosis": CLASSES}
    about |= {"os_time": np.arange(N) + 1.5, "os": np.resize([0, 1, 1], N)}
    about |= {"hospital": np.resize(["north", "north", "south", "south"], N)}
    pd.DataFrame(about, IDS).to_csv("clinical.csv")
    frame(SIGNAL + 8).to_csv("train_rna.csv")
    return ["train_rna.csv", "clinical.csv"]


def repeated_measurements():
    rows = []
    for patient, own in zip(IDS, SIGNAL, strict=True):
        rows += [(patient, day, f"T{k}", own[k] + day / 9) for day in (1, 4) for k in range(3)]
    pd.DataFrame(rows, columns=["id", "day", "test", "value"]).to_csv("labs.csv", index=False)
    return ["labs.csv", *labels()]


def annotated(genes=GENES):
    observed = pd.DataFrame({"grp": pd.Categorical(CLASSES), "age": np.arange(N) + 30}, IDS)
    return anndata.AnnData(SIGNAL + 8, obs=observed, var=pd.DataFrame(index=genes))


def an_anndata():
    annotated().write_h5ad("cells.h5ad")
    return ["cells.h5ad"]


def a_mudata():
    parts = {"rna": annotated(), "meth": annotated([f"cg{i:07d}" for i in range(12)])}
    mudata.MuData(parts).write("all.h5mu")
    return ["all.h5mu"]


KINDS = [
    logs, patients_in_columns, raw_counts, symbols_beside_ids, row_numbers, beta_values, mutations,
    embedding, records, repeated_measurements, an_anndata, a_mudata,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:From 0.4:FutureWarning")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_init_drafts_check_passes_and_run_trains(kind, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    files = kind()
    edges = pd.DataFrame({"source": GENES[:-1], "target": GENES[1:]})
    edges.to_csv("edges.csv", index=False)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    done = call("init", *files, "-o", "m.toml")
    assert done.exit_code == 0 and "(class)" in done.output
    done = call("check", "m.toml")
    assert done.exit_code == 0 and "No faults." in done.output, done.output
    assert "warnings:" not in done.output, done.output
    options = ("--recipe", "tiny.toml", "--cv", "2x1", "--no-ledger", "-q")
    done = call("run", "m.toml", "-o", "out", *options)
    assert done.exit_code == 0, done.exception
    predictions = pd.read_csv("out/predictions.csv")
    assert sorted(predictions["patient"]) == list(IDS)
    assert (predictions["truth"] == predictions["call"]).mean() > 0.7
