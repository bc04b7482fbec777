"""Six leaks that neither the access log nor changed cohorts can show: predictions that hang on the
patients scored beside a row, on its id, or on data that the pipeline reaches past the cohort."""

import functools
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.leakage.check import leak_check
from graphfuse.evaluate.leakage.outside_data import OutsideData
from graphfuse.evaluate.leakage.patient_data import PatientData
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

ROWS, HELD_OUT = np.arange(70), np.arange(70, 110)


def made():
    """110 patients, weakly separable, whose ids begin with a letter for the class."""
    cohort = planted(110, {"rna": 24}, carriers=3, effect=0.7, seed=11).cohort
    letters = np.where(cohort.outcome().values == 1, "K", "H")
    ids = [f"{letter}{number:03d}" for number, letter in enumerate(letters)]
    table = cohort.modalities["rna"].table.set_axis(ids)
    classes = [f"class{code}" for code in cohort.outcome().values]
    return Cohort.from_frames({"rna": table}, pd.Series(classes, ids, name="subtype"))


COHORT = made()


def columns(cohort):
    return cohort.modalities["rna"].table.to_numpy(float)


def codes(cohort):
    return cohort.outcome().values


@dataclass
class Model:
    """A classifier on what `shown` makes of a cohort's columns."""

    shown: object
    classifier: object

    def predict_proba(self, cohort):
        return self.classifier.predict_proba(self.shown(cohort))


def fitted(shown, train):
    return Model(shown, LogisticRegression(max_iter=2000).fit(shown(train), codes(train)))


# -------------------------------------------------------------------- honest, and six that are not


def honest(cohort, rows):
    train = cohort.take(rows)
    scaler = StandardScaler().fit(columns(train))
    return fitted(lambda asked: scaler.transform(columns(asked)), train)


def scaled_among_the_asked(cohort, rows):
    """Every batch that is scored is standardised by itself."""
    return fitted(lambda asked: StandardScaler().fit_transform(columns(asked)), cohort.take(rows))


def ranked_among_the_asked(cohort, rows):
    """Every column of a batch that is scored becomes ranks within the batch."""

    def shown(asked):
        return rankdata(columns(asked), axis=0) / len(asked)

    return fitted(shown, cohort.take(rows))


def smoothed_among_the_asked(cohort, rows):
    """Every patient is averaged with its three nearest of those who are scored."""

    def shown(asked):
        x = columns(asked)
        distances = ((x[:, None] - x[None]) ** 2).sum(axis=2)
        nearest = np.argsort(distances, axis=1)[:, :4]
        return x[nearest].mean(axis=1)

    return fitted(shown, cohort.take(rows))


def label_in_the_id(cohort, rows):
    """The first letter of the id is a column."""

    def shown(asked):
        letter = asked.patients.str.startswith("K").astype(float)
        return np.column_stack([columns(asked), letter])

    return fitted(shown, cohort.take(rows))


TABLE = columns(COHORT)
FRAME = COHORT.modalities["rna"].table
LABELS = codes(COHORT)
WORDS = pd.Series(np.where(LABELS == 1, "sick", "well"), COHORT.patients)
LISTED = ["sick" if code else "well" for code in LABELS]
BY_ID = dict(zip(COHORT.patients, LISTED, strict=True))


def table_in_a_global(cohort, rows):
    """Scaled by everybody, read from a global."""
    scaler = StandardScaler().fit(TABLE)
    return fitted(lambda asked: scaler.transform(columns(asked)), cohort.take(rows))


def labels_in_a_global(cohort, rows):
    """Columns chosen with everybody's labels, read from a global."""
    chosen = SelectKBest(f_classif, k=5).fit(TABLE, LABELS)
    return fitted(lambda asked: chosen.transform(columns(asked)), cohort.take(rows))


LEAKS = {
    scaled_among_the_asked: {("row independence", "values")},
    ranked_among_the_asked: {("row independence", "values")},
    smoothed_among_the_asked: {("row independence", "values")},
    label_in_the_id: {("renaming", "ids")},
    table_in_a_global: {("perturbation", "values")},
    labels_in_a_global: {("perturbation", "values"), ("perturbation", "labels")},
}


def seen(findings):
    return {(finding.instrument, finding.what) for finding in findings}


def test_the_honest_pipeline_passes():
    assert leak_check(honest, COHORT, ROWS) == []


@pytest.mark.parametrize("fit", LEAKS, ids=lambda fit: fit.__name__)
def test_each_of_the_six_is_found_for_what_it_is(fit):
    assert seen(leak_check(fit, COHORT, ROWS)) == LEAKS[fit]


# ------------------------------------------------------------------- the same leaks in other places


