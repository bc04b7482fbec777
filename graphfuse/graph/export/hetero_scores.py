"""The scores of a ranking in a HeteroData, and back from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.gene.typed_gene_graph import Template
from graphfuse.graph.graph_scores import NUMBERS, OF_CLASSES, OF_EDGES, WORDS, GraphScores

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


PATIENT, GENE, GENE_EDGE = "patient", "gene", "interacts"
OF_COLUMN, BY_CLASS = "feature_", "_by_class"  # around the names of scores of columns


def add_scores(data: HeteroData, graph: CohortGraph) -> None:
    """Adds the scores that a graph carries, as float64 tensors, NaN where there is none.

    `feature_score [F]` and the other `NUMBERS` of columns stand on the data itself,
    `feature_score_by_class [F, K]` and the other `OF_CLASSES` beside them, K classes in the order
    of `ranking["classes"]`; `NUMBERS` on `gene`, `OF_EDGES` on the edges among genes, in both
    directions, and `score` on those among patients. Words are lists. Of a signalling graph, nodes
    have the highest `score` of the columns that they stand for, and edges their `score`.
    """
    scores = graph.scores
    data.ranking = {
        "method": scores.method,
        "target": scores.target,
        "classes": list(scores.by_class),
    }
    if graph.features:
        _add_columns(data, scores)
    if graph.network is not None:
        _add(data[GENE], "", scores.genes)
        _add(data[GENE, GENE_EDGE, GENE], "", scores.edges.iloc[_edge_of_arrow(graph)])
    for layer, values in scores.patient_edges.items():
        data[PATIENT, layer, PATIENT].score = _tensor(values)
    if graph.signalling is not None:
        for relation, values in scores.relations.items():
            data[relation].score = _tensor(values)
        for kind in graph.signalling.kinds:
            data[kind].score = _tensor(_node_scores(graph.signalling, kind, scores))


def _add_columns(data: HeteroData, scores: GraphScores) -> None:
    """The scores of columns, over all classes and in each."""
    _add(data, OF_COLUMN, pd.concat(scores.columns.values()))
    by_class = [pd.concat(tables.values()) for tables in scores.by_class.values()]
    for name in OF_CLASSES if by_class else ():
        side_by_side = np.stack([table[name] for table in by_class], axis=1)  # [F, K]
        data[f"{OF_COLUMN}{name}{BY_CLASS}"] = _tensor(side_by_side)


def _add(store, prefix: str, table: pd.DataFrame) -> None:
    """The columns of a table: numbers as tensors, words as lists."""
    for name in table:
        column = table[name]
        store[prefix + name] = column.tolist() if name in WORDS else _tensor(column.to_numpy())


def _tensor(values: np.ndarray):
    import torch

    return torch.from_numpy(np.array(values, np.float64))


def _edge_of_arrow(graph: CohortGraph) -> np.ndarray:
    """int `[A]`: the edge of the gene network that each of `GeneNetwork.arrows` is."""
    network = graph.network
    edges = np.arange(network.edges)
    if network.directed:
        return edges
    return np.concatenate([edges, edges[network.source != network.target]])


def _node_scores(template: Template, kind: str, scores: GraphScores) -> np.ndarray:
    """float64 `[G]`: the highest score of the columns that each node of a kind stands for."""
    highest = np.full(len(template.genes), np.nan)
    for slot_kind, modality in template.slots:
        if slot_kind == kind:
            place = template.place[modality]
            own = scores.columns[modality]["score"].to_numpy()
            is_placed = place >= 0
            np.fmax.at(highest, place[is_placed], own[is_placed])
    return highest


# ----------------------------------------------------------------------------------------- and back


def read_scores(data: HeteroData, graph: CohortGraph) -> GraphScores | None:
    """The scores that `add_scores` added to the HeteroData of a graph; `None` where there are
    none."""
    if "ranking" not in data:
        return None
    widths = {name: table.shape[1] for name, table in graph.features.items()}
    genes, edges = pd.DataFrame(columns=[*NUMBERS, *WORDS]), pd.DataFrame(columns=OF_EDGES)
    if graph.network is not None:
        genes = _table(data[GENE], "", (*NUMBERS, *WORDS))
        along_arrows = _table(data[GENE, GENE_EDGE, GENE], "", OF_EDGES)
        edges = along_arrows.iloc[: graph.network.edges]
    columns = {}
    if graph.features:
        columns = _by_table(_table(data, OF_COLUMN, (*NUMBERS, *WORDS)), widths)
    layers = [(PATIENT, layer, PATIENT) for layer in graph.layers]
    relations = [] if graph.signalling is None else list(graph.signalling.relations)
    of_layers = {edge[1]: data[edge].score.numpy() for edge in layers}
    of_relations = {edge: data[edge].score.numpy() for edge in relations}
    about = data.ranking
    by_class = _by_class(data, about["classes"], widths) if graph.features else {}
    parts = (columns, by_class, genes, edges, of_layers, of_relations)
    return GraphScores(about["method"], about["target"], *parts)


def _by_class(
    data: HeteroData, classes: Sequence[str], widths: dict[str, int]
) -> dict[str, dict[str, pd.DataFrame]]:
    """Class → modality → `OF_CLASSES` of its columns."""
    by_class = {}
    for k, name in enumerate(classes):
        own = {}
        for number in OF_CLASSES:
            own[number] = data[f"{OF_COLUMN}{number}{BY_CLASS}"][:, k].numpy()
        by_class[name] = _by_table(pd.DataFrame(own), widths)
    return by_class


def _table(store, prefix: str, names: Sequence[str]) -> pd.DataFrame:
    """The table that `_add` added."""
    columns = {}
    for name in names:
        values = store[prefix + name]
        columns[name] = values if name in WORDS else values.numpy()
    return pd.DataFrame(columns)


def _by_table(table: pd.DataFrame, widths: dict[str, int]) -> dict[str, pd.DataFrame]:
    """Rows of all columns side by side as one table a modality."""
    tables, first = {}, 0
    for name, width in widths.items():
        tables[name] = table.iloc[first : first + width].reset_index(drop=True)
        first += width
    return tables
