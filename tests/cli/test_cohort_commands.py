"""init and check, as somebody meets them for the first time."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli.options import app
from graphfuse.errors import InputError


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def lab(small, tmp_path, monkeypatch):
    """A working folder with tables in `data/`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for modality in small.cohort.modalities.values():
        modality.table.dropna(how="all").rename_axis("id").to_csv(
            tmp_path / "data" / f"{modality.name}.csv"
        )
    return tmp_path


def test_what_init_drafts_check_reads(lab):
    assert call("init", "data/rna.csv", "data/meth.csv", "-o", "m.toml").exit_code == 0
    done = call("check", "m.toml")
    assert done.exit_code == 0 and "The tables can be read, but train would refuse" in done.output
    assert "has no outcome" in done.output and "No faults" not in done.output


def test_no_faults_is_said_where_train_would_run(lab, small):
    outcome = small.cohort.outcome()
    labels = pd.Series(np.asarray(outcome.classes)[outcome.values], small.cohort.patients)
    labels.rename("subtype").rename_axis("id").to_csv("labels.csv")
    assert call("init", "data/rna.csv", "labels.csv", "-o", "m.toml").exit_code == 0
    assert "No faults." in call("check", "m.toml").output
    few = call("check", "m.toml", "--cv", "50x1").output
    assert "No faults" not in few and "every class needs at least 50" in few
    assert "has no outcome 'grade'" in call("check", "m.toml", "-t", "grade").output


def test_check_of_a_table_says_what_to_do(lab):
    assert "`graphfuse init data/rna.csv` drafts its manifest" in str(
        call("check", "data/rna.csv").exception
    )


@pytest.fixture
def drafted(lab):
    call("init", "data/rna.csv", "data/meth.csv", "-o", "m.toml")
    text = (lab / "m.toml").read_text()
    (lab / "m.toml").write_text(text.replace('entity = "none"', 'entity = "gene"'))
    return lab


def test_check_reads_the_recipes_own_files(drafted):
    (drafted / "r.toml").write_text('name = "r"\n[pathways]\nsets = "p.gmt"\n')
    done = call("check", "m.toml", "-r", "r.toml")
    assert isinstance(done.exception, InputError) and "p.gmt: no such file" in str(done.exception)
    assert "No faults" not in done.output and "patients have" in done.output
    (drafted / "p.gmt").write_text("a\t\tG0001\tG0002\tG0003\tG0004\tG0005\nb\t\tX\n")
    done = call("check", "m.toml", "-r", "r.toml")
    assert done.exit_code == 0 and "p.gmt: 1 of 2 sets has at least 5 measured genes" in done.output
    assert "warnings:" not in done.output.partition("train would refuse")[2]


def test_check_warns_of_what_comes_to_nothing(drafted):
    (drafted / "p.gmt").write_text("b\t\tX\n")
    (drafted / "r.toml").write_text(
        'name = "r"\n[net]\nencode = "network"\n[pathways]\nsets = "p.gmt"\n'
    )
    said = call("check", "m.toml", "-r", "r.toml").output.partition("train would refuse")[2]
    assert (
        "0 of 1 set" in said
        and "no gene set has 5 of the" in said
        and "looks along a gene network, but there is none" in said
    )


def test_init_says_which_outcomes_train(lab):
    ids = pd.Index([f"P{i}" for i in range(30)], name="id")
    records = {"os_time": np.arange(30) + 1.0, "os": np.resize([0, 1], 30), "age": np.arange(30)}
    pd.DataFrame(records, ids).to_csv("clinical.csv")
    done = call("init", "clinical.csv", "-o", "s.toml")
    assert "outcomes found: survival (survival); only outcomes of kind class" in done.output
    pd.DataFrame(records | {"label": np.resize(["a", "b"], 30)}, ids).to_csv("clinical.csv")
    done = call("init", "clinical.csv", "-o", "c.toml")
    assert "found: label (class), survival (survival); the first is what train takes" in done.output
    assert "no outcome was recognised" in call("init", "data/rna.csv", "-o", "n.toml").output
