"""Cross-fitted linear models: nothing of a patient in what the net is shown of it, and mixes and gates that find the truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.linear import INNER, CrossFit, Kernels
from graphfuse.learn.ridge import fit_ridge
from graphfuse.learn.splits import stratified
from graphfuse.learn.start import GATE_PRIOR, LinearFit, gates_of, mix_of, shared_bias
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "patient": {"neighbours": 4},
        "net": {"encode": {"default": "table", "gene": "network"}},
        "select": {"top": 20},
    }
)
NAMES = ("rna", "meth")
MADE = planted(70, {"rna": 40, "meth": 30}, missing={"meth": 0.15}, unlabelled=0.1, effect=0.7, seed=2)
COHORT, CODES = MADE.cohort, MADE.cohort.outcome().values
NETWORK = GeneNetwork.from_frame(MADE.network, "planted")


def crossed(cohort=COHORT, codes=CODES, recipe=RECIPE):
    return CrossFit(cohort, codes, 2, recipe, NETWORK, seed=0)


@pytest.fixture(scope="module")
def cross():
    return crossed()


# ---------------------------------------------------------------------------------------------- cross-fitting


@pytest.mark.parametrize("names", [("rna",), ("meth",), NAMES])
def test_what_a_patient_is_shown_is_by_the_inner_model_without_it(cross, names):
    """All anew for one inner fold: preparation, kernels and ridge on the others, applied to the held-out."""
    fit = cross.solve(names)
    for k in (0, 3):
        held, train = np.flatnonzero(cross.inner == k), np.flatnonzero(cross.inner != k)
        preparation, training = Preparation.fit(COHORT.take(train), CODES[train], RECIPE, NETWORK, 0)
        views = preparation.views(COHORT.take(held))
        kernel = sum(training.own[m] @ training.own[m].T for m in names)
        ridge = fit_ridge(kernel, CODES[train], 2, (fit.inverse_penalty,), tolerance=1e-6, steps=5000)
        lists = {m: found[0] for m, found in preparation.lists(views).items()}
        for column, m in enumerate(names):
            slope = training.own[m].T @ ridge.alpha[0]
            around = np.zeros((len(held), 2))
            for i in range(len(held)):
                senders = lists[m].index[lists[m].offsets[i] : lists[m].offsets[i + 1]]
                around[i] = np.mean([training.own[m][j] @ slope for j in senders], 0) if len(senders) else 0
            expected = np.stack([views.own[m] @ slope, views.hop[m] @ slope, around], 1)
            np.testing.assert_allclose(fit.views[held, column], expected, atol=0.02)  # a descent stops early, ours later
        np.testing.assert_allclose(fit.held_bias[held], ridge.intercept[[0]].repeat(len(held), 0), atol=0.02)


@pytest.mark.parametrize("names", [("rna",), NAMES])
def test_own_views_and_bias_are_the_held_out_logits(cross, names):
    fit = cross.solve(names)
    np.testing.assert_allclose(fit.views[:, :, 0].sum(1) + fit.held_bias, fit.held_out, atol=1e-10)
    assert fit.loss == pytest.approx(
        -np.mean([log_softmax(fit.held_out[i])[c] for i, c in enumerate(CODES) if c >= 0]), rel=1e-9
    )


def neighbours_that_may_swap(fold):
    """Pairs of adjacent patients of one inner fold whose labels, swapped, leave every inner fold as it is."""
    for i in range(len(CODES) - 1):
        if CODES[i] != CODES[i + 1] and min(CODES[i], CODES[i + 1]) >= 0 and fold[i] == fold[i + 1]:
            swapped = CODES.copy()
            swapped[[i, i + 1]] = CODES[[i + 1, i]]
            if np.array_equal(stratified(swapped, INNER, 0), fold):
                yield i, swapped


@pytest.mark.parametrize("names", [("rna",), NAMES])
def test_the_label_of_a_held_out_patient_changes_nothing_shown_of_its_fold(cross, names):
    tried = 0
    for i, swapped in neighbours_that_may_swap(cross.inner):
        before, after = cross.solve(names), crossed(codes=swapped).solve(names)
        if before.inverse_penalty != after.inverse_penalty:
            continue  # the one number chosen on all training patients
        mine = cross.inner == cross.inner[i]
        np.testing.assert_array_equal(before.views[mine], after.views[mine])
        np.testing.assert_array_equal(before.held_bias[mine], after.held_bias[mine])
        assert np.abs(before.views[~mine] - after.views[~mine]).max() > 1e-6  # the others learn from it
        tried += 1
        if tried == 2:
            break
    assert tried


def test_the_values_of_a_held_out_patient_change_nothing_shown_of_the_others_in_its_fold(cross):
    k = cross.inner[5]
    changed = dict(COHORT.modalities)
    for name, modality in changed.items():
        table = modality.table.copy()
        table.iloc[5] = table.iloc[5] * 1.01 + 0.01
        changed[name] = Modality(name, table, symbols=modality.symbols, entity=modality.entity)
    other = crossed(replace(COHORT, modalities=changed))
    before, after = cross.solve(NAMES), other.solve(NAMES)
    assert np.array_equal(other.inner, cross.inner) and before.inverse_penalty == after.inverse_penalty
    rest = (cross.inner == k) & (np.arange(70) != 5)
    np.testing.assert_array_equal(before.views[rest], after.views[rest])
    assert (before.views[5] != after.views[5]).any() and (
        before.views[cross.inner != k] != after.views[cross.inner != k]
    ).any()


def test_labels_without_any_signal_are_not_predicted():
    """The held-out loss of noise is no better than that of the shares."""
    noise = planted(100, {"rna": 300}, effect=0.0, seed=3).cohort
    fit = CrossFit(noise, noise.outcome().values, 2, Recipe(name="plain"), None, 0).solve(("rna",))
    assert fit.loss > np.log(2) - 0.03
    agreement = (fit.held_out.argmax(1) == noise.outcome().values).mean()
    assert 0.3 < agreement < 0.7


def test_a_patient_without_a_modality_is_shown_zeros_of_it(cross):
    absent = ~COHORT.modalities["meth"].present
    assert absent.sum() > 3
    fit = cross.solve(NAMES)
    assert not fit.views[absent, 1].any() and fit.views[~absent, 1].any()


def test_a_fit_is_remembered(cross):
    assert cross.solve(NAMES) is cross.solve(NAMES)
    kept = crossed()
    first = kept.solve(("rna",))
    kept.forget_inner()
    assert kept.solve(("rna",)) is first


# -------------------------------------------------------------------------------------------- without graphs


def test_without_graphs_the_views_of_graphs_are_zero(cross):
    plain = cross.without_graphs()
    for names in (("rna",), NAMES):
        with_graphs, without = cross.solve(names), plain.solve(names)
        assert with_graphs.views[:, :, 1].any() and with_graphs.views[:, :, 2].any()
        assert not without.views[:, :, 1:].any()
        np.testing.assert_array_equal(without.views[:, :, 0], with_graphs.views[:, :, 0])
        np.testing.assert_array_equal(without.held_out, with_graphs.held_out)
    assert cross.graphs and cross.preparation.layers and cross.training.hop  # the fold itself keeps them
    assert not plain.preparation.layers and not plain.preparation.smoothing and not plain.training.hop
    assert set(plain.preparation.encoders.values()) == {"table"}
    assert not plain.start(NAMES, stacked=True).gates.any()


@pytest.mark.parametrize("stacked", [True, False])
def test_the_start_is_a_sum_over_modalities(cross, stacked):
    start = cross.start(NAMES, stacked)
    joint, singles = cross.solve(NAMES), [cross.solve((m,)) for m in NAMES]
    whole, shares = start.mix["joint"], [start.mix[m] for m in NAMES]
    if not stacked:
        assert (whole, shares) == (0.0, [1.0, 1.0])
    for column, m in enumerate(NAMES):
        np.testing.assert_allclose(start.alpha[m], whole * joint.alpha + shares[column] * singles[column].alpha, rtol=1e-12)
        expected = whole * joint.views[:, column] + shares[column] * singles[column].views[:, 0]
        np.testing.assert_allclose(start.views[:, column], expected, rtol=1e-12)
    np.testing.assert_allclose(start.bias, whole * joint.bias, rtol=1e-12)
    assert min([whole, *shares]) >= 0 and start.gates.shape == (2, 2)


def test_the_mix_is_no_worse_than_joint_or_any_single(cross):
    start = cross.start(NAMES, stacked=True)
    present = cross.training.present.astype(float)
    known = CODES >= 0

    def loss(logits):
        return -log_softmax(logits[known], 1)[np.arange(known.sum()), CODES[known]].mean()

    bias = shared_bias(start.held_bias, start.held_own_bias, present)
    mixed = ((start.views[:, :, 0] + bias) * present[..., None]).sum(1)
    singles = [cross.solve((m,)).held_out * present[:, [c]] for c, m in enumerate(NAMES)]
    assert loss(mixed) <= min(map(loss, [cross.solve(NAMES).held_out, *singles])) + 1e-6


def test_kernels_are_inner_products_and_means():
    preparation, training = Preparation.fit(COHORT, CODES, RECIPE, NETWORK, 0)
    made = Kernels.between(preparation, training, training)
    np.testing.assert_allclose(made.own["rna"], training.own["rna"] @ training.own["rna"].T, rtol=1e-12)
    np.testing.assert_allclose(made.hop["rna"], training.hop["rna"] @ training.own["rna"].T, rtol=1e-12)
    mean = made.means["meth"][0].toarray()
    present = COHORT.modalities["meth"].present
    np.testing.assert_allclose(mean.sum(1), present)
    assert not mean[:, ~present].any()


# --------------------------------------------------------------------------------------------- mixes and gates


def shares(count=1500, classes=3, seed=0):
    """Logits of signal, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    signal = 1.5 * rng.normal(size=(count, classes))
    p = np.exp(signal) / np.exp(signal).sum(1, keepdims=True)
    codes = (p.cumsum(1) < rng.random((count, 1))).sum(1)
    return signal, codes, rng


