"""Cross-fitted linear models: nothing of a patient in what the net is shown of it, and mixes and
gates that find the truth."""

import weakref
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.linear import smoothing_search
from graphfuse.learn.linear.crossfit import linear_fit, ridge
from graphfuse.learn.linear.inner_folds import INNER_FOLDS, ON_ALL, Fit, InnerFolds
from graphfuse.learn.linear.kernel_sets import kernel_sets, kernels
from graphfuse.learn.linear.kernels import (
    Kernel,
    Narrow,
    means_of,
    slope_of,
    summed,
    unsmoothed_coefficients,
)
from graphfuse.learn.linear.linear_start import (
    GATE_PRIOR,
    Linear,
    LinearFit,
    gates_of,
    mix_of,
    patterns_of,
    shared_bias,
)
from graphfuse.learn.linear.penalty_search import path
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import PENALTIES, lowest_level
from graphfuse.learn.linear.ridge_key import RidgeKey
from graphfuse.learn.linear.smoothing_search import GATES, gates
from graphfuse.learn.linear.stacking import linear_start
from graphfuse.learn.model import FusionModel
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.stratified_folds import stratified
from graphfuse.schema import Recipe
from tests.learn.ridge_path import fit_ridge
from tests.outcomes import learned, of_codes

RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "patient": {"neighbours": 4},
        "net": {"encode": {"default": "table", "gene": "network"}},
        "select": {"top": 20},
    }
)
NAMES = ("rna", "meth")
MADE = planted(
    70, {"rna": 40, "meth": 30}, missing={"meth": 0.15}, unlabelled=0.1, effect=0.7, seed=2
)
COHORT, CODES = MADE.cohort, MADE.cohort.outcome().values
NETWORK = GeneNetwork.from_frame(MADE.network, "planted")


def crossed(cohort=COHORT, codes=CODES, recipe=RECIPE):
    return PreparedFold.fit(cohort, of_codes(codes), recipe, NETWORK, seed=0)


@pytest.fixture(scope="module")
def cross():
    return crossed()


# ------------------------------------------------------------------------------------ cross-fitting


@pytest.mark.parametrize("names", [("rna",), ("meth",), NAMES])
def test_what_a_patient_is_shown_is_by_the_inner_model_without_it(cross, names):
    """All anew for one inner fold: preparation, kernels and ridge on the others, applied to the
    held-out."""
    fit = linear_fit(cross, RidgeKey(names, ((),) * len(names)))  # with all gates shut
    for k in (0, 3):
        held, train = np.flatnonzero(cross.inner.first == k), np.flatnonzero(cross.inner.first != k)
        preparation, training = Preparation.fit(
            COHORT.take(train), learned(CODES[train]), RECIPE, NETWORK, 0
        )
        views = preparation.views(COHORT.take(held))
        kernel = sum(training.own[m] @ training.own[m].T for m in names)
        codes = np.where(
            training.present[:, [NAMES.index(m) for m in names]].any(1), CODES[train], -1
        )
        alone = fit_ridge(
            kernel, *learned(codes, 2), (PENALTIES[fit.level],), tolerance=1e-6, steps=5000
        )
        lists = {m: found[0] for m, found in preparation.lists(views).items()}
        for column, m in enumerate(names):
            slope = training.own[m].T @ alone.alpha[0]
            around = np.zeros((len(held), 2))
            for i in range(len(held)):
                senders = lists[m].index[lists[m].offsets[i] : lists[m].offsets[i + 1]]
                around[i] = (
                    np.mean([training.own[m][j] @ slope for j in senders], 0) if len(senders) else 0
                )
            expected = np.stack([views.own[m] @ slope, views.x_smoothed[m] @ slope, around], 1)
            np.testing.assert_allclose(
                fit.views[held, column], expected, atol=0.02
            )  # a descent stops early, ours later
        np.testing.assert_allclose(
            fit.held_out_bias[held], alone.intercept[[0]].repeat(len(held), 0), atol=0.02
        )


