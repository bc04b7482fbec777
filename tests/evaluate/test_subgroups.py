"""Gaps between groups of patients: none where groups are equal, one where it was planted, nothing
said of the few."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.subgroups import subgroups as by_metrics
from graphfuse.task.registry import kind_of, metrics_of

pytestmark = pytest.mark.usefixtures("few_trees")

NAMES = ["a", "b", "c", "d", "e"]
BY_GROUP = metrics_of("class").by_group
SCORED = [metric.name for metric in BY_GROUP]


def subgroups(predictions, groups, patients, classes, **options):
    task = kind_of("class").named(classes)
    return by_metrics(predictions, groups, patients, task, BY_GROUP, **options)


def held_out(patients, classes, seed=0, repeats=1, noisy=None, sure=2.0):
    """(predictions, patients): as in `predictions.csv`; the labels of 30 % of the patients `noisy`
    (bool) are wrong."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, patients)
    ids = pd.Index([f"p{i:04d}" for i in range(patients)], name="patient")
    own = rng.normal(size=(patients, classes)) + sure * np.eye(classes)[codes]
    if noisy is not None:
        wrong = noisy & (rng.random(patients) < 0.3)
        codes = np.where(wrong, (codes + 1) % classes, codes)
    tables, names = [], np.array(NAMES[:classes])
    for repeat in range(repeats):
        logits = own + 0.3 * rng.normal(size=own.shape) * (repeats > 1)
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        table = {
            "patient": ids,
            "repeat": repeat,
            "fold": 0,
            "truth": names[codes],
            "call": names[p.argmax(1)],
        }
        tables.append(pd.DataFrame(table | {f"p_{name}": p[:, k] for k, name in enumerate(names)}))
    return pd.concat(tables, ignore_index=True).sample(frac=1, random_state=seed), ids


def by_level(found, metric="accuracy"):
    return {row.level: row for row in found if row.metric == metric}


def dealt(sizes, seed=0):
    names = np.repeat([f"site{i}" for i in range(len(sizes))], sizes)
    return np.random.default_rng(seed).permutation(names)


def test_scores_and_gaps_are_means_over_repeats_of_those_of_scikit_learn():
    table, ids = held_out(150, 3, repeats=3)
    site = dealt([60, 90])
    found = subgroups(table, {"site": site}, ids, NAMES[:3], draws=50)
    assert [(row.level, row.metric) for row in found] == [
        (f"site{i}", metric) for i in (0, 1) for metric in SCORED
    ]
    there = dict(zip(ids, site))
    expected = {name: {"site0": [], "site1": []} for name in ("accuracy", "macro_f1", "auroc")}
    for (_, level), part in table.groupby(["repeat", table["patient"].map(there)]):
        p = part[[f"p_{name}" for name in NAMES[:3]]].to_numpy()
        expected["accuracy"][level].append(accuracy_score(part["truth"], part["call"]))
        expected["macro_f1"][level].append(f1_score(part["truth"], part["call"], average="macro"))
        expected["auroc"][level].append(roc_auc_score(part["truth"], p, multi_class="ovr"))
    for metric, levels in expected.items():
        rows, means = (
            by_level(found, metric),
            {level: np.mean(values) for level, values in levels.items()},
        )
        for level, row in rows.items():
            assert (
                row.score == pytest.approx(means[level]) and row.ci95[0] < row.score < row.ci95[1]
            )
            assert row.gap == pytest.approx(means[level] - sum(means.values()) + means[level])
            assert row.gap_ci95[0] < row.gap < row.gap_ci95[1]
    assert {level: row.patients for level, row in by_level(found).items()} == {
        "site0": 60,
        "site1": 90,
    }


@pytest.mark.slow
def test_equal_groups_hold_no_gap_in_95_of_100():
    """100 cohorts dealt out at random: the interval covers 0 in about 95, and at most about 5 are
    called gaps."""
    covers, shown = dict.fromkeys(SCORED, 0), dict.fromkeys(SCORED, 0)
    for seed in range(100):
        table, ids = held_out(150, 2, seed, sure=1.0)
        found = subgroups(
            table, {"site": dealt([70, 80], seed)}, ids, NAMES[:2], draws=200, seed=seed
        )
        for row in found[: len(SCORED)]:
            covers[row.metric] += row.gap_ci95[0] <= 0 <= row.gap_ci95[1]
            shown[row.metric] += row.verdict == "gap shown"
    assert all(hits >= 88 for hits in covers.values()), covers  # 95, less three deviations
    assert all(hits <= 10 for hits in shown.values()) and np.mean(list(shown.values())) <= 6, shown