def fit_of(logits):
    none = np.zeros(0)
    return LinearFit(("m",), 1.0, 0.0, none, none, logits, none, none)


def test_the_mix_finds_the_informative_modality():
    signal, codes, rng = shares()
    noise = [rng.normal(size=signal.shape) for _ in range(2)]
    mix = mix_of(fit_of(noise[0]), [fit_of(signal), fit_of(noise[1])], np.ones((1500, 2)), codes)
    assert mix[1] == pytest.approx(1, abs=0.15) and mix[0] < 0.1 and mix[2] < 0.1


def test_the_mix_takes_the_joint_model_and_mends_its_scale():
    signal, codes, rng = shares()
    noise = [fit_of(rng.normal(size=signal.shape)) for _ in range(2)]
    mix = mix_of(fit_of(3 * signal), noise, np.ones((1500, 2)), codes)
    assert mix[0] == pytest.approx(1 / 3, abs=0.05) and max(mix[1:]) < 0.1


def test_weights_are_never_negative_and_the_absent_and_unlabelled_count_nothing():
    signal, codes, rng = shares()
    mix = mix_of(fit_of(-signal), [fit_of(-signal), fit_of(0.5 * signal)], np.ones((1500, 2)), codes)
    assert (mix >= 0).all() and mix[2] == pytest.approx(2, abs=0.3) and max(mix[:2]) < 1e-6
    present = np.ones((1500, 2))
    present[::2, 0] = 0
    wild, some = signal.copy(), codes.copy()
    wild[::2] = 1e3 * rng.normal(size=wild[::2].shape)
    noise = fit_of(rng.normal(size=signal.shape))
    a, b = (mix_of(noise, [fit_of(s), fit_of(0 * s)], present, codes) for s in (signal, wild))
    np.testing.assert_array_equal(a, b)
    some[::3] = -1
    shown = signal.copy()
    shown[::3] *= -5
    a, b = (mix_of(noise, [fit_of(s), fit_of(0 * s)], np.ones((1500, 2)), some) for s in (signal, shown))
    np.testing.assert_array_equal(a, b)


