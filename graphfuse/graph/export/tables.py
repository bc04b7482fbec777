"""A built graph as tables: nodes and edges of patients and genes, in memory and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.errors import Faults, InputError, examples
from graphfuse.files.atomic_write import whole
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.graph_scores import informative
from graphfuse.graph.neighbour_lists import Neighbours

TABLES = ("patient_nodes", "patient_edges", "gene_nodes", "gene_edges")
_OF_EVERY_NODE = ("kind", "name")  # attributes that all exports of whole graphs give to nodes


def to_frames(graph: CohortGraph) -> dict[str, pd.DataFrame]:
    """Converts nodes and edges to pandas.

    Parameters
    ----------
    graph : CohortGraph

    Returns
    -------
    dict of str to pd.DataFrame
        `patient_nodes` (patient, outcomes, groups, has_<modality>), `patient_edges` (source,
        target, layer, weight; messages go from source to target), `gene_nodes` (gene, degree) and
        `gene_edges` (source, target, weight). Of a graph that carries a ranking, genes and edges
        have its scores too.
    """
    genes, gene_edges = _gene_tables(graph)
    tables = (patient_nodes(graph), _patient_edges(graph), genes, gene_edges)
    return dict(zip(TABLES, tables, strict=True))


def _gene_tables(graph: CohortGraph) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Genes and their edges; without a row where there is no network."""
    network = graph.network
    if network is None:
        genes = pd.DataFrame({"gene": pd.Series(dtype=str), "degree": pd.Series(dtype="int64")})
        return genes, _no_edges("source", "target")
    names = np.array(network.genes, dtype=object)
    genes = pd.DataFrame({"gene": names, "degree": network.degree})
    edges = network.to_frame()
    if graph.scores is not None:
        genes = genes.join(informative(graph.scores.genes))
        edges = edges.join(informative(graph.scores.edges))
    return genes, edges


def _no_edges(*text: str) -> pd.DataFrame:
    """A table without a row: these columns of text, and `weight`."""
    empty = pd.DataFrame({name: [] for name in text}, dtype=str)
    return empty.assign(weight=pd.Series(dtype=float))


def patient_nodes(graph: CohortGraph) -> pd.DataFrame:
    """One row per patient: outcomes (classes by name), groups, and `has_<modality>`.

    An outcome or a group whose name means something else in a graph is `outcome:<name>` or
    `group:<name>`.
    """
    cohort = graph.cohort
    nodes: dict[str, object] = {"patient": cohort.patients.astype(str)}
    for own, outcome in cohort.outcomes.items():
        name = outcome_column(own)
        shown = outcome.task.shown(outcome.target)
        nodes |= {f"{name}{addition}": values for addition, values in shown.items()}
    for name, group in cohort.groups.items():
        is_taken = name in nodes or name in _OF_EVERY_NODE
        nodes[f"group:{name}" if is_taken else name] = group
    for name, modality in cohort.modalities.items():
        nodes[f"has_{name}"] = modality.present
    return pd.DataFrame(nodes)


def outcome_column(name: str) -> str:
    """The column of `patient_nodes` that holds an outcome."""
    return f"outcome:{name}" if name in _OF_EVERY_NODE else name


def _patient_edges(graph: CohortGraph) -> pd.DataFrame:
    """The edges of all layers, one layer after another."""
    ids = np.array(graph.cohort.patients.astype(str), dtype=object)
    parts = []
    for layer, lists in graph.layers.items():
        ends = {"source": ids[lists.index], "target": ids[lists.receivers]}
        part = pd.DataFrame({**ends, "layer": layer, "weight": lists.weight})
        if graph.scores is not None:
            part["score"] = graph.scores.patient_edges[layer]
        parts.append(part)
    if not parts:
        return _no_edges("source", "target", "layer")
    return pd.concat(parts, ignore_index=True)


# -------------------------------------------------------------------------------------------- files


def write_tables(frames: dict[str, pd.DataFrame], folder: Path) -> None:
    """The frames of `to_frames` as parquet, and all but the patient edges, which are many, as CSV
    too."""
    for name, frame in frames.items():
        if name == "patient_edges":
            with whole(folder / f"{name}.parquet") as part:
                frame.to_parquet(part, index=False)
        else:
            csv_and_parquet(frame, folder, name)


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
    sender = place.get_indexer(edges["source"].astype(str))
    receiver = place.get_indexer(edges["target"].astype(str))
    weight = np.ones(len(edges))
    if "weight" in edges:
        weight = pd.to_numeric(edges["weight"], errors="coerce").to_numpy(float)
    unknown = {str(name) for name in edges["source"][sender < 0]}
    unknown |= {str(name) for name in edges["target"][receiver < 0]}
    _check_edges(unknown, weight)
    count, layers = len(place), {}
    for name, rows in _rows_by_layer(edges).items():
        ends = (receiver[rows], sender[rows])
        layers[name] = Neighbours.from_edges(*ends, weight[rows], count, count)
    return layers


def _rows_by_layer(edges: pd.DataFrame) -> dict[str, np.ndarray]:
    """Layer → bool `[E]`: its edges; all are of one layer, "edges", where no column says which."""
    if "layer" not in edges:
        return {"edges": np.ones(len(edges), bool)} if len(edges) else {}
    layer = edges["layer"].astype(str)
    return {name: (layer == name).to_numpy() for name in layer.unique()}


def _check_edges(unknown: set[str], weight: np.ndarray) -> None:
    """Raises `InputError` for ends that are no patients, and for weights that are no numbers."""
    faults = Faults("patient edges")
    infinite = int((~np.isfinite(weight)).sum())
    if unknown:
        faults.add(
            f"{len(unknown):,} ids are none of the patients ({examples(sorted(unknown))}); leave "
            "their edges out"
        )
    if infinite:
        faults.add(f"{infinite:,} weights are no finite numbers; correct or remove those edges")
    faults.stop()
