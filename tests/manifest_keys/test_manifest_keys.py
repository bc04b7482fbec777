"""Every key of a manifest that its README names, and every value of it, goes through the shell
once: check, train, rank, predict from another folder, report; and every key of a bench's plan."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli import app
from graphfuse.data.load_cohort import load
from graphfuse.data.read import format_of
from graphfuse.errors import InputError
from graphfuse.schema import bench, manifest

README = Path(__file__).parents[2] / "data_manifests" / "README.md"


def omics(file: str, more: str = 'entity = "gene"') -> str:
    return f'file = "{file}"\nkind = "omics"\n{more}'


def of_class(file: str, more: str = "") -> str:
    return f'kind = "class"\nfile = "{file}"\ncolumn = "subtype"\n{more}'


def records(columns: str, types: str) -> dict[str, str]:
    lines = f'file = "records.csv"\nkind = "ehr"\ncolumns = [{columns}]\ntypes = {{ {types} }}'
    return {"modality.records": lines}


BASE = {
    "outcome.subtype": of_class("about.csv"),
    "modality.rna": omics("rna.csv"),
    "modality.meth": omics("meth.csv"),
}
TURNED = 'entity = "gene"\norient = "patients-in-columns"'
SERIES = 'series = { time = "day", variable = "test", value = "result" }'
SURVIVAL = """kind = "survival"
file = "about.csv"
time = ["death", "seen"]
event = { column = "status", value = "dead" }"""


def moved(folder: str) -> dict[str, str]:
    """The three tables in another folder."""
    return {
        "outcome.subtype": of_class(f"{folder}/about.csv"),
        "modality.rna": omics(f"{folder}/rna.csv"),
        "modality.meth": omics(f"{folder}/meth.csv"),
    }


# What is read in another way → the sections of the manifest that say so. The same values come out.
ALIKE = {
    "file: csv.gz": {"modality.rna": omics("rna.csv.gz")},
    "file: tsv": {"modality.rna": omics("rna.tsv")},
    "file: txt": {"modality.rna": omics("rna.txt")},
    "file: gct": {"modality.rna": omics("rna.gct", TURNED)},
    "file: series matrix": {"modality.rna": omics("rna_series_matrix.txt", TURNED)},
    "file: series matrix, gz": {"modality.rna": omics("rna_series_matrix.txt.gz", TURNED)},
    "file: parquet": {"modality.rna": omics("rna.parquet")},
    "file: npz": {"modality.rna": omics("rna.npz")},
    "file: h5ad": {"modality.rna": omics("rna.h5ad")},
    "file: h5ad, everything in it": {
        "outcome.subtype": of_class("rna.h5ad"),
        "modality.rna": omics("rna.h5ad"),
        "groups": 'site = { file = "rna.h5ad", column = "site" }',
    },
    "layer": {"modality.rna": omics("rna.h5ad", 'entity = "gene"\nlayer = "same"')},
    "modality": {
        "outcome.subtype": of_class("both.h5mu", 'modality = "rna"'),
        "modality.rna": omics("both.h5mu", 'entity = "gene"\nmodality = "rna"'),
        "modality.meth": omics("both.h5mu", 'entity = "gene"\nmodality = "meth"'),
        "groups": 'site = { file = "both.h5mu", column = "site", modality = "rna" }',
    },
    "orient": {"modality.rna": omics("turned.csv", TURNED)},
    "orient, as it is": {
        "modality.rna": omics("rna.csv", 'entity = "gene"\norient = "patients-in-rows"')
    },
    "symbol": {"modality.rna": omics("probes.csv", 'symbol = "^(.+)_[0-9]+$"')},
    "ids, map": {"modality.rna": omics("ensembl.csv", 'ids = "ensembl"\nmap = "map.tsv"')},
    "patients.id": {"patients": 'id = "case"', **moved("cased")},
    "patients.level: tcga-patient": {"patients": 'level = "tcga-patient"', **moved("aliquots")},
    "patients.level: tcga-sample": {"patients": 'level = "tcga-sample"', **moved("samples")},
    "source: path, root": {"[source]": 'path = "away"\nroot = "inner"'},
    "source: path, sha256, root": {"[source]": 'path = "a.zip"\nsha256 = "SHA"\nroot = "inner"'},
    "source: url": {"[source]": 'url = "URL/a.zip"\nsha256 = "SHA"\nroot = "inner"'},
    "source: pypi": {"[source]": 'pypi = "tables==1.0"\nsha256 = "WHEEL"\nroot = "inner"'},
    "name, title, licence, citation, how_to_get": {
        "": 'title = "Ours"\nlicence = "none"\ncitation = "us"\nhow_to_get = "ask"'
    },
    "groups: id_slice": {"groups": "tens = { id_slice = [3, 4] }"},
    "groups: file, column": {"groups": 'site = { file = "about.csv", column = "site" }'},
    "labels": {"outcome.subtype": of_class("about.csv", 'labels = { class0 = "a", class1 = "b" }')},
    "derived_from": {"outcome.subtype": of_class("about.csv", 'derived_from = ["rna"]')},
    "survival": {"outcome.life": SURVIVAL},
    "number": {"outcome.age": 'kind = "number"\nfile = "about.csv"\ncolumn = "age"'},
}
# What gives other values.
OTHER = {
    "file: npy": {"modality.rna": omics("rna.npy")},
    "patients.allow_low_overlap": {
        "patients": "allow_low_overlap = true",
        "outcome.subtype": of_class("apart.csv"),
        "modality.meth": omics("apart_meth.csv"),
    },
    "kind: embedding": {"modality.rna": 'file = "rna.csv"\nkind = "embedding"'},
    "values: counts, log1p": {
        "modality.rna": omics("counts.csv", 'values = "counts"\ntransform = "log1p"')
    },
    "values: counts, cpm-log": {
        "modality.rna": omics("counts.csv", 'values = "counts"\ntransform = "cpm-log"')
    },
    "values: counts, none": {
        "modality.rna": omics("counts.csv", 'values = "counts"\ntransform = "none"')
    },
    "values: log": {"modality.rna": omics("log.csv", 'values = "log"')},
    "values: beta": {"modality.meth": omics("beta.csv", 'values = "beta"\nentity = "cpg"')},
    "values: m-value": {"modality.meth": omics("rna.csv", 'values = "m-value"\nentity = "mirna"')},
    "values: z-score": {"modality.rna": omics("z.csv", 'values = "z-score"\nentity = "protein"')},
    "values: binary": {"modality.rna": omics("binary.csv", 'values = "binary"\nentity = "none"')},
    "values: mixed": {"modality.rna": omics("rna.csv", 'values = "mixed"')},
    "columns": {"modality.rna": omics("rna.csv", 'columns = ["G0003", "G0001", "G0002"]')},
    "types": records(
        '"age", "sex", "stage", "start"',
        'age = "numeric", sex = "categorical", stage = "ordinal", start = "date"',
    ),
    "types: levels": records('"mood", "age"', 'mood = ["low", "fair", "good"]'),
    "types: guessed": records('"age", "sex", "stage", "start"', ""),
    "series": {
        "modality.labs": f'file = "labs.csv"\nkind = "ehr"\ncolumns = ["CRP", "LDH"]\n{SERIES}'
    },
}
ROWS = ALIKE | OTHER
# The warnings of check; of every other row there is none.
TOLD = {
    "file: npy": [
        "  - rna: 0 of 14 symbols are in the network; the network writes G0001, G0002, G0003 and "
        "10 more, the table f0, f1, f10 and 11 more: map one to the other"
    ],
    "values: z-score": [
        "  - [modality.rna] z.csv: values look z-scored over the whole cohort: test patients took "
        "part in that scaling, scores may be optimistic"
    ],
}
FEW = ("modality", "patients.level: tcga-patient", "survival", "series")
PLAN = """name = "all"
title = "All"
folds = 2
repeats = 1
recipes = ["one.toml"]
ledger = false
modalities = true
[[cohort]]
cohort = "clinic.toml"
[[cohort]]
cohort = "clinic.toml"
target = "subtype"
without = ["rna"]
called = "less"
recipes = ["one.toml"]
"""


# ------------------------------------------------------------------------ is every key in the table


def text_of(row: dict[str, str]) -> str:
    """A manifest: the base, with these sections in their places."""
    head = row.get("", "")
    sections = {header: lines for header, lines in (BASE | row).items() if header}
    return "\n".join(
        ['name = "clinic"', head, *(f"[{header}]\n{lines}" for header, lines in sections.items())]
    )


def words(value: object) -> set[str]:
    """The keys and values of a table of TOML, at every depth."""
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    if isinstance(value, list):
        return set().union(*map(words, value))
    return {str(value).lower() if isinstance(value, bool) else str(value)}


def gone_through(section: str) -> set[str]:
    """The keys and values that the rows give in a section."""
    read = [tomllib.loads(text_of(row)) for row in ROWS.values()]
    return set().union(*(words(each if section == "" else each.get(section, {})) for each in read))


def spans(text: str) -> set[str]:
    """The words between `backticks`, less what stands in quotation marks."""
    bare = [re.sub(r'"[^"]*"', "", span) for span in re.findall(r"`([^`]+)`", text)]
    return set().union(*(re.findall(r"[\w-]*[a-z][\w-]*", span) for span in bare))


def documented() -> dict[str, set[str]]:
    """Section → keys and values that the README names."""
    text = README.read_text(encoding="utf-8")
    found = {"": set(), "source": set(), "patients": set()}
    first, second = re.findall(r"^\| key \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    for line in first.splitlines():
        cell, meaning = line.strip("|").split("|", 1)
        section = "patients" if "[patients]" in cell else "source" if "…" in cell else ""
        found[section] |= spans(cell) - {"patients", "or"}
        if section == "patients":
            found[section] |= spans(meaning)
    found["modality"] = spans(second)
    for section in ("outcome", "groups"):
        where = rf"^\*\*`\[{section}[.\w]*\]`\*\*.*?\n\n"
        found[section] = spans(re.search(where, text, re.MULTILINE | re.DOTALL)[0])
        found[section] -= {section, "NAME"}
    return found


def test_every_documented_key_and_value_is_in_the_table():
    missing = {name: keys - gone_through(name) for name, keys in documented().items()}
    assert not {name: keys for name, keys in missing.items() if keys}
    assert {"cpm-log", "orient", "mood"} <= documented()["modality"]
    assert {"id_slice", "file"} <= documented()["groups"]
    assert {"derived_from", "event", "number"} <= documented()["outcome"]
    assert {"sha256", "pypi", "root"} <= documented()["source"]
    assert {"level", "tcga-sample", "true"} <= documented()["patients"]


def test_every_format_is_in_the_table():
    with pytest.raises(InputError, match="known: ") as refused:
        format_of(Path("x.unheard"))
    known = set(re.findall(r"\.(\w+)", str(refused.value).split("known: ")[1])) | {"gz"}
    cell = re.search(r"^\| `file` \|(.*)\|$", README.read_text(encoding="utf-8"), re.MULTILINE)[1]
    named = known & set(re.findall(r"\w+", cell))
    files = [word for word in gone_through("modality") if "." in word]
    assert {"csv", "gct", "gz", "npz", "h5mu"} <= named <= {f.split(".")[-1] for f in files}


@pytest.mark.parametrize(
    ("section", "shapes"),
    [
        ("", [manifest.Manifest]),
        ("source", [manifest.Source]),
        ("patients", [manifest.Patients]),
        ("outcome", [manifest.OutcomeSpec, manifest.Event]),
        ("modality", [manifest.ModalitySpec, manifest.Series]),
        ("groups", [manifest.GroupSpec]),
    ],
)
def test_every_key_that_is_read_is_in_the_table(section, shapes):
    keys = set().union(*(shape.model_fields for shape in shapes))
    assert not keys - gone_through(section)


def test_every_key_of_a_plan_is_in_the_plan():
    assert {*bench.Bench.model_fields, *bench.BenchEntry.model_fields} <= words(tomllib.loads(PLAN))


# ----------------------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_values_come_out_however_they_are_written(name, prepared):
    folder = prepared(text_of(ROWS[name]))
    (folder / "plain.toml").write_text(text_of({}))
    got, plain = load(folder / "clinic.toml"), load(folder / "plain.toml")
    for modality in ("rna", "meth"):
        one, other = got.modalities[modality], plain.modalities[modality]
        np.testing.assert_allclose(one.table.to_numpy(), other.table.to_numpy(), rtol=1e-6)
        assert one.symbols == other.symbols
    assert got.outcome().values.tolist() == plain.outcome().values.tolist()


def through_the_shell(name: str, folder: Path, monkeypatch) -> None:
    asked = ["train", "clinic.toml", "-r", "one.toml", "--cv", "2x1", "--no-ledger", "-o", "run"]
    said = done("check", name, ["check", "clinic.toml", "-r", "one.toml", "--cv", "2x1"])
    assert [line for line in said.splitlines() if line.startswith("  - ")] == TOLD.get(name, [])
    done("train", name, asked)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    done("rank", name, ["rank", str(folder / "run")])
    cohort = str(folder / "clinic.toml")
    done("predict", name, ["predict", str(folder / "run"), cohort, "-o", "calls.csv"])
    calls = pd.read_csv("calls.csv")
    assert calls["flag"].isna().all(), f"{name}: patients of training are flagged"
    assert len(calls) == len(load(cohort).patients) >= 40
    assert (folder / "run" / "report.html").stat().st_size > 1000
    assert (folder / "run" / "rankings" / "nodes.csv").is_file()


def done(step: str, name: str, call: list[str]) -> str:
    """What the command prints."""
    found = CliRunner().invoke(app, call)
    assert found.exit_code == 0, f"{name}: {step}: {found.output} {found.exception!r}"
    return found.output


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_some_keys_go_through_the_shell(name, prepared, monkeypatch):
    through_the_shell(name, prepared(text_of(ROWS[name])), monkeypatch)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in ROWS if name not in FEW])
def test_every_other_key_goes_through_the_shell(name, prepared, monkeypatch):
    through_the_shell(name, prepared(text_of(ROWS[name])), monkeypatch)


@pytest.mark.nightly
def test_a_plan_with_every_key_goes_through_the_shell(prepared):
    folder = prepared(text_of({}))
    (folder / "plan.toml").write_text(PLAN)
    done("bench", "plan", ["bench", "--plan", "plan.toml", "-o", "benches"])
    said = " ".join(path.read_text() for path in sorted((folder / "benches").glob("*.md")))
    assert "less" in said and "clinic" in said
