"""Archives from elsewhere: only plain files under one folder, only to where they belong, only up to
a size."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from graphfuse.errors import FetchError, nearest

MAX_BYTES = 20 * 10**9
MAX_RATIO = 200
_SMALL = 10**8  # below this a high ratio is harmless: a table of zeros packs that well
_ZIP = (".zip", ".whl")
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
    NotImplementedError,
)


def is_archive(path: Path) -> bool:
    """Whether the name says zip, wheel or tar (an npz is a zip too, but a table)."""
    return path.name.lower().endswith(_ZIP + _TAR)


def unpack(archive: Path, into: Path, root: str = "") -> None:
    """Writes the archive's files under `root` to `into`, without the root.

    Raises `FetchError` for names that lead outside, links, devices, absurd sizes, damage, or
    nothing under `root`.
    """
    root = root.strip("/")
    budget = min(MAX_BYTES, max(_SMALL, MAX_RATIO * archive.stat().st_size))
    members = _zip_members if archive.name.lower().endswith(_ZIP) else _tar_members
    seen, written = set(), 0
    try:
        for name, size, open_member in members(archive, root):
            seen.add(str(PurePosixPath(name).parent))
            budget -= size
            if budget < 0:
                raise FetchError(
                    f"{archive.name} unpacks to more than is sane for its size; it was not unpacked"
                )
            inside = _under(name, root)
            if inside is not None:
                _write(open_member(), into / inside)
                written += 1
    except _DAMAGED as error:
        raise FetchError(f"{archive.name} is damaged or no archive ({error})") from None
    if not written:
        raise FetchError(
            f"{archive.name} has no files under {root or '.'!r}{nearest(root, seen)}; correct root"
        )


def _write(content: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, open(target, "wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)


def _under(name: str, root: str) -> PurePosixPath | None:
    """The name less the root, or None outside of it."""
    path = PurePosixPath(name)
    if not root:
        return path
    return path.relative_to(root) if path.is_relative_to(root) and str(path) != root else None


def _check_name(name: str, archive: Path) -> None:
    """Raises `FetchError` for a name that could lead outside the folder."""
    parts = PurePosixPath(name).parts
    if (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or ":" in (parts[0] if parts else "")
        or "\0" in name
    ):
        raise FetchError(
            f"{archive.name} holds a file named {name!r}, which leads outside its folder; "
            "it was not unpacked"
        )


def _zip_members(archive: Path, root: str) -> Iterator[tuple]:
    """(name, size, opener) of the files of a zip."""
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            _check_name(entry.filename, archive)
        for entry in bundle.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if (
                kind not in (0, stat.S_IFREG, stat.S_IFDIR)
                and _under(entry.filename, root) is not None
            ):
                raise FetchError(
                    f"{archive.name} holds a link or device ({entry.filename!r}); it was "
                    "not unpacked"
                )
            if not entry.is_dir():
                yield entry.filename, entry.file_size, lambda entry=entry: bundle.open(entry)


def _tar_members(archive: Path, root: str) -> Iterator[tuple]:
    """(name, size, opener) of the files of a tar, one after the other: a bomb is met before it is
    read."""
    with tarfile.open(archive) as bundle:
        for entry in bundle:
            _check_name(entry.name, archive)
            name = entry.name.removeprefix("./")
            if not (entry.isreg() or entry.isdir()) and _under(name, root) is not None:
                raise FetchError(
                    f"{archive.name} holds a link or device ({entry.name!r}); it was not unpacked"
                )
            if entry.isreg():
                yield name, entry.size, lambda entry=entry: bundle.extractfile(entry)