class Kept:
    """A pipeline that keeps a table of its own."""

    rank = {"columns": TABLE}

    def __init__(self, table):
        self.table = table

    def fit(self, cohort, rows):
        scaler = StandardScaler().fit(np.asarray(self.table))
        return fitted(lambda asked: scaler.transform(columns(asked)), cohort.take(rows))

    @classmethod
    def by_class(cls, cohort, rows):
        return cls(cls.rank["columns"]).fit(cohort, rows)


def with_table(table, cohort, rows):
    return Kept(table).fit(cohort, rows)


def by_default(cohort, rows, table=TABLE):
    return with_table(table, cohort, rows)


def enclosed(table):
    return lambda cohort, rows: with_table(table, cohort, rows)


def of_another_cohort(cohort, rows):
    return with_table(columns(COHORT), cohort, rows)


VALUES = {
    "attribute": Kept(TABLE).fit,
    "attribute of a class": Kept.by_class,
    "argument of a partial": functools.partial(with_table, TABLE),
    "default": by_default,
    "closure": enclosed(TABLE),
    "frame": enclosed(FRAME),
    "tensor": enclosed(torch.from_numpy(TABLE)),
    "logarithms": enclosed(np.log1p(TABLE - TABLE.min())),
    "held-out patients alone": enclosed(TABLE[HELD_OUT]),
    "a cohort": of_another_cohort,
}


@pytest.mark.parametrize("where", VALUES)
def test_values_of_held_out_patients_are_found_wherever_they_are_kept(where):
    assert seen(leak_check(VALUES[where], COHORT, ROWS)) == {("perturbation", "values")}


def chosen_by(labels):
    """Columns chosen on everybody's columns by labels that came from elsewhere; the cohort's
    columns are read past the access log."""

    def fit(cohort, rows):
        table = vars(cohort.modalities["rna"])["table"].to_numpy(float)
        given = list(labels.values()) if isinstance(labels, dict) else labels
        if hasattr(given, "outcome"):
            given = codes(given)
        chosen = SelectKBest(f_classif, k=5).fit(table, np.asarray(given))
        return fitted(lambda asked: chosen.transform(columns(asked)), cohort.take(rows))

    return fit


@pytest.mark.parametrize("labels", [LABELS, WORDS, LISTED, BY_ID, COHORT, LABELS.astype(str)])
def test_labels_of_held_out_patients_are_found_in_whatever_form(labels):
    assert ("perturbation", "labels") in seen(leak_check(chosen_by(labels), COHORT, ROWS))


def test_labels_that_are_looked_up_in_scoring_are_found():
    class Looked(Model):
        def predict_proba(self, asked):
            return np.eye(2)[[int(BY_ID[patient] == "sick") for patient in asked.patients]]

    found = leak_check(lambda cohort, rows: Looked(None, None), COHORT, ROWS)
    assert {("renaming", "ids"), ("perturbation", "labels")} <= seen(found)


def test_everybodys_neighbours_fitted_before_are_found_by_the_table_that_they_keep():
    near = KNeighborsClassifier(5, algorithm="brute").fit(TABLE, LABELS)

    def fit(cohort, rows):
        return fitted(lambda asked: near.predict_proba(columns(asked)), cohort.take(rows))

    found = leak_check(fit, COHORT, ROWS)
    assert {("perturbation", "values"), ("perturbation", "labels")} <= seen(found)


def test_data_that_is_at_hand_and_not_used_is_no_leak():
    def fit(cohort, rows):
        assert len(TABLE) == len(LABELS) == len(BY_ID) == len(COHORT)
        return honest(cohort, rows)

    assert OutsideData.reached(fit, COHORT, HELD_OUT).names("values") != ""
    assert leak_check(fit, COHORT, ROWS) == []


def test_everything_is_put_back():
    before = TABLE.copy(), LABELS.copy(), dict(BY_ID)
    reached = OutsideData.reached(labels_in_a_global, COHORT, HELD_OUT)
    assert reached.names("values") == "global 'TABLE'"
    assert reached.names("labels") == "global 'LABELS'"
    with pytest.raises(KeyError), reached.changed("values", 0):
        assert not np.array_equal(TABLE[HELD_OUT], before[0][HELD_OUT])
        assert np.array_equal(TABLE[ROWS], before[0][ROWS])
        raise KeyError
    with reached.changed("labels", 0):
        assert (LABELS[HELD_OUT] != before[1][HELD_OUT]).all()
    assert np.array_equal(TABLE, before[0]) and np.array_equal(LABELS, before[1])
    assert before[2] == BY_ID


