"""Patients' values along paths of a signalling graph: no relation, one or two, all linear.

Propagating the inputs once and learning on the result replaces learned deep propagation: after it,
no edge is used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.graph.gene.typed_gene_graph import BACK, Relation, Template, name_of

LONGEST = 2  # relations of a path
CHUNK = 20_000  # edges at once


@dataclass(frozen=True, eq=False)
class PathValues:
    """How one modality's values reach the nodes of a kind along a path of relations.

    A node gets the weighted mean over the senders that have a value, so that what is not measured
    does not count.

    Parameters
    ----------
    kind : str
        Kind of the nodes.
    modality : str
        Whose values they are.
    path : tuple of Relation
        The relations that the values have passed, in order.
    previous : int
        Position, in the list that `path_values` returns, of the values one relation before; -1 for
        a path without relations, which starts from the modality's columns.
    step : sparse.csr_matrix
        The operator on the previous values, float64 `[G, G]`; on columns `[G, F]`, where it takes
        the mean of each gene's columns.
    known : np.ndarray
        bool `[G]`: which nodes have a value.
    """

    kind: str
    modality: str
    path: tuple[Relation, ...]
    previous: int
    step: sparse.csr_matrix
    known: np.ndarray


def path_values(template: Template) -> list[PathValues]:
    """The values of every slot, then those along every path of one relation, then of two.

    A path never goes straight back, and where both its relations join nodes of one kind, they are
    the same relation. Paths at whose end no node has a value are left out.
    """
    paths = []
    for kind, modality in template.slots:
        step = template.members(modality)
        known = np.diff(step.indptr) > 0
        paths.append(PathValues(kind, modality, (), -1, step, known))
    start = 0
    for _ in range(LONGEST):
        stop = len(paths)
        for i in range(start, stop):
            for relation in template.relations:
                if _continues(paths[i], relation):
                    longer = _extended(template, i, paths[i], relation)
                    paths += [longer] if longer.known.any() else []
        start = stop
    return paths


def _continues(item: PathValues, relation: Relation) -> bool:
    """Whether a path may go on along a relation."""
    if relation[0] != item.kind:
        return False
    if not item.path:
        return True
    sender, verb, receiver = item.path[-1]
    if sender == receiver == relation[2]:
        return relation == item.path[-1]
    back = verb.removeprefix(BACK) if verb.startswith(BACK) else BACK + verb
    return relation != (receiver, back, sender)


def _extended(
    template: Template, previous: int, item: PathValues, relation: Relation
) -> PathValues:
    """The values of a path, at position `previous`, after one more relation."""
    has_value = sparse.diags(item.known.astype(float))
    messages = (template.messages(relation) @ has_value).tocsr()  # [G, G]
    messages.eliminate_zeros()
    total = np.asarray(messages.sum(axis=1)).ravel()
    known = total > 0
    mean = sparse.diags(1 / np.where(known, total, 1))
    step = (mean @ messages).tocsr()
    path = (*item.path, relation)
    return PathValues(relation[2], item.modality, path, previous, step, known)


# ----------------------------------------------------------------------------------- contributions


def edge_contributions(
    template: Template,
    items: Sequence[PathValues],
    values: Sequence[np.ndarray],
    gradients: Sequence[np.ndarray],
) -> tuple[pd.DataFrame, np.ndarray]:
    """What every typed edge contributes to a mean prediction: the sum over patients of the gradient
    at the receiver × the operator's weight × the sender's value.

    It is the derivative along the logarithm of the edge's weight, everything else (the receivers'
    means too) held fixed. So an edge of a path's second relation gets all of what the path adds
    there, and so does the edge of its first.

    Parameters
    ----------
    template : Template
    items : sequence of PathValues
        As `path_values` returns them.
    values : sequence of np.ndarray
        Of each item, the values at its nodes `[N, G]`.
    gradients : sequence of np.ndarray
        Of each item `[K, N, G]`, in K directions, each patient weighted as in the mean wanted.

    Returns
    -------
    edges : pd.DataFrame
        `source, target, relation`; an edge without direction once, both ways summed.
    contributions : np.ndarray
        float64 `[K, E]`.
    """
    arriving = [np.array(gradient, float) for gradient in gradients]
    directions = arriving[0].shape[0]
    total = {}
    for relation, (source, _, _) in template.relations.items():
        total[relation] = np.zeros((directions, len(source)))
    for i in reversed(range(len(items))):
        item = items[i]
        if item.previous < 0:
            continue
        relation = item.path[-1]
        source, target, _ = template.relations[relation]
        weight = np.asarray(item.step[target, source]).ravel()  # [E]
        sent = values[item.previous]
        for k, gradient in enumerate(arriving[i]):
            total[relation][k] += weight * _paired(gradient, sent, target, source)
            arriving[item.previous][k] += (item.step.T @ gradient.T).T
    return _edge_table(template, total, directions)


def _paired(
    gradient: np.ndarray, value: np.ndarray, receiver: np.ndarray, sender: np.ndarray
) -> np.ndarray:
    """Σ_n gradient[n, receiver] · value[n, sender], for every edge."""
    parts = [np.zeros(0)]
    for start in range(0, len(receiver), CHUNK):
        chunk = slice(start, start + CHUNK)
        at_receiver = gradient[:, receiver[chunk]]
        at_sender = value[:, sender[chunk]]
        parts.append(np.einsum("ne,ne->e", at_receiver, at_sender))
    return np.concatenate(parts)


def _edge_table(
    template: Template, total: dict[Relation, np.ndarray], directions: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The edges of all relations, and their contributions `[K, E]`, both ways of an edge without
    direction summed."""
    genes = np.array(template.genes, dtype=object)
    tables = [pd.DataFrame({"source": [], "target": [], "relation": []}, dtype=object)]
    sums = [np.zeros((directions, 0))]
    for relation, contribution in total.items():
        count = template.listed(relation)
        source, target, _ = template.relations[relation]
        source, target = source[:count], target[:count]
        ends = {"source": genes[source], "target": genes[target]}
        tables.append(pd.DataFrame({**ends, "relation": name_of(relation)}))
        summed = contribution[:, :count].copy()
        if count < contribution.shape[1]:
            summed[:, source != target] += contribution[:, count:]
        sums.append(summed)
    return pd.concat(tables, ignore_index=True), np.concatenate(sums, axis=1)
