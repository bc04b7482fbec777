"""GraphML: patients, genes and every kind of edge in one file for Cytoscape, Gephi, igraph and
networkx."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd

from graphfuse.files.atomic_write import whole
from graphfuse.graph.export.markup import Elements, nodes_and_edges, quoted, texts, type_of

_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<graphml '
    'xmlns="http://graphml.graphdrawing.org/xmlns" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)
_NODE = {"kind": "string", "name": "string"}
_EDGE = {"symmetric": "boolean"}


def write_graphml(
    frames: dict[str, pd.DataFrame], path: str | Path, directed_genes: bool = False
) -> None:
    """The frames of `to_frames` as one directed multigraph.

    Node ids are `patient:ID` and `gene:SYMBOL`; every node has `kind` and `name`, every edge
    `layer` and `weight`; an undirected gene edge is written once with `symmetric` true. Missing
    cells are left out; characters that XML does not know become U+FFFD.
    """
    nodes, edges = nodes_and_edges(frames, directed_genes)
    with whole(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        file.write(_OPEN)
        file.writelines(_keys("node", nodes, _NODE))
        file.writelines(_keys("edge", edges, _EDGE))
        file.write('<graph id="graphfuse" edgedefault="directed">\n')
        for elements in nodes:
            file.writelines(_nodes(elements))
        for elements in edges:
            file.writelines(_edges(elements))
        file.write("</graph>\n</graphml>\n")


def _key(what: str, name: str, kind: str) -> str:
    return quoted(f"{what}.{name}.{kind}")


def _keys(what: str, groups: list[Elements], own: dict[str, str]) -> Iterator[str]:
    """Declarations of all attributes of nodes or edges, each once."""
    found = set(own.items()).union(*(elements.data.items() for elements in groups))
    for name, kind in sorted(found):
        yield (
            f'<key id={_key(what, name, kind)} for="{what}" attr.name={quoted(name)} '
            f'attr.type="{kind}"/>\n'
        )


def _datum(what: str, name: str, kind: str, text: str) -> str:
    return f"<data key={_key(what, name, kind)}>{text}</data>"


def _cells(column: pd.Series, what: str):
    kind = type_of(column)
    form = (lambda text: escape(text, {"\r": "&#13;"})) if kind == "string" else str
    return texts(column, lambda text: _datum(what, column.name, kind, form(text)))


def _nodes(elements: Elements) -> Iterator[str]:
    kind = _datum("node", "kind", "string", elements.kind)
    for frame in elements.slices():
        name = frame[elements.columns[0]].astype(object)
        lines = texts(
            name, lambda text: f"<node id={quoted(f'{elements.kind}:{text}')}>{kind}", "string"
        )
        lines = lines + _cells(name.rename("name"), "node")
        for column in elements.data:
            lines = lines + _cells(frame[column], "node")
        yield "</node>\n".join([*lines, ""])


def _edges(elements: Elements) -> Iterator[str]:
    symmetric = _datum("edge", "symmetric", "boolean", str(elements.symmetric).lower())
    for frame in elements.slices():
        source, target = (
            texts(
                frame[side],
                lambda text, side=side: f" {side}={quoted(f'{elements.kind}:{text}')}",
                "string",
            )
            for side in elements.columns
        )
        lines = "<edge" + source + target + ">"
        for column in elements.data:
            lines = lines + _cells(frame[column], "edge")
        yield f"{symmetric}</edge>\n".join([*lines, ""])
