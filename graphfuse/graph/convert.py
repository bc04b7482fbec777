"""Conversion of a built graph to other programs' forms, to files, and back."""

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
    """Convert a HeteroData of `to_hetero` back (see `export.read_hetero`).

    Parameters
    ----------
    data : torch_geometric.data.HeteroData
        As `to_hetero` or `load_hetero` returns it.

    Returns
    -------
    PatientGraph
    """
    return PatientGraph.of(read_hetero.from_hetero(data))


def read_graph(folder: str | Path) -> PatientGraph:
    """Read the graph that `write` put into a folder (see `export.read_folder`).

    Parameters
    ----------
    folder : str or Path
        A folder of `write`, or `graph/` of a run.

    Returns
    -------
    PatientGraph
    """
    return PatientGraph.of(read_folder.read_graph(folder))
