"""A patient as a signal on the gene network, smoothed over ten rounds."""

from __future__ import annotations

from graphfuse.nn.encode.network import Network


class NetworkDeep(Network):
    """`network`, where a gene's neighbours count with what reached them in nine rounds more, a
    fifth of it their own in each.

    x_k = (1 - a) A x_{k-1} + a x_0 and x̂ = A x_{reach-1}, with restart a: the restart keeps far
    genes' weight falling with distance, where plain rounds would leave every gene the same mean
    (personalised propagation, arXiv 1810.05997, whose result is (1 - a) x̂ + a x: a mixture of the
    two views, which the gate sets). Nothing is learned on the way, so ten sparse products per fold
    are the whole price.
    """

    reach = 10
    restart = 0.2
