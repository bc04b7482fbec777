"""What GraphML and GEXF share: node and edge tables as XML text, typed, escaped, and a slice at a
time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

ROWS = 50_000  # of a table that are text at a time
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = {"boolean": lambda value: str(value).lower(), "long": str, "double": repr}


@dataclass(frozen=True, eq=False)
class Elements:
    """Nodes or edges of one kind: `columns` of `frame` say who they are (`patient`; `source`,
    `target`), all others what is known of them; edges may be `symmetric`."""

    kind: str
    columns: tuple[str, ...]
    frame: pd.DataFrame
    symmetric: bool = False

    @property
    def data(self) -> dict[str, str]:
        """Column → its type, of what is known of them."""
        return {name: type_of(self.frame[name]) for name in self.frame if name not in self.columns}

    def slices(self) -> Iterator[pd.DataFrame]:
        """The frame, `ROWS` rows at a time."""
        for start in range(0, len(self.frame), ROWS):
            yield self.frame.iloc[start : start + ROWS]


def nodes_and_edges(
    frames: dict[str, pd.DataFrame], directed_genes: bool
) -> tuple[list[Elements], list[Elements]]:
    """The frames of `to_frames` as elements: patients and genes; patient edges, and gene edges of
    layer `interacts`."""
    genes = frames["gene_edges"].assign(layer="interacts")
    nodes = [
        Elements("patient", ("patient",), frames["patient_nodes"]),
        Elements("gene", ("gene",), frames["gene_nodes"]),
    ]
    ends = ("source", "target")
    return nodes, [
        Elements("patient", ends, frames["patient_edges"]),
        Elements("gene", ends, genes, not directed_genes),
    ]


def type_of(column: pd.Series) -> str:
    """XML Schema's word for the values of a column: boolean, long, double or string."""
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_integer_dtype(column):
        return "long"
    return "double" if pd.api.types.is_float_dtype(column) else "string"


def legal(value: object) -> str:
    """`value` as text in which characters that XML does not know are U+FFFD."""
    return _ILLEGAL.sub("\ufffd", str(value))


def quoted(value: object) -> str:
    """`value` as an XML attribute, quotes and all."""
    return quoteattr(legal(value))


def texts(column: pd.Series, form: Callable[[str], str], kind: str | None = None) -> np.ndarray:
    """Text object `[n]` of each cell by `form`, which is asked once per value; empty where the cell
    is missing (or, among doubles, infinite)."""
    kind = kind or type_of(column)
    if kind == "double":
        column = column.where(np.isfinite(column))
    codes, found = pd.factorize(column)
    plain = _PLAIN.get(kind, legal)
    return np.array([*(form(plain(value)) for value in found.tolist()), ""], dtype=object)[codes]
