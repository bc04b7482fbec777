"""Manifests: what a cohort becomes, and every bad input with one clear message."""

import logging
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError

ROOT = Path(__file__).parents[2]
REAL = next(
    (p for p in (ROOT / "shared" / "data", ROOT.parent / "shared" / "data") if p.is_dir()),
    ROOT / "none",
)

MANIFEST = """
name = "made"
title = "A made cohort"
licence = "CC0"
[outcome.subtype]
kind = "class"
file = "labels.csv"
column = "label"
labels = { 0 = "A", 1 = "B" }
derived_from = ["rna"]
[outcome.overall]
kind = "survival"
file = "clinical.csv"
time = ["days_to_death", "days_to_last"]
event = { column = "vital", value = "Dead" }
[outcome.score]
kind = "number"
file = "clinical.csv"
column = "score"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "log"
entity = "gene"
symbol = "^(.+)_[0-9]+$"
[modality.prot]
file = "prot.tsv"
kind = "omics"
orient = "patients-in-columns"
[modality.clinical]
file = "clinical.csv"
kind = "ehr"
columns = ["age", "stage", "sex", "code"]
types = { stage = "ordinal", code = "categorical" }
[groups]
site = { id_slice = [0, 2] }
ward = { file = "clinical.csv", column = "ward" }
"""
FILES = {
    "rna.csv": "id,TP53_7157,ESR1_2099,odd\nAA1,1.5,2.5,3.5\nAA2,4.5,,6.5\nBB3,7.5,8.5,9.5\n",
    "prot.tsv": "protein\tBB3\tAA1\tCC4\nP1\t1\t2\t3\nP2\t-4\t5\t6\n",
    "labels.csv": "id,label\nAA1,0\nAA2,1\nBB3,1\nZZ9,0\n",
    "clinical.csv": (
        "id,age,stage,sex,code,days_to_death,days_to_last,vital,score,ward\n"
        "AA1,50,Stage I,f,1.0,,100,Alive,0.5,x\n"
        "AA2,Unknown,Stage IIA,m,2.0,30,,Dead,1.5,\n"
        "BB3,70,not reported,f,,0,,Dead,,1\n"
        "CC4,60,Stage X,NA,1.0,,200,,2.5,1.0\n"
    ),
}


def write(folder, manifest=MANIFEST, **files):
    for name, text in {**FILES, **files}.items():
        if text is not None:
            (folder / name).write_text(text)
    (folder / "made.toml").write_text(manifest)
    return folder / "made.toml"


def fault(folder, manifest=MANIFEST, **files):
    """The one message of a bad input."""
    with pytest.raises(InputError) as caught:
        load(write(folder, manifest, **files))
    return str(caught.value)


def test_a_cohort_is_what_its_manifest_says(tmp_path):
    cohort = load(write(tmp_path))
    assert list(cohort.patients) == ["AA1", "AA2", "BB3", "CC4"]
    assert list(cohort.modalities) == ["rna", "prot", "clinical"]
    rna = cohort.modalities["rna"]
    assert rna.symbols == ("TP53", "ESR1", None) and rna.values == "log" and rna.entity == "gene"
    assert list(rna.present) == [True, True, True, False]
    assert np.isnan(rna.table.loc["CC4"]).all() and rna.table.loc["BB3", "ESR1_2099"] == 8.5
    prot = cohort.modalities["prot"]
    assert list(prot.columns) == ["P1", "P2"] and prot.table.loc["BB3"].tolist() == [1, -4]
    assert list(prot.present) == [True, False, True, True]


def test_records_are_typed_and_unknown_is_missing(tmp_path):
    clinical = load(write(tmp_path)).modalities["clinical"]
    assert clinical.types == {
        "age": "numeric",
        "stage": "ordinal",
        "sex": "categorical",
        "code": "categorical",
    }
    assert clinical.table["age"].dtype == float and np.isnan(clinical.table.loc["AA2", "age"])
    assert clinical.table["stage"].tolist()[:2] == ["Stage I", "Stage IIA"]
    assert clinical.table.loc[["BB3", "CC4"], "stage"].isna().all()
    assert clinical.table["code"].tolist()[:2] == ["1", "2"] and pd.isna(
        clinical.table.loc["CC4", "sex"]
    )


def test_outcomes_are_read(tmp_path):
    cohort = load(write(tmp_path))
    assert list(cohort.outcomes) == ["subtype", "overall", "score"]
    subtype = cohort.outcome()
    assert (
        subtype.classes == ("A", "B")
        and list(subtype.values) == [0, 1, 1, -1]
        and subtype.derived_from == ("rna",)
    )
    overall = cohort.outcome("overall")  # time 0 and a blank status are unknown
    assert overall.values.tolist()[:2] == [100, 30] and np.isnan(overall.values[2:]).all()
    assert overall.event[:2].tolist() == [False, True]
    assert np.array_equal(cohort.outcome("score").values, [0.5, 1.5, np.nan, 2.5], equal_nan=True)


