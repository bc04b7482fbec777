"""Concept planes: what is fitted, what a patient is shown, and planted planes found again."""

import json

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from graphfuse.errors import InputError
from graphfuse.learn.signals.code_graphs import (
    Coder,
    ConceptPlanes,
    correlations,
    fit_autoencoder,
    most_salient,
    neighbourhood,
    saliency,
)
from graphfuse.nn.autoencoder import Autoencoder, reconstruction_loss
from graphfuse.nn.encode.walk_learned import WalkLearned
from graphfuse.nn.registry import part
from graphfuse.schema import ConceptSection

SMALL = ConceptSection(planes=4, codes=3, components=6, quantile=0.6, epochs=15)
WIDTHS = {"rna": 12, "meth": 9, "clinical": 2}


def cohort(count=40, seed=0, widths=WIDTHS):
    """Columns that share three latents, and who has what: everyone has something."""
    draw, fixed = np.random.default_rng(seed), np.random.default_rng(99)
    latent = draw.normal(size=(count, 3))
    own = {
        m: latent @ fixed.normal(size=(3, f)) + draw.normal(size=(count, f))
        for m, f in widths.items()
    }
    present = draw.random((count, len(widths))) < 0.8
    present[:, 0] |= ~present.any(1)
    return {m: x * present[:, [i]] for i, (m, x) in enumerate(own.items())}, present


def tensors(own, present):
    return {m: torch.from_numpy(x) for m, x in own.items()}, torch.from_numpy(present)


def fitted(section=SMALL, seed=0, **made):
    own, present = cohort(**made)
    return ConceptPlanes.fit(own, present, section, seed), own, present


def changed(section=SMALL, **keys):
    return section.model_copy(update=keys)


# ---------------------------------------------------------------------------------- the autoencoder


