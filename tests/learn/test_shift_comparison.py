"""What predict and score say of tables on another scale, and what stays as it was."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
)


def logs(patients: int, columns: int = 90, seed: int = 0) -> np.ndarray:
    """Logarithms as of expression: columns of different levels, moved by two common factors."""
    fixed = np.random.default_rng(7)
    level, loadings = fixed.uniform(3, 13, columns), fixed.normal(size=(2, columns))
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(patients, 2)) @ loadings
    return level + 0.5 * common + 0.6 * rng.normal(size=(patients, columns))


SHIFTS = {
    "z-scores": lambda x: (x - x.mean(axis=0)) / x.std(axis=0),
    "not logarithms": lambda x: 2.0**x,
    "plus 1": lambda x: x + 1,
    "exchanged columns": lambda x: x[:, ::-1],
}


def cohort(patients: int, seed: int, change=lambda x: x, values="log", name="made") -> Cohort:
    ids = [f"{name}{number:03d}" for number in range(patients)]
    table = logs(patients, columns=60, seed=seed)
    labels = pd.Series(np.where(table[:, 0] > 6.5, "high", "low"), index=ids, name="kind")
    labels.iloc[:2] = ["high", "low"][:patients]
    frame = pd.DataFrame(change(table), index=ids).add_prefix("g")
    made = Cohort.from_frames({"rna": frame}, labels, name=name)
    rna = replace(made.modalities["rna"], values=values, declared="")
    return replace(made, modalities={"rna": rna})


@pytest.fixture(scope="module")
def model() -> FusionModel:
    return FusionModel(RECIPE, device="cpu").fit(cohort(100, 1))


def with_cell(found: Cohort, value: float, row: int = 1) -> Cohort:
    rna = found.modalities["rna"]
    table = rna.table.copy()
    table.iloc[row, 3] = value
    return replace(found, modalities={"rna": replace(rna, table=table)})


def test_intact_patients_are_called_without_a_word(model, caplog):
    found = gf.predict(model, cohort(30, 2, name="new"))
    assert list(found.columns) == ["patient", "call", "p_high", "p_low", "flag"]
    assert (found["flag"] == "").all() and not caplog.messages


@pytest.mark.parametrize("kind", ["z-scores", "not logarithms", "exchanged columns"])
def test_another_scale_is_refused_unless_allowed(model, caplog, kind):
    new = cohort(30, 2, SHIFTS[kind], name="new")
    with pytest.raises(InputError, match="not on the scale .* --allow-shift") as caught:
        gf.predict(model, new)
    assert "new0" not in str(caught.value)
    with pytest.raises(InputError, match="not on the scale"):
        gf.score(model, new)
    with pytest.raises(InputError, match="not on the scale"):
        model.predict(new)
    with pytest.raises(InputError, match="not on the scale"):
        model.predict_proba(new)
    found = gf.predict(model, new, allow_shift=True)
    assert any("not on the scale" in said for said in caplog.messages)
    probability = model.predict_proba(new, allow_shift=True)
    np.testing.assert_array_equal(found[["p_high", "p_low"]], probability)
    notices = gf.score(model, new, allow_shift=True).record["notices"]
    assert any("not on the scale" in notice for notice in notices)


def test_a_smaller_shift_is_told_and_moves_no_cell(model, caplog):
    new = cohort(30, 2, SHIFTS["plus 1"], name="new")
    found = gf.predict(model, new)
    assert "1 larger than in training" in "".join(caplog.messages)
    alone = gf.predict(model, new.take([4]))
    pd.testing.assert_frame_equal(alone, found.iloc[[4]].reset_index(drop=True))


@pytest.mark.parametrize("values", ["counts", "z-score"])
def test_values_declared_otherwise_are_refused(model, values):
    new = cohort(30, 2, values=values, name="new")
    with pytest.raises(InputError, match=f'values = "{values}" here, "log" in'):
        gf.predict(model, new)
    assert len(gf.predict(model, new, allow_shift=True)) == 30
    assert len(gf.predict(model, cohort(30, 2, values="mixed", name="new"))) == 30


def test_another_transform_is_refused(model):
    def said(transform, values="log"):
        made = cohort(60, 3)
        rna = replace(made.modalities["rna"], transform=transform, values=values)
        return replace(made, modalities={"rna": rna})

    trained = FusionModel(RECIPE, device="cpu").fit(said("log1p"))
    with pytest.raises(InputError, match='set transform = "log1p"'):
        trained.predict(said("cpm-log"))
    assert len(trained.predict(said("none"))) == len(trained.predict(said("log1p"))) == 60


@pytest.mark.parametrize("value", [1.797e308, -3.4e38, 9.97e36, -1e300])
def test_a_size_that_no_measurement_has_is_refused(model, value):
    new = with_cell(cohort(5, 2, name="new"), value)
    for allow in (False, True):
        with pytest.raises(InputError, match="'rna': 1 column holds values"):
            gf.predict(model, new, allow_shift=allow)
    with pytest.raises(InputError, match="'rna': 1 column holds values"):
        model.predict_proba(new)
    if abs(value) > 1e37:
        with pytest.raises(InputError, match="'rna': 1 column holds values beyond 1e"):
            FusionModel(RECIPE, device="cpu").fit(with_cell(cohort(60, 1), value))


def test_rows_are_flagged_from_themselves_alone(model):
    new = with_cell(cohort(40, 2, name="new"), -9999.0, row=6)
    rna = new.modalities["rna"]
    table = rna.table.copy()
    table.iloc[9, 5:] = np.nan
    table.iloc[12] = 2 ** table.iloc[12]
    new = replace(new, modalities={"rna": replace(rna, table=table)})
    flags = gf.predict(model, new)["flag"]
    assert flags[6] == "rna: a value far beyond those of training"
    assert flags[9] == "rna: most columns are missing"
    assert flags[12] in ("rna: profile unlike any of training", flags[6])
    assert (flags.drop([6, 9, 12]) == "").all()
    assert [
        gf.predict(model, new.take([row]), allow_shift=True)["flag"][0] for row in range(40)
    ] == (flags.tolist())


def test_one_patient_is_compared_too(model):
    assert (gf.predict(model, cohort(1, 2, name="new"))["flag"] == "").all()
    with pytest.raises(InputError, match="tables of <5 patients are not on the scale"):
        gf.predict(model, cohort(40, 2, SHIFTS["not logarithms"], name="new").take([5]))


def test_a_saved_model_says_the_same_and_one_without_says_so(model, tmp_path, caplog):
    model.save(tmp_path / "m")
    new = cohort(30, 2, SHIFTS["z-scores"], name="new")
    back = FusionModel.load(tmp_path / "m")
    assert back.shifts(new, allow_shift=True) == model.shifts(new, allow_shift=True)
    bare = copy.copy(model)
    bare.comparison_ = None  # as fold models are
    bare.save(tmp_path / "bare")
    assert len(gf.predict(FusionModel.load(tmp_path / "bare"), new)) == 30
    assert sum("keeps nothing to compare" in said for said in caplog.messages) == 1
