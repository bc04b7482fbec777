"""Attributions from gradients: to columns, edges of the gene network, links and gene sets."""

from __future__ import annotations

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.edges import gene_edges, links_and_edges
from graphfuse.explain.gene_set_tokens import set_tokens
from graphfuse.explain.method import Attribution, FoldNet


def attribution_by(net: FoldNet, gradients: Gradients) -> Attribution:
    """Gradient × input, for columns and gene sets; gradient × weight × message, for edges.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    gradients : Gradients
        At their columns, or averaged along a path to them.

    Returns
    -------
    Attribution
    """
    columns, through_network = {}, {}
    for name, own in net.columns.items():
        columns[name] = own * gradients.columns(net.fitted, name)  # [K, N, F]
        if name in gradients.x_smoothed:
            through_network[name] = columns[name] - own * gradients.own[name]
    edges = links = None
    if net.network is not None:
        links, edges = links_and_edges(net, gradients)
        edges = gene_edges(net, gradients) + edges
    sets = set_tokens(net, gradients)
    return Attribution(columns, through_network, edges, links, sets, gradients.error)
