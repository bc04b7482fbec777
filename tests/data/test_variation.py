"""Modalities that do not vary, or hardly: told by check, refused where there is no other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.variation import barely_varying, deviating, require_variation
from graphfuse.errors import InputError

IDS = [f"S{i:02d}" for i in range(30)]
LABELS = pd.Series(["a", "b"] * 15, index=IDS, name="kind")


def cohort(ehr=(), **tables) -> Cohort:
    frames = {name: pd.DataFrame(table, index=IDS) for name, table in tables.items()}
    return Cohort.from_frames(frames, LABELS, ehr=list(ehr))


def noise(columns: int = 4) -> dict:
    rng = np.random.default_rng(0)
    return {f"g{i}": rng.normal(size=30) for i in range(columns)}


def mostly(value, other, count: int) -> list:
    return [other] * count + [value] * (30 - count)


def test_an_intact_cohort_is_told_nothing_of():
    records = {"age": np.arange(30.0), "sex": ["f", "m"] * 15}
    found = cohort(rna=noise(), small={"x": mostly(0.0, 1.0, 6)}, ehr=["records"], records=records)
    assert barely_varying(found) == []
    require_variation(found)


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e12])
def test_a_constant_modality_is_told_whatever_its_unit(unit):
    found = cohort(rna=noise(), flat={"x": np.full(30, 0.7) * unit, "y": np.zeros(30)})
    (told,) = barely_varying(found)
    assert told.startswith("[modality.flat] every column is constant")
    varied = cohort(rna=noise(), flat={"x": np.arange(30.0) * unit})
    assert barely_varying(varied) == []


def test_variation_that_rests_on_a_few_patients_is_told():
    found = cohort(rna=noise(), rare={"x": mostly(0.0, 1.0, 3), "y": np.ones(30)})
    (told,) = barely_varying(found)
    assert "all but a few patients" in told and "S0" not in told
    lonely = {"x": mostly(np.nan, 2.0, 1), "y": mostly(np.nan, 5.0, 1)}
    (told,) = barely_varying(cohort(rna=noise(), lonely=lonely))
    assert "fewer than 5 patients have it" in told


def test_records_vary_by_their_words_and_by_what_is_missing():
    records = {"sex": mostly("f", "m", 4), "ward": mostly("A", None, 12)}
    found = cohort(ehr=["records"], records=records)
    assert deviating(found.modalities["records"]).sum() == 12
    same = cohort(ehr=["records"], records={"sex": ["f"] * 30})
    assert not deviating(same.modalities["records"]).any()


def test_nothing_that_varies_is_one_error():
    found = cohort(rna={"g": np.full(30, 3.0)}, mut={"m": np.zeros(30)})
    with pytest.raises(InputError, match=r"every column of every modality \(rna, mut\)"):
        require_variation(found)
