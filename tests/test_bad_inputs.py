"""Forty bad inputs, and what becomes of each: it is read right, told, or refused with one message
that names the file and the cure, exit code 2 and nothing half written."""

import gzip
import os
import re
import zipfile
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

PATIENTS = [f"K{number:03d}" for number in range(40)]
GENES = ["TP53", "EGFR", "KRAS", "PTEN", "MYC", "ESR1", "GATA3", "CDH1", "BRAF", "ALK"]
RECIPE = """name = "quick"
[net]
width = 4
[train]
epochs = 2
seeds = 1
"""


class Clinic:
    """A folder with a cohort of 40 patients that the tests spoil."""

    def __init__(self, folder, shell):
        self.folder, self.shell = folder, shell
        random = np.random.default_rng(11)
        self.truth = np.arange(40) % 2
        values = random.normal(6, 1.5, (40, len(GENES))) + np.outer(self.truth, np.arange(10) < 3)
        self.rna = pd.DataFrame(values.round(3), PATIENTS, GENES)
        proteins = random.normal(3, 1, (40, 6)).round(3)
        self.prot = pd.DataFrame(proteins, PATIENTS, [f"p{number}" for number in range(6)])
        labels = np.where(self.truth == 1, "wild", "calm")
        self.labels = pd.DataFrame({"subtype": labels}, PATIENTS)
        self.records = pd.DataFrame(
            {"age": random.integers(30, 80, 40), "sex": np.where(np.arange(40) % 4 < 2, "f", "m")},
            PATIENTS,
        )
        self.values, self.prot_values, self.more = "log", "mixed", ""
        self.rna_more = self.ids = ""
        self.outcome = '[outcome.subtype]\nkind = "class"\nfile = "labels.csv"\ncolumn = "subtype"'

    def lay(self):
        """Writes tables and manifest as they stand."""
        for name in ("rna", "prot", "labels", "records"):
            frame = getattr(self, name)
            if isinstance(frame, pd.DataFrame):
                frame.rename_axis("patient").to_csv(self.folder / f"{name}.csv")
            elif isinstance(frame, bytes):
                (self.folder / f"{name}.csv").write_bytes(frame)
        modality = f'[modality.rna]\nfile = "rna.csv"\nkind = "omics"\nvalues = "{self.values}"'
        parts = ['name = "clinic"', self.ids, self.outcome, modality, 'entity = "gene"']
        parts.append(self.rna_more)
        if self.prot is not None:
            parts += ['[modality.prot]\nfile = "prot.csv"\nkind = "omics"']
            parts.append(f'values = "{self.prot_values}"')
        if self.records is not None:
            parts += ['[modality.clinical]\nfile = "records.csv"\nkind = "ehr"']
            parts.append('columns = ["age", "sex"]')
        (self.folder / "clinic.toml").write_text("\n".join([*parts, self.more]))
        (self.folder / "quick.toml").write_text(RECIPE)
        return self

    def call(self, *arguments):
        """What the shell's command does in the folder, in this process."""
        done = self.shell(self.folder, *arguments)
        assert "Traceback" not in f"{done.stdout}\n{done.stderr}"
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)

    def checked(self):
        return self.lay().call("check", "clinic.toml")

    def trained(self, *arguments, out="run"):
        self.lay()
        fixed = ("--recipe", "quick.toml", "--no-ledger", "-q", "-o", out)
        tested = () if "--folds" in arguments else ("--cv", "2x1")
        return self.call("train", "clinic.toml", *tested, *fixed, *arguments)

    def refused(self, *words):
        """check stops with these words in its one message, and shows no patient."""
        done = self.checked()
        assert done.code == 2, done.out
        _has(done.err, words)
        assert not any(patient in done.err for patient in PATIENTS), done.err
        return done

    def told(self, *words):
        """check goes on and has these words among its warnings."""
        done = self.checked()
        assert done.code == 0, done.err
        _has(done.out, words)
        return done


def _has(text, words):
    missing = [word for word in words if not re.search(word, text)]
    assert not missing, f"{missing} not in:\n{text}"


