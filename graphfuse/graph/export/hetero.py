"""A built graph as a PyTorch Geometric HeteroData and back: every node and relation, in the
precision that layers take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.task.outcome import Outcome

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from graphfuse.graph.signalling import Template

PATIENT, GENE, GENE_EDGE = "patient", "gene", "interacts"


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

    There are no edges between patients and genes: such edges are dense (patients × genes), and
    `feature_gene` says the same. Nothing of nodes and relations is lost: weights that float32
    cannot hold stand in float64 as `weight` beside `edge_weight`, and `from_hetero` takes them. `x`
    is rounded to `dtype`; with "float64" it is exact as well.
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
        if layer in getattr(graph, "about", {}):
            store.about = graph.about[layer]  # rule, thresholds, search and its recall
    if graph.network is not None:
        _add_genes(data, graph.network, dtype)
    if getattr(graph, "signalling", None) is not None:
        _add_signalling(data, graph.signalling, dtype)
    return data


def _add_patients(data: HeteroData, graph: CohortGraph, dtype: np.dtype) -> None:
    import torch

    cohort, names = graph.cohort, list(dict.fromkeys([*graph.cohort.modalities, *graph.features]))
    widths = [table.shape[1] for table in graph.features.values()]
    x, known, at = (
        np.zeros((len(cohort), sum(widths)), dtype),
        np.ones((len(cohort), sum(widths)), bool),
        0,
    )
    present = (
        np.array([_present(graph, name) for name in names], bool).reshape(-1, len(cohort)).T.copy()
    )
    for (name, table), width in zip(graph.features.items(), widths, strict=True):
        here = ~np.isnan(table)
        np.copyto(x[:, at : at + width], table, where=here, casting="same_kind")
        known[:, at : at + width] = here | ~present[:, [names.index(name)]]
        at += width
    store = data[PATIENT]
    store.num_nodes = len(cohort)
    store.x, store.present = torch.from_numpy(x), torch.from_numpy(present)
    if not known.all():
        store.known = torch.from_numpy(known)
    store.ids = [str(patient) for patient in cohort.patients]
    owners = np.repeat([names.index(name) for name in graph.features], widths)
    data.modalities, data.tables = names, list(graph.features)
    data.feature_modality = torch.from_numpy(owners.astype(np.int64))
    data.feature_names = [
        f"{name}:{column}" for name in graph.features for column in graph.feature_names[name]
    ]
    data.feature_symbols = [gene for name in graph.features for gene in feature_genes(graph, name)]


def _add_known(data: HeteroData, graph: CohortGraph) -> None:
    """Outcomes and groups."""
    import torch

    store, cohort = data[PATIENT], graph.cohort
    data.cohort_name, data.outcomes, data.groups = cohort.name, {}, {}
    for name, outcome in cohort.outcomes.items():
        kept = {
            "kind": outcome.kind,
            "classes": list(outcome.classes),
            "derived_from": list(outcome.derived_from),
        }
        data.outcomes[name] = kept
        if outcome.task.has_classes:
            store[f"outcome:{name}"] = torch.from_numpy(outcome.values.astype(np.int64))
        else:  # no NaN among the tensors: a loss would spread it
            store[f"outcome:{name}"] = torch.from_numpy(
                np.where(outcome.known, outcome.values, 0.0)
            )
            store[f"known:{name}"] = torch.from_numpy(outcome.known)
        if outcome.event is not None:
            store[f"event:{name}"] = torch.from_numpy(np.array(outcome.event, bool))
    for name, group in cohort.groups.items():
        codes, found = pd.factorize(np.asarray(group, object))
        data.groups[name] = found.tolist()
        store[f"group:{name}"] = torch.from_numpy(codes.astype(np.int64))
    target = next((each for each in cohort.outcomes.values() if each.task.has_classes), None)
    if target is not None:
        store.y = torch.from_numpy(target.values.astype(np.int64))
        data.target, data.classes = target.name, list(target.classes)


def _add_genes(data: HeteroData, network: GeneNetwork, dtype: str) -> None:
    import torch

    data[GENE].num_nodes = len(network.genes)
    data[GENE].symbol = list(network.genes)
    place = {gene: i for i, gene in enumerate(network.genes)}
    data.feature_gene = torch.tensor(
        [place.get(gene, -1) for gene in data.feature_symbols], dtype=torch.int64
    )
    data.network = {
        "name": network.name,
        "directed": network.directed,
        "about": dict(network.about),
        "cleaned": {what: int(count) for what, count in network.cleaned.items()},
    }
    _add_edges(data[GENE, GENE_EDGE, GENE], *network.arrows(), dtype)


def _add_signalling(data: HeteroData, template: Template, dtype: str) -> None:
    import torch

    for kind in template.kinds:
        data[kind].num_nodes, data[kind].symbol = len(template.genes), list(template.genes)
    for relation, arrows in template.relations.items():
        _add_edges(data[relation], *arrows, dtype)
    data.signalling = {
        "genes": list(template.genes),
        "kinds": list(template.kinds),
        "slots": [list(slot) for slot in template.slots],
        "relations": [list(relation) for relation in template.relations],
        "directed": template.directed,
        "pathways": {name: edges.tolist() for name, edges in template.pathways.items()},
    }
    for modality, place in template.place.items():
        data[f"place:{modality}"] = torch.from_numpy(np.array(place, np.int64))


def _add_edges(
    store, source: np.ndarray, target: np.ndarray, weight: np.ndarray, dtype: str
) -> None:
    import torch

    store.edge_index = torch.from_numpy(np.stack([source, target]).astype(np.int64))
    store.edge_weight = torch.from_numpy(weight.astype(dtype))
    if not np.array_equal(store.edge_weight.numpy(), weight):
        store.weight = torch.from_numpy(weight.astype(np.float64))


def _present(graph: CohortGraph, name: str) -> np.ndarray:
    owner = graph.cohort.modalities.get(name)
    return np.ones(len(graph.cohort), bool) if owner is None else owner.present


def feature_genes(graph: CohortGraph, modality: str) -> list[str | None]:
    """Gene symbol of each of a modality's features, `None` where there is none."""
    owner = graph.cohort.modalities.get(modality)
    known = {} if owner is None else dict(zip(map(str, owner.columns), owner.symbols, strict=True))
    return [known.get(name) for name in graph.feature_names[modality]]