def test_the_autoencoder_by_hand():
    model = Autoencoder(5, 2, torch.Generator().manual_seed(0)).double()
    assert model.inner.shape == (4, 5) and model.outer.shape == (2, 4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    x, leak = torch.randn(3, 5, dtype=torch.float64), torch.nn.functional.leaky_relu
    code = leak(leak(x @ model.inner.T + model.inner_bias) @ model.outer.T + model.outer_bias)
    assert torch.equal(model.encode(x), code)
    torch.testing.assert_close(
        model(x), leak(code @ model.outer + model.hidden_bias) @ model.inner + model.out_bias
    )


def test_building_an_autoencoder_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit_autoencoder(torch.ones(4, 3).double(), torch.ones(4, 1), 2, 2, 0)
    assert torch.equal(torch.rand(3), expected)


def test_what_is_not_counted_is_not_learned_from():
    x, weight = torch.randn(30, 6).double(), torch.ones(30, 6)
    weight[20:] = 0
    weight[:20, 5] = 0
    other = x.clone()
    other[20:], other[:, 5] = 7.0, x[:, 5]
    a, b = (fit_autoencoder(v, weight, 2, 5, 0) for v in (x, other))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert reconstruction_loss(a, x, weight) == reconstruction_loss(a, other, weight)
    assert reconstruction_loss(a, x, torch.zeros(30, 1)) == 0


def test_a_linear_truth_is_reconstructed():
    draw = np.random.default_rng(0)
    x = torch.from_numpy(draw.normal(size=(200, 2)) @ draw.normal(size=(2, 10)))
    model = fit_autoencoder(x, torch.ones(200, 1), 6, 150, 0)
    assert reconstruction_loss(model, x, torch.ones(200, 1)) < 0.1 * x.var()


# -------------------------------------------------------------------------------- planes from codes


def random_codes(count=20, codes=12, planes=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    model = Autoencoder(codes, planes, draw).double()
    e = torch.rand(count, codes, generator=draw, dtype=torch.float64)
    return model, e, torch.rand(codes, generator=draw, dtype=torch.float64)


def test_saliency_is_leaving_one_code_out():
    model, e, baseline = random_codes()
    with torch.no_grad():
        moved = saliency(model, e, baseline)
        for p in range(e.shape[1]):
            left_out = e.clone()
            left_out[:, p] = baseline[p]
            expected = (model.encode(left_out) - model.encode(e)).abs()
            torch.testing.assert_close(moved[:, :, p], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("quantile", [0.0, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_active_codes_lie_above_the_quantile(quantile):
    moved = torch.rand(20, 5, 37, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved[3, 2] = 0
    active = most_salient(moved, torch.ones(20, 37), quantile)
    assert torch.equal(
        active, (moved > torch.quantile(moved, quantile, dim=-1, keepdim=True)).double()
    )
    assert not active[3, 2].any()


def test_at_the_published_size_forty_codes_are_active():
    moved = torch.rand(3, 2, 396, dtype=torch.float64)
    assert (most_salient(moved, torch.ones(3, 396), 0.9).sum(-1) == 40).all()


def test_the_quantile_is_taken_over_observed_codes_alone():
    moved = torch.rand(6, 5, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    there = (torch.rand(6, 30, generator=torch.Generator().manual_seed(1)) < 0.6).double()
    there[0], there[1], there[1, 7] = 0, 0, 1
    active = most_salient(moved, there, 0.8)
    for i in range(1, 6):
        seen = there[i].bool()
        assert torch.equal(
            active[i][:, seen],
            most_salient(moved[i : i + 1, :, seen], there[i : i + 1, seen], 0.8)[0],
        )
        assert not active[i][:, ~seen].any()
    assert not active[:2].any()


def test_a_neighbourhood_is_the_top_code_and_those_nearest_to_it():
    moved = torch.tensor(
        [[[0.1, 0.9, 0.3, 0.2, 0.0]], [[0.5, 0.9, 0.3, 0.2, 0.0]], [[0.0] * 5], [[0.1] * 5]]
    ).double()
    near = torch.zeros(5, 5, dtype=torch.float64)
    near[1], near[0] = (
        torch.tensor([0.1, 1.0, 0.8, 0.8, 0.9]),
        torch.tensor([0.0, 0.0, 0.9, 0.0, 0.2]),
    )
    there = torch.ones(4, 5)
    there[1, 1] = 0
    active = neighbourhood(moved, there, near, 2)[:, 0]
    assert active.int().tolist() == [[0, 1, 1, 0, 1], [1, 0, 1, 0, 1], [0] * 5, [1, 0, 1, 0, 1]]
    there[:] = 0
    there[0, [1, 3]] = 1
    assert neighbourhood(moved, there, near, 3)[:, 0].int().tolist() == [
        [0, 1, 0, 1, 0],
        [0] * 5,
        [0] * 5,
        [0] * 5,
    ]


def test_correlations_are_those_of_patients_who_have_both():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 4))
    x[:, 1] += 2 * x[:, 0]
    x[:, 3] = 5
    whole = correlations(torch.from_numpy(x), torch.ones(50, 4).double()).numpy()
    np.testing.assert_allclose(whole[:3, :3], np.abs(np.corrcoef(x[:, :3].T)), atol=1e-9)
    assert not whole[3].any()
    there = torch.ones(50, 4).double()
    there[30:, 1] = 0
    x[30:, 1] = 1e6
    part_of = correlations(torch.from_numpy(x), there).numpy()
    assert part_of[0, 1] > 0.8 and part_of[1, 2] < 0.5 and np.isclose(part_of[0, 2], whole[0, 2])


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_plane_is_found(seed):
    """T7: codes 1–10 and 40–50 of 64 follow one latent. The plane of the concept that follows it,
    with room for 21 codes, is their union in patients in whom the latent departs from its mean
    (elsewhere there is nothing to see)."""
    draw = np.random.default_rng(seed)
    planted = np.isin(np.arange(1, 65), [*range(1, 11), *range(40, 51)])
    latent = draw.normal(size=400)
    codes = 0.5 * draw.normal(size=(400, 64)) + planted * latent[:, None]
    codes = torch.from_numpy((codes - codes.min(0)) / np.ptp(codes, axis=0))
    concepts = fit_autoencoder(codes, torch.ones(400, 1), 2, 200, seed)
    follows = np.abs(np.corrcoef(concepts.encode(codes).T.numpy(), latent)[-1, :-1])
    active = most_salient(
        saliency(concepts, codes, codes.mean(0)), torch.ones(400, 64), 1 - 21 / 64
    )
    plane = active[:, follows.argmax()].bool().numpy()[np.abs(latent) > 1]
    jaccard = (plane & planted).sum(1) / (plane | planted).sum(1)
    assert jaccard.mean() > 0.8 and follows.max() > 0.9


# -------------------------------------------------------------------------------------- the channel


def test_what_a_patient_is_shown():
    planes, own, present = fitted()
    x = planes.inputs(*tensors(own, present))
    assert planes.name == "concepts" and planes.modalities == ("rna", "meth", "clinical")
    assert planes.features == (6, 8) and x.shape == (40, 6, 8) and x.dtype == torch.float64
    there = np.repeat(present, [3, 3, 2], axis=1)
    assert (x[:, 1].numpy() == there).all()
    v = x[:, planes.edge_rows].numpy()
    assert v.shape == (40, 4, 8) and set(np.unique(v)) == {0, 1} and not (v * ~there[:, None]).any()
    codes = x[:, 0].numpy()
    for p in range(8):
        seen = codes[there[:, p], p]
        assert np.isclose(seen.min(), 0) and np.isclose(seen.max(), 1)
        assert np.allclose(codes[~there[:, p], p], seen.mean())
    assert (
        v.sum(2)
        == np.array([np.ceil((1 - 0.6) * (n - 1)) if n > 1 else 0 for n in there.sum(1)])[:, None]
    ).mean() > 0.9


def test_the_baseline_is_what_an_absent_code_stands_at():
    zero, own, present = fitted(changed(baseline="zero"))
    assert not zero.baseline.any()
    x = zero.inputs(*tensors(own, present))
    assert not (x[:, 0] * (1 - x[:, 1])).any()


@pytest.mark.parametrize("edges", ["clique", "nearest"])
def test_what_lies_behind_the_mask_changes_nothing(edges):
    """T5. Absent columns are not read, in fitting or after, so not even `impute` can leak them."""
    for missing in ("mask", "impute"):
        planes, own, present = fitted(changed(missing=missing, edges=edges))
        other = {m: np.where(present[:, [i]], x, 1e3) for i, (m, x) in enumerate(own.items())}
        before, after = (
            planes.inputs(*tensors(own, present)),
            planes.inputs(*tensors(other, present)),
        )
        assert torch.equal(before, after)
        again = ConceptPlanes.fit(other, present, planes.section, 0)
        assert torch.equal(again.inputs(*tensors(own, present)), before)


@pytest.mark.parametrize("missing", ["mask", "impute"])
def test_imputed_passes_for_observed_and_masked_does_not(missing):
    """T5's other half: an imputed modality is one observed at the training mean, and takes part; a
    masked one is out."""
    planes, own, present = fitted(changed(missing=missing))
    x, here = tensors(own, present)
    absent, there = here.clone(), here.clone()
    absent[:, 1], there[:, 1] = False, True
    shown = planes.inputs(x, absent)
    observed = planes.inputs({**x, "meth": planes.coders["meth"].centre.expand(40, -1)}, there)
    assert torch.allclose(shown, observed, atol=1e-12) is (missing == "impute")
    assert shown[:, 1, 3:6].unique().item() == (missing == "impute")
    assert shown[:, 2:, 3:6].any().item() is (missing == "impute")


@pytest.mark.parametrize("edges", ["clique", "nearest"])
@pytest.mark.parametrize("missing", ["mask", "impute"])
def test_one_patient_is_a_row_of_the_batch(edges, missing):
    """T6."""
    planes, own, present = fitted(changed(edges=edges, missing=missing))
    new, here = tensors(*cohort(30, seed=5))
    batch = planes.inputs(new, here)
    alone = torch.cat(
        [planes.inputs({m: x[[i]] for m, x in new.items()}, here[[i]]) for i in range(30)]
    )
    assert (batch - alone).abs().max() <= 1e-12
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    turned = planes.inputs({m: x[order] for m, x in new.items()}, here[order])
    assert (batch[order] - turned).abs().max() <= 1e-12


def test_in_chunks_as_at_once(monkeypatch):
    planes, own, present = fitted()
    whole = planes.inputs(*tensors(own, present))
    monkeypatch.setattr("graphfuse.learn.signals.code_graphs.CHUNK", 200)
    assert torch.equal(planes.inputs(*tensors(own, present)), whole)
    nobody = planes.inputs(
        {m: torch.zeros(0, f).double() for m, f in WIDTHS.items()}, torch.zeros(0, 3)
    )
    assert nobody.shape == (0, 6, 8)


def test_codes_are_differentiable_in_the_columns_and_planes_are_constants():
    planes, own, present = fitted()
    x, here = tensors(own, present)
    x = {m: v.requires_grad_() for m, v in x.items()}
    shown = planes.inputs(x, here)
    grads = torch.autograd.grad(shown[:, 0].sum(), list(x.values()), retain_graph=True)
    for i, grad in enumerate(grads):
        assert (grad.abs().sum(1) > 0).equal(here[:, i])
    assert not shown[:, 1:].detach().requires_grad
    again = torch.autograd.grad(shown[:, 1:].sum(), list(x.values()))
    assert not any(g.any() for g in again)
    coder = planes.coders["rna"]
    assert torch.autograd.gradcheck(coder, own_rows(own["rna"]))
    assert not any(p.requires_grad for p in coder.autoencoder.parameters())


def own_rows(values):
    return torch.from_numpy(values[:3] + 0.1).requires_grad_()


def test_gradients_come_even_where_the_caller_has_them_off():
    own, present = cohort()
    with torch.no_grad():
        quiet = ConceptPlanes.fit(own, present, SMALL, 0)
    loud, *_ = fitted()
    assert torch.equal(quiet.inputs(*tensors(own, present)), loud.inputs(*tensors(own, present)))


@pytest.mark.parametrize("edges", ["clique", "nearest"])
def test_saved_is_live(edges):
    planes, own, present = fitted(changed(edges=edges))
    assert all(coder.turn.is_contiguous() for coder in planes.coders.values())
    arrays, about = planes.state()
    assert all(
        isinstance(a, np.ndarray) and a.dtype == np.float64 and a.flags.c_contiguous
        for a in arrays.values()
    )
    back = ConceptPlanes.from_state(arrays, json.loads(json.dumps(about)))
    new = tensors(*cohort(10, seed=3))
    assert torch.equal(back.inputs(*new), planes.inputs(*new))
    assert (
        back.section == planes.section
        and back.features == planes.features
        and back.modalities == planes.modalities
    )
    again = back.state()[0]
    assert again.keys() == arrays.keys() and all(
        np.array_equal(again[key], arrays[key]) for key in arrays
    )


def test_the_same_seed_gives_the_same_planes():
    new = tensors(*cohort(10, seed=3))
    first, second, other = (fitted(seed=s)[0].inputs(*new) for s in (0, 0, 1))
    assert torch.equal(first, second) and (first[:, 0] - other[:, 0]).abs().max() > 1e-3


def test_new_patients_change_nothing_that_was_fitted():
    planes, own, present = fitted()
    before = {key: value.copy() for key, value in planes.state()[0].items()}
    x, here = tensors(*cohort(10, seed=3))
    far = planes.inputs({m: 100 * v for m, v in x.items()}, here)
    assert far[:, 0].abs().max() > 5, (
        "codes are scaled by the training patients' range, not by their own"
    )
    assert all(np.array_equal(before[key], value) for key, value in planes.state()[0].items())


def test_a_modality_that_nobody_new_has():
    planes, *_ = fitted()
    x, here = tensors(*cohort(10, seed=3))
    x["meth"], here[:, 1] = torch.zeros_like(x["meth"]), False
    shown = planes.inputs(x, here)
    assert torch.isfinite(shown).all() and not shown[:, 1:, 3:6].any() and shown[:, 2:].any()
    assert planes.present(np.array([[True, False, False], [False] * 3])).tolist() == [True, False]
    nothing = planes.inputs(x, torch.zeros_like(here))
    assert not nothing[:, 1:].any() and torch.equal(nothing[0, 0], planes.baseline)


def test_a_modality_that_no_training_patient_has():
    own, present = cohort()
    present[:, 1] = False
    with pytest.raises(
        InputError, match=r"\[concepts\]: no training patient has 'meth'; leave it out"
    ):
        ConceptPlanes.fit(own, present, SMALL, 0)


def test_constant_columns_say_nothing():
    own, present = cohort()
    own = {m: np.hstack([x, np.zeros((40, 3))]) for m, x in own.items()}
    own["flat"], present = np.zeros((40, 4)), np.hstack([present, np.ones((40, 1), bool)])
    planes = ConceptPlanes.fit(own, present, SMALL, 0)
    shown = planes.inputs(*tensors(own, present))
    assert torch.isfinite(shown).all() and planes.features == (6, 9)
    assert not shown[:, 0, 8].any() and not shown[:, 2:, 8].any()
    plain = Coder.fit(own["rna"][present[:, 0]][:, :12], SMALL, 0)
    padded = Coder.fit(own["rna"][present[:, 0]], SMALL, 0)
    assert plain.turn.shape[1] == padded.turn.shape[1] and not padded.turn[12:].abs().max() > 1e-9


@pytest.mark.parametrize("edges", ["clique", "nearest"])
@pytest.mark.parametrize("count", [1, 3])
def test_hardly_any_patients(count, edges):
    own, _ = cohort(count)
    planes = ConceptPlanes.fit(own, np.ones((count, 3), bool), changed(edges=edges, epochs=3), 0)
    shown = planes.inputs(*tensors(own, np.ones((count, 3), bool)))
    assert torch.isfinite(shown).all() and shown.shape == (count, *planes.features)


# ------------------------------------------------------------------------------ what planes are for


def xor(count, seed):
    """Two modalities of 20 columns, each with a sign and three nuisances; the class is the product
    of the signs."""
    draw, fixed = np.random.default_rng(seed), np.random.default_rng(99)
    signs = draw.choice([-1.0, 1.0], size=(count, 2))
    own = {}
    for i, m in enumerate("ab"):
        nuisance = draw.normal(size=(count, 3)) @ fixed.normal(size=(3, 20)) / 2
        own[m] = (
            1.5 * signs[:, [i]] * fixed.normal(size=20) + nuisance + draw.normal(size=(count, 20))
        )
    return own, torch.from_numpy((signs.prod(1) > 0).astype(int))


class Perceptron(torch.nn.Sequential):
    def __init__(self, features, width):
        super().__init__(
            torch.nn.Linear(features, width), torch.nn.GELU(), torch.nn.Unflatten(1, (1, width))
        )


def trained(encode, x, y):
    head = part("head", "class")(16, 2).double()
    encode = encode.double()
    optimiser = torch.optim.AdamW(
        [*encode.parameters(), *head.parameters()], lr=5e-3, weight_decay=1e-2
    )
    for _ in range(100):
        optimiser.zero_grad()
        cross_entropy(head(encode(x)[:, 0]), y).backward()
        optimiser.step()
    return lambda new: head(encode(new)[:, 0]).detach().log_softmax(1)


@pytest.mark.slow
def test_exclusive_or_across_modalities():
    """T8: neither modality alone knows anything; planes over the codes of both, walked, know it
    all."""
    torch.manual_seed(0)
    (train, y), (test, truth) = xor(500, 0), xor(300, 1)
    scale = {m: (x.mean(0), x.std(0)) for m, x in train.items()}
    train, test = (
        {m: torch.from_numpy((x - scale[m][0]) / scale[m][1]) for m, x in each.items()}
        for each in (train, test)
    )
    section = ConceptSection(planes=4, codes=4, quantile=0.5, epochs=60)
    planes = ConceptPlanes.fit(
        {m: x.numpy() for m, x in train.items()}, np.ones((500, 2), bool), section, 0
    )
    x, new = (planes.inputs(own, torch.ones(len(own["a"]), 2)) for own in (train, test))
    walked = trained(WalkLearned(planes.features, 16), x, y)(new)
    late = sum(trained(Perceptron(20, 16), train[m], y)(test[m]) for m in "ab")
    right, chance = ((p.argmax(1) == truth).double().mean() for p in (walked, late))
    assert right > 0.9 and 0.4 < chance < 0.6
