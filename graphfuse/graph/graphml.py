"""GraphML: patients, genes and every kind of edge in one file for Cytoscape, Gephi, igraph and networkx."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from graphfuse.data.export import whole

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = {"boolean": lambda value: str(value).lower(), "long": str, "double": repr}
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)


def write_graphml(frames: dict[str, pd.DataFrame], path: str | Path, directed_genes: bool = False) -> None:
    """The frames of `to_frames` as one directed multigraph.

    Node ids are `patient:ID` and `gene:SYMBOL`; every node has `kind` and `name`, every edge `layer` and `weight`; an
    undirected gene edge is written once with `symmetric` true. Missing cells are left out; characters that XML does not
    know become U+FFFD.
    """
    patients, genes = frames["patient_nodes"], frames["gene_nodes"]
    links, gene_edges = frames["patient_edges"], frames["gene_edges"].assign(layer="interacts")
    nodes = [_nodes("patient", patients, "patient"), _nodes("gene", genes, "gene")]
    edges = [_edges("patient", links, False), _edges("gene", gene_edges, not directed_genes)]
    with whole(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        file.write(_OPEN)
        file.writelines(_keys("node", nodes))
        file.writelines(_keys("edge", edges))
        file.write('<graph id="graphfuse" edgedefault="directed">\n')
        for table in nodes:
            file.writelines(_elements(table, "node", ["id"]))
        for table in edges:
            file.writelines(_elements(table, "edge", ["source", "target"]))
        file.write("</graph>\n</graphml>\n")


def _nodes(kind: str, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    frame = frame.rename(columns={name: "name"})
    frame.insert(0, "id", kind + ":" + frame["name"].astype(str))
    frame.insert(1, "kind", kind)
    return frame


def _edges(kind: str, frame: pd.DataFrame, symmetric: bool) -> pd.DataFrame:
    ends = {side: kind + ":" + frame[side].astype(str) for side in ("source", "target")}
    return frame.assign(**ends, symmetric=symmetric)


def _type(column: pd.Series) -> str:
    """GraphML's word for the values of a column."""
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_integer_dtype(column):
        return "long"
    return "double" if pd.api.types.is_float_dtype(column) else "string"


def _key(what: str, name: str, kind: str) -> str:
    return f"{what}.{name}.{kind}"


def _keys(what: str, tables: list[pd.DataFrame]) -> Iterator[str]:
    """Declarations of all attributes of nodes or edges, each once."""
    ends = ("id",) if what == "node" else ("source", "target")
    found = {(name, _type(table[name])) for table in tables for name in table.columns if name not in ends}
    for name, kind in sorted(found):
        key, title = quoteattr(_legal(_key(what, name, kind))), quoteattr(_legal(name))
        yield f'<key id={key} for="{what}" attr.name={title} attr.type="{kind}"/>\n'


def _elements(table: pd.DataFrame, what: str, ends: list[str]) -> Iterator[str]:
    """One element per row: its ends as XML attributes, everything else as data."""
    own = [[f" {end}={quoteattr(_legal(value))}" for value in table[end]] for end in ends]
    data = [_cells(table[name], _key(what, name, _type(table[name]))) for name in table.columns if name not in ends]
    for row in zip(*own, *data, strict=True):
        yield f"<{what}{''.join(row[: len(ends)])}>{''.join(row[len(ends) :])}</{what}>\n"


def _cells(column: pd.Series, key: str) -> list[str]:
    kind, opening = _type(column), f"<data key={quoteattr(_legal(key))}>"
    text = column.map(_PLAIN[kind]) if kind in _PLAIN else column.map(lambda value: escape(_legal(value), {"\r": "&#13;"}))
    known = column.notna() & np.isfinite(column) if kind == "double" else column.notna()
    return [f"{opening}{cell}</data>" if here else "" for cell, here in zip(text, known, strict=True)]


def _legal(value: object) -> str:
    return _ILLEGAL.sub("\ufffd", str(value))
