"""Ranked tables: one row each, shared ranks, intervals, and what a method leaves unsaid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.explain.ranked_edges_and_sets import edges, pathways
from graphfuse.explain.ranked_tables import ranked_table, shown_directions, signs
from graphfuse.schema import RANKING_COLUMNS

ITEMS = pd.DataFrame(
    {"id": list("abcd"), "gene": list("ABCD"), "modality": "rna", "degree": [3, None, 1, 2]}
)


def test_ties_share_a_rank_and_every_item_has_one():
    scores = np.array([[3.0, 0, 0, 1], [2.0, 0, 0, 5]])
    table = ranked_table("feature", ITEMS, scores.mean(0), scores, np.array([1, 0, 0, -1]))
    assert tuple(table.columns) == RANKING_COLUMNS
    assert table["id"].tolist() == ["d", "a", "b", "c"]
    assert table["rank"].tolist() == [1, 2, 3, 3]
    assert table["score"].tolist() == pytest.approx([3, 2.5, 0, 0])
    assert table["rank_mean"].tolist() == [1.5, 1.5, 3.5, 3.5]
    assert table["selected_frequency"].tolist() == [0.5, 0.5, 0, 0], "one of four is first"


def test_noise_is_rarely_among_the_first_of_all_folds():
    items = pd.DataFrame({"id": [f"g{i:03d}" for i in range(200)], "modality": "rna"})
    scores = np.random.default_rng(0).random((5, 200))
    table = ranked_table("feature", items, scores.mean(0), scores, None)
    assert table["selected_frequency"].mean() == pytest.approx(10 / 200), "the first twentieth"
    assert (table["selected_frequency"] == 1).sum() == 0


def test_intervals_hold_the_folds_ranks():
    rng = np.random.default_rng(0)
    scores = rng.random((40, 4))
    table = ranked_table("feature", ITEMS, scores.mean(0), scores, None)
    assert (table["rank_lo"] <= table["rank_mean"]).all() and (
        table["rank_mean"] <= table["rank_hi"]
    ).all()
    assert table["rank_lo"].min() >= 1 and table["rank_hi"].max() <= 4


def test_the_rank_is_that_of_the_score_and_not_of_the_folds():
    scores = np.array([[3.0, 1, 2, 0], [3.0, 2, 1, 0]])
    table = ranked_table("feature", ITEMS, np.array([0.0, 1, 2, 3]), scores, None)
    assert table["id"].tolist() == ["d", "c", "b", "a"]
    assert table["rank_mean"].tolist() == [4, 2.5, 2.5, 1]


def test_a_sign_is_of_the_direction_asked_for_or_of_where_the_item_matters_most():
    size = np.array([[1.0, 2.0, 0.0, 0.5], [3.0, 1.0, 0.0, 0.1]])  # [2, 4]
    slope = np.array([[1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, -1.0]])
    shown = {of: signs(slope, shown_directions(size, of)).tolist() for of in (None, 0, 1)}
    assert shown == {0: [1, -1, 1, 1], 1: [-1, 1, -1, -1], None: [-1, -1, 1, 1]}


def test_a_sign_that_is_rounding_alone_is_none():
    slope = np.array([[0.1, -1e-18, -1e-6]])
    assert signs(slope, np.zeros(3, int)).tolist() == [1, 0, -1]


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
