"""README and CONTRIBUTING run as printed, in order, in a user's folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from graphfuse.data.synth import planted

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SKIPPED = ("make ", "pip ")  # what brought this test here
OTHER = """name = "other-hospital"
[outcome.subtype]
kind = "class"
file = "elsewhere/subtype.csv"
column = "subtype"
[modality.rna]
file = "elsewhere/rna.csv"
kind = "omics"
entity = "gene"
[modality.meth]
file = "elsewhere/meth.csv"
kind = "omics"
"""


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of a page's code blocks."""
    return re.findall(
        r"^```(bash|python|toml)\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's tables."""
    truth = planted(90, {"rna": 60, "meth": 40}, effect=2.0, seed=1)
    tables = {m.name: m.table for m in truth.cohort.modalities.values()}
    (tables["rna"] + 9).to_csv(tmp_path / "rna.csv")
    tables["meth"].to_csv(tmp_path / "meth.csv")
    outcome = truth.cohort.outcome()
    labels = pd.Series(
        [outcome.classes[v] for v in outcome.values], truth.cohort.patients, name="subtype"
    )
    labels.to_csv(tmp_path / "subtype.csv")
    clinical = pd.DataFrame(
        {"age": range(30, 120), "smoker": ["yes", "no", "no"] * 30}, labels.index
    ).join(labels)
    clinical.assign(site=list("abcdef") * 15).to_csv(tmp_path / "clinical.csv")
    return tmp_path


@pytest.fixture
def others(folder: Path) -> Path:
    """Two more cohorts beside the user's: another hospital's patients, in tables that the same
    model reads."""
    elsewhere = planted(130, {"rna": 60, "meth": 40}, effect=2.0, seed=1).cohort.take(
        range(90, 130)
    )
    (folder / "elsewhere").mkdir()
    (elsewhere.modalities["rna"].table + 9).to_csv(folder / "elsewhere" / "rna.csv")
    elsewhere.modalities["meth"].table.to_csv(folder / "elsewhere" / "meth.csv")
    labels = [elsewhere.outcome().classes[v] for v in elsewhere.outcome().values]
    pd.Series(labels, elsewhere.patients, name="subtype").to_csv(
        folder / "elsewhere" / "subtype.csv"
    )
    (folder / "other-hospital.toml").write_text(OTHER, encoding="utf-8")
    return folder


def shell(line: str, folder: Path) -> str:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_page(page: str, folder: Path, files: dict[str, str]) -> None:
    """Runs a page's shell lines and Python blocks; a block that `files` names by a word in it is
    written to that file."""
    for language, text in blocks(page):
        name = next(
            (file for word, file in files.items() if word in text and language != "bash"), None
        )
        if name:
            (folder / name).write_text(text, encoding="utf-8")
        elif language == "python":
            (folder / "block.py").write_text(text, encoding="utf-8")
            shell("python block.py", folder)
        elif language == "bash":
            for line in text.splitlines():
                command = line.partition(" #")[0].strip()
                if command and not command.startswith(SKIPPED):
                    shell(command, folder)


@pytest.mark.slow
@pytest.mark.network
def test_the_readme_runs_as_printed(others):
    folder = others
    run_page("README.md", folder, {})
    assert len(pd.read_csv(folder / "biomarkers.csv")) == 12514
    assert (folder / "runs" / "mine" / "report.html").is_file()
    assert len(pd.read_csv(folder / "predictions.csv")) == 90


@pytest.mark.slow
@pytest.mark.network
def test_contributing_runs_as_printed(folder):
    files = {
        "class Peak": "peak.py",
        "class Quantile": "quantile.py",
        "class Occlusion": "occlusion.py",
        "[outcome.subtype]": "clinic.toml",
    }
    run_page("CONTRIBUTING.md", folder, files)
    nodes = pd.read_csv(folder / "runs" / "clinic" / "rankings" / "nodes.csv")
    assert set(nodes["method"]) == {"occlusion.py:Occlusion"}
    assert (folder / "runs" / "clinic" / "report.html").is_file()


def test_the_method_as_printed_is_the_one_that_is_tested():
    tested = (ROOT / "tests" / "explain" / "occlusion.py").read_text(encoding="utf-8")
    printed = [text for _, text in blocks("CONTRIBUTING.md") if "class Occlusion" in text]
    assert printed == [tested]


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text and "make test" in text
    assert "torch>=2.6,<2.14" in text
