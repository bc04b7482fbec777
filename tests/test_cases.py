"""Small tables, each the shape of a file that people really have and that once went wrong: what
comes of them is what their `expected.txt` calls right. They lie in `../shared/cases` beside the
repository; where they do not, nothing is tested here."""

import re
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read_manifest_cohort import read_cohort
from graphfuse.graph.gene.network_files import load_network

ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "shared" / "cases", ROOT.parent / "shared" / "cases")
CASES = next((place for place in PLACES if place.is_dir()), None)
pytestmark = [
    pytest.mark.skipif(CASES is None, reason="the cases are not here"),
    pytest.mark.usefixtures("few_trees"),
]
QUICK = ("--cv", "3x1", "--no-ledger", "-q", "-o", "out")


class Case:
    """A copy of a case's folder, and the shell's command in it."""

    def __init__(self, folder, shell):
        self.folder, self.shell = folder, shell

    def call(self, *arguments):
        """What the command does, in this process."""
        done = self.shell(self.folder, *arguments)
        said = f"{done.stdout}\n{done.stderr}"
        assert done.returncode in (0, 2), said
        assert "Traceback" not in said
        return SimpleNamespace(code=done.returncode, said=said, err=done.stderr)

    def checked(self, manifest="m.toml"):
        return self.call("check", manifest)

    def passes(self, *words, manifest="m.toml"):
        """check says that there are no faults, and these words."""
        done = self.checked(manifest)
        assert done.code == 0 and "No faults" in done.said, done.said
        has(done.said, *words)
        return done

    def stops(self, *words, manifest="m.toml"):
        """check refuses in one message with these words."""
        done = self.checked(manifest)
        assert done.code == 2, done.said
        has(done.err, *words)
        return done

    def drafts(self, *files, out="d.toml"):
        done = self.call("init", *files, "-o", out)
        assert done.code == 0, done.said
        return done.said + (self.folder / out).read_text("utf-8")

    def trains(self, *arguments):
        done = self.call("train", "m.toml", *QUICK, *arguments)
        assert done.code == 0, done.said
        return done

    def cohort(self, manifest="m.toml"):
        with chdir(self.folder):
            reading = read_cohort(manifest)
        assert not reading.faults.messages, reading.faults.messages
        return reading.cohort

    def macro_f1(self):
        """The net's macro-F1 in the folder `out`."""
        import json

        metrics = json.loads((self.folder / "out" / "metrics.json").read_text("utf-8"))
        return metrics["models"]["graphfuse"]["macro_f1"]["mean"]


def has(text, *words):
    missing = [word for word in words if not re.search(word, text)]
    assert not missing, f"{missing} not in:\n{text}"


@pytest.fixture
def case(request, tmp_path, shell):
    """The case that the test's name begins with (test_01_… is the folder 01-…)."""
    number = re.match(r"test_(\d+[a-z]?)_", request.node.name)[1]
    (source,) = CASES.glob(f"{number}-*")
    folder = tmp_path / source.name
    shutil.copytree(source, folder)
    return Case(folder, shell)


# -------------------------------------------------------------------------------- what a record is


def test_01_a_heading_of_eight_thousand_columns(case):
    case.passes("12 patients", "rna +omics +8000")
    case.drafts("rna.tsv", "lab.csv")
    case.passes("12 patients", "rna +\\w+ +8000", manifest="d.toml")
    table = pd.read_csv(case.folder / "rna.tsv", sep="\t", index_col=0)
    pd.testing.assert_frame_equal(
        case.cohort().modalities["rna"].table, table.astype(float), check_names=False
    )


def test_02_a_line_break_in_a_heading(case):
    case.passes("80 patients")
    whole = pd.read_csv(case.folder / "clin.csv", index_col=0)
    assert list(case.cohort().patients) == sorted(whole.index)


def test_03_a_quoted_file_cut_short(case):
    case.stops("damaged|cut short")


def test_05_lines_of_remarks(case):
    case.drafts("rna.csv", "data_clinical_patient.txt", "lab.csv", out="e.toml")
    case.passes("80 patients", manifest="e.toml")
    (records,) = (m for m in case.cohort("e.toml").modalities.values() if m.kind == "ehr")
    kinds = {name.lower(): kind for name, kind in records.types.items()}
    assert kinds["age"] == "numeric" and set(kinds) >= {"age", "sex"}
    assert not any("#" in patient for patient in case.cohort("e.toml").patients)


def test_06_hugo_beside_entrez(case):
    case.drafts("data_mrna.txt", "lab.csv")
    for manifest in ("d.toml", "m.toml"):
        done = case.checked(manifest)
        assert done.code == 2 or "80 patients" in done.said
        assert done.code == 0 or "Entrez_Gene_Id" in done.err
        if done.code == 0:
            assert "Entrez_Gene_Id" not in case.cohort(manifest).patients


