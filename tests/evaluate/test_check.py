"""Twelve planted leaks, each beside its honest control: what is seen of held-out patients is
caught, and nothing else is.

Each is a pipeline of its own that differs from its control in one thing: whom a step is fitted on.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.run import audit
from graphfuse.data.synth import planted
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.leakage.check import leak_check
from graphfuse.evaluate.leakage.finding import Finding, differences
from graphfuse.evaluate.leakage.perturbed_cohort import perturbed
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.graph.layers.snf import affinity, fuse
from graphfuse.learn.model import FusionModel
from graphfuse.learn.save.serialize import pack
from graphfuse.nn.autoencoder import Autoencoder, reconstruction_loss
from graphfuse.schema import Recipe

ROWS, HELD = np.arange(60), np.arange(60, 80)


def holed():
    """80 patients of two sites that differ, weakly separable, with a tenth of the RNA values
    missing."""
    made = planted(
        80, {"rna": 20, "meth": 12}, carriers=4, effect=0.8, batch_shift=1.0, seed=4
    ).cohort
    rna = made.modalities["rna"]
    gaps = np.random.default_rng(0).random(rna.table.shape) < 0.1
    return replace(
        made, modalities=made.modalities | {"rna": replace(rna, table=rna.table.mask(gaps))}
    )


COHORT = holed()


# ---------------------------------------------------------------------------------- small pipelines


def raw(cohort):
    return np.hstack([m.table.to_numpy(float) for m in cohort.modalities.values()])


def filled(cohort):
    return np.nan_to_num(raw(cohort))


def labels(cohort):
    return cohort.outcome().values


@dataclass
class Model:
    """A classifier on what `shown` makes of a cohort."""

    shown: object
    classifier: object
    ranking: object = None

    def predict_proba(self, cohort):
        return self.classifier.predict_proba(self.shown(cohort))


def classified(shown, train, **settings):
    return Model(
        shown, LogisticRegression(**{"max_iter": 5000, **settings}).fit(shown(train), labels(train))
    )


# A step: what it makes of a cohort, fitted on the patients of `seen`.


def scaler(seen):
    step = StandardScaler().fit(filled(seen))
    return lambda cohort: step.transform(filled(cohort))


def imputer(seen):
    step = SimpleImputer(keep_empty_features=True).fit(raw(seen))
    return lambda cohort: step.transform(raw(cohort))


def selector(seen):
    known = labels(seen) >= 0
    step = SelectKBest(f_classif, k=5).fit(filled(seen)[known], labels(seen)[known])
    return lambda cohort: step.transform(filled(cohort))


def harmoniser(seen):
    site, x = seen.groups["site"], filled(seen)
    means = {each: x[site == each].mean(0) for each in set(site)}
    return lambda cohort: (
        filled(cohort) - np.stack([means.get(each, x.mean(0)) for each in cohort.groups["site"]])
    )


def autoencoder(seen):
    x = torch.from_numpy(filled(seen))
    step = Autoencoder(x.shape[1], 6, torch.Generator().manual_seed(0)).double()
    optimiser = torch.optim.Adam(step.parameters(), lr=1e-2)
    for _ in range(25):
        optimiser.zero_grad()
        reconstruction_loss(step, x, torch.ones(len(x), 1)).backward()
        optimiser.step()
    return lambda cohort: step.encode(torch.from_numpy(filled(cohort))).detach().numpy()


def patient_graph(seen):
    x = filled(seen)
    near = NearestNeighbors(n_neighbors=5).fit(x)
    return lambda cohort: np.hstack([filled(cohort), x[near.kneighbors(filled(cohort))[1]].mean(1)])


def snf(seen):
    x = [np.nan_to_num(m.table.to_numpy(float)) for m in seen.modalities.values()]
    distance = [np.sqrt(((each[:, None] - each[None]) ** 2).sum(2)) for each in x]
    status = fuse([affinity(each / each.mean(), 10) for each in distance], neighbours=10, rounds=5)
    states = status / status.sum(1, keepdims=True) @ filled(seen)
    near = NearestNeighbors(n_neighbors=1).fit(filled(seen))
    return lambda cohort: np.hstack(
        [filled(cohort), states[near.kneighbors(filled(cohort))[1][:, 0]]]
    )


def step_on_everyone(step):
    return lambda cohort, rows: classified(step(cohort), cohort.take(rows))


def step_on_training(step):
    return lambda cohort, rows: classified(step(cohort.take(rows)), cohort.take(rows))


# A choice: by the loss on the patients of `judge`, of models fitted on those of `train`.


def judged(model, judge):
    known = labels(judge) >= 0
    if not known.any():
        return 0.0
    return log_loss(labels(judge)[known], model.predict_proba(judge)[known], labels=[0, 1])


def epochs(train, judge):
    x, y, weight, runs = filled(train), labels(train), np.zeros(32), []
    for _ in range(60):
        weight = weight - 0.02 * x.T @ (1 / (1 + np.exp(-x @ weight)) - y) / len(y)
        runs.append(Model(filled, Weights(weight)))
    return min(runs, key=lambda run: judged(run, judge))


@dataclass
class Weights:
    weight: np.ndarray

    def predict_proba(self, x):
        p = 1 / (1 + np.exp(-x @ self.weight))
        return np.column_stack([1 - p, p])


def settings(train, judge):
    return min(
        (classified(filled, train, C=c) for c in np.logspace(-4, 1, 11)),
        key=lambda run: judged(run, judge),
    )


def ranking(train, judge):
    """Fitted honestly; it is only the ranking of columns handed out beside the model that looks at
    `judge`."""
    known = labels(judge) >= 0
    columns = filled(judge)[known].T if known.any() else ()
    model = classified(filled, train)
    model.ranking = np.argsort(
        [-abs(roc_auc_score(labels(judge)[known], column) - 0.5) for column in columns]
    )
    return model


def by_held_out(choose):
    return lambda cohort, rows: choose(
        cohort.take(rows), cohort.take(np.setdiff1d(np.arange(len(cohort)), rows))
    )


def by_inner_fold(choose):
    return lambda cohort, rows: choose(cohort.take(rows[:45]), cohort.take(rows[45:]))


STEPS = {
    f.__name__: f for f in (scaler, imputer, selector, harmoniser, autoencoder, patient_graph, snf)
}
CHOICES = {f.__name__: f for f in (epochs, settings, ranking)}
LEAKY = {n: step_on_everyone(f) for n, f in STEPS.items()} | {
    n: by_held_out(f) for n, f in CHOICES.items()
}
HONEST = {n: step_on_training(f) for n, f in STEPS.items()} | {
    n: by_inner_fold(f) for n, f in CHOICES.items()
}
BY_LABEL = {"selector", *CHOICES}


def checked(fit, cohort=COHORT, rows=ROWS, **options):
    return leak_check(
        fit,
        cohort,
        rows,
        numbers=lambda model: () if model.ranking is None else model.ranking,
        **options,
    )


def seen(findings):
    return {(finding.instrument, finding.what) for finding in findings}


# -------------------------------------------------------------------------------- the planted leaks


@pytest.mark.parametrize("name", LEAKY)
def test_the_spy_stops_a_leak(name):
    cohort, spy = spied(COHORT)
    with (
        spy.fitting(ROWS),
        pytest.raises(
            LeakError,
            match=r"of 20 held-out patients were read while fitting on 60.*test_check\.py",
        ),
    ):
        LEAKY[name](cohort, ROWS)


@pytest.mark.parametrize("name", LEAKY)
def test_both_instruments_see_the_leak_and_what_leaks(name):
    told = checked(LEAKY[name])
    assert all(
        "the fit changes: " in finding.says
        for finding in told
        if finding.instrument == "perturbation"
    )
    found = seen(told)
    wanted = {("spy", "values"), ("perturbation", "values")}
    wanted |= {("spy", "labels"), ("perturbation", "labels")} if name in BY_LABEL else set()
    wanted |= {("spy", "groups")} if name == "harmoniser" else set()
    assert found == wanted


@pytest.mark.parametrize("name", HONEST)
def test_the_honest_control_passes(name):
    assert checked(HONEST[name]) == []
    cohort, spy = spied(COHORT)
    with spy.fitting(ROWS):
        model = HONEST[name](cohort, ROWS)
    with spy.scoring(HELD):
        model.predict_proba(cohort.take(HELD))
    assert set(spy.reads()["patients"]) <= {20, 60, 80} and not spy.leaks


def split(cohort):
    return repeated(cohort.patients, labels(cohort), 4, 1, 0)


def test_the_label_among_the_features_is_seen_in_the_tables_alone():
    """The eleventh: nothing that is fitted reads a held-out patient; the column itself tells."""
    assert not [
        finding
        for finding in audit(COHORT, folds=split(COHORT)).findings
        if finding.severity == "leak"
    ]
    rna = COHORT.modalities["rna"]
    noisy = labels(COHORT) + np.random.default_rng(0).normal(0, 0.05, 80)
    told = replace(rna, table=rna.table.assign(relapse_score=noisy), symbols=())
    leaky = replace(COHORT, modalities=COHORT.modalities | {"rna": told})
    assert checked(HONEST["scaler"], leaky) == []
    found = [
        finding
        for finding in audit(leaky, folds=split(leaky)).findings
        if finding.severity == "leak"
    ]
    assert len(found) == 1 and "relapse_score" in str(found[0]) and "rna" in found[0].where


def test_a_patient_under_two_ids_is_seen_in_the_tables_alone():
    """The twelfth: ten patients stand in the tables twice, so that folds hold them on both
    sides."""
    again = COHORT.take(range(10))
    tables = {
        k: pd.concat([m.table, again.modalities[k].table.rename("Q{}".format)])
        for k, m in COHORT.modalities.items()
    }
    codes = pd.Series(
        [f"class{c}" for c in (*labels(COHORT), *labels(again))],
        tables["rna"].index,
        name="subtype",
    )
    leaky = Cohort.from_frames(tables, codes)
    honest = step_on_training(scaler)
    assert leak_check(honest, leaky, ROWS) == []
    found = [
        finding
        for finding in audit(leaky, folds=split(leaky)).findings
        if finding.severity == "leak"
    ]
    assert found and any(len(finding.patients) == 10 for finding in found)


# -------------------------------------------------------------------- where one instrument is blind


def test_the_spy_is_blind_to_what_was_fitted_before_the_phase():
    """Scaled on everyone before the spy is told who is held out: no read is out of bounds any more,
    but numbers move."""

    def scaled(cohort):
        step = StandardScaler().fit(filled(cohort))
        x = pd.DataFrame(step.transform(filled(cohort)), cohort.patients).add_prefix("x")
        outcome = pd.Series([f"class{c}" for c in labels(cohort)], cohort.patients, name="subtype")
        return Cohort.from_frames({"all": x}, outcome)

    prepared, spy = spied(scaled(COHORT))
    with spy.fitting(ROWS):
        classified(filled, prepared.take(ROWS))
    assert not spy.leaks

    def whole(cohort, rows):
        prepared = scaled(cohort)
        model = classified(filled, prepared.take(rows))
        return SimpleNamespace(
            predict_proba=lambda asked: model.predict_proba(prepared.take(asked.patients))
        )

    assert ("perturbation", "values") in seen(leak_check(whole, COHORT, ROWS))


def test_the_spy_is_blind_to_who_reaches_past_the_cohorts_parts():
    def past(cohort, rows):
        columns = [
            np.nan_to_num(vars(m)["table"].to_numpy(float)) for m in cohort.modalities.values()
        ]
        step = StandardScaler().fit(np.hstack(columns))
        return classified(lambda c: step.transform(filled(c)), cohort.take(rows))

    assert seen(leak_check(past, COHORT, ROWS)) == {("perturbation", "values")}


def test_perturbation_is_blind_to_reads_that_change_no_prediction():
    assert seen(leak_check(LEAKY["ranking"], COHORT, ROWS)) == {
        ("spy", "values"),
        ("spy", "labels"),
    }

    def looked(cohort, rows):
        if cohort.outcome().known.mean() > 2:  # never: but how often it is, the held-out were asked
            return None
        return classified(filled, cohort.take(rows))

    assert seen(leak_check(looked, COHORT, ROWS)) == {("spy", "labels")}


def test_a_model_that_looks_up_labels_in_scoring_is_seen_by_both():
    class Peeks(Model):
        def predict_proba(self, cohort):
            return np.eye(2)[labels(cohort)]

    found = leak_check(lambda cohort, rows: Peeks(filled, None), COHORT, ROWS)
    assert seen(found) == {("spy", "labels"), ("perturbation", "labels")}
    assert any("scoring changes" in finding.says for finding in found)
    assert any("while scoring 20 patients" in finding.says for finding in found)


# ----------------------------------------------------------------------------------- how it is told


def test_a_finding_says_who_saw_what_in_words():
    spy, *_, moved = checked(LEAKY["selector"])
    assert isinstance(spy, Finding)
    assert str(spy).startswith(
        "spy: the labels of outcome 'subtype' of 20 held-out patients were read while "
        "fitting on 60 "
    )
    assert str(moved).startswith(
        "perturbation: where the labels of 20 held-out patients are scrambled, the fit changes: "
    )
    assert "probabilities of training patients by up to 0." in moved.says


def test_a_pipeline_stopped_by_held_out_values_has_seen_them():
    def strict(cohort, rows):
        if np.isinf(np.nan_to_num(raw(cohort), nan=np.inf)[HELD][:, 20:]).any():
            raise ValueError("missing")
        return classified(filled, cohort.take(rows))

    (_, _, found) = leak_check(strict, COHORT, ROWS)
    assert (
        found.says
        == "where the values of 20 held-out patients are blank, fitting stops with ValueError"
    )


def test_a_pipeline_that_is_not_seeded_is_told_so():
    rng = np.random.default_rng(0)

    def dice(cohort, rows):
        return classified(filled, cohort.take(rng.permutation(rows)[:50]))

    with pytest.raises(
        InputError, match="fitted twice on the same data, the pipeline differs.*seed every draw"
    ):
        leak_check(dice, COHORT, ROWS)


@pytest.mark.parametrize(
    "rows", [[], np.arange(80), np.zeros(80, bool)], ids=["nobody", "everybody", "a mask of nobody"]
)
def test_someone_must_be_held_out_and_someone_trained_on(rows):
    with pytest.raises(InputError, match="give train_rows with some on either side"):
        leak_check(HONEST["scaler"], COHORT, rows)


def test_target_names_the_labels_that_count():
    other = replace(COHORT.outcome(), name="stage")
    cohort = replace(COHORT, outcomes=COHORT.outcomes | {"stage": other})

    def staged(cohort, rows):
        share = cohort.outcome("stage").values.mean()
        return classified(lambda c: filled(c) * (1 + share), cohort.take(rows))

    assert seen(leak_check(staged, cohort, ROWS)) == {("spy", "labels"), ("perturbation", "labels")}
    assert leak_check(staged, cohort, ROWS, target="subtype") == []
    assert len(leak_check(staged, cohort, ROWS, target="stage")) == 2
    with pytest.raises(InputError, match="did you mean 'stage'"):
        leak_check(staged, cohort, ROWS, target="stages")


def test_differences_in_words():
    one = {"a": np.array([0.5, np.nan]), "b": np.array(["x"]), "c": np.zeros(2)}
    assert differences(one, {k: v.copy() for k, v in one.items()}) == []
    assert differences(one, one | {"a": np.array([0.5 + 1e-10, np.nan])}) == []
    assert differences(one, one | {"a": np.array([0.75, np.nan])}) == ["a by up to 0.25"]
    assert differences(one, one | {"a": np.array([np.nan, np.nan])}) == ["a become missing"]
    assert differences(one, one | {"b": np.array(["y"]), "c": np.zeros(3)}) == [
        "b differ",
        "c have another shape",
    ]


# ----------------------------------------------------------------------------- what perturbing does


def mixed():
    """Numbers, words, truth values and whole numbers, a survival outcome and a number, a site."""
    base = planted(
        30, {"rna": 5, "meth": 4}, missing={"rna": 0.2}, unlabelled=0.2, classes=3, seed=1
    ).cohort
    rng = np.random.default_rng(0)
    records = pd.DataFrame(
        {
            "age": rng.normal(60, 9, 30), "stage": rng.choice(["I", "II", None], 30),
            "smokes": rng.random(30) < 0.5,
            "nodes": rng.integers(0, 9, 30),
        },
        index=base.patients,
    )  # fmt: skip
    whole = Cohort.from_frames(
        {"rna": base.modalities["rna"].table, "clinical": records}, ehr=["clinical"]
    )
    survival = replace(
        base.outcome(),
        name="os",
        kind="survival",
        values=rng.exponential(size=30),
        event=rng.random(30) < 0.5,
    )
    number = replace(base.outcome(), name="grade", kind="number", values=rng.normal(size=30))
    return replace(
        whole,
        outcomes={"subtype": base.outcome(), "os": survival, "grade": number},
        groups=base.groups,
    )


MIXED, LAST = mixed(), np.arange(20, 30)


@pytest.mark.parametrize("way", ["scrambled", "blank"])
@pytest.mark.parametrize("what", ["values", "labels"])
def test_perturbing_leaves_everyone_else_alone(what, way):
    other = perturbed(MIXED, LAST, what, way, seed=3)
    assert other.take(range(20)).digest() == MIXED.take(range(20)).digest()
    assert perturbed(MIXED, LAST, what, way, seed=3).digest() == other.digest() != MIXED.digest()
    assert (other.groups["site"][:20] == MIXED.groups["site"][:20]).all()


@pytest.mark.parametrize("way", ["scrambled", "blank"])
def test_perturbing_labels_changes_every_one(way):
    before, after = MIXED.take(LAST), perturbed(MIXED, LAST, "labels", way).take(LAST)
    pd.testing.assert_frame_equal(
        before.modalities["clinical"].table, after.modalities["clinical"].table
    )
    for name, outcome in before.outcomes.items():
        changed = after.outcomes[name]
        assert changed.values.dtype == outcome.values.dtype
        assert changed.known.all() if way == "scrambled" else not changed.known.any()
        assert not (changed.values == outcome.values)[outcome.known].any()
    assert (after.outcomes["os"].event != before.outcomes["os"].event).all()


@pytest.mark.parametrize("way", ["scrambled", "blank"])
def test_perturbing_values_changes_every_one(way):
    before, after = MIXED.take(LAST), perturbed(MIXED, LAST, "values", way).take(LAST)
    assert (after.groups["site"] != before.groups["site"]).all() and (
        labels(after) == labels(before)
    ).all()
    for name, modality in before.modalities.items():
        old, new = modality.table, after.modalities[name].table
        assert list(new.columns) == modality.columns and (new.dtypes == old.dtypes).all()
        numbers = new.select_dtypes(float).to_numpy()
        assert (
            np.isnan(numbers).all()
            if way == "blank"
            else not np.isclose(numbers, old.select_dtypes(float)).any()
        )
    old, new = (cohort.modalities["clinical"].table for cohort in (before, after))
    assert (new[["smokes", "stage"]] != old[["smokes", "stage"]]).all(axis=None)
    assert new["stage"].isna().all() if way == "blank" else set(new["stage"]) <= {"I", "II"}


# -------------------------------------------------------------------------------------- our own net

SMALL = {
    "concepts": {"planes": 4, "codes": 4, "components": 8, "epochs": 10},
    "net": {"width": 4},
    "train": {"epochs": 3, "seeds": 1, "learning_rate": 1e-2, "weight_decay": 1e-2},
    "gene": {"network": None},
    "patient": {"neighbours": 4},
}  # fmt: skip
FAST = ("multiplex",)
SLOW = (
    "cross-attention",
    "late-stack",
    "moadln",
    "mogcn",
    "mogonet",
    "mplex-concept",
    "snf",
    "supreme",
)


def shipped(name):
    whole = Recipe.named(Path(__file__).parents[2] / "graphs" / f"{name}.toml").model_dump()
    for section, keys in SMALL.items():
        if whole[section] is not None:
            whole[section] |= keys
    return Recipe.model_validate(whole)


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_our_own_net_passes(small, network, name):
    recipe, genes = shipped(name), network if name == "multiplex" else None

    def fit(cohort, rows):
        return FusionModel(recipe, device="cpu", network=genes).fit(cohort.take(rows))

    assert leak_check(fit, small.cohort, ROWS, numbers=lambda model: pack(model.fitted_)[0]) == []


def test_our_own_net_on_columns_chosen_by_everyone_does_not():
    def fit(cohort, rows):
        shown = selector(cohort)

        def chosen(part):
            return replace(
                part,
                modalities={
                    "all": Cohort.from_frames({"all": frame(shown, part)}).modalities["all"]
                },
            )

        model = FusionModel(shipped("multiplex"), device="cpu").fit(chosen(cohort.take(rows)))
        return SimpleNamespace(predict_proba=lambda asked: model.predict_proba(chosen(asked)))

    found = seen(leak_check(fit, COHORT, ROWS))
    assert {
        ("spy", "labels"),
        ("perturbation", "labels"),
        ("spy", "values"),
        ("perturbation", "values"),
    } <= found


def frame(shown, cohort):
    x = shown(cohort)
    return pd.DataFrame(x, cohort.patients, [f"x{i}" for i in range(x.shape[1])])


def saved(cohort, folds, folder):
    """The bytes of a fold's model, and its training patients' probabilities."""
    recipe = shipped("multiplex")
    found = study(cohort, cohort.outcome(), recipe, None, folds, 0, "cpu", final=False)
    (replica,) = found.replicas
    replica.model.save(folder)
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}, replica


@pytest.mark.usefixtures("few_trees")
def test_missing_values_and_labels_of_the_held_out_change_no_fitted_number(tmp_path):
    """Through the whole of a study, which does hold the tested patients: two saved models, byte for
    byte."""
    folds = repeated(COHORT.patients, labels(COHORT), 4, 1, 0)
    folds["fold"] = folds["fold"].where(folds["fold"] == 0)
    tested = np.flatnonzero(folds["fold"].notna())
    whole, one = saved(COHORT, folds, tmp_path / "whole")
    blank = perturbed(perturbed(COHORT, tested, "values", "blank"), tested, "labels", "blank")
    assert np.isnan(raw(blank)[tested]).all() and (labels(blank)[tested] == -1).all()
    bare, other = saved(blank, folds, tmp_path / "bare")
    assert sorted(whole) == ["model.json", "model.safetensors"] and whole == bare
    np.testing.assert_array_equal(
        one.model.predict_proba(COHORT), other.model.predict_proba(COHORT)
    )


# ------------------------------------------------------------------ models that predict no classes


class Mean:
    """Predicts the mean of what it was shown, as `predict` of a regression does."""

    def __init__(self, values):
        self.value = float(np.nanmean(values))

    def predict(self, cohort):
        return np.full(len(cohort), self.value)


def numbers_cohort():
    rng = np.random.default_rng(0)
    ids = [f"p{i}" for i in range(30)]
    table = pd.DataFrame(rng.normal(size=(30, 3)), ids, ["a", "b", "c"])
    return Cohort.from_frames({"rna": table}, pd.Series(np.arange(30) % 2, ids, name="y"))


def test_a_model_with_predict_alone_is_checked_by_it():
    cohort, train = numbers_cohort(), np.arange(20)
    honest = leak_check(lambda all_, rows: Mean(all_.take(rows).outcome().values), cohort, train)
    assert honest == []
    peeking = leak_check(lambda all_, rows: Mean(all_.outcome().values), cohort, train)
    assert {finding.instrument for finding in peeking} == {"spy", "perturbation"}
    assert any("predictions of training patients by up to" in f.says for f in peeking)


def test_a_model_that_cannot_be_asked_is_refused():
    with pytest.raises(InputError, match="none of predict_proba, output, predict; return a model"):
        leak_check(lambda all_, rows: object(), numbers_cohort(), np.arange(20))
