"""What a study keeps in memory: more of everything takes more, and what is said to fit fits."""

from dataclasses import replace

import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.cost_plan.memory import Footprint, Table, require_memory, what_fits
from graphfuse.evaluate.folds import repeated
from graphfuse.schema import Recipe

MADE = Footprint((Table(900, 900, True, True), Table(300, 300, False, True)), 5, 2, 160, 200, 32, 3)


@pytest.mark.parametrize(
    "more",
    [{"folds": 6}, {"trained": 180}, {"tables": (*MADE.tables, Table(1, 1, False, True))}],
)
def test_more_takes_more(more):
    bigger = replace(MADE, **more)
    assert bigger.least > MADE.least and bigger.likely() > MADE.likely()


@pytest.mark.parametrize("more", [{"repeats": 3}, {"seeds": 4}, {"width": 64}, {"candidates": 4}])
def test_nets_and_repeats_raise_the_peak_alone(more):
    bigger = replace(MADE, **more)
    assert bigger.least == MADE.least and bigger.likely() > MADE.likely()


def test_the_least_is_below_the_peak_and_is_what_stands_there():
    """Per fold: rows as they are (1,200 columns), as shown (900 twice, 300), and four kernels:
    three of the table that hears its neighbours."""
    assert MADE.least == 5 * 8 * 160 * (1200 + 2100 + 4 * 160)
    assert MADE.least < MADE.likely() < MADE.likely(1e6)


def test_of_a_cohort(small, network):
    recipe = Recipe.named("multiplex")
    folds = repeated(small.cohort.patients, small.cohort.outcome().values, 4, 3, 0)
    found = Footprint.of(small.cohort, recipe, network, folds)
    assert [table.columns for table in found.tables] == [40, 24]
    assert all(table.smooths and table.linear for table in found.tables)
    assert (found.folds, found.repeats, found.trained, found.everyone) == (4, 3, 60, 80)
    chosen = recipe.model_copy(update={"select": recipe.select.model_copy(update={"top": 7})})
    few = Footprint.of(small.cohort, chosen, None, folds)
    assert [(t.columns, t.shown, t.smooths) for t in few.tables] == [(40, 7, False), (24, 7, False)]
    assert few.likely() < found.likely()


@pytest.mark.parametrize("share", [0.2, 0.4, 0.9])
def test_what_is_said_to_fit_fits_and_no_more_would(share):
    free = share * MADE.least
    said = what_fits(MADE, free)
    most = int(said.split("What would fit: ")[1].split(" column")[0].replace(",", ""))
    for columns, fits in ((most, True), (most + 1, False)):
        cut = replace(MADE, tables=tuple(table.cut(columns) for table in MADE.tables))
        assert (cut.least <= free) == fits
    assert ("--cv 2x1" in said) == (replace(MADE, folds=2, trained=100).least <= free)


def test_where_a_twentieth_is_free_few_columns_or_few_patients_fit():
    said = what_fits(MADE, 0.05 * MADE.least)
    assert "21 columns of each table" in said and said.endswith("12 patients")


def test_a_study_that_cannot_fit_is_refused_and_others_are_not(small, monkeypatch):
    folds = repeated(small.cohort.patients, small.cohort.outcome().values, 4, 1, 0)
    recipe = Recipe.named("multiplex")
    least = Footprint.of(small.cohort, recipe, None, folds).least
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", f"{1.01 * least / 1e9}")
    require_memory(small.cohort, recipe, None, folds)
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", f"{0.5 * least / 1e9}")
    with pytest.raises(
        InputError, match=r"at least 0\.\d MB .* free\. What would fit: .*, or 42 patients"
    ):
        require_memory(small.cohort, recipe, None, folds)


def test_patients_always_training_count(small):
    folds = repeated(small.cohort.patients, small.cohort.outcome().values, 4, 1, 0)
    one = folds.assign(fold=folds["fold"].where(folds["fold"] == 0).astype("Int64"))
    found = Footprint.of(small.cohort, Recipe.named("multiplex"), None, pd.DataFrame(one))
    assert found.folds == 1 and found.trained == 60


def test_more_patients_than_kernels_are_kept_for_take_none():
    wide = (Table(12_000, 12_000, False, True),)
    many = replace(MADE, tables=wide, trained=24_000, everyone=30_000)
    assert many._moment(24_000) < many._moment(20_000)
    narrow = replace(many, tables=(Table(50, 50, False, True),))
    assert narrow.likely() < 4e9 < many.likely()
