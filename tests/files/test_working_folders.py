"""Working folders: private, one writer each, nothing lost by a kill, and swept once dead."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphfuse.errors import InputError
from graphfuse.files.atomic_write import Kind, whole, whole_folder
from graphfuse.files.working_folders import recover, sweep, working

NOTES = Kind.of("folder of notes", "notes.json", "more.txt")
WORK = ".notes.graphfuse-work"

# Writes the folder `notes` with the text of the first argument; the second says where it kills
# itself: before this rename of `take_place` (0, 1, 2), or while the folder is being filled.
WRITER = """
import os, signal, sys
from pathlib import Path
from graphfuse.files.atomic_write import Kind, whole_folder
text, moment = sys.argv[1:]
renames, rename = [], Path.rename
def counted(self, target):
    if moment == str(len(renames)):
        os.kill(os.getpid(), signal.SIGKILL)
    renames.append(target)
    return rename(self, target)
Path.rename = counted
with whole_folder("notes", Kind.of("folder of notes", "notes.json", "more.txt")) as part:
    (part / "notes.json").write_text(text)
    if moment == "filling":
        os.kill(os.getpid(), signal.SIGKILL)
    if moment == "waiting":
        print("ready", flush=True)
        sys.stdin.read()
    (part / "more.txt").write_text(text)
"""


def write(folder: Path, text: str, moment: str) -> int:
    return subprocess.run([sys.executable, "-c", WRITER, text, moment], cwd=folder).returncode


def said(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def waiting(tmp_path):
    """A living process that is filling `notes`."""
    command = [sys.executable, "-c", WRITER, "theirs", "waiting"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, **pipes)
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("moment", "there"), [("filling", "old"), ("0", "old"), ("1", None), ("2", "new")]
)
def test_a_kill_at_any_moment_of_the_swap_loses_nothing(tmp_path, moment, there):
    assert write(tmp_path, "old", "never") == 0
    code = write(tmp_path, "new", moment)
    assert code == (0 if moment == "2" else -signal.SIGKILL)
    notes = tmp_path / "notes"
    assert notes.exists() == (there is not None)
    found = said(recover(notes))
    assert found == dict.fromkeys(("notes.json", "more.txt"), there or "new")
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["notes"]
    assert said(notes) == found


def test_the_next_writer_of_anything_beside_it_sweeps(tmp_path):
    write(tmp_path, "old", "never")
    write(tmp_path, "new", "1")
    assert os.listdir(tmp_path) == [WORK]
    with whole(tmp_path / "other.txt") as part:
        part.write_text("other")
    assert sorted(os.listdir(tmp_path)) == ["notes", "other.txt"]
    assert said(tmp_path / "notes")["more.txt"] == "new"


def test_an_interrupt_between_the_renames_finishes_them(tmp_path, monkeypatch):
    write(tmp_path, "old", "never")
    rename = Path.rename

    def interrupted(self, target):
        monkeypatch.undo()
        rename(self, target)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "notes", NOTES) as part:
        (part / "notes.json").write_text("new")
        monkeypatch.setattr(Path, "rename", interrupted)
    assert said(tmp_path / "notes") == {"notes.json": "new"}
    assert os.listdir(tmp_path) == ["notes"]


def test_a_second_writer_is_told_who_the_first_is(tmp_path, waiting):
    began = time.monotonic()
    message = rf"another graphfuse \(process {waiting.pid}\) is writing .*notes; wait for it or"
    with pytest.raises(InputError, match=message), whole_folder(tmp_path / "notes", NOTES):
        pass
    assert time.monotonic() - began < 2
    sweep(tmp_path)
    waiting.communicate(timeout=20)
    assert said(tmp_path / "notes") == {"notes.json": "theirs", "more.txt": "theirs"}


def test_working_folders_are_private_and_what_they_make_is_not(tmp_path):
    with whole_folder(tmp_path / "notes", NOTES) as part:
        assert stat.S_IMODE((tmp_path / WORK).stat().st_mode) == 0o700
        (part / "notes.json").write_text("")
    (tmp_path / "plain").mkdir()
    modes = {(tmp_path / name).stat().st_mode for name in ("notes", "plain")}
    assert len(modes) == 1


def test_what_is_not_ours_is_never_swept(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "graphfuse.lock").touch()
    (outside / "thesis.tex").write_text("years of work")
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / ".link.graphfuse-work").symlink_to(outside)
    theirs = parent / ".mine.graphfuse-work"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    (parent / ".hidden").mkdir()
    (parent / ".file.graphfuse-work").write_text("a file")
    before = sorted(parent.rglob("*"))
    sweep(parent)
    with whole(parent / "seen.txt") as part:
        part.touch()
    assert sorted(parent.rglob("*")) == sorted([*before, parent / "seen.txt"])
    assert sorted(os.listdir(outside)) == ["graphfuse.lock", "thesis.tex"]
    with pytest.raises(InputError, match="in the way"), working(parent / "mine"):
        pass
    with pytest.raises(InputError, match="in the way"), working(parent / "link"):
        pass


def test_half_begun_and_half_removed_folders_are_swept(tmp_path):
    (tmp_path / ".begun.graphfuse-work").mkdir()
    removed = tmp_path / ".removed.graphfuse-work"
    removed.mkdir()
    (removed / "graphfuse.lock").touch()
    sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_file_that_fails_stays_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="no room"), whole(path) as part:
        part.write_text("half")
        raise OSError("no room")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["table.csv"]


def test_a_link_to_a_folder_is_written_through(tmp_path):
    real = tmp_path / "disk" / "notes"
    with whole_folder(real, NOTES) as part:
        (part / "notes.json").write_text("old")
    (tmp_path / "link").symlink_to(real)
    with whole_folder(tmp_path / "link", NOTES) as part:
        (part / "notes.json").write_text("new")
    assert (tmp_path / "link").is_symlink() and said(real) == {"notes.json": "new"}


@pytest.mark.parametrize("name", ["", ".", "..", "full", "foreign", "file"])
def test_a_folder_that_is_not_of_the_kind_is_refused(tmp_path, monkeypatch, name):
    home = tmp_path / "home"
    (home / "full").mkdir(parents=True)
    (home / "full" / "thesis.tex").touch()
    (home / "foreign").mkdir()
    (home / "foreign" / "notes.json").touch()
    (home / "foreign" / "thesis.tex").touch()
    (home / "file").touch()
    monkeypatch.chdir(home)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="-o"), whole_folder(name, NOTES):
        pytest.fail("was entered")
    assert sorted(tmp_path.rglob("*")) == before