@pytest.fixture
def clinic(tmp_path, shell):
    return Clinic(tmp_path, shell)


def test_the_clinic_is_sound_before_it_is_spoiled(clinic):
    done = clinic.told("No faults", "40 patients")
    assert "warnings" not in done.out


# -------------------------------------------------------------------------------- 1-8: who is who


def test_01_a_patient_twice_in_a_table_stops(clinic):
    clinic.prot = pd.concat([clinic.prot, clinic.prot.iloc[[4]]])
    clinic.refused("prot.csv", "1 patient ids appear more than once", "keep or average")


def barcoded(clinic, rna="-01A-11R", prot="-01", labels=""):
    """Ids as TCGA has them, each table with its own ending."""
    codes = [f"TCGA-A{number % 10}-{number + 1000}" for number in range(40)]
    clinic.rna.index = [code + rna for code in codes]
    clinic.prot.index = [code + prot for code in codes]
    clinic.records.index = clinic.labels.index = [code + labels for code in codes]
    return codes


def test_02_barcodes_of_several_lengths_are_met_at_a_level_that_is_asked_for(clinic):
    barcoded(clinic)
    clinic.refused("no patient in common", 'level = "tcga-patient"')
    clinic.ids = '[patients]\nlevel = "tcga-patient"'
    clinic.told("40 patients have rna \\+ prot \\+ clinical")
    clinic.rna = pd.concat([clinic.rna, clinic.rna.set_axis(clinic.rna.index + "B").iloc[:3]])
    clinic.refused("rna.csv", "3 patients have more than one row once barcodes are cut")


def test_03_normal_samples_beside_tumours_are_listed_by_type(clinic):
    codes = barcoded(clinic)
    clinic.ids = '[patients]\nlevel = "tcga-patient"'
    normal = clinic.rna.iloc[:4].set_axis([f"{code}-11A-11R" for code in codes[:4]])
    clinic.rna = pd.concat([clinic.rna, normal])
    clinic.refused("rna.csv", "01 × 4", "11 × 4")


def test_03_a_normal_sample_of_another_patient_is_no_patient(clinic):
    codes = barcoded(clinic)
    clinic.ids = '[patients]\nlevel = "tcga-patient"'
    clinic.rna.index = [*clinic.rna.index[:35], *(f"{code}-11A-11R" for code in codes[35:])]
    clinic.refused("rna.csv", "11")


def test_04_dots_for_dashes_case_and_blanks_are_one_spelling_or_stop(clinic):
    clinic.prot.index = [patient.replace("K", "K-") for patient in PATIENTS]
    clinic.rna.index = clinic.records.index = [p.replace("K", "k.") for p in PATIENTS]
    clinic.labels.index = clinic.prot.index
    clinic.refused("40 patients are written in two ways", "A-999|a.999")
    barcoded(clinic)
    clinic.ids = '[patients]\nlevel = "tcga-patient"'
    clinic.rna.index = [code.replace("-", ".").lower() for code in clinic.rna.index]
    clinic.told("40 patients have rna \\+ prot \\+ clinical")


def test_04_a_byte_order_mark_is_no_part_of_an_id(clinic):
    clinic.lay()
    text = (clinic.folder / "labels.csv").read_bytes()
    clinic.labels = b"\xef\xbb\xbf" + text
    clinic.told("40 patients have", "No faults")


def test_05_ids_stay_text(clinic):
    padded = [f"{number:05d}" for number in range(40)]
    for frame in (clinic.rna, clinic.prot, clinic.labels, clinic.records):
        frame.index = padded
    clinic.told("40 patients have rna \\+ prot \\+ clinical")


def test_05_zero_padding_that_differs_stops(clinic):
    clinic.prot.index = [f"K{number}" for number in range(40)]
    clinic.refused("prot.csv", "written in two ways|padd")


def test_06_samples_in_columns_are_turned_by_init_and_refused_by_check(clinic):
    clinic.rna = clinic.rna.T
    done = clinic.checked()
    assert done.code == 2
    _has(done.err, ["no patient in common|patients-in-columns", "patients-in-columns"])
    done = clinic.call("init", "rna.csv", "labels.csv", "prot.csv", "-o", "draft.toml")
    assert done.code == 0
    assert 'orient = "patients-in-columns"' in (clinic.folder / "draft.toml").read_text()
    done = clinic.call("check", "draft.toml")
    assert done.code == 0 and "40 patients" in done.out


