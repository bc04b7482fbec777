"""Fusions: each against its formula written naively, against a reference fit, and on truth that was
planted."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn
from torch.nn.functional import cross_entropy, gelu, layer_norm

from graphfuse.errors import InputError
from graphfuse.nn.fuse.stack import RIDGE, stacking_weights
from graphfuse.nn.fuse.weighted import PRIOR, mixture_weights
from graphfuse.nn.net import Net, NetSpec
from graphfuse.nn.registry import available, part

N, M, T, D, K = 6, 3, 2, 8, 4
EVERY = available("fuse")
BY_LEVEL = {
    level: [f for f in EVERY if part("fuse", f).level == level]
    for level in ("embedding", "decision", "hybrid")
}
ABSENT = ((1, 0), (2, 2), (3, 0), (3, 1))


def made(name, seed=0, modalities=M):
    """A fusion in float64, off its start."""
    torch.manual_seed(seed)
    cls = part("fuse", name)
    fuse = cls(K if cls.level == "decision" else D, modalities).double()
    with torch.no_grad():
        for parameter in fuse.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return fuse


def states(tokens=T, absent=ABSENT, seed=1):
    torch.manual_seed(seed)
    h, present = torch.randn(N, M, tokens, D).double(), torch.ones(N, M).double()
    for patient, m in absent:
        h[patient, m] = present[patient, m] = 0
    return h, present


def said(absent=ABSENT, seed=1, classes=K):
    torch.manual_seed(seed)
    logits, present = 2 * torch.randn(N, M, classes).double(), torch.ones(N, M).double()
    for patient, m in absent:
        present[patient, m] = 0
    return logits, present


def close(a, b, to=1e-12):
    torch.testing.assert_close(a, b, rtol=to, atol=to)


def test_the_taxonomy():
    assert (
        set(BY_LEVEL["decision"]) >= {"late", "weighted", "stack", "label_tensor"}
        and "hybrid" in BY_LEVEL["hybrid"]
    )
    assert {f for f in EVERY if part("fuse", f).apart} == {
        "late",
        "weighted",
        "stack",
        "label_tensor",
    }
    assert {f for f in EVERY if part("fuse", f).least_tokens > 1} == {"cross_attention"}


# --------------------------------------------------------------------------------------- embeddings


def test_sum_and_a_new_gated_are_the_sum_of_those_present():
    h, present = states()
    expected = torch.stack(
        [sum(h[i, m].mean(0) for m in range(M) if present[i, m]) for i in range(N)]
    )
    close(part("fuse", "sum")(D, M)(h, present), expected)
    close(part("fuse", "gated")(D, M).double()(h, present), expected)


def test_early_on_table_encoders_is_one_network_on_all_columns():
    torch.manual_seed(0)
    sizes = (5, 3, 4)
    encode = [part("encode", "table")(f, D).double() for f in sizes]
    x, fuse = [torch.randn(N, f).double() for f in sizes], made("early")
    h = torch.stack([e(each) for e, each in zip(encode, x, strict=True)], 1)
    first = torch.cat([e.weight * e.scale for e in encode]), sum(e.bias for e in encode)
    z = torch.cat(x, 1) @ first[0] + first[1]
    z = gelu(layer_norm(z, (D,), fuse.norm.weight, fuse.norm.bias))
    close(fuse(h, torch.ones(N, M).double()), gelu(z @ fuse.hidden.weight.T + fuse.hidden.bias))


def test_early_tells_absent_from_average():
    """Zeros are a modality's mean; the bias says whether they were measured."""
    h, _ = states(absent=((0, 1),))
    fuse, gone = made("early"), torch.ones(N, M).double()
    gone[0, 1] = 0
    assert (fuse(h, gone)[0] - fuse(h, torch.ones_like(gone))[0]).abs().max() > 1e-3


def test_bilinear_is_the_sum_over_pairs_beside_the_linear_path():
    h, present = states()
    fuse, x = made("bilinear"), h.mean(2)
    pairs = 0
    for one, other in itertools.combinations(range(M), 2):
        both = (present[:, one] * present[:, other])[:, None]
        pairs = pairs + both * torch.tanh(x[:, one] @ fuse.factor[one]) * torch.tanh(
            x[:, other] @ fuse.factor[other]
        )
    close(fuse(h, present), x.sum(1) + pairs @ fuse.out)
    with torch.no_grad():
        fuse.out.zero_()
    close(fuse(h, present), x.sum(1))


