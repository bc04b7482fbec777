"""A prediction is the same whatever other rows stand in the file: every type of column, through
manifests and a saved model."""

import numpy as np
import pandas as pd
import pytest

from graphfuse import api
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel

COLUMNS = ["age", "site", "pain", "mood", "seen", "smoker", "code", "er", "lab"]
TRAINING = """
name = "records"
[outcome.arm]
kind = "class"
file = "arm.csv"
column = "arm"
[modality.clinical]
file = "clinical.csv"
kind = "ehr"
columns = ["age", "site", "pain", "mood", "seen", "smoker", "code", "er", "lab"]
types = { code = "categorical", mood = ["low", "fair", "good"] }
[modality.rna]
file = "rna.csv"
kind = "omics"
"""
NEW = """
name = "new"
[modality.clinical]
file = "new.csv"
kind = "ehr"
columns = ["age", "site", "pain", "mood", "seen", "smoker", "code", "er", "lab"]
[modality.rna]
file = "newrna.csv"
kind = "omics"
"""


def records(rows, seed):
    """Text as people write it, and how ill each patient is."""
    rng = np.random.default_rng(seed)
    ill = rng.random(rows)
    day = rng.integers(1, 29, rows)
    frame = pd.DataFrame(
        {
            "age": (40 + 40 * ill + rng.normal(0, 5, rows)).round().astype(int).astype(str),
            "site": rng.choice(["A", "B", "C"], rows),
            "pain": np.array(["none", "mild", "severe"])[(ill * 2.99).astype(int)],
            "mood": np.array(["good", "fair", "low"])[(ill * 2.99).astype(int)],
            "seen": [f"{d:02d}/0{1 + d % 9}/20{15 + d % 7}" for d in day],
            "smoker": np.where(ill > 0.5, "TRUE", "FALSE"),
            "code": np.where(ill > 0.4, "01", "1"),
            "er": np.where(ill > 0.6, "+", "-"),
            "lab": (5 * ill).round(2).astype(str),
        },
        index=pd.Index([f"N{seed}x{i}" for i in range(rows)], name="id"),
    )
    for at in range(len(COLUMNS)):
        frame.iloc[at::13, at] = ""
    rna = pd.DataFrame(rng.normal(ill[:, None], 1, (rows, 12)).round(4), frame.index)
    return frame, rna.add_prefix("g"), ill


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    clinical, rna, ill = records(70, 1)
    clinical.loc["N1x1", "seen"] = "25/12/2019"
    clinical.to_csv(folder / "clinical.csv")
    rna.to_csv(folder / "rna.csv")
    arm = pd.Series(np.where(ill > 0.5, "case", "ctrl"), clinical.index, name="arm")
    arm.to_csv(folder / "arm.csv")
    (folder / "m.toml").write_text(TRAINING)
    FusionModel(seed=1, device="cpu").fit(folder / "m.toml").save(folder / "model")
    return folder


def predict(trained, folder, clinical, rna):
    clinical.to_csv(folder / "new.csv")
    rna.reindex(clinical.index).to_csv(folder / "newrna.csv")
    (folder / "new.toml").write_text(NEW)
    table = api.predict(FusionModel.load(trained / "model"), folder / "new.toml", allow_shift=True)
    return table.set_index("patient")[["p_case", "p_ctrl"]]


def test_a_saved_model_keeps_types_and_levels_as_written(trained):
    types = FusionModel.load(trained / "model").record_types["clinical"]
    assert types.kinds == {
        "age": "numeric", "site": "categorical", "pain": "ordinal", "mood": "ordinal",
        "seen": "date", "smoker": "categorical", "code": "categorical", "er": "categorical",
        "lab": "numeric",
    }  # fmt: skip
    assert types.levels["pain"] == ("none", "mild", "severe")
    assert types.levels["mood"] == ("low", "fair", "good")
    assert types.levels["seen"] == ("day first",) and types.levels["code"] == ("01", "1")
    assert types.levels["smoker"] == ("False", "True") and types.levels["er"] == ("+", "-")


def test_a_prediction_does_not_depend_on_other_rows(trained, tmp_path, caplog):
    clinical, rna, _ = records(12, 5)
    together = predict(trained, tmp_path, clinical, rna)
    shuffled = predict(trained, tmp_path, clinical.iloc[::-1], rna)
    np.testing.assert_allclose(shuffled.loc[together.index], together, rtol=0, atol=1e-9)
    for patient in clinical.index:
        alone = predict(trained, tmp_path, clinical.loc[[patient]], rna)
        np.testing.assert_allclose(alone, together.loc[[patient]], rtol=0, atol=1e-9)
    odd = {
        "site": "Z", "pain": "unheard of", "mood": "odd", "smoker": "yes", "code": "x",
        "er": "weak", "age": "90+", "lab": "unknown", "seen": "2020-01-31",
    }  # fmt: skip
    caplog.clear()
    for column, cell in odd.items():
        others = clinical.copy()
        others.loc[clinical.index[0], column] = cell
        found = predict(trained, tmp_path, others, rna)
        rest = clinical.index[1:]
        np.testing.assert_allclose(found.loc[rest], together.loc[rest], rtol=0, atol=1e-9)
    for column in ("site", "pain", "mood", "smoker", "code", "er"):
        said = f"clinical, {column}: <5 patients have a value not seen in training"
        assert said in caplog.text
    assert "N5x0" not in caplog.text


@pytest.mark.parametrize(("column", "cell"), [("age", "old"), ("lab", "12 mg"), ("seen", "junk")])
def test_text_among_numbers_and_dates_is_refused(trained, tmp_path, column, cell):
    clinical, rna, _ = records(5, 6)
    clinical.loc["N6x1", column] = cell
    with pytest.raises(InputError, match=f"column '{column}'"):
        predict(trained, tmp_path, clinical, rna)


def test_a_cohort_read_with_other_types_is_refused(trained, tmp_path):
    clinical, rna, _ = records(8, 7)
    predict(trained, tmp_path, clinical, rna)  # writes the files
    model = FusionModel.load(trained / "model")
    with pytest.raises(InputError, match="'code' was read as numeric, and the model was trained"):
        model.predict_proba(api.load(tmp_path / "new.toml"))
    same = api.load(tmp_path / "new.toml", like=model)
    assert same.modalities["clinical"].types["code"] == "categorical"
    np.testing.assert_array_equal(
        model.predict_proba(same), model.predict_proba(tmp_path / "new.toml")
    )