def test_07_no_patient_in_common_shows_how_both_sides_look(clinic):
    clinic.labels.index = [f"case_{number}" for number in range(40)]
    clinic.refused("no patient in common", "A999", "aaaa_9")


def test_08_hardly_any_patient_in_common_stops_until_it_is_meant(clinic):
    clinic.prot.index = [*PATIENTS[:2], *(f"Z{number:03d}" for number in range(38))]
    clinic.refused("prot.csv", "only 2 of 40", "allow_low_overlap")
    clinic.ids = "[patients]\nallow_low_overlap = true"
    clinic.told("prot.csv: only 2 of 40 patients are in any other table")


# ------------------------------------------------------------------------ 9-11: what is not there


def test_09_a_modality_that_some_lack_is_masked_and_shown(clinic):
    clinic.prot = clinic.prot.iloc[:25]
    clinic.told("25 patients have rna \\+ prot", "15 patients have rna \\+ clinical")


@pytest.mark.slow
def test_10_a_modality_that_all_new_patients_lack_is_told(clinic):
    assert clinic.trained().code == 0
    new = Clinic(clinic.folder, clinic.shell)
    new.prot = None
    new.rna.index = new.labels.index = new.records.index = [f"N{n:03d}" for n in range(40)]
    new.outcome = ""
    new.lay()
    done = new.call("predict", "run", "clinic.toml", "-o", "calls.csv")
    assert done.code == 0, done.err
    _has(done.err, ["'prot'", "all 40 patients", "scored by the others"])
    table = pd.read_csv(clinic.folder / "calls.csv")
    assert np.isfinite(table.filter(like="p_")).all(axis=None)


def test_11_scattered_blanks_are_masked_and_an_empty_row_is_a_modality_that_is_not_there(clinic):
    clinic.rna.iloc[3:9, 2] = np.nan
    clinic.prot.iloc[5] = np.nan
    clinic.told("39 patients have rna \\+ prot", "<5 patients have rna \\+ clinical", "1.5%")


def test_11_columns_that_are_mostly_blank_are_told(clinic):
    clinic.rna.iloc[4:, 2] = np.nan
    clinic.told("rna.csv", "1 column", "MYC|KRAS", "missing|blank")


# ----------------------------------------------------------------- 12-16: cells that are no value


@pytest.mark.parametrize("cell", [np.inf, -np.inf])
def test_12_infinite_values_stop(clinic, cell):
    clinic.rna.iloc[7, 1] = cell
    clinic.refused("rna.csv", "1 columns? holds? infinite", "EGFR", "make them missing")


@pytest.mark.parametrize("cell", [1.7e308, -1e200])
def test_12_numbers_beyond_all_measurements_stop(clinic, cell):
    clinic.rna.iloc[7, 1] = cell
    clinic.refused("rna.csv", "1 value in 1 column", "EGFR", "larger than any measurement")
    clinic.rna.iloc[7, 1] = 1e-200
    clinic.told("No faults")


def test_13_words_for_missing_are_missing(clinic):
    words = ["NA", "null", ".", "?", "-", "n/a", "--"]
    clinic.rna = clinic.rna.astype(object)
    clinic.rna.iloc[:7, 0] = words
    clinic.told("1.8%", "No faults")


def test_14_codes_for_missing_are_told_in_records_and_in_measurements(clinic):
    clinic.records.loc[PATIENTS[:5], "age"] = -99
    clinic.told("'age' is -99 for 5 patients", "code for missing")
    clinic.prot.iloc[3:9, 1] = -9999.0
    done = clinic.checked()
    _has(done.out + done.err, ["prot.csv", "-9,?999", "code for missing"])


