"""HeteroData in files: tensors as safetensors, the rest as JSON; nothing in them is code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from graphfuse.errors import InputError
from graphfuse.files.atomic_write import whole
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.hetero import to_hetero
from graphfuse.schema import SCHEMA

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


def save_hetero(graph: CohortGraph | HeteroData, folder: str | Path) -> None:
    """Writes `hetero.safetensors` (tensors) and `hetero.json` (schema version, types, lists).

    Parameters
    ----------
    graph : CohortGraph or HeteroData
    folder : str or Path
        Where they are written.

    Raises
    ------
    InputError
        For values that are neither tensors nor JSON; nothing is written then.
    """
    import torch
    from safetensors.torch import save_file
    from torch_geometric.data import HeteroData

    folder = Path(folder)
    data = graph if isinstance(graph, HeteroData) else to_hetero(graph)
    tensors, stores = {}, []
    for store in data.stores:
        entry = {"type": _type_of(store), "tensors": {}, "values": {}}
        for name, value in store.items():
            if isinstance(value, torch.Tensor):
                key = f"{len(stores)}.{name}"
                entry["tensors"][name] = key
                tensors[key] = value
            else:
                entry["values"][name] = value
        stores.append(entry)
    text = _text(stores)
    with whole(folder / "hetero.safetensors") as part:
        save_file(_apart(tensors), part)
    with whole(folder / "hetero.json") as part:
        part.write_text(text, encoding="utf-8")
    # safetensors lets nobody else read its file
    shutil.copymode(folder / "hetero.json", folder / "hetero.safetensors")


def _type_of(store) -> list[str]:
    """The type of a store's nodes or edges; empty for the data's own store."""
    key = store._key
    if isinstance(key, tuple):
        return list(key)
    return [key] if key else []


def _text(stores: list[dict]) -> str:
    """The stores as JSON; raises `InputError` for what JSON does not know."""
    content = {"schema": SCHEMA, "kind": "hetero", "stores": stores}
    try:
        return json.dumps(content, ensure_ascii=False, indent=1)
    except (TypeError, ValueError) as error:
        kinds = {type(value).__name__ for entry in stores for value in entry["values"].values()}
        raise InputError(
            f"save_hetero: {error}; values are tensors or plain JSON (got "
            f"{', '.join(sorted(kinds))})"
        ) from None


def _apart(tensors: dict) -> dict:
    """The tensors on the CPU, each with memory of its own; copied only where two share it."""
    seen, apart = set(), {}
    for key, value in tensors.items():
        value = value.detach().cpu().contiguous()
        storage = value.untyped_storage()
        is_shared = storage.data_ptr() in seen or storage.nbytes() != value.nbytes
        apart[key] = value.clone() if is_shared else value
        seen.add(storage.data_ptr())
    return apart


def load_hetero(folder: str | Path) -> HeteroData:
    """Reads the HeteroData that `save_hetero` wrote.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    torch_geometric.data.HeteroData

    Raises
    ------
    InputError
        For missing, foreign or newer files.
    """
    from torch_geometric.data import HeteroData

    stores, tensors = _read(Path(folder))
    data = HeteroData()
    for entry in stores:
        store = data
        if entry["type"]:
            node_type, *rest = entry["type"]
            store = data[tuple(entry["type"]) if rest else node_type]
        for name, value in entry["values"].items():
            setattr(store, name, value)
        for name, key in entry["tensors"].items():
            setattr(store, name, tensors[key])
    return data


def _read(folder: Path) -> tuple[list[dict], dict]:
    """The stores of `hetero.json`, and the tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "hetero.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "hetero.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"{folder}: no HeteroData can be read ({error}); give a folder that graphfuse wrote"
        ) from None
    if not isinstance(about, dict) or about.get("kind") != "hetero":
        raise InputError(
            f"{folder / 'hetero.json'}: not a HeteroData of graphfuse; give a folder that "
            "graphfuse wrote"
        )
    if about.get("schema") != SCHEMA:
        raise InputError(
            f"{folder / 'hetero.json'}: schema {about.get('schema')!r}, this graphfuse "
            f"reads {SCHEMA}; update it"
        )
    return about["stores"], tensors