@pytest.mark.slow
def test_many_equal_levels_make_no_gap_either():
    """Ten levels a cohort: without Holm, a gap would be called in about four cohorts of ten."""
    called = 0
    for seed in range(30):
        table, ids = held_out(300, 2, seed, sure=1.0)
        found = subgroups(
            table, {"site": dealt([30] * 10, seed)}, ids, NAMES[:2], draws=400, seed=seed
        )
        called += any(row.verdict == "gap shown" for row in found if row.metric == "accuracy")
    assert called <= 5


@pytest.mark.parametrize("seed", range(3))
def test_label_noise_planted_in_one_group_is_found(seed):
    site = dealt([120, 120, 120], seed)
    table, ids = held_out(360, 3, seed, repeats=2, noisy=site == "site1", sure=3.0)
    rows = by_level(subgroups(table, {"site": site}, ids, NAMES[:3], draws=500, seed=seed))
    assert rows["site1"].verdict == "gap shown" and rows["site1"].gap_ci95[1] < 0
    assert rows["site1"].gap == pytest.approx(-0.3, abs=0.15)


def test_the_few_are_listed_and_not_scored():
    table, ids = held_out(100, 2)
    site = np.array(["big"] * 60 + ["other"] * 21 + ["small"] * 19)
    found = subgroups(
        table, {"site": site, "all": np.full(100, "one"), "nearly": site}, ids, NAMES[:2], draws=50
    )
    rows = by_level(found[: 3 * len(SCORED)])
    assert rows["small"].patients == FEWEST - 1 and rows["small"].verdict == "not scored"
    assert rows["small"].score is rows["small"].gap is None and rows["small"].gap_ci95 == (
        None,
        None,
    )
    assert rows["big"].score is not None and rows["other"].score is not None
    assert (
        by_level([row for row in found if row.group == "all"])["one"].score is None
    )  # there is no rest


def test_classes_that_are_few_on_either_side_do_not_count():
    """A site without class c is not to look better for being spared it."""
    table, ids = held_out(200, 3)
    truth = table.drop_duplicates("patient").set_index("patient")["truth"].reindex(ids)
    site = np.where((truth != "c") & (np.arange(200) % 2 == 0), "x", "y")
    rows = by_level(subgroups(table, {"site": site}, ids, NAMES[:3], draws=50), "balanced_accuracy")
    for level, row in rows.items():
        part = table[
            (table["patient"].map(dict(zip(ids, site))) == level) & (table["truth"] != "c")
        ]
        assert row.score == pytest.approx(
            (part["call"] == part["truth"]).groupby(part["truth"]).mean().mean()
        )
    alone = np.where(truth == "a", "x", "y")
    metrics = {
        row.metric: row.score
        for row in subgroups(table, {"site": alone}, ids, NAMES[:3], draws=50)[: len(SCORED)]
    }
    assert (
        metrics["auroc"] is None and metrics["macro_f1"] is None and metrics["accuracy"] is not None
    )


def test_all_called_right_in_a_group_has_no_interval_and_shows_no_gap():
    table, ids = held_out(200, 2, sure=1.5)
    right = (
        table.groupby("patient")[["call", "truth"]]
        .first()
        .eval("call == truth")
        .reindex(ids)
        .to_numpy()
    )
    site = np.where(right & (np.cumsum(right) <= 30), "lucky", "rest")
    row = by_level(subgroups(table, {"site": site}, ids, NAMES[:2], draws=200))["lucky"]
    assert (row.score, row.ci95, row.gap_ci95, row.verdict) == (
        1.0,
        (None, None),
        (None, None),
        "no gap shown",
    )


def test_patients_may_stand_in_any_order_and_be_untested():
    table, ids = held_out(120, 2, repeats=2)
    site = dealt([60, 60])
    found = subgroups(table, {"site": site}, ids, NAMES[:2], draws=50)
    turned = subgroups(table.iloc[::-1], {"site": site[::-1]}, ids[::-1], NAMES[:2], draws=50)
    assert found == turned
    more = ids.append(pd.Index(["untested"]))
    assert subgroups(table, {"site": np.append(site, "site0")}, more, NAMES[:2], draws=50) == found
    half = table[
        (table["repeat"] == 0) | table["patient"].isin(ids[:80])
    ]  # some are tested in one repeat only
    assert {row.patients for row in subgroups(half, {"site": site}, ids, NAMES[:2], draws=50)} == {
        60
    }


@pytest.mark.slow
def test_800_patients_in_ten_levels_take_seconds():
    table, ids = held_out(800, 5, repeats=5)
    began = time.perf_counter()
    subgroups(table, {"site": dealt([80] * 10)}, ids, NAMES, draws=1000)
    assert time.perf_counter() - began < 60  # 3 on an idle core
