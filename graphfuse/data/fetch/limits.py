"""Limits of downloads and archives, and the environment variables that lift them."""

from __future__ import annotations

import os

from graphfuse.errors import InputError

GB = 10**9
MOST_GB = 20.0  # of a download, and of what an archive unpacks to
MOST_FILES = 100_000  # of an archive, folders and links among them
MOST_RATIO = 200  # what an archive unpacks to, in sizes of its own ...
SMALL = 10**8  # ... where it is more than these bytes: a table of zeros packs that well
MOST_AT_ONCE = 64 * 2**20  # bytes of an archive's list of files, or of a header, read in one piece
LONGEST_NAME = 1_000  # characters of a path inside an archive
REDIRECTS = 5
STALL_SECONDS = 60.0  # in which a download must bring ...
STALL_BYTES = 60_000  # ... so much
WHEEL_SECONDS = 3_600  # for the package index

GB_SETTING = "GRAPHFUSE_MOST_GB"
FILES_SETTING = "GRAPHFUSE_MOST_FILES"


def most_bytes(packed: int | None = None) -> int:
    """Bytes that are downloaded, or, given an archive's size, unpacked.

    Raises `InputError` where the environment variable that lifts the limit holds no number.
    """
    if os.environ.get(GB_SETTING):
        return int(_setting(GB_SETTING) * GB)
    most = int(MOST_GB * GB)
    return most if packed is None else min(most, max(SMALL, MOST_RATIO * packed))


def most_files() -> int:
    """Entries that an archive may have.

    Raises `InputError` where the environment variable that lifts the limit holds no number.
    """
    return int(_setting(FILES_SETTING)) if os.environ.get(FILES_SETTING) else MOST_FILES


def lifted(setting: str, most: str) -> str:
    """The limit and how to lift it, in words."""
    return f"the most is {most}; if it is meant, set {setting} to more"


def _setting(name: str) -> float:
    """The number in an environment variable; raises `InputError` where there is none."""
    text = os.environ[name]
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e9:
        raise InputError(f"{name}={text}: expected a number above 0")
    return number