def test_15_a_comma_that_could_be_either_stops_and_a_plain_one_is_read(clinic):
    clinic.lay()
    prot = clinic.prot.rename_axis("patient")
    clinic.prot_values = "mixed"
    (clinic.folder / "prot.csv").write_text(prot.to_csv(sep=";", decimal=","))
    assert clinic.call("check", "clinic.toml").code == 0
    thousands = (prot.abs() * 1000 + 1000).round().astype(int).map("{:,}".format)
    (clinic.folder / "prot.csv").write_text(thousands.to_csv(sep=";"))
    done = clinic.call("check", "clinic.toml")
    assert done.code == 2
    _has(done.err, ["prot.csv", "decimal or a thousands mark"])


def test_16_units_in_a_column_of_numbers_stop(clinic):
    clinic.prot = clinic.prot.astype(object)
    clinic.prot.iloc[2:5, 3] = ["12 mg", "9 mg", "50%"]
    clinic.refused("prot.csv", "p3", "12 mg", "ehr")
    clinic.prot = None
    clinic.records = clinic.records.astype({"age": object})
    clinic.records.iloc[2:5, 0] = ["61 y", "45 y", "70 y"]
    clinic.more = '[modality.clinical.types]\nage = "numeric"'
    clinic.refused("records.csv", "'age'", "61 y")


# ----------------------------------------------------------------------------- 17-21: the columns


@pytest.mark.slow
def test_17_constant_columns_also_within_a_fold_do_no_harm(clinic):
    clinic.rna["BRAF"] = 5.0
    clinic.rna["ALK"] = 0.0
    clinic.rna.iloc[0, clinic.rna.columns.get_loc("ALK")] = 1.0
    assert clinic.trained().code == 0
    table = pd.read_csv(clinic.folder / "run" / "predictions.csv")
    assert np.isfinite(table.filter(like="p_")).all(axis=None)


def test_18_a_gene_twice_stops_and_one_in_two_tables_is_two_columns(clinic):
    clinic.prot.columns = ["TP53", *clinic.prot.columns[1:]]
    clinic.told("No faults")
    clinic.rna = pd.concat([clinic.rna, clinic.rna[["TP53"]]], axis=1)
    clinic.refused("rna.csv", "1 columns? appears? more than once", "TP53")


@pytest.mark.parametrize("dates", [["2-Sep", "1-Mar"], ["Sep-02", "Mar-01"], ["43891", "43892"]])
def test_19_genes_that_became_dates_are_listed(clinic, dates):
    clinic.rna = clinic.rna.rename(columns=dict(zip(["BRAF", "ALK"], dates, strict=True)))
    done = clinic.checked()
    _has(done.out + done.err, ["rna.csv", "2 (columns|gene symbols) look like genes", dates[0]])


def test_20_ensembl_ids_with_versions_are_mapped_and_too_few_are_told(clinic):
    ids = [f"ENSG{number:011d}" for number in range(10)]
    mapped = "\n".join(f"{one}\t{gene}" for one, gene in zip(ids, GENES, strict=True))
    (clinic.folder / "map.tsv").write_text("id\tsymbol\n" + mapped)
    clinic.rna.columns = [f"{one}.{number}" for number, one in enumerate(ids)]
    clinic.rna_more = 'ids = "ensembl"\nmap = "map.tsv"'
    clinic.told("rna +omics +10 +10")
    (clinic.folder / "map.tsv").write_text(f"id\tsymbol\n{ids[0]}\tTP53")
    clinic.told("only 1 of 10 columns map to a gene")


def edges(clinic, text=None):
    pairs = [f"{one},{other},0.9" for one, other in pairwise(GENES)]
    (clinic.folder / "net.csv").write_text(text or "\n".join(["source,target,score", *pairs]))
    return clinic.lay()


def test_21_symbols_of_another_species_stop(clinic):
    edges(clinic)
    done = clinic.call("check", "clinic.toml", "--network", "net.csv")
    assert done.code == 0 and "10 in an edge" in done.out
    clinic.rna.columns = [gene.capitalize() for gene in GENES]
    done = clinic.lay().call("check", "clinic.toml", "--network", "net.csv")
    _has(done.out + done.err, ["mouse|another species|case", "Tp53|Egfr"])


