"""Laying the scores of a ranking on the columns, genes and edges of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, InputError, examples, nearest
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.gene.typed_gene_graph import Relation, name_of
from graphfuse.graph.graph_scores import NUMBERS, OF_CLASSES, OF_EDGES, WORDS, GraphScores
from graphfuse.graph.neighbour_lists import Neighbours


@runtime_checkable
class Ranked(Protocol):
    """What of a `graphfuse.Ranking` is laid on a graph."""

    method: str
    target: str
    nodes: pd.DataFrame
    nodes_by_class: pd.DataFrame
    genes: pd.DataFrame
    edges: pd.DataFrame
    links: pd.DataFrame
    patient_edges: pd.DataFrame


def scores_on(graph: CohortGraph, ranking: Ranked) -> GraphScores:
    """Lay a ranking on a graph of the same cohort and gene network.

    Parameters
    ----------
    graph : CohortGraph
    ranking : Ranked
        A `graphfuse.Ranking`.

    Returns
    -------
    GraphScores

    Raises
    ------
    InputError
        Where the ranking is of other columns, another outcome, another gene network or other
        patients than the graph.
    """
    if not isinstance(ranking, Ranked):
        got = type(ranking).__name__
        raise InputError(
            f"with_ranking: expected a Ranking, as graphfuse.rank gives it (got {got})"
        )
    _check(graph, ranking)
    by_class = {}
    for name, table in ranking.nodes_by_class.groupby("class", sort=False):
        by_class[str(name)] = _of_class(graph, table)
    genes = [] if graph.network is None else list(graph.network.genes)
    by_ends = ranking.edges.set_index(["source", "target"])
    return GraphScores(
        method=ranking.method,
        target=ranking.target,
        columns=_of_columns(graph, ranking.nodes),
        by_class=by_class,
        genes=_in_order(ranking.genes.set_index("id"), genes),
        edges=_numbers(by_ends.reindex(_gene_ends(graph)), OF_EDGES),
        patient_edges=_of_patient_edges(graph, ranking.patient_edges),
        relations=_of_relations(graph, by_ends, ranking.links),
    )


def _of_columns(graph: CohortGraph, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`NUMBERS` and `WORDS` of every modality's columns."""
    by_id = table.set_index("id")
    return {name: _in_order(by_id, _column_ids(graph, name)) for name in graph.features}


