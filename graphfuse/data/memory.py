"""What memory there is, and what a table takes of it: asked before anything is allocated.

What a table takes is the least that reading it can take, so that none is refused that would have
been read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from graphfuse.errors import InputError

LIMIT = "GRAPHFUSE_MEMORY_GB"  # in place of what the system says is free
UNPACKED = 2  # times a text's bytes: the text, and its rows as the parser is given them
MARK = 30  # bytes for each cell of a text: where it ends, found and sorted, and its value
COPIES = 2  # of an array of numbers: as it stands in the file, and as patients by columns
_UNLIMITED = 1 << 60  # a limit beyond this is none


def available() -> float | None:
    """Bytes that this process may still take; None where the system does not tell.

    The least of what `GRAPHFUSE_MEMORY_GB` says, or else the system, its control groups (as
    containers and schedulers set them) and the process's own limit do.
    """
    said = os.environ.get(LIMIT, "").strip()
    if said:
        return _gigabytes(said)
    found = [free for free in (_system(), _control_groups(), _own_limit()) if free is not None]
    return max(0.0, min(found)) if found else None


def resident() -> float:
    """Bytes of memory that this process takes now; 0 where the system does not tell."""
    return _of_this_process("VmRSS:")


def largest_resident() -> float:
    """The most bytes of memory that this process has taken; 0 where the system does not tell."""
    return _of_this_process("VmHWM:")


def _of_this_process(field: str) -> float:
    for line in _lines(Path("/proc/self/status")):
        if line.startswith(field):
            return 1024.0 * int(line.split()[1])
    return 0.0


def in_gb(size: float) -> str:
    """Bytes in words: '2.3 GB', or '80.0 MB' where there are fewer."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"


def require(where: Path | str, rows: int, columns: int, needed: float, cure: str) -> None:
    """Refuses a table of which less memory is there than reading it takes.

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
        Says what it takes, what there is, and how many of its rows or columns would fit.
    """
    free = available()
    if free is None or needed <= free:
        return
    share = free / needed
    raise InputError(
        f"{where}: {rows:,} × {columns:,} is too large: reading it takes at least {in_gb(needed)} "
        f"of memory, and {in_gb(free)} are free; about {int(share * columns):,} of its columns "
        f"or {int(share * rows):,} of its rows would fit. {cure}"
    )


def most_text() -> float:
    """Bytes of text of which, unpacked, a table can be read at all."""
    free = available()
    return float("inf") if free is None else free / UNPACKED


def refuse_text(path: Path, size: float, packed: int | None = None) -> None:
    """Raises `InputError` for a text of `size` bytes; `packed`: those of the file as it stands."""
    grown = "" if packed is None else f", unpacked from {packed / 1e6:,.1f} MB,"
    raise InputError(
        f"{path}: its {in_gb(size)} of text{grown} are too large: reading them takes at least "
        f"{in_gb(UNPACKED * size)} of memory, and {in_gb(available() or 0)} are free. Keep the "
        "columns and patients you need in the file, or obtain it again if it is not that large"
    )


def require_text(path: Path, text: bytes, delimiter: str) -> None:
    """Refuses a text table of which less memory is there than reading it takes.

    Raises
    ------
    InputError
        As `require`.
    """
    free = available()
    marks = text.count(delimiter.encode())
    needed = (UNPACKED - 1) * len(text) + MARK * marks  # the text itself is there already
    if free is None or needed <= free:
        return
    breaks = text.count(b"\n") or text.count(b"\r")
    rows = max(1, breaks - 1)  # the heading is none
    cure = "Keep those you need in the file, or save it as h5ad or Parquet and name columns = […]"
    require(path, rows, marks // max(1, breaks), needed, cure)


# ----------------------------------------------------------------------------------- what there is


def _gigabytes(said: str) -> float:
    """The limit that is set; raises `InputError` where it is no number above 0."""
    try:
        found = float(said)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise InputError(f"{LIMIT}={said}: give how many GB of memory may be used, such as 8")
    return found * 1e9


def _system(said: Path = Path("/proc/meminfo")) -> float | None:
    """What the system could give to a new process without swapping."""
    for line in _lines(said):
        if line.startswith("MemAvailable:"):
            return 1024.0 * int(line.split()[1])
    return None


def _control_groups(
    mine: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """What is left of the tightest limit on this process's control groups, of version 1 or 2."""
    found = []
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
                found.append(most - taken + _cached(folder))
    return min(found, default=None)


def _upwards(top: Path, inside: str) -> Iterator[Path]:
    """The folders of a control group and of those around it; within a container its own name may
    not be there, and the top is the container's."""
    folder = top / inside.strip().strip("/")
    while folder != top and top in folder.parents:
        yield folder
        folder = folder.parent
    yield top


def _cached(folder: Path) -> float:
    """Bytes of files that the system keeps for the group and gives up when asked."""
    for line in _lines(folder / "memory.stat"):
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return float(value)
    return 0.0


def _own_limit() -> float | None:
    """What is left of the limit on the process's addresses (`ulimit -v`)."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _lines(Path("/proc/self/statm"))
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return float(limit - int(pages[0].split()[0]) * resource.getpagesize())


def _number(path: Path) -> float | None:
    """The number in a file of the system; None where there is none ("max", or no such file)."""
    said = _lines(path)
    return float(said[0]) if said and said[0].strip().isdigit() else None


def _lines(path: Path) -> list[str]:
    """The lines of a file of the system; none where it is not there."""
    if sys.platform != "linux":
        return []
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
