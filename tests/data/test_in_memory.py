"""AnnData and MuData in memory become the cohorts that a manifest would make of their files."""

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")
IDS = ["s3", "s1", "s2", "s4"]
VALUES = np.arange(12.0).reshape(4, 3)


def data(**changes):
    obs = pd.DataFrame(
        {
            "arm": pd.Categorical(["x", "y", "x", "y"]),
            "site": pd.Categorical(["n", None, "m", "n"]),
            "patient": ["d", "c", "b", "a"],
        },
        index=IDS,
    )
    var = pd.DataFrame({"gene": ["TP53", "", "ALB"]}, index=["p1", "p2", "p3"])
    layers = {"log": VALUES / 10}
    return anndata.AnnData(**{"X": VALUES, "obs": obs, "var": var, "layers": layers, **changes})


def test_symbols_groups_and_layers_as_a_manifest_has_them(tmp_path):
    cohort = Cohort.from_anndata(data(), "arm", layer="log", symbols="gene", groups=["site"])
    rna = cohort.modalities["rna"]
    assert rna.symbols == ("TP53", None, "ALB") and rna.entity == "gene"
    assert list(cohort.groups["site"]) == ["unknown", "m", "n", "n"]
    assert rna.table.loc["s3"].tolist() == [0.0, 0.1, 0.2]
    data().write_h5ad(tmp_path / "d.h5ad")
    (tmp_path / "m.toml").write_text(
        'name = "cohort"\n[outcome.arm]\nkind = "class"\nfile = "d.h5ad"\ncolumn = "arm"\n'
        '[modality.rna]\nfile = "d.h5ad"\nkind = "omics"\nlayer = "log"\n'
        '[groups]\nsite = { file = "d.h5ad", column = "site" }\n'
    )
    loaded = load(tmp_path / "m.toml")
    assert loaded.digest() == cohort.digest()
    assert list(loaded.groups["site"]) == list(cohort.groups["site"])


def test_backed_and_sparse_data(tmp_path):
    data(X=scipy.sparse.csr_matrix(VALUES)).write_h5ad(tmp_path / "d.h5ad")
    backed = anndata.read_h5ad(tmp_path / "d.h5ad", backed="r")
    plain = Cohort.from_anndata(data(), "arm")
    assert Cohort.from_anndata(backed, "arm").digest() == plain.digest()
    assert Cohort.from_anndata(data(X=scipy.sparse.csc_matrix(VALUES)), "arm").digest() == (
        plain.digest()
    )


def test_ids_from_a_column():
    cohort = Cohort.from_anndata(data(), "arm", id_column="patient", groups="site")
    assert list(cohort.patients) == list("abcd")
    assert [cohort.outcome().classes[code] for code in cohort.outcome().values] == list("yxyx")
    numbered = data()
    numbered.obs_names = ["0", "1", "2", "3"]
    with pytest.raises(InputError, match='id_column="patient"'):
        Cohort.from_anndata(numbered, "arm")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"outcome": "arms"}, "no column 'arms' .did you mean 'arm'"),
        ({"groups": ["sites"]}, "no column 'sites' .did you mean 'site'"),
        ({"symbols": "genes"}, r"\.var has no column 'genes' .did you mean 'gene'"),
        ({"layer": "logs"}, "no layer 'logs' .did you mean 'log'"),
    ],
)
def test_names_that_are_not_there(options, said):
    with pytest.raises(InputError, match=said):
        Cohort.from_anndata(data(), **options)


def test_repeated_names():
    twice = data()
    twice.var_names = ["p1", "p1", "p3"]
    with pytest.raises(InputError, match=r"columns appear more than once \(p1"):
        Cohort.from_anndata(twice)
    twice = data()
    twice.obs_names = ["s1", "s1", "s2", "s3"]
    with pytest.raises(InputError, match="1 patient ids appear more than once"):
        Cohort.from_anndata(twice)


def test_mudata_has_them_too():
    other = data(var=pd.DataFrame({"gene": ["A", "B", "C"]}, index=["q1", "q2", "q3"]))
    both = mudata.MuData({"rna": data(), "prot": other[:3].copy()})
    both.obs["arm"] = pd.Categorical(["x", "y", "x", "y"])
    both.obs["site"] = ["n", "m", "m", "n"]
    cohort = Cohort.from_mudata(both, "arm", symbols="gene", layer={"rna": "log"}, groups=["site"])
    assert cohort.modalities["prot"].symbols == ("A", "B", "C")
    assert cohort.modalities["rna"].table.loc["s3"].tolist() == [0.0, 0.1, 0.2]
    assert cohort.modalities["prot"].table.loc["s3"].tolist() == [0.0, 1.0, 2.0]
    assert list(cohort.groups["site"]) == ["m", "m", "n", "n"]
    with pytest.raises(InputError, match="no modality 'rn' .did you mean 'rna'"):
        Cohort.from_mudata(both, layer={"rn": "log"})


@pytest.mark.parametrize("thing", [None, pd.DataFrame({"a": [1.0]}), VALUES])
def test_what_is_neither(thing):
    with pytest.raises(InputError, match="expected an AnnData"):
        Cohort.from_anndata(thing)
    with pytest.raises(InputError, match="expected a MuData"):
        Cohort.from_mudata(thing)