def test_attention_pool_is_a_softmax_over_the_tokens_present():
    h, present = states()
    fuse = made("attention_pool")
    heads = len(fuse.query)
    for i in range(N):
        here = [(m, t) for m in range(M) if present[i, m] for t in range(T)]
        out = []
        for head, values in enumerate(fuse.value.weight.chunk(heads)):
            score = torch.stack(
                [h[i, m, t] @ fuse.query[head] / D**0.5 + fuse.offset[head, m] for m, t in here]
            )
            share = torch.softmax(score, 0)
            close(fuse.weights(h, present)[i, head][present[i] > 0].flatten(), share)
            out.append(
                sum(w * (values @ h[i, m, t]) for w, (m, t) in zip(share, here, strict=True))
            )
        close(fuse(h, present)[i], torch.cat(out))


# ---------------------------------------------------------------------------------- cross attention


def test_cross_attention_looks_at_other_modalities_that_are_there():
    h, present = states()
    found = (
        made("cross_attention").weights(h, present).unflatten(-1, (M, T)).unflatten(2, (M, T))
    )  # [N, heads, M, T, M, T]
    for i, one, other in itertools.product(range(N), range(M), range(M)):
        block = found[i, :, one, :, other]
        assert (block > 0).all() if one != other and present[i, other] else not block.any()
    rows = found.flatten(-2).sum(-1)
    lonely = torch.tensor(
        [[present[i].sum() - present[i, m] == 0 for m in range(M)] for i in range(N)]
    )
    close(rows, (~lonely).double()[:, None, :, None].expand_as(rows))


def test_cross_attention_weights_vary():
    """Over one token each, attention between two modalities is identically 1, as published; over
    more it must choose."""
    fuse, several = made("cross_attention", modalities=2), states(absent=())[0][:, :2]
    present = torch.ones(N, 2).double()
    found = fuse.weights(several, present)
    found = found[found > 0]
    assert found.std() > 0.02 and found.min() < 0.45 and found.max() > 0.55
    single = fuse.weights(several[:, :, :1], present)
    assert set(single.flatten().tolist()) == {0.0, 1.0}


def test_cross_attention_does_not_mind_the_order_of_tokens_but_their_content():
    fuse, (h, present) = made("cross_attention"), states(tokens=5)
    turned = h.clone()
    turned[:, 1] = h[:, 1, [3, 1, 4, 0, 2]]
    close(fuse(turned, present), fuse(h, present))
    swapped = h.clone()
    swapped[0, 1, 0], swapped[0, 2, 0] = h[0, 2, 0], h[0, 1, 0]
    assert (fuse(swapped, present) - fuse(h, present))[0].abs().max() > 1e-3


def test_cross_attention_of_a_modality_alone_is_its_own_mean():
    h, present = states()
    assert present[3].tolist() == [0, 0, 1]
    close(made("cross_attention")(h, present)[3], h[3, 2].mean(0))
    close(made("cross_attention", modalities=1)(h[:, 1:2], present[:, 1:2]), h[:, 1].mean(1))


def test_cross_attention_wants_tokens():
    with pytest.raises(InputError, match="'cross_attention' needs at least 2 tokens"):
        Net(NetSpec(("table", "table"), (5, 4), "none", "cross_attention", "class", D, K))
    assert (
        Net(NetSpec(("tokens", "table"), (5, 4), "none", "cross_attention", "class", D, K)).tokens
        > 1
    )


# ---------------------------------------------------------------------------------------- decisions


def mean_of(logits, present, weights):
    """log Σ w p over those present, patient by patient."""
    p, out = torch.softmax(logits, -1), []
    for i in range(N):
        here = [m for m in range(M) if present[i, m]]
        out.append(sum(weights[m] * p[i, m] for m in here) / sum(weights[m] for m in here))
    return torch.stack(out).log()


def test_late_and_weighted_are_means_over_those_present():
    logits, present = said()
    close(part("fuse", "late")(K, M)(logits, present), mean_of(logits, present, [1, 1, 1]))
    fuse = made("weighted")
    close(fuse(logits, present), mean_of(logits, present, fuse.weights))
    close(
        part("fuse", "weighted")(K, M).double()(logits, present),
        mean_of(logits, present, [1, 1, 1]),
    )