def test_one_modality_is_its_own_joint_model():
    signal, codes, _ = shares(50)
    assert mix_of(fit_of(signal), [fit_of(signal)], np.ones((50, 1)), codes).tolist() == [1.0, 0.0]


def test_a_useful_view_opens_its_gate_and_noise_stays_out():
    signal, codes, rng = shares()
    views = np.zeros((1500, 2, 2, 3))
    views[:, 0, 0], views[:, 0, 1] = signal, rng.normal(size=signal.shape)
    views[:, 1] = rng.normal(size=views[:, 1].shape)
    gates = gates_of(np.zeros((1500, 2, 3)), views, codes)
    assert gates.shape == (2, 2) and gates[0, 0] > 0.8
    rest = np.array([gates[0, 1], *gates[1]])
    assert np.abs(rest).max() < 0.1


def test_what_is_known_already_opens_nothing():
    """A view that repeats the patient's own, well scaled logits says nothing new."""
    signal, codes, _ = shares()
    views = np.zeros((1500, 1, 2, 3))
    views[:, 0, 1] = signal
    assert np.abs(gates_of(signal[:, None], views, codes)).max() < 0.1
    assert gates_of(0.5 * signal[:, None], views, codes)[0, 1] == pytest.approx(0.5, abs=0.1)