@pytest.mark.parametrize("names", [("rna",), NAMES])
def test_own_views_and_bias_are_the_held_out_logits(cross, names):
    fit = ridge(cross.without_graphs(), names)
    np.testing.assert_allclose(
        fit.views[:, :, 0].sum(1) + fit.held_out_bias, fit.held_out[0], atol=1e-10
    )
    there = (CODES >= 0) & cross.views.present[:, [NAMES.index(m) for m in names]].any(1)
    assert fit.loss == pytest.approx(
        -np.mean([log_softmax(fit.held_out[0, i])[CODES[i]] for i in np.flatnonzero(there)]),
        rel=1e-9,
    )


def neighbours_that_may_swap(fold):
    """Pairs of adjacent patients of one inner fold whose labels, swapped, leave every inner fold as
    it is."""
    for i in range(len(CODES) - 1):
        if CODES[i] != CODES[i + 1] and min(CODES[i], CODES[i + 1]) >= 0 and fold[i] == fold[i + 1]:
            swapped = CODES.copy()
            swapped[[i, i + 1]] = CODES[[i + 1, i]]
            if np.array_equal(stratified(swapped, INNER_FOLDS, 0), fold):
                yield i, swapped


@pytest.mark.parametrize("names", [("rna",), NAMES])
def test_the_label_of_a_held_out_patient_changes_nothing_shown_of_its_fold(cross, names):
    tried = 0
    for i, swapped in neighbours_that_may_swap(cross.inner.first):
        before, after = (
            ridge(cross.without_graphs(), names),
            ridge(crossed(codes=swapped).without_graphs(), names),
        )
        if before.level != after.level:
            continue  # the one number chosen on all training patients
        mine = cross.inner.first == cross.inner.first[i]
        np.testing.assert_array_equal(before.views[mine], after.views[mine])
        np.testing.assert_array_equal(before.held_out_bias[mine], after.held_out_bias[mine])
        assert (
            np.abs(before.views[~mine] - after.views[~mine]).max() > 1e-6
        )  # the others learn from it
        tried += 1
        if tried == 2:
            break
    assert tried


def test_the_values_of_a_held_out_patient_change_nothing_shown_of_the_others_in_its_fold(cross):
    k = cross.inner.first[5]
    changed = dict(COHORT.modalities)
    for name, modality in changed.items():
        table = modality.table.copy()
        table.iloc[5] = table.iloc[5] * 1.01 + 0.01
        changed[name] = Modality(name, table, symbols=modality.symbols, entity=modality.entity)
    other = crossed(replace(COHORT, modalities=changed))
    before, after = ridge(cross.without_graphs(), NAMES), ridge(other.without_graphs(), NAMES)
    assert np.array_equal(other.inner.first, cross.inner.first) and before.level == after.level
    rest = (cross.inner.first == k) & (np.arange(70) != 5)
    np.testing.assert_array_equal(before.views[rest], after.views[rest])
    assert (before.views[5] != after.views[5]).any() and (
        before.views[cross.inner.first != k] != after.views[cross.inner.first != k]
    ).any()


def test_labels_without_any_signal_are_not_predicted():
    """The held-out loss of noise is no better than that of the shares."""
    noise = planted(100, {"rna": 300}, effect=0.0, seed=3).cohort
    fold = PreparedFold.fit(noise, noise.outcome(), Recipe(name="plain"), None, 0)
    fit = ridge(fold, ("rna",))
    assert fit.loss > np.log(2) - 0.03
    agreement = (fit.held_out[0].argmax(1) == noise.outcome().values).mean()
    assert 0.3 < agreement < 0.7


def test_a_patient_without_a_modality_is_shown_zeros_of_it(cross):
    absent = ~COHORT.modalities["meth"].present
    assert absent.sum() > 3
    fit = ridge(cross, NAMES)
    assert not fit.views[absent, 1].any() and fit.views[~absent, 1].any()