# ------------------------------------------------------------------------ 22-26: declared and seen


def test_22_what_is_declared_is_held_against_what_is_there(clinic):
    clinic.prot = np.exp(clinic.prot + 3).round()
    clinic.prot_values = "log"
    clinic.refused("prot.csv", 'declared values = "log"', '"counts"')
    clinic.values = "counts"
    clinic.prot_values = "counts"
    clinic.refused("rna.csv", 'declared values = "counts"', "no whole numbers")


def test_23_negative_counts_stop(clinic):
    clinic.prot = np.exp(clinic.prot + 3).round()
    clinic.prot.iloc[0, 0] = -4.0
    clinic.prot_values = "counts"
    clinic.refused("prot.csv", "1 of 240 values are negative")


def test_24_counts_that_are_not_whole_stop(clinic):
    clinic.prot = np.exp(clinic.prot)
    clinic.prot_values = "counts"
    clinic.refused("prot.csv", "no whole numbers")


def test_25_beta_values_beyond_0_and_1_stop(clinic):
    random = np.random.default_rng(0)
    clinic.prot = pd.DataFrame(random.uniform(0.1, 0.9, (40, 6)), PATIENTS, clinic.prot.columns)
    clinic.prot_values = "beta"
    clinic.told("No faults")
    clinic.prot.iloc[:, 3:] = random.normal(0, 2, (40, 3))
    clinic.refused("prot.csv", 'declared values = "beta"', "lie outside 0 to 1")


def test_26_values_scaled_over_everyone_are_told(clinic):
    clinic.prot = (clinic.prot - clinic.prot.mean()) / clinic.prot.std()
    clinic.prot_values = "z-score"
    clinic.told("prot.csv", "z-scored over the whole cohort", "optimistic")


# --------------------------------------------------------------------------------- 27-31: outcomes


def test_27_one_class_or_fewer_members_than_folds_stop_training(clinic):
    clinic.labels["subtype"] = "calm"
    clinic.told("all labelled patients are 'calm'")
    done = clinic.trained()
    assert done.code == 2 and "one class" in done.err
    clinic.labels.iloc[0] = "wild"
    clinic.told("'wild': fewer than 5 labelled patients")
    done = clinic.trained()
    assert done.code == 2
    _has(done.err, ["wild has <5", "fewer folds|merge"])
    assert not (clinic.folder / "run").exists()


