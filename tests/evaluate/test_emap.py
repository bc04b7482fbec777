"""The additive projection against least squares, loops and recombined cohorts; what it leaves of
nets that do and do not use modalities together."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError
from graphfuse.evaluate import emap
from graphfuse.evaluate.emap import additive, projection
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.registry import metrics_of
from tests.drawn_scores import compared, drawn

METRICS = metrics_of("class")

# ---------------------------------------------------------------------------- the projection itself


def grid(f, *parts, donors=None):
    """`said` of a function of one number per modality; donors default to all patients."""
    count = len(parts[0])
    donors = np.arange(count) if donors is None else donors
    said = np.zeros((len(parts), count, len(donors)))
    for m in range(len(parts)):
        for i in range(count):
            for j, donor in enumerate(donors):
                said[m, i, j] = f(*(part[i if m == k else donor] for k, part in enumerate(parts)))
    return said, donors


def test_of_two_modalities_it_is_the_nearest_additive_function():
    """Least squares on all pairs of patients, one free value for each first half and each second
    half."""
    rng = np.random.default_rng(0)
    count = 9
    table = rng.normal(size=(count, count))  # f(a of i, b of j)
    design = np.hstack(
        [np.kron(np.eye(count), np.ones((count, 1))), np.kron(np.ones((count, 1)), np.eye(count))]
    )
    fitted = design @ np.linalg.lstsq(design, table.ravel(), rcond=None)[0]
    numbers = np.arange(count)
    found = projection(*grid(lambda i, j: table[i, j], numbers, numbers))
    np.testing.assert_allclose(found, np.diag(fitted.reshape(count, count)), atol=1e-12)


def test_nothing_is_left_of_a_product_on_a_balanced_grid():
    a, b = np.tile([-1.0, -1.0, 1.0, 1.0], 3), np.tile([-1.0, 1.0, -1.0, 1.0], 3)
    assert np.abs(projection(*grid(np.multiply, a, b))).max() < 1e-15


def test_a_product_in_closed_form():
    """Of f = a·b: a_i b̄ + ā b_i - ā b̄."""
    a, b = np.random.default_rng(0).normal(size=(2, 15))
    np.testing.assert_allclose(
        projection(*grid(np.multiply, a, b)), a * b.mean() + a.mean() * b - a.mean() * b.mean()
    )


@pytest.mark.parametrize("modalities", [2, 3, 4])
@pytest.mark.parametrize("some", [False, True], ids=["all", "drawn"])
def test_a_sum_is_its_own_projection(modalities, some):
    parts = np.random.default_rng(0).normal(size=(modalities, 12))
    said, donors = grid(
        lambda *x: sum(np.sin(k + v) for k, v in enumerate(x)) + 3,
        *parts,
        donors=[1, 4, 7] if some else None,
    )
    np.testing.assert_allclose(
        projection(said, donors), np.sin(np.arange(modalities)[:, None] + parts).sum(0) + 3
    )


def test_of_three_modalities_in_closed_form():
    """Of f = a·b with a third that says c: each keeps its own say; what a and b say together is a
    constant to c."""
    a, b, c = np.random.default_rng(1).normal(size=(3, 15))
    both = a.mean() * b.mean()
    own = a * b.mean() + a.mean() * b + (a * b).mean() + c + 2 * c.mean()
    mean = (2 * both + (a * b).mean()) / 3 + c.mean()
    np.testing.assert_allclose(
        projection(*grid(lambda x, y, z: x * y + z, a, b, c)), own - 2 * mean
    )


# --------------------------------------------------------------------------------- of fitted models


def model_of(cohort, network=None, **changes):
    sections = {
        "patient": {"neighbours": 4},
        "net": {"width": 6},
        "train": {"epochs": 6, "seeds": 2, "learning_rate": 3e-2},
    }
    for name, more in changes.items():
        sections[name] = sections.get(name, {}) | more
    return FusionModel(
        Recipe.model_validate({"name": "quick", **sections}), device="cpu", network=network
    ).fit(cohort)


def with_records(cohort, seed=0):
    """The cohort with an EHR table of numbers and words, of which some are missing."""
    rng = np.random.default_rng(seed)
    count = len(cohort)
    age = pd.Series(rng.normal(60, 9, count)).where(rng.random(count) > 0.2).to_numpy()
    table = pd.DataFrame({"age": age, "sex": rng.choice(["f", "m"], count)}, index=cohort.patients)
    return replace(
        cohort,
        modalities={**cohort.modalities, "clinical": Modality("clinical", table, kind="ehr")},
    )


def by_cohort(model, cohort):
    """The projections of logits and of probabilities, from recombined tables and `predict_proba`
    alone, patient by patient and donor by donor."""
    present = cohort.present.to_numpy()

    @cache
    def said(name, own, other):
        rows = {m: [own if m == name else other] for m in cohort.modalities}
        parts = {
            m: replace(each, table=each.table.iloc[rows[m]].set_axis(["made"]))
            for m, each in cohort.modalities.items()
        }
        return model.predict_proba(Cohort("made", pd.Index(["made"]), parts))[0]

    logits, shares = model.predict_proba(cohort), model.predict_proba(cohort)
    for i in range(len(cohort)):
        alike = [j for j in range(len(cohort)) if (present[j] == present[i]).all()]
        names = [m for m, there in zip(cohort.modalities, present[i], strict=True) if there]
        for found, into, back in ((logits, np.log, softmax), (shares, np.asarray, np.asarray)):
            own = sum(np.mean([into(said(m, i, j)) for j in alike], 0) for m in names)
            mean = np.mean([into(said(m, j, k)) for m in names for j in alike for k in alike], 0)
            found[i] = back(own - (len(names) - 1) * mean)
    return logits, shares


def test_it_is_that_of_recombined_cohorts(small):
    """With gene network and patient layers, records, a modality that some lack; of one seed, as
    logs of mean probabilities are not means of logits."""
    cohort = with_records(small.cohort)
    network = GeneNetwork.from_frame(small.network, "planted")
    net = {"encode": {"default": "table", "rna": "network"}, "fuse": "bilinear"}
    model = model_of(
        cohort.take(np.arange(60)), network, net=net, train={"seeds": 1, "stop": "last"}
    )
    lacking = np.flatnonzero(~cohort.present["meth"].to_numpy())
    test = cohort.take(np.r_[60:66, lacking[lacking >= 66][:2]])
    assert 2 <= (~test.present["meth"]).sum() < 6
    whole = model.predict_proba(test)
    expected = min(by_cohort(model, test), key=lambda projected: np.linalg.norm(projected - whole))
    np.testing.assert_allclose(additive(model, test), expected, atol=1e-12)
    assert np.abs(expected - whole).max() > 1e-3  # it does use them together


@pytest.mark.parametrize(
    "net, train",
    [
        ({"fuse": "late"}, {"stop": "last"}),
        ({"fuse": "stack"}, {"stop": "last"}),
        ({"fuse": "bilinear"}, {"epochs": 0}),
    ],
    ids=["late", "stack", "linear"],
)
@pytest.mark.parametrize("draws", [5, 50])
def test_an_additive_net_is_its_own_projection(small, net, train, draws):
    """Of probabilities (late) or of logits; whether all are donors or some, with several seeds and
    with those who lack a modality."""
    cohort = with_records(small.cohort)
    model = model_of(cohort.take(np.arange(50)), net=net, train=train)
    test = cohort.take(np.arange(50, 80))
    np.testing.assert_allclose(additive(model, test, draws), model.predict_proba(test), atol=1e-9)


def test_a_layer_of_several_modalities_is_an_interaction(small):
    changes = {
        "net": {"fuse": "late"},
        "patient": {"neighbours": 4, "layers": "shared"},
        "train": {"stop": "last"},
    }
    model = model_of(small.cohort.take(np.arange(50)), **changes)
    test = small.cohort.take(np.arange(50, 80))
    assert np.abs(additive(model, test) - model.predict_proba(test)).max() > 1e-4


def test_one_s_own_edges_go_with_the_first_modality_by_name(small, tmp_path):
    """Along a patient's own edges a late net stays additive: edges and the first modality are
    one."""
    cohort = small.cohort
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame(
        cohort.patients.to_numpy()[rng.integers(0, 80, (240, 2))], columns=["source", "target"]
    )
    pairs[pairs["source"] != pairs["target"]].drop_duplicates().to_csv(
        tmp_path / "kin.csv", index=False
    )
    first = min(cohort.modalities)
    layer = {"kin": {"edges": str(tmp_path / "kin.csv"), "of": [first]}}
    patient = {"layers": ["kin"], "layer": layer}
    model = model_of(
        cohort.take(np.arange(50)), patient=patient, net={"fuse": "late"}, train={"stop": "last"}
    )
    test = cohort.take(np.arange(50, 80))
    assert model.gates_[first]["kin"] != 0
    np.testing.assert_allclose(additive(model, test), model.predict_proba(test), atol=1e-9)


@pytest.fixture(scope="module")
def mixed(small):
    """A net that uses modalities together, and patients it has not seen."""
    model = model_of(
        small.cohort.take(np.arange(50)),
        net={"fuse": "bilinear"},
        train={"stop": "last", "epochs": 20},
    )
    return model, small.cohort.take(np.arange(50, 80))


def test_who_has_one_modality_keeps_what_the_net_says(mixed):
    model, test = mixed
    alone = ~test.present["meth"].to_numpy()
    found, said = additive(model, test), model.predict_proba(test)
    assert 0 < alone.sum() < len(test)
    assert (found[alone] == said[alone]).all() and (found[~alone] != said[~alone]).any(1).all()
    assert (additive(model, test.take([0])) == model.predict_proba(test.take([0]))).all()


def test_the_order_of_patients_does_not_matter(mixed):
    model, test = mixed
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(
        additive(model, test.take(order)), additive(model, test)[order], atol=1e-12
    )


def test_drawn_donors_are_near_all_and_the_same_for_the_same_seed(mixed):
    model, test = mixed
    drawn = additive(model, test, 12, seed=3)
    assert (drawn == additive(model, test, 12, seed=3)).all() and (
        drawn != additive(model, test, 12, seed=4)
    ).any()
    whole, said = additive(model, test), model.predict_proba(test)
    assert np.abs(drawn - whole).mean() < np.abs(said - whole).mean()


def test_blocks_change_nothing(mixed, monkeypatch):
    model, test = mixed
    whole = additive(model, test)
    monkeypatch.setattr(emap, "BLOCK", 8 * 64 * 7)
    assert len(list(emap.blocks(100, model.fitted_.preparation.views(test)))) == 15
    np.testing.assert_allclose(additive(model, test), whole, atol=1e-12)


def test_what_cannot_be_projected_is_refused(mixed, small):
    model, test = mixed
    with pytest.raises(InputError, match="1 draws"):
        additive(model, test, 1)
    bare = replace(
        test,
        modalities={
            m: replace(each, table=each.table * np.nan) for m, each in test.modalities.items()
        },
    )
    with pytest.raises(InputError, match="none of the model's modalities"):
        additive(model, bare)


# ---------------------------------------------------------------------- what a net uses, over folds


def signs(together, patients=300, seed=0):
    """Two modalities, each of which shows a sign; the class is their product (`together`) or
    whether their sum is positive."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"P{i:03d}" for i in range(patients)], name="patient")
    each = rng.choice([-1.0, 1.0], (patients, 2))
    score = each.prod(1) if together else each.sum(1) + rng.normal(size=patients) / 2
    tables = {
        m: pd.DataFrame(
            each[:, [k]] * np.ones(6) + rng.normal(size=(patients, 6)) / 2, ids
        ).add_prefix(m)
        for k, m in enumerate("ab")
    }
    return Cohort.from_frames(tables, pd.Series(np.where(score > 0, "up", "down"), ids, name="y"))