def test_a_fit_is_remembered(cross):
    assert ridge(cross, NAMES) is ridge(cross, NAMES)


def test_no_fit_depends_on_what_was_asked_for_before(cross):
    """Everything asked for in one order, and on another fold in the other."""
    asked = [
        lambda fold: ridge(fold.without_graphs(), NAMES),
        lambda fold: ridge(fold, ("meth",)),
        lambda fold: linear_start(fold, NAMES, stacked=True),
        lambda fold: linear_start(fold, ("rna",), stacked=True),
        lambda fold: linear_start(fold.without_graphs(), NAMES, stacked=True),
    ]
    forth, back = crossed(), crossed()
    one = [ask(forth) for ask in asked]
    other = [ask(back) for ask in reversed(asked)][::-1]
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first.views, second.views)


def test_kernels_larger_than_their_tables_are_freed_and_made_again():
    """70 patients by 20 columns: nothing is kept of the kernels once nobody holds them."""
    fold = crossed()
    (*_, whole) = kernel_sets(fold, NAMES)
    assert kernel_sets(fold, NAMES)[-1].kernels["rna"].own is whole.kernels["rna"].own
    kept = whole.kernels["rna"].own.copy()
    seen = weakref.ref(whole.kernels["rna"].own)
    del whole
    assert seen() is None
    np.testing.assert_array_equal(kernel_sets(fold, NAMES)[-1].kernels["rna"].own, kept)


# -------------------------------------------------------------------------------------- inner folds


