"""Planted rankings hold what they say: correlations, effects, what is independent of the label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from graphfuse.data.ranking_roles import RoleCounts
from graphfuse.data.synth_ranking import planted_ranking

MANY = 20_000


@pytest.fixture(scope="module")
def large():
    return planted_ranking(MANY, columns=60, seed=3)


def values_of(made):
    """All columns side by side, by `modality:column`."""
    tables = made.cohort.modalities.values()
    return pd.concat([each.table.set_axis(each.feature_ids, axis=1) for each in tables], axis=1)


def of_role(made, role):
    return made.roles.index[made.roles == role]


def is_second(made):
    return made.cohort.outcome().values == 1


def test_the_logit_of_the_causal_columns_scores_what_is_asked(large):
    assert roc_auc_score(is_second(large), large.logits) == pytest.approx(0.95, abs=0.01)
    weighted = values_of(large) @ large.effects
    np.testing.assert_allclose(weighted, large.logits, atol=1e-9)
    easy = planted_ranking(MANY, {"rna": 1.0}, columns=60, oracle=0.8)
    assert roc_auc_score(is_second(easy), easy.logits) == pytest.approx(0.8, abs=0.01)


def test_calibration_labels_are_drawn_from_the_logit(large):
    expected = 1 / (1 + np.exp(-large.logits))
    assert is_second(large).mean() == pytest.approx(expected.mean(), abs=0.01)
    sure = expected > 0.9
    assert is_second(large)[sure].mean() == pytest.approx(expected[sure].mean(), abs=0.01)


def test_columns_are_standard_and_correlated_as_their_roles_say(large):
    values = values_of(large)
    np.testing.assert_allclose(values.mean(), 0, atol=0.04)
    np.testing.assert_allclose(values.std(), 1, atol=0.04)
    correlation = values.corr().to_numpy()
    expected = np.eye(len(correlation))
    places = pd.Series(np.arange(len(values.columns)), values.columns)
    for group in large.groups:
        inside = places[list(group)].to_numpy()
        expected[np.ix_(inside, inside)] = 0.9
    np.fill_diagonal(expected, 1)
    pairs = (("single", "decoy", 0.5), ("partner", "suppressor", 0.6))
    found = []
    for leader, follower, r in pairs:
        for one in of_role(large, follower):
            among = values[of_role(large, leader)].corrwith(values[one]).abs()
            found.append(among.max() - r)
            best = among.idxmax()
            assert best.partition(":")[0] == one.partition(":")[0]
            expected[places[one], places[best]] = expected[places[best], places[one]] = r
    np.testing.assert_allclose(found, 0, atol=0.03)
    np.testing.assert_allclose(correlation, expected, atol=0.04)


def test_effects_are_of_causal_columns_alone_with_both_signs(large):
    roles, effects = large.roles, large.effects
    is_causal = roles.isin(["block", "single", "partner", "suppressor"])
    assert (is_causal == (effects != 0)).all() and set(large.causal) == set(roles[is_causal].index)
    assert {1.0, -1.0} <= set(np.sign(effects[roles == "single"]))
    for group in large.causal_groups:
        assert effects[list(group)].nunique() == 1 and len(group) == 20
    null = [group for group in large.groups if group not in large.causal_groups]
    assert len(null) == len(large.causal_groups) == 3
    assert (effects[[one for group in null for one in group]] == 0).all()


def test_a_suppressor_has_no_marginal_effect_and_a_decoy_has_one(large):
    values, second = values_of(large), is_second(large)
    standard_error = 1 / np.sqrt(MANY / 4)
    difference = (values[second].mean() - values[~second].mean()) / standard_error
    assert difference[of_role(large, "suppressor")].abs().max() < 3.5
    assert difference[of_role(large, "noise")].abs().max() < 4.5
    assert difference[of_role(large, "decoy")].abs().min() > 5
    assert difference[of_role(large, "partner")].abs().min() > 10
    assert (
        np.abs(np.cov(values[of_role(large, "suppressor")].T, large.logits)[-1, :-1]) < 0.1
    ).all()


def test_modalities_have_the_shares_asked_for(large):
    assert large.modality_order == ("rna", "meth", "protein")
    values = values_of(large)
    variances = {}
    for name in large.modality_order:
        own = [column for column in values if column.startswith(f"{name}:")]
        variances[name] = (values[own] @ large.effects[own]).var()
    total = sum(variances.values())
    shares = [variances[name] / total for name in large.modality_order]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.02)


def test_degree_goes_with_no_role():
    made = planted_ranking(20, columns=200, seed=1)
    roles = made.roles[[name.startswith("rna:") for name in made.roles.index]]
    roles = roles.rename(lambda name: name.partition(":")[2])
    degree = made.network[["source", "target"]].stack().value_counts().reindex(roles.index)
    degree = degree.fillna(0)
    by_role = degree.groupby(roles)
    for role in ("block", "null block", "single", "decoy", "noise"):
        assert by_role.max()[role] >= 7 and by_role.min()[role] <= 5
    causal = degree[roles.isin(["block", "single", "partner", "suppressor"])]
    assert causal.mean() == pytest.approx(degree.mean(), rel=0.2)
    genes = {name.partition(":")[2] for name in made.causal}
    assert made.edges and all(a in genes and b in genes for a, b in made.edges)


def test_a_modality_depends_on_the_seed_and_its_name_alone():
    shares = {"rna": 0.5, "meth": 0.3, "protein": 0.2}
    made = planted_ranking(50, shares, columns=60)
    other = planted_ranking(50, dict(reversed(shares.items())), columns=60)
    alone = planted_ranking(50, {"meth": 1.0}, columns=60)
    for name in shares:
        table = made.cohort.modalities[name].table
        pd.testing.assert_frame_equal(table, other.cohort.modalities[name].table)
    pd.testing.assert_series_equal(made.logits, other.logits)
    assert (is_second(made) == is_second(other)).all()
    meth = alone.cohort.modalities["meth"].table
    pd.testing.assert_frame_equal(made.cohort.modalities["meth"].table, meth)
    assert made.roles["meth:G000001"] == alone.roles["meth:G000001"]
    drawn_anew = planted_ranking(50, shares, columns=60, seed=1)
    assert drawn_anew.cohort.digest() != made.cohort.digest()


def test_some_members_of_a_block_and_missing_patients():
    counts = RoleCounts(singles=0, blocks=2, null_blocks=0, members=3, suppressors=0)
    shares, missing = {"rna": 1.0, "meth": 1.0}, {"rna": 0.25}
    made = planted_ranking(400, shares, columns=50, counts=counts, missing=missing)
    assert len(made.causal) == 12 and len(made.groups) == len(made.causal_groups) == 4
    assert made.cohort.present["rna"].mean() == pytest.approx(0.75, abs=0.07)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (RoleCounts(blocks=10), "the roles need 226"),
        (RoleCounts(members=21), "expected 1 to 20"),
        (RoleCounts(singles=0, blocks=0, suppressors=0), "no column is causal"),
    ],
)
def test_roles_that_do_not_fit_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        planted_ranking(counts=counts)
