"""Tables of a draft: what files hold beside their values is looked at."""

import tomllib
from pathlib import Path

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

from graphfuse.data.draft.draft_manifest import draft
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError

ROOT = Path(__file__).parents[2]
REAL = next(
    (p for p in (ROOT / "shared" / "data", ROOT.parent / "shared" / "data") if p.is_dir()),
    ROOT / "none",
)
rng = np.random.default_rng(6)
N = 36
IDS = [f"D{i:03d}" for i in range(N)]
GENES = [a + b + str(i) for i, (a, b) in enumerate((a, b) for a in "ABCDE" for b in ("KIT", "SOX"))]


def measured(genes, obs=None):
    observed = pd.DataFrame(obs or {}, index=IDS)
    variables = pd.DataFrame(index=[f"{gene}{i}" for i in range(3) for gene in genes])
    values = rng.normal(8, 2, (N, len(variables)))
    return anndata.AnnData(values, obs=observed, var=variables)


def about():
    return {
        "diagnosis": pd.Categorical(np.resize(["case", "control", "case"], N)),
        "age": rng.integers(30, 80, N),
        "smoker": pd.Categorical(np.resize(["yes", "no"], N)),
        "hospital": pd.Categorical(np.resize(["north", "south", "east"], N)),
        "os_time": np.arange(N) + 1.5,
        "os": np.resize([0, 1], N),
        "leiden": pd.Categorical(np.resize(["0", "1", "2"], N)),
    }


def drafted(folder, *names):
    text = draft([folder / name for name in names])
    (folder / "m.toml").write_text(text)
    return tomllib.loads(text), load(folder / "m.toml"), text


def test_observations_of_an_anndata_are_records_outcomes_and_groups(tmp_path):
    measured(GENES, about()).write_h5ad(tmp_path / "adata.h5ad")
    table, cohort, text = drafted(tmp_path, "adata.h5ad")
    assert list(table["outcome"]) == ["diagnosis", "survival"]
    assert cohort.outcome().classes == ("case", "control")
    assert table["groups"] == {"hospital": {"file": "adata.h5ad", "column": "hospital"}}
    assert set(cohort.groups["hospital"]) == {"north", "south", "east"}
    assert table["modality"]["obs"]["columns"] == ["age", "smoker"]
    assert table["modality"]["adata"]["entity"] == "gene" and "leiden" in text
    assert cohort.modalities["obs"].types == {"age": "numeric", "smoker": "categorical"}


@pytest.mark.filterwarnings("ignore:From 0.4:FutureWarning")
def test_a_mudata_is_drafted_by_its_modalities(tmp_path):
    data = mudata.MuData({"rna": measured(GENES), "prot": measured(["spot-a", "spot-b"])})
    data.obs["grade"] = np.resize(["low", "high"], N)
    data.write(tmp_path / "all.h5mu")
    table, cohort, _ = drafted(tmp_path, "all.h5mu")
    for name in ("rna", "prot"):
        assert (table["modality"][name]["file"], table["modality"][name]["modality"]) == (
            "all.h5mu",
            name,
        )
    assert list(table["outcome"]) == ["grade"] and len(cohort.modalities) == 2
    assert cohort.outcome().known.all()


@pytest.mark.filterwarnings("ignore:From 0.4:FutureWarning")
@pytest.mark.parametrize("pulled", [False, True])
def test_observations_of_one_modality_alone_are_found(tmp_path, pulled):
    both = {"rna": measured(GENES, about()), "meth": measured(["cg000001"], about())}
    data = mudata.MuData(both)
    data.obs = data.obs[[]] if not pulled else data.obs
    data.write(tmp_path / "all.h5mu")
    table, cohort, _ = drafted(tmp_path, "all.h5mu")
    outcome = table["outcome"]["diagnosis"]
    assert (outcome["file"], outcome.get("modality")) == ("all.h5mu", "rna")
    assert table["groups"]["hospital"]["modality"] == "rna"
    assert list(table["modality"]) == ["rna", "meth", "rna-obs"]
    assert cohort.outcome().known.all() and set(cohort.groups["hospital"]) == {
        "north",
        "south",
        "east",
    }


def test_an_annotated_table_beside_a_file_of_labels(tmp_path):
    measured(GENES).write_h5ad(tmp_path / "rna_counts.h5ad")
    labels = pd.Series(np.resize(["x", "y"], N), IDS, name="status")
    labels.rename_axis("id").to_csv(tmp_path / "labels.csv")
    table, cohort, _ = drafted(tmp_path, "rna_counts.h5ad", "labels.csv")
    assert list(table["modality"]) == ["rna"] and cohort.outcome().classes == ("x", "y")


def test_a_real_annotated_file(tmp_path):
    file = REAL / "sc_readers" / "10x_pbmc68k_reduced.h5ad"
    if not file.is_file():
        pytest.skip("the real tables are not here")
    (tmp_path / file.name).symlink_to(file)
    table, cohort, _ = drafted(tmp_path, file.name)
    assert list(table["outcome"]) == ["bulk_labels"] and len(cohort) == 700
    assert table["modality"]["obs"]["columns"][:2] == ["n_genes", "percent_mito"]


def test_second_ids_of_genes_do_not_speak_for_the_values(tmp_path):
    """Entrez numbers of five digits beside logarithms once made init propose log1p."""
    random = np.random.default_rng(2)
    names = [f"Q{at:02d}" for at in range(30)]
    rna = pd.DataFrame(random.normal(7, 1, (20, 30)).round(3), columns=names)
    rna.insert(0, "Entrez_Gene_Id", range(100_000, 100_020))
    rna.index = pd.Index([f"GENE{at}" for at in range(20)], name="Hugo_Symbol")
    rna.to_csv(tmp_path / "rna.txt", sep="\t")
    labels = pd.DataFrame({"grp": ["a", "b"] * 15}, index=pd.Index(names, name="id"))
    labels.to_csv(tmp_path / "labels.csv")
    table, cohort, _ = drafted(tmp_path, "rna.txt", "labels.csv")
    rna = table["modality"]["rna"]
    assert rna["orient"] == "patients-in-columns" and rna.get("transform", "none") == "none"
    assert list(cohort.patients) == names


def test_ids_that_stand_in_another_column_are_named(tmp_path):
    about = {"sex": np.resize(["f", "m"], N), "age": np.arange(N) + 20, "Sample ID": IDS}
    about["label"] = np.resize(["x", "y", "z"], N)
    pd.DataFrame(about).to_csv(tmp_path / "clinical.csv", index=False)
    table, cohort, _ = drafted(tmp_path, "clinical.csv")
    assert table["patients"] == {"id": "Sample ID"} and list(cohort.patients) == IDS
    assert table["modality"]["clinical"]["columns"] == ["sex", "age"]


def test_a_patient_who_stands_twice_is_still_refused(tmp_path):
    about = {"patient_id": [*IDS[:-1], IDS[0]], "age": np.arange(N), "sex": np.resize([0, 1], N)}
    pd.DataFrame(about).to_csv(tmp_path / "clinical.csv", index=False)
    with pytest.raises(InputError, match="appear more than once"):
        draft([tmp_path / "clinical.csv"])


def test_a_counter_with_a_name_is_no_feature(tmp_path):
    frame = pd.DataFrame(rng.normal(size=(N, 10)), columns=GENES)
    frame.insert(0, "patient_id", IDS)
    frame.rename_axis("index").to_csv(tmp_path / "rna.csv")
    table, cohort, _ = drafted(tmp_path, "rna.csv")
    assert table["patients"] == {"id": "patient_id"}
    assert cohort.modalities["rna"].columns == GENES