def test_inner_folds_hold_everybody_out_once_in_each_partition():
    inner = InnerFolds.deal(CODES, seed=0)
    assert inner.partitions.shape == (600 // (CODES >= 0).sum(), 70)
    times = sum(inner.held_out(fit).astype(int) for fit in inner.fits)
    assert (times == len(inner.partitions)).all()
    assert not inner.held_out(ON_ALL).any()
    np.testing.assert_array_equal(inner.held_out(Fit(1, 3)), inner.partitions[1] == 3)
    assert [fit.is_first for fit in inner.fits[:6]] == [True] * 5 + [False]


def test_few_labels_are_dealt_more_often():
    few, many = np.tile([0, 1], 20), np.tile([0, 1], 400)
    assert len(InnerFolds.deal(few, 0).partitions) == 10
    assert len(InnerFolds.deal(many, 0).partitions) == 2
    assert len(InnerFolds.deal(many, 0, partitions=1).partitions) == 1


def test_keys_say_which_graphs_they_are_along():
    shut = RidgeKey.of_one("rna", np.zeros(3))
    network = RidgeKey.of_one("rna", np.array([2.0, 0, 0]))
    layer = RidgeKey.of_one("rna", np.array([0, 0, 1.0]))
    both = RidgeKey(("rna", "meth"), network.gates + layer.gates)
    along = [(each.is_along_network, each.is_along_layers) for each in (shut, network, layer, both)]
    assert along == [(False, False), (True, False), (False, True), (True, True)]
    np.testing.assert_array_equal(network.gates_of("rna", 2), [2, 0, 0])
    np.testing.assert_array_equal(both.gates_of("meth", 3), [0, 0, 1, 0])


# ----------------------------------------------------------------------------------- without graphs


def test_without_graphs_the_views_of_graphs_are_zero(cross):
    plain = cross.without_graphs()
    for names in (("rna",), NAMES):
        with_graphs, without = (
            linear_start(cross, names, stacked=True),
            linear_start(plain, names, stacked=True),
        )
        assert with_graphs.views[:, :, 1].any() and with_graphs.views[:, :, 2].any()
        assert not without.views[:, :, 1:].any() and not without.gates.any()
        assert ridge(plain, names).level == ridge(cross.without_graphs(), names).level
    key = RidgeKey.of_one("rna", np.zeros(2))
    assert path(plain, key) is path(cross, key)
    assert (
        cross.has_graphs and cross.preparation.layers and cross.views.x_smoothed
    )  # the fold itself keeps them
    assert (
        not plain.preparation.layers
        and not plain.preparation.smoothing
        and not plain.views.x_smoothed
    )
    assert set(plain.preparation.encoders.values()) == {"table"}


@pytest.mark.parametrize("stacked", [True, False])
def test_the_start_is_a_sum_over_modalities(cross, stacked):
    start = linear_start(cross, NAMES, stacked)
    singles = [ridge(cross, (m,)) for m in NAMES]
    joint = ridge(cross, NAMES, near=min(singles, key=lambda fit: fit.loss).level)
    mix, full = start.linear.shares(), cross.views.present.all(1)
    whole, shares = mix["joint"], [mix[m] for m in NAMES]
    if not stacked:
        assert (whole, shares) == (0.0, [1.0, 1.0])
    for column, m in enumerate(NAMES):
        slope = whole * slope_of(cross.views, m, *joint.coefficients[m])
        slope = slope + shares[column] * slope_of(cross.views, m, *singles[column].coefficients[m])
        np.testing.assert_allclose(start.linear.slopes[m][0], slope, rtol=1e-9, atol=1e-12)
        expected = whole * joint.views[:, column] + shares[column] * singles[column].views[:, 0]
        np.testing.assert_allclose(
            start.views[full, column], expected[full], rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(
            start.linear.memory[m][0], cross.views.own[m] @ slope, rtol=1e-7, atol=1e-9
        )
    np.testing.assert_allclose(start.linear.bias[0], whole * joint.bias, rtol=1e-12)
    assert min([whole, *shares]) >= 0 and start.gates.shape == (2, 2)


def test_a_patient_without_a_modality_starts_at_the_model_of_the_others(cross):
    """The linear start for those without methylation is the RNA regression, trained on everyone
    with RNA."""
    start, rna = linear_start(cross, NAMES, stacked=True), ridge(cross, ("rna",))
    lacking = np.flatnonzero(~cross.views.present[:, 1])
    which = start.linear.pattern(cross.views.present)
    assert (start.linear.patterns[which[lacking]] == [True, False]).all()
    np.testing.assert_allclose(start.views[lacking, 0], rna.views[lacking, 0], rtol=1e-12)
    np.testing.assert_allclose(start.bias[lacking].sum(1), rna.held_out_bias[lacking], rtol=1e-12)
    p = which[lacking[0]]
    np.testing.assert_allclose(
        start.linear.slopes["rna"][p], slope_of(cross.views, "rna", *rna.coefficients["rna"])
    )
    assert not start.linear.slopes["meth"][p].any() and not start.views[lacking, 1].any()


def test_patterns_are_the_whole_the_seen_all_but_one_and_each_alone():
    present = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], bool)
    found = patterns_of(present).astype(int).tolist()
    assert found[:3] == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert sorted(map(sum, found)) == [1, 1, 1, 1, 2, 3, 3, 3, 3, 4]


def test_a_pattern_that_nobody_prepared_takes_the_largest_inside_it():
    none = np.zeros(0)
    linear = Linear(
        np.array([[1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 1]], bool), {}, none, none, {}, none
    )
    present = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]], bool)
    assert linear.pattern(present).tolist() == [0, 1, 2, 3, 0]


def test_the_mix_is_no_worse_than_joint_or_any_single(cross):
    start = linear_start(cross, NAMES, stacked=True)
    present = cross.views.present.astype(float)
    known = (CODES >= 0) & present.all(1).astype(bool)  # those who decide it

    def loss(logits):
        return -log_softmax(logits[known], 1)[np.arange(known.sum()), CODES[known]].mean()

    doors = np.concatenate([np.ones((2, 1)), start.gates], 1)[..., None]
    mixed = (((start.views * doors).sum(2) + start.bias) * present[..., None]).sum(1)
    singles = [ridge(cross, (m,)).held_out[0] * present[:, [c]] for c, m in enumerate(NAMES)]
    assert loss(mixed) <= min(map(loss, [ridge(cross, NAMES).held_out[0], *singles])) + 1e-6


