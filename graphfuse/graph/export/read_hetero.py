"""A graph from the PyTorch Geometric HeteroData that `to_hetero` made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.hetero_scores import GENE, GENE_EDGE, PATIENT, read_scores
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.task.outcome import Outcome

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from graphfuse.graph.gene.typed_gene_graph import Template


def from_hetero(data: HeteroData) -> CohortGraph:
    """The `CohortGraph` that `to_hetero` turned into `data`: its frames are equal, and its
    features to the precision of `x`.

    A graph keeps the standardised columns, not the tables they came from, so these columns are the
    tables of its cohort, and a modality that gave the graph no column is one column `measured`.

    Parameters
    ----------
    data : torch_geometric.data.HeteroData
        As `to_hetero` gives it.

    Returns
    -------
    CohortGraph

    Raises
    ------
    InputError
        For a HeteroData of another make.
    """
    _check_parts(data)
    values, names, modalities = {}, {}, {}
    for place, name in enumerate(data.modalities):
        columns = np.flatnonzero(data.feature_modality.numpy() == place)
        values[name] = _values(data, columns)
        names[name] = [data.feature_names[c].removeprefix(f"{name}:") for c in columns]
        modalities[name] = _modality(data, name, place, columns, values[name], names[name])
    patients = pd.Index(data[PATIENT].ids, name="patient", dtype=object)
    cohort = Cohort(data.cohort_name, patients, modalities, _outcomes(data), _groups(data))
    layers, about = _layers(data)
    features = {name: values[name] for name in data.tables}
    feature_names = {name: names[name] for name in data.tables}
    signalling = _signalling(data) if "signalling" in data else None
    network = _network(data)
    graph = CohortGraph(cohort, layers, network, features, feature_names, signalling, about)
    return replace(graph, scores=read_scores(data, graph))


def _check_parts(data: HeteroData) -> None:
    """Raises `InputError` for a HeteroData that `to_hetero` did not make."""
    needed = ("feature_names", "modalities", "outcomes", "groups")
    missing = [name for name in needed if name not in data]
    if missing or PATIENT not in data.node_types:
        raise InputError(
            f"from_hetero: the HeteroData has no {missing or PATIENT!r}; give one that "
            "to_hetero made"
        )


def _values(data: HeteroData, columns: np.ndarray) -> np.ndarray:
    """float64 `[N, columns]` of `x`, NaN for cells that are missing."""
    store = data[PATIENT]
    values = store.x[:, columns].numpy().astype(float)
    if "known" in store:
        known = store.known[:, columns].numpy()
        values[~known] = np.nan
    return values


def _layers(data: HeteroData) -> tuple[dict[str, Neighbours], dict[str, dict]]:
    """The patient layers, and what each says about itself where it does."""
    layers, about = {}, {}
    for sender, name, receiver in data.edge_types:
        if not sender == receiver == PATIENT:
            continue
        store = data[PATIENT, name, PATIENT]
        layers[name] = _lists(store)
        if store.get("about"):
            about[name] = store.about
    return layers, about


def _modality(
    data: HeteroData, name: str, place: int, columns, values: np.ndarray, names: list[str]
) -> Modality:
    """Columns of a modality, missing where the patient does not have it."""
    symbols = tuple(data.feature_symbols[c] for c in columns)
    if not len(columns):
        values = np.ones((len(values), 1))
        names, symbols = ["measured"], (None,)
    store = data[PATIENT]
    present = store.present[:, [place]].numpy()
    measured = np.where(present, values, np.nan)
    table = pd.DataFrame(measured, store.ids, names)
    return Modality(name, table, entity="gene" if any(symbols) else "none", symbols=symbols)


def _outcomes(data: HeteroData) -> dict[str, Outcome]:
    """The outcomes, unknown values NaN."""
    store, outcomes = data[PATIENT], {}
    for name, kept in data.outcomes.items():
        event = None
        if f"event:{name}" in store:
            event = store[f"event:{name}"].numpy()
        values = store[f"outcome:{name}"].numpy()
        if f"known:{name}" in store:
            known = store[f"known:{name}"].numpy()
            values = np.where(known, values, np.nan)
        classes, derived_from = tuple(kept["classes"]), tuple(kept["derived_from"])
        outcomes[name] = Outcome(name, kept["kind"], values, classes, event, derived_from)
    return outcomes


def _groups(data: HeteroData) -> dict[str, np.ndarray]:
    """Group of each patient, object `[N]`; `None` where the code is -1."""
    groups = {}
    for name, values in data.groups.items():
        with_none = np.array([*values, None], dtype=object)
        codes = data[PATIENT][f"group:{name}"].numpy()
        groups[name] = with_none[codes]
    return groups


def _lists(store) -> Neighbours:
    """The edges of one type as neighbour lists."""
    sender, receiver = store.edge_index.numpy()
    order = np.argsort(receiver, kind="stable")
    count = store.size(1)
    degree = np.bincount(receiver, minlength=count)
    offsets = np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)
    senders = int(store.get("senders", count))
    weight = _weight(store)
    return Neighbours(offsets, sender[order], weight[order], senders)


def _weight(store) -> np.ndarray:
    """float64 `[E]`, exact where the store has it so."""
    weight = store.weight if "weight" in store else store.edge_weight
    return weight.numpy().astype(float)


def _network(data: HeteroData) -> GeneNetwork | None:
    """The gene network; `None` where there is none."""
    if GENE not in data.node_types:
        return None
    store, kept = data[GENE, GENE_EDGE, GENE], data.network
    source, target = store.edge_index.numpy()
    once = np.ones(len(source), bool)
    if not kept["directed"]:
        once = source <= target
    arrays = (source[once], target[once], _weight(store)[once])
    about, cleaned = dict(kept["about"]), dict(kept["cleaned"])
    genes = tuple(data[GENE].symbol)
    return GeneNetwork(kept["name"], genes, *arrays, kept["directed"], about, cleaned)


def _signalling(data: HeteroData) -> Template:
    """The signalling graph."""
    from graphfuse.graph.gene.typed_gene_graph import Template

    kept = data.signalling
    relations = {}
    for relation in map(tuple, kept["relations"]):
        source, target = data[relation].edge_index.numpy()
        relations[relation] = (source, target, _weight(data[relation]))
    slots = tuple((kind, modality) for kind, modality in kept["slots"])
    place = {modality: data[f"place:{modality}"].numpy() for _, modality in slots}
    pathways = {name: np.array(edges, np.int64) for name, edges in kept["pathways"].items()}
    genes, kinds = tuple(kept["genes"]), tuple(kept["kinds"])
    return Template(genes, kinds, slots, place, relations, kept["directed"], pathways)