def test_28_a_fold_that_tests_nobody_with_a_label_stops(clinic):
    folds = pd.DataFrame({"patient": PATIENTS, "fold": np.arange(40) // 20})
    clinic.labels.iloc[20:] = ""
    clinic.lay()
    folds.to_csv(clinic.folder / "folds.csv", index=False)
    done = clinic.trained("--folds", "folds.csv")
    assert done.code == 2
    _has(done.err, ["folds.csv", "1 fold"])


def test_28_scores_without_their_class_are_blank_not_0():
    from graphfuse.task.registry import metrics_of

    found = metrics_of("class").scores(
        np.array([0, 0, 0]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    )
    assert np.isnan(found["auroc"]) and found["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("other", ["Wild", "wild ", "WILD"])
def test_29_labels_that_differ_in_case_or_blanks_stop_or_are_one(clinic, other):
    clinic.labels.iloc[1:9:2] = other
    done = clinic.checked()
    if done.code == 0:
        assert "calm 20 (50%), wild 20 (50%)" in done.out
    else:
        _has(done.err, ["labels.csv", "differ only in", "write them alike"])


@pytest.mark.parametrize("words", [(1, 2), ("Y", "N"), (True, False), (0.0, 1.0)])
def test_30_two_classes_in_any_coding(clinic, words):
    clinic.labels["subtype"] = np.where(clinic.truth == 1, *[np.array([w], object) for w in words])
    done = clinic.told("No faults")
    assert done.out.count(" 20 (50%)") == 2


@pytest.mark.slow
def test_30_a_label_never_trained_on_is_named(clinic):
    assert clinic.trained().code == 0
    new = Clinic(clinic.folder, clinic.shell)
    for frame in (new.rna, new.prot, new.labels, new.records):
        frame.index = [f"N{number:03d}" for number in range(40)]
    new.rna += 0.25
    new.labels.iloc[:4] = "feral"
    new.lay()
    done = new.call("score", "run", "clinic.toml")
    assert done.code == 2
    _has(done.err, ["'feral'", "4 patients"])


def survival(clinic, days, status, dead="Dead"):
    clinic.labels = pd.DataFrame({"days": days, "status": status}, PATIENTS)
    clinic.outcome = (
        '[outcome.os]\nkind = "survival"\nfile = "labels.csv"\ntime = ["days"]\n'
        f'event = {{ column = "status", value = "{dead}" }}'
    )


def test_31_survival_times_and_events_are_taken_literally_or_told(clinic):
    days, status = np.arange(40) * 10.0 + 5, np.where(np.arange(40) % 3, "Alive", "Dead")
    survival(clinic, days, status)
    clinic.told("40 known, 14 events")
    survival(clinic, np.where(np.arange(40) < 2, -1, days), status)
    clinic.told("38 known", "<5 patients have a time of 0 or less")
    survival(clinic, days, np.where(np.arange(40) % 3, 1, 2), dead="2")
    clinic.told("40 known, 14 events")
    survival(clinic, days, np.where(np.arange(40) % 3, "0:LIVING", "1:DECEASED"), "1:DECEASED")
    clinic.told("40 known, 14 events")
    clinic.labels["status"] = "0:LIVING"
    clinic.refused("labels.csv", "no events", "0:LIVING")


# ----------------------------------------------------------------------- 32-34: scores too good


def test_32_the_label_among_the_columns_is_told(clinic):
    clinic.prot["p5"] = clinic.truth * 2.0 + np.linspace(0, 0.5, 40)
    done = clinic.told("warnings", "prot", "p5", "label")
    assert "'p4'" not in done.out
    audited = clinic.call("audit", "clinic.toml", "--strict")
    assert audited.code == 2


@pytest.mark.slow
def test_33_a_patient_who_trained_the_model_is_no_test(clinic):
    assert clinic.trained().code == 0
    done = clinic.call("score", "run", "clinic.toml", "-o", "scored")
    assert done.code == 2
    _has(done.err, ["40 of 40 patient ids are in the training data", "[Ll]eave them out"])
    assert not (clinic.folder / "scored").exists()
    done = clinic.call("predict", "run", "clinic.toml")
    assert done.code == 0 and "40 of 40 patients were trained on" in done.err


def test_34_a_batch_that_holds_the_label_is_told(clinic):
    batch = np.where(clinic.truth == 1, "run1", "run2")
    clinic.labels["batch"] = batch
    clinic.more = '[groups]\nbatch = { file = "labels.csv", column = "batch" }'
    clinic.told("warnings", "batch", "completely confounded with the label")
    clinic.labels["batch"] = np.where(np.arange(40) % 4 < 2, "run1", "run2")
    assert "warnings" not in clinic.checked().out


# ------------------------------------------------------------------- 35-40: files, sizes, places


# without the time of day, so that the tests have the same names in every process
CUT_GZ = gzip.compress(b"patient,a\nK000,1\n" * 99, mtime=0)[:40]


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("rna.csv", b"<!DOCTYPE html><html>please log in</html>", "web page"),
        ("rna.csv.gz", CUT_GZ, "damaged or cut short"),
        ("rna.h5ad", b"\x89HDF\r\n\x1a\n" + b"\0" * 40, "damaged or cut short"),
        ("rna.csv", b"PK\x03\x04 a workbook", "zip"),
        ("rna.csv", b"", "empty"),
        ("rna.parquet", b"PAR1 cut", "damaged or cut short"),
        ("rna.xlsx", b"PK\x03\x04", "save it as csv"),
    ],
)  # fmt: skip
def test_35_damaged_and_mistaken_files_are_one_message(clinic, name, content, said):
    clinic.lay()
    (clinic.folder / name).write_bytes(content)
    manifest = (clinic.folder / "clinic.toml").read_text().replace("rna.csv", name)
    (clinic.folder / "clinic.toml").write_text(manifest)
    done = clinic.call("check", "clinic.toml")
    assert done.code == 2
    _has(done.err, [re.escape(name), said])
    assert done.err.count("\n") == 1


@pytest.fixture
def packed(clinic, tmp_path, monkeypatch):
    """Packs the clinic's tables as an archive that the manifest names."""
    monkeypatch.setenv("GRAPHFUSE_CACHE", str(tmp_path / "cache"))

    def pack(more=(), sha256=""):
        clinic.lay()
        with zipfile.ZipFile(clinic.folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
            for name in ("rna.csv", "prot.csv", "labels.csv", "records.csv"):
                bundle.write(clinic.folder / name, name)
            for entry, content in more:
                bundle.writestr(entry, content)
        declared = f'sha256 = "{sha256}"\n' if sha256 else ""
        text = (clinic.folder / "clinic.toml").read_text()
        source = f'[[source]]\npath = "all.zip"\n{declared}'
        (clinic.folder / "clinic.toml").write_text(f"{text}\n{source}")
        done = clinic.call("check", "clinic.toml")
        left = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
        return done, left

    return pack


def test_36_a_sound_archive_is_unpacked_and_a_wrong_checksum_refused(packed):
    done, left = packed()
    assert done.code == 0 and left
    count = len(left)
    done, left = packed(sha256="ab" * 32)
    assert done.code == 2 and len(left) == count
    _has(done.err, ["sha256", "nothing was opened"])


def _link():
    entry = zipfile.ZipInfo("passwd.csv")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    "entry, content, said",
    [
        ("../../outside.csv", b"a,b", "leads outside"),
        (_link(), b"/etc/passwd", "link or device"),
        ("bomb.csv", b"0" * 150_000_000, "unpacks to more than is sane"),
    ],
    ids=["traversal", "link", "bomb"],
)
def test_36_archives_that_harm_are_refused_and_leave_nothing(packed, entry, content, said):
    done, left = packed([(entry, content)])
    assert done.code == 2 and not left
    _has(done.err, ["all.zip", said])


def test_37_edges_are_cleaned_with_counts_and_none_left_stops(clinic):
    lines = ["source,target,score", "TP53,TP53,0.9", "TP53,EGFR,0.9", "EGFR,TP53,0.9"]
    lines += ["KRAS,PTEN,", "KRAS,MYC,-0.5", "ESR1,UNHEARD,0.8", "GATA3,CDH1,0.7"]
    edges(clinic, "\n".join(lines))
    done = clinic.call("check", "clinic.toml", "--network", "net.csv")
    assert done.code == 0, done.err
    _has(done.err, ["self_loop 1", "both_directions 1", "missing_weight 1", "nonpositive_weight 1"])
    edges(clinic, "source,target,score\nTP53,TP53,0.9\nEGFR,EGFR,0.9")
    done = clinic.call("check", "clinic.toml", "--network", "net.csv")
    assert done.code == 2
    _has(done.err, ["net.csv", "none of 2 edges is left", "self_loop 2"])


def test_38_more_neighbours_than_patients_twins_and_rows_of_zeros(clinic):
    clinic.prot.iloc[:5] = 0.0
    clinic.rna.iloc[6] = clinic.rna.iloc[7]
    clinic.lay()
    (clinic.folder / "many.toml").write_text('name = "many"\n[patient]\nneighbours = 500\n')
    done = clinic.call("build", "clinic.toml", "--recipe", "many.toml", "-o", "graphs", "-q")
    assert done.code == 0, done.err
    assert "1,560 edges" in done.out  # 40 patients hear 39 others each


def test_39_a_table_too_large_to_be_dense_is_refused_before_it_is_made(clinic, monkeypatch):
    import anndata
    from scipy.sparse import csr_matrix

    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "2")
    clinic.lay()
    ids = [f"K{number:06d}" for number in range(200_000)]
    wide = csr_matrix((len(ids), 20_000), dtype=np.float32)  # empty, so that the file is small
    data = anndata.AnnData(wide, pd.DataFrame(index=ids))
    data.write_h5ad(clinic.folder / "rna.h5ad")
    text = (clinic.folder / "clinic.toml").read_text().replace("rna.csv", "rna.h5ad")
    (clinic.folder / "clinic.toml").write_text(text)
    done = clinic.call("check", "clinic.toml")
    assert done.code == 2
    _has(done.err, ["rna.h5ad", "200,000 × 20,000 is too large", "32.0 GB", "1,250", "columns"])


def test_39_a_huge_anndata_in_memory_is_refused_too(monkeypatch):
    import anndata
    from scipy.sparse import csr_matrix

    from graphfuse.data.cohort import Cohort
    from graphfuse.errors import InputError

    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "1e-5")
    ids = pd.DataFrame(index=[f"K{number}" for number in range(200)])
    data = anndata.AnnData(csr_matrix((200, 20), dtype=np.float32), ids)
    with pytest.raises(InputError, match="200 × 20 is too large"):
        Cohort.from_anndata(data)