def test_kernels_are_inner_products_and_means():
    fold = crossed()
    (*_, whole) = kernel_sets(fold, NAMES)
    rna, own, hop = whole.kernels["rna"], fold.views.own["rna"], fold.views.x_smoothed["rna"]
    np.testing.assert_allclose(rna.own, own @ own.T, rtol=1e-12)
    np.testing.assert_allclose(rna.cross, hop @ own.T, rtol=1e-12)
    np.testing.assert_allclose(rna.smoothed, hop @ hop.T, rtol=1e-12)
    mean = whole.kernels["meth"].means[0].toarray()
    present = COHORT.modalities["meth"].present
    np.testing.assert_allclose(mean.sum(1), present)
    assert not mean[:, ~present].any()


@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 2.0), (1.5, 0.0), (1.0, 4.0)])
def test_a_smoothed_kernel_is_that_of_smoothed_columns(values):
    preparation, training = Preparation.fit(COHORT, learned(CODES), RECIPE, NETWORK, 0)
    own, hop, values = training.own["rna"], training.x_smoothed["rna"], np.array(values)
    (mean,) = means_of(preparation)["rna"]
    made = Kernel(own @ own.T, hop @ own.T, hop @ hop.T, [mean])
    smooth = (own + values[0] * hop + values[1] * (mean @ own)) / (1 + values.sum())
    np.testing.assert_allclose(made.along(values).values, smooth @ smooth.T, rtol=1e-9, atol=1e-9)
    alpha = np.random.default_rng(0).normal(size=(70, 2))
    coefficients = unsmoothed_coefficients([mean], values, alpha)
    slope = smooth.T @ alpha / (1 + values.sum())
    np.testing.assert_allclose(
        slope_of(training, "rna", *coefficients), slope, rtol=1e-9, atol=1e-9
    )
    views = made.views(*coefficients)
    np.testing.assert_allclose(
        views, np.stack([own @ slope, hop @ slope, mean @ (own @ slope)], 1), rtol=1e-7, atol=1e-9
    )
    logits = np.einsum("nvk,v->nk", views, np.r_[1, values])
    np.testing.assert_allclose(logits, smooth @ smooth.T @ alpha, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 2.0), (1.5, 0.0), (1.0, 4.0)])
