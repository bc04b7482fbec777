"""Folds: everyone once, classes even, groups whole, the user's own read or refused with a
reason."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from graphfuse.data.safe_csv import safe_csv
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.folds import check_groups, digest, read_folds, repeated, splits

CODES = np.repeat([0, 1, 2, -1], [50, 23, 7, 10])
PATIENTS = pd.Index([f"P{i:02d}" for i in range(len(CODES))])
KNOWN = CODES >= 0


def sites(count, seed=0, codes=CODES):
    """A site for everyone, of very unequal sizes."""
    rng = np.random.default_rng(seed)
    share = np.linspace(1, 5, count) ** 2
    return pd.Series(
        rng.choice([f"s{k:02d}" for k in range(count)], len(codes), p=share / share.sum()),
        name="site",
    )


def test_labelled_patients_are_tested_once_a_repeat_and_unlabelled_never():
    table = repeated(PATIENTS, CODES, 5, 3, seed=1)
    assert list(table.columns) == ["patient", "repeat", "fold"] and len(table) == 3 * len(CODES)
    for _, part in table.groupby("repeat"):
        assert part["patient"].tolist() == PATIENTS.tolist()
        assert (part["fold"].isna().to_numpy() == (CODES < 0)).all()
        assert set(part["fold"].dropna()) == set(range(5))
    wide = table.pivot(index="patient", columns="repeat", values="fold")
    assert not wide[0].equals(wide[1]) and not wide[1].equals(wide[2])


def test_one_fold_is_none():
    with pytest.raises(InputError, match="at least 2 are needed"):
        repeated(PATIENTS, CODES, 1, 1, 0)


def test_a_class_without_any_patient_is_no_obstacle():
    assert len(repeated(PATIENTS[:20], np.repeat([0, 2], 10), 5, 1, 0)) == 20


def test_splits_test_the_labelled_and_train_all_others():
    table = repeated(PATIENTS, CODES, 5, 2, seed=0)
    found = splits(table, KNOWN)
    assert [(s.repeat, s.fold) for s in found] == [(r, k) for r in range(2) for k in range(5)]
    for repeat in range(2):
        rows = np.concatenate([split.tested for split in found if split.repeat == repeat])
        assert sorted(rows) == np.flatnonzero(CODES >= 0).tolist()
    for repeat, fold, rows, train in found:
        assert train.tolist() == np.setdiff1d(np.arange(len(CODES)), rows).tolist()
        mine = table[(table["repeat"] == repeat) & (table["fold"] == fold)]
        assert PATIENTS[rows].tolist() == mine["patient"].tolist()


def test_a_patient_who_stands_twice_stops_the_run():
    table = repeated(PATIENTS, CODES, 5, 1, seed=0)
    with pytest.raises(LeakError, match="1 patient id more than once"):
        splits(pd.concat([table, table.iloc[[3]]]), KNOWN)


# ------------------------------------------------------------------------------------------- groups


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [5, 12, 40])
def test_nobody_of_a_group_is_on_both_sides_the_unlabelled_neither(count, seed):
    groups = sites(count, seed)
    table = repeated(PATIENTS, CODES, 4, 3, seed, groups=groups)
    check_groups(table, groups)
    here = set(groups[KNOWN])
    for split in splits(table, KNOWN):
        held = np.setdiff1d(np.arange(len(CODES)), split.train)
        assert not set(groups[split.train]) & set(groups[held])
        assert split.tested.tolist() == held[KNOWN[held]].tolist() and len(split.tested)
    for _, part in table.groupby("repeat"):
        blank = part["fold"].isna().to_numpy()
        assert not blank[KNOWN].any()  # every labelled patient is tested
        assert (
            blank == ~groups.isin(here).to_numpy()
        ).all()  # of the others, who has a tested relative is held out with it


def test_an_unlabelled_relative_is_held_out_and_not_scored():
    groups = pd.Series([f"f{i // 2}" for i in range(len(CODES))], name="family")
    groups.iloc[-1] = groups.iloc[0]  # an unlabelled patient of a labelled family
    (first,) = [
        s for s in splits(repeated(PATIENTS, CODES, 5, 1, 0, groups=groups), KNOWN) if 0 in s.tested
    ]
    last = len(CODES) - 1
    assert last not in first.tested and last not in first.train


def test_repeats_of_unequal_groups_are_other_partitions():
    """scikit-learn's own dealer goes by size: it would give nearly the same folds whatever the
    seed."""
    rng = np.random.default_rng(0)
    codes = rng.choice(3, 700, p=[0.6, 0.3, 0.1])
    groups = sites(40, 1, codes)
    table = repeated(pd.RangeIndex(700).astype(str), codes, 5, 5, 0, groups=groups)
    wide = [part["fold"].to_numpy(int) for _, part in table.groupby("repeat")]
    pairs = [adjusted_rand_score(a, b) for i, a in enumerate(wide) for b in wide[:i]]
    assert np.mean(pairs) < 0.6
    for fold in wide:
        counts = np.array(
            [np.bincount(codes[fold == k], minlength=3) for k in range(5)]
        ) / np.bincount(codes)
        assert np.abs(counts.sum(1) / 3 - 0.2).max() < 0.08  # and classes stay about even


def test_repeats_that_groups_do_not_allow_are_dropped(caplog):
    groups = pd.Series(np.arange(len(CODES)) % 3, name="site").astype(str)
    table = repeated(PATIENTS, CODES, 3, 5, 0, groups=groups)
    assert set(table["repeat"]) == {0} and "1 even partition of 3 folds" in caplog.text


def test_fewer_groups_than_folds():
    groups = pd.Series(np.arange(len(CODES)) % 3, name="site").astype(str)
    with pytest.raises(
        InputError, match="5 folds need at least 5 groups with labelled patients; there are 3"
    ):
        repeated(PATIENTS, CODES, 5, 1, 0, groups=groups)


def test_groups_of_one_are_stratified_folds():
    groups = pd.Series(PATIENTS, name="own")
    (fold,) = [
        p["fold"] for _, p in repeated(PATIENTS, CODES, 5, 1, 0, groups=groups).groupby("repeat")
    ]
    for code in range(3):
        counts = np.bincount(fold[code == CODES].astype(int), minlength=5)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_a_class_of_two_groups_is_never_all_in_one_fold(seed):
    codes = np.repeat([0, 1, 2], [30, 20, 10])
    groups = pd.Series(np.r_[np.arange(50) % 6, [6] * 5 + [7] * 5], name="site").astype(str)
    table = repeated(pd.RangeIndex(60).astype(str), codes, 2, 4, seed, groups=groups)
    for _, part in table.groupby("repeat"):
        assert part["fold"][codes == 2].nunique() == 2


def test_a_parted_group_is_a_leak_unless_nobody_knows_it():
    table = repeated(PATIENTS, CODES, 5, 1, 0)
    with pytest.raises(LeakError, match="site: 5 groups of 5 in repeat 0 stand on both sides"):
        check_groups(table, sites(5))
    check_groups(table, pd.Series("unknown", index=range(len(CODES)), name="site"))


# ----------------------------------------------------------------------------------- the user's own


def folds_file(tmp_path, table):
    path = tmp_path / "folds.csv"
    path.write_text(table) if isinstance(table, str) else table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("groups", [None, sites(12)], ids=["alone", "grouped"])
def test_folds_written_are_folds_read_and_have_one_hash(tmp_path, groups):
    table = repeated(PATIENTS, CODES, 5, 2, seed=0, groups=groups)
    path = folds_file(tmp_path, table.sample(frac=1, random_state=0))
    found = read_folds(path, PATIENTS, KNOWN)
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
    assert digest(found) == digest(table) == digest(read_folds(found, PATIENTS, KNOWN))
    safe_csv(found, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest(table)
    moved = table.assign(fold=table["fold"].where(table.index != 0, (table["fold"][0] + 1) % 5))
    assert digest(moved) != digest(table)


def test_ids_that_were_guarded_against_spreadsheets_are_read_back(tmp_path):
    patients = pd.Index(["=1+1", "-7", "@x", "P"])
    table = repeated(patients, np.array([0, 1, 0, 1]), 2, 1, 0)
    safe_csv(table, tmp_path / "folds.csv")
    assert digest(read_folds(tmp_path / "folds.csv", patients, np.ones(4, bool))) == digest(table)


def test_who_is_not_named_or_blank_always_trains(tmp_path):
    found = read_folds(
        folds_file(tmp_path, "patient,repeat,fold\nP03,0,1\nP01,0,0\nP02,0,\n"), PATIENTS, KNOWN
    )
    assert len(found) == len(PATIENTS) and found["fold"].notna().sum() == 2
    assert [(r, k, rows.tolist()) for r, k, rows, _ in splits(found, KNOWN)] == [
        (0, 0, [1]),
        (0, 1, [3]),
    ]


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    patients = pd.Index(["007", "008"])
    found = read_folds(
        folds_file(tmp_path, "patient,repeat,fold\n007,0,0\n008,0,1\n"), patients, np.ones(2, bool)
    )
    assert found["patient"].tolist() == ["007", "008"] and found["fold"].tolist() == [0, 1]


def test_an_unlabelled_patient_with_a_fold_is_held_out_with_it(tmp_path, caplog):
    found = read_folds(
        folds_file(tmp_path, "patient,repeat,fold\nP01,0,0\nP85,0,0\nP02,0,1\n"), PATIENTS, KNOWN
    )
    first = splits(found, KNOWN)[0]
    assert first.tested.tolist() == [1] and 85 not in first.train
    assert (
        "1 row without a label: held out with their fold, not scored" in caplog.text
        and "P85" not in caplog.text
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("patient,repeat\nP01,0\n", "columns fold are missing"),
        ("patient,repeat,fold\nP01,0,0\nXX,0,1\n", "1 ids are not in the cohort"),
        ("patient,repeat,fold\nP01,0,0\nP01,0,0\n", "appear twice in a repeat, in the same fold"),
        ("patient,repeat,fold\nP01,0,0\nP85,0,1\n", "in 1 fold, no tested patients have a label"),
        ("patient,repeat,fold\nP01,0,\n", "nobody is tested"),
        ("patient,repeat,fold\nP01,0,first\n", "fold"),
        ("patient,repeat,fold\nP01,0,0.5\n", "fold"),
        ("patient,repeat,fold\nP01,,0\nP02,0,1\n", "repeat"),
        ("", "empty"),
    ],
)
def test_bad_folds_are_refused(tmp_path, table, said):
    with pytest.raises(InputError, match=said) as caught:
        read_folds(folds_file(tmp_path, table), PATIENTS, KNOWN)
    assert "folds.csv" in str(caught.value)


@pytest.mark.parametrize("other", ["1", ""], ids=["two folds", "tested and always training"])
def test_a_patient_on_both_sides_is_a_leak(tmp_path, other):
    with pytest.raises(
        LeakError, match="1 appear twice in a repeat and are tested by a model that they train"
    ) as caught:
        read_folds(
            folds_file(tmp_path, f"patient,repeat,fold\nP01,0,0\nP02,0,1\nP01,0,{other}\n"),
            PATIENTS,
            KNOWN,
        )
    assert "P01" not in str(caught.value)


def test_all_faults_of_a_folds_file_at_once_and_no_ids(tmp_path):
    path = folds_file(tmp_path, "patient,repeat,fold\nSECRET,0,0\nP85,0,3\nP01,0,1\nP01,0,2\n")
    with pytest.raises(LeakError, match="3 things to correct") as caught:
        read_folds(path, PATIENTS, KNOWN)
    assert "SECRET" not in str(caught.value)


def test_a_missing_folds_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_folds(tmp_path / "gone.csv", PATIENTS, KNOWN)


def test_a_patient_may_be_called_na(tmp_path):
    patients = pd.Index(["AB", "CD", "NA", "XY"])
    path = folds_file(tmp_path, "patient,repeat,fold\nNA,0,1\nAB,0,NA\nCD,0,0\nXY,0,\n")
    found = read_folds(path, patients, np.ones(4, bool)).set_index("patient")["fold"]
    assert found["NA"] == 1 and found["CD"] == 0 and found[["AB", "XY"]].isna().all()
