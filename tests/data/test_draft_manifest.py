"""Draft: what is seen in tables is written so that it loads."""

import os
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.draft.draft_manifest import draft
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError
from graphfuse.task.registry import kind_of

ROOT = Path(__file__).parents[2]
REAL = next(
    (p for p in (ROOT / "shared" / "data", ROOT.parent / "shared" / "data") if p.is_dir()),
    ROOT / "none",
)
GENES = [
    a + b + str(i)
    for i, (a, b) in enumerate((a, b) for a in "ABCDEF" for b in ("RAF", "KIT", "TP", "SOX", "MYC"))
]
rng = np.random.default_rng(0)


def tables(folder, ids, flip=()):
    """Four tables of one cohort; those named in `flip` have patients in columns."""
    n = len(ids)
    made = {
        "rna": pd.DataFrame(
            rng.normal(8, 2, (n, 30)), ids, [f"{g}_{i + 10}" for i, g in enumerate(GENES)]
        ),
        "meth": pd.DataFrame(
            rng.beta(0.5, 0.5, (n, 25)) * 0.9 + 0.05, ids, [f"cg{i:08d}" for i in range(25)]
        ),
        "mirna": pd.DataFrame(rng.poisson(99, (n, 22)), ids, [f"hsa-mir-{i}" for i in range(22)]),
        "image": pd.DataFrame(rng.normal(size=(n, 20)) * 500, ids, [f"f{i}" for i in range(20)]),
        "clinical": pd.DataFrame(
            {
                "age": rng.integers(30, 80, n),
                "stage": np.resize(["Stage I", "Stage II"], n),
                "subtype": np.resize(["Basal", "LumA", "LumB"], n),
                "vital_status": np.resize(["Dead", "Alive"], n),
                "days_to_death": np.resize([100.0, np.nan], n),
                "days_to_last_follow_up": np.resize([np.nan, 300.0], n),
                "treatment_type": np.resize(["x", "y"], n),
                "barcode": [f"B{i}" for i in range(n)],
                "constant": "same",
            },
            ids,
        ),
    }
    paths = []
    for name, frame in made.items():
        frame = frame.rename_axis("id")
        (frame.T if name in flip else frame).to_csv(folder / f"{name}.csv")
        paths.append(folder / f"{name}.csv")
    return paths


def drafted(folder, files):
    text = draft(files)
    (folder / "drafted.toml").write_text(text)
    return tomllib.loads(text), load(folder / "drafted.toml"), text


@pytest.mark.parametrize("flip", [(), ("rna",), ("rna", "meth", "mirna", "image")])
def test_what_is_seen_is_written_and_loads(tmp_path, flip):
    table, cohort, _ = drafted(tmp_path, tables(tmp_path, [f"P{i:03d}" for i in range(24)], flip))
    assert len(cohort) == 24 and all(m.present.all() for m in cohort.modalities.values())
    seen = {k: (m["kind"], m.get("values"), m.get("entity")) for k, m in table["modality"].items()}
    assert seen == {
        "rna": ("omics", "log", "gene"),
        "meth": ("omics", "beta", "cpg"),
        "mirna": ("omics", "counts", "mirna"),
        "image": ("embedding", "mixed", "none"),
        "clinical": ("ehr", None, None),
    }
    assert {
        k for k, m in table["modality"].items() if m.get("orient") == "patients-in-columns"
    } == set(flip)
    assert cohort.modalities["rna"].symbols == tuple(GENES)


def test_outcomes_are_found_and_what_follows_them_is_left_out(tmp_path):
    table, cohort, text = drafted(tmp_path, tables(tmp_path, [f"P{i:03d}" for i in range(24)]))
    assert list(table["outcome"]) == ["subtype", "survival"]
    assert table["outcome"]["survival"]["time"] == ["days_to_death", "days_to_last_follow_up"]
    assert table["outcome"]["survival"]["event"] == {"column": "vital_status", "value": "Dead"}
    assert table["modality"]["clinical"]["columns"] == ["age", "stage"]
    assert table["modality"]["clinical"]["types"] == {"age": "numeric", "stage": "ordinal"}
    assert "treatment_type" in text and "vital_status" in text
    assert cohort.outcome("survival").event.sum() == 12
    assert "groups" not in table and "patients" not in table


def test_barcodes_give_level_and_site(tmp_path):
    table, cohort, _ = drafted(
        tmp_path, tables(tmp_path, [f"TCGA-{i % 3}X-{i:04d}-01A" for i in range(24)])
    )
    assert table["patients"] == {"level": "tcga-patient"}
    assert table["groups"] == {"site": {"id_slice": [5, 7]}}
    assert cohort.patients[0] == "TCGA-0X-0000" and set(cohort.groups["site"]) == {"0X", "1X", "2X"}


