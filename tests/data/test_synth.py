"""Planted truth is there: what should separate does, what should be noise is."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as f_distribution

from graphfuse.data.synth import planted
from graphfuse.statistics.columns import anova_f


def f_of(made, name):
    modality = made.cohort.modalities[name]
    codes = made.cohort.outcome().values[modality.present]
    return pd.Series(
        anova_f(modality.table[modality.present].to_numpy(), codes), index=modality.feature_ids
    )


def null(made, name, level):
    """The F that a noise column exceeds with probability 1 - level."""
    count = made.cohort.modalities[name].present.sum()
    classes = len(made.cohort.outcome().classes)
    return f_distribution.ppf(level, classes - 1, count - classes)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_planted_columns_separate_and_the_others_do_not(classes):
    made = planted(400, {"rna": 200, "meth": 100}, classes=classes, carriers=8, effect=1.5, seed=3)
    for name, width in (("rna", 200), ("meth", 100)):
        f = f_of(made, name)
        carrying = [feature for feature in made.features if feature.startswith(f"{name}:")]
        assert len(carrying) == 8 and set(f.nlargest(8).index) == set(carrying)
        noise = f.drop(carrying)
        assert len(noise) == width - 8
        assert 0.01 < (noise > null(made, name, 0.95)).mean() < 0.12
        assert noise.max() < null(made, name, 1 - 1e-5)


def test_the_effect_is_the_distance_between_class_means():
    made = planted(20_000, {"rna": 6}, carriers=3, effect=1.2, seed=0)
    table, codes = made.cohort.modalities["rna"].table, made.cohort.outcome().values
    gap = (table[codes == 1].mean() - table[codes == 0].mean()).abs()
    chosen = [feature.partition(":")[2] for feature in made.features]
    np.testing.assert_allclose(gap[chosen], 1.2, atol=0.06)
    np.testing.assert_allclose(gap.drop(chosen), 0, atol=0.06)
    np.testing.assert_allclose(table[codes == 0].std(), 1, atol=0.03)


def test_a_modality_without_weight_is_noise():
    made = planted(400, {"rna": 100, "meth": 100}, carriers=8, weights={"meth": 0.0}, seed=1)
    assert all(feature.startswith("rna:") for feature in made.features) and len(made.features) == 8
    assert f_of(made, "meth").max() < null(made, "meth", 1 - 1e-5)
    assert f_of(made, "rna").max() > null(made, "rna", 1 - 1e-5)


def test_missing_unlabelled_and_sites():
    made = planted(
        2000, {"rna": 5, "meth": 5}, missing={"meth": 0.3}, unlabelled=0.2, batch_shift=2.0, seed=2
    )
    present = made.cohort.present
    assert present["rna"].all() and present["meth"].mean() == pytest.approx(0.7, abs=0.04)
    outcome = made.cohort.outcome()
    assert (~outcome.known).mean() == pytest.approx(0.2, abs=0.04) and outcome.classes == (
        "class0",
        "class1",
    )
    site, table = made.cohort.groups["site"], made.cohort.modalities["rna"].table
    noise = table[[c for c in table if f"rna:{c}" not in made.features] or list(table)]
    gap = noise[site == "site1"].mean() - noise[site == "site0"].mean()
    np.testing.assert_allclose(gap, 2.0, atol=0.2)
    flat = planted(2000, {"rna": 5}, seed=2)
    assert not made.cohort.present.equals(flat.cohort.present) and flat.cohort.outcome().known.all()


def test_classes_are_even():
    counts = np.bincount(planted(100, {"rna": 4}, classes=3).cohort.outcome().values)
    assert sorted(counts) == [33, 33, 34]


def test_the_planted_genes_are_a_connected_module():
    made = planted(50, {"rna": 80, "meth": 60}, carriers=12, seed=5)
    assert (
        set(made.genes) == {feature.partition(":")[2] for feature in made.features}
        and len(made.genes) == 12
    )
    rows = set(zip(made.network["source"], made.network["target"], strict=True))
    assert set(made.edges) == {(a, b) for a, b in rows if {a, b} <= set(made.genes)}
    assert len(rows) == len(made.network) and all(a < b for a, b in rows)
    reached, todo = set(), [made.genes[0]]
    while todo:
        gene = todo.pop()
        reached.add(gene)
        todo += [b for pair in made.edges if gene in pair for b in pair if b not in reached]
    assert reached == set(made.genes)
    degree = made.network[["source", "target"]].stack().value_counts()
    assert 3 < degree.reindex([f"G{i:04d}" for i in range(1, 81)]).fillna(0).mean() < 6


def test_off_the_network_no_edge_is_planted_on_purpose():
    counts = [
        len(planted(10, {"rna": 200}, carriers=10, on_network=False, seed=s).edges)
        for s in range(20)
    ]
    assert np.mean(counts) < 3 < len(planted(10, {"rna": 200}, carriers=10, seed=0).edges)


def test_a_seed_is_a_cohort():
    def digest(**given):
        made = planted(60, {"rna": 20}, **given)
        return made.cohort.digest(), made.features, made.network.to_csv()

    assert digest(seed=4) == digest(seed=4)
    assert digest(seed=4)[0] != digest(seed=5)[0]
    assert digest(seed=4)[0] != digest(seed=4, effect=1.3)[0]
