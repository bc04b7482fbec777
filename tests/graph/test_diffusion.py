"""Propagation with restarts: dense algebra, far genes on a chain, no smearing, and its
transpose."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from graphfuse.graph.gene.diffusion import Diffusion
from graphfuse.graph.gene.network import GeneNetwork

GENES = [f"G{i:02d}" for i in range(40)]
CHAIN = GeneNetwork.from_frame(pd.DataFrame({"source": GENES[:-1], "target": GENES[1:]}), "chain")
STEP = CHAIN.smoothing(GENES)


def dense(step, reach, restart):
    """The sum over walks, written out: Σ_k<reach a (1-a)^(k-1) A^k + (1-a)^(reach-1) A^reach."""
    power, total = np.eye(len(step)), np.zeros_like(step)
    for k in range(1, reach + 1):
        power = power @ step
        total += power * (1 - restart) ** (k - 1) * (restart if k < reach else 1)
    return total


@pytest.mark.parametrize("reach", [1, 2, 5, 10])
def test_it_is_the_sum_over_walks(reach):
    values = np.random.default_rng(0).normal(size=(40, 3))
    assert np.allclose(
        Diffusion(STEP, reach, 0.2) @ values, dense(STEP.toarray(), reach, 0.2) @ values, atol=1e-12
    )


def test_many_rounds_are_the_closed_form():
    step, values = STEP.toarray(), np.random.default_rng(0).normal(size=(40, 3))
    limit = step @ np.linalg.solve(np.eye(40) - 0.8 * step, 0.2 * values)
    assert np.allclose(Diffusion(STEP, 200, 0.2) @ values, limit, atol=1e-12)


def test_one_round_is_the_operator_itself():
    values = np.random.default_rng(0).normal(size=(40, 3))
    assert np.array_equal(Diffusion(STEP, 1, 0.7) @ values, STEP @ values)


def test_far_genes_are_reached_with_decaying_weight():
    spike = np.zeros((40, 1))
    spike[20] = 1
    heard = (Diffusion(STEP, 10, 0.2) @ spike)[:, 0]
    assert (heard[10:31] > 0).all() and not heard[:10].any() and not heard[31:].any()
    odd, even = (
        heard[[21, 23, 25, 27]],
        heard[[22, 24, 26, 28]],
    )  # a walk of k steps ends at a distance of k's parity
    assert (np.diff(odd) < 0).all() and (np.diff(even) < 0).all()
    assert not (Diffusion(STEP, 1, 0.2) @ spike)[[10, 18, 22, 30]].any()


def test_genes_do_not_become_alike():
    """On a small dense network fifty plain rounds leave nothing but degrees; with restarts genes
    stay told apart."""
    rng = np.random.default_rng(0)
    pairs = np.array([(a, b) for a in range(40) for b in range(a) if rng.random() < 0.3])
    names = np.array(GENES)
    network = GeneNetwork.from_frame(
        pd.DataFrame({"source": names[pairs[:, 0]], "target": names[pairs[:, 1]]}), "dense"
    )
    step, values = network.smoothing(GENES), rng.normal(size=(40, 500))
    level = np.sqrt(network.degree)[:, None]

    def told_apart(heard):
        """The variance among genes, degrees aside, by patient, as a share of what one round
        leaves."""
        return np.mean((heard / level).var(0)) / np.mean((step @ values / level).var(0))

    plain, deep = Diffusion(step, 50, 0.0) @ values, Diffusion(step, 50, 0.2) @ values
    assert (
        told_apart(plain) < 1e-6 and told_apart(deep) > 0.2**2
    )  # what walks of one edge alone keep


def test_the_transpose_takes_gradients_back():
    directed = csr_matrix(np.random.default_rng(1).random((12, 12)) / 12)
    x, g = np.random.default_rng(2).normal(size=(2, 12, 4))
    diffusion = Diffusion(directed, 6, 0.3)
    assert np.isclose(np.sum(g * (diffusion @ x)), np.sum(x * (diffusion.T @ g)))


def test_an_empty_network_gives_nothing():
    assert not (Diffusion(csr_matrix((5, 5)), 10, 0.2) @ np.ones((5, 2))).any()


def test_what_arrives_is_what_each_edge_brings():
    """The edge from b to a brings A[a, b] times what b says in the last round; together they are
    what arrives."""
    values = np.random.default_rng(3).normal(size=(40, 2))
    diffusion = Diffusion(STEP, 10, 0.2)
    assert np.allclose(
        np.einsum("ab,bn->an", STEP.toarray(), diffusion.messages(values)),
        diffusion @ values,
        atol=1e-12,
    )
