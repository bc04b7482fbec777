"""Groups of columns: those that correlate among training patients, whatever their modality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, average_precision_score

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.ranking_roles import RoleCounts
from graphfuse.data.synth_ranking import planted_ranking
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.group_scores import first_groups, ranked_groups, with_ablation
from graphfuse.explain.item_scores import ItemScores
from graphfuse.explain.joint_ablation import joint_ablation
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import FoldNet
from graphfuse.explain.rank_over_folds import rank
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.model import FusionModel
from graphfuse.schema import RANKING_COLUMNS, Recipe
from tests.benchmarks.rankings import KINDS, dealt, measured
from tests.benchmarks.rankings import fold_models as planted_models

PLAIN = Recipe.model_validate(
    {"name": "plain", "net": {"propagate": "none"}, "train": {"epochs": 0, "seeds": 1}}
)


def fold_models(cohort, recipe=PLAIN, folds=2):
    """A model for each fold, trained on the other folds' patients."""
    tests = np.array_split(np.random.default_rng(0).permutation(len(cohort)), folds)
    replicas = []
    for number, tested in enumerate(tests):
        tested = np.sort(tested)
        train = np.setdiff1d(np.arange(len(cohort)), tested)
        model = FusionModel(recipe, device="cpu").fit(cohort.take(train))
        replicas.append(Replica(0, number, tested, train, model))
    return replicas


def modalities_of(made):
    return list(made.cohort.modalities.values())


@pytest.fixture(scope="module")
def made():
    counts = RoleCounts(singles=1, blocks=1, null_blocks=1, suppressors=0)
    shares, missing = {"rna": 0.6, "meth": 0.4}, {"meth": 0.2}
    return planted_ranking(300, shares, columns=80, counts=counts, missing=missing, seed=2)


@pytest.fixture(scope="module")
def replicas(made):
    return fold_models(made.cohort)


@pytest.fixture(scope="module")
def ranking(made, replicas):
    return rank(replicas, made.cohort, None)


# ------------------------------------------------------------------------------------ clustering


def test_planted_blocks_are_groups(made):
    groups = ColumnGroups.of(modalities_of(made), np.arange(len(made.cohort)))
    of_columns = pd.Series(groups.of_columns, made.effects.index)
    truth = pd.Series(of_columns.index, of_columns.index)
    for block in made.groups:
        truth[list(block)] = block[0]
    assert adjusted_rand_score(truth, of_columns) == 1
    for block in made.groups:
        name = of_columns[block[0]]
        centre, _, others = name.rpartition(" +")
        assert centre in block and others == "19"
    noise = made.roles.index[made.roles == "noise"]
    assert (of_columns[noise] == noise).all()


def test_labels_and_patients_who_were_never_trained_on_do_not_matter(made):
    rows = np.arange(0, len(made.cohort), 2)
    expected = ColumnGroups.of(modalities_of(made), rows).of_columns
    tables = {}
    for modality in modalities_of(made):
        table = modality.table.copy()
        table.iloc[1::2] = np.random.default_rng(0).normal(size=table.iloc[1::2].shape)
        tables[modality.name] = table
    labels = pd.Series(np.tile(["a", "b"], 150), made.cohort.patients, name="subtype")
    other = Cohort.from_frames(tables, labels)
    found = ColumnGroups.of(list(other.modalities.values()), rows).of_columns
    assert (found == expected).all()


def test_groups_do_not_depend_on_the_order_of_modalities(made):
    rows = np.arange(len(made.cohort))
    named = []
    for modalities in (modalities_of(made), modalities_of(made)[::-1]):
        features = [feature for each in modalities for feature in each.feature_ids]
        groups = ColumnGroups.of(modalities, rows)
        named.append(pd.Series(groups.of_columns, features).sort_index())
    pd.testing.assert_series_equal(*named)


def test_in_records_numbers_ranks_and_dates_are_grouped_and_categories_are_not():
    rng = np.random.default_rng(0)
    severity = rng.integers(0, 3, 200)
    words = np.array(["low", "medium", "high"])[severity]
    records = pd.DataFrame(
        {
            "score": severity + 0.1 * rng.normal(size=200),
            "grade": words,
            "same word": words,
            "age": np.where(rng.random(200) < 0.1, np.nan, rng.normal(60, 9, 200)),
        },
        index=[f"P{number:03d}" for number in range(200)],
    )
    types = {"grade": "ordinal", "same word": "categorical"}
    levels = {"grade": ("low", "medium", "high")}
    modality = Modality("ehr", records, kind="ehr", types=types, levels=levels)
    groups = ColumnGroups.of([modality], np.arange(200))
    assert groups.group.tolist() == [0, 0, 1, 2]
    assert groups.names.tolist()[1:] == ["ehr:same word", "ehr:age"]


# ---------------------------------------------------------------------------------------- scores


def test_every_column_is_in_one_group_and_every_group_is_ranked(made, ranking):
    nodes, groups = ranking.nodes.set_index("id"), ranking.groups.set_index("id")
    assert set(nodes["group"]) == set(groups.index) and groups.index.is_unique
    sizes = nodes["group"].value_counts()
    assert (sizes[groups.index] == groups["size"]).all()
    assert list(ranking.groups.columns)[: len(RANKING_COLUMNS)] == list(RANKING_COLUMNS)
    assert (groups["kind"] == "group").all()
    for name, row in groups.iterrows():
        members = nodes[nodes["group"] == name]["score"]
        assert row["members"].split("; ") == list(members.index)  # from the highest score down
        assert row["best"] == members.index[0] and row["gene"] == nodes["gene"][row["best"]]
    alone = groups[groups["size"] == 1]
    np.testing.assert_allclose(alone["score"], nodes["score"][alone.index], rtol=1e-6)


