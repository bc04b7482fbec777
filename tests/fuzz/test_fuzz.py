"""Thousands of damaged inputs at the public doors, each drawn by its seed: success, or one message
and exit code 2; no traceback, no hang, nothing half written."""

import tempfile
from pathlib import Path

import pytest

from graphfuse.data.read import column_names, read_table
from graphfuse.errors import InputError
from graphfuse.files.toml import read_toml
from graphfuse.schema import Manifest

from .doors import tried
from .valid import files

CHUNK = 250  # inputs a test


def faults(start, end):
    """What went wrong of the inputs of these seeds, in words; `tried(seed, folder)` tries one
    again."""
    said = []
    for seed in range(start, end):
        with tempfile.TemporaryDirectory() as folder:
            found = tried(seed, Path(folder))
        if found.fault:
            said.append(str(found))
    return said


# Two classes, since a class is what goes to a process of its own where tests run side by side.
@pytest.mark.slow
class TestTwoThousandEven:
    @pytest.mark.parametrize("start", range(0, 2000, 2 * CHUNK))
    def test_damaged_inputs(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.slow
class TestTwoThousandOdd:
    @pytest.mark.parametrize("start", range(CHUNK, 2000, 2 * CHUNK))
    def test_damaged_inputs(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.nightly
class TestTwentyThousandEven:
    @pytest.mark.parametrize("start", range(0, 20_000, 2 * CHUNK))
    def test_damaged_inputs(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.nightly
class TestTwentyThousandOdd:
    @pytest.mark.parametrize("start", range(CHUNK, 20_000, 2 * CHUNK))
    def test_damaged_inputs(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


def test_the_inputs_are_valid_before_they_are_spoiled(tmp_path, monkeypatch):
    from . import doors

    asked = iter(
        (["check", "cohort.toml", "--recipe", "recipe.toml"],
         ["check", "cohort.toml", "--network", "card.toml"],
         ["build", "cohort.toml", "-r", "recipe.toml", "-o", "out"],
         ["init", "rna.csv", "meth.tsv", "about.csv", "-o", "draft.toml"], ["folds"])
    )  # fmt: skip
    for number, call in enumerate(list(asked)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setattr(doors, "_KINDS", {"intact": (1, lambda *_, call=call: call)})
        monkeypatch.setattr(doors, "_ALLOWED", (0,))
        assert not (found := tried(number, folder)).fault, str(found)


# ---------------------------------------------------------------------------- what was found, once


def test_brackets_nested_too_deeply_are_no_valid_toml(tmp_path):
    (tmp_path / "deep.toml").write_text("name = " + "[" * 4000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_toml(tmp_path / "deep.toml", Manifest)


@pytest.mark.parametrize("ending", ["csv.gz", "parquet", "npz", "npy", "h5ad"])
def test_every_format_cut_anywhere_is_one_message(tmp_path, ending):
    """numpy, h5py, pyarrow and gzip raise what they like over a damaged file."""
    import gzip

    whole = files() | {"rna.csv.gz": gzip.compress(files()["rna.csv"], mtime=0)}
    path = tmp_path / f"rna.{ending}"
    (tmp_path / "rna.ids.txt").write_bytes(whole["rna.ids.txt"])
    content = whole[path.name]
    for cut in {*range(1, len(content), max(1, len(content) // 23)), len(content) - 1}:
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match="damaged or cut short|more memory|expected|shape"):
            read_table(path)
        if ending == "csv.gz":
            with pytest.raises(InputError, match="cut short|damaged|empty|expected"):
                column_names(path)