def test_a_file_of_labels_is_an_outcome_not_a_modality(tmp_path):
    files = tables(tmp_path, [f"P{i:03d}" for i in range(24)])[:2]
    pd.Series(np.resize([0, 1], 24), [f"P{i:03d}" for i in range(24)], name="y").to_csv(
        tmp_path / "labels.csv"
    )
    table, cohort, _ = drafted(tmp_path, [*files, tmp_path / "labels.csv"])
    assert list(table["outcome"]) == ["y"] and list(table["modality"]) == ["rna", "meth"]
    assert cohort.outcome().classes == ("0", "1")


@pytest.mark.parametrize(
    ("column", "kind"), [("score", "number"), ("drug_ic50", "number"), ("age", None)]
)
def test_a_file_of_one_number_each_is_an_outcome_where_its_name_says_so(tmp_path, column, kind):
    ids = [f"P{i:03d}" for i in range(40)]
    files = tables(tmp_path, ids)
    values = pd.Series(np.random.default_rng(3).normal(50, 10, 40), ids, name=column)
    values.rename_axis("id").to_csv(tmp_path / "beside.csv")
    table, cohort, _ = drafted(tmp_path, [*files, tmp_path / "beside.csv"])
    assert ("beside" in table["modality"]) == (kind is None)
    found = cohort.outcomes.get(column)
    assert (found.kind if found else None) == kind


