"""A built graph as a PyTorch Geometric HeteroData, with every node and relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.errors import InputError
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.hetero_scores import GENE, GENE_EDGE, PATIENT, add_scores
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.task.outcome import Outcome

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from graphfuse.graph.gene.typed_gene_graph import Template


def to_hetero(graph: CohortGraph, dtype: str = "float32") -> HeteroData:
    """Patients, genes and every edge type as one HeteroData that PyG's layers train on as it is.

    `patient`: `x [N, F]` (all tables side by side; cells of absent or unknown values 0), `present
    [N, M]` bool, `known [N, F]` bool (only where cells of present rows are missing), `y [N]` (codes
    of the first class outcome, -1 unlabelled), `ids`, and each outcome and group under its own name
    (`outcome:risk`; times and numbers with `known:overall`, and 0 where unknown; `event:overall`,
    `group:site`); (patient, LAYER, patient): `edge_index [2, E]` from sender to receiver,
    `edge_weight [E]`. `gene`: `symbol`, `num_nodes`; (gene, interacts, gene): both directions where
    undirected. A signalling graph adds its kinds of nodes and its relations. On the data itself:
    `feature_names` (`modality:column`), `feature_modality`, `feature_gene [F]` (place of the gene
    that column measures, or -1), `feature_symbols`, `modalities`, `target`, `classes`, `outcomes`,
    `groups`, `network`.

    A graph that carries a ranking has its scores too: on `gene` and the edges among genes, on the
    edges among patients, and on columns as `feature_score [F]` (see `hetero_scores.add_scores`).

    There are no edges between patients and genes: such edges are dense (patients × genes), and
    `feature_gene` says the same. Nothing of nodes and relations is lost: weights that float32
    cannot hold stand in float64 as `weight` beside `edge_weight`, and `from_hetero` takes them. `x`
    is rounded to `dtype`; with "float64" it is exact as well.

    Parameters
    ----------
    graph : CohortGraph
    dtype : {"float32", "float64"}
        Of features and weights.

    Returns
    -------
    torch_geometric.data.HeteroData

    Raises
    ------
    InputError
        For another `dtype`.
    """
    from torch_geometric.data import HeteroData

    if dtype not in ("float32", "float64"):
        raise InputError(f"to_hetero: dtype is float32 or float64 (got {dtype!r})")
    data = HeteroData()
    _add_patients(data, graph, np.dtype(dtype))
    _add_known(data, graph)
    for layer, lists in graph.layers.items():
        store = data[PATIENT, layer, PATIENT]
        _add_edges(store, lists.index, lists.receivers, lists.weight, dtype)
        store.senders = lists.senders
        if layer in graph.about:
            store.about = graph.about[layer]  # rule, thresholds, search and its recall
    if graph.network is not None:
        _add_genes(data, graph.network, dtype)
    if graph.signalling is not None:
        _add_signalling(data, graph.signalling, dtype)
    if graph.scores is not None:
        add_scores(data, graph)
    return data


def _add_patients(data: HeteroData, graph: CohortGraph, dtype: np.dtype) -> None:
    """Features, who has which modality, and identifiers."""
    import torch

    cohort = graph.cohort
    names = list(dict.fromkeys([*cohort.modalities, *graph.features]))
    present = _presence(graph, names)
    x, known = _side_by_side(graph, names, present, dtype)
    store = data[PATIENT]
    store.num_nodes = len(cohort)
    store.x, store.present = torch.from_numpy(x), torch.from_numpy(present)
    if not known.all():
        store.known = torch.from_numpy(known)
    store.ids = [str(patient) for patient in cohort.patients]
    data.modalities, data.tables = names, list(graph.features)
    _add_columns(data, graph, names)


def _add_columns(data: HeteroData, graph: CohortGraph, names: list[str]) -> None:
    """The name, modality and gene of each column of `x`."""
    import torch

    owner, labels, symbols = [], [], []
    for name, table in graph.features.items():
        owner += [names.index(name)] * table.shape[1]
        labels += [f"{name}:{column}" for column in graph.feature_names[name]]
        symbols += feature_genes(graph, name)
    data.feature_modality = torch.tensor(owner, dtype=torch.int64)
    data.feature_names, data.feature_symbols = labels, symbols


def _presence(graph: CohortGraph, names: list[str]) -> np.ndarray:
    """bool `[N, M]`: who has which of these modalities."""
    of_modalities = [_present(graph, name) for name in names]
    flags = np.array(of_modalities, bool)
    flags = flags.reshape(-1, len(graph.cohort))
    return flags.T.copy()


def _side_by_side(
    graph: CohortGraph, names: list[str], present: np.ndarray, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """All tables as one: values `[N, F]`, 0 where there is none, and bool `[N, F]`, False for cells
    missing from rows that are present."""
    width = sum(table.shape[1] for table in graph.features.values())
    shape = (len(graph.cohort), width)
    x, known = np.zeros(shape, dtype), np.ones(shape, bool)
    start = 0
    for name, table in graph.features.items():
        columns = slice(start, start + table.shape[1])
        measured = ~np.isnan(table)
        absent = ~present[:, [names.index(name)]]
        np.copyto(x[:, columns], table, where=measured, casting="same_kind")
        known[:, columns] = measured | absent
        start = columns.stop
    return x, known


def _add_known(data: HeteroData, graph: CohortGraph) -> None:
    """Outcomes and groups."""
    import torch

    store, cohort = data[PATIENT], graph.cohort
    data.cohort_name, data.outcomes, data.groups = cohort.name, {}, {}
    for name, outcome in cohort.outcomes.items():
        data.outcomes[name] = {
            "kind": outcome.kind,
            "classes": list(outcome.classes),
            "derived_from": list(outcome.derived_from),
        }
        _add_outcome(store, name, outcome)
    for name, group in cohort.groups.items():
        codes, values = pd.factorize(np.asarray(group, object))
        data.groups[name] = values.tolist()
        store[f"group:{name}"] = torch.from_numpy(codes.astype(np.int64))
    for outcome in cohort.outcomes.values():
        if outcome.task.has_classes:  # the first of them is what a net may learn
            store.y = torch.from_numpy(outcome.values.astype(np.int64))
            data.target, data.classes = outcome.name, list(outcome.classes)
            break


def _add_outcome(store, name: str, outcome: Outcome) -> None:
    """The values of one outcome, and for whom they are known."""
    import torch

    if outcome.task.has_classes:
        codes = outcome.values.astype(np.int64)
        store[f"outcome:{name}"] = torch.from_numpy(codes)
    else:  # no NaN among the tensors: a loss would spread it
        values = np.where(outcome.known, outcome.values, 0.0)
        store[f"outcome:{name}"] = torch.from_numpy(values)
        store[f"known:{name}"] = torch.from_numpy(outcome.known)
    if outcome.event is not None:
        event = np.array(outcome.event, bool)
        store[f"event:{name}"] = torch.from_numpy(event)


def _add_genes(data: HeteroData, network: GeneNetwork, dtype: str) -> None:
    """Genes, their interactions, and the gene that each feature measures."""
    import torch

    data[GENE].num_nodes = len(network.genes)
    data[GENE].symbol = list(network.genes)
    place = {gene: i for i, gene in enumerate(network.genes)}
    gene_of_feature = [place.get(gene, -1) for gene in data.feature_symbols]
    data.feature_gene = torch.tensor(gene_of_feature, dtype=torch.int64)
    cleaned = {what: int(count) for what, count in network.cleaned.items()}
    about = dict(network.about)
    description = {"name": network.name, "directed": network.directed}
    data.network = {**description, "about": about, "cleaned": cleaned}
    _add_edges(data[GENE, GENE_EDGE, GENE], *network.arrows(), dtype)


def _add_signalling(data: HeteroData, template: Template, dtype: str) -> None:
    """The kinds of nodes of a signalling graph, its relations, and what `from_hetero` needs."""
    import torch

    for kind in template.kinds:
        data[kind].num_nodes = len(template.genes)
        data[kind].symbol = list(template.genes)
    for relation, arrows in template.relations.items():
        _add_edges(data[relation], *arrows, dtype)
    slots = [list(slot) for slot in template.slots]
    relations = [list(relation) for relation in template.relations]
    pathways = {name: edges.tolist() for name, edges in template.pathways.items()}
    data.signalling = {
        "genes": list(template.genes),
        "kinds": list(template.kinds),
        "slots": slots,
        "relations": relations,
        "directed": template.directed,
        "pathways": pathways,
    }
    for modality, place in template.place.items():
        data[f"place:{modality}"] = torch.from_numpy(np.array(place, np.int64))


def _add_edges(
    store, source: np.ndarray, target: np.ndarray, weight: np.ndarray, dtype: str
) -> None:
    """Edges `[E]` of one type; weights that `dtype` cannot hold exactly stand in float64 too."""
    import torch

    ends = np.stack([source, target]).astype(np.int64)
    store.edge_index = torch.from_numpy(ends)
    store.edge_weight = torch.from_numpy(weight.astype(dtype))
    if not np.array_equal(store.edge_weight.numpy(), weight):
        store.weight = torch.from_numpy(weight.astype(np.float64))


def _present(graph: CohortGraph, name: str) -> np.ndarray:
    """bool `[N]`: who has a modality; everyone, where the cohort does not know it."""
    owner = graph.cohort.modalities.get(name)
    return np.ones(len(graph.cohort), bool) if owner is None else owner.present


def feature_genes(graph: CohortGraph, modality: str) -> list[str | None]:
    """Gene symbol of each of a modality's features.

    Parameters
    ----------
    graph : CohortGraph
    modality : str
        One of `graph.feature_names`.

    Returns
    -------
    list of str or None
        `[F]`, `None` where a feature measures no gene.
    """
    owner = graph.cohort.modalities.get(modality)
    symbol_of = {}
    if owner is not None:
        columns = map(str, owner.columns)
        symbol_of = dict(zip(columns, owner.symbols, strict=True))
    return [symbol_of.get(name) for name in graph.feature_names[modality]]