def test_groups_and_origin(tmp_path):
    cohort = load(write(tmp_path))
    assert list(cohort.groups["site"]) == ["AA", "AA", "BB", "CC"]
    assert list(cohort.groups["ward"]) == ["x", "unknown", "1", "1"]
    assert cohort.about["title"] == "A made cohort" and cohort.about["licence"] == "CC0"
    assert (
        cohort.about["manifest"].endswith("made.toml")
        and len(cohort.about["manifest_sha256"]) == 64
    )


def test_patients_without_a_modality_are_dropped_with_a_notice(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        cohort = load(write(tmp_path))
    assert "ZZ9" not in cohort.patients
    assert "<5 patients have an outcome but no modality" in caplog.text
    assert not any(patient in caplog.text for patient in ("ZZ9", "AA1", "CC4"))


def test_row_order_and_repetition_change_nothing(tmp_path):
    first = load(write(tmp_path))
    head, *rows = FILES["rna.csv"].splitlines()
    again = load(write(tmp_path, **{"rna.csv": "\n".join([head, *reversed(rows)])}))
    assert first.digest() == again.digest()


def test_columns_of_outcomes_and_groups_are_no_features_of_the_same_file(tmp_path):
    text = (
        FILES["rna.csv"]
        .replace("odd", "label")
        .replace("3.5", "0")
        .replace("6.5", "1")
        .replace(",9.5", ",1")
    )
    cohort = load(
        write(tmp_path, MANIFEST.replace('"labels.csv"', '"rna.csv"'), **{"rna.csv": text})
    )
    assert cohort.modalities["rna"].columns == ["TP53_7157", "ESR1_2099"]


# ---------------------------------------------------------------------------------------------- bad


def test_every_fault_is_told_at_once(tmp_path):
    bad = (
        MANIFEST.replace('"rna.csv"', '"rnaa.csv"')
        .replace('"age"', '"agee"')
        .replace('column = "ward"', 'column = "wrd"')
    )
    said = fault(tmp_path, bad)
    assert (
        "[modality.rna] file: no such file 'rnaa.csv'" in said and "did you mean 'rna.csv'" in said
    )
    assert "clinical.csv: no column 'agee' (did you mean 'age'?)" in said
    assert "made.toml: " in said and "things to correct" in said


def test_unknown_keys_and_names_are_told(tmp_path):
    assert "unknown key 'valuess' (did you mean 'values'?)" in fault(
        tmp_path, MANIFEST.replace('values = "log"', 'valuess = "log"')
    )
    with pytest.raises(InputError, match="did you mean 'tcga-brca'"):
        load("tcga-brac")


def test_how_to_get_is_told_for_missing_files(tmp_path):
    said = fault(tmp_path, 'how_to_get = "apply at dbGaP"\n' + MANIFEST, **{"rna.csv": None})
    assert "apply at dbGaP" in said


def test_an_id_column_that_is_not_there(tmp_path):
    said = fault(
        tmp_path,
        MANIFEST.replace("title", '[patients]\nid = "idd"\n[outcome]\n#', 1).replace(
            "licence", "#"
        ),
    )
    assert (
        "no id column 'idd' (did you mean 'id'?)" in said
        and "labels.csv" in said
        and "rna.csv" in said
    )


def test_no_patient_in_common_names_both_files_and_shows_only_patterns(tmp_path):
    text = (
        FILES["rna.csv"]
        .replace("AA1", "TCGA-AA-0001-01A")
        .replace("AA2", "TCGA-AA-0002-01A")
        .replace("BB3", "TCGA-BB-0003-01A")
    )
    said = fault(tmp_path, **{"rna.csv": text})
    assert "no patient in common" in said and "rna.csv" in said and "labels.csv" in said
    assert "AAAA-AA-9999-99A" in said and "AA9" in said and 'level = "tcga-patient"' in said
    assert "0001" not in said and "BB3" not in said


def test_two_omics_apart_from_their_records_are_noticed(tmp_path):
    renamed = {
        n: FILES[n].replace("AA", "XX-").replace("BB", "YY-").replace("CC", "XX-")
        for n in ("rna.csv", "prot.tsv")
    }
    said = fault(tmp_path, **renamed)
    assert "no patient in common" in said and "AA-9" in said


def test_barcodes_are_cut_and_spelt_alike(tmp_path):
    barcodes = {
        "AA1": "TCGA-AA-0001",
        "AA2": "TCGA-AA-0002",
        "BB3": "TCGA-BB-0003",
        "CC4": "TCGA-CC-0004",
        "ZZ9": "TCGA-ZZ-0009",
    }
    files = {}
    for at, (name, text) in enumerate(FILES.items()):
        for short, code in barcodes.items():
            full = [f"{code}-01A-11R", code.lower().replace("-", "."), code, f" {code} "][at]
            text = text.replace(short, full)
        files[name] = text
    manifest = MANIFEST.replace(
        "[outcome.subtype]", '[patients]\nlevel = "tcga-patient"\n[outcome.subtype]'
    )
    cohort = load(write(tmp_path, manifest, **files))
    assert list(cohort.patients) == sorted(barcodes.values())[:4]
    assert cohort.modalities["rna"].present.sum() == 3
    files["rna.csv"] += "TCGA-AA-0001-11A-22R,1.5,2.5,3.5\n"
    said = fault(tmp_path, manifest, **files)
    assert (
        "1 patients have more than one row" in said
        and "01 × 1, 11 × 1" in said
        and "AA-0001" not in said
    )
    assert "are no TCGA barcodes" in fault(tmp_path, manifest)


def test_an_ehr_column_that_is_the_outcome_is_a_fault(tmp_path):
    said = fault(tmp_path, MANIFEST.replace('"age", "stage"', '"age", "vital", "stage"'))
    assert "'vital' is the outcome ([outcome.overall]); remove it" in said


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('values = "log"', 'values = "counts"', 'declared values = "counts"'),
        ('values = "log"', 'values = "beta"', "outside 0 to 1"),
        ('"^(.+)_[0-9]+$"', '"^(.+)@[0-9]+$"', "yields no gene symbol"),
        ('"^(.+)_[0-9]+$"', '"^(.+_[0-9]+$"', "no regular expression"),
        ('value = "Dead"', 'value = "Deceased"', "no events (values: Alive, Dead)"),
        ('column = "score"', 'column = "scor"', "did you mean 'score'"),
        ('column = "score"', 'column = "stage"', "no numbers"),
        ('{ 0 = "A", 1 = "B" }', '{ 0 = "A", 2 = "B" }', "not among labels"),
        (
            'stage = "ordinal"',
            'stage = "numeric"',
            "column 'stage' is numeric, but 3 values are text",
        ),
        ('stage = "ordinal"', 'stag = "ordinal"', "not among columns (did you mean 'stage'?)"),
        ("id_slice = [0, 2]", "id_slice = [20, 22]", "outside every patient id"),
    ],
)
def test_what_contradicts_the_data_is_a_fault(tmp_path, old, new, said):
    assert old in MANIFEST
    assert said in fault(tmp_path, MANIFEST.replace(old, new))