def test_files_in_several_folders_are_named_from_the_common_one(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = tables(tmp_path / "a", [f"P{i:03d}" for i in range(24)])[0]
    second = tables(tmp_path / "b", [f"P{i:03d}" for i in range(24)])[0]
    table, cohort, _ = drafted(tmp_path, [first, second])
    assert [m["file"] for m in table["modality"].values()] == ["a/rna.csv", "b/rna.csv"]
    assert len(cohort.modalities) == 2


def places(folder):
    return [m["file"] for m in tomllib.loads((folder / "m.toml").read_text())["modality"].values()]


def test_paths_are_those_from_where_the_manifest_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data", "elsewhere"):
        (tmp_path / name).mkdir()
    files = [
        path.relative_to(tmp_path)
        for path in tables(tmp_path / "data", [f"P{i:03d}" for i in range(24)])[:2]
    ]
    for folder, first in (
        (Path(), "data/rna.csv"),
        (Path("elsewhere"), "../data/rna.csv"),
        (Path("data"), "rna.csv"),
    ):
        (folder / "m.toml").write_text(draft(files, beside=folder))
        assert places(folder)[0] == first
        assert list(load(folder / "m.toml").modalities) == ["rna", "meth"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_paths_hold_where_a_folder_is_a_link(tmp_path):
    for name in ("deep", "deep/er", "data"):
        (tmp_path / name).mkdir()
    files = tables(tmp_path / "data", [f"P{i:03d}" for i in range(24)])[:2]
    (tmp_path / "link").symlink_to(
        tmp_path / "deep" / "er"
    )  # its parent is not the folder it stands in
    (tmp_path / "link" / "linked").symlink_to(tmp_path / "data")
    (tmp_path / "link" / "m.toml").write_text(
        draft([*files[:1], tmp_path / "link" / "linked" / "meth.csv"], beside=tmp_path / "link")
    )
    assert places(tmp_path / "link") == ["../../data/rna.csv", "linked/meth.csv"]
    assert len(load(tmp_path / "link" / "m.toml").modalities) == 2


def test_proteins_called_as_genes_are_may_be_genes(tmp_path):
    ids = [f"P{i:03d}" for i in range(24)]
    pd.DataFrame(rng.normal(8, 2, (24, 30)), ids, GENES).rename_axis("id").to_csv(
        tmp_path / "proteome.csv"
    )
    spots = [f"spot-{a}{i}" for i, a in enumerate("abcdefghijklmnopqrstuvwxy")]
    pd.DataFrame(rng.normal(8, 2, (24, 25)), ids, spots).rename_axis("id").to_csv(
        tmp_path / "rppa.csv"
    )
    table, _, text = drafted(tmp_path, [tmp_path / "proteome.csv", tmp_path / "rppa.csv"])
    assert {m["entity"] for m in table["modality"].values()} == {"protein"}
    assert (
        text.count(
            '# The columns look like gene symbols: entity = "gene" would let the gene network in.'
        )
        == 1
    )
    assert text.index("look like gene symbols") < text.index("[modality.rppa]")


def test_without_an_outcome_the_draft_says_so_and_loads(tmp_path):
    _, cohort, text = drafted(tmp_path, tables(tmp_path, [f"P{i:03d}" for i in range(24)])[:2])
    assert "# [outcome.NAME]" in text and not cohort.outcomes


def test_awkward_names_are_quoted(tmp_path):
    frame = pd.DataFrame(
        {'a "b" \\ #': [1, 2, 3, 4], "größe (cm)": [1.5, 2.5, 3.5, 4.5], "x": list("uuvv")},
        list("abcd"),
    )
    frame.rename_axis("id").to_csv(tmp_path / "my table [1].csv")
    table, cohort, _ = drafted(tmp_path, [tmp_path / "my table [1].csv"])
    assert table["modality"]["my-table-1"]["columns"] == list(frame.columns)
    assert cohort.modalities["my-table-1"].columns == list(frame.columns)


def test_what_cannot_be_drafted_is_told(tmp_path):
    (tmp_path / "page.csv").write_text("<html></html>")
    with pytest.raises(InputError) as caught:
        draft([tmp_path / "page.csv", tmp_path / "gone.csv"])
    assert "web page" in str(caught.value) and "gone.csv: no such file" in str(caught.value)
    with pytest.raises(InputError, match="no files"):
        draft([])
    (tmp_path / "labels.csv").write_text("id,label\na,x\nb,y\n")
    with pytest.raises(InputError, match="none of the tables can be a modality"):
        draft([tmp_path / "labels.csv"])


@pytest.mark.parametrize("folder", ["rosmap", "covid_omics_ehr", "tcga_acc_mini", "tcga_brca_hif"])
def test_drafts_of_real_tables_load(tmp_path, folder):
    files = sorted((REAL / folder).glob("*.csv*"))
    if not files:
        pytest.skip("the real tables are not here")
    for file in files:
        (tmp_path / file.name).symlink_to(file)
    table, cohort, _ = drafted(tmp_path, [tmp_path / file.name for file in files])
    assert len(cohort) > 90
    columns = [c.lower() for m in table["modality"].values() for c in m.get("columns", [])]
    assert not any(
        word in c
        for c in columns
        for word in ("death", "vital", "treatment", "icu", "vent", "split")
    )


def test_where_a_patient_was_measured_is_a_group_and_no_feature(tmp_path):
    ids = [f"P{i:02d}" for i in range(24)]
    tables(tmp_path, ids)
    clinical = pd.read_csv(tmp_path / "clinical.csv", index_col=0)
    more = {
        "Study Site": np.resize(["north", "south"], 24),
        "primary_site": np.resize(["c1", "c2"], 24),
    }
    more["family_id"] = np.arange(24) // 2
    clinical.assign(**more, batch="one").to_csv(tmp_path / "clinical.csv")
    text = draft([tmp_path / "rna.csv", tmp_path / "clinical.csv"])
    written = tomllib.loads(text)
    assert set(written["groups"]) == {"study site", "family_id"}  # one batch is no group
    assert not {"Study Site", "family_id"} & set(written["modality"]["clinical"]["columns"])
    assert (
        "primary_site" in written["modality"]["clinical"]["columns"]
        and "a group: Study Site, family_id" in text
    )
    (tmp_path / "m.toml").write_text(text)
    assert set(load(tmp_path / "m.toml").groups["study site"]) == {"north", "south"}


def test_a_raw_table_is_drafted_with_its_logarithm(tmp_path):
    ids = [f"P{i:03d}" for i in range(24)]
    raw = pd.DataFrame(np.exp(rng.normal(6, 1.5, (24, 30))), ids, GENES)
    raw.rename_axis("id").to_csv(tmp_path / "rna.csv")
    np.log2(raw + 1).rename_axis("id").to_csv(tmp_path / "logs.csv")
    table, cohort, text = drafted(tmp_path, [tmp_path / "rna.csv", tmp_path / "logs.csv"])
    rna, logs = table["modality"].values()
    assert (rna["values"], rna["transform"]) == ("mixed", "log1p") and "transform" not in logs
    assert "# The values look like raw counts or intensities" in text
    np.testing.assert_allclose(cohort.modalities["rna"].table.to_numpy(), np.log1p(raw.to_numpy()))


def test_ids_beside_row_numbers_are_named(tmp_path):
    ids = [f"S-{number}" for number in range(200, 240)]
    rng = np.random.default_rng(5)
    rna = pd.DataFrame(rng.normal(size=(40, 25)).round(3)).add_prefix("GENE")
    rna.insert(0, "subject_id", ids)
    labels = pd.DataFrame({"subject_id": ids, "group": ["a", "b"] * 20})
    rna.sample(frac=1, random_state=1).to_csv(tmp_path / "rna.csv")
    labels.to_csv(tmp_path / "labels.csv")
    text = draft([tmp_path / "rna.csv", tmp_path / "labels.csv"])
    assert '[patients]\nid = "subject_id"' in text and "[outcome.group]" in text
    (tmp_path / "m.toml").write_text(text)
    cohort = load(tmp_path / "m.toml")
    assert list(cohort.patients) == ids and cohort.modalities["rna"].table.shape == (40, 25)
    truth = dict(zip(ids, labels["group"], strict=True))
    found = cohort.outcome()
    assert [found.classes[code] for code in found.values] == [truth[i] for i in cohort.patients]


def test_columns_of_ids_of_different_names_are_told(tmp_path):
    frame = pd.DataFrame({"subject_id": ["u", "v"], "x": [1.5, 2.5], "y": [1.0, 2.0]})
    frame.to_csv(tmp_path / "a.csv")
    frame.rename(columns={"subject_id": "who"}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(InputError, match=r"b\.csv: has no ids in 'subject_id'"):
        draft([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_names_of_files_do_not_become_names_of_modalities(tmp_path):
    files = tables(tmp_path, [f"P{i:03d}" for i in range(24)])
    for file in files[:2]:
        file.rename(tmp_path / f"train_{file.stem}_normalized.csv")
    table, _, _ = drafted(tmp_path, sorted(tmp_path.glob("train_*.csv")))
    assert sorted(table["modality"]) == ["meth", "rna"]


def test_outcomes_that_train_come_before_those_that_do_not(tmp_path):
    ids = [f"P{i:03d}" for i in range(40)]
    files = tables(tmp_path, ids)[:1]
    pd.Series(rng.normal(size=40), ids, name="target").rename_axis("id").to_csv(tmp_path / "y.csv")
    records = {"os_time": np.arange(40) + 1.0, "os": np.resize([0, 1], 40), "age": 50}
    records["diagnosis"] = np.resize(["case", "control"], 40)
    pd.DataFrame(records, ids).rename_axis("id").to_csv(tmp_path / "clinical.csv")
    table, _, text = drafted(tmp_path, [*files, tmp_path / "y.csv", tmp_path / "clinical.csv"])
    kinds = {name: spec["kind"] for name, spec in table["outcome"].items()}
    assert kinds == {"diagnosis": "class", "target": "number", "survival": "survival"}
    trains = [kind_of(kind).trains for kind in kinds.values()]
    assert trains == sorted(trains, reverse=True) and trains[0] and not trains[-1]
    assert text.count("Kept for later: only outcomes of kind class") == trains.count(False)


def test_codes_for_missing_are_remarked_and_hide_nothing(tmp_path):
    values = rng.normal(8, 2, (30, 30))
    values[rng.random((30, 30)) < 0.05] = -9999
    frame = pd.DataFrame(values, [f"P{i:03d}" for i in range(30)], GENES)
    frame.rename_axis("id").to_csv(tmp_path / "rna.csv")
    text = draft([tmp_path / "rna.csv"])
    assert tomllib.loads(text)["modality"]["rna"]["values"] == "log"
    assert "# -9,999 in" in text and "a code for missing?" in text


def test_symbols_in_columns_are_drafted(tmp_path):
    frame = pd.DataFrame(rng.normal(8, 2, (30, 30)), [f"P{i:03d}" for i in range(30)])
    frame.set_axis([f"{gene} ({40 + i})" for i, gene in enumerate(GENES)], axis=1).to_csv(
        tmp_path / "OmicsExpression.csv"
    )
    table, cohort, _ = drafted(tmp_path, [tmp_path / "OmicsExpression.csv"])
    assert table["modality"]["expression"]["symbol"] == r"^(.+?) \(\d+\)$"
    assert cohort.modalities["expression"].symbols == tuple(GENES)


def test_records_in_capitals_are_no_genes(tmp_path):
    names = ["AGE", "BMI", "LDH", "CRP", "ALT", "AST"]
    frame = pd.DataFrame(rng.normal(50, 9, (30, 6)), [f"P{i:03d}" for i in range(30)], names)
    frame.rename_axis("id").to_csv(tmp_path / "bloods.csv")
    table, _, _ = drafted(tmp_path, [tmp_path / "bloods.csv"])
    assert table["modality"]["bloods"]["columns"] == names


def test_two_columns_that_look_like_ids_are_told_apart_by_the_user(tmp_path):
    people = [f"N{number:02d}" for number in range(12)]
    values = {"ALB": [3.5, 4.1, 2.9] * 4, "CRP": np.linspace(0.5, 80, 12)}
    frame = pd.DataFrame({"sample_no": range(1, 13), "patient_id": people} | values)
    frame.to_csv(tmp_path / "labs.csv", index=False)
    rows = pd.DataFrame({"row": range(12), "patient_id": people, "sex": ["f", "m"] * 6})
    rows.to_csv(tmp_path / "about.csv", index=False)
    with pytest.raises(InputError, match="'sample_no' looks like ids, and so does 'patient_id'"):
        draft([tmp_path / "labs.csv", tmp_path / "about.csv"])
