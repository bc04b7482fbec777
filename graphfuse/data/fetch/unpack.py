"""Unpacks archives from elsewhere safely: only plain files, only below one folder, and only up to a
size and a number."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from graphfuse.data.fetch import limits
from graphfuse.errors import FetchError, nearest

_ZIP = (".zip", ".whl")
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PACKED = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    UnicodeError,
    RuntimeError,
    NotImplementedError,
)


def is_archive(path: Path) -> bool:
    """Whether the name is that of a zip, wheel or tar (an npz is a zip too, but a table)."""
    return path.name.lower().endswith(_ZIP + _TAR)


def unpack(archive: Path, into: Path, root: str = "") -> None:
    """Writes the archive's files under `root` to `into`, without the root.

    Raises `FetchError` for names that lead outside, links, devices, too much or too many, damage,
    or nothing under `root`.
    """
    root = root.strip("/")
    left = most = limits.most_bytes(archive.stat().st_size)
    members = _zip_members if archive.name.lower().endswith(_ZIP) else _tar_members
    seen, written = set(), 0
    try:
        for name, size, open_member in members(archive, root, most):
            seen.add(str(PurePosixPath(name).parent))
            left -= size
            if left < 0:
                raise _too_much(archive, most)
            inside = _under(name, root)
            if inside is not None:
                _write(open_member(), into, inside, archive)
                written += 1
    except (*_DAMAGED, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # of the disk, not of what was read
        raise FetchError(f"{archive.name} is damaged or no archive ({error})") from None
    if not written:
        raise FetchError(
            f"{archive.name} has no files under {root or '.'!r}{nearest(root, seen)}; correct root"
        )


def _too_much(archive: Path, most: int) -> FetchError:
    """The error of an archive that unpacks to too many bytes."""
    cure = limits.lifted(limits.GB_SETTING, f"{most / limits.GB:.3g} GB")
    return FetchError(
        f"{archive.name} unpacks to more than is sane for its size; it was not unpacked: {cure}"
    )


def _count(entries: int, archive: Path) -> None:
    """Raises `FetchError` where an archive has more entries than allowed."""
    most = limits.most_files()
    if entries > most:
        cure = limits.lifted(limits.FILES_SETTING, f"{most:,}")
        raise FetchError(f"{archive.name} holds too many entries; it was not unpacked: {cure}")


def _write(content: IO[bytes], into: Path, inside: PurePosixPath, archive: Path) -> None:
    """Writes one file; raises `FetchError` where its place is taken."""
    target = into / inside
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(exist_ok=False)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise FetchError(
            f"{archive.name} holds {str(inside)!r} twice, or as a file and as a folder; it was not "
            "unpacked"
        ) from None
    with content, open(target, "wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)


def _under(name: str, root: str) -> PurePosixPath | None:
    """The name below the root, or None outside of it."""
    path = PurePosixPath(name)
    if not root:
        return path
    if not path.is_relative_to(root) or str(path) == root:
        return None
    return path.relative_to(root)


def _check_name(name: str, archive: Path) -> None:
    """Raises `FetchError` for a name that could lead outside the folder, or that file systems do
    not take."""
    parts = PurePosixPath(name).parts
    if (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or ":" in (parts[0] if parts else "")
        or "\0" in name
    ):
        raise FetchError(
            f"{archive.name} holds a file named {name[:100]!r}, which leads outside its folder; "
            "it was not unpacked"
        )
    longest = max((len(part.encode("utf-8", "surrogateescape")) for part in parts), default=0)
    if len(name) > limits.LONGEST_NAME or longest > 255:
        raise FetchError(
            f"{archive.name} holds a file whose name is too long ({name[:40]!r} …); it was not "
            "unpacked"
        )


def _check_kind(is_plain: bool, name: str, root: str, archive: Path) -> None:
    """Raises `FetchError` for an entry that is neither file nor folder and would be unpacked."""
    if not is_plain and _under(name, root) is not None:
        raise FetchError(f"{archive.name} holds a link or device ({name!r}); it was not unpacked")


def _zip_members(archive: Path, root: str, most: int) -> Iterator[tuple]:
    """(name, size, opener) of the files of a zip."""
    with open(archive, "rb") as file, zipfile.ZipFile(_Bounded(file, archive)) as bundle:
        entries = bundle.infolist()
        _count(len(entries), archive)
        for entry in entries:
            _check_name(entry.filename, archive)
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            _check_kind(is_plain, entry.filename, root, archive)
            if not entry.is_dir():
                yield entry.filename, entry.file_size, lambda entry=entry: bundle.open(entry)


def _tar_members(archive: Path, root: str, most: int) -> Iterator[tuple]:
    """(name, size, opener) of the files of a tar, one after the other, so that sizes are checked
    before files are read."""
    with _stream(archive) as file:
        end = most + 1024 * limits.most_files()  # two blocks of padding and heading an entry
        bounded = _Bounded(file, archive, end, lambda: _too_much(archive, most))
        with tarfile.open(fileobj=bounded, mode="r:") as bundle:
            for number, entry in enumerate(bundle, start=1):
                _count(number, archive)
                _check_name(entry.name, archive)
                name = entry.name.removeprefix("./")
                _check_kind(entry.isreg() or entry.isdir(), name, root, archive)
                if entry.isreg():
                    yield name, entry.size, lambda entry=entry: bundle.extractfile(entry)


@contextmanager
def _stream(archive: Path) -> Iterator[IO[bytes]]:
    """The tar inside its compression, by its first bytes and not its name."""
    with open(archive, "rb") as file:
        how = _PACKED.get(file.read(2))
    with archive.open("rb") if how is None else how(archive, "rb") as stream:
        yield stream


class _Bounded(io.RawIOBase):
    """A file that refuses to read pieces larger than a list of names or a header may be, and raises
    an error beyond `end`."""

    def __init__(
        self,
        file: IO[bytes],
        archive: Path,
        end: int | None = None,
        beyond: Callable[[], FetchError] | None = None,
    ):
        self._file, self._archive, self._end, self._beyond = file, archive, end, beyond

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._check(offset)
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size > limits.MOST_AT_ONCE:
            raise FetchError(
                f"{self._archive.name} has a list of files or a header of more than "
                f"{limits.MOST_AT_ONCE // 2**20} MB; it was not unpacked"
            )
        self._check(self._file.tell() + max(size, 0))
        return self._file.read(size)

    def _check(self, position: int) -> None:
        if self._end is not None and position > self._end:
            raise self._beyond()
