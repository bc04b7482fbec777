"""Subtype discovery on cohorts whose subtypes are known, and on cohorts without any."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.schema import Recipe
from graphfuse.subtypes.discover import subtypes
from graphfuse.task.outcome import Outcome

QUICK = {"resamples": 6, "nulls": 9}
RECIPE = Recipe.model_validate(
    {"name": "made", "patient": {"similarity": "euclidean", "weight": "similarity"}}
)


def made(codes, apart, columns=20, seed=0, factor=None):
    """A cohort of Gaussian clusters: `codes` modality → cluster of every patient there; `apart`:
    distance of their means. `factor` `[N, 3]`: smooth axes without clusters that every modality
    shares."""
    rng = np.random.default_rng(seed)
    frames = {}
    for name, code in codes.items():
        means = (
            np.linalg.qr(rng.normal(size=(columns, columns)))[0][: code.max() + 1]
            * apart
            / np.sqrt(2)
        )
        values = rng.normal(size=(len(code), columns)) + means[code]
        if factor is not None:
            values += factor @ rng.normal(size=(factor.shape[1], columns)) * 1.5
        ids = [f"P{i:03d}" for i in range(len(code))]
        frames[name] = pd.DataFrame(
            values, index=ids, columns=[f"{name}{c}" for c in range(columns)]
        )
    return Cohort.from_frames(frames, name="made")


def with_outcomes(cohort, classes, time, event):
    names = tuple(f"c{c}" for c in range(max(classes) + 1))
    outcomes = {
        "truth": Outcome("truth", "class", np.asarray(classes), names, derived_from=("rna",)),
        "overall": Outcome("overall", "survival", np.asarray(time, float), event=np.asarray(event)),
    }
    return replace(cohort, outcomes=outcomes)


FOUR = np.random.default_rng(1).permutation(np.arange(120) % 4)
NONE = np.zeros(120, int)


@pytest.fixture(scope="module")
def four():
    """Four clusters in rna, nothing in meth; the first two live longer."""
    rng = np.random.default_rng(2)
    time = rng.exponential(np.where(FOUR < 2, 30.0, 6.0))
    return with_outcomes(
        made({"rna": FOUR, "meth": NONE}, 7.0), FOUR, np.minimum(time, 25), time < 25
    )


@pytest.fixture(scope="module")
def found(four):
    return subtypes(four, RECIPE, **QUICK)


def test_planted_clusters_are_found_and_counted_by_both_rules(found):
    assert adjusted_rand_score(FOUR, found.labels) > 0.9
    assert (found.choice.clusters, found.choice.by_stability, found.choice.by_eigengap) == (4, 4, 4)
    assert found.choice.stable and found.choice.p == pytest.approx(0.1)
    row = found.table.set_index("clusters").loc[4]
    assert (
        row["stability"] > 0.9 > row["null_stability_hi"]
        and row["cohesion"] > row["null_cohesion_hi"]
    )
    assert row["stability_lo"] <= row["stability"] <= row["stability_hi"]
    assert (found.clusters["jaccard"] > 0.9).all() and found.clusters["patients"].sum() == 120
    assert np.nanmean(found.confidence) > 0.9


def test_a_noise_modality_contributes_nothing(found):
    shares = found.contribution.set_index("modality")
    assert (
        shares.loc["rna", "nmi"] > 0.9
        and shares.loc["meth", "ami"] < 0.1
        and shares.loc["meth", "nmi"] < 0.15
    )
    assert (shares["nmi_lo"] <= shares["nmi_hi"]).all() and (shares["patients"] == 120).all()


def test_survival_and_classes_are_held_against_the_clusters(found):
    test = found.survival["overall"].test
    assert test.df == 3 and test.p < 1e-4
    groups = found.survival["overall"].groups
    assert groups["patients"].sum() == 120 and groups["expected"].sum() == pytest.approx(
        groups["events"].sum()
    )
    assert found.association["truth"].nmi > 0.9 and found.association["truth"].derived_from == (
        "rna",
    )


def test_survival_that_has_nothing_to_do_with_them_is_not_separated(four):
    rng = np.random.default_rng(8)
    blind = with_outcomes(four, FOUR, rng.exponential(9, 120), rng.random(120) < 0.7)
    again = subtypes(blind, RECIPE, layer="rna", clusters=4, resamples=2, nulls=0)
    assert again.survival["overall"].test.p > 0.05


@pytest.mark.slow
def test_outcomes_change_nothing_of_the_clusters(four, found):
    """And the same seed gives the same."""
    rng = np.random.default_rng(0)
    mixed = with_outcomes(
        four, rng.permutation(FOUR), rng.exponential(5, 120), rng.random(120) < 0.5
    )
    again = subtypes(mixed, RECIPE, **QUICK)
    assert (again.labels == found.labels).all()
    assert np.array_equal(again.confidence, found.confidence, equal_nan=True)
    pd.testing.assert_frame_equal(again.table, found.table)
    pd.testing.assert_frame_equal(again.contribution, found.contribution)


SMOOTH_AXES = np.random.default_rng(3).normal(size=(120, 3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, factor",
    [
        pytest.param("spectral", None, id="noise-spectral"),
        pytest.param("leiden", None, id="noise-leiden", marks=pytest.mark.slow),
        pytest.param("spectral", SMOOTH_AXES, id="smooth-axes-spectral", marks=pytest.mark.slow),
        pytest.param("leiden", SMOOTH_AXES, id="smooth-axes-leiden"),
    ],
)
def test_without_clusters_there_are_no_stable_subtypes(method, factor):
    if method == "leiden":
        pytest.importorskip("graspologic_native")
    found = subtypes(
        made({"rna": NONE}, 0.0, factor=factor), layer="rna", method=method, resamples=8, nulls=9
    )
    assert found.count == 1 and found.choice.by_stability is None and (found.labels == 0).all()
    assert (
        "no stable subtypes" in repr(found) and found.describe()["verdict"] == "no stable subtypes"
    )
    assert found.contribution.empty and not found.survival and np.isnan(found.confidence).all()
    if (
        factor is not None
    ):  # cut along its axes it looks steady: only the comparison shows that it is not
        assert found.table["stability"].max() > 0.6


def test_leiden_finds_them_too(four):
    pytest.importorskip("graspologic_native")
    found = subtypes(four, RECIPE, layer="rna", method="leiden", **QUICK)
    assert found.count == 4 and adjusted_rand_score(FOUR, found.labels) > 0.9
    few = {"resamples": 2, "nulls": 0}
    given = subtypes(four, RECIPE, layer="rna", method="leiden", resolution=0.5, **few)
    assert given.count == given.labels.max() + 1 and given.choice.given


def test_layers_that_each_part_one_half_part_all_when_fused():
    """rna parts 0|1|23, meth 01|2|3: either alone sees three clusters, the fusion four."""
    cohort = made({"rna": np.minimum(FOUR, 2), "meth": np.maximum(FOUR, 1) - 1}, 7.0)
    alone = [
        subtypes(cohort, RECIPE, layer=m, clusters=4, resamples=2, nulls=0)
        for m in cohort.modalities
    ]
    fused = subtypes(cohort, RECIPE, clusters=4, resamples=2, nulls=0)
    assert max(adjusted_rand_score(FOUR, each.labels) for each in alone) < 0.8
    assert adjusted_rand_score(FOUR, fused.labels) > 0.9
    assert fused.contribution["nmi"].between(0.5, 0.95).all()


def test_patients_without_a_modality_and_without_any(four):
    meth, rna = four.modalities["meth"], four.modalities["rna"]
    parts = {
        "rna": replace(
            rna, table=rna.table.where(pd.Series(np.arange(120) % 5 > 0, rna.table.index), np.nan)
        ),
        "meth": replace(
            meth,
            table=meth.table.where(pd.Series(np.arange(120) % 10 > 0, meth.table.index), np.nan),
        ),
    }
    found = subtypes(replace(four, modalities=parts), RECIPE, clusters=4, resamples=4, nulls=0)
    nobody = np.arange(120) % 10 == 0
    assert (found.labels[nobody] == -1).all() and np.isnan(found.confidence[nobody]).all()
    assert (found.labels[~nobody] >= 0).all() and found.frame()["cluster"].isna().sum() == 12
    has = np.arange(120) % 5 > 0
    assert adjusted_rand_score(FOUR[has], found.labels[has]) > 0.9
    assert found.survival["overall"].groups["patients"].sum() == 108
    assert dict(found.contribution[["modality", "patients"]].to_numpy()) == {"rna": 96, "meth": 108}


def test_ten_patients_will_do_and_fewer_are_told():
    two = np.arange(10) % 2
    few = Recipe.model_validate({"name": "few", "patient": {"neighbours": 3}})
    found = subtypes(made({"rna": two}, 40.0), few, layer="rna", **QUICK)
    assert found.table["clusters"].tolist() == [2] and adjusted_rand_score(two, found.labels) in (
        0.0,
        1.0,
    )
    with pytest.raises(InputError, match="6 patients have it; clusters need at least 8"):
        subtypes(made({"rna": two[:6]}, 4.0), few, layer="rna", **QUICK)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"clusters": 120}, "clusters = 120: layer 'snf' has 120 patients; ask for fewer"),
        ({"clusters": 1}, "at least 2"),
        ({"layer": "rma"}, "did you mean 'rna'"),
        ({"method": "ledien"}, "did you mean 'leiden'"),
        ({"resolution": 1.0}, "method = 'leiden'"),
        ({"resamples": 1}, "at least 2 and 0"),
    ],
    ids=["as-many-as-patients", "one", "layer", "method", "resolution", "resamples"],
)
def test_what_cannot_be_had_is_said(four, asked, said):
    with pytest.raises(InputError, match=said):
        subtypes(four, RECIPE, **asked)


@pytest.mark.slow
def test_a_rewired_layer_has_no_clusters(four):
    control = Recipe.model_validate({"name": "made", "patient": {"control": "rewired"}})
    assert subtypes(four, control, layer="rna", **QUICK).count == 1
    with pytest.raises(InputError, match="has no edges .control = 'empty'."):
        subtypes(
            four,
            Recipe.model_validate({"name": "made", "patient": {"control": "empty"}}),
            layer="rna",
            **QUICK,
        )


def test_what_is_saved(found, tmp_path):
    folder = found.save(tmp_path / "out")
    names = {"subtypes.csv", "stability.csv", "contribution.csv", "survival.csv", "subtypes.json"}
    assert {path.name for path in folder.iterdir()} == names
    table = pd.read_csv(folder / "subtypes.csv")
    assert (
        table["patient"].tolist() == list(found.patients)
        and (table["cluster"] == found.labels).all()
    )
    told = json.loads((folder / "subtypes.json").read_text())
    assert (
        told["schema"] == 1
        and told["choice"]["clusters"] == 4
        and told["verdict"] == "4 stable clusters"
    )
    assert told["parameters"]["seed"] == 0 and len(told["hashes"]["recipe"]) == 64
    assert "P00" not in (folder / "subtypes.json").read_text()
    curves = pd.read_csv(folder / "survival.csv")
    assert set(curves["cluster"]) == {0, 1, 2, 3} and set(curves["outcome"]) == {"overall"}


def test_no_file_is_left_when_saving_fails(found, tmp_path, monkeypatch):
    monkeypatch.setattr("graphfuse.subtypes.result.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        found.save(tmp_path / "out")
    assert not list(tmp_path.iterdir())
