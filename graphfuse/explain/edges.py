"""What each edge carries: gene-network edges by gradients along their weight, patient edges by what
the sender adds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.explain.forward import Gradients
from graphfuse.explain.method import FoldNet
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Views
from graphfuse.learn.fitted import Fitted

CHUNK = 20_000


def gene_edges(net: FoldNet, gradients: Gradients) -> np.ndarray:
    """Mean contribution of every edge to each direction `[K, E]`, summed over modalities and both
    directions.

    For edge (a, b): Σ over its column pairs of gradient at a × operator weight × what b sends in
    the last round (its value, where there is one round), which, with gradients averaged along a
    path, is integrated gradients over the edge's weight from 0 to its value.
    """
    network, symbols = net.network, net.symbols
    total = np.zeros((net.weight.shape[1], network.edges))
    for name, gradient in gradients.hop.items():
        spread = net.fitted.preparation.spread[name]
        operator, sent = spread.step.tocsr(), spread.before(net.columns[name].T).T
        edge, a, b = network.edge_features(symbols[name])
        edge = _places(network.on(symbols[name]), network)[edge]
        both = network.source[edge] != network.target[edge]
        for here, there, counts in ((a, b, 1.0), (b, a, both)):  # a self-loop goes one way
            factor = counts * np.asarray(operator[here, there]).ravel()
            for k in range(len(total)):
                value = factor * _paired(gradient[k], sent, net.weight[:, k], here, there)
                total[k] += np.bincount(edge, value, minlength=network.edges)
    return total


def links_and_edges(net: FoldNet, gradients: Gradients) -> tuple[pd.DataFrame, np.ndarray]:
    """What the typed edges of a signalling graph add in each direction: as `Attribution.links`,
    those between a gene's own nodes; as `Attribution.edges` `[K, E]`, the others, summed onto the
    network's edges."""
    typed, carried = _typed_edges(net, gradients)
    own = (typed["source"] == typed["target"]).to_numpy(bool)
    links = pd.DataFrame(carried[:, own].T, pd.MultiIndex.from_frame(typed[own]))
    return links, _onto(net.network, typed[~own], carried[:, ~own])


def _typed_edges(net: FoldNet, gradients: Gradients) -> tuple[pd.DataFrame, np.ndarray]:
    """The edges of the signalling graph, `source, target, relation`, and what each adds to each
    direction `[K, E]`; none where the model has no such graph, or where its net is still linear."""
    gradient = gradients.signals.get("signalling")
    if gradient is None:
        nothing = pd.DataFrame(columns=["source", "target", "relation"])
        return nothing, np.zeros((net.weight.shape[1], 0))
    return net.fitted.preparation.signals["signalling"].edges(gradient, net.columns, net.weight)


def _onto(network: GeneNetwork, edges: pd.DataFrame, carried: np.ndarray) -> np.ndarray:
    """`carried` `[K, E]` of typed edges summed onto the network's edges `[K, edges]`, whichever way
    they point."""
    total = np.zeros((len(carried), network.edges))
    known = pd.MultiIndex.from_frame(network.to_frame()[["source", "target"]])
    forth, back = (
        known.get_indexer(pd.MultiIndex.from_frame(edges[ends]))
        for ends in (["source", "target"], ["target", "source"])
    )
    place = np.where(forth >= 0, forth, back)
    for k in range(len(total)):
        total[k] = np.bincount(place[place >= 0], carried[k, place >= 0], minlength=network.edges)
    return total


def _places(part: GeneNetwork, whole: GeneNetwork) -> np.ndarray:
    """Where the edges of `part` stand among those of `whole`, by their genes' symbols."""
    names = [
        pd.MultiIndex.from_frame(network.to_frame()[["source", "target"]])
        for network in (part, whole)
    ]
    return names[1].get_indexer(names[0])


def _paired(gradient, values, weight, here, there) -> np.ndarray:
    """Σ_i w_i gradient_i[here] value_i[there], for every pair of columns `[P]`."""
    if len(gradient) == 1:
        return gradient[0, here] * (weight @ values)[there]
    parts = [
        np.einsum(
            "i,ip,ip->p", weight, gradient[:, here[c : c + CHUNK]], values[:, there[c : c + CHUNK]]
        )
        for c in range(0, len(here), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def patient_edges(fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
    """Every edge into the patients of `cohort`: `layer, source` (training patient), `target,
    weight, score`.

    `score`: what the sender adds, through the layer's gates, to the linear part of the direction
    that the receiver is called, such as a class's logit less the mean logit, summed over the
    modalities that the layer carries; `training`: ids of the training patients, in order.
    """
    views = fitted.preparation.views(cohort)
    senders = cohort.patients if fitted.preparation.alone else training
    lists = fitted.preparation.lists(views)
    called = fitted.task.direction_called(fitted.output(views))
    tables = []
    for name, layers in fitted.preparation.carried.items():
        for layer, found in zip(layers, lists[name], strict=False):
            score = _edge_logits(fitted, views, name, layer, found, called)
            ids = {
                "layer": layer,
                "source": senders[found.index],
                "target": cohort.patients[found.receivers],
            }
            tables.append(pd.DataFrame(ids | {"weight": found.mean_weights(), "score": score}))
    columns = ["layer", "source", "target"]
    if not tables:
        return pd.DataFrame(columns=[*columns, "weight", "score"]).astype(
            {"weight": float, "score": float}
        )
    table = pd.concat(tables, ignore_index=True)
    shared = table.duplicated(columns).any()
    return (
        table.groupby(columns, sort=False, as_index=False).agg({"weight": "mean", "score": "sum"})
        if shared
        else table
    )


def _edge_logits(
    fitted: Fitted, views: Views, name: str, layer: str, found: Neighbours, called: np.ndarray
) -> np.ndarray:
    """`[E]`: the gated linear predictor that each edge brings to the direction that its receiver is
    called."""
    gate = "patients" if layer == name else layer
    linear = fitted.linear
    sent = (
        np.stack([views.own[name] @ s for s in linear.slopes[name]])
        if fitted.preparation.alone
        else linear.memory[name]
    )
    carried = fitted.task.contrast(sent)[
        linear.pattern(views.present)[found.receivers], found.index, called[found.receivers]
    ]
    return fitted.gates()[name].get(gate, 0.0) * found.mean_weights() * carried