def test_a_narrow_table_gives_what_its_kernel_gives(values):
    preparation, training = Preparation.fit(COHORT, learned(CODES), RECIPE, NETWORK, 0)
    own, hop, values = training.own["rna"], training.x_smoothed["rna"], np.array(values)
    means, rows = means_of(preparation)["rna"], np.arange(0, 70, 2)
    dense = Kernel(own @ own.T, hop @ own.T, hop @ hop.T, means)
    narrow = Narrow(own, hop, means)
    alpha = np.random.default_rng(0).normal(size=(70, 3))
    coefficients = unsmoothed_coefficients(means, values, alpha)
    np.testing.assert_allclose(narrow.views(*coefficients), dense.views(*coefficients), atol=1e-9)
    one, other = narrow.along(values), dense.along(values)
    np.testing.assert_allclose(one.times(alpha), other.times(alpha), atol=1e-9)
    for found, expected in zip(one.coordinates(rows), other.coordinates(rows), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    together = summed([one, narrow.along(np.zeros(2))])
    expected = other.values + dense.along(np.zeros(2)).values
    np.testing.assert_allclose(together.times(alpha), expected @ alpha, atol=1e-9)


def test_a_start_found_on_the_side_of_the_columns_is_that_of_the_kernels(monkeypatch):
    expected = linear_start(crossed(), NAMES, stacked=True)
    monkeypatch.setattr("graphfuse.learn.linear.kernels.MANY", 50)
    fold = crossed()
    assert all(isinstance(kernel, Narrow) for kernel in kernels(fold, NAMES).values())
    found = linear_start(fold, NAMES, stacked=True)
    np.testing.assert_allclose(found.views, expected.views, atol=1e-9)
    np.testing.assert_allclose(found.gates, expected.gates, atol=1e-9)
    for m in NAMES:
        np.testing.assert_allclose(found.linear.slopes[m], expected.linear.slopes[m], atol=1e-9)


def test_the_search_for_a_penalty_finds_the_lowest():
    valley = [5.0, 4, 3, 2.5, 2, 1, 2, 3, 4, 5, 6]
    for first in (0, 3, 5, 8, 10):
        assert lowest_level(valley.__getitem__, first) == (5, 1.0)
    asked = []
    lowest_level(lambda level: asked.append(level) or valley[level], 4)
    assert asked == [4, 5, 6]


# ---------------------------------------------------------------------------------- mixes and gates


def shares(count=1500, classes=3, seed=0):
    """Logits of signal, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    signal = 1.5 * rng.normal(size=(count, classes))
    p = np.exp(signal) / np.exp(signal).sum(1, keepdims=True)
    codes = (p.cumsum(1) < rng.random((count, 1))).sum(1)
    return signal, codes, rng


def fit_of(logits):
    none = np.zeros(0)
    return LinearFit(("m",), 0, 0.0, {}, none, logits[None], none, none)


def test_the_mix_finds_the_informative_modality():
    signal, codes, rng = shares()
    noise = [rng.normal(size=signal.shape) for _ in range(2)]
    mix = mix_of(
        fit_of(noise[0]), [fit_of(signal), fit_of(noise[1])], np.ones((1500, 2)), *learned(codes)
    )
    assert mix[1] == pytest.approx(1, abs=0.15) and mix[0] < 0.1 and mix[2] < 0.1


def test_the_mix_takes_the_joint_model_and_mends_its_scale():
    signal, codes, rng = shares()
    noise = [fit_of(rng.normal(size=signal.shape)) for _ in range(2)]
    mix = mix_of(fit_of(3 * signal), noise, np.ones((1500, 2)), *learned(codes))
    assert mix[0] == pytest.approx(1 / 3, abs=0.05) and max(mix[1:]) < 0.1


def test_weights_are_never_negative_and_the_absent_and_unlabelled_count_nothing():
    signal, codes, rng = shares()
    mix = mix_of(
        fit_of(-signal),
        [fit_of(-signal), fit_of(0.5 * signal)],
        np.ones((1500, 2)),
        *learned(codes),
    )
    assert (mix >= 0).all() and mix[2] == pytest.approx(2, abs=0.3) and max(mix[:2]) < 1e-6
    present = np.ones((1500, 2))
    present[::2, 0] = 0
    wild, some = signal.copy(), codes.copy()
    wild[::2] = 1e3 * rng.normal(size=wild[::2].shape)
    noise = fit_of(rng.normal(size=signal.shape))
    a, b = (
        mix_of(noise, [fit_of(s), fit_of(0 * s)], present, *learned(codes)) for s in (signal, wild)
    )
    np.testing.assert_array_equal(a, b)
    some[::3] = -1
    shown = signal.copy()
    shown[::3] *= -5
    a, b = (
        mix_of(noise, [fit_of(s), fit_of(0 * s)], np.ones((1500, 2)), *learned(some))
        for s in (signal, shown)
    )
    np.testing.assert_array_equal(a, b)


def test_a_useful_view_opens_its_gate_and_noise_stays_out():
    signal, codes, rng = shares()
    views = np.zeros((1500, 2, 2, 3))
    views[:, 0, 0], views[:, 0, 1] = signal, rng.normal(size=signal.shape)
    views[:, 1] = rng.normal(size=views[:, 1].shape)
    found = gates_of(np.zeros((1500, 3)), views, *learned(codes))
    assert found.shape == (2, 2) and found[0, 0] > 0.8
    rest = np.array([found[0, 1], *found[1]])
    assert np.abs(rest).max() < 0.1


def test_what_is_known_already_opens_nothing():
    """A view that repeats the patient's own, well scaled logits says nothing new."""
    signal, codes, _ = shares()
    views = np.zeros((1500, 1, 2, 3))
    views[:, 0, 1] = signal
    assert np.abs(gates_of(signal, views, *learned(codes))).max() < 0.1
    assert gates_of(0.5 * signal, views, *learned(codes))[0, 1] == pytest.approx(0.5, abs=0.1)


def test_few_labels_leave_gates_near_closed():
    signal, codes, rng = shares(1500)
    views = rng.normal(size=(1500, 1, 2, 3))
    views[:, 0, 0] = 0.3 * signal
    few = np.where(np.arange(1500) < 12, codes, -1)
    many = gates_of(np.zeros((1500, 3)), views, *learned(codes))
    little = gates_of(np.zeros((1500, 3)), views, *learned(few))
    assert many[0, 0] > 0.5 and np.abs(little).max() < 0.5 * many[0, 0]
    assert not gates_of(np.zeros((1500, 3)), np.zeros_like(views), *learned(codes)).any()


def test_a_gate_is_the_maximum_of_its_posterior():
    signal, codes, _ = shares(80)
    views = np.zeros((80, 1, 2, 3))
    views[:, 0, 0] = signal

    def loss(gate):
        p = log_softmax(gate * signal, 1)
        return -p[np.arange(80), codes].sum() + gate**2 / (2 * GATE_PRIOR**2)

    expected = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8}).x
    found = gates_of(np.zeros((80, 3)), views, *learned(codes))
    assert found[0, 0] == pytest.approx(expected, abs=1e-3) and found[0, 1] == 0