def test_08_a_cell_of_three_lines(case):
    case.passes("80 patients")
    assert case.cohort().modalities["clin"].table["age"].notna().sum() == 80


def test_15_a_line_that_names_the_delimiter(case):
    done = case.checked()
    if done.code == 0:
        has(done.said, "80 patients")
        case.drafts("rna.csv", "lab.csv")
        case.passes("80 patients", manifest="d.toml")
    else:
        has(done.err, "sep=")


def test_36_gct(case):
    done = case.checked()
    has(done.said, "80 patients" if done.code == 0 else "GCT")


# -------------------------------------------------------------------------------- who is a patient


def test_24_columns_twice_in_an_anndata(case):
    case.stops("d.h5ad", "more than once")


@pytest.mark.slow
def test_29_row_numbers_are_no_patients(case):
    case.stops("patient_id")
    case.call("init", "rna.csv", "lab.csv", "-o", "d.toml")
    done = case.call("train", "d.toml", *QUICK)
    if done.code == 0:  # then every patient has the truth that stands beside the patient_id
        truth = pd.read_csv(case.folder / "lab.csv", dtype=str).set_index("patient_id")["grp"]
        called = pd.read_csv(case.folder / "out" / "predictions.csv", dtype=str)
        assert (called["truth"] == called["patient"].map(truth)).all()


def test_33_zeros_in_front_of_numbers(case):
    case.stops("written in two ways|padd")


# -------------------------------------------------------------------------------- what a cell says


def test_09_a_label_that_is_not_available(case):
    done = case.checked()
    assert done.code == 0
    has(done.said, "case 31 .*ctrl 31 .*unlabelled 18|warnings:(.|\n)*Not Available")


def test_10_a_status_that_is_not_available(case):
    done = case.checked()
    assert done.code == 0
    has(done.said, "70 known", "35 events")


def test_12_a_code_for_missing_among_measurements(case):
    has(case.checked().said, "-9,?999")


def test_13_ages_beyond_ninety(case):
    said = case.drafts("rna.csv", "lab.csv", "clin.csv")
    said += case.passes("120 patients", manifest="d.toml").said
    has(said, "90\\+")


def test_16_true_false_and_blank(case):
    case.passes("mut")
    table = case.cohort().modalities["mut"].table
    words = pd.read_csv(case.folder / "mut.csv", index_col=0, dtype=str, keep_default_na=False)
    numbers = words.replace({"True": 1.0, "False": 0.0, "": np.nan}).astype(float)
    expected = numbers.loc[table.index, table.columns]
    pd.testing.assert_frame_equal(table, expected, check_names=False)


@pytest.mark.slow
def test_27_words_in_an_order(case):
    case.trains()
    assert case.macro_f1() > 0.9


@pytest.mark.slow
def test_28_an_underscore_in_a_category(case):
    case.passes("group clone: 2 values")
    case.trains()
    assert case.macro_f1() == 1.0


def test_30_an_event_in_three_spellings(case):
    done = case.checked()
    has(done.said, "60 events" if done.code == 0 else "differ only in")


def test_31_labels_that_look_alike(case):
    done = case.checked()
    if done.code == 0:
        (outcome,) = case.cohort().outcomes.values()
        assert len(outcome.classes) == 2
    else:
        has(done.err, "differ only in|look")


def test_38_thousands_after_the_fiftieth_row(case):
    done = case.checked()
    if done.code == 0:
        ferritin = case.cohort().modalities["clin"].table["ferritin"]
        assert ferritin.min() > 20 and ferritin.max() > 1000
    else:
        has(done.err, "clin.csv", "thousands")


def test_56_years_of_two_digits(case):
    case.stops("clin.csv", "year|digit")


# -------------------------------------------------------------------------------- what a column is


def test_14_depmap_columns(case):
    case.drafts("OmicsExpression.csv", "lab.csv")
    done = case.passes(manifest="d.toml")
    columns = pd.read_csv(case.folder / "OmicsExpression.csv", index_col=0, nrows=1).shape[1]
    has(done.said, f"omics +{columns} +{columns}")
    (modality,) = case.cohort("d.toml").modalities.values()
    assert "TP53" in modality.symbols


@pytest.mark.slow
def test_23d_columns_in_mol_per_litre(case):
    done = case.call("run", "m.toml", *QUICK)
    assert done.code == 0, done.said
    ranked = pd.read_csv(case.folder / "out" / "rankings" / "nodes.csv")
    assert ranked.loc[0, "id"] == "met:met0"
    assert (ranked.set_index("id").loc[[f"met:met{k}" for k in range(5)], "score"] != 0).all()


@pytest.mark.slow
def test_26_a_modality_that_is_constant(case):
    done = case.checked()
    has(done.said, "modality.mut.*(constant|vary)")
    done = case.call("train", "m.toml", *QUICK)
    if done.code == 2:
        has(done.err, "mut")


# ---------------------------------------------------------------------------------------- networks


