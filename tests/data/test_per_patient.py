"""Transforms by patient: known answers, whole patients alone, and what is refused or told."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from graphfuse.data.cohort_checks.cohort_check import check
from graphfuse.data.load_cohort import load
from graphfuse.data.modality import Modality
from graphfuse.data.prepare.per_patient import cpm_log, log1p, transformed
from graphfuse.errors import InputError

rng = np.random.default_rng(3)
COUNTS = rng.negative_binomial(1, 0.002, (40, 30)).astype(float)
MANIFEST = 'name = "m"\n[modality.rna]\nfile = "rna.csv"\nkind = "omics"\n'


def modality(values, declared="counts"):
    return Modality("rna", pd.DataFrame(values).add_prefix("g"), values=declared)


def written(folder, values, more):
    frame = pd.DataFrame(values, [f"P{i:02d}" for i in range(len(values))]).add_prefix("g")
    frame.rename_axis("id").to_csv(folder / "rna.csv")
    (folder / "m.toml").write_text(MANIFEST + more)
    return folder / "m.toml"


def test_known_answers():
    np.testing.assert_allclose(log1p(np.array([[0.0, 1.0, 99.0]])), [[0, np.log(2), np.log(100)]])
    np.testing.assert_allclose(
        cpm_log(np.array([[1.0, 1.0, np.nan], [0.0, 4.0, 4.0]])),
        [[np.log(500_001)] * 2 + [np.nan], [0.0, np.log(500_001), np.log(500_001)]],
    )


def test_what_was_declared_stays_beside_what_it_became():
    found, notices = transformed(modality(COUNTS), "log1p")
    assert (found.values, found.declared, found.transform) == ("log", "counts", "log1p")
    assert found.take(np.array([3, 1])).transform == "log1p" and not notices
    np.testing.assert_array_equal(found.table.to_numpy(), np.log1p(COUNTS))
    same, _ = transformed(modality(COUNTS), "none")
    assert (same.values, same.declared, same.transform) == ("counts", "counts", "none")


@pytest.mark.parametrize("transform", ["log1p", "cpm-log"])
def test_a_patient_does_not_depend_on_the_others(transform):
    everyone = transformed(modality(COUNTS), transform)[0].table
    alone = transformed(modality(COUNTS[7:8]), transform)[0].table
    np.testing.assert_array_equal(everyone.iloc[7], alone.iloc[0])


def test_negative_values_are_refused_with_their_columns():
    values = COUNTS.copy()
    values[2, 4] = -1
    with pytest.raises(InputError, match=r'"log1p" takes values of 0 or more, but 1 of .*\(1.*g4'):
        transformed(modality(values, "mixed"), "log1p")


def test_patients_with_nothing_but_zeros_are_told():
    values = COUNTS.copy()
    values[5] = 0
    found, (said,) = transformed(modality(values), "cpm-log")
    assert "<5 patients have 0 in every column" in said and not found.present[5]
    assert found.present.sum() == 39
    found, (said,) = transformed(modality(values), "log1p")
    assert "leave their cells blank" in said and found.present.all()


def test_totals_over_a_part_of_the_columns_are_told():
    values = COUNTS.copy()
    values[:3, 0] = np.nan
    values[3] = np.nan
    said = transformed(modality(values), "cpm-log")[1]
    assert len(said) == 1 and said[0].startswith("<5 patients lack some counts")
    assert transformed(modality(values), "log1p")[1] == []


def test_a_manifest_takes_logarithms_as_the_table_is_read(tmp_path):
    path = written(tmp_path, COUNTS, 'values = "counts"\ntransform = "log1p"\n')
    rna = load(path).modalities["rna"]
    np.testing.assert_allclose(rna.table.to_numpy(), np.log1p(COUNTS))
    assert (rna.values, rna.declared, rna.transform) == ("log", "counts", "log1p")
    seen = check(path).match.loc["rna"]
    assert (seen["declared"], seen["looks_like"]) == ("counts, log1p", "log")


def test_a_manifest_with_negative_counts_is_told_once(tmp_path):
    values = COUNTS.copy()
    values[0, 0] = -4
    for declared in ("counts", "mixed"):
        text = f'values = "{declared}"\ntransform = "cpm-log"\n'
        found = check(written(tmp_path, values, text))
        assert len(found.faults) == 1 and "negative" in found.faults[0]


def test_sparse_counts_of_an_annotated_file(tmp_path):
    ids = [f"P{i:02d}" for i in range(40)]
    data = anndata.AnnData(csr_matrix(COUNTS), pd.DataFrame(index=ids))
    data.write_h5ad(tmp_path / "rna.h5ad")
    text = MANIFEST.replace("csv", "h5ad") + 'values = "counts"\ntransform = "cpm-log"\n'
    (tmp_path / "m.toml").write_text(text)
    table = load(tmp_path / "m.toml").modalities["rna"].table
    np.testing.assert_allclose(np.expm1(table.to_numpy()).sum(1), 1e6)


@pytest.mark.parametrize("values", ["log", "z-score", "beta", "m-value", "binary"])
def test_no_logarithm_of_a_logarithm(tmp_path, values):
    path = written(tmp_path, COUNTS, f'values = "{values}"\ntransform = "log1p"\n')
    with pytest.raises(InputError, match="takes counts or intensities"):
        load(path)


def test_records_have_no_transform(tmp_path):
    path = written(tmp_path, COUNTS, "")
    text = path.read_text().replace("omics", "ehr") + 'columns = ["g0"]\ntransform = "log1p"\n'
    path.write_text(text)
    with pytest.raises(InputError, match="for tables of numbers"):
        load(path)


@pytest.mark.parametrize(
    ("values", "more", "warned"),
    [
        (COUNTS, "", True),
        (COUNTS, 'values = "counts"\n', True),
        (COUNTS * 1.37, 'values = "mixed"\n', True),
        (COUNTS, 'transform = "none"\n', False),
        (COUNTS, 'transform = "cpm-log"\n', False),
        (np.log1p(COUNTS), 'values = "log"\n', False),
        (np.log1p(COUNTS), "", False),
        (rng.poisson(0.5, (40, 30)), "", False),
        (rng.normal(500, 40, (40, 30)), "", False),
        ((COUNTS - COUNTS.mean(0)) / COUNTS.std(0), 'values = "z-score"\n', False),
    ],
)
def test_raw_tables_without_a_transform_are_warned_of(tmp_path, values, more, warned):
    said = [n for n in check(written(tmp_path, values, more)).notices if "transform =" in n]
    assert len(said) == warned
