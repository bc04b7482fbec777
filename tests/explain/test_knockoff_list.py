"""Lists with a bounded false-discovery rate: features, groups, missing values, short lists."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.explain.knockoff_list import (
    KNOCKOFF_COLUMNS,
    KnockoffList,
    knockoff_table,
    normal_scores,
    require_knockoffs,
)
from graphfuse.statistics.knockoff_filter import knockoff_q


def cohort(rows, blocks=0, causal=30, seed=0):
    """Two tables of 80 columns; the outcome depends on the first `causal` of the first, or on the
    means of its first `blocks` of four columns that are correlated at .9."""
    rng = np.random.default_rng(seed)
    ids = [f"P{i}" for i in range(rows)]
    shared = np.repeat(rng.normal(size=(rows, 40)), 4, axis=1)
    weight = np.sqrt(0.9) if blocks else 0.0
    values = weight * shared + np.sqrt(1 - weight**2) * rng.normal(size=(rows, 160))
    effects = values[:, : 4 * blocks or causal].sum(1)
    y = effects + 0.5 * effects.std() * rng.normal(size=rows)
    names = [f"G{i:03d}" for i in range(160)]
    tables = {}
    for name, part in {"rna": slice(0, 80), "meth": slice(80, 160)}.items():
        table = np.exp(values[:, part])  # far from normal, as counts are
        tables[name] = pd.DataFrame(table, ids, names[part])
    labels = pd.Series(np.where(y > np.median(y), "case", "control"), ids, name="status")
    return Cohort.from_frames(tables, labels)


def found(made, draws=3):
    outcome = made.outcome()
    coded = outcome.task.coded(outcome.target)
    modalities = list(made.modalities.values())
    return knockoff_table(modalities, coded, np.flatnonzero(outcome.known), draws)


def test_planted_features_are_named_and_few_others():
    table = found(cohort(1000))
    assert tuple(table.columns) == KNOCKOFF_COLUMNS and table["q"].is_monotonic_increasing
    features = table[table["kind"] == "feature"]
    named = features.loc[features["q"] <= 0.1, "id"]
    causal = {f"rna:G{i:03d}" for i in range(30)}
    assert len(set(named) & causal) >= 25 and len(set(named) - causal) <= 5
    (line,) = KnockoffList(table, 3).lines()
    assert line.startswith("knockoffs (3 draws), false-discovery rate 0.1: ")
    assert KnockoffList(table, 1).lines()[0].startswith("knockoffs (1 draw), ")


def test_groups_are_named_where_their_members_cannot_be_told_apart():
    table = found(cohort(600, blocks=20))
    groups = table[table["kind"] == "group"]
    assert len(groups) == 40
    named = groups.loc[groups["q"] <= 0.1]
    assert len(named) >= 15 and (named["modality"] == "rna").sum() >= 0.85 * len(named)
    features = table[table["kind"] == "feature"]
    assert (features["q"] <= 0.1).sum() < 20


def test_a_short_list_says_so():
    (line,) = KnockoffList(found(cohort(60)), 3).lines()
    assert "none of 160 features" in line and "or of columns too much alike" in line


def test_missing_values_are_no_evidence():
    """A table that half of the cases lack, and only they, without any effect of its values."""
    made = cohort(400, causal=0)
    sick = made.outcome().values == 0
    meth = made.modalities["meth"].table.copy()
    meth.loc[sick & (np.arange(400) % 2 == 0)] = np.nan
    labels = pd.Series(np.where(sick, "case", "control"), made.patients, name="status")
    table = found(Cohort.from_frames({"rna": made.modalities["rna"].table, "meth": meth}, labels))
    assert (table["q"] > 0.1).all()


def test_scores_depend_on_ranks_alone():
    table = np.random.default_rng(0).normal(size=(50, 3))
    assert np.allclose(normal_scores(table), normal_scores(np.exp(table)))
    assert (normal_scores(np.ones((5, 1))) == 0).all()


def test_few_patients_are_refused():
    made = cohort(60)
    outcome = made.outcome()
    coded = outcome.task.coded(outcome.target)
    with pytest.raises(InputError, match="10 patients are too few; 20 are needed"):
        knockoff_table(list(made.modalities.values()), coded, np.arange(10), 2)


@pytest.mark.parametrize(("draws", "apart"), [(1, 10), (4, 20)])
def test_an_empty_list_names_the_bound_and_the_readme_says_what_q_1_is(draws, apart):
    """Nine effects, however strong, are no list of rate 0.1."""
    statistics = np.zeros((draws, 40))
    statistics[:, : apart - 1] = 9.0
    items = {"kind": "feature", "id": [f"rna:{n}" for n in range(40)], "q": knockoff_q(statistics)}
    made = KnockoffList(pd.DataFrame(items), draws)
    (line,) = made.lines()
    assert "none of 40 features" in line and "no list has fewer than 10 items" in line
    assert ("20 must be stronger than their knockoffs" in line) == (draws > 1)
    assert "q = 1 says that an item is in no list" in line
    text = " ".join(made.readme_texts["knockoffs"].split())
    assert f"(10 at q <= 0.1; {apart} must be stronger than their knockoffs in a draw)" in text
    assert "columns of categories, such as sex or stage, are not tested" in text
    statistics[:, apart - 1] = 9.0
    assert (knockoff_q(statistics) <= 0.1).sum() == apart


@pytest.mark.parametrize(("rows", "scale", "why"), [(19, 1, "19 patients"), (20, 0, "no column")])
def test_knockoffs_that_cannot_be_drawn_are_refused_before_anything_is_ranked(rows, scale, why):
    ids = [f"p{n}" for n in range(40)]
    table = pd.DataFrame({"G": scale * np.arange(40.0)}, ids)
    labels = pd.Series(["case", "control"] * 20, ids, name="status")
    made = Cohort.from_frames({"rna": table}, labels)
    model = SimpleNamespace(target_="status", modalities_=["rna"])
    with pytest.raises(InputError, match=why):
        require_knockoffs([SimpleNamespace(model=model, train=np.arange(rows))], made)
    if scale:
        require_knockoffs([SimpleNamespace(model=model, train=np.arange(rows + 1))], made)
