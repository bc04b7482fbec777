"""A cross-validation as a whole: what it hands over, by which names, and that held-out patients
stay out of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import LeakError
from graphfuse.evaluate.baselines import fit_baselines
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated, splits, table_of
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.score_lines import score_lines
from graphfuse.schema import PREDICTION_COLUMNS, Metrics, Recipe
from graphfuse.task.registry import metrics_of

pytestmark = pytest.mark.usefixtures("few_trees")

METRICS = metrics_of("class").names
scores = metrics_of("class").scores

RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "patient": {"neighbours": 3},
        "net": {"width": 4},
        "train": {"epochs": 2, "seeds": 1},
    }
)


def made(seed=0):
    """RNA that carries three classes, methylation of most patients, records; the label is computed
    from RNA."""
    base = planted(
        66,
        {"rna": 12, "meth": 8},
        classes=3,
        missing={"meth": 0.2},
        unlabelled=0.1,
        effect=3.0,
        carriers=6,
        seed=seed,
    ).cohort
    records = pd.DataFrame(
        {"age": np.random.default_rng(seed).normal(60, 9, 66)}, index=base.patients
    )
    tables = {name: m.table[m.present] for name, m in base.modalities.items()}
    whole = Cohort.from_frames(
        {**tables, "clinical": records}, ehr={"clinical": {"age": "numeric"}}
    )
    outcome = replace(base.outcome(), derived_from=("rna",))
    return replace(whole, outcomes={"subtype": outcome})


def ran(cohort, folds, recipe=RECIPE, **options):
    return study(cohort, cohort.outcome(), recipe, None, folds, 0, "cpu", **options)


def first(found, count):
    """What a study found in so many of its first folds."""
    outputs = {name: each[:count] for name, each in found.outputs.items()}
    seconds = {name: each[:count] for name, each in found.seconds.items()}
    return replace(found, replicas=found.replicas[:count], outputs=outputs, seconds=seconds)


COHORT = made()
# two modalities, and a label that is computed from none: fewer models to train
PLAIN = replace(
    COHORT.without("clinical"),
    outcomes={"subtype": replace(COHORT.outcome(), derived_from=())},
)
FOLDS = repeated(COHORT.patients, COHORT.outcome().values, 2, 2, seed=0)
ONCE = FOLDS[FOLDS["repeat"] == 0].copy()


@pytest.fixture(scope="module")
def found(few_trees):
    return ran(COHORT, FOLDS)


@pytest.fixture(scope="module")
def once(found):
    """The first of its repeats."""
    return first(found, 2)


def test_predictions_have_the_columns_of_the_design(found):
    table = found.predictions(COHORT)
    classes = COHORT.outcome().classes
    assert list(table.columns) == [
        *PREDICTION_COLUMNS,
        "call",
        *(f"p_{c}" for c in classes),
        "flag",
    ]
    assert (table["flag"] == "").all()
    known = COHORT.outcome().known.sum()
    assert (
        len(table) == 2 * known
        and not table.duplicated(["patient", "repeat"]).any()
        and not table.isna().any().any()
    )
    p = table[[f"p_{c}" for c in classes]].to_numpy()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-9)
    assert (table["call"] == np.asarray(classes)[p.argmax(1)]).all()
    truth = pd.Series(np.asarray(classes)[COHORT.outcome().values], index=COHORT.patients)
    assert (table["truth"].to_numpy() == truth[table["patient"]].to_numpy()).all()
    assert table["repeat"].is_monotonic_increasing
    merged = table.merge(FOLDS, on=["patient", "repeat", "fold"])
    assert len(merged) == len(table)


def test_models_are_the_ladder_and_all_else_is_a_variant(found):
    metrics = found.metrics({"folds": 2})
    ladder = [
        "majority",
        "clinical",
        "single:clinical",
        "single:meth",
        "single:rna",
        "single",
        "early",
        "late",
    ]
    ladder += ["forest", "boosting", "no-graph", "graphfuse"]
    assert list(metrics.models) == ladder
    assert "without:rna" in metrics.variants and not set(metrics.variants) & set(ladder)
    for row in (*metrics.models.values(), *metrics.variants.values()):
        assert set(row) == {*METRICS, "fit_seconds"}
    assert Metrics.model_validate(metrics.model_dump(mode="json", by_alias=True)) == metrics


def test_means_are_means_of_fold_scores(found):
    metrics, truth = found.metrics({}), COHORT.outcome().values
    for name in ("graphfuse", "early", "without:rna"):
        folds = [
            scores(truth[r.tested], p)
            for r, p in zip(found.replicas, found.outputs[name], strict=True)
        ]
        row = (metrics.models | metrics.variants)[name]
        assert len(folds) == 4
        for metric in ("accuracy", "brier"):
            assert row[metric].mean == pytest.approx(np.mean([f[metric] for f in folds]), rel=1e-12)


def test_every_fold_has_its_model_and_one_is_of_all(found):
    assert [(r.repeat, r.fold) for r in found.replicas] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for (repeat, fold, rows, _), replica in zip(
        splits(FOLDS, COHORT.outcome().known), found.replicas, strict=True
    ):
        assert (replica.repeat, replica.fold) == (
            repeat,
            fold,
        ) and replica.tested.tolist() == rows.tolist()
        assert replica.model.fitted_.trained_on == len(COHORT) - len(rows)
        again = replica.model.predict_proba(COHORT.take(rows))
        table = found.predictions(COHORT)
        mine = (
            table[(table["repeat"] == repeat) & (table["fold"] == fold)]
            .set_index("patient")
            .loc[COHORT.patients[rows]]
        )
        np.testing.assert_array_equal(again, mine.filter(like="p_").to_numpy())
    assert found.model.fitted_.trained_on == len(COHORT)
    assert tuple(found.model.classes_) == COHORT.outcome().classes


def test_comparisons_are_of_the_net_with_every_other(found):
    metrics = found.metrics({})
    assert {pair.a for pair in metrics.comparisons} == {"graphfuse"}
    others = set(metrics.models) | {
        v for v in metrics.variants if not v.startswith("pattern:")
    }  # those are the net itself
    assert {pair.b for pair in metrics.comparisons} == others - {"graphfuse"}
    beaten = next(p for p in metrics.comparisons if p.b == "majority" and p.metric == "macro_f1")
    assert beaten.verdict == "better" and beaten.difference > 0.3


def test_planted_signal_is_found_and_lost_without_its_modality(found):
    metrics = found.metrics({})
    assert metrics.models["graphfuse"]["accuracy"].mean > 0.8
    assert metrics.models["majority"]["accuracy"].mean < 0.5
    assert (
        metrics.models["graphfuse"]["accuracy"].mean
        >= metrics.variants["without:rna"]["accuracy"].mean
    )


@pytest.mark.slow
def test_held_out_values_and_labels_change_nothing_that_is_fitted(found):
    """Contract 1, end to end: the first fold's tested patients are given nonsense; its model
    predicts others as before."""
    tested = found.replicas[0].tested
    only = FOLDS.assign(fold=FOLDS["fold"].where((FOLDS["repeat"] == 0) & (FOLDS["fold"] == 0)))
    only = only[only["repeat"] == 0]
    tables = {}
    for name, modality in COHORT.modalities.items():
        table = modality.table.copy()
        table.iloc[tested] = -7.0 * table.iloc[tested] + 3
        tables[name] = Modality(
            name, table, modality.kind, symbols=modality.symbols, types=modality.types
        )
    labels = COHORT.outcome().values.copy()
    labels[tested] = (labels[tested] + 1) % 3
    other = replace(
        COHORT, modalities=tables, outcomes={"subtype": replace(COHORT.outcome(), values=labels)}
    )
    before = found.replicas[0].model
    alone, after = (ran(c, only, final=False).replicas[0].model for c in (COHORT, other))
    rest = COHORT.take(np.setdiff1d(np.arange(66), tested))
    np.testing.assert_array_equal(alone.predict_proba(rest), after.predict_proba(rest))
    np.testing.assert_allclose(alone.predict_proba(rest), before.predict_proba(rest), atol=1e-5)
    assert not np.array_equal(
        after.predict_proba(COHORT.take(tested)), after.predict_proba(other.take(tested))
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers():
    """All of a study; `test_contracts.py` asks it of one net."""
    one = FOLDS[FOLDS["repeat"] == 1].reset_index(drop=True)
    first, second = (ran(COHORT, one).predictions(COHORT) for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_without_a_derived_label_there_is_no_variant():
    """Nor one of a pattern of modalities where everybody has the same."""
    metrics = ran(PLAIN.without("meth"), ONCE, final=False).metrics({})
    assert not metrics.variants and "clinical" not in metrics.models


def test_patterns_of_modalities_are_scored_by_themselves(found):
    metrics, truth = found.metrics({}), COHORT.outcome().values
    assert (
        "pattern:rna+meth+clinical" in metrics.variants
        and "pattern:rna+meth" not in metrics.variants
    )
    has = COHORT.modalities["meth"].present
    folds = [
        scores(truth[r.tested][has[r.tested]], p[has[r.tested]])["accuracy"]
        for r, p in zip(found.replicas, found.outputs["graphfuse"], strict=True)
    ]
    assert metrics.variants["pattern:rna+meth+clinical"]["accuracy"].mean == pytest.approx(
        np.mean(folds)
    )


# -------------------------------------------------------------------------------------- under watch


def test_a_clean_run_says_what_was_watched(found):
    """4 folds, each with a fit, a scoring and the ladder's fits; then the nets, with and without
    graphs, and without RNA."""
    (watch,) = found.checks
    assert (
        watch.startswith("every read in ")
        and "no fit read a held-out patient's values, labels or groups" in watch
    )
    fits = int(watch.split()[3])
    assert fits >= 4 * 2 + 2 * 3


@pytest.mark.parametrize("what", ["labels", "values", "groups"])
def test_a_fit_that_reads_a_held_out_patient_stops_the_run(monkeypatch, what):
    reads = {
        "labels": lambda cohort: cohort.outcome().values,
        "values": lambda cohort: cohort.modalities["rna"].table,
        "groups": lambda cohort: cohort.groups["site"],
    }

    def peeking(fold, test, *given):
        reads[what](test)
        return fit_baselines(fold, test, *given)

    monkeypatch.setattr("graphfuse.evaluate.study_fits.fit_baselines", peeking)
    sited = replace(COHORT, groups={"site": np.repeat(["a", "b"], 33)})
    with pytest.raises(LeakError, match="held-out patients were read while fitting on"):
        ran(sited, FOLDS)


def test_who_is_held_out_without_a_label_trains_nothing_and_is_not_scored():
    """A family is held out whole; its members without a label are in neither side."""
    blank = np.flatnonzero(~COHORT.outcome().known)
    own = ONCE.copy()
    own.loc[own["patient"].isin(COHORT.patients[blank[:3]]), "fold"] = 0
    found = ran(PLAIN, own, final=False)
    table = found.predictions(PLAIN)
    assert (
        not table["patient"].isin(COHORT.patients[blank]).any()
        and len(table) == COHORT.outcome().known.sum()
    )
    first = found.replicas[0]
    assert (
        not set(blank[:3]) & set(first.train)
        and not set(blank[:3]) & set(first.tested)
        and set(blank[3:]) <= set(first.train)
    )
    assert found.scores()["trained"].iloc[0] == COHORT.outcome().known[first.train].sum()


@pytest.mark.parametrize(
    "sites", [2, *(pytest.param(count, marks=pytest.mark.slow) for count in (4, 12))]
)
def test_inner_folds_keep_a_group_whole(sites, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "graphfuse.evaluate.study_fits.fit_baselines",
        lambda fold, *given: seen.append(fold) or fit_baselines(fold, *given),
    )
    site = np.arange(66) % sites
    grouped = replace(PLAIN, groups={"site": np.array([f"s{k}" for k in site])})
    found = ran(grouped, ONCE, keeps="site", final=False)
    for cross in seen:
        where = pd.Series(cross.inner.first).groupby(cross.groups).nunique()
        assert (where == 1).all() and cross.inner.first.max() + 1 == min(sites, 5)
    assert np.isfinite(found.scores()["brier"]).all()


# -------------------------------------------------------------------------- intervals and verdicts


def one_class_folds():
    """Three folds of all labelled patients; the first tests one class alone."""
    codes = COHORT.outcome().values
    fold = np.where(codes < 0, -1, 1 + np.arange(len(codes)) % 2)
    fold[np.flatnonzero(codes == 0)[:8]] = 0
    return table_of(COHORT.patients, fold[None])


def test_a_fold_of_one_class_is_a_dash_with_its_reason():
    found = ran(PLAIN, one_class_folds(), final=False)
    row = found.scores().query("model == 'graphfuse' and fold == 0").iloc[0]
    assert np.isnan([row["mcc"], row["auroc"], row["auprc"]]).all()
    metrics = found.metrics({})
    score = metrics.models["graphfuse"]["mcc"]
    assert score.reason == "1 of 3 test folds do not have patients of two classes"
    assert score.mean == pytest.approx(found.scores().query("model == 'graphfuse'")["mcc"].mean())
    metrics = first(found, 1).metrics({})
    score = metrics.models["graphfuse"]["mcc"]
    assert (score.mean, score.reason) == (None, "no test fold has patients of two classes")
    lines = score_lines(metrics)
    assert lines[-1] == "AUROC: no test fold has patients of two classes"
    assert next(line for line in lines if line.startswith("graphfuse")).endswith(" -")


def test_ece_is_that_of_all_folds_together(once):
    metrics = once.metrics({})
    order = [replica.tested for replica in once.replicas]
    truth = COHORT.outcome().values[np.concatenate(order)]
    output = np.concatenate(once.outputs["graphfuse"])
    pooled = scores(truth, output)["ece"]
    assert metrics.models["graphfuse"]["ece"].mean == pytest.approx(pooled, abs=1e-12)


def test_the_additive_net_of_one_repeat_is_compared_in_that_repeat():
    found = ran(PLAIN, FOLDS, beside=Beside(modalities=True), final=False)
    table = found.scores().query("repeat == 0").groupby("model")["accuracy"].mean()
    pairs = {(pair.b, pair.metric): pair for pair in found.metrics({}).comparisons}
    difference = pairs["additive", "accuracy"].difference
    assert difference == pytest.approx(table["graphfuse"] - table["additive"], abs=1e-12)


def test_patients_of_a_group_are_drawn_together(once):
    site = np.arange(66) % 12
    names = np.array([f"s{k}" for k in site], object)
    names[:3] = "unknown"  # who are drawn for themselves
    grouped = replace(PLAIN, groups={"site": names.astype(str)})
    found = ran(grouped, ONCE, keeps="site", final=False)
    tested = np.concatenate([replica.tested for replica in found.replicas])
    strangers = len(set(tested) & {0, 1, 2})
    assert found.draws().units == 12 + strangers
    assert once.draws().units == len(tested)


def test_no_number_hangs_on_the_order_of_patients(once):
    order = np.random.default_rng(0).permutation(len(COHORT))
    place = np.argsort(order)
    turned = replace(
        once,
        outcome=once.outcome.take(order),
        present=once.present.iloc[order],
        replicas=[
            replace(each, tested=place[each.tested], train=place[each.train])
            for each in once.replicas
        ],
    )
    one, two = once.metrics({}), turned.metrics({})
    for name, row in one.models.items():
        for metric in METRICS:
            assert row[metric].ci95 == pytest.approx(two.models[name][metric].ci95, abs=1e-12)


# --------------------------------------------------------------------------------- many patients


def test_more_patients_than_kernels_leave_the_linear_baselines_out(monkeypatch, caplog):
    monkeypatch.setattr("graphfuse.learn.linear.kernels.MOST_PATIENTS", 20)
    net = RECIPE.net.model_copy(update={"start": "none"})
    found = ran(PLAIN, ONCE, RECIPE.model_copy(update={"net": net}), final=False)
    models = found.metrics({}).models
    assert list(models) == ["majority", "forest", "boosting", "no-graph", "graphfuse"]
    assert np.isfinite(found.predictions(PLAIN).filter(like="p_").to_numpy()).all()
    (said,) = found.failed.values()
    assert said.startswith("linear baselines (clinical, single, early, late): they are solved")
    assert f"left out: {said}" in caplog.text
