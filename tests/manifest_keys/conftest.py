"""A clinic whose tables stand in every format, on every scale and in every place that a manifest
may name."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.synth import planted

RECIPE = """name = "one"
[net]
width = 4
encode = { default = "table", gene = "network" }
[train]
epochs = 1
seeds = 1
[gene]
network = "net.csv"
"""


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    """A working folder with every file that a row may name."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GRAPHFUSE_CACHE", str(tmp_path / "cache"))
    truth = planted(40, {"rna": 14, "meth": 12}, carriers=4, effect=2.0, seed=5)
    rna, meth = (truth.cohort.modalities[name].table for name in ("rna", "meth"))
    about = about_of(truth.cohort)
    for name, frame in {"rna": rna, "meth": meth, "about": about}.items():
        frame.to_csv(f"{name}.csv")
        frame.reset_index(names="case")[[*frame, "case"]].to_csv(into("cased", name), index=False)
        aliquots = [f"TCGA-AB-{patient[1:]}-01A-11R-1234-0{len(name)}" for patient in frame.index]
        frame.set_axis(aliquots).to_csv(into("aliquots", name), index_label="barcode")
        frame.set_axis(aliquots).to_csv(into("samples", name), index_label="barcode")
        frame.to_csv(into("away/inner", name))
    truth.network.to_csv("net.csv", index=False)
    Path("one.toml").write_text(RECIPE)
    write_formats(rna, meth, about)
    write_values(rna)
    write_names(rna)
    write_apart(meth, about)
    write_records(about)
    return folder


def into(folder: str, name: str) -> Path:
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) / f"{name}.csv"


def about_of(cohort) -> pd.DataFrame:
    """What is known of the patients: labels, sites, ages, and how long they lived."""
    rng, outcome = np.random.default_rng(3), cohort.outcome()
    dead = rng.random(len(cohort.patients)) < 0.6
    days = rng.integers(10, 900, len(dead))
    return pd.DataFrame(
        {
            "subtype": [outcome.classes[code] for code in outcome.values],
            "site": cohort.groups["site"],
            "age": rng.integers(30, 80, len(dead)),
            "status": np.where(dead, "dead", "alive"),
            "death": pd.Series(days).where(dead).to_numpy(),
            "seen": days,
        },
        pd.Index(cohort.patients, name="patient"),
    )


def write_formats(rna, meth, about) -> None:
    """The transcripts in every format."""
    import anndata
    import mudata

    rna.to_csv("rna.csv.gz")
    rna.to_csv("rna.tsv", sep="\t")
    rna.to_csv("rna.txt", sep="\t")
    rna.to_parquet("rna.parquet")
    rna.T.to_csv("turned.csv", index_label="gene")
    np.save("rna.npy", rna.to_numpy())
    Path("rna.ids.txt").write_text("\n".join(rna.index) + "\n")
    names = {"ids": np.array(rna.index, dtype=str), "columns": np.array(rna.columns, dtype=str)}
    np.savez("rna.npz", values=rna.to_numpy(), **names)
    described = rna.T.rename_axis("Name").reset_index()
    described.insert(1, "Description", "na")
    head = f"#1.2\n{rna.shape[1]}\t{len(rna)}\n"
    Path("rna.gct").write_text(head + described.to_csv(sep="\t", index=False))
    body = rna.T.to_csv(sep="\t", index_label="ID_REF")
    head = '!Series_title\t"Ours"\n!series_matrix_table_begin\n'
    Path("rna_series_matrix.txt").write_text(f"{head}{body}!series_matrix_table_end\n")
    whole = Path("rna_series_matrix.txt").read_bytes()
    Path("rna_series_matrix.txt.gz").write_bytes(gzip.compress(whole, mtime=0))
    parts = {
        name: anndata.AnnData(
            frame.to_numpy(),
            obs=about[["subtype", "site"]],
            var=pd.DataFrame(index=frame.columns),
            layers={"same": frame.to_numpy()},
        )
        for name, frame in {"rna": rna, "meth": meth}.items()
    }
    parts["rna"].write_h5ad("rna.h5ad")
    mudata.MuData(parts).write_h5mu("both.h5mu")


