"""A built graph as networkx: one layer, the gene network, or everything at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from graphfuse.errors import InputError, nearest
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.tables import to_frames

if TYPE_CHECKING:
    import networkx as nx


GENES = "genes"


def to_networkx(
    graph: CohortGraph, layer: str | None = None
) -> nx.Graph | nx.DiGraph | nx.MultiDiGraph:
    """One layer as networkx: a DiGraph of patients (sender to receiver), or the gene network for
    `"genes"`; everything as a MultiDiGraph where no layer is named.

    Nodes carry what is known of them, edges `weight`; nodes without an edge are there too. The
    MultiDiGraph names its nodes `patient:ID` and `gene:SYMBOL` (each with `kind` and `name`, as in
    the GraphML file), keys its edges by layer (`interacts` among genes), and has undirected edges
    in both directions. Raises `InputError` for unknown layers.
    """
    import networkx as nx

    frames = to_frames(graph)
    if layer is None:
        return _everything(
            nx.MultiDiGraph(name=graph.cohort.name),
            frames,
            graph.network is None or graph.network.directed,
        )
    if layer == GENES and graph.network is not None and GENES not in graph.layers:
        made = nx.DiGraph() if graph.network.directed else nx.Graph()
        nodes, edges = frames["gene_nodes"], frames["gene_edges"]
    else:
        _known(graph, layer)
        made, nodes, edges = nx.DiGraph(), frames["patient_nodes"], frames["patient_edges"]
        edges = edges[edges["layer"] == layer]
    made.add_nodes_from(
        (record[nodes.columns[0]], _less(record, nodes.columns[0])) for record in _records(nodes)
    )
    made.add_weighted_edges_from(
        zip(edges["source"], edges["target"], edges["weight"].tolist(), strict=True)
    )
    return made


def _everything(
    made: nx.MultiDiGraph, frames: dict[str, pd.DataFrame], directed: bool
) -> nx.MultiDiGraph:
    for kind, column in (("patient", "patient"), ("gene", "gene")):
        for record in _records(frames[f"{kind}_nodes"]):
            name = record[column]
            made.add_node(f"{kind}:{name}", **{**_less(record, column), "kind": kind, "name": name})
    links, genes = frames["patient_edges"], frames["gene_edges"].assign(layer="interacts")
    turned = genes[(genes["source"] != genes["target"]) & (not directed)]
    turned = turned.rename(columns={"source": "target", "target": "source"})
    for kind, edges in (("patient", links), ("gene", genes), ("gene", turned)):
        cells = (edges[name].tolist() for name in ("source", "target", "layer", "weight"))
        for source, target, layer, weight in zip(*cells, strict=True):
            made.add_edge(
                f"{kind}:{source}", f"{kind}:{target}", key=layer, layer=layer, weight=weight
            )
    return made


def _records(nodes: pd.DataFrame) -> list[dict]:
    return nodes.astype(object).to_dict("records")


def _less(record: dict, name: str) -> dict:
    """What is known, less the name itself."""
    return {key: value for key, value in record.items() if key != name and pd.notna(value)}


def _known(graph: CohortGraph, layer: str) -> None:
    if layer not in graph.layers:
        known = [*graph.layers, *([GENES] if graph.network is not None else [])]
        raise InputError(f"the graph has no layer {layer!r}{nearest(layer, known)}")