def both(cohort):
    """The draws of a bilinear net and of its projection, in five folds."""
    codes = cohort.outcome().values
    net = {"fuse": "bilinear", "propagate": "none", "width": 12}
    outputs = {name: np.zeros((len(codes), 2)) for name in ("graphfuse", "additive")}
    fold_of = np.zeros(len(codes), int)
    for _, fold, test, train in splits(repeated(cohort.patients, codes, 5, 1, 0), codes >= 0):
        model = model_of(cohort.take(train), net=net, train={"epochs": 60})
        tested = cohort.take(test)
        outputs["graphfuse"][test] = model.predict_proba(tested)
        outputs["additive"][test] = additive(model, tested, 60)
        fold_of[test] = fold
    return drawn(METRICS, codes, outputs, fold_of, trained=0.8 * len(codes))


def versus(draws):
    """The net against its projection, by metric."""
    metrics = [METRICS[name] for name in ("accuracy", "auroc")]
    return compared(draws, [("graphfuse", "additive")], metrics)


def mean(draws, model, metric="accuracy"):
    return draws.scores[model][metric][0]


@pytest.mark.slow
def test_a_net_that_needs_both_modalities_at_once_loses_what_it_knew():
    draws = both(signs(together=True))
    assert mean(draws, "graphfuse") > 0.95 and 0.35 < mean(draws, "additive") < 0.65
    for pair in versus(draws):
        assert pair.verdict == "better" and pair.difference > 0.3


def test_a_net_that_adds_up_loses_nothing():
    draws = both(signs(together=False))
    assert mean(draws, "graphfuse") > 0.7
    pairs = versus(draws)
    assert [pair.verdict for pair in pairs] == ["no difference shown"] * 2
    assert all(abs(pair.difference) < 0.03 for pair in pairs)
