"""A list of known markers, and where a ranking puts them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.encoding import utf8_content
from graphfuse.errors import InputError

MARKER_COLUMNS = ("marker", "measured", "first", "rank", "score", "sign", "rank_lo", "rank_hi")


def read_markers(path: str | Path) -> tuple[str, ...]:
    """The markers in a text file, one a line.

    Parameters
    ----------
    path : str or Path
        Blank lines, lines that begin with `#`, and what stands behind the first tab or comma of a
        line are passed over; so are repetitions.

    Returns
    -------
    tuple of str
        In the order of the file.

    Raises
    ------
    InputError
        Where there is no such file, it cannot be read, or holds no marker.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a text file of markers, one a line")
    try:
        lines = utf8_content(path).decode().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); give a text file") from None
    names = []
    for line in lines:
        name = line.replace(",", "\t").split("\t")[0].strip()
        if name and not name.startswith("#"):
            names.append(name)
    if not names:
        raise InputError(f"{path}: holds no marker; write one gene a line")
    return tuple(dict.fromkeys(names))


def marker_ranks(markers: Sequence[str], table: pd.DataFrame, first: np.ndarray) -> pd.DataFrame:
    """Where a ranking puts known markers.

    Parameters
    ----------
    markers : sequence of str
        Ids of items, such as gene symbols.
    table : pandas.DataFrame
        The ranking, in the columns of `graphfuse.schema.RANKING_COLUMNS`.
    first : numpy.ndarray
        bool `[items]`: the items that count as first.

    Returns
    -------
    pandas.DataFrame
        A row for each marker, in `MARKER_COLUMNS`, those that are measured first, by rank; the
        others have no numbers.

    Examples
    --------
    >>> table = pd.DataFrame({"id": ["A", "B"], "rank": [1, 2], "score": [0.5, 0.25]})
    >>> found = marker_ranks(["X", "B"], table, np.array([True, False]))
    >>> found[["marker", "measured", "first", "rank"]].to_dict("list")
    {'marker': ['B', 'X'], 'measured': [True, False], 'first': [False, False], 'rank': [2, None]}
    """
    ranking = table.assign(first=first).set_index("id")
    found = ranking.reindex(index=list(markers), columns=list(MARKER_COLUMNS[2:]))
    found = found.rename_axis("marker").reset_index()
    found.insert(1, "measured", found["marker"].isin(table["id"]))
    found["first"] = found["first"].eq(True)
    found["rank"] = found["rank"].astype("Int64")
    return found.sort_values("rank", kind="stable", na_position="last", ignore_index=True)
