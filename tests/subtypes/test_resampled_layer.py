"""Layers that are made again on some patients, and their data without clusters."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.schema import Recipe
from graphfuse.subtypes.resampled_layer import Tables, layered, rotated, tables_of

IDS = pd.Index([f"P{i:03d}" for i in range(40)], name="patient")


def cohort(columns=12, seed=0, missing=()):
    rng = np.random.default_rng(seed)
    frames = {
        m: pd.DataFrame(rng.normal(size=(40, columns)), IDS, [f"{m}{c}" for c in range(columns)])
        for m in ("rna", "meth")
    }
    frames["meth"].loc[list(missing)] = np.nan
    return Cohort.from_frames(frames)


def recipe(**patient):
    return Recipe.model_validate({"name": "made", "patient": patient})


def test_a_cloud_keeps_covariances_and_presence():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(4000, 1))
    values = {
        "a": shared @ [[1.0, 2.0]] + 0.3 * rng.normal(size=(4000, 2)),
        "b": shared * 1.5 + 0.3 * rng.normal(size=(4000, 1)),
    }
    present = {"a": np.ones(4000, bool), "b": rng.random(4000) < 0.7}
    values["b"][~present["b"]] = 0
    cloud = Tables(values, present, pd.RangeIndex(4000)).cloud(np.random.default_rng(1))
    assert np.cov(cloud.values["a"].T) == pytest.approx(np.cov(values["a"].T), rel=0.1)
    assert (cloud.values["b"][~present["b"]] == 0).all()
    across = np.corrcoef(cloud.values["a"][present["b"], 0], cloud.values["b"][present["b"], 0])[
        0, 1
    ]
    assert across > 0.6  # 0.94 when everyone is present; fewer common patients weaken it


def test_a_cloud_has_no_clusters_left():
    """Two far clusters become one Gaussian: the first axis loses its two peaks (excess kurtosis -2
    to about 0)."""
    values = np.random.default_rng(0).normal(size=(600, 3)) + 20 * (np.arange(600) % 2)[:, None]
    cloud = Tables({"a": values}, {"a": np.ones(600, bool)}, pd.RangeIndex(600)).cloud(
        np.random.default_rng(2)
    )
    axis = cloud.values["a"].sum(1)
    assert abs((((axis - axis.mean()) / axis.std()) ** 4).mean() - 3) < 0.7


def test_a_cloud_is_the_same_in_blocks(monkeypatch):
    made = cohort(missing=IDS[:9])
    tables = tables_of(made, recipe())
    whole = tables.cloud(np.random.default_rng(3))
    monkeypatch.setattr("graphfuse.subtypes.resampled_layer.CELLS", 7 * 40)
    parts = tables.cloud(np.random.default_rng(3))
    assert all(parts.values[m] == pytest.approx(whole.values[m], abs=1e-12) for m in whole.values)


def test_rotation_keeps_every_inner_product():
    wide = np.random.default_rng(0).normal(size=(10, 60))
    found = rotated({"wide": wide, "slim": wide[:, :5]})
    assert found["wide"].shape == (10, 10) and found["slim"] is not wide
    assert found["wide"] @ found["wide"].T == pytest.approx(wide @ wide.T)
    assert (found["slim"] == wide[:, :5]).all()


@pytest.mark.parametrize("layer", ["rna", "shared", "snf"])
@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_rotated_tables_give_the_graph_of_the_columns(monkeypatch, layer, similarity):
    made, asked = cohort(columns=100), recipe(similarity=similarity, neighbours=4)
    turn = layered(made, asked, layer, tables_of(made, asked))
    monkeypatch.setattr("graphfuse.subtypes.resampled_layer.rotated", lambda values: values)
    plain = layered(made, asked, layer, tables_of(made, asked))
    assert turn.tables.values["rna"].shape[1] < plain.tables.values["rna"].shape[1] == 100
    assert (turn.builder()(turn.tables) != plain.builder()(plain.tables)).nnz == 0


def test_top_keeps_the_columns_of_greatest_variance_as_measured():
    made = cohort()
    scaled = made.modalities["rna"].table
    scaled.iloc[:, [2, 5, 7]] *= 9
    found = tables_of(made, Recipe.model_validate({"name": "made", "select": {"top": 3}})).values[
        "rna"
    ]
    wanted = scaled.iloc[:, [2, 5, 7]].to_numpy()
    assert found == pytest.approx((wanted - wanted.mean(0)) / wanted.std(0))


def test_only_patients_of_the_layer_are_in_it():
    made = cohort(missing=IDS[30:])
    tables = tables_of(made, recipe())
    assert len(layered(made, recipe(), "meth", tables).rows) == 30
    assert len(layered(made, recipe(), "snf", tables).rows) == 40


def test_unknown_layers_and_too_few_patients_are_said():
    made = cohort(missing=IDS[5:])
    tables = tables_of(made, recipe())
    with pytest.raises(InputError, match="layer 'ran'.*did you mean 'rna'"):
        layered(made, recipe(), "ran", tables)
    with pytest.raises(
        InputError, match="modality 'meth': 5 patients have it; clusters need at least 8"
    ):
        layered(made, recipe(), "snf", tables)


class TestOwnEdges:
    def ring(self, tmp_path):
        path = tmp_path / "kin.csv"
        pairs = [(IDS[i], IDS[(i + s) % 40]) for i in range(40) for s in (1, 2)]
        pd.DataFrame(pairs, columns=["source", "target"]).to_csv(path, index=False)
        made, asked = cohort(), recipe(layer={"kin": {"edges": str(path)}})
        return layered(made, asked, "kin", tables_of(made, asked))

    def test_a_part_of_the_patients_keeps_its_edges(self, tmp_path):
        kin = self.ring(tmp_path)
        build, rows = kin.builder(), np.arange(0, 40, 3)
        whole, part = build(kin.tables), build(kin.tables.take(rows))
        assert whole.nnz == 160 and (part != whole[rows][:, rows]).nnz == 0

    def test_without_clusters_everyone_keeps_the_number_of_neighbours(self, tmp_path):
        kin = self.ring(tmp_path)
        tables, build = kin.null(0)
        drawn = build(tables)
        assert drawn.nnz and (drawn != kin.builder()(kin.tables)).nnz
        assert np.asarray(drawn.sum(1)).ravel() == pytest.approx(np.full(40, 4.0), abs=1.5)
