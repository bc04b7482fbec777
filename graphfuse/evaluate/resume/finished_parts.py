"""Finished parts of a training, kept on the disk while it runs, so that one that was stopped can go
on from them to the same bits.

The parts of a run into `DIR/NAME` are kept in `DIR/.NAME.resume`, in a folder by a hash of all that
they depend on. They are patient data, as models are, so only this user can enter it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from graphfuse.errors import InputError, LeakError, counted, reason
from graphfuse.evaluate.provenance import packages
from graphfuse.evaluate.resume.dependencies import in_words
from graphfuse.files.atomic_write import write_json
from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.files.working_folders import flush

log = logging.getLogger(__name__)

Part = TypeVar("Part")
_ABOUT, _SEAL, _HALF = "about.json", "seal.json", ".half"


@dataclass(frozen=True)
class Form(Generic[Part]):
    """How a part is written into an empty folder, and read from it."""

    save: Callable[[Part, Path], None]
    load: Callable[[Path], Part]


class Finished:
    """The finished parts of one training, by name.

    Parameters
    ----------
    home : Path or None
        The hidden folder they are kept in; `None`: none are kept.
    resume : bool
        Whether parts that a stopped training left are used, and kept when this one is stopped.
    """

    def __init__(self, home: Path | None = None, resume: bool = False):
        self.home, self.resume = home, resume
        self.names: list[str] = []
        self.reused: list[str] = []
        self._folder: Path | None = None
        self._about: dict = {}
        self._new: list[Path] = []
        self._writing = Lock()
        self._is_over = False

    def begin(self, hashes: Mapping[str, str]) -> None:
        """Says what the parts depend on, before the first is made.

        Raises `InputError` where those of a stopped training are to be used, and are of something
        else.
        """
        if self.home is None:
            return
        key = text_sha256(json.dumps(dict(hashes), sort_keys=True))[:16]
        self._about = {"hashes": dict(hashes), "packages": packages()}
        self._folder = self.home / key
        self._refuse_strange()
        left = self._left()
        mine = self._parts(self._folder)
        if self.resume and left and not mine:
            raise InputError(self._differs(left[0]))
        if self.resume and not left:
            log.info("no run into this folder was stopped: there is nothing to resume")
        elif self.resume and mine:
            log.info("resuming from %s of a stopped run", counted(len(mine), "part"))
        elif left:
            count = sum(len(self._parts(each)) for each in left)
            log.warning(
                "%s: a stopped run left %s here; --resume would continue from them, this one "
                "starts over",
                self.home,
                counted(count, "finished part"),
            )

    def make(self, name: str, work: Callable[[], Part], form: Form[Part]) -> Part:
        """What `work` gives, kept under this name; or what was kept of it before."""
        self.names.append(name)
        if self._folder is None:
            return work()
        place = self._folder / name
        if self.resume and place.is_dir():
            with suppress(_DamagedError):
                part = _read(place, form)
                self.reused.append(name)
                return part
        made = work()
        with self._writing:
            if not self._is_over:
                self._try_to_keep(place, made, form)
        return made

    def summary(self) -> str:
        """What was used of a stopped training; empty where nothing was."""
        if not self.reused:
            return ""
        return f"resumed: {len(self.reused)} of {counted(len(self.names), 'part')} were there"

    def end(self) -> None:
        """From now on nothing is kept: threads may still be at work when their process is to
        end."""
        with self._writing:
            self._is_over = True

    @property
    def kept(self) -> int:
        """How many parts there are to go on from."""
        return 0 if self._folder is None else len(self._parts(self._folder))

    def forget(self) -> None:
        """Removes the parts that this training was the first to make."""
        for place in self._new:
            shutil.rmtree(place, ignore_errors=True)
        if self._folder is not None and not self._parts(self._folder):
            shutil.rmtree(self._folder, ignore_errors=True)
        if self.home is not None:
            with suppress(OSError):
                self.home.rmdir()

    def hand_over(self, work: Path) -> None:
        """Moves all parts, which nobody needs any more, into a working folder that is about to be
        removed."""
        if self.home is not None and self.home.is_dir():
            self.home.rename(work / "finished")

    # ------------------------------------------------------------------------------------- on disk

    def _try_to_keep(self, place: Path, made: Part, form: Form[Part]) -> None:
        try:
            self._keep(place, made, form)
        except OSError as error:
            log.warning("%s: finished parts cannot be kept any more: %s", self.home, reason(error))
            self._is_over = True

    def _keep(self, place: Path, part: Part, form: Form[Part]) -> None:
        """Writes a part whole: half of one is known by its name."""
        self._begin_folder()
        half = place.with_name(place.name + _HALF)
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        form.save(part, half)
        files = sorted(path for path in half.rglob("*") if path.is_file())
        sums = {path.relative_to(half).as_posix(): file_sha256(path) for path in files}
        write_json(half / _SEAL, sums)
        flush(half)
        if place.exists():
            shutil.rmtree(place)
        else:
            self._new.append(place)
        half.rename(place)

    def _begin_folder(self) -> None:
        if self._folder.is_dir():
            return
        self.home.mkdir(mode=0o700, exist_ok=True)
        self._folder.mkdir(exist_ok=True)
        write_json(self._folder / _ABOUT, self._about)

    def _refuse_strange(self) -> None:
        """Raises `InputError` where something else has the name of the hidden folder."""
        if not os.path.lexists(self.home):
            return
        status = self.home.lstat()
        is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if not stat.S_ISDIR(status.st_mode) or not is_own:
            raise InputError(f"{self.home}: is in the way and not graphfuse's; move it")

    def _left(self) -> list[Path]:
        """The folders with parts of stopped trainings, the latest first."""
        if not self.home.is_dir():
            return []
        folders = [path for path in self.home.iterdir() if self._parts(path)]
        return sorted(folders, key=lambda path: -path.stat().st_mtime)

    def _parts(self, folder: Path) -> list[str]:
        """The names of the finished parts in a folder."""
        if not folder.is_dir():
            return []
        return [path.name for path in folder.iterdir() if (path / _SEAL).is_file()]

    def _differs(self, left: Path) -> str:
        """Why the parts there are not used."""
        try:
            about = json.loads((left / _ABOUT).read_text(encoding="utf-8"))
            hashes, versions = about["hashes"], about["packages"]
        except (OSError, ValueError, KeyError):
            hashes, versions = {}, {}
        mine = self._about["hashes"]
        differing = [name for name in mine if mine[name] != hashes.get(name)]
        now = packages()
        others = [f"{name} {had}" for name, had in versions.items() if now.get(name) != had]
        had = f" (it had {', '.join(others)})" if others else ""
        return (
            f"{self.home}: the run that was stopped was of something else: "
            f"{in_words(differing)}{had}; give what it was given, or leave out --resume to start "
            "over"
        )


class _DamagedError(Exception):
    """A part that is not as it was written."""


def _read(place: Path, form: Form[Part]) -> Part:
    """A part as it was made. Raises `_DamagedError`, and tells it, where it is damaged."""
    try:
        sums = json.loads((place / _SEAL).read_text(encoding="utf-8"))
        if sums != {name: file_sha256(place / name) for name in sums}:
            raise ValueError("a file is not as it was written")
        return form.load(place)
    except Exception as error:
        log.warning("%s: damaged (%s); made again", place, reason(error))
        raise _DamagedError from error


@contextmanager
def finished_beside(out: Path, resume: bool) -> Iterator[Finished]:
    """The finished parts of a run into `out`: kept where it is stopped by anything but Ctrl-C, and
    by that too where it may `resume`."""
    finished = Finished(out.with_name(f".{out.name}.resume"), resume)
    try:
        yield finished
    except BaseException as error:
        finished.end()
        given_up = isinstance(error, KeyboardInterrupt) and not resume
        if given_up or isinstance(error, LeakError):
            finished.forget()
        elif finished.kept:
            count = counted(finished.kept, "finished part")
            error.add_note(f"the same command with --resume continues from {count}")
        raise
