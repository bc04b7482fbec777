"""A built graph as tables: nodes and edges of patients and genes, in memory and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import Faults, InputError, examples
from graphfuse.files.atomic_write import whole
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.neighbour_lists import Neighbours

TABLES = ("patient_nodes", "patient_edges", "gene_nodes", "gene_edges")
_OF_EVERY_NODE = ("kind", "name")  # attributes that all exports of whole graphs give to nodes


def to_frames(graph: CohortGraph) -> dict[str, pd.DataFrame]:
    """Nodes and edges as tables.

    `patient_nodes` (patient, outcomes, groups, has_<modality>), `patient_edges` (source, target,
    layer, weight; source is heard by target), `gene_nodes` (gene, degree), `gene_edges` (source,
    target, weight).
    """
    network = graph.network
    genes = pd.DataFrame({"gene": pd.Series(dtype=str), "degree": pd.Series(dtype="int64")})
    gene_edges = pd.DataFrame({"source": [], "target": []}, dtype=str).assign(
        weight=pd.Series(dtype=float)
    )
    if network is not None:
        genes = pd.DataFrame(
            {"gene": np.array(network.genes, dtype=object), "degree": network.degree}
        )
        gene_edges = network.to_frame()
    made = (patient_nodes(graph), _patient_edges(graph), genes, gene_edges)
    return dict(zip(TABLES, made, strict=True))


def patient_nodes(graph: CohortGraph) -> pd.DataFrame:
    """One row per patient: outcomes (classes by name), groups, and `has_<modality>`.

    An outcome or a group whose name means something else in a graph is `outcome:<name>` or
    `group:<name>`.
    """
    cohort = graph.cohort
    nodes: dict[str, object] = {"patient": cohort.patients.astype(str)}
    for own, outcome in cohort.outcomes.items():
        name = f"outcome:{own}" if own in _OF_EVERY_NODE else own
        shown = outcome.task.shown(outcome.target)
        nodes |= {f"{name}{addition}": values for addition, values in shown.items()}
    for name, group in cohort.groups.items():
        is_taken = name in nodes or name in _OF_EVERY_NODE
        nodes[f"group:{name}" if is_taken else name] = group
    for name, modality in cohort.modalities.items():
        nodes[f"has_{name}"] = modality.present
    return pd.DataFrame(nodes)


def _patient_edges(graph: CohortGraph) -> pd.DataFrame:
    ids = np.array(graph.cohort.patients.astype(str), dtype=object)
    parts = [
        pd.DataFrame(
            {"source": ids[n.index], "target": ids[n.receivers], "layer": layer, "weight": n.weight}
        )
        for layer, n in graph.layers.items()
    ]
    none = pd.DataFrame({"source": [], "target": [], "layer": []}, dtype=str).assign(
        weight=pd.Series(dtype=float)
    )
    return pd.concat(parts, ignore_index=True) if parts else none


# -------------------------------------------------------------------------------------------- files


def write_tables(frames: dict[str, pd.DataFrame], folder: Path) -> None:
    """The frames of `to_frames` as parquet, and all but the patient edges, which are many, as CSV
    too."""
    for name, frame in frames.items():
        with whole(folder / f"{name}.parquet") as part:
            frame.to_parquet(part, index=False)
        if name != "patient_edges":
            safe_csv(frame, folder / f"{name}.csv")


def read_tables(folder: str | Path) -> dict[str, pd.DataFrame]:
    """The frames that `write_tables` wrote, as they were. Raises `InputError` that names every
    table not there."""
    paths = {name: Path(folder) / f"{name}.parquet" for name in TABLES}
    faults = Faults(str(folder))
    for path in paths.values():
        if not path.is_file():
            faults.add(
                f"no {path.name}; give a graph folder, as `graphfuse build … -o DIR` writes it"
            )
    faults.stop()
    return {name: pd.read_parquet(path) for name, path in paths.items()}


def layers_of(edges: pd.DataFrame, patients: pd.Index) -> dict[str, Neighbours]:
    """Neighbour lists from a table of edges, one per layer in order of appearance.

    Parameters
    ----------
    edges : pd.DataFrame
        `source, target[, layer][, weight]`; weights are 1 and the layer is "edges" where there is
        no such column.
    patients : pd.Index
        Whose edges they are, in their order.

    Returns
    -------
    dict of str to Neighbours

    Raises
    ------
    InputError
        For missing columns, unknown patients and weights that are no numbers.
    """
    missing = [column for column in ("source", "target") if column not in edges]
    if missing:
        raise InputError(
            f"patient edges: no column {missing}; got {list(edges.columns)}; rename them"
        )
    place = pd.Index(patients.astype(str))
    ends = {side: place.get_indexer(edges[side].astype(str)) for side in ("source", "target")}
    weight = pd.Series(1.0, edges.index)
    if "weight" in edges:
        weight = pd.to_numeric(edges["weight"], errors="coerce")
    infinite = int((~np.isfinite(weight)).sum())
    strange = set()
    for side, rows in ends.items():
        strange |= {str(name) for name in edges[side][rows < 0]}
    faults = Faults("patient edges")
    if strange:
        faults.add(
            f"{len(strange):,} ids are none of the patients ({examples(sorted(strange))}); leave "
            "their edges out"
        )
    if infinite:
        faults.add(f"{infinite:,} weights are no finite numbers; mend or remove those edges")
    faults.stop()
    layer = edges["layer"].astype(str) if "layer" in edges else pd.Series("edges", edges.index)
    weight = weight.to_numpy(float)
    count, layers = len(place), {}
    for name in layer.unique():
        rows = (layer == name).to_numpy()
        receiver, sender = ends["target"][rows], ends["source"][rows]
        layers[name] = Neighbours.from_edges(receiver, sender, weight[rows], count, count)
    return layers
