"""Reading a graph back from the folder that `write` made."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, reason
from graphfuse.files.working_folders import recover
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.hetero_files import load_hetero
from graphfuse.graph.export.read_hetero import from_hetero

if TYPE_CHECKING:
    from mudata import MuData

log = logging.getLogger(__name__)


def read_graph(folder: str | Path) -> CohortGraph:
    """Reads the graph that `write` put into a folder.

    Nodes, edges and weights are as they were (from `hetero.*`); features too where there is a
    `graph.h5mu`, else rounded to float32, which the log says. The cohort holds what the graph
    holds: outcomes, groups, presence, and the standardised columns as tables (see `from_hetero`).

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    CohortGraph

    Raises
    ------
    InputError
        For folders that hold no graph, files that are damaged, or files of two different graphs.
    """
    folder = recover(Path(folder))
    graph = from_hetero(load_hetero(folder))
    if not (folder / "graph.h5mu").is_file():
        if graph.features:
            log.warning(
                "%s: no graph.h5mu, so the features are those of hetero.safetensors, "
                "rounded to float32",
                folder,
            )
        return graph
    return _exact(graph, folder / "graph.h5mu")


def _exact(graph: CohortGraph, path: Path) -> CohortGraph:
    """The graph with its features from the MuData, zero where a patient does not have the
    modality."""
    mdata = _read_h5mu(path)
    features = {}
    for (name, rounded), adata in zip(graph.features.items(), mdata.mod.values(), strict=True):
        rows = graph.cohort.patients.get_indexer(adata.obs_names)
        if (rows < 0).any() or adata.shape[1] != rounded.shape[1]:
            raise InputError(
                f"{path}: not of the same graph as hetero.json beside it; build the folder again"
            )
        features[name] = np.zeros(rounded.shape)
        features[name][rows] = adata.X
    cohort = _with_values(graph.cohort, features)
    return replace(graph, features=features, cohort=cohort)


def _read_h5mu(path: Path) -> MuData:
    """The MuData of a folder; raises `InputError` for a file that is damaged or cut short."""
    import mudata

    try:
        with mudata.set_options(pull_on_update=False):
            return mudata.read_h5mu(path)
    except Exception as error:  # of HDF5, of anndata or of mudata, by where the damage is
        raise InputError(
            f"{path}: damaged or cut short ({reason(error)}); copy the folder again, or build it "
            "again"
        ) from None


def _with_values(cohort: Cohort, features: dict[str, np.ndarray]) -> Cohort:
    """The cohort with these values in every cell that is not missing."""
    modalities = dict(cohort.modalities)
    for name, modality in cohort.modalities.items():
        if name in features and features[name].size:
            exact = modality.table.mask(modality.table.notna(), features[name])
            modalities[name] = replace(modality, table=exact)
    return replace(cohort, modalities=modalities)