@pytest.mark.parametrize(
    "file, old, new, said",
    [
        ("rna.csv", "AA2,", "AA1,", "patient ids appear more than once (rows 1, 2)"),
        ("rna.csv", "ESR1_2099", "TP53_7157", "columns appear more than once (TP53_7157)"),
        ("rna.csv", "2.5", "two", "columns hold text (ESR1_2099"),
        ("rna.csv", "2.5", "inf", "infinite"),
        ("labels.csv", "ZZ9,0", "ZZ9,x", None),
        ("labels.csv", "AA2,1", "AA2,x", "not among labels"),
        ("clinical.csv", "70,", "70 years,", "column 'age'"),
    ],
)
def test_what_is_wrong_in_a_file_names_it(tmp_path, file, old, new, said):
    text = FILES[file].replace(old, new)
    assert text != FILES[file]
    manifest = MANIFEST.replace('stage = "ordinal"', 'stage = "ordinal", age = "numeric"')
    if said is None:  # a patient who is in no modality
        assert len(load(write(tmp_path, manifest, **{file: text}))) == 4
        return
    told = fault(tmp_path, manifest, **{file: text})
    assert said in told and (file in told or "outcome 'subtype'" in told)


def test_labels_that_differ_only_in_case_are_a_fault(tmp_path):
    text = "id,label\nAA1,LumA\nAA2,luma\nBB3,Basal\n"
    assert "differ only in case" in fault(
        tmp_path, MANIFEST.replace('labels = { 0 = "A", 1 = "B" }', ""), **{"labels.csv": text}
    )


def test_a_flipped_table_is_told(tmp_path):
    said = fault(tmp_path, MANIFEST.replace('orient = "patients-in-columns"', ""))
    assert "no patient in common" in said and 'orient = "patients-in-columns"' in said


