"""The control of a collection of gene sets: sizes stay, genes are drawn by chance, alike likely."""

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.gene.gene_sets import random_sets

GENES = [f"G{i:02d}" for i in range(30)]
SETS = {"small": GENES[:3], "large": GENES[:20], "all": GENES}


def test_sizes_stay_and_no_gene_stands_twice():
    drawn = random_sets(SETS, GENES, 0)
    assert list(drawn) == ["small (random)", "large (random)", "all (random)"]
    assert (
        [len(set(genes)) for genes in drawn.values()]
        == [len(genes) for genes in drawn.values()]
        == [3, 20, 30]
    )
    assert set(drawn["large (random)"]) < set(GENES) != set(drawn["large (random)"])
    assert drawn["small (random)"] != tuple(GENES[:3])


def test_the_seed_decides():
    assert random_sets(SETS, GENES, 4) == random_sets(SETS, GENES, 4) != random_sets(SETS, GENES, 5)


def test_all_genes_are_alike_likely():
    counts = dict.fromkeys(GENES, 0)
    for seed in range(600):
        for gene in random_sets({"small": GENES[:3]}, GENES, seed)["small (random)"]:
            counts[gene] += 1
    assert np.abs(np.array(list(counts.values())) - 60).max() < 30  # four standard deviations


def test_a_set_larger_than_the_pool_is_an_error():
    with pytest.raises(InputError, match="'large' has 20 genes, but only 5"):
        random_sets({"large": GENES[:20]}, GENES[:5], 0)