NAMES = ["=cmd()", "<script>x</script>", "../up", "漢字", "😀", "@sum", "a" * 300, "é\u0301 b"]


@pytest.mark.slow
def test_40_strange_names_come_back_as_they_are_and_run_nowhere(clinic):
    clinic.prot.columns = NAMES[:6]
    clinic.prot[NAMES[6]], clinic.prot[NAMES[7]] = clinic.rna["ALK"], clinic.rna["MYC"]
    clinic.labels["subtype"] = np.where(clinic.truth == 1, "<b>wild</b>", "=calm")
    assert clinic.trained().code == 0
    done = clinic.call("rank", "run")
    assert done.code == 0, done.err
    text = (clinic.folder / "run" / "report.html").read_text("utf-8")
    assert "<script>x" not in text and "<b>wild" not in text
    ranked = pd.read_csv(clinic.folder / "run" / "rankings" / "nodes.csv")
    assert {f"prot:{name}" for name in NAMES} <= set(ranked["id"])
    assert not (clinic.folder.parent / "up").exists()


def test_40_windows_newlines_are_newlines(clinic):
    clinic.lay()
    for name in ("rna", "labels"):
        path = clinic.folder / f"{name}.csv"
        setattr(clinic, name, path.read_bytes().replace(b"\n", b"\r\n"))
    clinic.told("40 patients have rna", "calm 20 \\(50%\\), wild 20 \\(50%\\)")


