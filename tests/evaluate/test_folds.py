"""Folds: everyone once, classes even, the user's own read or refused with a reason."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.folds import read_folds, repeated, tasks

CODES = np.repeat([0, 1, 2, -1], [50, 23, 7, 10])
PATIENTS = pd.Index([f"P{i:02d}" for i in range(len(CODES))])


def test_labelled_patients_are_tested_once_a_repeat_and_unlabelled_never():
    table = repeated(PATIENTS, CODES, 5, 3, seed=1)
    assert list(table.columns) == ["patient", "repeat", "fold"] and len(table) == 3 * len(CODES)
    for _, part in table.groupby("repeat"):
        assert part["patient"].tolist() == PATIENTS.tolist()
        assert (part["fold"].isna().to_numpy() == (CODES < 0)).all()
        assert set(part["fold"].dropna()) == set(range(5))
    wide = table.pivot(index="patient", columns="repeat", values="fold")
    assert not wide[0].equals(wide[1]) and not wide[1].equals(wide[2])


@pytest.mark.parametrize(
    ("codes", "folds", "said"),
    [
        (CODES, 8, "8 folds need at least 2 classes of at least 8 patients; there are class 0 50, class 1 23, class 2 7"),
        (CODES, 1, "at least 2 are needed"),
        (np.zeros(20, int), 5, "at least 2 classes"),
        (np.full(20, -1), 5, "at least 2 classes"),
        (np.repeat([0, 2], 10), 11, "at least 11 patients"),
    ],
)
def test_too_few_for_the_folds(codes, folds, said):
    with pytest.raises(InputError, match=said):
        repeated(PATIENTS[: len(codes)], codes, folds, 1, 0)


def test_a_class_without_any_patient_is_no_obstacle():
    assert len(repeated(PATIENTS[:20], np.repeat([0, 2], 10), 5, 1, 0)) == 20


def test_tasks_are_the_rows_tested():
    table = repeated(PATIENTS, CODES, 5, 2, seed=0)
    found = tasks(table)
    assert [(r, k) for r, k, _ in found] == [(r, k) for r in range(2) for k in range(5)]
    for repeat in range(2):
        rows = np.concatenate([rows for r, _, rows in found if r == repeat])
        assert sorted(rows) == np.flatnonzero(CODES >= 0).tolist()
    for repeat, fold, rows in found:
        mine = table[(table["repeat"] == repeat) & (table["fold"] == fold)]
        assert PATIENTS[rows].tolist() == mine["patient"].tolist()


# ------------------------------------------------------------------------------------------ the user's own


def folds_file(tmp_path, table):
    path = tmp_path / "folds.csv"
    path.write_text(table) if isinstance(table, str) else table.to_csv(path, index=False)
    return path


def test_folds_written_are_folds_read(tmp_path):
    table = repeated(PATIENTS, CODES, 5, 2, seed=0)
    path = folds_file(tmp_path, table.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(read_folds(path, PATIENTS, CODES), table, check_dtype=False)


def test_who_is_not_named_or_blank_always_trains(tmp_path):
    found = read_folds(folds_file(tmp_path, "patient,repeat,fold\nP03,0,1\nP01,0,0\nP02,0,\n"), PATIENTS, CODES)
    assert len(found) == len(PATIENTS) and found["fold"].notna().sum() == 2
    assert [(r, k, rows.tolist()) for r, k, rows in tasks(found)] == [(0, 0, [1]), (0, 1, [3])]


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    patients = pd.Index(["007", "008"])
    found = read_folds(folds_file(tmp_path, "patient,repeat,fold\n007,0,0\n008,0,1\n"), patients, np.array([0, 1]))
    assert found["patient"].tolist() == ["007", "008"] and found["fold"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("patient,repeat\nP01,0\n", "columns fold are missing"),
        ("patient,repeat,fold\nP01,0,0\nXX,0,1\n", "1 ids are not in the cohort"),
        ("patient,repeat,fold\nP01,0,0\nP01,0,1\n", "stand twice in a repeat"),
        ("patient,repeat,fold\nP01,0,0\nP85,0,1\n", "1 tested patients have no label"),
        ("patient,repeat,fold\nP01,0,\n", "nobody is tested"),
        ("patient,repeat,fold\nP01,0,first\n", "fold"),
        ("patient,repeat,fold\nP01,0,0.5\n", "fold"),
        ("patient,repeat,fold\nP01,,0\nP02,0,1\n", "repeat"),
        ("", "empty"),
    ],
)
def test_bad_folds_are_refused(tmp_path, table, said):
    with pytest.raises(InputError, match=said) as caught:
        read_folds(folds_file(tmp_path, table), PATIENTS, CODES)
    assert "folds.csv" in str(caught.value)


def test_all_faults_of_a_folds_file_at_once_and_no_ids(tmp_path):
    path = folds_file(tmp_path, "patient,repeat,fold\nSECRET,0,0\nP85,0,1\nP01,0,1\nP01,0,2\n")
    with pytest.raises(InputError, match="3 things to mend") as caught:
        read_folds(path, PATIENTS, CODES)
    assert "SECRET" not in str(caught.value)


def test_a_missing_folds_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_folds(tmp_path / "gone.csv", PATIENTS, CODES)
