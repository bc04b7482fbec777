"""Intervals over resampled patients by their coverage."""

import numpy as np
import pytest

from graphfuse.evaluate.bootstrap import (
    blocks,
    bootstrap_compare,
    bootstrap_scores,
    interval,
    stacked,
)
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class")
scores = METRICS.scores


def made(classes, patients=60, seed=0, grain=None):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, patients)
    logits = rng.normal(size=(patients, classes)) + 1.2 * np.eye(classes)[codes]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return codes, p if grain is None else np.round(p * grain) / grain


def test_draws_keep_every_stratum_and_come_in_blocks_of_any_size(monkeypatch):
    strata = np.array([0, 1, 0, 2, 1, 0, 0])
    weights = np.vstack(list(blocks(strata, 50, np.random.default_rng(0))))
    assert weights.shape == (50, 7) and len({tuple(row) for row in weights}) > 20
    for level in range(3):
        assert (weights[:, strata == level].sum(1) == (strata == level).sum()).all()
    monkeypatch.setattr("graphfuse.evaluate.bootstrap.CELLS", 21)
    parts = [{"w": block} for block in blocks(strata, 50, np.random.default_rng(0))]
    assert [len(part["w"]) for part in parts] == [3] * 16 + [2]
    assert len(stacked(parts)["w"]) == 50


def test_the_interval_of_a_mean_is_that_of_students_t():
    rng = np.random.default_rng(0)
    values = rng.normal(size=25)
    drawn = np.concatenate([w @ values / 25 for w in blocks(np.zeros(25, int), 20_000, rng)])
    low, high = interval(drawn, values.mean(), 25)
    half = 2.0639 * values.std(ddof=1) / 5
    assert (low, high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.06 * half
    )


def test_there_is_no_interval_where_nothing_varies_or_most_is_unknown():
    assert interval(np.ones(100), 1.0, 30, (0.0, 1.0)) == (None, None)
    assert interval(np.r_[np.full(60, np.nan), np.linspace(0, 1, 40)], 0.5, 30) == (None, None)
    assert interval(np.linspace(0, 1, 9), float("nan"), 30) == (None, None)
    assert interval(np.linspace(0, 1, 9), 0.5, 1) == (None, None)
    low, high = interval(np.linspace(0.8, 1.0, 100), 0.95, 30, (0.0, 1.0))
    assert high == 1.0 and 0.8 < low < 0.95


def test_the_same_seed_gives_the_same_intervals_and_more_patients_narrower_ones():
    few, many = made(3, 60), made(3, 2000)
    assert (
        bootstrap_scores(METRICS, *few, draws=200)
        == bootstrap_scores(METRICS, *few, draws=200)
        != bootstrap_scores(METRICS, *few, draws=200, seed=1)
    )
    wide, narrow = (
        bootstrap_scores(METRICS, *few, draws=200),
        bootstrap_scores(METRICS, *many, draws=200),
    )
    point = scores(*few)
    for metric in METRICS.names:
        assert narrow[metric][1] - narrow[metric][0] < 0.5 * (wide[metric][1] - wide[metric][0]), (
            metric
        )
        assert wide[metric][0] <= point[metric] <= wide[metric][1], metric


def test_intervals_cover_the_score_of_all_patients_there_are():
    """Of 200 held-out sets of 80 patients, about 95 % of intervals hold the score of 100,000."""
    truth, hits = (
        scores(*made(3, 100_000, seed=99)),
        dict.fromkeys(("accuracy", "macro_f1", "auroc", "brier"), 0),
    )
    for seed in range(200):
        found = bootstrap_scores(METRICS, *made(3, 80, seed), draws=200, seed=seed)
        for metric in hits:
            hits[metric] += found[metric][0] <= truth[metric] <= found[metric][1]
    assert all(180 <= hit <= 199 for hit in hits.values()), (
        hits
    )  # 95 % of 200: 190, give or take three deviations


def test_paired_comparisons_find_what_is_there_and_nothing_else():
    codes, p = made(3, 200)
    noise = np.random.default_rng(5).dirichlet(np.ones(3), 200)
    found = {
        pair.metric: pair
        for pair in bootstrap_compare("ours", "noise", codes, p, noise, METRICS, draws=300)
    }
    assert {pair.verdict for metric, pair in found.items() if metric != "ece"} == {"better"}
    assert found["accuracy"].difference == pytest.approx(
        scores(codes, p)["accuracy"] - scores(codes, noise)["accuracy"]
    )
    assert found["brier"].ci95[1] < 0 and found["accuracy"].p < 0.02
    same = bootstrap_compare("ours", "twin", codes, p, p, METRICS.compared, draws=50)
    assert [(pair.difference, pair.ci95, pair.p, pair.verdict) for pair in same] == [
        (0, (0, 0), 1.0, "no difference shown")
    ] * 3


def test_models_that_differ_by_noise_are_called_better_in_few_of_100():
    called = 0
    for seed in range(100):
        codes, p = made(2, 100, seed)
        q = np.clip(p[:, 1] + np.random.default_rng([seed, 1]).normal(0, 0.1, 100), 0, 1)
        r = np.clip(p[:, 1] + np.random.default_rng([seed, 2]).normal(0, 0.1, 100), 0, 1)
        pair = bootstrap_compare(
            "a",
            "b",
            codes,
            np.c_[1 - q, q],
            np.c_[1 - r, r],
            (METRICS["auroc"],),
            draws=200,
            seed=seed,
        )[0]
        called += pair.verdict != "no difference shown"
    assert called <= 12


def test_ends_stay_within_the_bounds_and_in_order():
    """Eight patients all called right: what is resampled lies at the bound, and tells nothing of
    others."""
    codes = np.array([0] * 3 + [1] * 3 + [2] * 2)
    right = np.eye(3)[codes] * 0.8 + 0.1
    for ends in bootstrap_scores(METRICS, codes, right / right.sum(1, keepdims=True)).values():
        assert ends == (None, None) or 0 <= ends[0] < ends[1] <= 1


def test_an_interval_beyond_its_bound_is_none():
    assert interval(np.array([0.9] * 50 + [1.0] * 50), 1.2, 8, (-1.0, 1.0)) == (None, None)
