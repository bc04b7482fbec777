"""Links between a gene's own nodes, ranked from attributions of folds that are known."""

from __future__ import annotations

import pandas as pd

from graphfuse.explain.ranked_edges_and_sets import links, pathways

NAMES = ["source", "target", "relation"]


def attributions(**by_gene: list[float]) -> pd.DataFrame:
    """Those of a fold's links from a gene's methylation to its expression, in two directions."""
    places = [(f"{gene}@meth", f"{gene}@rna", "methylation") for gene in by_gene]
    return pd.DataFrame(by_gene.values(), pd.MultiIndex.from_tuples(places, names=NAMES))


def test_signs_cancel_over_folds_and_what_a_fold_lacks_is_0():
    first = attributions(A=[2.0, -2.0], B=[3.0, -3.0])
    second = attributions(A=[2.0, -2.0], B=[-3.0, 3.0], C=[1.0, -1.0])
    table = links([first, second]).set_index("id")
    assert table.index.tolist()[:2] == ["A@meth|methylation", "C@meth|methylation"]
    assert table["score"].tolist()[2] == 0
    assert table.loc["A@meth|methylation", "score"] == 4 * table.loc["C@meth|methylation", "score"]


def test_without_links_or_gene_sets_the_tables_are_empty():
    assert links([]).empty and pathways([]).empty
