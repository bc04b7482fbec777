"""A built graph as networkx: one layer, the gene network, or everything at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from graphfuse.errors import InputError, nearest
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.tables import to_frames

if TYPE_CHECKING:
    import networkx as nx


GENES = "genes"  # the gene network's name where a layer is asked for
GENE_LAYER = "interacts"  # the layer that gene edges carry in a graph of everything


def to_networkx(
    graph: CohortGraph, layer: str | None = None
) -> nx.Graph | nx.DiGraph | nx.MultiDiGraph:
    """Converts one layer, the gene network, or everything to networkx.

    Nodes carry outcomes, groups and the modalities measured, edges carry `weight`; nodes without an
    edge are included. Of a graph that carries a ranking, genes and edges carry its scores too.

    Parameters
    ----------
    graph : CohortGraph
        The graph to convert.
    layer : str, optional
        A patient layer, or `"genes"` for the gene network. By default everything.

    Returns
    -------
    nx.DiGraph, nx.Graph or nx.MultiDiGraph
        A DiGraph of patients, from sender to receiver; for `"genes"` a Graph, or a DiGraph where
        the network is directed. Without `layer` a MultiDiGraph: nodes are `patient:ID` and
        `gene:SYMBOL` with `kind` and `name`, edges are keyed by layer (`interacts` among genes),
        and undirected gene edges go both ways.

    Raises
    ------
    InputError
        For unknown layers.
    """
    import networkx as nx

    frames = to_frames(graph)
    if layer is None:
        return _everything(frames, graph)
    if layer == GENES and graph.network is not None and GENES not in graph.layers:
        made = nx.DiGraph() if graph.network.directed else nx.Graph()
        nodes, edges = frames["gene_nodes"], frames["gene_edges"]
    else:
        _check_layer(graph, layer)
        made = nx.DiGraph()
        nodes, edges = frames["patient_nodes"], frames["patient_edges"]
        edges = edges[edges["layer"] == layer]
    made.add_nodes_from(_nodes(nodes))
    attributes = _edge_attributes(edges.drop(columns="layer", errors="ignore"))
    made.add_edges_from(zip(edges["source"], edges["target"], attributes, strict=True))
    return made


def _everything(frames: dict[str, pd.DataFrame], graph: CohortGraph) -> nx.MultiDiGraph:
    import networkx as nx

    made = nx.MultiDiGraph(name=graph.cohort.name)
    add_nodes(made, frames)
    for kind in ("patient", "gene"):
        for source, target, known in edges_of(frames, kind):
            made.add_edge(source, target, key=known["layer"], **known)
    if graph.network is None or graph.network.directed:
        return made
    for source, target, known in edges_of(frames, "gene"):
        if source != target:
            made.add_edge(target, source, key=known["layer"], **known)
    return made


def add_nodes(made: nx.MultiDiGraph, frames: dict[str, pd.DataFrame]) -> None:
    """Adds all patients and genes of `to_frames` as `patient:ID` and `gene:SYMBOL`, each with
    `kind` and `name`."""
    for kind in ("patient", "gene"):
        for name, known in _nodes(frames[f"{kind}_nodes"]):
            made.add_node(f"{kind}:{name}", **{**known, "kind": kind, "name": name})


def edges_of(frames: dict[str, pd.DataFrame], kind: str) -> Iterator[tuple[str, str, dict]]:
    """(source node, target node, `layer`, `weight` and scores) of every edge among patients or
    genes."""
    edges = frames[f"{kind}_edges"]
    if kind == "gene":
        edges = edges.assign(layer=GENE_LAYER)
    ends = zip(edges["source"], edges["target"], strict=True)
    for (source, target), known in zip(ends, _edge_attributes(edges), strict=True):
        yield f"{kind}:{source}", f"{kind}:{target}", known


def _edge_attributes(edges: pd.DataFrame) -> Iterator[dict]:
    """The weight of each edge, and its other cells that are not missing, but not its ends."""
    names = [name for name in edges if name not in ("source", "target")]
    columns = [edges[name].tolist() for name in names]
    for row in zip(*columns, strict=True):
        cells = zip(names, row, strict=True)
        yield {name: cell for name, cell in cells if name == "weight" or pd.notna(cell)}


def _nodes(nodes: pd.DataFrame) -> Iterator[tuple[str, dict]]:
    """The name in the first column, and the other cells that are not missing, of each row."""
    own = nodes.columns[0]
    for record in nodes.astype(object).to_dict("records"):
        name = record.pop(own)
        yield name, {key: value for key, value in record.items() if pd.notna(value)}


def _check_layer(graph: CohortGraph, layer: str) -> None:
    """Raises `InputError` where the graph has no such layer."""
    if layer in graph.layers:
        return
    known = list(graph.layers)
    if graph.network is not None:
        known.append(GENES)
    raise InputError(f"the graph has no layer {layer!r}{nearest(layer, known)}")
