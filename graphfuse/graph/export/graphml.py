"""GraphML: patients, genes and every kind of edge in one file for Cytoscape, Gephi, igraph and
networkx."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.files.atomic_write import whole
from graphfuse.graph.export.networkx import add_nodes, edges_of

# Every character that an XML document may not contain.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_graphml(
    frames: dict[str, pd.DataFrame], path: str | Path, directed_genes: bool = False
) -> None:
    """Writes the frames of `to_frames` as one directed multigraph.

    Node ids are `patient:ID` and `gene:SYMBOL`; every node has `kind` and `name`, every edge a
    number as its id, `layer`, `weight` and `symmetric`. An undirected gene edge is written once
    with `symmetric` true. Where the graph carries a ranking, genes and edges have its scores.
    Missing cells and infinite numbers are left out; characters that XML does not allow become
    U+FFFD.

    Parameters
    ----------
    frames : dict of str to pd.DataFrame
        The tables of `to_frames`.
    path : str or Path
        The file to write.
    directed_genes : bool
        Whether gene edges point from source to target.
    """
    import networkx as nx

    frames = {name: _for_xml(frame) for name, frame in frames.items()}
    graph = nx.MultiDiGraph()
    add_nodes(graph, frames)
    numbers = count()
    for kind in ("patient", "gene"):
        symmetric = kind == "gene" and not directed_genes
        for source, target, known in edges_of(frames, kind):
            if np.isnan(known["weight"]):
                del known["weight"]
            graph.add_edge(source, target, key=next(numbers), **known, symmetric=symmetric)
    with whole(path) as part:
        nx.write_graphml_xml(graph, str(part))


def _for_xml(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with legal text, and infinite numbers missing."""
    return pd.DataFrame({_legal(name): _column_for_xml(frame[name]) for name in frame})


def _column_for_xml(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        return column.where(np.isfinite(column))
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_integer_dtype(column):
        return column
    return column.astype(object).map(_legal, na_action="ignore")


def _legal(value: object) -> str:
    """`value` as text, with U+FFFD for characters that XML does not allow."""
    return _ILLEGAL.sub("\ufffd", str(value))
