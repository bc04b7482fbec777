"""Run directories that were damaged or forged: success with finite numbers, or one message and exit
code 2."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from .doors import called
from .runs import (
    COMMANDS,
    LAIR,
    RECIPES,
    cohort_files,
    lay,
    not_finite,
    read_files,
    run_files,
    tried,
)

CHUNK = 125


def faults(start: int, end: int) -> list[str]:
    """What went wrong of the run directories of these seeds, in words."""
    said = []
    for seed in range(start, end):
        with tempfile.TemporaryDirectory() as folder:
            found = tried(seed, Path(folder))
        if found.fault:
            said.append(str(found))
    return said


@pytest.mark.slow
class TestFiveHundred:
    @pytest.mark.parametrize("start", range(0, 500, CHUNK))
    def test_spoiled_run_directories(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.nightly
class TestTenThousandEven:
    @pytest.mark.parametrize("start", range(0, 10_000, 2 * CHUNK))
    def test_spoiled_run_directories(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.nightly
class TestTenThousandOdd:
    @pytest.mark.parametrize("start", range(CHUNK, 10_000, 2 * CHUNK))
    def test_spoiled_run_directories(self, start):
        assert not (said := faults(start, start + CHUNK)), "\n\n".join(said)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_whole_ones_are_read(name, tmp_path, monkeypatch):
    from . import doors

    monkeypatch.setattr(doors, "_ALLOWED", (0,))
    lay(cohort_files() | read_files(name), tmp_path)
    for command in COMMANDS:
        assert not (called([*command, "--quiet"], tmp_path) or not_finite(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_no_absolute_path_stands_in_one(name):
    folders = [LAIR, str(Path(__file__).parents[2]), str(Path.cwd()), str(Path.home())]
    for path, content in run_files(name).items():
        for folder in folders:
            assert folder.encode() not in content, f"{path} holds {folder}"
