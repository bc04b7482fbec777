"""What a patient's values become along the relations of a signalling graph: nothing, one or two
steps away, all linear.

Propagating the inputs once and learning on top replaces learned deep propagation: after it, no edge
is touched again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.graph.gene.signalling import BACK, Relation, Template, name_of

HOPS = 2
CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class Carried:
    """One modality's values at the nodes of `kind`, after the relations of `path`.

    `before`: which of its list it carries on by `step` (float64 `[G, G]`); -1 for the values
    themselves, whose step takes the mean of each gene's columns (`[G, F]`). A node takes the
    weighted mean over those who have a value to tell, so whoever is not measured does not count.
    `known` bool `[G]`: who then has a value.
    """

    kind: str
    modality: str
    path: tuple[Relation, ...]
    before: int
    step: sparse.csr_matrix
    known: np.ndarray


def carried(template: Template) -> list[Carried]:
    """The slots themselves, then what arrives by one relation, then by two; never straight back,
    and where both relations join nodes of one kind, by the same relation twice. What nobody would
    have a value of is left out."""
    found = []
    for kind, modality in template.slots:
        step = template.members(modality)
        found.append(Carried(kind, modality, (), -1, step, np.diff(step.indptr) > 0))
    start = 0
    for _ in range(HOPS):
        last, start = list(enumerate(found))[start:], len(found)
        arrived = [
            _along(template, i, item, r)
            for i, item in last
            for r in template.relations
            if _goes_on(item, r)
        ]
        found += [item for item in arrived if item.known.any()]
    return found


def _goes_on(item: Carried, relation: Relation) -> bool:
    if relation[0] != item.kind:
        return False
    if not item.path:
        return True
    last = item.path[-1]
    if last[0] == last[2] == relation[2]:
        return relation == last
    back = last[1].removeprefix(BACK) if last[1].startswith(BACK) else BACK + last[1]
    return relation != (last[2], back, last[0])


def _along(template: Template, before: int, item: Carried, relation: Relation) -> Carried:
    heard = (template.hears(relation) @ sparse.diags(item.known.astype(float))).tocsr()
    heard.eliminate_zeros()
    total = np.asarray(heard.sum(axis=1)).ravel()
    step = (sparse.diags(1 / np.where(total > 0, total, 1)) @ heard).tocsr()
    return Carried(relation[2], item.modality, (*item.path, relation), before, step, total > 0)


def edge_contributions(
    template: Template,
    items: Sequence[Carried],
    values: Sequence[np.ndarray],
    gradients: Sequence[np.ndarray],
) -> tuple[pd.DataFrame, np.ndarray]:
    """What every typed edge adds: per edge Σ over patients of gradient at the receiver × operator
    weight × sender's value.

    `values`: per item the values at its nodes `[N, G]`; `gradients`: per item `[K, N, G]`, each
    patient weighted as in the mean wanted. An edge that a path uses at its second step gets all of
    what the path carries there, and so does the one at its first step: it is the derivative along
    the logarithm of the edge's weight, everything else (the receivers' means too) held fixed. Gives
    the edges (`source`, `target`, `relation`; an edge without direction once, both ways summed),
    and their contributions `[K, E]`.
    """
    arriving = [np.array(gradient, float) for gradient in gradients]
    directions = arriving[0].shape[0]
    total = {
        relation: np.zeros((directions, len(arrows[0])))
        for relation, arrows in template.relations.items()
    }
    for i in reversed(range(len(items))):
        item = items[i]
        if item.before < 0:
            continue
        source, target, _ = template.relations[item.path[-1]]
        factor = np.asarray(item.step[target, source]).ravel()
        for k, gradient in enumerate(arriving[i]):
            total[item.path[-1]][k] += factor * _paired(
                gradient, values[item.before], target, source
            )
            arriving[item.before][k] += (item.step.T @ gradient.T).T
    return _listed(template, total, directions)


def _paired(
    gradient: np.ndarray, value: np.ndarray, here: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """Σ_n gradient[n, here] value[n, there], for every edge."""
    parts = [
        np.einsum("ne,ne->e", gradient[:, here[c : c + CHUNK]], value[:, there[c : c + CHUNK]])
        for c in range(0, len(here), CHUNK)
    ]
    return np.concatenate([np.zeros(0), *parts])


def _listed(
    template: Template, total: dict[Relation, np.ndarray], directions: int
) -> tuple[pd.DataFrame, np.ndarray]:
    genes = np.array(template.genes, dtype=object)
    frames = [pd.DataFrame({"source": [], "target": [], "relation": []}, dtype=object)]
    sums = [np.zeros((directions, 0))]
    for relation, score in total.items():
        count = template.listed(relation)
        source, target = (ends[:count] for ends in template.relations[relation][:2])
        frames.append(
            pd.DataFrame(
                {"source": genes[source], "target": genes[target], "relation": name_of(relation)}
            )
        )
        summed = score[:, :count].copy()
        if count < score.shape[1]:
            summed[:, source != target] += score[:, count:]
        sums.append(summed)
    return pd.concat(frames, ignore_index=True), np.concatenate(sums, axis=1)
