"""GEXF 1.3, the format of Gephi: patients, genes and every kind of edge, written as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.files.atomic_write import whole
from graphfuse.graph.export.markup import Elements, nodes_and_edges, quoted, texts

_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<gexf xmlns="http://gexf.net/1.3" version="1.3" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://gexf.net/1.3 '
    'http://gexf.net/1.3/gexf.xsd">\n<meta><creator>graphfuse</creator></meta>\n'
    '<graph mode="static" defaultedgetype="directed" idtype="string">\n'
)
# the title under which networkx takes an edge's key: edges of several layers stay apart
_LAYER = "networkx_key"


def write_gexf(
    frames: dict[str, pd.DataFrame], path: str | Path, directed_genes: bool = False
) -> None:
    """The frames of `to_frames` as one directed multigraph.

    Node ids are `patient:ID` and `gene:SYMBOL`, labels the bare names; every node has `kind`, every
    edge `weight`, the attribute `layer` and its `kind` the layer too, so that Gephi keeps parallel
    edges apart; undirected gene edges are `mutual`. Missing cells are left out; characters that XML
    does not know become U+FFFD.
    """
    nodes, edges = nodes_and_edges(frames, directed_genes)
    node = {("kind", "string")}.union(*(elements.data.items() for elements in nodes))
    node = {pair: f"n{i}" for i, pair in enumerate(sorted(node))}
    edge = {("layer", "string"): "e0", (_LAYER, "string"): "e1"}
    with whole(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        file.write(_OPEN)
        file.writelines(_declared("node", node))
        file.writelines(_declared("edge", edge))
        file.write("<nodes>\n")
        for elements in nodes:
            file.writelines(_nodes(elements, node))
        file.write("</nodes>\n<edges>\n")
        count = 0
        for elements in edges:
            file.writelines(_edges(elements, edge, count))
            count += len(elements.frame)
        file.write("</edges>\n</graph>\n</gexf>\n")


Keys = dict[tuple[str, str], str]


def _declared(what: str, keys: Keys) -> Iterator[str]:
    yield f'<attributes class="{what}" mode="static">\n'
    for (name, kind), key in keys.items():
        yield f'<attribute id="{key}" title={quoted(name)} type="{kind}"/>\n'
    yield "</attributes>\n"


def _value(key: str, text: str) -> str:
    return f'<attvalue for="{key}" value={quoted(text)}/>'


def _nodes(elements: Elements, keys: Keys) -> Iterator[str]:
    kind = "<attvalues>" + _value(keys["kind", "string"], elements.kind)
    for frame in elements.slices():
        lines = texts(
            frame[elements.columns[0]],
            lambda text: (
                f"<node id={quoted(f'{elements.kind}:{text}')} label={quoted(text)}>{kind}"
            ),
            "string",
        )
        for name, type_ in elements.data.items():
            lines = lines + texts(
                frame[name], lambda text, key=keys[name, type_]: _value(key, text)
            )
        yield "</attvalues></node>\n".join([*lines, ""])


def _edges(elements: Elements, keys: Keys, count: int) -> Iterator[str]:
    layer, joint = keys["layer", "string"], keys[_LAYER, "string"]
    mutual = ' type="mutual"' if elements.symmetric else ""
    for frame in elements.slices():
        number = np.arange(count, count + len(frame)).astype(str).astype(object)
        count += len(frame)
        lines = '<edge id="' + number + f'"{mutual}'
        for side in elements.columns:
            lines = lines + texts(
                frame[side],
                lambda text, side=side: f" {side}={quoted(f'{elements.kind}:{text}')}",
                "string",
            )
        lines = lines + texts(frame["weight"], lambda text: f' weight="{text}"')
        lines = lines + texts(
            frame["layer"],
            lambda text: (
                f" kind={quoted(text)}><attvalues>"
                f"{_value(layer, text)}{_value(joint, text)}</attvalues>"
            ),
        )
        yield "</edge>\n".join([*lines, ""])
