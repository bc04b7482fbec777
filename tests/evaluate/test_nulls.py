"""Cohorts with nothing to find: what stays in them, what honest and dishonest pipelines find."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.fold_statistics import score_over_folds
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.evaluate.leakage.nulls import noise, nulls, shuffled
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import metrics_of
from tests.drawn_scores import drawn

pytestmark = pytest.mark.usefixtures("few_trees")

METRICS = metrics_of("class")


def recipe_of(net=None, **train):
    """Two layers, few epochs."""
    train = {"epochs": 30, "seeds": 2, "learning_rate": 1e-2} | train
    net = {"width": 8} | (net or {})
    return Recipe.model_validate(
        {"name": "quick", "patient": {"neighbours": 5}, "net": net, "train": train}
    )


def made():
    """Omics of which some lack one, records with numbers, ordered words and dates, three
    outcomes."""
    base = planted(
        90, {"rna": 30, "meth": 20}, missing={"meth": 0.3}, unlabelled=0.2, effect=3.0, seed=1
    ).cohort
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": pd.Series(rng.normal(60, 9, 90)).where(rng.random(90) > 0.2).to_numpy(),
            "stage": rng.choice(["I", "II", "III"], 90),
            "seen": rng.choice(["2020-01-05", "2021-03-01"], 90),
        },
        index=base.patients,
    )
    types = {"stage": "ordinal", "seen": "date"}
    clinical = Modality("clinical", table, kind="ehr", types=types)
    times = Outcome(
        "overall", "survival", np.r_[np.arange(1.0, 86), [np.nan] * 5], event=np.arange(90) % 3 == 0
    )
    grade = Outcome("grade", "class", rng.integers(0, 2, 90), ("low", "high"))
    return replace(
        base,
        modalities={**base.modalities, "clinical": clinical},
        outcomes={**base.outcomes, "overall": times, "grade": grade},
    )


COHORT = made()


# ---------------------------------------------------------------------------------- shuffled labels


def test_labels_are_dealt_among_those_who_have_one():
    found, before = shuffled(COHORT, seed=1).outcome(), COHORT.outcome()
    assert (found.known == before.known).all() and not before.known.all()
    assert (
        np.bincount(found.values[found.known]).tolist()
        == np.bincount(before.values[before.known]).tolist()
    )
    assert 0.3 < (found.values == before.values)[before.known].mean() < 0.7
    assert (found.name, found.classes) == (before.name, before.classes)


def test_all_else_stays_and_the_cohort_itself_is_not_changed():
    before = COHORT.digest()
    found = shuffled(COHORT, "grade", seed=1)
    assert COHORT.digest() == before and found.digest() != before
    assert (
        list(found.outcomes) == list(COHORT.outcomes)
        and found.outcomes["subtype"] is COHORT.outcomes["subtype"]
    )
    assert found.modalities is COHORT.modalities and found.patients is COHORT.patients
    assert (
        shuffled(COHORT, "grade", seed=1).outcomes["grade"].values == found.outcomes["grade"].values
    ).all()
    assert (
        shuffled(COHORT, "grade", seed=2).outcomes["grade"].values != found.outcomes["grade"].values
    ).any()


def test_a_time_stays_with_its_event():
    found, before = shuffled(COHORT, "overall").outcomes["overall"], COHORT.outcomes["overall"]
    pairs = [sorted(zip(o.values[o.known], o.event[o.known], strict=True)) for o in (found, before)]
    assert pairs[0] == pairs[1] and (found.values != before.values)[before.known].mean() > 0.8
    assert (found.known == before.known).all()


def test_an_unknown_target_is_refused():
    with pytest.raises(InputError, match="grade"):
        shuffled(COHORT, "grad")


# -------------------------------------------------------------------------------------------- noise


def test_noise_has_the_columns_moments_and_gaps_and_nothing_else():
    tables = {
        "rna": pd.DataFrame(
            np.random.default_rng(0).normal([5.0, -2.0, 0.0, 7.0], [2.0, 0.1, 1.0, 0.0], (4000, 4))
        )
    }
    tables["rna"][0] = tables["rna"][0].where(np.arange(4000) % 4 > 0)
    before = Cohort.from_frames({"rna": tables["rna"].add_prefix("g")})
    found = noise(before, seed=3).modalities["rna"].table
    table = before.modalities["rna"].table
    assert (found.isna() == table.isna()).all(axis=None)
    np.testing.assert_allclose(found.mean(), table.mean(), atol=0.15)
    np.testing.assert_allclose(found.std(), table.std(), rtol=0.05)
    assert (found["g3"] == 7).all()
    assert (np.abs([found[c].corr(table[c]) for c in ("g0", "g1", "g2")]) < 0.06).all()
    assert np.abs(np.corrcoef(found[["g0", "g1", "g2"]].dropna().T)[0, 1:]).max() < 0.06


def test_records_are_dealt_anew_column_by_column():
    found, before = noise(COHORT).modalities["clinical"], COHORT.modalities["clinical"]
    assert (found.kind, found.types) == ("ehr", before.types)
    for column in before.table:
        assert (found.table[column].isna() == before.table[column].isna()).all()
        assert sorted(found.table[column].dropna()) == sorted(before.table[column].dropna())
        assert found.table[column].dtype == before.table[column].dtype
    moved = (
        (found.table["stage"] != before.table["stage"]),
        (found.table["seen"] != before.table["seen"]),
    )
    assert moved[0].mean() > 0.4 and (moved[0] != moved[1]).any()


def test_noise_keeps_presence_outcomes_and_the_cohort_itself():
    before = COHORT.digest()
    found = noise(COHORT, seed=1)
    assert COHORT.digest() == before
    assert (found.present == COHORT.present).all(axis=None) and found.outcomes is COHORT.outcomes
    assert found.digest() == noise(COHORT, seed=1).digest() != noise(COHORT, seed=2).digest()


# ------------------------------------------------------------------- what is found where nothing is


def wide(seed, columns=(3000, 2000)):
    """A cohort full of signal, of 5,000 columns."""
    return planted(
        120, dict(zip(("rna", "meth"), columns, strict=True)), effect=3.0, carriers=60, seed=seed
    ).cohort


NULLS = {"noise": noise, "shuffled": lambda cohort, seed: shuffled(cohort, seed=seed)}


def of_the_net(cohort, seed=0, count=5):
    """Metric → score of the net in so many folds."""
    codes = cohort.outcome().values
    output, fold_of = np.zeros((len(codes), 2)), np.zeros(len(codes), int)
    folds = repeated(cohort.patients, codes, count, 1, seed)
    for _, fold, test, train in splits(folds, codes >= 0):
        model = FusionModel(recipe_of(), seed=seed, device="cpu").fit(cohort.take(train))
        output[test], fold_of[test] = model.predict_proba(cohort.take(test)), fold
    trained = (1 - 1 / count) * len(codes)
    draws = drawn(METRICS, codes, {"net": output}, fold_of, trained=trained)
    scores = {}
    for name in ("accuracy", "balanced_accuracy", "auroc"):
        values = draws.scores["net"][name]
        scores[name] = score_over_folds(values[:1], values, METRICS[name], len(codes), draws)
    return scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("null", "columns", "count"),
    [
        ("noise", (300, 200), 2),
        pytest.param("noise", (3000, 2000), 5, marks=pytest.mark.slow),
        pytest.param("shuffled", (3000, 2000), 5, marks=pytest.mark.slow),
    ],
)
def test_the_net_finds_nothing_where_nothing_is(null, columns, count):
    """120 patients and up to 5,000 columns, in which the same net finds everything before."""
    cohort = wide(0, columns)
    for metric, score in of_the_net(NULLS[null](cohort, 2), count=count).items():
        assert score.ci95[0] <= 0.5 <= score.ci95[1], metric
    assert of_the_net(cohort, count=count)["auroc"].ci95[0] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("null", NULLS)
def test_no_baseline_finds_anything_where_nothing_is(null):
    """One draw proves nothing: an interval leaves chance out once in twenty, and those of AUROC
    over five folds oftener. A leak finds something in every draw, and above chance."""
    draws, found_something = (2, 3, 4), Counter()
    for draw in draws:
        cohort = NULLS[null](wide(0), draw)
        outcome = cohort.outcome()
        folds = repeated(cohort.patients, outcome.values, 5, 1, 0)
        found = study(cohort, outcome, recipe_of(), None, folds, 0, "cpu", final=False).metrics({})
        assert {"majority", "single:rna", "single", "early", "late", "no-graph"} < set(found.models)
        for name, row in found.models.items():
            for metric in ("accuracy", "balanced_accuracy", "auroc"):
                found_something[name, metric] += row[metric].ci95[0] > 0.5
    assert max(found_something.values()) < len(draws), found_something.most_common(5)


@pytest.mark.nightly
@pytest.mark.parametrize("null", NULLS)
def test_over_many_nulls_intervals_miss_chance_as_rarely_as_they_say(null):
    rows = [of_the_net(NULLS[null](wide(seed, (300, 200)), seed), seed) for seed in range(20)]
    for metric in rows[0]:
        means = np.array([row[metric].mean for row in rows])
        assert abs(means.mean() - 0.5) <= 3 * means.std(ddof=1) / np.sqrt(20), metric
        assert (
            np.mean([row[metric].ci95[0] <= 0.5 <= row[metric].ci95[1] for row in rows]) >= 0.8
        ), metric


def test_selecting_on_all_patients_finds_what_is_not_there():
    """What an honest pipeline is measured against: the same selection and regression, its choice
    made before the folds."""
    cohort = noise(wide(0), 0)
    table, codes = cohort.modalities["rna"].table.to_numpy(), cohort.outcome().values
    folds, regression = StratifiedKFold(5, shuffle=True, random_state=0), LogisticRegression(C=0.01)

    def area(model, x):
        return roc_auc_score(
            codes, cross_val_predict(model, x, codes, cv=folds, method="decision_function")
        )

    assert area(regression, SelectKBest(f_classif, k=200).fit_transform(table, codes)) > 0.99
    assert 0.35 < area(make_pipeline(SelectKBest(f_classif, k=200), regression), table) < 0.65


def test_the_verb_tells_of_every_baseline_and_of_picking():
    cohort = planted(60, {"rna": 30, "meth": 20}, effect=4.0, seed=3).cohort
    folds = repeated(cohort.patients, cohort.outcome().values, 2, 1, 0)
    found = nulls(
        cohort, cohort.outcome().name, recipe_of(epochs=5, seeds=1), None, folds, 0, "cpu"
    )
    table = found.table
    assert set(table["null"]) == {"shuffled labels", "noise features"} and set(table["model"]) >= {
        "late",
        "forest",
        "graphfuse",
    }
    honest = table[(table["model"] == "graphfuse")]
    assert (
        honest["holds_chance"].all() and (honest["lo"] < 0.5).all() and (honest["hi"] > 0.5).all()
    )
    said = str(found)
    judged = table[table["model"] != "majority"]  # which is chance itself
    missed = int((~judged["holds_chance"].astype(bool)).sum())
    assert (
        f"{missed} of {len(judged)} intervals leave out chance" in said
        and said.count("LEAVES OUT") == missed
    )
    assert "best of epochs, shuffled labels: accuracy" in said and found.picked.optimism >= 0