@pytest.mark.parametrize(
    "value",
    [
        np.random.default_rng(0).normal(size=(110, 9)),
        np.random.default_rng(0).integers(0, 2, 110),
        list(range(110)),
        {"alpha": 1.0, "beta": 2.0},
        pd.Series(np.arange(5.0), list("abcde")),
        "a word",
        None,
    ],
    ids=["noise", "random labels", "row numbers", "settings", "series", "word", "nothing"],
)
def test_what_is_not_of_these_patients_is_not_taken_for_it(value):
    assert PatientData(COHORT, HELD_OUT).held_in(value) == set()


def test_a_table_with_gaps_is_known_by_one_that_was_filled():
    rng = np.random.default_rng(1)
    gaps = rng.random(TABLE.shape) < 0.15
    table = FRAME.mask(gaps)
    holed = replace(COHORT, modalities={"rna": replace(COHORT.modalities["rna"], table=table)})
    filled = np.where(gaps, np.nanmean(table, axis=0), TABLE)
    assert PatientData(holed, HELD_OUT).held_in(filled) == {"values"}


# --------------------------------------------------------------------------- how rows are scored


def test_what_stops_alone_is_said():
    def fit(cohort, rows):
        def shown(asked):
            if len(asked) < 4:
                raise ValueError("too few")
            return columns(asked)

        return fitted(shown, cohort.take(rows))

    (finding,) = leak_check(fit, COHORT, ROWS)
    assert finding.instrument == "row independence"
    assert "scored among 30 patients and alone: scoring stops with ValueError" in finding.says


def test_one_patient_held_out_is_scored_beside_those_who_train():
    found = leak_check(scaled_among_the_asked, COHORT, np.arange(109))
    assert seen(found) == {("row independence", "values")}
    assert leak_check(honest, COHORT, np.arange(109)) == []


def test_rounding_is_no_finding():
    def fit(cohort, rows):
        model = honest(cohort, rows)

        def predict_proba(asked):
            exact = model.predict_proba(asked)
            return exact * (1 + 1e-6 / len(asked))

        return SimpleNamespace(predict_proba=predict_proba)

    assert leak_check(fit, COHORT, ROWS) == []


def test_numbers_are_compared_on_their_own_scale():
    scores = pd.Series(columns(COHORT)[:, 0] * 1e-7, COHORT.patients, name="score")
    cohort = Cohort.from_frames({"rna": FRAME}, scores, kind="number")

    def fit(cohort, rows):
        mean = cohort.take(rows).outcome().values.mean()
        return SimpleNamespace(predict=lambda asked: mean * columns(asked)[:, 1] / len(asked))

    (finding,) = leak_check(fit, cohort, ROWS)
    assert finding.instrument == "row independence" and "other predictions: by up" in finding.says


def test_draws_in_scoring_are_refused():
    rng = np.random.default_rng(0)

    def fit(cohort, rows):
        model = honest(cohort, rows)

        def predict_proba(asked):
            return model.predict_proba(asked) * rng.uniform(0.9, 1.0, (len(asked), 1))

        return SimpleNamespace(predict_proba=predict_proba)

    with pytest.raises(InputError, match="scored twice get different.*switch dropout off"):
        leak_check(fit, COHORT, ROWS)


def test_ids_read_in_fitting_are_found():
    """Columns are scaled by how many held-out patients' ids begin with K."""

    def fit(cohort, rows):
        train = cohort.take(rows)
        letters = cohort.patients.str.startswith("K").astype(int)
        weight = 1 + letters[HELD_OUT].mean()
        scaler = StandardScaler().fit(columns(train) * weight)
        return fitted(lambda asked: scaler.transform(columns(asked)), train)

    assert seen(leak_check(fit, COHORT, ROWS)) == {("perturbation", "ids")}


def test_ids_may_matter_where_that_is_declared():
    assert leak_check(label_in_the_id, COHORT, ROWS, ids_matter=True) == []


STEP = '''
from dataclasses import dataclass

import numpy as np

from graphfuse.data.prepare.step import Step


@dataclass(frozen=True, eq=False)
class Near(Step):
    """Every patient is averaged with the two nearest of the table that comes."""

    arrays = {}

    @classmethod
    def fit(cls, table, context):
        return cls()

    def apply(self, table):
        distances = ((table[:, None] - table[None]) ** 2).sum(axis=2)
        return table[np.argsort(distances, axis=1)[:, :3]].mean(axis=1)
'''


def test_a_step_of_ones_own_that_smooths_over_the_asked_is_refused_by_its_contract(tmp_path):
    path = tmp_path / "near.py"
    path.write_text(STEP)
    recipe = Recipe.model_validate(
        {
            "name": "own",
            "prepare": {"steps": ["impute", "scale", f"{path}:Near"]},
            "gene": {"network": None},
            "train": {"epochs": 0, "seeds": 1},
        }
    )

    with pytest.raises(InputError, match="a patient alone = in a batch: differs"):
        FusionModel(recipe, device="cpu").fit(COHORT.take(ROWS))
