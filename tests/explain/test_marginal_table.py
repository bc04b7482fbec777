"""How columns go with the outcome by themselves: the class or number, gaps, genes, rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from graphfuse.data.cohort import Cohort
from graphfuse.explain.marginal_table import COLUMNS, MarginalTables, false_discovery_rate
from graphfuse.statistics.rank_association import auroc_interval, correlation_interval

N = 90
IDS = [f"p{row:02d}" for row in range(N)]


@pytest.fixture(scope="module")
def values() -> pd.DataFrame:
    """Twelve columns of noise."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(N, 12)), IDS, [f"G{k:02d}" for k in range(12)])


def of_classes(values: pd.DataFrame, classes: str) -> MarginalTables:
    """Columns 0 and 1 are higher and lower in the last class."""
    label = pd.Series(list(classes) * (N // len(classes)), IDS, name="kind")
    table = values.copy()
    is_last = label == classes[-1]
    table.loc[is_last, "G00"] += 2
    table.loc[is_last, "G01"] -= 2
    table.iloc[3:20, 0] = np.nan
    label = label.mask(np.arange(N) > 80)
    return MarginalTables(Cohort.from_frames({"rna": table}, label), ["rna"], "kind")


@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_the_class_is_named_and_the_effect_says_which_way(values, classes):
    table = of_classes(values, classes).of_features()
    assert list(table) == COLUMNS and len(table) == 12
    first, second = table.iloc[0], table.iloc[1]
    assert first["marginal_class"] == second["marginal_class"] == classes[-1]
    assert min(first["marginal"], second["marginal"]) > 0.85
    assert first["effect"] > 1 and second["effect"] < -1
    assert (table["marginal_lo"] < table["marginal"]).all()
    assert max(first["q"], second["q"]) < 0.001 < table["q"][2:].min()
    np.testing.assert_allclose(table["q"], stats.false_discovery_control(table["p"]))
    assert (np.sign(table["difference"]) == np.sign(table["effect"])).all()


def test_each_class_apart(values):
    tables = of_classes(values, "abc")
    of_last, of_first = tables.of_features(2), tables.of_features(0)
    assert set(of_last["marginal_class"]) == {"c"} and set(of_first["marginal_class"]) == {"a"}
    assert of_last["effect"][0] > 0 > of_first["effect"][0]
    overall = tables.of_features()
    assert (overall["marginal"] >= np.maximum(of_last["marginal"], of_first["marginal"])).all()
    width = overall["marginal_hi"] - overall["marginal_lo"]
    alone = of_last["marginal_hi"] - of_last["marginal_lo"]
    assert width[0] > alone[0]  # wide enough for the best of three classes


def test_a_number_has_spearmans_correlation_and_no_class(values):
    number = pd.Series(3.0 * values["G00"] + 7.0, IDS, name="dose")
    cohort = Cohort.from_frames({"rna": values}, number, kind="number")
    table = MarginalTables(cohort, ["rna"], "dose").of_features()
    assert table["marginal"][0] == pytest.approx(1) and table["marginal_lo"][0] < 1
    assert table["effect"][0] == pytest.approx(3 * values["G00"].std(ddof=0))
    assert (table["marginal_class"] == "").all() and table["difference"].isna().all()
    expected = stats.spearmanr(values["G05"], number).statistic
    assert table["marginal"][5] == pytest.approx(expected)


def test_a_gene_has_the_column_that_tells_most_and_pays_for_the_choice(values):
    tables = of_classes(values, "ab")
    features = tables.of_features()
    gene = np.array([0, 0, *[-1] * 10])
    genes = tables.of_genes(gene, 1)
    best = features["marginal"][:2].idxmax()
    assert genes["marginal"][0] == features["marginal"][best]
    assert genes["effect"][0] == features["effect"][best]
    assert genes["marginal_column"].tolist() == [f"rna:G{best:02d}"]
    single = tables.of_genes(np.where(np.arange(12) == best, 0, -1), 1)
    assert genes["q"][0] == pytest.approx(2 * single["q"][0])
    assert genes["marginal_lo"][0] < single["marginal_lo"][0] == features["marginal_lo"][best]
    assert genes["marginal_hi"][0] > single["marginal_hi"][0]


@pytest.mark.parametrize("kind", ["class", "number"])
def test_the_interval_of_a_gene_is_bonferronis_over_its_columns(values, kind):
    number = pd.Series(values["G00"] + np.random.default_rng(3).normal(size=N), IDS, name="dose")
    outcome = number if kind == "number" else (number > 0).map({True: "b", False: "a"})
    cohort = Cohort.from_frames({"rna": values}, outcome, kind=kind)
    gene = MarginalTables(cohort, ["rna"], "dose").of_genes(np.zeros(12, int), 1).iloc[0]
    z, found = stats.norm.isf(0.025 / 12), np.array([gene["marginal"]])
    if kind == "number":
        expected = correlation_interval(found, np.array([N]), z)
    else:
        sizes = outcome.value_counts()
        expected = auroc_interval(found, *np.array([[sizes["b"]], [sizes["a"]]]), z)
    assert gene["marginal_lo"] == pytest.approx(expected[0][0])
    assert gene["marginal_hi"] == pytest.approx(expected[1][0])
    assert gene["marginal_column"] == "rna:G00"


def test_rates_of_noise_are_rarely_small():
    """Of 40 tables of noise with correlated columns, few have any column with q below 0.1."""
    rng, small = np.random.default_rng(1), 0
    for _ in range(40):
        shared = rng.normal(size=(N, 1))
        table = pd.DataFrame(rng.normal(size=(N, 30)) + shared, IDS)
        table.columns = [f"G{k}" for k in range(30)]
        label = pd.Series(list("abc") * 30, IDS, name="kind")
        tables = MarginalTables(Cohort.from_frames({"rna": table}, label), ["rna"], "kind")
        small += tables.of_features()["q"].min() < 0.1
    assert small <= 9  # expected at most 4


def test_rates_are_of_tests_that_were_made():
    rates = false_discovery_rate(np.array([np.nan, 0.01, 0.02, np.nan]))
    np.testing.assert_allclose(rates, [np.nan, 0.02, 0.02, np.nan])
    assert np.isnan(false_discovery_rate(np.array([np.nan]))).all()