def test_events_compare_as_text(tmp_path):
    text = FILES["clinical.csv"].replace("Alive", "0.0").replace("Dead", "1.0")
    cohort = load(
        write(tmp_path, MANIFEST.replace('value = "Dead"', "value = 1"), **{"clinical.csv": text})
    )
    assert cohort.outcome("overall").event[:2].tolist() == [False, True]


def test_ensembl_ids_find_their_symbols_whatever_the_version(tmp_path):
    text = (
        FILES["rna.csv"]
        .replace("TP53_7157", "ENSG00000141510.17")
        .replace("ESR1_2099", "ENSG00000091831")
    )
    (tmp_path / "map.tsv").write_text(
        "id\tsymbol\nENSG00000141510.1\tTP53\nENSG00000091831.2\tESR1\n"
    )
    manifest = MANIFEST.replace('symbol = "^(.+)_[0-9]+$"', 'ids = "ensembl"\nmap = "map.tsv"')
    assert load(write(tmp_path, manifest, **{"rna.csv": text})).modalities["rna"].symbols == (
        "TP53",
        "ESR1",
        None,
    )


def test_a_notice_for_small_classes_and_low_overlap(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        load(write(tmp_path))
    assert (
        "[outcome.subtype] classes 'A', " in caplog.text
        and "fewer than 5 labelled patients" in caplog.text
    )


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "tcga_brca").is_dir(), reason="the real tables are not here")
def test_the_shipped_manifest_fits_the_real_tables(tmp_path):
    text = (ROOT / "data_manifests" / "tcga-brca.toml").read_text()
    source = text[text.index("[[source]]") : text.index("[patients]")]
    (tmp_path / "made.toml").write_text(text.replace(source, '[[source]]\npath = "files"\n'))
    (tmp_path / "files").mkdir()
    for name in ("rna", "meth", "mirna", "clinical"):
        plain = pd.read_csv(REAL / "tcga_brca" / f"{name}.csv.gz", dtype=str, keep_default_na=False)
        plain.columns = [
            c if c not in ("vital_status.1", "days_to_death.1") else c[:-2] for c in plain.columns
        ]
        plain.to_csv(tmp_path / "files" / f"{name}.csv", index=False)
    shutil.copy(REAL / "tcga_brca" / "pam50.csv", tmp_path / "files" / "pam50.csv")
    cohort = load(tmp_path / "made.toml")
    subtype = cohort.outcome()
    assert dict(zip(subtype.classes, np.bincount(subtype.values), strict=True)) == {
        "Normal-like": 34, "Basal": 130, "HER2": 46, "LumA": 419, "LumB": 140,
    }  # fmt: skip
    assert (len(cohort), len(set(cohort.groups["site"]))) == (769, 40)
    overall = cohort.outcome("overall")
    assert (int(overall.known.sum()), int(overall.event[overall.known].sum())) == (766, 100)
    assert cohort.modalities["rna"].symbols[0] == "ESR1" and all(cohort.modalities["rna"].symbols)


def test_every_shipped_manifest_is_valid():
    from graphfuse.files.toml import parse
    from graphfuse.schema import Manifest

    for path in (ROOT / "data_manifests").glob("*.toml"):
        manifest = parse(tomllib.loads(path.read_text()), Manifest, str(path))
        assert manifest.name == path.stem and manifest.licence and manifest.citation


def test_an_empty_table_is_a_modality_nobody_has(tmp_path):
    (tmp_path / "rna.csv").write_text("id,G1,G2\nA,1.5,2\nB,3,4.5\n")
    (tmp_path / "meth.csv").write_text("id,G1\n")
    (tmp_path / "c.toml").write_text(
        'name = "c"\n[modality.rna]\nfile = "rna.csv"\nkind = '
        '"omics"\n[modality.meth]\nfile = "meth.csv"\nkind = "omics"\n'
    )
    cohort = load(tmp_path / "c.toml")
    assert cohort.present["rna"].all() and not cohort.present["meth"].any()


def test_groups_whose_values_look_alike(tmp_path):
    text = (
        FILES["clinical.csv"]
        .replace("Alive,0.5,x", "Alive,0.5,North")
        .replace(",,2.5,1.0", ",,2.5,north ")
    )
    assert "values differ only in case or blanks ('North', 'north')" in fault(
        tmp_path, **{"clinical.csv": text}
    )


def test_ids_of_a_group_file_are_held_against_the_others(tmp_path):
    manifest = MANIFEST.replace(
        'file = "clinical.csv", column = "ward"', 'file = "w.csv", column = "w"'
    )
    text = "id,w\nAA01,x\nAA2,y\nBB3,x\n"
    assert "1 patients are written in two ways" in fault(tmp_path, manifest, **{"w.csv": text})
