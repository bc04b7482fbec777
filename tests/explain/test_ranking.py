"""Rankings: one row each, shared ranks, intervals, files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.study import study
from graphfuse.explain.ranking import _table, rank
from graphfuse.schema import RANKING_COLUMNS, Recipe

ITEMS = pd.DataFrame({"id": list("abcd"), "gene": list("ABCD"), "modality": "rna", "degree": [3, None, 1, 2]})


def test_ties_share_a_rank_and_every_item_has_one():
    scores = np.array([[3.0, 0, 0, 1], [2.0, 0, 0, 5]])
    table = _table("feature", ITEMS, scores, np.array([1, 0, 0, -1]))
    assert tuple(table.columns) == RANKING_COLUMNS
    assert table["id"].tolist() == ["d", "a", "b", "c"]
    assert table["rank"].tolist() == [1, 2, 3, 3]
    assert table["score"].tolist() == [3, 2.5, 0, 0]
    assert table["rank_mean"].tolist() == [1.5, 1.5, 3.5, 3.5]
    assert table["selected_frequency"].tolist() == [1, 1, 0, 0]


def test_intervals_hold_the_folds_ranks():
    rng = np.random.default_rng(0)
    table = _table("feature", ITEMS, rng.random((40, 4)), None)
    assert (table["rank_lo"] <= table["rank_mean"]).all() and (table["rank_mean"] <= table["rank_hi"]).all()
    assert table["rank_lo"].min() >= 1 and table["rank_hi"].max() <= 4


@pytest.fixture(scope="module")
def ranking(small, network):
    recipe = Recipe.model_validate(
        {
            "name": "quick",
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": 5, "seeds": 2},
        }
    )
    outcome = small.cohort.outcome()
    folds = repeated(small.cohort.patients, outcome.values, 3, 2, 0)
    found = study(small.cohort, outcome, recipe, network, folds, 0, "cpu")
    return rank(found.replicas, small.cohort, network, outcome.classes)


def test_every_measured_thing_is_there_once(small, network, ranking):
    features = {f for m in small.cohort.modalities.values() for f in m.feature_ids}
    assert set(ranking.nodes["id"]) == features and len(ranking.nodes) == len(features)
    assert set(ranking.genes["id"]) == {s for m in small.cohort.modalities.values() for s in m.symbols}
    assert len(ranking.edges) == network.edges
    assert set(ranking.modalities["id"]) == set(small.cohort.modalities)
    assert ranking.modalities["score"].sum() == pytest.approx(1)
    assert ranking.folds == 6
    assert set(ranking.nodes_by_class["class"]) == {"class0", "class1"}


def test_a_gene_is_the_sum_of_its_features(ranking):
    summed = ranking.nodes.groupby("gene")["score"].sum()
    np.testing.assert_allclose(summed.loc[ranking.genes["id"]], ranking.genes["score"], rtol=1e-6)
    degree = ranking.nodes.groupby("gene")["degree"].first()
    assert (degree.loc[ranking.genes["id"]].to_numpy() == ranking.genes["degree"].to_numpy()).all()


def test_top_limits_the_print_never_the_files(ranking, tmp_path):
    short = ranking.top(2)
    assert len(repr(short).splitlines()) == 4
    short.save(tmp_path)
    assert len(pd.read_csv(tmp_path / "nodes.csv")) == len(ranking.nodes)
    assert list(pd.read_csv(tmp_path / "pathways.csv").columns) == list(RANKING_COLUMNS)
    assert (tmp_path / "README.txt").read_text().startswith("Rankings")
    short.to_csv(tmp_path / "biomarkers.csv")
    assert (tmp_path / "biomarkers.csv").read_bytes() == (tmp_path / "nodes.csv").read_bytes()
