"""No command writes over a file that it reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphfuse.data.overwrite_guard import manifest_files, output_file
from graphfuse.errors import InputError

MANIFEST = """name = "clinic"
[[source]]
path = "tables"
[outcome.subtype]
kind = "class"
file = "labels.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
[groups]
site = { file = "deep/sites.csv", column = "site" }
"""


@pytest.fixture
def clinic(tmp_path):
    for name in ("tables/rna.csv", "tables/labels.csv", "tables/deep/sites.csv", "folds.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    (tmp_path / "clinic.toml").write_text(MANIFEST)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["clinic.toml", "tables/rna.csv", "tables/labels.csv", "tables/deep/sites.csv", "folds.csv"],
)
def test_what_is_read_is_not_written_over(clinic, monkeypatch, name):
    monkeypatch.chdir(clinic)
    (clinic / "other-name.csv").symlink_to(clinic / name)
    os.link(clinic / name, clinic / "twin.csv")
    for out in (name, f"./tables/../{name}", "other-name.csv", "twin.csv"):
        with pytest.raises(InputError, match="is read by this command"):
            output_file(clinic / out, "clinic.toml", ["folds.csv", None])


@pytest.mark.parametrize("name", ["", ".", "tables"])
def test_a_folder_is_no_file(clinic, monkeypatch, name):
    monkeypatch.chdir(clinic)
    with pytest.raises(InputError, match="is a folder"):
        output_file(Path(name), "clinic.toml")


def test_others_may_be_written(clinic):
    (clinic / "old.csv").write_text("old")
    for name in ("new.csv", "old.csv"):
        assert output_file(clinic / name, clinic / "clinic.toml") == clinic / name


def test_a_manifest_that_cannot_be_read_is_itself_an_input(tmp_path):
    (tmp_path / "bad.toml").write_text("name = [")
    assert manifest_files(tmp_path / "bad.toml") == [tmp_path / "bad.toml"]
