"""A check of HDF5's global heaps before its library reads them, which never ends on damaged
ones."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from graphfuse.errors import InputError

_SIGN = b"GCOL\x01\0\0\0"  # signature, version 1, three reserved bytes
_OBJECT = struct.Struct("<HHIQ")  # index, references, reserved, size in bytes
_FREE = 0  # the index of what is not used; its size counts its own heading


def check_heaps(path: Path) -> None:
    """Raises `InputError` where an object of a global heap in an HDF5 file does not fit into it.

    Text of variable length is kept in global heaps, one object after the other. Free space of size
    0 sends HDF5's library into an endless loop, which neither Ctrl-C nor a time limit ends.

    Parameters
    ----------
    path : Path
        An HDF5 file that is not empty.

    References
    ----------
    HDF5 File Format Specification Version 3.0, III.E, "Disk Format: Level 1E - Global Heap".
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for start in _starts(content):
            _walk(content, start, path)


def _starts(content: mmap.mmap) -> Iterator[int]:
    """Where the heaps of a file begin."""
    start = content.find(_SIGN)
    while start >= 0:
        yield start
        start = content.find(_SIGN, start + len(_SIGN))


def _walk(content: mmap.mmap, start: int, path: Path) -> None:
    """Goes from object to object of one heap, as HDF5's library does."""
    place = start + len(_SIGN)
    size = int.from_bytes(content[place : place + 8], "little")
    place, end = place + 8, min(start + size, len(content))
    while place + _OBJECT.size <= end:
        index, _, _, length = _OBJECT.unpack_from(content, place)
        padded = -(-length // 8) * 8
        step = length if index == _FREE else _OBJECT.size + padded
        if not _OBJECT.size <= step <= end - place:
            raise InputError(
                f"{path}: damaged or cut short: the heap of its text at byte {start:,} does "
                "not add up; obtain it again"
            )
        place += step