def _of_class(graph: CohortGraph, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`OF_CLASSES` of every modality's columns."""
    by_id = table.set_index("id")
    scores = {}
    for name in graph.features:
        own = by_id.reindex(_column_ids(graph, name))
        scores[name] = _numbers(own, OF_CLASSES)
    return scores


def _column_ids(graph: CohortGraph, modality: str) -> list[str]:
    """The measured column that each column of a modality stands for, as rankings name it."""
    return [f"{modality}:{column}" for column in graph.feature_names[modality]]


def _in_order(table: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """`NUMBERS` and `WORDS` of items, in the order of their ids."""
    ordered = table.reindex(wanted)
    words = ordered.reindex(columns=list(WORDS)).astype(object)
    known_words = words.where(words.notna(), "").astype(str).reset_index(drop=True)
    return pd.concat([_numbers(ordered, NUMBERS), known_words], axis=1)


def _numbers(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """These columns as float64, blank cells NaN."""
    cells = table.reindex(columns=list(names)).reset_index(drop=True)
    return cells.apply(pd.to_numeric, errors="coerce").astype(float)


def _gene_ends(graph: CohortGraph) -> pd.MultiIndex:
    """The genes at the ends of the gene network's edges."""
    names = ["source", "target"]
    if graph.network is None:
        return pd.MultiIndex.from_arrays([[], []], names=names)
    return pd.MultiIndex.from_frame(graph.network.to_frame()[names])


def _of_patient_edges(graph: CohortGraph, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The mean score of each edge of each layer."""
    ids = graph.cohort.patients.astype(str)
    scores = {}
    for layer, lists in graph.layers.items():
        own = table[table["layer"] == layer]
        ends = [own["source"].astype(str), own["target"].astype(str)]
        mean = own["score"].astype(float).groupby(ends).mean()
        scores[layer] = mean.reindex(_patient_ends(ids, lists)).to_numpy(float)
    return scores


def _patient_ends(ids: pd.Index, lists: Neighbours) -> pd.MultiIndex:
    """The patients who send and receive along the edges of a layer."""
    return pd.MultiIndex.from_arrays([ids[lists.index], ids[lists.receivers]])


def _of_relations(
    graph: CohortGraph, by_ends: pd.DataFrame, links: pd.DataFrame
) -> dict[Relation, np.ndarray]:
    """The scores of a signalling graph's edges: of interactions by the genes at their ends, in
    whichever direction, of links within a gene by the gene and the relation."""
    scores = {}
    if graph.signalling is None:
        return scores
    genes = np.array(graph.signalling.genes, dtype=object)
    by_link = links.set_index(["source", "relation"])["score"].astype(float)
    forward = by_ends["score"].astype(float)
    for relation, (source, target, _) in graph.signalling.relations.items():
        sender, _, receiver = relation
        if sender != receiver:
            names = np.full(len(source), name_of(relation), dtype=object)
            wanted = pd.MultiIndex.from_arrays([genes[source], names])
            scores[relation] = by_link.reindex(wanted).to_numpy(float)
            continue
        along = forward.reindex(pd.MultiIndex.from_arrays([genes[source], genes[target]]))
        against = forward.reindex(pd.MultiIndex.from_arrays([genes[target], genes[source]]))
        known = along.to_numpy(float)
        scores[relation] = np.where(np.isnan(known), against.to_numpy(float), known)
    return scores


# ---------------------------------------------------------------------------------- what fits what


def _check(graph: CohortGraph, ranking: Ranked) -> None:
    """Raises `InputError` for a ranking that is not of the graph's cohort and gene network."""
    faults = Faults(f"ranking by {ranking.method} of {ranking.target!r}")
    _check_outcome(graph, ranking, faults)
    ids = [_column_ids(graph, name) for name in graph.features]
    missing = pd.Index(np.concatenate([[], *ids])).difference(ranking.nodes["id"])
    if len(missing):
        faults.add(
            f"{len(missing):,} of the graph's columns are not ranked ({examples(missing)}); rank "
            "a run of the cohort that the graph is of"
        )
    ranked = pd.MultiIndex.from_frame(ranking.edges[["source", "target"]])
    unknown = ranked.difference(_gene_ends(graph)) if len(ranked) else ranked
    if len(unknown):
        shown = ["|".join(ends) for ends in unknown[:3]]
        faults.add(
            f"{len(unknown):,} ranked edges are not in the graph's gene network "
            f"({examples(shown)}); build the graph with the recipe and the network of the run"
        )
    _check_patients(graph, ranking.patient_edges, faults)
    faults.stop()


def _check_outcome(graph: CohortGraph, ranking: Ranked, faults: Faults) -> None:
    """Adds a fault where the graph's cohort has no such outcome, or other classes."""
    outcomes = graph.cohort.outcomes
    if ranking.target not in outcomes:
        faults.add(f"the graph has no such outcome{nearest(ranking.target, outcomes)}")
        return
    classes = set(ranking.nodes_by_class["class"].astype(str))
    other = classes - set(outcomes[ranking.target].classes)
    if other:
        faults.add(
            f"its classes {examples(sorted(other))} are none of the graph's; build the graph of "
            "the same cohort"
        )


def _check_patients(graph: CohortGraph, edges: pd.DataFrame, faults: Faults) -> None:
    """Adds a fault where ranked edges are of other patients or layers than the graph's."""
    if edges.empty:
        return
    ids = graph.cohort.patients.astype(str)
    named = pd.Index(edges["target"].astype(str).unique())
    strangers = len(named.difference(ids))
    if strangers:
        faults.add(
            f"{strangers:,} of its {len(named):,} patients are not in the graph; build the graph "
            "of the same cohort"
        )
    layers = [layer for layer in edges["layer"].unique() if layer not in graph.layers]
    if layers:
        faults.add(
            f"its patient layers {examples(layers)} are not in the graph, which has "
            f"{examples(graph.layers) or 'none'}; build the graph with the recipe of the run"
        )
