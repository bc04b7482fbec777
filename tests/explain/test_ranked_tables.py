"""Ranked tables: one row each, shared ranks, intervals, and what a method leaves unsaid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.explain.ranked_tables import edges, genes, nodes, pathways, ranked_table
from graphfuse.schema import RANKING_COLUMNS

ITEMS = pd.DataFrame(
    {"id": list("abcd"), "gene": list("ABCD"), "modality": "rna", "degree": [3, None, 1, 2]}
)


def test_ties_share_a_rank_and_every_item_has_one():
    scores = np.array([[3.0, 0, 0, 1], [2.0, 0, 0, 5]])
    table = ranked_table("feature", ITEMS, scores, np.array([1, 0, 0, -1]))
    assert tuple(table.columns) == RANKING_COLUMNS
    assert table["id"].tolist() == ["d", "a", "b", "c"]
    assert table["rank"].tolist() == [1, 2, 3, 3]
    assert table["score"].tolist() == [3, 2.5, 0, 0]
    assert table["rank_mean"].tolist() == [1.5, 1.5, 3.5, 3.5]
    assert table["selected_frequency"].tolist() == [0.5, 0.5, 0, 0], "one of four is first"


def test_noise_is_rarely_among_the_first_of_all_folds():
    items = pd.DataFrame({"id": [f"g{i:03d}" for i in range(200)], "modality": "rna"})
    scores = np.random.default_rng(0).random((5, 200))
    table = ranked_table("feature", items, scores, None)
    assert table["selected_frequency"].mean() == pytest.approx(10 / 200), "the first twentieth"
    assert (table["selected_frequency"] == 1).sum() == 0


def test_intervals_hold_the_folds_ranks():
    rng = np.random.default_rng(0)
    table = ranked_table("feature", ITEMS, rng.random((40, 4)), None)
    assert (table["rank_lo"] <= table["rank_mean"]).all() and (
        table["rank_mean"] <= table["rank_hi"]
    ).all()
    assert table["rank_lo"].min() >= 1 and table["rank_hi"].max() <= 4


def test_without_gradients_there_are_no_signs_and_the_same_scores():
    attribution = np.array([[[1.0, -2.0, 0.0, 0.5], [-1.0, 2.0, 0.0, -0.5]]])  # [1, 2, 4]
    for table in (nodes, genes):
        silent = table(ITEMS, attribution, None)
        signed = table(ITEMS, attribution, -np.sign(attribution))
        assert silent["sign"].isna().all()
        assert signed.set_index("id")["sign"].to_dict() != {}
        pd.testing.assert_frame_equal(silent.drop(columns="sign"), signed.drop(columns="sign"))
    by_name = nodes(ITEMS, attribution, -np.sign(attribution), 1).set_index("id")["sign"]
    assert by_name.to_dict() == {"a": 1, "b": -1, "c": 0, "d": 1}  # of the second


def test_a_sign_is_of_the_direction_asked_for_or_of_where_the_item_matters_most():
    attribution = np.array([[[1.0, -2.0, 0.0, 0.5], [3.0, 1.0, 0.0, 0.1]]])  # [1, 2, 4]
    gradient = np.array([[[1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, -1.0]]])
    signs = {
        of: nodes(ITEMS, attribution, gradient, of).set_index("id")["sign"].to_dict()
        for of in (None, 0, 1)
    }
    assert signs[0] == {"a": 1, "b": -1, "c": 1, "d": 1}
    assert signs[1] == {"a": -1, "b": 1, "c": -1, "d": -1}
    assert signs[None] == {"a": -1, "b": -1, "c": 1, "d": 1}
    alone = nodes(ITEMS, attribution[:, [1]], gradient[:, [1]]).set_index("id")["sign"]
    assert alone.to_dict() == signs[1]


def test_a_sign_that_is_rounding_alone_is_none():
    attribution = np.array([[[0.3, 0.2, 0.1]]])
    gradient = np.array([[[0.1, -1e-18, -1e-6]]])
    features = pd.DataFrame(
        {"id": ["m:A", "m:B", "m:C"], "gene": None, "modality": "m", "degree": None}
    )
    signs = nodes(features, attribution, gradient).set_index("id")["sign"]
    assert signs.to_dict() == {"m:A": 1, "m:B": 0, "m:C": -1}


def test_sets_without_gradients_have_no_signs():
    columns = pd.MultiIndex.from_product([["attribution"], range(2)])
    fold = pd.DataFrame([[1.0, -1.0], [3.0, -3.0]], ["small", "large"], columns)
    table = pathways([fold])
    assert table["id"].tolist() == ["large", "small"]
    np.testing.assert_allclose(table["score"], [3, 1], rtol=1e-8)
    assert table["sign"].isna().all()


def test_edges_of_which_nothing_is_said_are_no_rows(network):
    table = edges(network, None, "rna")
    assert table.empty and tuple(table.columns) == RANKING_COLUMNS
