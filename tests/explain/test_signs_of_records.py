"""Signs come from values alone, whatever the gaps say; categories name their strongest level."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.rank_over_folds import rank
from graphfuse.explain.ranking import Ranking

N, FOLDS = 200, 4
# the shares of the sick and of the healthy in whom the marker is measured
CELLS = {
    "at random": (0.6, 0.6),
    "52 and 29 %": (0.52, 0.29),
    "64 and 20 %": (0.64, 0.20),
    "91 and 34 %": (0.91, 0.34),
}
RECIPE = gf.Recipe(name="plain", train={"epochs": 0, "seeds": 1})
SIGNS = {"clinical:marker": -1, "clinical:control": 1}
LEVELS = {"clinical:smoker": "yes", "clinical:stage": "C"}


def cohort(measured: tuple[float, float], seed: int) -> gf.Cohort:
    """Records in which a low marker goes with being sick, and is measured by whether one is."""
    rng = np.random.default_rng(seed)
    ids = [f"p{row:03d}" for row in range(N)]
    is_sick = rng.permutation(np.arange(N) % 2 == 0)
    marker = rng.normal(size=N) - 0.9 * is_sick
    marker[rng.random(N) >= np.where(is_sick, *measured)] = np.nan
    smokes = rng.random(N) < np.where(is_sick, 0.75, 0.3)
    is_late = is_sick & (rng.random(N) < 0.6)
    records = {
        "marker": marker,
        "control": rng.normal(size=N) + 0.9 * is_sick,
        "smoker": np.where(smokes, "yes", "no"),
        "stage": np.where(is_late, "C", rng.choice(["A", "B", "C"], N)),
    }
    genes = pd.DataFrame(rng.normal(size=(N, 10)), ids, [f"G{k}" for k in range(10)])
    tables = {"clinical": pd.DataFrame(records, ids), "rna": genes}
    types = {"clinical": {"stage": "categorical", "smoker": "categorical"}}
    label = pd.Series(np.where(is_sick, "sick", "healthy"), ids, name="status")
    return gf.Cohort.from_frames(tables, label, ehr=types)


@cache
def ranked(measured: tuple[float, float], seed: int) -> Ranking:
    """The ranking over fold models of linear nets, made once."""
    patients, replicas = cohort(measured, seed), []
    parts = np.array_split(np.random.default_rng(seed).permutation(N), FOLDS)
    for fold, tested in enumerate(parts):
        kept = np.setdiff1d(np.arange(N), tested)
        model = gf.FusionModel(RECIPE, device="cpu").fit(patients.take(kept))
        replicas.append(Replica(0, fold, np.sort(tested), kept, model))
    return rank(replicas, patients, None)


def wrong(ranking: Ranking) -> list[str]:
    """Columns whose sign or strongest level is not the planted one."""
    nodes = ranking.nodes.set_index("id")
    found = nodes["sign"].to_dict() | nodes["level"][list(LEVELS)].to_dict()
    return [name for name, planted in (SIGNS | LEVELS).items() if found[name] != planted]


@pytest.fixture(scope="module")
def informative() -> Ranking:
    return ranked(CELLS["64 and 20 %"], 0)


@pytest.mark.parametrize("cell", CELLS)
def test_signs_and_levels_are_right_however_values_are_missing(cell):
    assert wrong(ranked(CELLS[cell], 0)) == []


@pytest.mark.nightly
@pytest.mark.parametrize("cell", CELLS)
def test_98_of_100_signs_and_levels_are_right(cell):
    faults = [wrong(ranked(CELLS[cell], 100 + seed)) for seed in range(50)]
    for name in SIGNS | LEVELS:
        assert sum(name in each for each in faults) <= 1


def test_categories_have_no_sign_and_their_levels_have(informative):
    nodes = informative.nodes.set_index("id")
    assert nodes.loc[list(LEVELS), "sign"].tolist() == [0, 0]
    assert nodes.loc[list(SIGNS), "level"].tolist() == ["", ""]
    levels = informative.levels.set_index("id")
    assert set(levels.index) == {
        "clinical:marker missing",
        *(f"clinical:smoker = {level}" for level in ("yes", "no")),
        *(f"clinical:stage = {level}" for level in "ABC"),
    }
    signs = levels["sign"]
    assert signs["clinical:smoker = yes"] == 1 and signs["clinical:smoker = no"] == -1
    assert signs["clinical:stage = C"] == 1
    assert (levels["sign_class"] == "sick").all()


def test_a_flag_has_a_row_of_its_own_and_a_share_of_its_columns_score(informative):
    flag = informative.levels.set_index("id").loc["clinical:marker missing"]
    assert flag["kind"] == "flag" and flag["sign"] == -1 and flag["marginal"] > 0.65
    shares = informative.nodes.set_index("id")["missing_share"]
    assert 0.3 < shares["clinical:marker"] < 1
    assert (shares.drop("clinical:marker") == 0).all()
    at_random = ranked(CELLS["at random"], 0).nodes.set_index("id")["missing_share"]
    assert at_random["clinical:marker"] < shares["clinical:marker"]


def test_marginal_columns_are_of_values_alone(informative):
    """The AUROC of the marker is among those measured; that of its gaps stands beside the flag."""
    patients = cohort(CELLS["64 and 20 %"], 0)
    marker = patients.modalities["clinical"].table["marker"].astype(float)
    is_sick = patients.outcome().values == 1
    pairs = marker[is_sick].dropna().to_numpy()[:, None] < marker[~is_sick].dropna().to_numpy()
    row = informative.nodes.set_index("id").loc["clinical:marker"]
    assert row["marginal"] == pytest.approx(pairs.mean())
    assert row["effect"] < 0 and row["marginal_class"] == "sick"
    assert row["marginal_lo"] < row["marginal"] < row["marginal_hi"]
    stage = informative.nodes.set_index("id").loc["clinical:stage"]
    levels = informative.levels.set_index("id")
    assert stage["marginal"] == levels.loc["clinical:stage = C", "marginal"] and stage["q"] < 0.01
