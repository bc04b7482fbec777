"""Files and folders that are written whole or not at all, and the damage that others may do to
them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphfuse.errors import GraphfuseError, InputError


def write_json(path: Path, content: dict) -> None:
    """A JSON file; what JSON does not know is written as text."""
    path.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, default=str) + os.linesep,
        encoding="utf-8",
    )


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to beside `path`; moved to `path` when the block ends well, removed when it
    does not."""
    path = Path(path)
    if not path.name or path.is_dir():
        raise InputError(f"{path}: is a folder; name the file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def filled(folder: str | Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, whose files move into it when the block ends well.

    Files that `folder` holds already stay, save those of the same name. A block that fails leaves
    `folder` as it was, or absent.
    """
    folder = Path(folder).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield part
        folder.mkdir(exist_ok=True)
        for path in sorted(part.iterdir()):
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def run_directory(folder: Path, mark: str = "run.json") -> Iterator[Path]:
    """A hidden folder beside `folder` that takes its place when the block ends well, and vanishes
    when it does not.

    Raises `InputError` where `folder` holds anything but an older one of its kind, known by the
    file `mark`.
    """
    if folder.exists() and (
        not folder.is_dir() or (any(folder.iterdir()) and not (folder / mark).is_file())
    ):
        what = "run directory" if mark == "run.json" else f"folder of this kind (no {mark})"
        raise InputError(f"{folder}: is there already and is no {what}; give another with -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); give another with -o"
        ) from None
    part.chmod(0o755)
    try:
        yield part
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)) / "old"
            folder.rename(old)
            part.rename(folder)
            shutil.rmtree(old.parent)
        else:
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turns whatever a damaged file of a run directory raises in the block into one `InputError`.

    Errors that were raised on purpose pass through.
    """
    try:
        yield
    except (GraphfuseError, MemoryError):
        raise
    except Exception as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            f"{path}: damaged: not as graphfuse wrote it ({why}); copy the run anew, or train again"
        ) from None
