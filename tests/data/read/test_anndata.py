"""AnnData and MuData files: observations as a csv would have them, repeated names, ids, layers."""

import logging

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from graphfuse.data.load_cohort import load
from graphfuse.data.read import read_table
from graphfuse.data.read.check_id_column import NotTheIds
from graphfuse.errors import InputError

IDS = ["q4", "q1", "q3", "q2"]
VALUES = np.arange(12.0).reshape(4, 3)
pytestmark = pytest.mark.filterwarnings("ignore")


def data(**changes):
    obs = pd.DataFrame(
        {
            "arm": pd.Categorical(["b", "a", None, "b"]),
            "dose": pd.Categorical([10, 20, 10, 20]),
            "smoker": [True, False, True, True],
            "visits": [1, 2, 3, 4],
            "bmi": [20.5, np.nan, 30.0, 25.0],
            "code": ["01", "02", "01", "03"],
        },
        index=IDS,
    )
    given = {"X": VALUES, "obs": obs, "var": pd.DataFrame(index=["ALB", "CRP", "LDH"])}
    return anndata.AnnData(**{**given, **changes})


def written(tmp_path, made):
    made.write_h5ad(tmp_path / "d.h5ad")
    return tmp_path / "d.h5ad"


def test_observations_are_the_text_a_csv_would_have(tmp_path):
    path, columns = written(tmp_path, data()), ["arm", "dose", "smoker", "visits", "bmi", "code"]
    got = read_table(path, columns=columns, as_text=True)
    data().obs.rename_axis("id").to_csv(tmp_path / "o.csv")
    pd.testing.assert_frame_equal(got, read_table(tmp_path / "o.csv", as_text=True))
    assert got.loc["q4"].tolist() == ["b", "10", "True", "1", "20.5", "01"]


def test_categories_are_what_they_stand_for(tmp_path):
    got = read_table(written(tmp_path, data()), columns=["dose", "arm", "CRP"])
    assert got["dose"].tolist() == [10, 20, 10, 20] and got["arm"].dtype == object
    assert got["CRP"].tolist() == [1, 4, 7, 10] and list(got.index) == IDS


def test_a_manifest_takes_groups_and_outcomes_from_observations(tmp_path):
    written(tmp_path, data())
    (tmp_path / "m.toml").write_text(
        'name = "m"\n[outcome.dose]\nkind = "class"\nfile = "d.h5ad"\ncolumn = "dose"\n'
        '[modality.rna]\nfile = "d.h5ad"\nkind = "omics"\n'
        '[groups]\narm = { file = "d.h5ad", column = "arm" }\n'
    )
    cohort = load(tmp_path / "m.toml")
    assert list(cohort.groups["arm"]) == ["a", "b", "unknown", "b"]
    assert cohort.outcome().classes == ("10", "20")


def test_repeated_names_are_told_where_they_are_asked_for(tmp_path):
    path = written(tmp_path, data(var=pd.DataFrame(index=["ALB", "CRP", "ALB"])))
    for columns in (None, ["ALB", "CRP"], ["ALB"]):
        with pytest.raises(InputError, match=r"columns appear more than once \(ALB"):
            read_table(path, columns=columns)
    assert read_table(path, columns=["CRP", "visits"])["CRP"].tolist() == [1, 4, 7, 10]


def test_repeated_ids_are_told_without_showing_them(tmp_path):
    obs = data().obs.set_axis(["q4", "q1", "q4", "q2"], axis=0)
    path = written(tmp_path, data(obs=obs))
    for columns in (None, ["ALB", "visits"]):
        with pytest.raises(InputError, match="1 patient ids appear more than once") as caught:
            read_table(path, columns=columns)
        assert "q4" not in str(caught.value)


def test_a_column_of_both_is_refused(tmp_path):
    path = written(tmp_path, data(obs=data().obs.rename(columns={"bmi": "CRP"})))
    with pytest.raises(InputError, match="both in .obs and among the variables"):
        read_table(path, columns=["CRP"])
    assert read_table(path).shape == (4, 3)


def test_numbered_observations(tmp_path, caplog):
    obs = data().obs.assign(patient_id=IDS).reset_index(drop=True)
    obs.index = obs.index.astype(str)
    path = written(tmp_path, data(obs=obs))
    with pytest.raises(NotTheIds, match='id = "patient_id"'):
        read_table(path)
    assert list(read_table(path, id_column="patient_id").index) == IDS
    path = written(tmp_path, data(obs=obs.drop(columns=["patient_id"])))
    with caplog.at_level(logging.WARNING):
        assert len(read_table(path)) == 4
    assert "counts rows; taken for patient ids" in caplog.text


def test_sparse_values_layers_and_files_without_values(tmp_path):
    layers = {"raw": scipy.sparse.csr_matrix(VALUES * 2)}
    path = written(tmp_path, data(X=scipy.sparse.csc_matrix(VALUES), layers=layers))
    assert np.array_equal(read_table(path).to_numpy(), VALUES)
    assert np.array_equal(read_table(path, layer="raw").to_numpy(), VALUES * 2)
    path = written(tmp_path, data(X=None, layers={"raw": VALUES}))
    with pytest.raises(InputError, match="holds no values in .X; name a layer"):
        read_table(path)
    assert read_table(path, columns=["visits"])["visits"].tolist() == [1, 2, 3, 4]


def test_patients_among_the_variables_are_turned(tmp_path):
    path = written(tmp_path, data(obs=data().obs[[]]).T)
    got = read_table(path, orient="patients-in-columns")
    assert list(got.index) == IDS and np.array_equal(got.to_numpy(), VALUES)
