"""Numbers given as an array: which kind they are taken for, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_score

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

RECIPE = Recipe(name="quick", train={"epochs": 3, "seeds": 1})


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """60 patients, of whose 8 columns 2 make the outcome."""
    rng = np.random.default_rng(7)
    ids = [f"line {row}" for row in range(60)]
    rna = pd.DataFrame(rng.normal(size=(60, 8)), ids).add_prefix("g")
    dose = rna["g0"] - rna["g1"] + 0.3 * rng.normal(size=60)
    return Cohort.from_frames({"rna": rna}, dose.rename("dose"), kind="number")


def test_an_array_beside_a_cohort_is_of_the_kind_of_its_outcome(cohort):
    model = FusionModel(RECIPE, cohort=cohort)
    assert is_regressor(model) and not is_regressor(FusionModel(RECIPE))
    rows, y = np.arange(len(cohort)), cohort.outcome().values
    scores = cross_val_score(model, rows, y, cv=3)
    expected = [
        r2_score(y[test], clone(model).fit(rows[train], y[train]).predict(rows[test]))
        for train, test in KFold(3).split(rows)
    ]
    assert scores == pytest.approx(expected, rel=1e-9) and min(scores) > 0
    sides = np.where(y > np.median(y), "high", "low")
    assert is_classifier(FusionModel(RECIPE, cohort=cohort, kind="class").fit(rows, sides))


def test_numbers_in_another_order_than_the_cohorts_are_told(cohort, caplog):
    y = cohort.outcome().values
    for given in (y, y + 0.5, np.where(np.arange(60) < 6, y[::-1], y)):
        FusionModel(RECIPE).fit(cohort, given)
        assert "cohort.patients" not in caplog.text
    FusionModel(RECIPE).fit(cohort.take(np.arange(40)), y[::-1][:40])
    assert "cohort.patients" not in caplog.text  # a third of them: too few to tell
    FusionModel(RECIPE).fit(cohort.take(np.arange(45)), y[::-1][:45])
    assert "y: is not the outcome 'dose' of the same patients" in caplog.text


@pytest.mark.parametrize(
    ("kind", "labels", "said"),
    [
        ("number", ["a", "b"] * 20, "y: holds what is no number .*'a', 'b'.* kind=\"class\""),
        ("number", pd.date_range("2020-01-01", periods=40), "dates and times are no numbers"),
        ("class", np.linspace(0, 1, 40), 'Unknown label type: continuous.* kind="number"'),
        ("numbers", np.linspace(0, 1, 40), "^no kind of outcome is called 'numbers'"),
        ("survival", np.linspace(0, 1, 40), "^no model is trained .* take class or number"),
    ],
)
def test_labels_that_are_not_of_the_kind_are_refused_with_a_cure(kind, labels, said):
    with pytest.raises(InputError, match=said):
        FusionModel(RECIPE, kind=kind).fit(np.random.default_rng(0).normal(size=(40, 5)), labels)
