"""Protocols: who is tested when, nobody on both sides, and what is said of it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.folds import digest, repeated, splits
from graphfuse.evaluate.hold_out_folds import left_out, share_held_out
from graphfuse.evaluate.protocol import Protocol

CODES = np.tile([0, 1, 2], 60)
CLASSES = ("a", "b", "c")


def made(groups=None, codes=CODES, **more):
    """A cohort of these labels (-1 = unlabelled) and groups."""
    ids = pd.Index([f"P{i:03d}" for i in range(len(codes))])
    labels = pd.Series([None if c < 0 else CLASSES[c] for c in codes], index=ids, name="kind")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(len(ids), 3)), ids, ["x", "y", "z"])
    groups = {k: pd.Series(np.asarray(v), ids) for k, v in {**(groups or {}), **more}.items()}
    return Cohort.from_frames({"rna": table}, labels, groups=groups)


def folds_of(cohort, protocol, seed=0):
    return protocol.table(cohort, cohort.outcome(), seed)


def test_the_default_is_repeated_stratified_folds():
    cohort = made()
    table = folds_of(cohort, Protocol.of((4, 2)), 3)
    pd.testing.assert_frame_equal(table, repeated(cohort.patients, CODES, 4, 2, 3))
    assert Protocol.of() == Protocol.of((5, 5)) and Protocol.of(5) == Protocol.of((5, 1))


@pytest.mark.parametrize(
    "given",
    [
        {"cv": (4, 2), "group": "site"},
        {"leave_out": "site"},
        {"split": "site=s1"},
        {"split": ("site", "s1")},
        {"holdout": 0.3, "group": "site"},
        {"holdout": (0.3, 3), "group": "site"},
    ],
    ids=["cv", "leave-out", "split", "split as a pair", "holdout", "holdouts"],
)
def test_no_site_is_on_both_sides_and_a_seed_is_a_table(given):
    rng = np.random.default_rng(1)
    codes = np.where(rng.random(180) < 0.2, -1, CODES)
    cohort = made(
        codes=codes,
        site=rng.choice(
            ["s1", "s2", "s3", "s4", "s5", "s6"], 180, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
        ),
    )
    protocol, known = Protocol.of(**given), cohort.outcome().known
    table = folds_of(cohort, protocol)
    for split in splits(table, known):
        held = np.setdiff1d(np.arange(180), split.train)
        assert not set(cohort.groups["site"][held]) & set(cohort.groups["site"][split.train])
        assert split.tested.tolist() == held[known[held]].tolist() and not known[held].all()
    assert (
        digest(table)
        == digest(folds_of(cohort, protocol))
        == digest(folds_of(cohort, Protocol.of(folds=table, group="site")))
    )


# ------------------------------------------------------------------------------ leave one group out


def test_each_large_group_is_tested_once_by_name_and_the_small_ones_together():
    sizes = {"b": 40, "a": 30, "c": 90, "s1": 7, "s2": 9, "s3": 4}
    cohort = made(site=np.repeat(list(sizes), list(sizes.values())))
    found = splits(folds_of(cohort, Protocol.of(leave_out="site")), np.ones(180, bool))
    assert [sorted(set(cohort.groups["site"][s.tested])) for s in found] == [
        ["a"],
        ["b"],
        ["c"],
        ["s1", "s2", "s3"],
    ]
    assert [len(s.tested) for s in found] == [30, 40, 90, 20]


def test_many_small_groups_are_several_pools_of_the_middle_size():
    groups = pd.Series(
        np.r_[["big1"] * 40, ["big2"] * 40, np.arange(100) % 25], name="site"
    ).astype(str)
    ids = pd.RangeIndex(180).astype(str)
    found = splits(left_out(ids, CODES, groups), np.ones(180, bool))
    assert [len(s.tested) for s in found][:2] == [40, 40] and len(found) == 4
    assert (
        all(FEWEST <= len(s.tested) <= 80 for s in found)
        and sum(len(s.tested) for s in found) == 180
    )


def test_what_is_too_small_even_together_always_trains(caplog):
    cohort = made(site=np.r_[["a"] * 90, ["b"] * 86, ["tiny"] * 4])
    found = splits(folds_of(cohort, Protocol.of(leave_out="site")), np.ones(180, bool))
    assert len(found) == 2 and all(set(range(176, 180)) <= set(s.train) for s in found)
    assert "<5 labelled patients in groups that are too small" in caplog.text


def test_a_group_of_one_class_is_no_fold_by_itself():
    codes = np.r_[np.tile([0, 1], 40), np.zeros(30, int)]
    cohort = made(codes=codes, site=np.repeat(["a", "b", "cases"], [40, 40, 30]))
    assert len(splits(folds_of(cohort, Protocol.of(leave_out="site")), codes >= 0)) == 2


def test_whose_group_nobody_knows_always_trains_and_is_counted(caplog):
    cohort = made(site=np.r_[["a"] * 80, ["b"] * 80, [None] * 20])
    table = folds_of(cohort, Protocol.of(leave_out="site"))
    assert table["fold"].isna().sum() == 20 and "20 patients have no known value" in caplog.text


def test_families_cannot_be_left_out_one_at_a_time():
    with pytest.raises(InputError, match="Take --group-by family"):
        folds_of(made(family=np.arange(180) // 2), Protocol.of(leave_out="family"))


# -------------------------------------------------------------------------------- one part held out


def test_a_declared_split_is_that_split():
    official = np.where(np.arange(180) < 126, "train", "test")
    cohort = made(split=official)
    (only,) = splits(folds_of(cohort, Protocol.of(split="split=test")), np.ones(180, bool))
    assert only.tested.tolist() == list(range(126, 180)) and only.train.tolist() == list(range(126))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_share_is_stratified_and_drawn_anew_in_every_repeat(share):
    codes = np.repeat([0, 1, 2, -1], [100, 40, 20, 20])
    cohort = made(codes=codes)
    found = splits(folds_of(cohort, Protocol.of(holdout=(share, 3))), codes >= 0)
    assert [(s.repeat, s.fold) for s in found] == [(0, 0), (1, 0), (2, 0)]
    for split in found:
        assert np.bincount(codes[split.tested]).tolist() == pytest.approx(
            share * np.array([100, 40, 20]), abs=1
        )
        assert set(np.flatnonzero(codes < 0)) <= set(split.train)
    assert found[0].tested.tolist() != found[1].tested.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_a_share_of_whole_families_is_near_that_share(seed):
    families = pd.Series(np.arange(180) // 3, name="family").astype(str)
    (split,) = splits(
        share_held_out(families.index.astype(str), CODES, 0.3, 1, seed, groups=families),
        np.ones(180, bool),
    )
    assert len(split.tested) == pytest.approx(54, abs=6)
    assert np.bincount(CODES[split.tested]).min() > 12


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"split": "site=s9"}, "--split site=s9: no patient has this value"),
        ({"split": "sight=s1"}, "--split sight: .* declares no such group .did you mean 'site'"),
        ({"group": "family"}, "--group-by family: .* declares no such group"),
        ({"leave_out": "ward"}, "--leave-out ward: .* declares no such group"),
        ({"holdout": 1.5}, "between 0 and 1"),
        ({"holdout": 0.001}, "fewer than one of each class"),
        ({"split": "one=a"}, "leaves to train labelled patients of one class only"),
        ({"split": "blank=1"}, "tests nobody with a label"),
        (
            {"cv": (200, 1)},
            "every class needs at least 200 labelled patients; a has 60, b has 60, c has 60",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_cure(given, said):
    one = np.where(CODES == 0, "b", "a")
    codes = CODES.copy()
    blank = np.zeros(180, int)
    if "blank" in str(given):
        codes[:9], blank[:9] = -1, 1
    cohort = made(codes=codes, site=np.tile(["s1", "s2"], 90), one=one, blank=blank)
    with pytest.raises(InputError, match=said):
        folds_of(cohort, Protocol.of(**given))


@pytest.mark.parametrize("bad", ["split", "split=", "=test"])
def test_a_split_is_a_group_and_a_value(bad):
    with pytest.raises(InputError, match="GROUP=VALUE"):
        Protocol.of(split=bad)


@pytest.mark.parametrize("repeats", [0, -1])
def test_a_share_is_held_out_once_or_more(repeats):
    """Said before any table is read."""
    with pytest.raises(InputError, match="give 1 repeat or more"):
        Protocol.of(holdout=(0.3, repeats))
    with pytest.raises(InputError, match="between 0 and 1"):
        Protocol.of(holdout=(1.0, 2))


def test_one_protocol_at_a_time():
    with pytest.raises(InputError, match="--leave-out and --holdout: give one of them"):
        Protocol.of(leave_out="site", holdout=0.3)


def test_a_split_or_folds_that_part_a_family_leak():
    cohort = made(split=np.where(np.arange(180) < 121, "train", "test"), family=np.arange(180) // 2)
    with pytest.raises(LeakError, match="family: 1 group of 90"):
        folds_of(cohort, Protocol.of(split="split=test", group="family"))
    table = repeated(cohort.patients, CODES, 3, 1, 0)
    with pytest.raises(LeakError, match="family"):
        folds_of(cohort, Protocol.of(folds=table, group="family"))


def test_a_cohort_with_a_doubled_patient_leaks():
    cohort = planted(30, {"rna": 5}).cohort.take(np.r_[0:30, 4])
    with pytest.raises(LeakError, match="1 patient id more than once"):
        folds_of(cohort, Protocol.of((2, 1)))


def test_a_class_that_some_fold_does_not_train_is_named(caplog):
    codes = np.r_[np.tile([0, 1], 60), [2] * 60]
    cohort = made(codes=codes, site=np.r_[np.tile(["a", "a", "b", "b"], 30), ["a"] * 60])
    folds_of(cohort, Protocol.of(leave_out="site"))
    assert "always predicted wrong: c (1 fold)" in caplog.text


# ------------------------------------------------------------------------------------- what it says


def test_what_is_said_is_json_without_ids_and_says_what_intervals_mean():
    cohort = made(
        site=np.repeat(["a", "b", "c"], 60),
        split=np.where(CODES * 0 + np.arange(180) < 90, "train", "test"),
    )
    said = {}
    for name, given in {
        "cv": {"cv": (4, 2)},
        "leave": {"leave_out": "site"},
        "split": {"split": "split=test"},
        "hold": {"holdout": 0.3},
        "holds": {"holdout": (0.3, 5)},
    }.items():
        protocol = Protocol.of(**given)
        said[name] = protocol.described(folds_of(cohort, protocol))
        assert json.loads(json.dumps(said[name])) == said[name] and "P0" not in json.dumps(
            said[name]
        )
        assert said[name]["inner_folds"] == 5 and said[name]["selection"].startswith("nested")
    assert (said["cv"]["folds"], said["cv"]["repeats"]) == (4, 2)
    drawn = {name: each["interval"] for name, each in said.items()}
    assert drawn.pop("leave") == "groups" and set(drawn.values()) == {"patients"}
    assert all("Nadeau" in each["intervals"] for each in said.values())
    assert "whole groups drawn" in said["leave"]["intervals"]
    assert (
        said["leave"]["left_out"] == said["leave"]["inner_grouped_by"] == "site"
        and said["leave"]["folds"] == 3
    )
    assert said["split"]["held_out"] == "split=test" and said["split"]["always_training"] == 90


def test_inner_folds_keep_what_the_outer_ones_keep():
    assert Protocol.of(group="family").keeps == "family"
    assert (
        Protocol.of(leave_out="site").keeps == "site"
        and Protocol.of(leave_out="site", group="family").keeps == "family"
    )
    assert Protocol.of(split="split=test").keeps is None


# ------------------------------------------------------------------------------------ planted truth


def test_relatives_on_both_sides_look_like_skill_and_whole_families_do_not():
    """Profiles say who the family is and nothing of the label, which the family shares."""
    rng, family = np.random.default_rng(0), np.repeat(np.arange(60), 3)
    codes = rng.permutation(np.arange(60) % 2)[family]
    values = rng.normal(size=(60, 30))[family] + 0.2 * rng.normal(size=(180, 30))
    cohort, right = made(codes=codes, family=family), {}
    for group in (None, "family"):
        found = splits(folds_of(cohort, Protocol.of((5, 3), group=group)), codes >= 0)
        models = [KNeighborsClassifier(1).fit(values[s.train], codes[s.train]) for s in found]
        right[group] = np.mean(
            [m.score(values[s.tested], codes[s.tested]) for m, s in zip(models, found, strict=True)]
        )
    assert right[None] > 0.9 and abs(right["family"] - 0.5) < 0.12


def test_to_leave_a_group_out_and_to_keep_it_is_one_thing():
    with pytest.raises(InputError, match="--leave-out site --group-by site: .*give one of them"):
        Protocol.of(leave_out="site", group="site")
