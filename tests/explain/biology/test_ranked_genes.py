"""The first genes of a ranking, and random lists that are like them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.explain.biology.ranked_genes import RankedGenes, matched_lists, strata


def ranking(scores, **columns):
    """A table of genes G0, G1, … ranked by these scores."""
    table = pd.DataFrame({"id": [f"G{i}" for i in range(len(scores))], "score": scores})
    table["rank"] = (-table["score"]).rank(method="min").astype(int)
    return table.assign(**{"modality": "rna", "degree": pd.NA} | columns)


def test_the_first_genes_score_and_ties_at_the_end_are_all_among_them():
    genes = RankedGenes.of(ranking([5, 4, 3, 3, 0, 0]), first=3)
    assert genes.first.tolist() == [True, True, True, True, False, False]
    assert genes.count == 4 and genes.rank.tolist() == [1, 2, 3.5, 3.5, 5.5, 5.5]
    assert RankedGenes.of(ranking([0, 0, 0]), first=2).count == 0, "what scores 0 is not first"


def test_by_default_a_twentieth_is_first_and_a_hundred_at_most():
    assert RankedGenes.of(ranking(np.arange(400.0))).count == 20
    assert RankedGenes.of(ranking(np.arange(3000.0)), draws=2).count == 100


def test_strata_keep_apart_modalities_degrees_and_genes_outside_the_network():
    degree = pd.array([pd.NA] * 100 + list(range(1, 301)), dtype="Int64")
    table = ranking(np.ones(400), degree=degree)
    table.loc[350:, "modality"] = "rna+meth"
    stratum = strata(table)
    assert len(set(stratum[:100])) == 1, "outside the network"
    for code in np.unique(stratum):
        own = table[stratum == code]
        assert own["modality"].nunique() == 1 and own["degree"].isna().nunique() == 1
    inside = table[(table["modality"] == "rna") & table["degree"].notna()]
    by_stratum = inside.groupby(stratum[inside.index])["degree"]
    assert len(by_stratum) == 2, "250 genes make two strata of at least a hundred"
    assert by_stratum.max().iloc[0] < by_stratum.min().iloc[1]


def test_random_lists_have_as_many_genes_of_each_stratum_and_draw_them_alike():
    stratum = np.repeat([0, 1, 2], [20, 50, 30])
    first = np.zeros(100, bool)
    first[[0, 1, 2, 25]] = True
    lists = matched_lists(first, stratum, 4000, np.random.default_rng(0)).toarray()
    assert set(np.unique(lists)) == {0, 1}
    for code, wanted in ((0, 3), (1, 1), (2, 0)):
        assert (lists[:, stratum == code].sum(1) == wanted).all()
    assert lists[:, :20].mean(0) == pytest.approx(np.full(20, 3 / 20), abs=0.03)
    assert lists[:, 20:70].mean(0) == pytest.approx(np.full(50, 1 / 50), abs=0.01)


def test_the_same_ranking_has_the_same_random_lists():
    table = ranking(np.arange(60.0))
    one, other = (RankedGenes.of(table).matched.toarray() for _ in range(2))
    assert (one == other).all()


def test_an_empirical_p_value_is_never_zero():
    genes = RankedGenes.of(ranking([2, 1]), first=1)
    assert genes.tail(9.0, np.zeros(99)) == 0.01
    assert genes.tail(0.0, np.zeros(99)) == 1.0