def grouped(labelled=1.0, noise=2.0, patients=160, control="none", seed=0):
    """Patients in four groups that share 20 latent columns each, seen through much noise; two
    groups make a class."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 4, patients)
    values = 2.0 * rng.normal(size=(4, 120))[group] * (np.arange(120) < 60) + noise * rng.normal(
        size=(patients, 120)
    )
    codes = np.where(rng.random(patients) < labelled, group % 2, -1)
    frame = pd.DataFrame(
        values, [f"P{i:03d}" for i in range(patients)], [f"x{i:03d}" for i in range(120)]
    )
    cohort = Cohort.from_frames({"rna": frame}, pd.Series(codes, frame.index, name="y"))
    recipe = Recipe.model_validate({"name": "grouped", "patient": {"control": control}})
    return PreparedFold.fit(cohort, of_codes(codes), recipe, None, 0)


def test_a_gate_opens_where_neighbours_help_and_stays_shut_where_they_do_not():
    few = grouped(labelled=0.2)
    opened = gates(few, "rna")
    assert opened[1] in GATES and opened[0] == 0
    assert ridge(few, ("rna",)).loss < 0.95 * ridge(few.without_graphs(), ("rna",)).loss
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        rng.normal(size=(240, 400)),
        [f"P{i:03d}" for i in range(240)],
        [f"x{i}" for i in range(400)],
    )
    codes = (
        (frame["x0"] + 0.3 * rng.normal(size=240) > 0).to_numpy().astype(int)
    )  # one column, which no neighbour shares
    alone = Cohort.from_frames({"rna": frame}, pd.Series(codes, frame.index, name="y"))
    fold = PreparedFold.fit(alone, of_codes(codes), Recipe(name="alone"), None, 0)
    assert not gates(fold, "rna").any()
    for control in ("rewired", "random", "identity", "empty"):
        assert not gates(grouped(labelled=0.2, control=control), "rna").any(), control


def test_the_planted_network_and_its_control():
    """Patients whose carriers share a signal through their neighbours: with one noisy copy each,
    the net's gate opens."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 200)
    genes = [f"G{i}" for i in range(60)]
    values = rng.normal(size=(200, 60))
    values[:, :30] += (0.9 * (codes - 0.5) + 0.2 * rng.normal(size=200))[:, None]
    pairs = pd.DataFrame(
        [(genes[i], genes[j]) for i in range(30) for j in range(i + 1, 30) if (i + j) % 3 == 0],
        columns=["source", "target"],
    )
    frame = pd.DataFrame(values, index=[f"P{i:03d}" for i in range(200)], columns=genes)
    cohort = Cohort.from_frames(
        {"rna": frame},
        pd.Series(codes, index=frame.index, name="y"),
        symbols={"rna": {g: g for g in genes}},
    )
    network = GeneNetwork.from_frame(pairs.assign(score=1.0), "module")
    cross = PreparedFold.fit(
        cohort,
        of_codes(codes),
        RECIPE.model_copy(update={"select": Recipe(name="x").select}),
        network,
        0,
    )
    views = ridge(cross, ("rna",)).views[:, 0]
    margin = (
        views[..., 1] - views[..., 0]
    )  # [n, 3]: towards class 1 by own columns, network, patients
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
    monkeypatch.setattr("graphfuse.learn.linear.kernels.MOST_PATIENTS", 50)
    with pytest.raises(InputError, match="kept up to 50 patients.*start = "):
        crossed()


