"""A built graph in other programs' forms: frames, networkx, AnnData, PyG, and files of all of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.data.export import safe_csv, whole
from graphfuse.errors import InputError, nearest
from graphfuse.graph.graphml import write_graphml
from graphfuse.graph.hetero import feature_genes, load_hetero, save_hetero, to_hetero
from graphfuse.graph.neighbours import Neighbours

if TYPE_CHECKING:
    import networkx as nx
    from anndata import AnnData

    from graphfuse.graph.patients import PatientGraph

__all__ = ["load_hetero", "save_hetero", "to_anndata", "to_frames", "to_hetero", "to_networkx", "write"]

log = logging.getLogger(__name__)

GENES = "genes"

README = """What is in this folder
======================
Patient edges point from the patient who is heard (source) to the one who hears (target), one kind per layer.
Cells of the CSV files that begin like a formula (= + - @ tab CR) have an apostrophe before them.
These files hold patient ids and outcomes: treat them as patient data.

patient_nodes.csv      one row per patient: outcomes, groups, and has_<modality> (whether it was measured)
patient_edges.parquet  one row per patient edge: source, target, layer, weight
gene_nodes.csv         one row per gene of the network: gene, degree
gene_edges.csv         one row per gene edge: source, target, weight; {genes}
graph.graphml          all of the above in one file for Cytoscape, Gephi, igraph or networkx; nodes patient:ID and
                       gene:SYMBOL with kind and name, edges with layer and weight; an edge with symmetric = true
                       goes both ways and is written once
hetero.safetensors     the tensors of a PyTorch Geometric HeteroData (features, presence, labels, edges)
hetero.json            its names: patient ids, features, classes, node and edge types;
                       graphfuse.graph.convert.load_hetero(folder) reads both
