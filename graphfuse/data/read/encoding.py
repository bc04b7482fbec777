"""The text of a file as UTF-8, whatever its encoding."""

from __future__ import annotations

import gzip
import io
import logging
from pathlib import Path

from graphfuse.data import memory
from graphfuse.errors import InputError, counted, warn_once

log = logging.getLogger(__name__)

_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}  # a longer mark comes before the one that it begins with
_GZIP = b"\x1f\x8b"  # with which every gzip file begins
_CHARACTER = 4  # bytes of the longest character in UTF-8
_CHUNK = 1 << 20  # bytes that are unpacked at a time


def utf8_content(path: Path) -> bytes:
    """Everything in a file (unpacked where it is .gz) as UTF-8 without a byte order mark.

    Parameters
    ----------
    path : Path
        A text file in UTF-8, UTF-16, UTF-32 or Windows-1252 (which holds Latin-1).

    Returns
    -------
    bytes
        The text in UTF-8.

    Raises
    ------
    InputError
        Where the file holds null bytes, ends within a character, or is more than memory holds.
    """
    raw = _content(path)
    encoding = _marked(raw) or _unmarked_utf16(raw)
    if encoding is not None:
        text = _decoded(raw, encoding, path)
    elif raw.isascii():
        text = None
    else:
        text = _utf8_or_windows(raw, path)
    content = raw if text is None else text.encode()
    if b"\0" in content:
        raise InputError(f"{path}: not a text table (it holds null bytes); convert it to csv")
    return content.removesuffix(b"\x1a")  # with which DOS ends a text


def _content(path: Path) -> bytes:
    """The file's bytes, unpacked; raises `InputError` where they are more than memory holds."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
    if is_packed:
        return _unpacked(path, size)
    if size > memory.most_text():
        memory.refuse_text(path, size)
    return path.read_bytes()


def _unpacked(path: Path, size: int) -> bytes:
    """The contents of a gzip file of `size` bytes, unpacked piece by piece up to what memory holds:
    a small file may unpack to a thousand times its size."""
    most, content = memory.most_text(), io.BytesIO()
    with open(path, "rb") as packed, gzip.GzipFile(fileobj=packed) as file:
        while chunk := file.read(_CHUNK):
            content.write(chunk)
            if content.tell() > most:
                read = max(1, min(packed.tell(), size))
                estimate = content.tell() * (size / read)
                memory.refuse_text(path, estimate, size)
    return content.getvalue()


def _marked(raw: bytes) -> str | None:
    """The encoding that a byte order mark names."""
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return encoding
    return None


def _unmarked_utf16(raw: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of plain letters and digits is zero."""
    head = raw[:4096]
    first, second = head[::2].count(0), head[1::2].count(0)
    if first == 0 and second > len(head) / 4:
        return "utf-16-le"
    if second == 0 and first > len(head) / 4:
        return "utf-16-be"
    return None


def _decoded(raw: bytes, encoding: str, path: Path) -> str:
    """The text; raises `InputError` where bytes are no characters of this encoding."""
    try:
        text = raw.decode(encoding)
        text.encode()  # fails on single halves of surrogate pairs
    except UnicodeError as error:
        name = encoding.upper().removesuffix("-SIG")
        raise InputError(
            f"{path}: not readable as {name}, which its bytes look like: damaged or cut short "
            f"(byte {getattr(error, 'start', 0):,}); obtain it again"
        ) from None
    return text


def _utf8_or_windows(raw: bytes, path: Path) -> str:
    """UTF-8 where it is, else Windows-1252.

    Raises `InputError` where UTF-8 ends within a character or is broken in places.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        at_the_end = error.start > len(raw) - _CHARACTER
        if at_the_end and error.reason == "unexpected end of data" and not before.isascii():
            raise InputError(
                f"{path}: the file ends within a character: cut short; obtain it again"
            ) from None
    sound, broken = _characters(raw)
    if sound > broken:
        raise InputError(
            f"{path}: {counted(broken, 'character')} of {sound + broken:,} beyond plain letters "
            "cannot be read as UTF-8: damaged, or texts of two encodings in one file; save it "
            "again as UTF-8"
        )
    warn_once(log, f"{path}: not UTF-8; read as Windows-1252")
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _characters(raw: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII are sound UTF-8, and how many are not."""
    text = raw.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    plain = len(text.encode("ascii", "ignore"))
    return len(text) - plain - broken, broken
