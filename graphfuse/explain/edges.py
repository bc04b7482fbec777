"""Attributions of edges of the gene network and of signalling graphs, by gradients along an edge's
weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.method import FoldNet
from graphfuse.graph.gene.network import GeneNetwork

CHUNK = 20_000


def gene_edges(net: FoldNet, gradients: Gradients) -> np.ndarray:
    """The mean attribution of every edge of the gene network, summed over modalities and both
    directions of the edge.

    Of edge (a, b) it is the sum over its column pairs of gradient at a × operator weight × message
    of b in the last round (the value of b, where there is one round). With gradients averaged along
    a path, these are integrated gradients over the edge's weight from 0 to its value.

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
        diffusion = net.fitted.preparation.gene_operators[name]
        operator = diffusion.step.tocsr()
        messages = diffusion.messages(net.columns[name].T).T  # [N, F]
        edge, a, b = _column_pairs(net, name)
        is_no_loop = network.source[edge] != network.target[edge]
        # a self-loop has one direction only
        for here, there, counts in ((a, b, 1.0), (b, a, is_no_loop)):
            weights = np.asarray(operator[here, there]).ravel()
            factor = counts * weights  # [P]
            for k in range(len(total)):
                mean = _paired(gradient[k], messages, net.weight[:, k], here, there)
                total[k] += np.bincount(edge, factor * mean, minlength=network.edges)
    return total


def _column_pairs(net: FoldNet, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The P pairs of a modality's columns that edges of the network join: the edge of each `[P]`,
    and the columns at its ends `[P]`, `[P]`."""
    symbols = net.symbols[name]
    edge, a, b = net.network.edge_features(symbols)
    places = _places(net.network.on(symbols), net.network)
    return places[edge], a, b


def links_and_edges(net: FoldNet, gradients: Gradients) -> tuple[pd.DataFrame, np.ndarray]:
    """The attributions of the typed edges of a signalling graph.

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
    typed, attributions = _typed_edges(net, gradients)
    is_link = (typed["source"] == typed["target"]).to_numpy(bool)
    index = pd.MultiIndex.from_frame(typed[is_link])
    links = pd.DataFrame(attributions[:, is_link].T, index)
    edges = _onto(net.network, typed[~is_link], attributions[:, ~is_link])
    return links, edges


def _typed_edges(net: FoldNet, gradients: Gradients) -> tuple[pd.DataFrame, np.ndarray]:
    """The edges of the signalling graph, `source, target, relation`, and their attributions `[K,
    E]`; none where the model has no such graph, or its net is the linear model."""
    gradient = gradients.signals.get("signalling")
    if gradient is None:
        no_edges = pd.DataFrame(columns=["source", "target", "relation"])
        return no_edges, np.zeros((net.weight.shape[1], 0))
    signal = net.fitted.preparation.signals["signalling"]
    return signal.edges(gradient, net.columns, net.weight)


def _onto(network: GeneNetwork, edges: pd.DataFrame, attributions: np.ndarray) -> np.ndarray:
    """Attributions `[K, E]` of typed edges summed onto the network's edges `[K, edges]`, in
    whichever direction they point."""
    total = np.zeros((len(attributions), network.edges))
    known = _ends(network)
    forward = pd.MultiIndex.from_frame(edges[["source", "target"]])
    backward = pd.MultiIndex.from_frame(edges[["target", "source"]])
    places = known.get_indexer(forward)  # [E], -1 where the network has no such edge
    reverse_places = known.get_indexer(backward)
    place = np.where(places >= 0, places, reverse_places)
    is_known = place >= 0
    for k in range(len(total)):
        values = attributions[k, is_known]
        total[k] = np.bincount(place[is_known], values, minlength=network.edges)
    return total


def _ends(network: GeneNetwork) -> pd.MultiIndex:
    """The genes at the ends of the network's edges."""
    return pd.MultiIndex.from_frame(network.to_frame()[["source", "target"]])


def _places(part: GeneNetwork, whole: GeneNetwork) -> np.ndarray:
    """The places of the edges of `part` among those of `whole`, by their genes' symbols."""
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
        mean = weight @ values  # [F]
        return gradient[0, here] * mean[there]
    parts = []
    for start in range(0, len(here), CHUNK):
        chunk = slice(start, start + CHUNK)
        gradient_here = gradient[:, here[chunk]]
        value_there = values[:, there[chunk]]
        parts.append(np.einsum("i,ip,ip->p", weight, gradient_here, value_there))
    return np.concatenate(parts) if parts else np.zeros(0)