def test_40_an_output_that_is_there_or_cannot_be_written_is_refused(clinic):
    clinic.lay()
    (clinic.folder / "taken").mkdir()
    (clinic.folder / "taken" / "thesis.txt").write_text("mine")
    done = clinic.trained(out="taken")
    assert done.code == 2 and "exists already" in done.err
    assert os.listdir(clinic.folder / "taken") == ["thesis.txt"]
    done = clinic.trained(out="rna.csv/run")
    assert done.code == 2 and "rna.csv" in done.err
    for command in (["init", "rna.csv", "-o", "rna.csv/x.toml"],
                    ["audit", "clinic.toml", "-o", "rna.csv/x.csv"],
                    ["build", "clinic.toml", "-o", "rna.csv/x"]):  # fmt: skip
        done = clinic.call(*command)
        assert done.code == 2, command
        assert done.err.count("graphfuse: ") == 1


def test_40_a_full_disk_is_one_message_and_leaves_nothing(clinic):
    resource = pytest.importorskip("resource")
    clinic.lay()
    (clinic.folder / "findings.csv").write_text("of last week")
    before = sorted(p.name for p in clinic.folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))  # as if the disk ended there
    try:
        done = clinic.call("init", "rna.csv", "labels.csv", "prot.csv", "-o", "draft.toml")
        audited = clinic.call("audit", "clinic.toml", "-o", "findings.csv")
        built = clinic.call("build", "clinic.toml", "-q", "-o", "graphs")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for each in (done, audited, built):
        assert each.code == 2, each.err
        assert each.err.count("graphfuse: ") == 1
    assert sorted(p.name for p in clinic.folder.iterdir()) == before
    assert (clinic.folder / "findings.csv").read_text() == "of last week"
