"""Modules of first genes in the gene network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.biology.network_modules import MODULE_COLUMNS, network_modules
from graphfuse.explain.biology.ranked_genes import RankedGenes
from graphfuse.graph.gene.network import GeneNetwork


def ring(size, extra=()):
    """G0 to G(size - 1), each joined to the next, and further edges."""
    ends = [(f"G{i}", f"G{(i + 1) % size}") for i in range(size)]
    return GeneNetwork.from_frame(pd.DataFrame([*ends, *extra], columns=["source", "target"]))


def ranked(network, strongest, first=None):
    """All genes of a network, these the strongest."""
    rest = [gene for gene in network.genes if gene not in strongest]
    ids = [*strongest, *rest]
    degree = dict(zip(network.genes, network.degree))
    table = pd.DataFrame({"id": ids, "rank": range(1, len(ids) + 1), "score": 1.0})
    table["degree"] = [degree[gene] for gene in ids]
    return RankedGenes.of(table.assign(modality="rna"), first=first or len(strongest))


def test_components_of_the_first_genes():
    network = ring(300)
    found = network_modules(ranked(network, ["G7", "G5", "G6", "G90", "G91", "G200"]), network)
    assert tuple(found.columns) == MODULE_COLUMNS
    assert found["genes"].tolist() == ["G7;G5;G6", "G90;G91"], "one gene alone is no module"
    assert found["size"].tolist() == [3, 2] and found["module"].tolist() == [1, 2]
    assert (found["list_size"] == 6).all()


def test_a_planted_module_is_larger_than_those_of_random_lists():
    rng = np.random.default_rng(0)
    network = ring(400)
    planted = [f"G{i}" for i in range(50, 58)]
    others = [f"G{i}" for i in rng.choice(np.arange(100, 400), 12, replace=False)]
    found = network_modules(ranked(network, planted + others), network)
    assert found.loc[0, "size"] >= 8 and found.loc[0, "p_matched"] < 0.005


def test_hubs_are_connected_by_chance_and_that_is_no_finding():
    rng = np.random.default_rng(1)
    hubs = [f"H{i}" for i in range(120)]
    pairs = [(a, b) for i, a in enumerate(hubs) for b in hubs[:i] if rng.random() < 0.3]
    network = ring(300, pairs)
    first = [f"H{i}" for i in rng.choice(120, 20, replace=False)]
    found = network_modules(ranked(network, first), network)
    assert found.loc[0, "size"] > 15 and found.loc[0, "p_matched"] > 0.05


def test_no_module_where_no_two_are_neighbours():
    network = ring(100)
    found = network_modules(ranked(network, ["G0", "G50"]), network)
    assert found.empty and tuple(found.columns) == MODULE_COLUMNS
