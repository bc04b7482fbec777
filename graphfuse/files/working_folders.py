"""Hidden folders in which outputs are made: private, locked, and removed once their process is
dead.

The working folder of `DIR/NAME` is `DIR/.NAME.graphfuse-work`. It holds the lock file, which the
system frees when the process dies, whatever kills it; `new`, the output as far as it is made; and,
while the new output replaces the old one, `old`.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from graphfuse.errors import InputError

SUFFIX = ".graphfuse-work"
LOCK = "graphfuse.lock"
_PROCESS = "process.json"
_TRIES = 100  # at a folder that another process is removing just now


@contextmanager
def working(output: Path) -> Iterator[Path]:
    """The working folder of an output, for as long as the block runs.

    Parameters
    ----------
    output : Path
        The file or folder to be made; its parent is made where missing.

    Yields
    ------
    Path
        A hidden folder beside it that only this user can enter, removed afterwards.

    Raises
    ------
    InputError
        Where another process is writing the same output, or nothing can be written there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        sweep(output.parent)
        folder, lock = _begun(output)
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error.strerror or error}); give another with -o"
        ) from None
    try:
        yield folder
    finally:
        _end(folder, lock)


def take_place(work: Path, output: Path) -> None:
    """Puts `work/new` in the place of `output`, on the disk before it is seen.

    Killed at any moment, it leaves the old output, the new one, or what `recover` makes one of.
    """
    flush(work / "new")
    if os.path.lexists(output):
        output.rename(work / "old")
    try:
        (work / "new").rename(output)
    except OSError:
        if os.path.lexists(work / "old"):
            (work / "old").rename(output)
        raise
    _flush_one(output.parent)


def sweep(parent: Path) -> None:
    """Removes the working folders in `parent` whose process is dead, and finishes replacements that
    they had begun."""
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
    for name in names:
        if name.startswith("."):
            _sweep_one(parent / name)


def recover(output: Path) -> Path:
    """`output`, restored where a process was killed while it replaced it."""
    if not os.path.lexists(output):
        with suppress(OSError):
            _sweep_one(_beside(output))
    return output


def flush(path: Path) -> None:
    """Has the system write a file, or a folder with all that is in it, to the disk."""
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            flush(child)
    _flush_one(path)


def _flush_one(path: Path) -> None:
    """Has the system write one file, or a folder's list of files, to the disk."""
    with suppress(OSError):  # Windows opens no folders, and some file systems flush none
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _beside(output: Path) -> Path:
    """The working folder of an output."""
    return output.with_name(f".{output.name}{SUFFIX}")


def _begun(output: Path) -> tuple[Path, FileLock]:
    """A new working folder and its lock, held. Raises `InputError` where somebody else holds it."""
    folder = _beside(output)
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not _is_ours(folder):
            raise InputError(f"{folder}: is in the way and not graphfuse's; move it")
        lock = FileLock(folder / LOCK, timeout=0)
        with suppress(Timeout, FileNotFoundError):
            lock.acquire()
            folder.chmod(0o700)
            (folder / _PROCESS).write_text(json.dumps({"process": os.getpid()}))
            return folder, lock
        writer = _writer(folder)
        if writer is not None:
            raise InputError(
                f"another graphfuse (process {writer}) is writing {output}; wait for it or give "
                "another -o"
            )
        time.sleep(0.02)
    raise InputError(f"another graphfuse is writing {output}; wait for it or give another -o")


def _writer(folder: Path) -> int | None:
    """The process that writes there; `None` where the folder is just being made or removed."""
    try:
        return json.loads((folder / _PROCESS).read_text())["process"]
    except (OSError, ValueError, KeyError):
        return None


def _is_ours(folder: Path) -> bool:
    """Whether a folder of this name is one that this user's graphfuse made: it holds the lock, or
    nothing yet."""
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return False
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            return False
        names = os.listdir(folder)
    except FileNotFoundError:
        return True
    return LOCK in names or not names


def _sweep_one(folder: Path) -> None:
    """Finishes and removes one working folder, unless a living process holds its lock."""
    if not folder.exists() or not _is_ours(folder):
        return
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return
    (folder / _PROCESS).unlink(missing_ok=True)  # it writes no more
    _end(folder, lock)


def _end(folder: Path, lock: FileLock) -> None:
    """Removes a working folder whose lock is held; it stays where its output cannot be moved."""
    try:
        _finish(folder)
    except OSError:
        lock.release()
    else:
        _remove(folder, lock)


def _finish(folder: Path) -> None:
    """Where a process was killed between the two renames of `take_place`, moves the new output,
    which is whole by then, to its place."""
    output = folder.with_name(folder.name[1 : -len(SUFFIX)])
    new, old = folder / "new", folder / "old"
    if os.path.lexists(old) and not os.path.lexists(output):
        (new if new.exists() else old).rename(output)


def _remove(folder: Path, lock: FileLock) -> None:
    """Removes a working folder whose lock is held. The lock goes last, so that a folder that is
    half removed is still recognised."""
    for child in [path for path in folder.iterdir() if path.name != LOCK]:
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)
    if os.name != "nt":  # where a file that is open cannot be removed
        (folder / LOCK).unlink(missing_ok=True)
    lock.release()
    with suppress(OSError):
        if os.name == "nt":
            (folder / LOCK).unlink()
        folder.rmdir()
