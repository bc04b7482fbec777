"""Check: what is matched, mapped and declared; faults gathered, nothing raised."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort_checks.cohort_check import check
from graphfuse.errors import InputError

MANIFEST = """
name = "made"
[outcome.subtype]
kind = "class"
file = "labels.csv"
column = "label"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "log"
entity = "gene"
[modality.prot]
file = "prot.csv"
kind = "omics"
[groups]
site = { id_slice = [0, 1] }
"""


def write(folder, manifest=MANIFEST):
    rng = np.random.default_rng(0)
    rna = pd.DataFrame(
        rng.normal(8, 2, (6, 3)),
        index=[f"P{i}" for i in range(6)],
        columns=["TP53", "ESR1", "2-Sep"],
    )
    rna.to_csv(folder / "rna.csv")
    pd.DataFrame(rng.normal(size=(3, 2)), index=["P4", "P5", "Q6"], columns=["a", "b"]).to_csv(
        folder / "prot.csv"
    )
    pd.Series(list("AABBA"), index=["P0", "P1", "P2", "P3", "Q6"], name="label").to_csv(
        folder / "labels.csv"
    )
    (folder / "made.toml").write_text(manifest)
    return folder / "made.toml"


def test_the_table_counts_patients_and_columns(tmp_path):
    found = check(write(tmp_path))
    assert found.faults == [] and len(found.cohort) == 7
    rna, prot = found.match.loc["rna"], found.match.loc["prot"]
    assert (rna["patients"], rna["columns"], rna["genes"], rna["only_here"], rna["labelled"]) == (
        6,
        3,
        3,
        4,
        4,
    )
    assert (prot["patients"], prot["genes"], prot["only_here"], prot["labelled"]) == (3, 0, 1, 1)
    assert (rna["declared"], rna["looks_like"]) == ("log", "log")
    assert found.patterns.to_dict() == {"rna": 4, "rna + prot": 2, "prot": 1}


def test_it_reads_well_and_shows_no_patient(tmp_path):
    said = str(check(write(tmp_path)))
    for words in (
        "made: 7 patients",
        "<5 patients have rna",
        "A <5, B <5; unlabelled some or none",
        "group site: 2 values",
    ):
        assert words in said
    assert "2-Sep" in said and "The tables have no faults." in said and "No faults" not in said
    assert not any(patient in said for patient in ("P0", "P5", "Q6"))


def test_a_patient_without_a_site_is_no_site(tmp_path):
    manifest = write(
        tmp_path,
        MANIFEST.replace("{ id_slice = [0, 1] }", '{ file = "sites.csv", column = "site" }'),
    )
    pd.Series(["a", "a", "b", None], index=["P0", "P1", "P2", "P3"], name="site").to_csv(
        tmp_path / "sites.csv"
    )
    assert "group site: 2 values, <5 to <5 patients each; some or none unknown" in str(
        check(manifest)
    )


def test_faults_are_gathered_not_raised(tmp_path):
    bad = MANIFEST.replace('values = "log"', 'values = "counts"').replace(
        'column = "label"', 'column = "labl"'
    )
    found = check(write(tmp_path, bad))
    assert len(found.faults) == 2 and "No faults" not in str(found)
    with pytest.raises(InputError, match="2 things to correct"):
        found.stop()


def test_without_a_cohort_the_faults_are_still_told(tmp_path):
    found = check(write(tmp_path, MANIFEST.replace("rna.csv", "none.csv")))
    assert found.cohort is None and "none.csv" in found.faults[0]


def test_a_manifest_that_cannot_be_read_raises(tmp_path):
    with pytest.raises(InputError, match="not valid TOML"):
        check(write(tmp_path, "name = "))


def test_small_classes_are_a_warning(tmp_path):
    said = str(check(write(tmp_path)))
    assert (
        "classes 'A', 'B': fewer than 5 labelled patients, too few for the 5 folds" in said
        and "--cv" in said
    )


def test_one_is_one_and_not_many(tmp_path):
    said = str(check(write(tmp_path)))
    assert (
        "<5 patients have rna" in said
        and "  <5 patients have prot" in said
        and "1 patients" not in said
    )


@pytest.mark.parametrize(
    ("columns", "entity", "noted"),
    [
        (["TP53", "ESR1", "AKT1"], "protein", True),
        (["spot-a", "spot-b", "p"], "protein", False),
        (["TP53", "ESR1", "AKT1"], "gene", False),
    ],
    ids=["symbols", "other names", "genes already"],
)
def test_proteins_with_symbols_are_told_of_the_gene_network(tmp_path, columns, entity, noted):
    path = write(tmp_path, MANIFEST.replace('entity = "gene"', f'entity = "{entity}"'))
    pd.read_csv(tmp_path / "rna.csv", index_col=0).set_axis(columns, axis=1).to_csv(
        tmp_path / "rna.csv"
    )
    said = [
        notice
        for notice in check(path).notices
        if notice.startswith("[modality.rna] its columns look like gene symbols")
    ]
    assert bool(said) == noted and all('entity = "gene" lets it in' in notice for notice in said)