# ----------------------------------------------------------------------------------------- and back


def from_hetero(data: HeteroData) -> CohortGraph:
    """The `CohortGraph` that `to_hetero` turned into `data`: its frames are equal, and its
    features to the precision of `x`.

    A graph keeps the standardised columns, not the tables they came from, so these columns are the
    tables of its cohort, and a modality that gave the graph no column is one column `measured`.
    Raises `InputError` for a HeteroData of another make.
    """
    missing = [
        name for name in ("feature_names", "modalities", "outcomes", "groups") if name not in data
    ]
    if missing or PATIENT not in data.node_types:
        raise InputError(
            f"from_hetero: the HeteroData has no {missing or PATIENT!r}; give one that "
            "to_hetero made"
        )
    features, names, tables = {}, {}, {}
    owner = data.feature_modality.numpy()
    for place, name in enumerate(data.modalities):
        columns = np.flatnonzero(owner == place)
        labels = [data.feature_names[c].removeprefix(f"{name}:") for c in columns]
        values = data[PATIENT].x[:, columns].numpy().astype(float)
        if "known" in data[PATIENT]:
            values[~data[PATIENT].known[:, columns].numpy()] = np.nan
        features[name], names[name] = values, labels
        tables[name] = _modality(data, name, place, columns, values, labels)
    patients = pd.Index(data[PATIENT].ids, name="patient", dtype=object)
    cohort = Cohort(data.cohort_name, patients, tables, _outcomes(data), _groups(data))
    layers = {
        kind[1]: _lists(data[kind]) for kind in data.edge_types if kind[0] == PATIENT == kind[2]
    }
    kept = {name: features[name] for name in data.tables}
    about = {name: data[PATIENT, name, PATIENT].get("about") for name in layers}
    signalling = _signalling(data) if "signalling" in data else None
    kept_names = {name: names[name] for name in kept}
    return CohortGraph(
        cohort,
        layers,
        _network(data),
        kept,
        kept_names,
        signalling,
        {n: a for n, a in about.items() if a},
    )


def _modality(
    data: HeteroData, name: str, place: int, columns, values: np.ndarray, labels: list[str]
) -> Modality:
    """Columns of a modality, missing where the patient does not have it."""
    symbols = tuple(data.feature_symbols[c] for c in columns)
    if not len(columns):
        values, labels, symbols = np.ones((len(values), 1)), ["measured"], (None,)
    present = data[PATIENT].present[:, [place]].numpy()
    table = pd.DataFrame(np.where(present, values, np.nan), data[PATIENT].ids, labels)
    return Modality(name, table, entity="gene" if any(symbols) else "none", symbols=symbols)


def _outcomes(data: HeteroData) -> dict[str, Outcome]:
    store, found = data[PATIENT], {}
    for name, kept in data.outcomes.items():
        event = store[f"event:{name}"].numpy() if f"event:{name}" in store else None
        values = store[f"outcome:{name}"].numpy()
        if f"known:{name}" in store:
            values = np.where(store[f"known:{name}"].numpy(), values, np.nan)
        found[name] = Outcome(
            name, kept["kind"], values, tuple(kept["classes"]), event, tuple(kept["derived_from"])
        )
    return found


def _groups(data: HeteroData) -> dict[str, np.ndarray]:
    values = {name: np.array([*found, None], dtype=object) for name, found in data.groups.items()}
    return {name: found[data[PATIENT][f"group:{name}"].numpy()] for name, found in values.items()}


def _lists(store) -> Neighbours:
    sender, receiver = store.edge_index.numpy()
    order = np.argsort(receiver, kind="stable")
    weight = _weight(store)
    count = store.size(1)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(receiver, minlength=count))]).astype(
        np.int64
    )
    return Neighbours(offsets, sender[order], weight[order], int(store.get("senders", count)))


def _weight(store) -> np.ndarray:
    return (store.weight if "weight" in store else store.edge_weight).numpy().astype(float)


def _network(data: HeteroData) -> GeneNetwork | None:
    if GENE not in data.node_types:
        return None
    store, kept = data[GENE, GENE_EDGE, GENE], data.network
    source, target = store.edge_index.numpy()
    weight = _weight(store)
    once = np.ones(len(source), bool) if kept["directed"] else source <= target
    genes = tuple(data[GENE].symbol)
    arrays = (source[once], target[once], weight[once])
    return GeneNetwork(
        kept["name"], genes, *arrays, kept["directed"], dict(kept["about"]), dict(kept["cleaned"])
    )


def _signalling(data: HeteroData) -> Template:
    from graphfuse.graph.signalling import Template

    kept = data.signalling
    relations = {
        tuple(key): (*data[tuple(key)].edge_index.numpy(), _weight(data[tuple(key)]))
        for key in kept["relations"]
    }
    slots = tuple((kind, modality) for kind, modality in kept["slots"])
    place = {modality: data[f"place:{modality}"].numpy() for _, modality in slots}
    pathways = {name: np.array(edges, np.int64) for name, edges in kept["pathways"].items()}
    return Template(
        tuple(kept["genes"]),
        tuple(kept["kinds"]),
        slots,
        place,
        relations,
        kept["directed"],
        pathways,
    )