def write_values(rna) -> None:
    """The transcripts on other scales."""
    np.floor(np.exp(rna / 2 + 4)).to_csv("counts.csv")
    (rna + 8).to_csv("log.csv")
    (1 / (1 + np.exp(-rna))).to_csv("beta.csv")
    ((rna - rna.mean()) / rna.std(ddof=0)).to_csv("z.csv")
    (rna > 0).astype(int).to_csv("binary.csv")


def write_names(rna) -> None:
    """The transcripts under other names, and a folder, an archive and a wheel of all tables."""
    rna.add_suffix("_1").to_csv("probes.csv")
    ids = [f"ENSG{number:011d}" for number in range(1, rna.shape[1] + 1)]
    rna.set_axis(ids, axis=1).to_csv("ensembl.csv")
    pd.DataFrame({"id": ids, "symbol": rna.columns}).to_csv("map.tsv", sep="\t", index=False)
    wheel = Path("tables-1.0-py3-none-any.whl")
    about = "Metadata-Version: 2.1\nName: tables\nVersion: 1.0\n"
    built = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for archive in (Path("a.zip"), wheel):
        with zipfile.ZipFile(archive, "w") as bundle:
            for file in sorted(Path("away/inner").iterdir()):
                bundle.write(file, f"inner/{file.name}")
            bundle.writestr("tables-1.0.dist-info/METADATA", about)
            bundle.writestr("tables-1.0.dist-info/WHEEL", built)
            bundle.writestr("tables-1.0.dist-info/RECORD", "")


def write_apart(meth, about) -> None:
    """Methylation of other patients, but two."""
    renamed = [name if at < 2 else f"Q{name[1:]}" for at, name in enumerate(meth.index)]
    meth.set_axis(renamed).to_csv("apart_meth.csv", index_label="patient")
    everyone = pd.concat([about, about.set_axis(renamed).iloc[2:]])
    everyone.to_csv("apart.csv", index_label="patient")


def write_records(about) -> None:
    """Records, and two tests at three times."""
    count = range(len(about))
    found = pd.DataFrame(
        {
            "age": about["age"],
            "sex": [("f", "m")[at % 2] for at in count],
            "stage": [("I", "II", "III")[at % 3] for at in count],
            "start": [f"2020-0{1 + at % 9}-1{at % 7}" for at in count],
            "mood": [("low", "good", "fair")[at % 3] for at in count],
        }
    )
    found.to_csv("records.csv")
    rng = np.random.default_rng(8)
    rows = [
        (patient, day, test, round(float(rng.normal(20, 4)), 2))
        for patient in about.index
        for day in (1, 3, 8)
        for test in ("CRP", "LDH")
    ]
    columns = ["patient", "day", "test", "result"]
    pd.DataFrame(rows, columns=columns).to_csv("labs.csv", index=False)


@pytest.fixture
def prepared(clinic, monkeypatch):
    """Writes a manifest and gives its folder; archives stand behind http and where pip
    looks."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": say_nothing})
    served = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(quiet, directory=str(clinic))
    )
    threading.Thread(target=served.serve_forever, daemon=True).start()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(clinic))

    def prepare(text: str) -> Path:
        archive, wheel = clinic / "a.zip", clinic / "tables-1.0-py3-none-any.whl"
        text = text.replace("URL", f"http://127.0.0.1:{served.server_port}")
        text = text.replace("SHA", hashlib.sha256(archive.read_bytes()).hexdigest())
        text = text.replace("WHEEL", hashlib.sha256(wheel.read_bytes()).hexdigest())
        (clinic / "clinic.toml").write_text(text)
        return clinic

    yield prepare
    served.shutdown()
    served.server_close()


def say_nothing(*_) -> None:
    pass