"""


# ---------------------------------------------------------------------------------------------------- frames


def to_frames(graph: PatientGraph) -> dict[str, pd.DataFrame]:
    """Nodes and edges as tables.

    `patient_nodes` (patient, outcomes, groups, has_<modality>), `patient_edges` (source, target, layer, weight; source
    is heard by target), `gene_nodes` (gene, degree), `gene_edges` (source, target, weight).
    """
    network = graph.network
    genes = pd.DataFrame({"gene": pd.Series(dtype=str), "degree": pd.Series(dtype="int64")})
    gene_edges = pd.DataFrame({"source": [], "target": []}, dtype=str).assign(weight=pd.Series(dtype=float))
    if network is not None:
        genes = pd.DataFrame({"gene": np.array(network.genes, dtype=object), "degree": network.degree})
        gene_edges = network.to_frame()
    return {
        "patient_nodes": _patient_nodes(graph),
        "patient_edges": _patient_edges(graph),
        "gene_nodes": genes,
        "gene_edges": gene_edges,
    }


def _patient_nodes(graph: PatientGraph) -> pd.DataFrame:
    cohort = graph.cohort
    nodes: dict[str, object] = {"patient": cohort.patients.astype(str)}
    for name, outcome in cohort.outcomes.items():
        if outcome.kind == "class":
            names = np.array([*outcome.classes, None], dtype=object)
            nodes[name] = names[outcome.values]  # code -1, unlabelled, is the last entry
        else:
            nodes[name] = outcome.values
        if outcome.event is not None:
            nodes[f"{name}_event"] = pd.array(np.where(outcome.known, outcome.event, None), dtype="boolean")
    for name, group in cohort.groups.items():
        nodes[f"group:{name}" if name in nodes else name] = group
    for name, modality in cohort.modalities.items():
        nodes[f"has_{name}"] = modality.present
    return pd.DataFrame(nodes)


def _patient_edges(graph: PatientGraph) -> pd.DataFrame:
    ids = np.array(graph.cohort.patients.astype(str), dtype=object)
    parts = [
        pd.DataFrame({"source": ids[n.index], "target": ids[n.receivers], "layer": layer, "weight": n.weight})
        for layer, n in graph.layers.items()
    ]
    none = pd.DataFrame({"source": [], "target": [], "layer": []}, dtype=str).assign(weight=pd.Series(dtype=float))
    return pd.concat(parts, ignore_index=True) if parts else none


# ----------------------------------------------------------------------------------------- networkx, AnnData


def to_networkx(graph: PatientGraph, layer: str) -> nx.Graph | nx.DiGraph:
    """One layer as networkx: a DiGraph of patients (sender to receiver), or the gene network for `"genes"`.

    Nodes carry what is known of them, edges `weight`; nodes without an edge are there too. Raises `InputError` for
    unknown layers.
    """
    import networkx as nx

    frames = to_frames(graph)
    if layer == GENES and graph.network is not None and GENES not in graph.layers:
        made = nx.DiGraph() if graph.network.directed else nx.Graph()
        nodes, edges = frames["gene_nodes"], frames["gene_edges"]
    else:
        _layer(graph, layer)
        made, nodes, edges = nx.DiGraph(), frames["patient_nodes"], frames["patient_edges"]
        edges = edges[edges["layer"] == layer]
    name = nodes.columns[0]
    for row in nodes.astype(object).to_dict("records"):
        made.add_node(row[name], **{key: value for key, value in row.items() if key != name and pd.notna(value)})
    made.add_weighted_edges_from(zip(edges["source"], edges["target"], edges["weight"].tolist(), strict=True))
    return made


def to_anndata(graph: PatientGraph, modality: str | None = None) -> AnnData:
    """One modality's table as AnnData (the first when none is named).

    X float `[N, F]`; `obs` outcomes, groups and presence; `var` with `gene`; `obsp[layer]` csr `[N, N]`, row = who
    hears. Raises `InputError` for unknown modalities.
    """
    from anndata import AnnData

    modality = next(iter(graph.features), None) if modality is None else modality
    if modality not in graph.features:
        raise InputError(f"the graph has no table {modality!r}{nearest(str(modality), graph.features)}")
    obs = to_frames(graph)["patient_nodes"].set_index("patient")
    words = obs.select_dtypes("object").columns
    obs[words] = obs[words].astype("category")
    var = pd.DataFrame(index=pd.Index(graph.feature_names[modality], dtype=str))
    genes = feature_genes(graph, modality)
    if any(genes):
        var["gene"] = pd.Categorical(genes)
    adata = AnnData(X=np.array(graph.features[modality]), obs=obs, var=var)
    for name, lists in graph.layers.items():
        adata.obsp[name] = connectivities(lists)
    return adata


def connectivities(lists: Neighbours) -> sparse.csr_matrix:
    """float64 csr `[N, senders]`: row i holds the weights of those whom i hears."""
    return sparse.csr_matrix((lists.weight, lists.index, lists.offsets), shape=(len(lists), lists.senders))


def _layer(graph: PatientGraph, layer: str) -> Neighbours:
    if layer not in graph.layers:
        known = [*graph.layers, *([GENES] if graph.network is not None else [])]
        raise InputError(f"the graph has no layer {layer!r}{nearest(layer, known)}")
    return graph.layers[layer]


# ----------------------------------------------------------------------------------------------------- files


def write(graph: PatientGraph, folder: str | Path) -> Path:
    """All exports into `folder` (made where missing), each file whole or not at all; README.txt explains them."""
    folder = Path(folder)
    frames = to_frames(graph)
    directed = graph.network is not None and graph.network.directed
    for name in ("patient_nodes", "gene_nodes", "gene_edges"):
        safe_csv(frames[name], folder / f"{name}.csv")
    with whole(folder / "patient_edges.parquet") as part:
        frames["patient_edges"].to_parquet(part, index=False)
    write_graphml(frames, folder / "graph.graphml", directed)
    save_hetero(graph, folder)
    genes = "it points from source to target" if directed else "it goes both ways and is written once"
    with whole(folder / "README.txt") as part:
        part.write_text(README.format(genes=genes), encoding="utf-8")
    log.info("graph of %d patients and %d genes written", len(frames["patient_nodes"]), len(frames["gene_nodes"]))
    return folder