def test_few_labels_leave_gates_near_closed():
    signal, codes, rng = shares(1500)
    views = rng.normal(size=(1500, 1, 2, 3))
    views[:, 0, 0] = 0.3 * signal
    few = np.where(np.arange(1500) < 12, codes, -1)
    many = gates_of(np.zeros((1500, 1, 3)), views, codes)
    little = gates_of(np.zeros((1500, 1, 3)), views, few)
    assert many[0, 0] > 0.5 and np.abs(little).max() < 0.5 * many[0, 0]
    assert not gates_of(np.zeros((1500, 1, 3)), np.zeros_like(views), codes).any()


def test_a_gate_is_the_maximum_of_its_posterior():
    signal, codes, _ = shares(80)
    views = np.zeros((80, 1, 2, 3))
    views[:, 0, 0] = signal

    def loss(gate):
        p = log_softmax(gate * signal, 1)
        return -p[np.arange(80), codes].sum() + gate**2 / (2 * GATE_PRIOR**2)

    expected = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8}).x
    found = gates_of(np.zeros((80, 1, 3)), views, codes)
    assert found[0, 0] == pytest.approx(expected, abs=1e-3) and found[0, 1] == 0


def test_the_planted_network_and_its_control():
    """Patients whose carriers share a signal through their neighbours: with one noisy copy each, the net's gate opens."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 200)
    genes = [f"G{i}" for i in range(60)]
    values = rng.normal(size=(200, 60))
    values[:, :30] += (0.9 * (codes - 0.5) + 0.2 * rng.normal(size=200))[:, None]
    pairs = pd.DataFrame(
        [(genes[i], genes[j]) for i in range(30) for j in range(i + 1, 30) if (i + j) % 3 == 0], columns=["source", "target"]
    )
    from graphfuse.data.cohort import Cohort

    frame = pd.DataFrame(values, index=[f"P{i:03d}" for i in range(200)], columns=genes)
    cohort = Cohort.from_frames(
        {"rna": frame}, pd.Series(codes, index=frame.index, name="y"), symbols={"rna": {g: g for g in genes}}
    )
    network = GeneNetwork.from_frame(pairs.assign(score=1.0), "module")
    cross = CrossFit(cohort, codes, 2, RECIPE.model_copy(update={"select": Recipe(name="x").select}), network, 0)
    views = cross.solve(("rna",)).views[:, 0]
    margin = views[..., 1] - views[..., 0]  # [n, 3]: towards class 1 by own columns, network, patients
    side = np.where(codes == 1, 1, -1)
    accuracy = (np.sign(margin) == side[:, None]).mean(0)
    assert accuracy[0] > 0.8 and accuracy[1] > 0.8 and accuracy[2] > 0.7


def test_bias_is_shared_over_who_is_there():
    present = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]])
    bias, own = np.array([[0.6, -0.6]]), np.arange(6.0).reshape(1, 3, 2)
    found = shared_bias(bias, own, present)
    for i, count in enumerate([3, 2, 1, 1]):
        np.testing.assert_allclose(found[i], own[0] + bias / count)
    total = (found * present[..., None]).sum(1) - (own * present[..., None]).sum(1)
    np.testing.assert_allclose(total[:3], np.repeat(bias, 3, 0))


def test_more_patients_than_kernels_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr("graphfuse.learn.linear.MOST_PATIENTS", 50)
    with pytest.raises(InputError, match="kept up to 50 patients"):
        crossed()