def test_stack_adds_weighted_logits():
    logits, present = said()
    fuse = made("stack")
    assert (fuse.weights > 0).all()
    close(
        fuse(logits, present),
        ((logits * present[..., None]) * fuse.weights[:, None]).sum(1) + fuse.bias,
    )
    new = part("fuse", "stack")(K, M).double()
    close(new.weights, torch.full((M,), 1 / M).double(), to=1e-6)


@pytest.mark.parametrize("name", BY_LEVEL["decision"])
def test_even_nonsense_behind_the_mask_stays_there(name):
    logits, present = said()
    fuse, spoiled = made(name), logits.clone()
    spoiled[present == 0] = torch.nan
    assert torch.equal(fuse(spoiled, present), fuse(logits, present))


@pytest.mark.parametrize("name", ["late", "weighted", "label_tensor"])
def test_of_a_patient_without_modalities_every_class_is_alike(name):
    logits, _ = said()
    out = part("fuse", name)(K, M).double()(logits, torch.zeros(N, M).double())
    close(torch.softmax(out, -1), torch.full((N, K), 1 / K).double())


def test_label_tensor_cells():
    """One-hot views name the cell, the last modality's class running fastest; an absent one's axis
    is uniform."""
    classes = torch.tensor(list(itertools.product(range(K), repeat=M))[: 4**3])
    logits = 1e3 * nn.functional.one_hot(classes, K).double()
    fuse, everyone = (
        part("fuse", "label_tensor")(K, M).double(),
        torch.ones(len(classes), M).double(),
    )
    close(fuse.tensor(logits, everyone), torch.eye(K**M).double())
    logits, present = said(absent=((0, 1),))
    cells, p = fuse.tensor(logits, present).view(N, K, K, K), torch.softmax(logits, -1)
    close(cells[1], torch.einsum("a,b,c->abc", *p[1]))
    close(cells[0], torch.einsum("a,c->ac", p[0, 0], p[0, 2])[:, None].expand(K, K, K) / K)


def test_a_new_label_tensor_is_late():
    logits, present = said()
    close(
        part("fuse", "label_tensor")(K, M).double()(logits, present),
        part("fuse", "late")(K, M)(logits, present),
    )
    assert (
        made("label_tensor")(logits, present) - part("fuse", "late")(K, M)(logits, present)
    ).abs().max() > 0.05


def test_label_tensor_stops_where_cells_explode():
    part("fuse", "label_tensor")(2, 12)
    with pytest.raises(
        InputError,
        match=r"5 classes in each of 6 modalities are 5\^6 = 15,625 cells.*at most 4,096.*'stack'",
    ):
        part("fuse", "label_tensor")(5, 6)


# ------------------------------------------------------------------------------------------- hybrid


def test_hybrid_weighs_the_heads_of_modalities_and_of_all():
    torch.manual_seed(2)
    fuse, (h, present) = made("hybrid"), states()
    total = h.mean(2).sum(1)
    close(fuse.joint(h, present), total + fuse.out(gelu(fuse.hidden(total))))
    logits, there = (
        torch.randn(N, M + 1, K).double(),
        torch.cat([present, torch.ones(N, 1).double()], 1),
    )
    share = fuse.weights * there
    expected = (
        ((share / share.sum(1, keepdim=True))[..., None] * torch.softmax(logits, -1)).sum(1).log()
    )
    close(fuse(logits, there), expected)
    assert len(fuse.weights) == M + 1 and abs(fuse.weights.sum().item() - 1) < 1e-12


def test_hybrid_starts_from_the_summed_logits_where_signals_add_up():
    held, present, codes = held_out((1.0, 1.0, 1.0), seed=3)
    held, fuse = held / 2, part("fuse", "hybrid")(D, M).double()
    fuse.prime(held, present, codes)
    assert fuse.weights.argmax() == M and fuse.weights[M] > 0.5
    joint = torch.cat([held, held.sum(1, keepdim=True)], 1)
    known = torch.log_softmax(joint, -1).gather(2, codes.view(-1, 1, 1).expand(-1, M + 1, 1))[
        ..., 0
    ]
    close(
        fuse.weights.detach(),
        mixture_weights(known, torch.cat([present, torch.ones(len(codes), 1)], 1)),
        to=1e-9,
    )


# --------------------------------------------------------------------------------- where they start


