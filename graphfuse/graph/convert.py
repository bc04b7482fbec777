"""A built graph in other programs' forms, files of all of them, and graphs read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphfuse.graph.export import read_folder, read_hetero
from graphfuse.graph.export.anndata import from_anndata, from_mudata, to_anndata, to_mudata
from graphfuse.graph.export.hetero import to_hetero
from graphfuse.graph.export.hetero_files import load_hetero, save_hetero
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.graph.export.page.html import write_picture
from graphfuse.graph.export.tables import layers_of, read_tables, to_frames
from graphfuse.graph.export.write_folder import GRAPH, write
from graphfuse.graph.patient_graph import PatientGraph

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = [
    "GRAPH", "from_anndata", "from_hetero", "from_mudata", "layers_of", "load_hetero", "read_graph",
    "read_tables", "save_hetero",
    "to_anndata", "to_frames", "to_hetero", "to_mudata", "to_networkx", "write", "write_picture",
]  # fmt: skip


def from_hetero(data: HeteroData) -> PatientGraph:
    """The `PatientGraph` that `to_hetero` turned into `data` (`export.hetero_back.from_hetero`)."""
    return PatientGraph.of(read_hetero.from_hetero(data))


def read_graph(folder: str | Path) -> PatientGraph:
    """The `PatientGraph` that `write` put into `folder` (`export.reading.read_graph`)."""
    return PatientGraph.of(read_folder.read_graph(folder))
