"""Over-representation: known answers, what degree-matching is for, and no false claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from graphfuse.errors import InputError
from graphfuse.explain.biology.over_representation import ENRICHMENT_COLUMNS, over_representation
from graphfuse.explain.biology.ranked_genes import RankedGenes


def genes(count, degree=None, order=None):
    """G0, G1, … of which the first comes first, or in another `order`."""
    rank = np.arange(1, count + 1) if order is None else np.argsort(order) + 1
    table = pd.DataFrame({"id": [f"G{i}" for i in range(count)], "rank": rank, "score": 1.0})
    return table.assign(modality="rna", degree=pd.NA if degree is None else degree)


def named(places):
    return [f"G{place}" for place in places]


def test_p_is_that_of_the_one_sided_exact_test_of_fisher():
    ranked = RankedGenes.of(genes(1000), first=50)
    sets = {"a": named([*range(8), *range(100, 132)]), "b": named(range(300, 360))}
    found = over_representation(ranked, sets).set_index("gene_set")
    for name, inside in (("a", 8), ("b", 0)):
        size = len(sets[name])
        counts = [[inside, 50 - inside], [size - inside, 1000 - 50 - size + inside]]
        expected = fisher_exact(counts, alternative="greater").pvalue
        assert found.loc[name, "p"] == pytest.approx(expected, rel=1e-9)
    assert found.loc["a", "expected"] == 2 and found.loc["a", "fold_enrichment"] == 4
    assert found.loc["b", "p"] == 1 and found.loc["b", "genes"] == ""


def test_a_textbook_number():
    """All 20 first of 10,000 genes in a set of 500: the product of (500 - i) / (10000 - i)."""
    ranked = RankedGenes.of(genes(10_000), first=20, draws=10)
    found = over_representation(ranked, {"s": named(range(500))})
    steps = np.arange(20)
    expected = np.exp(np.sum(np.log((500 - steps) / (10_000 - steps))))
    assert found.loc[0, "p"] == pytest.approx(expected, rel=1e-9)


def test_the_background_are_the_measured_genes():
    ranked = RankedGenes.of(genes(100), first=10)
    whole = {"s": named(range(8))}
    more = {"s": [*whole["s"], *(f"unmeasured {i}" for i in range(900))]}
    one, other = over_representation(ranked, whole), over_representation(ranked, more)
    pd.testing.assert_frame_equal(one, other)
    assert one.loc[0, "size"] == 8 and one.loc[0, "background"] == 100


def test_columns_order_and_what_is_named():
    ranked = RankedGenes.of(genes(200, order=np.arange(200)[::-1]), first=10)
    sets = {"last": named(range(195, 200)), "first": named(range(5)), "small": named(range(4))}
    found = over_representation(ranked, sets)
    assert tuple(found.columns) == ENRICHMENT_COLUMNS
    assert found["gene_set"].tolist() == ["last", "first"], "sets of four genes are not tested"
    assert found["rank"].tolist() == [1, 2]
    assert found.loc[0, "genes"] == "G199;G198;G197;G196;G195", "the strongest first"
    assert found["rank_auroc"].tolist() == [1, 0]


def test_q_is_benjamini_hochberg_over_the_tested_sets():
    ranked = RankedGenes.of(genes(1000), first=50)
    rng = np.random.default_rng(0)
    sets = {f"s{i}": named(rng.choice(1000, 30, replace=False)) for i in range(20)}
    found = over_representation(ranked, sets)
    p = found["p"].to_numpy()  # sorted
    steps = p * 20 / np.arange(1, 21)
    expected = np.minimum.accumulate(steps[::-1])[::-1]
    assert found["q"].to_numpy() == pytest.approx(np.minimum(expected, 1))


def test_sets_of_genes_that_are_measured_nowhere_are_refused_with_a_cure():
    ranked = RankedGenes.of(genes(20), first=2)
    with pytest.raises(InputError, match=r"\(Esr1\) is among the 20 measured; are both written"):
        over_representation(ranked, {"mouse": ["Esr1", "Erbb2"]})


def test_hubs_are_over_represented_by_chance_and_matching_shows_it():
    """First genes drawn among hubs: a set of other hubs has a small p, but not among lists that
    are matched on degree. A set that truly holds the first genes is small in both."""
    rng = np.random.default_rng(1)
    degree = np.repeat([200, 3], [200, 1800])
    hubs = rng.permutation(200)
    order = np.concatenate([hubs[:60], rng.permutation(np.arange(200, 2000)), hubs[60:]])
    ranked = RankedGenes.of(genes(2000, degree, order), first=60)
    sets = {"hubs": named(rng.choice(200, 100, replace=False)), "true": named(hubs[:30])}
    found = over_representation(ranked, sets).set_index("gene_set")
    assert found.loc["hubs", "p"] < 1e-10 and found.loc["hubs", "p_matched"] > 0.05
    assert found.loc["true", "p"] < 1e-10 and found.loc["true", "p_matched"] < 0.002


def test_random_lists_make_few_claims():
    """Over 100 random rankings and 50 random sets: any q < .1 in about one of ten at most."""
    rng = np.random.default_rng(2)
    sets = {f"s{i}": named(rng.choice(500, 25, replace=False)) for i in range(50)}
    claims, matched = 0, []
    for _ in range(100):
        ranked = RankedGenes.of(genes(500, order=rng.permutation(500)), first=25, draws=99)
        found = over_representation(ranked, sets)
        claims += (found["q"] < 0.1).any()
        matched.append((found["p_matched"] <= 0.05).mean())
    assert claims <= 16
    assert np.mean(matched) < 0.06