def edges(case, name):
    """The network that build takes of a file."""
    done = case.call("build", "m.toml", "--network", name, "-o", "out", "-q")
    assert done.code == 0, done.said
    return load_network(case.folder / name)


def test_18b_omnipath_columns(case):
    network = edges(case, "net.tsv")
    table = pd.read_csv(case.folder / "net.tsv", sep="\t")
    assert network.edges == len(_undirected(table["source"], table["target"]))


def _undirected(one, other):
    return {frozenset(pair) for pair in zip(one, other, strict=True) if pair[0] != pair[1]}


def test_19_sif(case):
    network = edges(case, "net.sif")
    table = pd.read_csv(case.folder / "net.sif", sep="\t", header=None)
    assert network.edges == len(_undirected(table[0], table[2]))
    assert "interacts-with" not in network.genes


def test_20_edges_below_remarks(case):
    network = edges(case, "net.tsv")
    table = pd.read_csv(case.folder / "net.tsv", sep="\t", comment="#")
    assert network.edges == len(_undirected(table["source"], table["target"]))


def test_22b_edges_with_decimal_commas(case):
    network = edges(case, "net.csv")
    table = pd.read_csv(case.folder / "net.csv", sep=";", decimal=",")
    assert network.edges == len(_undirected(table["source"], table["target"]))
    assert network.weight.max() == pytest.approx(table["score"].max())


# ------------------------------------------------------------------------------------ new patients


@pytest.mark.slow
def test_25_numbers_beyond_all_numbers(case):
    case.trains()
    done = case.call("predict", "out", "n.toml", "-o", "p.csv")
    if done.code == 2:
        has(done.err, "new.csv")
        return
    table = pd.read_csv(case.folder / "p.csv")
    assert np.isfinite(table.filter(regex="^p_")).all(axis=None)
    flagged = table.set_index("patient")["flag"].notna()
    assert flagged["N2"] and flagged["N4"]


@pytest.mark.slow
def test_41_counts_for_a_model_of_logarithms(case):
    case.trains()
    done = case.call("predict", "out", "n.toml", "-o", "p.csv")
    has(done.err, "counts", "log", "allow-shift|trained on")
    assert done.code == 0 or not (case.folder / "p.csv").exists()


@pytest.mark.slow
def test_59_a_call_does_not_depend_on_other_rows(case):
    case.trains()
    tables = {}
    for name in ("good", "bad", "yesno"):
        done = case.call("predict", "out", f"{name}.toml", "-o", f"{name}.p.csv")
        assert done.code == 0, done.said
        tables[name] = pd.read_csv(case.folder / f"{name}.p.csv").set_index("patient")
        if name == "yesno":
            has(done.err, "not seen in training")
    good, bad = tables["good"], tables["bad"]
    assert good["call"].value_counts().to_dict() == {"case": 15, "ctrl": 15}
    cells = [pd.read_csv(case.folder / f"{n}.csv", index_col=0, dtype=str) for n in _WORDS]
    same = cells[0].index[(cells[0] == cells[1]).all(axis=1)]
    assert len(same) == 29
    columns = [name for name in good if name.startswith("p_")]
    np.testing.assert_allclose(good.loc[same, columns], bad.loc[same, columns], atol=1e-9)


_WORDS = ("good", "one_unknown")


# ------------------------------------------------------------------------------------------ Python


def script(case):
    """What the case's run.py prints: one line a trial, its name and what came of it."""
    typed = [sys.executable, "-W", "ignore", "run.py"]
    done = subprocess.run(typed, cwd=case.folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    pairs = (line.split(" -> ", 1) for line in done.stdout.splitlines() if " -> " in line)
    return dict(pairs)


@pytest.mark.slow
def test_50_a_fit_in_a_forked_child(case):
    script(case)


@pytest.mark.slow
def test_51_frames_are_held_to_what_files_are(case):
    found = script(case)
    wrong = {name: came for name, came in found.items() if not came.startswith("InputError")}
    wrong.pop("ids with a blank at the end in one table", None)
    wrong.pop("bool with missing (object)", None)
    assert not wrong
    assert "20 patients" in found["ids with a blank at the end in one table"] or found[
        "ids with a blank at the end in one table"
    ].startswith("InputError")
    assert "[]" not in found["bool with missing (object)"]


@pytest.mark.slow
def test_52_the_rest_of_the_python_side(case):
    found = script(case)
    wrong = {name: came for name, came in found.items() if "Error" in came}
    wrong = {name: came for name, came in wrong.items() if not came.startswith("InputError")}
    unfitted = wrong.pop("predict before fit")
    assert unfitted.startswith("NotFittedError")
    other_order = wrong.pop("cross_val_score(FusionModel(), cohort, y)")  # P10 sorts before P2
    assert other_order.startswith("ValueError")  # of scikit-learn: all fits failed, and why
    assert not wrong
    assert "damaged or cut short" not in str(found)
