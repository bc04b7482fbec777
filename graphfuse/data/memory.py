"""Free memory, and the memory that reading a table takes, checked before anything is allocated.

The memory of a table is the least that reading it can take, so that no table is refused that could
have been read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from graphfuse.errors import InputError

LIMIT = "GRAPHFUSE_MEMORY_GB"  # in place of the memory that the system reports as free
UNPACKED = 2  # times a text's bytes: the text, and its rows for the parser
MARK = 30  # bytes for each cell of a text: the position of its end, sorted, and its value
COPIES = 2  # of an array of numbers: as the file has it, and as patients by columns
_UNLIMITED = 1 << 60  # a limit beyond this is none


def available() -> float | None:
    """Bytes that this process may still take; None where the system does not report it.

    This is `GRAPHFUSE_MEMORY_GB` where it is set, else the least of what the system, its control
    groups (as containers and schedulers set them) and the process's own limit allow.
    """
    setting = os.environ.get(LIMIT, "").strip()
    if setting:
        return _gigabytes(setting)
    limits = [free for free in (_system(), _control_groups(), _own_limit()) if free is not None]
    return max(0.0, min(limits)) if limits else None


def resident() -> float:
    """Bytes of memory that this process takes now; 0 where the system does not report it."""
    return _of_this_process("VmRSS:")


def largest_resident() -> float:
    """The most bytes of memory that this process has taken; 0 where the system does not report
    it."""
    return _of_this_process("VmHWM:")


def _of_this_process(field: str) -> float:
    """A number of bytes from Linux's status of the process; 0 elsewhere."""
    for line in _lines(Path("/proc/self/status")):
        if line.startswith(field):
            return 1024.0 * int(line.split()[1])
    return 0.0


def in_gb(size: float) -> str:
    """Bytes in words: '2.3 GB', or '80.0 MB' where there are fewer."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"


def require(where: Path | str, rows: int, columns: int, needed: float, cure: str) -> None:
    """Refuses a table where there is less memory than reading it takes.

    Parameters
    ----------
    where : Path or str
        The table, for messages.
    rows, columns : int
        Its size.
    needed : float
        The least bytes that reading it takes.
    cure : str
        What to do, in words.

    Raises
    ------
    InputError
        With the memory that it takes, the memory that is free, and how many of its rows or columns
        would fit.
    """
    free = available()
    if free is None or needed <= free:
        return
    share = free / needed
    fitting_columns, fitting_rows = int(share * columns), int(share * rows)
    raise InputError(
        f"{where}: {rows:,} × {columns:,} is too large: reading it takes at least {in_gb(needed)} "
        f"of memory, and {in_gb(free)} are free; about {fitting_columns:,} of its columns or "
        f"{fitting_rows:,} of its rows would fit. {cure}"
    )


def most_text() -> float:
    """The most bytes of unpacked text from which a table can be read."""
    free = available()
    return float("inf") if free is None else free / UNPACKED


def refuse_text(path: Path, size: float, packed: int | None = None) -> None:
    """Raises `InputError` for a text of `size` bytes; `packed`: the size of a compressed file."""
    grown = "" if packed is None else f", unpacked from {packed / 1e6:,.1f} MB,"
    raise InputError(
        f"{path}: its {in_gb(size)} of text{grown} are too large: reading them takes at least "
        f"{in_gb(UNPACKED * size)} of memory, and {in_gb(available() or 0)} are free. Keep the "
        "columns and patients you need in the file, or obtain it again if it is not that large"
    )


def require_text(path: Path, text: bytes, delimiter: str) -> None:
    """Refuses a text table where there is less memory than reading it takes.

    Raises
    ------
    InputError
        As `require`.
    """
    free = available()
    marks = text.count(delimiter.encode())
    needed = (UNPACKED - 1) * len(text) + MARK * marks  # the text itself is in memory already
    if free is None or needed <= free:
        return
    breaks = text.count(b"\n") or text.count(b"\r")
    rows = max(1, breaks - 1)  # the heading is none
    cure = "Keep those you need in the file, or save it as h5ad or Parquet and name columns = […]"
    require(path, rows, marks // max(1, breaks), needed, cure)


# ------------------------------------------------------------------------------------- free memory


def _gigabytes(setting: str) -> float:
    """The limit that is set, in bytes; raises `InputError` where it is no number above 0."""
    try:
        gigabytes = float(setting)
    except ValueError:
        gigabytes = 0.0
    if not 0 < gigabytes < float("inf"):
        raise InputError(f"{LIMIT}={setting}: give how many GB of memory may be used, such as 8")
    return gigabytes * 1e9


def _system(file: Path = Path("/proc/meminfo")) -> float | None:
    """The memory that the system could give to a new process without swapping."""
    for line in _lines(file):
        if line.startswith("MemAvailable:"):
            return 1024.0 * int(line.split()[1])
    return None


def _control_groups(
    mine: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """The rest of the tightest limit on this process's control groups, of version 1 or 2."""
    rests = []
    for line in _lines(mine):
        _, controllers, inside = line.split(":", 2)
        if controllers == "":
            top, limit, used = mounted, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            top = mounted / "memory"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        for folder in _upwards(top, inside):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None and most < _UNLIMITED:
                rests.append(most - taken + _cached(folder))
    return min(rests, default=None)


def _upwards(top: Path, inside: str) -> Iterator[Path]:
    """The folders of a control group and of its parents; in a container the group's own folder may
    not exist, and the top is the container's."""
    folder = top / inside.strip().strip("/")
    while folder != top and top in folder.parents:
        yield folder
        folder = folder.parent
    yield top


def _cached(folder: Path) -> float:
    """Bytes of cached files that the system would free for the group."""
    for line in _lines(folder / "memory.stat"):
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return float(value)
    return 0.0


def _own_limit() -> float | None:
    """The rest of the limit on the process's addresses (`ulimit -v`)."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _lines(Path("/proc/self/statm"))
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    used = int(pages[0].split()[0]) * resource.getpagesize()
    return float(limit - used)


def _number(path: Path) -> float | None:
    """The number in a file of the system; None where there is none ("max", or no such file)."""
    lines = _lines(path)
    return float(lines[0]) if lines and lines[0].strip().isdigit() else None


def _lines(path: Path) -> list[str]:
    """The lines of a file of the system; none where it is not there."""
    if sys.platform != "linux":
        return []
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
