"""AnnData and MuData: what they hold against the graph, and the graph's lists back from their
files."""

from dataclasses import replace

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph import controls
from graphfuse.graph.export.anndata import (
    from_anndata,
    from_mudata,
    gene_connectivities,
    to_anndata,
    to_mudata,
    write_h5mu,
)


def assert_same(a, b):
    for part in ("offsets", "index", "weight", "senders"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


def test_varp_joins_the_columns_of_joined_genes(built):
    """meth: cg1 and cg2 measure A, cg3 D; A–D weighs 0.9. Columns of one gene are not joined."""
    made = to_anndata(built, "meth").varp["genes"].toarray()
    np.testing.assert_array_equal(made, [[0, 0, 0.9], [0, 0, 0.9], [0.9, 0.9, 0]])
    rna = to_anndata(built, "rna").varp["genes"].toarray()
    np.testing.assert_array_equal(
        rna, [[0, 0.5, 0, 0], [0.5, 0, 0.7, 0], [0, 0.7, 0, 0], [0, 0, 0, 0]]
    )
    assert "genes" not in to_anndata(built, "age").varp


def test_varp_of_directed_networks_has_who_hears_in_rows_and_loops_count_once(built):
    made = gene_connectivities(replace(built.network, directed=True), ["A", "B"]).toarray()
    np.testing.assert_array_equal(made, [[0, 0], [0.5, 0]])  # A → B: B hears
    alone = controls.control("identity", built.network, 0)
    np.testing.assert_array_equal(
        gene_connectivities(alone, ["A", "B", None]).toarray(), np.diag([1.0, 1.0, 0.0])
    )


def test_layers_come_back_from_an_h5ad(built, tmp_path):
    to_anndata(built, "rna").write_h5ad(tmp_path / "g.h5ad")
    back = from_anndata(anndata.read_h5ad(tmp_path / "g.h5ad"))
    assert set(back) == set(built.layers)
    for name, lists in built.layers.items():
        assert_same(back[name], lists)


def test_mudata_has_each_modality_of_those_who_have_it(built, tmp_path):
    write_h5mu(to_mudata(built), tmp_path / "g.h5mu")
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.read_h5mu(tmp_path / "g.h5mu")
    has = built.cohort.modalities["meth"].present
    assert (
        list(mdata.mod) == ["rna", "meth", "age"]
        and mdata.obs_names.tolist() == built.cohort.patients.tolist()
    )
    np.testing.assert_array_equal(mdata.obsm["meth"].ravel(), has)
    np.testing.assert_array_equal(mdata["meth"].X, built.features["meth"][has])
    assert list(mdata["meth"].obsp) == ["meth"] and list(mdata.obsp) == ["shared"]
    assert (
        mdata.obs["risk"].iloc[3] == to_anndata(built).obs["risk"].iloc[3]
        and mdata["meth"].varp["genes"].nnz == 4
    )
    assert mdata.uns["graphfuse"]["network"] == "made"
    assert mdata.var_names.is_unique and mdata["meth"].var_names.tolist() == [
        "meth:cg1",
        "meth:cg2",
        "meth:cg3",
    ]
    assert mdata["meth"].var["column"].tolist() == ["cg1", "cg2", "cg3"]
    back = from_mudata(mdata)
    assert set(back) == set(built.layers)
    for name, lists in built.layers.items():
        assert_same(back[name], lists)


def test_an_order_of_ones_own_is_kept_by_id(built):
    turned = built.cohort.patients[::-1]
    back = from_mudata(to_mudata(built), turned)["meth"]
    ids, lists = built.cohort.patients, built.layers["meth"]
    was = {(ids[a], ids[b]) for a, b in zip(lists.receivers, lists.index, strict=True)}
    assert {(turned[a], turned[b]) for a, b in zip(back.receivers, back.index, strict=True)} == was


def test_a_modality_layer_that_reaches_absent_patients_is_shared(built):
    mdata = to_mudata(replace(built, layers={"meth": built.layers["rna"]}))
    assert list(mdata.obsp) == ["meth"] and not len(mdata["meth"].obsp)


def test_a_patient_without_any_modality_is_named(built):
    left = {
        n: m.table.drop(index=m.table.index[4]).reindex(m.table.index)
        for n, m in built.cohort.modalities.items()
    }
    missing = {n: replace(m, table=left[n]) for n, m in built.cohort.modalities.items()}
    graph = replace(built, cohort=replace(built.cohort, modalities=missing))
    mdata = to_mudata(graph)
    assert mdata.shape[0] == 23 and mdata.uns["graphfuse"]["left_out"].tolist() == [
        built.cohort.patients[4]
    ]


def test_columns_that_stand_twice_are_told_apart(built):
    names = {**built.feature_names, "rna": ["a_1", "a_1", "c_3", "a_1"]}
    assert to_anndata(replace(built, feature_names=names)).var_names.tolist() == [
        "a_1",
        "a_1#2",
        "c_3",
        "a_1#3",
    ]


def test_names_with_a_slash_reach_the_file(built, tmp_path):
    write_h5mu(
        to_mudata(replace(built, layers={"rna/shared": built.layers["shared"]})),
        tmp_path / "g.h5mu",
    )
    with mudata.set_options(pull_on_update=False):
        assert len(mudata.read_h5mu(tmp_path / "g.h5mu").obsp) == 1


def test_what_cannot_be_stops(built):
    with pytest.raises(InputError, match="no table"):
        to_mudata(replace(built, features={}, feature_names={}))
    adata = to_anndata(built)
    with pytest.raises(InputError, match="none of the patients"):
        from_anndata(adata, pd.Index(["P00"]))
    adata.obsp["rna"].data[0] = np.nan
    with pytest.raises(InputError, match="1 weights are not finite"):
        from_anndata(adata)
