"""Faults and notices of one modality, and none about intact ones."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort_checks.modality_check import judged, sentinel_notice
from graphfuse.data.modality import Modality
from graphfuse.statistics.sentinels import sentinels_in

rng = np.random.default_rng(0)
SHAPE = (60, 40)
LOGS = rng.normal(8, 3, 40) + rng.normal(0, 1, SHAPE)
M_VALUES = rng.normal(-0.5, 2.5, 40) + rng.normal(0, 0.5, SHAPE)
COUNTS = rng.negative_binomial(2, 0.01, SHAPE).astype(float)
INTACT = {
    "counts": COUNTS,
    "log": LOGS,
    "beta": rng.beta(0.5, 0.5, SHAPE) * 0.98 + 0.01,
    "m-value": M_VALUES,
    "binary": (rng.random(SHAPE) < 0.1).astype(float),
    "mixed": rng.normal(300, 40, SHAPE),
}


def modality(values, declared="mixed", kind="omics"):
    return Modality("m", pd.DataFrame(values).add_prefix("g"), kind, declared)


def spoilt(values, code, share=0.04):
    """The values with a code for missing in a share of the cells."""
    return np.where(np.random.default_rng(1).random(values.shape) < share, code, values)


@pytest.mark.parametrize("declared", INTACT)
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_no_alarm_on_intact_values(declared, gaps):
    values = spoilt(INTACT[declared], np.nan, gaps)
    assert judged(modality(values, declared), scale_declared=True) == ([], [])


@pytest.mark.parametrize("code", [-9999, -999, 999, 9999, 1e20, -1e30, 9.96921e36, -32768])
@pytest.mark.parametrize("declared", ["log", "m-value", "beta"])
def test_a_code_for_missing_is_a_fault_where_it_contradicts_what_is_declared(code, declared):
    faults, notices = judged(modality(spoilt(INTACT[declared], code), declared))
    assert len(faults) == 1 and not notices
    assert f"{code:,.6g} in" in faults[0] and "Leave such cells blank" in faults[0]


@pytest.mark.parametrize(("code", "fault"), [(-9999, False), (999, False), (9.96921e36, True)])
@pytest.mark.parametrize("kind", ["omics", "embedding"])
def test_in_mixed_tables_it_is_told(code, fault, kind):
    told = judged(modality(spoilt(LOGS, code), "mixed", kind), scale_declared=True)
    said = [text for text in told[not fault] if "a code for missing?" in text]
    assert len(said) == 1 and not (told[1] if fault else told[0])


def test_a_code_is_told_with_its_cells_and_columns():
    (code,) = sentinels_in(pd.DataFrame({"rna": [7.1, -999, 8.2], "dna": [-999, -999, 3.0]}))
    assert sentinel_notice(code).startswith("-999 in 3 cells of 2 columns (rna, dna) stands far")


def test_what_else_looks_wrong_is_told():
    scaled = (LOGS - LOGS.mean(0)) / LOGS.std(0)
    stretched = (LOGS - LOGS.min(0)) / np.ptp(LOGS, axis=0)
    for values, declared, words in [
        (scaled, "log", "z-scored over the whole cohort"),
        (stretched, "mixed", "exactly 0 to 1"),
        (INTACT["beta"], "log", 'the data look like "beta"'),
        (rng.poisson(3, SHAPE), "log", 'the data look like "counts"'),
        (LOGS - LOGS.min(), "m-value", "no value is negative"),
        (np.where(rng.random(SHAPE) < 5e-4, COUNTS + 0.5, COUNTS), "counts", "no whole numbers"),
    ]:
        faults, notices = judged(modality(values, declared), scale_declared=True)
        assert not faults and len(notices) == 1 and words in notices[0], (declared, notices)


def test_negatives_in_counts_are_found_in_the_last_column_of_a_large_table():
    values = np.zeros((1500, 2001)) + np.arange(1500)[:, None]
    values[0, 2000] = -1
    faults, _ = judged(modality(values, "counts"))
    assert len(faults) == 1 and "1 of 3,001,500 values are negative" in faults[0]


@pytest.mark.parametrize("code", [-9, 999, -999, 9.96921e36])
def test_codes_for_missing_in_records_are_told(code):
    age = rng.integers(30, 80, 50).astype(float)
    age[:5] = code
    (said,) = judged(modality({"age": age}, kind="ehr"))[1]
    assert "'gage'" in said and f"is {code:.6g} for 5 patients" in said


def test_real_values_of_records_are_not():
    days = np.r_[rng.integers(0, 3000, 200), [999, 999, 999]].astype(float)
    change = np.r_[rng.integers(-12, 12, 199), [-9, -9, -9, -9]].astype(float)
    for column in (days, change):
        assert judged(modality({"x": column}, kind="ehr")) == ([], [])


def test_text_that_hardly_repeats_is_told():
    (said,) = judged(modality({"name": [f"text {i}" for i in range(50)]}, kind="ehr"))[1]
    assert "50 different texts" in said


@pytest.mark.parametrize("kind", ["date", "ordinal", "categorical"])
def test_dates_and_levels_that_do_not_repeat_are_no_free_text(kind):
    days = pd.date_range("2019-11-04", periods=45, freq="3D").strftime("%Y-%m-%d")
    table = pd.DataFrame({"start": days.astype(object)})
    said = judged(Modality("m", table, "ehr", types={"start": kind}))
    assert said[0] == [] and len(said[1]) == (kind == "categorical")


def test_a_table_without_columns_is_a_fault():
    empty = Modality("m", pd.DataFrame(index=["a", "b"]))
    assert judged(empty) == (["no columns; the table holds ids only"], [])


def test_mouse_symbols_are_told():
    frame = pd.DataFrame(LOGS[:, :3], columns=["Trp53", "Esr1", "ACTB"])
    mice = Modality("m", frame, values="log", entity="gene", symbols=("Trp53", "Esr1", "ACTB"))
    (said,) = judged(mice)[1]
    assert "2 of 3 gene symbols are written as those of mouse or rat are (Trp53, Esr1)" in said