def test_without_a_linear_start_no_kernel_is_made(monkeypatch):
    """The same net, whether or not kernels could be: to what rounding in its coordinates moves."""
    net = RECIPE.net.model_copy(update={"start": "none"})
    train = RECIPE.train.model_copy(update={"epochs": 3, "seeds": 1})
    recipe = RECIPE.model_copy(update={"net": net, "train": train})

    def fitted() -> np.ndarray:
        return FusionModel(recipe, network=NETWORK, device="cpu").fit(COHORT).predict_proba(COHORT)

    expected = fitted()
    monkeypatch.setattr("graphfuse.learn.linear.kernels.MOST_PATIENTS", 50)
    np.testing.assert_allclose(fitted(), expected, atol=1e-4)


def test_a_trial_is_not_given_up_for_a_small_rough_loss(monkeypatch):
    """Where patients are nearly separated, losses change by any share until they are solved."""

    def chosen() -> np.ndarray:
        return gates(grouped(noise=1.0, labelled=0.15, seed=1), "rna")

    with monkeypatch.context() as patch:
        patch.setattr(smoothing_search, "ROUGH_SHARE", np.inf)
        expected = chosen()
    with monkeypatch.context() as patch:
        patch.setattr(smoothing_search, "ROUGH_EXCESS", 0.0)
        assert chosen()[1] < expected[1], "the case would be judged wrongly by the share alone"
    np.testing.assert_array_equal(chosen(), expected)


def test_a_trial_that_is_given_up_never_wins(monkeypatch):
    """Not even where the present regression's loss rises past a trial's rough loss when solved."""
    design = {"missing": {"meth": 0.2}, "unlabelled": 0.1, "batch_shift": 0.5}
    columns = {"rna": 24, "meth": 16}
    made = planted(60, columns, carriers=4, effect=1.3, seed=1, **design).cohort
    patient = {"layers": "snf", "neighbours": 4}
    recipe = Recipe.model_validate(
        {"name": "fused", "patient": patient, "net": {"encode": "table"}}
    )

    def chosen() -> dict[str, np.ndarray]:
        fold = PreparedFold.fit(made, made.outcome(), recipe, None, 0)
        return {m: gates(fold, m) for m in columns}

    sparing = chosen()
    monkeypatch.setattr(smoothing_search, "ROUGH_SHARE", np.inf)
    thorough = chosen()
    for m in columns:
        np.testing.assert_array_equal(sparing[m], thorough[m])