def test_blocks_with_an_effect_stand_before_those_without(made, ranking):
    groups = ranking.groups.set_index("id")
    causal = set(made.causal)
    is_causal = [bool(causal & set(members.split("; "))) for members in groups["members"]]
    assert sum(is_causal) == 4
    assert average_precision_score(is_causal, groups["score"]) >= 0.9
    measured = groups["ablation"].notna()
    of_measured = np.array(is_causal)[measured]
    assert average_precision_score(of_measured, groups["ablation"][measured]) >= 0.9
    of_columns = ranking.nodes.set_index("id")["group"]
    for block in made.causal_groups:
        assert groups["rank"][of_columns[block[0]]] <= 4  # two blocks, two singles
    null = [group[0] for group in made.groups if group not in made.causal_groups]
    of_null = ranking.nodes.set_index("id")["group"][null]
    assert groups["rank"][of_null].min() > 4


def test_another_method_ranks_the_same_groups(made, replicas, ranking):
    """Of a linear model, occlusion attributes what integrated gradients do."""
    method = ranking_method(f"{Path(__file__).parent / 'occlusion.py'}:Occlusion")
    other = rank(replicas, made.cohort, None, method=method).groups.set_index("id")
    expected = ranking.groups.set_index("id").loc[other.index]
    np.testing.assert_allclose(other["score"], expected["score"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other["ablation"].dropna(), expected["ablation"].dropna(), rtol=1e-9)
    assert (other["size"] == expected["size"]).all()


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["blocks", "one member"])
def test_planted_blocks_with_an_effect_come_first(kind):
    precision = []
    for seed in range(10):
        made = planted_ranking(300, counts=KINDS[kind], seed=100 + seed)
        network = GeneNetwork.from_frame(made.network)
        folds = dealt(made, (5, 1))
        models = planted_models(made, folds, Recipe.named("multiplex"), network)
        found = measured(made, rank(models, made.cohort, network), folds)
        precision.append(found["groups"])
    assert np.mean(precision) >= 0.9


def test_a_group_adds_up_what_its_members_say_with_their_signs():
    groups = ColumnGroups(np.array([0, 1, 0]), pd.Index(["m:A +1", "m:B"], dtype=object))
    features = pd.DataFrame({"id": ["m:A", "m:B", "n:C"], "gene": ["A", None, "C"]})
    features["modality"] = ["m", "m", "n"]
    scores = ItemScores(np.array([[1.0, 3.0], [2.0, 3.0]]), np.ones((2, 2, 2)))
    table = ranked_groups(groups, features, scores, np.array([0.5, 3.0, 2.0]))
    assert table["id"].tolist() == ["m:B", "m:A +1"] and table["score"].tolist() == [3.0, 1.5]
    assert table["members"].tolist() == ["m:B", "n:C; m:A"]
    assert table["best"].tolist() == ["m:B", "n:C"] and table["size"].tolist() == [1, 2]
    assert table["modality"].tolist() == ["m", "m+n"] and table["gene"][1] == "C"
    assert first_groups(table, 1).tolist() == ["m:B"]
    measured = with_ablation(table, pd.Series(["m:B", "m:A +1"]), np.array([1.0, 2.0]))
    assert measured["ablation"].tolist() == [1, 2] and measured["ablation_rank"].tolist() == [2, 1]
    assert measured["id"].tolist() == ["m:B", "m:A +1"]


# -------------------------------------------------------------------------------------- ablation


def test_the_ablation_of_a_linear_model_is_its_attribution(made, replicas):
    """Without a net, a group adds to the logit what integrated gradients attribute to it."""
    groups = ColumnGroups.of(modalities_of(made), np.arange(len(made.cohort)))
    group_of = pd.Series(groups.of_columns, made.effects.index)
    chosen = [group_of[made.causal_groups[0][0]], group_of[made.causal_groups[1][0]]]
    found = joint_ablation(replicas, made.cohort, group_of, chosen)
    method, sizes = ranking_method("integrated-gradients"), []
    for replica in replicas:
        net = FoldNet(replica.model.fitted_, 0, made.cohort.take(replica.tested))
        attributed, by_group = method.attribute(net).columns, dict.fromkeys(chosen, 0.0)
        for name, values in attributed.items():  # [K, n, F]
            pipeline = replica.model.fitted_.preparation.pipelines[name]
            of_columns = group_of[[f"{name}:{column}" for column in pipeline.columns]].to_numpy()
            for group in chosen:
                is_member = of_columns[pipeline.owners] == group
                by_group[group] = by_group[group] + values[:, :, is_member].sum(axis=2)
        sizes.append([np.abs(by_group[group]).ravel() for group in chosen])
    expected = np.concatenate(sizes, axis=1).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_repeats_average_with_their_signs(made, replicas):
    group_of = pd.Series(made.effects.index, made.effects.index)
    chosen = [made.causal[0], made.causal[-1]]
    once = joint_ablation(replicas, made.cohort, group_of, chosen)
    twice = joint_ablation([*replicas, *replicas], made.cohort, group_of, chosen)
    np.testing.assert_allclose(twice, once, rtol=1e-9)


def test_an_absent_modality_changes_nothing(made, replicas):
    group_of = pd.Series(made.effects.index, made.effects.index)
    name = next(column for column in made.causal if column.startswith("meth:"))
    lacks = ~made.cohort.present["meth"].to_numpy()
    without = []
    for replica in replicas:
        absent = replica.tested[lacks[replica.tested]]
        without.append(Replica(0, replica.fold, absent, replica.train, replica.model))
    assert joint_ablation(without, made.cohort, group_of, [name]) == pytest.approx([0.0], abs=1e-12)
    assert joint_ablation(replicas, made.cohort, group_of, [name])[0] > 0