def held_out(strength, n=150, classes=3, missing=0.0, seed=0):
    """Held-out logits of modalities that know this much, as calibrated models give them."""
    torch.manual_seed(seed)
    codes = torch.randint(classes, (n,))
    truth = nn.functional.one_hot(codes, classes).double()
    held = torch.stack([s * (s * truth + torch.randn(n, classes).double()) for s in strength], 1)
    present = (torch.rand(n, len(strength)) >= missing).double()
    return held, present, codes


def on_the_simplex(step):
    a, b = np.meshgrid(
        np.arange(0, 1 + step / 2, step), np.arange(0, 1 + step / 2, step), indexing="ij"
    )
    return np.stack([a, b, 1 - a - b], -1)[a + b <= 1 + 1e-12].clip(1e-12)


def mixture_objective(weights, known, present, prior):
    """Log likelihood `[W]` of candidates `[W, M]`."""
    p = np.exp(known) * present
    return (np.log(weights @ p.T) - np.log(weights @ present.T)).sum(1) + prior * np.log(
        weights
    ).sum(1)


@pytest.mark.parametrize(("prior", "missing"), [(0.0, 0.0), (PRIOR, 0.0), (PRIOR, 0.3), (0.5, 0.3)])
def test_mixture_weights_are_the_best_on_the_simplex(prior, missing):
    held, present, codes = held_out((0.5, 1.3, 1.8), n=60, missing=missing)
    held, present, codes = (each[present.any(1)] for each in (held, present, codes))
    known = torch.log_softmax(held, -1).gather(2, codes.view(-1, 1, 1).expand(-1, 3, 1))[..., 0]
    found = mixture_weights(known, present, prior).numpy()

    def score(weights):
        return mixture_objective(weights, known.numpy(), present.numpy(), prior)

    coarse = on_the_simplex(0.01)
    best = coarse[score(coarse).argmax()]
    fine = best + np.array(
        [(a, b, -a - b) for a, b in itertools.product(np.arange(-0.012, 0.0121, 4e-4), repeat=2)]
    )
    fine = fine[(fine > 0).all(1)]
    best = fine[score(fine).argmax()]
    assert np.abs(found - best).max() < 1e-3
    assert score(found[None])[0] >= score(fine).max() - 1e-6


def test_a_modality_of_noise_is_left_near_the_prior():
    held, present, codes = held_out((2.5, 0.0), n=400)
    held[:, 1] = 4 * torch.randn(400, 3).double()  # noise that is sure of itself
    fuse = part("fuse", "weighted")(3, 2).double()
    fuse.prime(held, present, codes)
    floor = PRIOR / (400 + 2 * PRIOR)
    assert floor <= fuse.weights[1].item() < 0.06


def test_who_is_missing_at_random_does_not_move_the_weights():
    """A modality that few have is not one that says little: its weight is of those who have it."""
    held, present, codes = held_out((1.2, 1.2), n=4000)
    present[:3200, 1] = 0
    fuse = part("fuse", "weighted")(3, 2).double()
    fuse.prime(held, present, codes)
    assert abs(fuse.weights[1].item() - 0.5) < 0.1


@pytest.mark.parametrize(
    "strength",
    [(1.0, 1.5, 0.3), (2.0, 0.0, -1.0)],
    ids=["all-say-something", "one-says-the-opposite"],
)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_stack_starts_at_the_least_penalised_loss(strength, missing):
    held, present, codes = held_out(strength, missing=missing)
    if strength[2] < 0:
        held[:, 2] = -held[:, 2]  # wrong on purpose: no weight but 0 is right
    x = (held * present[..., None]).numpy()

    def loss(at):
        at = torch.tensor(at, requires_grad=True)
        logits = (torch.from_numpy(x) * at[:M, None]).sum(1) + at[M:]
        value = cross_entropy(logits, codes, reduction="sum")
        value = value + RIDGE / 2 * ((at[:M] - 1 / M).square().sum() + at[M:].square().sum())
        value.backward()
        return value.item(), at.grad.numpy()

    bounds = [(0, None)] * M + [(None, None)] * 3
    reference = minimize(
        loss, np.full(M + 3, 0.5), jac=True, bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9}
    ).x
    weights, bias = stacking_weights(torch.from_numpy(x), codes)
    np.testing.assert_allclose(torch.cat([weights, bias]).numpy(), reference, atol=2e-6)
    assert (weights[2] == 0) == (strength[2] < 0)
    fuse = part("fuse", "stack")(3, M).double()
    fuse.prime(held, present, codes)
    np.testing.assert_allclose(
        torch.cat([fuse.weights, fuse.bias]).detach().numpy(), reference, atol=1e-4
    )


