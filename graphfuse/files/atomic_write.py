"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graphfuse.errors import GraphfuseError, InputError, examples
from graphfuse.files.json import read_json
from graphfuse.files.working_folders import flush, recover, take_place, working


@dataclass(frozen=True)
class Kind:
    """A kind of folder of results.

    `what`: its name in messages. `mark`: the file by which one is recognised. `names`: the names
    of all files that one may hold.
    """

    what: str
    mark: str
    names: frozenset[str]

    @classmethod
    def of(cls, what: str, mark: str, *others: str) -> Kind:
        """A kind whose folders hold the mark and these other files."""
        return cls(what, mark, frozenset({mark, *others}))

    def refuse_foreign(self, folder: Path, overwrite: bool = False) -> None:
        """Raises `InputError` where a folder may not be written: it is a file, or holds files that
        are not of this kind. With `overwrite`, one that has the mark may hold others too."""
        if not os.path.lexists(folder):
            return
        if not folder.is_dir():
            raise InputError(f"{folder}: is a file; name a folder with -o")
        names = {path.name for path in folder.iterdir()}
        if names and self.mark not in names:
            raise InputError(
                f"{folder}: exists already and is no {self.what} (no {self.mark}); give another "
                "with -o"
            )
        foreign = sorted(name for name in names - self.names if not name.startswith("."))
        if foreign and not overwrite:
            raise InputError(
                f"{folder}: holds what is not of a {self.what} and would be lost "
                f"({examples(foreign)}); move it, or give another folder with -o"
            )
        if os.path.ismount(folder) or Path.cwd().is_relative_to(folder.resolve()):
            raise InputError(
                f"{folder}: is the working folder, one above it, or a disk of its own; name a "
                "folder inside it with -o"
            )

    def refuse_other(self, folder: Path, data: str) -> None:
        """Raises `InputError` where a folder of this kind was made of other data than those with
        this sha256, or is damaged."""
        mark = folder / self.mark
        if not mark.is_file():
            return
        cure = "give another folder with -o, or --overwrite to replace it"
        try:
            record = read_json(mark)
            cohort = record["cohort"]
            sha256 = record["hashes"]["data"]
        except (InputError, KeyError, TypeError):
            raise InputError(f"{mark}: damaged; {cure}") from None
        if sha256 != data:
            date = f", {str(record['created'])[:10]}" if "created" in record else ""
            raise InputError(
                f"{folder}: is a {self.what} of other data (cohort {cohort!r}{date}); {cure}"
            )


def write_json(path: Path, content: dict) -> None:
    """Writes a JSON file; values of types that JSON does not have are written as text."""
    text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
    path.write_text(text + os.linesep, encoding="utf-8")


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to; moved to `path` when the block ends well, removed when it does not.

    Raises `InputError` where `path` is a folder, or another process is writing it.
    """
    path = named_file(path)
    with working(path) as work:
        part = work / path.name
        yield part
        flush(part)
        os.replace(part, path)


def named_file(path: str | Path) -> Path:
    """`path` as a path. Raises `InputError` where it is empty or a folder."""
    path = Path(path)
    if not path.name or path.is_dir():
        raise InputError(f"{path}: is a folder; name the file to write")
    return path


@contextmanager
def whole_folder(folder: str | Path, kind: Kind) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `folder` when the block ends well, and is
    removed when it does not.

    Raises `InputError` where `folder` holds anything but an older one of its kind, or another
    process is writing it.
    """
    folder = recover(real(folder))
    kind.refuse_foreign(folder)
    with working(folder) as work:
        new = work / "new"
        new.mkdir()
        yield new
        take_place(work, folder)


def real(folder: str | Path) -> Path:
    """A folder's path; where it is a link, that of its target, so that the link stays."""
    folder = Path(folder)
    return folder.resolve() if folder.is_symlink() or folder.name in ("", "..") else folder


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turns any error that a damaged file of a run directory causes into one `InputError`.

    Errors that were raised on purpose pass through.
    """
    try:
        yield
    except (GraphfuseError, MemoryError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        why = lines[0][:200]
        raise InputError(
            f"{path}: damaged: not as graphfuse wrote it ({why}); copy the run again, or train "
            "again"
        ) from None
