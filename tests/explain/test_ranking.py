"""Rankings: one row each, shared ranks, intervals, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.synth import planted
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import RANKING_COLUMNS, Recipe


def fold_models(cohort, recipe, folds, network=None):
    """The models of so many folds, without any baseline."""
    outcome, found = cohort.outcome(), []
    table = repeated(cohort.patients, outcome.values, folds, 1, 0)
    for _, fold, tested, train in splits(table, outcome.known):
        model = FusionModel(recipe, device="cpu", network=network).fit(cohort.take(train))
        found.append(Replica(0, fold, tested, train, model))
    return found


@pytest.fixture(scope="module")
def ranking(small, network):
    recipe = Recipe.model_validate(
        {
            "name": "quick",
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": 5, "seeds": 2},
        }
    )
    return rank(fold_models(small.cohort, recipe, 3, network), small.cohort, network)


def test_every_measured_thing_is_there_once(small, network, ranking):
    features = {f for m in small.cohort.modalities.values() for f in m.feature_ids}
    assert set(ranking.nodes["id"]) == features and len(ranking.nodes) == len(features)
    assert set(ranking.genes["id"]) == {
        s for m in small.cohort.modalities.values() for s in m.symbols
    }
    assert len(ranking.edges) == network.edges
    assert set(ranking.modalities["id"]) == set(small.cohort.modalities)
    assert ranking.modalities["score"].sum() == pytest.approx(1)
    assert ranking.folds == 3
    assert set(ranking.nodes_by_class["class"]) == {"class0", "class1"}


def test_a_gene_has_the_degree_of_its_features(ranking):
    degree = ranking.nodes.groupby("gene")["degree"].first()
    assert (degree.loc[ranking.genes["id"]].to_numpy() == ranking.genes["degree"].to_numpy()).all()


def test_top_limits_the_print_never_the_files(ranking, tmp_path):
    short = ranking.top(2)
    assert len(repr(short).splitlines()) == 4
    short.save(tmp_path)
    assert len(pd.read_csv(tmp_path / "nodes.csv")) == len(ranking.nodes)
    assert list(pd.read_csv(tmp_path / "pathways.csv").columns) == list(RANKING_COLUMNS)
    said = (tmp_path / "README.txt").read_text()
    assert (
        said.startswith("Rankings")
        and "pathways.csv          empty: the recipe has no [pathways]\n" in said
    )
    plain = " ".join(said.split())
    for words in (
        "fold models together, and may lie outside of these percentiles",
        "of the Kruskal-Wallis test of all classes; in nodes_by_class.csv of the rank test of that",
        "the strongest of several classes, levels of a category or columns of a gene, wide enough",
        "marginal_column in genes.csv: the column that marginal, effect, difference and p are of",
        "integrated-gradients, gradient-x-input and occlusion score columns alike",
    ):
        assert words in plain
    genes = pd.read_csv(tmp_path / "genes.csv")
    beside = ["marginal", "marginal_class", "effect"]
    of_column = ranking.nodes.set_index("id").loc[genes["marginal_column"], beside]
    pd.testing.assert_frame_equal(genes[beside], of_column.reset_index(drop=True))
    short.to_csv(tmp_path / "biomarkers.csv")
    assert (tmp_path / "biomarkers.csv").read_bytes() == (tmp_path / "nodes.csv").read_bytes()
    short.to_parquet(tmp_path / "biomarkers.parquet")
    for name in ("nodes", "edges", "genes", "modalities", "nodes_by_class"):
        kept = pd.read_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_series_equal(kept["score"], getattr(ranking, name)["score"])
        assert list(kept) == list(getattr(ranking, name))
    assert pd.read_parquet(tmp_path / "biomarkers.parquet")["p"].equals(ranking.nodes["p"])


# ---------------------------------------------------------------------------------------- gene sets


def ranked_sets(folder, made, least=3, **sections):
    """The ranking of two folds' models with tokens of five sets, of which one holds the planted
    genes."""
    others = [g for g in made.cohort.modalities["rna"].table.columns if g not in made.genes]
    sets = {"planted": made.genes} | {f"noise {i}": others[5 * i : 5 * i + 5] for i in range(4)}
    (folder / "sets.gmt").write_text(
        "".join("\t".join([name, "", *genes]) + "\n" for name, genes in sets.items())
    )
    given = {
        "name": "tokens",
        "pathways": {"sets": str(folder / "sets.gmt"), "least": least},
        "net": {"propagate": "none", "fuse": "attention_pool", "width": 8, "start": "none"},
        "train": {"epochs": 15, "seeds": 1, "learning_rate": 4e-2},
    }
    recipe = Recipe.model_validate(given | sections)
    cohort, outcome, names = made.cohort, made.cohort.outcome(), tuple(made.cohort.modalities)
    tests = np.array_split(np.arange(len(cohort)), 2)
    kept = [np.setdiff1d(np.arange(len(cohort)), tested) for tested in tests]
    folds = [
        PreparedFold.fit(cohort.take(rows), outcome.take(rows), recipe, None, 0) for rows in kept
    ]
    replicas = [
        Replica(
            0,
            k,
            tests[k],
            kept[k],
            FusionModel(recipe, device="cpu").adopt(found.fitted(fold, names), recipe, outcome),
        )
        for k, (fold, found) in enumerate(
            zip(folds, train_folds(folds, names, recipe, 0, "cpu"), strict=True)
        )
    ]
    return rank(replicas, cohort, None)


@pytest.fixture(scope="module")
def made():
    return planted(
        150, {"rna": 40, "meth": 24}, carriers=5, effect=2.0, missing={"meth": 0.3}, seed=3
    )


def test_a_planted_gene_set_ranks_first(tmp_path, made):
    ranking = ranked_sets(tmp_path, made)
    table = ranking.pathways
    assert tuple(table.columns) == RANKING_COLUMNS and set(table["kind"]) == {"pathway"}
    assert sorted(table["id"]) == ["noise 0", "noise 1", "noise 2", "noise 3", "planted"]
    first, second = table.iloc[0], table.iloc[1]
    assert first["id"] == "planted" and first["rank"] == first["rank_lo"] == first["rank_hi"] == 1
    assert first["score"] > 2 * second["score"] > 0
    genes = ranking.nodes[ranking.nodes["gene"].isin(made.genes)]
    assert first["sign"] == np.sign(
        (genes["sign"] * genes["score"]).sum()
    )  # planted genes speak for one class or the other
    ranking.save(tmp_path / "rankings")
    assert (
        "pathways.csv          gene sets of [pathways], by what their tokens"
        in (tmp_path / "rankings/README.txt").read_text()
    )
    assert pd.read_csv(tmp_path / "rankings/pathways.csv")["id"].tolist() == table["id"].tolist()


def test_sets_whose_tokens_add_nothing_share_a_rank_and_it_says_why(tmp_path, made):
    still = {
        "net": {"propagate": "none", "fuse": "attention_pool", "width": 8},
        "train": {"epochs": 0, "seeds": 1},
    }
    ranking = ranked_sets(tmp_path, made, **still)
    assert (
        len(ranking.pathways) == 5
        and (ranking.pathways["score"] == 0).all()
        and (ranking.pathways["rank"] == 1).all()
    )
    assert ranking.about["pathways"].endswith(
        "; all 0 in 2 of 2 models, for which 0 epochs were chosen"
    )


def test_where_no_set_has_enough_genes_it_says_so(tmp_path, made):
    ranking = ranked_sets(tmp_path, made, least=9)
    assert ranking.pathways.empty and tuple(ranking.pathways.columns) == RANKING_COLUMNS
    assert (
        ranking.about["pathways"]
        == "empty: no gene set of the recipe's [pathways] has enough measured genes"
    )


def test_a_ranking_does_not_depend_on_the_order_of_modalities(small):
    cohort = small.cohort
    names = list(cohort.modalities)
    other = replace(cohort, modalities={m: cohort.modalities[m] for m in reversed(names)})
    recipe = Recipe.model_validate(
        {"name": "r", "net": {"width": 4}, "train": {"epochs": 3, "stop": "last", "seeds": 1}}
    )
    found = []
    for given in (cohort, other):
        found.append(rank(fold_models(given, recipe, 2), given, None))
    for name in ("nodes", "genes", "groups", "modalities", "nodes_by_class"):
        tables = [getattr(each, name).drop(columns="rank") for each in found]
        key = [c for c in ("id", "class") if c in tables[0]]
        first, second = (t.sort_values(key, ignore_index=True) for t in tables)
        pd.testing.assert_frame_equal(first, second, rtol=1e-9)
    best = found[0].nodes["id"][:5].tolist()
    assert set(best) <= set(small.features)


def test_units_of_noise_leave_the_order_within_a_modality(ranking):
    """They are one factor for all columns of a modality, and so cancel in ratios of scores."""
    nodes = ranking.nodes.set_index("id")
    of_genes = ranking.genes.set_index("id")["score"]
    alone = nodes[nodes.groupby("gene")["score"].transform("size") == 1]
    ratio = of_genes.loc[alone["gene"]].to_numpy() / alone["score"].to_numpy()
    np.testing.assert_allclose(ratio, 1, rtol=1e-6)
