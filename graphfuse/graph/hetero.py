"""A built graph as a PyTorch Geometric HeteroData, saved as safetensors and JSON: nothing in the files is code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphfuse.data.export import whole
from graphfuse.errors import InputError
from graphfuse.schema import SCHEMA

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from graphfuse.graph.patients import PatientGraph

PATIENT, GENE, GENE_EDGE = "patient", "gene", "interacts"


def to_hetero(graph: PatientGraph) -> HeteroData:
    """Patients, genes and every edge type as one HeteroData, float32.

    `patient`: `x [N, F]` (all tables side by side; unknown cells 0), `present [N, M]` bool, `y [N]` (codes of the first
    class outcome, -1 unlabelled), `ids`; (patient, LAYER, patient): `edge_index [2, E]` from sender to receiver,
    `edge_weight [E]`. `gene`: `symbol`, `num_nodes`; (gene, interacts, gene): both directions where undirected. On the
    data itself: `feature_names` (`modality:column`), `feature_gene [F]` (place of the gene that column measures, or
    -1), `modalities`, `target`, `classes`.
    """
    from torch_geometric.data import HeteroData

    data = HeteroData()
    _add_patients(data, graph)
    if graph.network is not None:
        _add_genes(data, graph)
    return data


def _add_patients(data: HeteroData, graph: PatientGraph) -> None:
    import torch

    tables = [np.nan_to_num(np.asarray(table, np.float32)) for table in graph.features.values()]
    store = data[PATIENT]
    store.num_nodes = len(graph.cohort)
    store.x = torch.from_numpy(np.concatenate([np.zeros((len(graph.cohort), 0), np.float32), *tables], axis=1))
    present = [_present(graph, name) for name in graph.features]
    store.present = torch.from_numpy(np.array(present, bool).reshape(-1, len(graph.cohort)).T.copy())
    store.ids = [str(patient) for patient in graph.cohort.patients]
    data.modalities = list(graph.features)
    data.feature_names = [f"{name}:{column}" for name in graph.features for column in graph.feature_names[name]]
    outcome = next((o for o in graph.cohort.outcomes.values() if o.kind == "class"), None)
    if outcome is not None:
        store.y = torch.from_numpy(outcome.values.astype(np.int64))
        data.target, data.classes = outcome.name, list(outcome.classes)
    for layer, lists in graph.layers.items():
        _add_edges(data[PATIENT, layer, PATIENT], lists.index, lists.receivers, lists.weight)


def _add_genes(data: HeteroData, graph: PatientGraph) -> None:
    import torch

    network = graph.network
    data[GENE].num_nodes = len(network.genes)
    data[GENE].symbol = list(network.genes)
    place = {gene: i for i, gene in enumerate(network.genes)}
    genes = [place.get(gene, -1) for name in graph.features for gene in feature_genes(graph, name)]
    data.feature_gene = torch.tensor(genes, dtype=torch.int64)
    source, target, weight = network.source, network.target, network.weight
    if not network.directed:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        weight = np.concatenate([weight, weight])
    _add_edges(data[GENE, GENE_EDGE, GENE], source, target, weight)


def _add_edges(store, source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
    import torch

    store.edge_index = torch.from_numpy(np.stack([source, target]).astype(np.int64))
    store.edge_weight = torch.from_numpy(weight.astype(np.float32))


def _present(graph: PatientGraph, name: str) -> np.ndarray:
    owner = graph.cohort.modalities.get(name)
    return np.ones(len(graph.cohort), bool) if owner is None else owner.present


def feature_genes(graph: PatientGraph, modality: str) -> list[str | None]:
    """Gene symbol of each of a modality's features, `None` where there is none."""
    owner = graph.cohort.modalities.get(modality)
    known = {} if owner is None else dict(zip(map(str, owner.columns), owner.symbols, strict=True))
    return [known.get(name) for name in graph.feature_names[modality]]


# ----------------------------------------------------------------------------------------------------- files


def save_hetero(graph: PatientGraph | HeteroData, folder: str | Path) -> None:
    """`hetero.safetensors` (tensors) and `hetero.json` (schema version, types, lists) into `folder`."""
    import torch
    from safetensors.torch import save_file

    folder = Path(folder)
    data = to_hetero(graph) if hasattr(graph, "cohort") else graph
    tensors, stores = {}, []
    for store in data.stores:
        kind = store._key if isinstance(store._key, tuple) else (store._key,) if store._key else ()
        entry = {"type": list(kind), "tensors": {}, "values": {}}
        for name, value in store.items():
            if isinstance(value, torch.Tensor):
                entry["tensors"][name] = key = f"{len(stores)}.{name}"
                tensors[key] = value.detach().cpu().contiguous().clone()
            else:
                entry["values"][name] = value
        stores.append(entry)
    with whole(folder / "hetero.safetensors") as part:
        save_file(tensors, part)
    with whole(folder / "hetero.json") as part:
        text = json.dumps({"schema": SCHEMA, "kind": "hetero", "stores": stores}, ensure_ascii=False, indent=1)
        part.write_text(text, encoding="utf-8")


def load_hetero(folder: str | Path) -> HeteroData:
    """The HeteroData that `save_hetero` wrote. Raises `InputError` for missing, foreign or newer files."""
    from torch_geometric.data import HeteroData

    stores, tensors = _read(Path(folder))
    data = HeteroData()
    for entry in stores:
        kind = tuple(entry["type"])
        store = data[kind if len(kind) > 1 else kind[0]] if kind else data
        for name, value in entry["values"].items():
            setattr(store, name, value)
        for name, key in entry["tensors"].items():
            setattr(store, name, tensors[key])
    return data


def _read(folder: Path) -> tuple[list[dict], dict]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "hetero.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "hetero.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{folder}: no HeteroData can be read ({error}); give a folder that graphfuse wrote") from None
    if not isinstance(about, dict) or about.get("kind") != "hetero":
        raise InputError(f"{folder / 'hetero.json'}: not a HeteroData of graphfuse; give a folder that graphfuse wrote")
    if about.get("schema") != SCHEMA:
        raise InputError(f"{folder / 'hetero.json'}: schema {about.get('schema')!r}, this graphfuse reads {SCHEMA}; update it")
    return about["stores"], tensors