@pytest.mark.parametrize("name", ["weighted", "stack", "hybrid"])
def test_priming_counts_the_labelled_only_and_gives_the_same_twice(name):
    held, present, codes = held_out((1.0, 1.5, 0.3), missing=0.2)
    codes[::3] = -1

    def primed(*given):
        fuse = part("fuse", name)(D if name == "hybrid" else 3, M).double()
        if given:
            fuse.prime(*given)
        return torch.cat([fuse.weights, fuse.bias if name == "stack" else torch.zeros(0)]).detach()

    found, known, nobody = primed(held, present, codes), codes >= 0, codes.clamp(max=-1)
    assert torch.equal(found, primed(held, present, codes))
    close(found, primed(held[known], present[known], codes[known]))
    close(primed(held, present, nobody), primed(), to=1e-6)
    assert (found - primed()).abs().max() > 0.05


# -------------------------------------------------------------------------------------- in training


@pytest.mark.parametrize("name", [f for f in EVERY if f not in ("sum", "late")])  # which have none
def test_every_parameter_of_every_fusion_learns(name):
    fuse = made(name)
    h, present = states()
    if fuse.level == "hybrid":
        joint = fuse.joint(h, present)[:, None]
        h, present = torch.cat([h.mean(2), joint], 1), torch.cat([present, torch.ones(N, 1)], 1)
    elif fuse.level == "decision":
        h, present = said()
    (fuse(h, present) * torch.randn(N, fuse(h, present).shape[1])).sum().backward()
    for label, parameter in fuse.named_parameters():
        assert torch.isfinite(parameter.grad).all() and parameter.grad.any(), label


class Toy(nn.Module):
    """Linear encoders, a fusion and linear heads on two modalities: what is not linear in the
    columns is the fusion's work."""

    def __init__(self, name, width=16):
        super().__init__()
        cls = part("fuse", name)
        self.encode = nn.ModuleList(nn.Linear(4, 2 * width) for _ in range(2))
        self.fuse = cls(2 if cls.level == "decision" else width, 2)
        heads = {"embedding": 1, "decision": 2, "hybrid": 3}[cls.level]
        self.head = nn.ModuleList(nn.Linear(width, 2) for _ in range(heads))

    def forward(self, x):
        h, present = (
            torch.stack([e(x[:, m]).unflatten(1, (2, -1)) for m, e in enumerate(self.encode)], 1),
            x.new_ones(len(x), 2),
        )
        if self.fuse.level == "embedding":
            return self.head[0](self.fuse(h, present)), x.new_zeros(len(x), 0, 2)
        own = torch.stack([self.head[m](h[:, m].mean(1)) for m in range(2)], 1)
        if self.fuse.level == "hybrid":
            own = torch.cat([own, self.head[2](self.fuse.joint(h, present))[:, None]], 1)
            present = x.new_ones(len(x), 3)
        return self.fuse(own.detach() if self.fuse.apart else own, present), own


def xor_accuracy(name, steps=200):
    torch.manual_seed(0)
    x = torch.randn(1600, 2, 4)
    y = (x[:, 0, 0] * x[:, 1, 0] > 0).long()
    net = Toy(name)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-2)
    for _ in range(steps):
        out, own = net(x[:800])
        apart = [cross_entropy(own[:, m], y[:800]) for m in range(own.shape[1]) if net.fuse.apart]
        optimiser.zero_grad()
        (cross_entropy(out, y[:800]) + sum(apart)).backward()
        optimiser.step()
    return (net(x[800:])[0].argmax(1) == y[800:]).float().mean().item()


@pytest.mark.parametrize(
    "name", ["bilinear", "cross_attention", "attention_pool", "early", "hybrid"]
)
def test_what_only_both_modalities_tell_is_learned(name):
    assert xor_accuracy(name, steps=100) >= 0.9


@pytest.mark.parametrize("name", ["late", "weighted", "stack", "label_tensor", "sum", "concat"])
def test_what_only_both_modalities_tell_is_beyond_sums(name):
    """Late, and any fusion of modalities trained apart, by design; sums of embeddings leave it to
    the head, linear here."""
    assert abs(xor_accuracy(name) - 0.5) < 0.08
