"""What each edge carries: gene-network edges by gradients along their weight, patient edges by what
the sender adds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.method import FoldNet
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.views import Views

CHUNK = 20_000


def gene_edges(net: FoldNet, gradients: Gradients) -> np.ndarray:
    """The mean contribution of every edge of the gene network, summed over modalities and both ways
    along the edge.

    For edge (a, b): Σ over its column pairs of gradient at a × operator weight × what b sends in
    the last round (its value, where there is one round), which, with gradients averaged along a
    path, is integrated gradients over the edge's weight from 0 to its value.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    gradients : Gradients
        At their columns, averaged along a path or not.

    Returns
    -------
    numpy.ndarray
        `[K, edges]`, in each direction.
    """
    network = net.network
    total = np.zeros((net.weight.shape[1], network.edges))
    for name, gradient in gradients.x_smoothed.items():
        spread = net.fitted.preparation.gene_operators[name]
        operator = spread.step.tocsr()
        sent = spread.messages(net.columns[name].T).T
        edge, a, b = _column_pairs(net, name)
        is_no_loop = network.source[edge] != network.target[edge]
        for here, there, counts in ((a, b, 1.0), (b, a, is_no_loop)):  # a self-loop goes one way
            factor = counts * np.asarray(operator[here, there]).ravel()
            for k in range(len(total)):
                value = factor * _paired(gradient[k], sent, net.weight[:, k], here, there)
                total[k] += np.bincount(edge, value, minlength=network.edges)
    return total


def _column_pairs(net: FoldNet, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of a modality's columns that edges of the network join `[P]`: the edge, and the
    columns at its ends."""
    symbols = net.symbols[name]
    edge, a, b = net.network.edge_features(symbols)
    places = _places(net.network.on(symbols), net.network)
    return places[edge], a, b


def links_and_edges(net: FoldNet, gradients: Gradients) -> tuple[pd.DataFrame, np.ndarray]:
    """What the typed edges of a signalling graph add in each direction.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    gradients : Gradients
        At their columns and signals.

    Returns
    -------
    links : pandas.DataFrame
        `[links, K]`, as `Attribution.links`: those between a gene's own nodes.
    edges : numpy.ndarray
        `[K, edges]`, as `Attribution.edges`: the others, summed onto the network's edges.
    """
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
    known = _ends(network)
    forth = known.get_indexer(pd.MultiIndex.from_frame(edges[["source", "target"]]))
    back = known.get_indexer(pd.MultiIndex.from_frame(edges[["target", "source"]]))
    place = np.where(forth >= 0, forth, back)
    is_known = place >= 0
    for k in range(len(total)):
        values = carried[k, is_known]
        total[k] = np.bincount(place[is_known], values, minlength=network.edges)
    return total


def _ends(network: GeneNetwork) -> pd.MultiIndex:
    """The genes at the ends of the network's edges."""
    return pd.MultiIndex.from_frame(network.to_frame()[["source", "target"]])


def _places(part: GeneNetwork, whole: GeneNetwork) -> np.ndarray:
    """Where the edges of `part` stand among those of `whole`, by their genes' symbols."""
    return _ends(whole).get_indexer(_ends(part))


def _paired(
    gradient: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
    here: np.ndarray,
    there: np.ndarray,
) -> np.ndarray:
    """Σ_i w_i gradient_i[here] value_i[there] over patients i, for every pair of columns `[P]`."""
    if len(gradient) == 1:
        return gradient[0, here] * (weight @ values)[there]
    parts = []
    for start in range(0, len(here), CHUNK):
        chunk = slice(start, start + CHUNK)
        at, sent = gradient[:, here[chunk]], values[:, there[chunk]]
        parts.append(np.einsum("i,ip,ip->p", weight, at, sent))
    return np.concatenate(parts) if parts else np.zeros(0)


def patient_edges(fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
    """Every edge of the patient graphs into the patients of a cohort.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    cohort : Cohort
        The patients at whom edges end.
    training : pandas.Index
        Ids of the training patients, in order.

    Returns
    -------
    pandas.DataFrame
        `layer, source` (training patient), `target, weight, score`. `score`: what the sender adds,
        through the layer's gates, to the linear part of the direction that the receiver is called,
        such as a class's logit less the mean logit, summed over the modalities that the layer
        carries.
    """
    preparation = fitted.preparation
    views = preparation.views(cohort)
    senders = cohort.patients if preparation.isolates_patients else training
    lists = preparation.lists(views)
    called = fitted.task.direction_called(fitted.output(views))
    tables = []
    for name, layers in preparation.layers_of.items():
        for layer, neighbours in zip(layers, lists[name], strict=False):
            edges = {
                "layer": layer,
                "source": senders[neighbours.index],
                "target": cohort.patients[neighbours.receivers],
                "weight": neighbours.mean_weights(),
                "score": _edge_logits(fitted, views, name, layer, neighbours, called),
            }
            tables.append(pd.DataFrame(edges))
    return _one_row_an_edge(tables)


def _one_row_an_edge(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The tables one below the other; an edge that several modalities share has the mean of their
    weights and the sum of their scores."""
    ends = ["layer", "source", "target"]
    if not tables:
        nothing = pd.DataFrame(columns=[*ends, "weight", "score"])
        return nothing.astype({"weight": float, "score": float})
    table = pd.concat(tables, ignore_index=True)
    if not table.duplicated(ends).any():
        return table
    by_edge = table.groupby(ends, sort=False, as_index=False)
    return by_edge.agg({"weight": "mean", "score": "sum"})


def _edge_logits(
    fitted: Fitted,
    views: Views,
    name: str,
    layer: str,
    neighbours: Neighbours,
    called: np.ndarray,
) -> np.ndarray:
    """The gated linear predictor that each edge of a layer brings to the direction that its
    receiver is called `[edges]`."""
    linear, receivers = fitted.linear, neighbours.receivers
    if fitted.preparation.isolates_patients:
        sent = np.stack([views.own[name] @ slope for slope in linear.slopes[name]])
    else:
        sent = linear.memory[name]
    pattern = linear.pattern(views.present)[receivers]
    contrast = fitted.task.contrast(sent)
    carried = contrast[pattern, neighbours.index, called[receivers]]
    gates = fitted.gates()[name]
    gate = gates.get("patients" if layer == name else layer, 0.0)
    return gate * neighbours.mean_weights() * carried
