"""The cache of fetched files: private folders whose files are compared with the record made of
them.

The cache is `GRAPHFUSE_CACHE`, or the user's cache folder. An entry is made beside its place and
moved there whole, so that a stopped download leaves nothing. Its mark records the size and sha256
of every file: sizes are compared whenever the entry is used, bytes once in every process.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from graphfuse.errors import FetchError, InputError, examples
from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.files.working_folders import working

log = logging.getLogger(__name__)

MARK = ".graphfuse-complete"
_OLD_MARK = "complete"  # the text of marks before they listed the files
_PRIVATE = 0o700
_compared: set[tuple[Path, str]] = set()  # (entry, text of its mark) whose bytes were compared


def cache_folder() -> Path:
    """Where fetched files are kept: `GRAPHFUSE_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("GRAPHFUSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("graphfuse")


def entry_of(sha256: str, root: str) -> Path:
    """The folder of an archive's files: by content, and by the folder inside that is wanted."""
    root = root.strip("/")
    inside = text_sha256(root)[:8] if root else "all"
    return cache_folder() / sha256.lower() / inside


def is_there(entry: Path) -> bool:
    """Whether an entry was made whole once."""
    return (entry / MARK).is_file()


def damage(entry: Path) -> str:
    """What is wrong with the files of an entry; '' where nothing is."""
    try:
        text = (entry / MARK).read_text(encoding="utf-8")
        if text.strip() == _OLD_MARK:
            text = _adopted(entry)
        files = json.loads(text)["files"]
        faults = [_other_size(entry, name, own) for name, own in files.items()]
        if not any(faults) and (entry, text) not in _compared:
            faults = [_other_bytes(entry, name, own) for name, own in files.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MARK}: cannot be read ({type(error).__name__})"
    if not any(faults):
        _compared.add((entry, text))
    return examples(filter(None, faults))


def _other_size(entry: Path, name: str, own: dict) -> str:
    """What is wrong with a file's size, or that it is gone; '' where nothing is."""
    path = entry / name
    if not path.is_file():
        return f"{name}: is gone"
    size = path.stat().st_size
    return "" if size == own["size"] else f"{name}: {size:,} bytes in place of {own['size']:,}"


def _other_bytes(entry: Path, name: str, own: dict) -> str:
    """That a file's bytes are not those of its record; '' where they are."""
    is_same = file_sha256(entry / name) == own["sha256"]
    return "" if is_same else f"{name}: other bytes than were fetched"


def _adopted(entry: Path) -> str:
    """The mark of an entry from before marks listed files, whose files are recorded as they are."""
    log.info("%s: made by an older graphfuse; its files are listed as they are now", entry)
    part = entry / f"{MARK}-{os.getpid()}-{threading.get_ident()}"
    text = _listed(entry)
    with suppress(OSError):  # a cache that is only read stays as it is
        part.write_text(text, encoding="utf-8")
        os.replace(part, entry / MARK)
    return text


def _listed(folder: Path) -> str:
    """The text of a mark: size and sha256 of every file in the folder."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(MARK):
            files[name] = {"size": path.stat().st_size, "sha256": file_sha256(path)}
    return json.dumps({"schema": 1, "files": files}, indent=1)


@contextmanager
def workplace() -> Iterator[Path]:
    """A private folder in the cache, removed whatever happens; folders of dead processes are
    removed too. Raises `FetchError` where nothing can be written."""
    cache = cache_folder()
    with ExitStack() as stack:
        try:
            _private_folder(cache)
            own = cache / f"fetching-{os.getpid()}-{threading.get_ident()}"
            place = stack.enter_context(working(own))
        except (OSError, InputError) as error:
            raise _unwritable(cache, error.__context__ or error) from None
        try:
            yield place
        except OSError as error:
            raise _unwritable(cache, error) from None


def _unwritable(cache: Path, error: BaseException) -> FetchError:
    """The error where nothing can be written to the cache."""
    why = getattr(error, "strerror", None) or error
    return FetchError(
        f"cannot write to the cache {cache} ({why}); make room or set GRAPHFUSE_CACHE"
    )


def keep(files: Path, entry: Path, place: Path) -> Path:
    """Marks the folder `files`, which lies in the workplace `place`, and moves it to its entry.

    A damaged entry goes; where another process was faster with the same bytes, its own stays.
    """
    (files / MARK).write_text(_listed(files), encoding="utf-8")
    files.chmod(_PRIVATE)
    _private_folder(entry.parent)
    if entry.exists() and not (is_there(entry) and not damage(entry)):
        os.replace(entry, place / "damaged")
    try:
        os.replace(files, entry)
    except OSError:
        if not is_there(entry) or damage(entry):
            raise
    return entry


def _private_folder(folder: Path) -> None:
    """Makes a folder that only this user can enter; one that is there stays as it is."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_PRIVATE)
