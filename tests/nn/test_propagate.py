"""Propagators: against dense algebra, their gradients, and what a part starts as."""

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import leaky_relu

from graphfuse.nn.check_contract import check
from graphfuse.nn.edge_lists import EdgeLists, aggregate
from graphfuse.nn.net import without_edges
from graphfuse.nn.propagate.attention import BOUND, HEADS
from graphfuse.nn.registry import part

N, S, T, D = 5, 4, 2, 8
RECEIVER = [0, 0, 0, 1, 3, 3, 3]  # patients 2 and 4 hear nobody
INDEX = [2, 0, 3, 1, 1, 2, 1]  # patient 3 hears sender 1 twice
WEIGHT = [0.2, 0.5, 0.3, 1.0, 0.4, 0.0, 0.6]


def lists_of(weight=WEIGHT, receiver=RECEIVER, index=INDEX):
    offsets = torch.tensor([0, *(sum(r <= i for r in receiver) for i in range(N))])
    return EdgeLists.build(
        offsets,
        torch.tensor(index, dtype=torch.long),
        torch.as_tensor(weight, dtype=torch.float64),
        S,
    )


def dense(weight, lists):
    """`[N, S]`, differentiable in the edges' weights `[E]`; edges that appear twice add up."""
    places = torch.zeros(len(weight), N, S, dtype=weight.dtype)
    places[torch.arange(len(weight)), lists.receiver, lists.index] = 1
    return torch.einsum("e,ens->ns", weight, places)


def states(count, seed):
    return torch.randn(
        count, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def moved(name, width=D):
    """A part whose parameters are far from their start."""
    torch.manual_seed(3)
    module = part("propagate", name)(width).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return module


# --------------------------------------------------------------------------------- dense references


def dense_gcn(module, own, senders, matrix, sizes):
    both = (own + torch.einsum("ns,std->ntd", matrix, senders)) / (1 + sizes.sum(1))[:, None, None]
    return leaky_relu(both @ module.map.weight.T + module.map.bias, 0.25)


def dense_hetero(module, own, senders, matrix, sizes):
    return torch.einsum("ns,std->ntd", matrix, senders) @ module.map.weight.T


def dense_attention(module, own, senders, matrix, sizes):
    """Head by head and token by token; multiplicities in the softmax, nothing for those without
    edges."""
    out = torch.zeros_like(own)
    size = D // HEADS
    heard = sizes.sum(1) > 0
    for t in range(T):
        q, k, v = module.query(own[:, t]), module.key(senders[:, t]), module.value(senders[:, t])
        for cut in (slice(i, i + size) for i in range(0, D, size)):
            score = BOUND * torch.tanh(q[:, cut] @ k[:, cut].T / size**0.5 / BOUND)
            total = (sizes * score.exp()).sum(1, keepdim=True).where(heard[:, None], 1)
            out[:, t, cut] = matrix * score.exp() / total @ v[:, cut]
    return out


DENSE = {"gcn": dense_gcn, "hetero": dense_hetero, "attention": dense_attention}


@pytest.mark.parametrize("signs", [1, -1], ids=["all weights positive", "some negative"])
@pytest.mark.parametrize("name", DENSE)
def test_messages_and_gradients_are_those_of_dense_algebra(name, signs):
    module, lists = moved(name), lists_of()
    lists.weight[[0, 3, 5]] *= signs
    own, senders = states(N, 0).requires_grad_(), states(S, 1).requires_grad_()
    weight = lists.weight.clone().requires_grad_()
    said = module(own, senders, lists._replace(weight=weight))
    expected = DENSE[name](module, own, senders, dense(weight, lists), dense(weight.abs(), lists))
    torch.testing.assert_close(said, expected, rtol=1e-12, atol=1e-12)
    wanted = [senders, weight, *module.parameters(), *([] if name == "hetero" else [own])]
    found, reference = (
        torch.autograd.grad((out * states(N, 2)).sin().sum(), wanted) for out in (said, expected)
    )
    for a, b in zip(found, reference, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    assert all(each.abs().max() > 1e-3 for each in found)


@pytest.mark.parametrize("name", [*DENSE, "mean", "walk", "walk_learned"])
def test_a_part_keeps_its_contract(name):
    kept = check(part("propagate", name))
    assert {"a bank of replicas = the loop over them", "an edge of weight 0 is no edge"} <= set(
        kept
    )


@pytest.mark.parametrize("name", ["attention", "hetero"])
def test_a_new_part_is_the_mean(name):
    own, senders, lists = states(N, 0), states(S, 1), lists_of()
    new = part("propagate", name)(D).double()
    torch.testing.assert_close(
        new(own, senders, lists), aggregate(senders, lists), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", ["attention", "hetero", "mean"])
def test_without_edges_no_message(name):
    module, own, senders = moved(name), states(N, 0), states(S, 1)
    assert part("propagate", name).quiet
    assert not module(own, senders, without_edges(lists_of())).any()
    assert not module(own, senders, lists_of([], [], [])).any()
    assert not module(own, senders, lists_of())[[2, 4]].any()


def test_a_convolution_without_edges_says_what_it_says_to_those_who_hear_nobody():
    module, own, senders = moved("gcn"), states(N, 0), states(S, 1)
    quiet = module(own, senders, without_edges(lists_of()))
    torch.testing.assert_close(quiet, module(own, senders, lists_of([], [], [])), rtol=0, atol=0)
    torch.testing.assert_close(
        quiet[[2, 4]], module(own, senders, lists_of())[[2, 4]], rtol=0, atol=0
    )
    assert (quiet - module(own, senders, lists_of()))[[0, 1, 3]].abs().amin((1, 2)).gt(0).all()


@pytest.mark.parametrize("name", DENSE)
def test_a_patient_alone_hears_the_same(name):
    module, own, senders, lists = moved(name), states(N, 0), states(S, 1), lists_of()
    together = module(own, senders, lists)
    for i in range(N):
        mine = slice(int(lists.offsets[i]), int(lists.offsets[i + 1]))
        offsets = torch.tensor([0, mine.stop - mine.start])
        one = EdgeLists.build(offsets, lists.index[mine], lists.weight[mine], S)
        torch.testing.assert_close(
            module(own[[i]], senders, one)[0], together[i], rtol=1e-12, atol=1e-12
        )


# ---------------------------------------------------------------------------------------- attention


def test_equal_scores_are_the_weighted_mean_of_the_values():
    module, own, senders, lists = (
        moved("attention"),
        states(N, 0),
        states(S, 1),
        lists_of([2.0, 5, 3, 7, 4, 0, 6]),
    )
    with torch.no_grad():
        module.key.weight.zero_()
    sums = torch.tensor([10.0, 7, 1, 10, 1], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(
        module(own, senders, lists), module.value(aggregate(senders, lists) / sums)
    )


def test_an_edge_of_weight_two_is_two_edges():
    module, own, senders = moved("attention"), states(N, 0), states(S, 1)
    once = lists_of([2.0, 1, 1], [0, 0, 1], [2, 0, 1])
    twice = lists_of([1.0, 1, 1, 1], [0, 0, 0, 1], [2, 0, 2, 1])
    torch.testing.assert_close(
        module(own, senders, once), module(own, senders, twice), rtol=1e-12, atol=1e-12
    )


def test_whom_one_hears_most_depends_on_who_hears():
    """A query that points at a sender's key picks that sender out, for each receiver its own."""
    module = part("propagate", "attention")(
        4
    ).double()  # heads of one number each: as many as divide the width
    assert module.heads == 4
    module.heads = 1
    with torch.no_grad():
        module.query.weight.copy_(20 * torch.eye(4))
        module.key.weight.copy_(torch.eye(4))
    codes = torch.eye(4, dtype=torch.float64)[:, None]
    everyone = EdgeLists.build(
        torch.arange(0, 17, 4), torch.arange(4).repeat(4), torch.full((16,), 0.25).double(), 4
    )
    assert torch.equal(module(codes, codes, everyone)[:, 0].argmax(1), torch.arange(4))
    assert module(codes, codes, everyone)[:, 0].diagonal().min() > 0.99


@pytest.mark.parametrize("scale", [1e3, 1e12, 1e18])
def test_no_state_is_too_large_for_float32(scale):
    module, lists = moved("attention").float(), lists_of().to("cpu", torch.float32)
    own, senders = (scale * states(N, 0)).float(), (scale * states(S, 1)).float().requires_grad_()
    out = module(own, senders, lists)
    (grad,) = torch.autograd.grad(out.sum(), senders)
    assert out.isfinite().all() and grad.isfinite().all()


@pytest.mark.parametrize(("width", "heads"), [(8, 4), (6, 2), (7, 1), (32, 4)])
def test_heads_divide_the_width(width, heads):
    module = part("propagate", "attention")(width)
    assert (
        module.heads == heads
        and module(torch.randn(N, 1, width), torch.randn(S, 1, width), lists_of()).shape[2] == width
    )


@pytest.mark.parametrize("name", DENSE)
def test_folds_of_seeds_are_their_loops(name):
    """As the bank calls them: lists by fold, parameters by fold and seed, with gradients."""
    cls = part("propagate", name)
    modules = [[moved(name, D) for _ in range(2)] for _ in range(3)]
    for f, row in enumerate(modules):
        for s, module in enumerate(row):
            for parameter in module.parameters():
                parameter.data.mul_(1 + 0.1 * f + 0.2 * s)
    folds = [
        lists_of(),
        lists_of([0.5] * 7, index=[0, 1, 2, 3, 0, 1, 2]),
        lists_of([0.1] * 7, index=[3, 3, 1, 0, 0, 0, 1]),
    ]
    rows = [stack_module_state(row)[0] for row in modules]
    state = {
        key: torch.stack([row[key] for row in rows]).detach().requires_grad_() for key in rows[0]
    }
    stacked = EdgeLists(*map(torch.stack, zip(*folds, strict=True)))
    h = torch.stack([states(4, seed) for seed in range(6)]).view(3, 2, 4, T, D).requires_grad_()
    own = torch.cat([h, h[:, :, :1]], 2)
    base = cls(D).double()

    def one(parameters, own, senders, lists):
        return functional_call(base, parameters, (own, senders, lists))

    out = vmap(vmap(one, in_dims=(0, 0, 0, None)))(state, own, h, stacked)
    loop = torch.stack(
        [
            torch.stack([modules[f][s](own[f, s], h[f, s], folds[f]) for s in range(2)])
            for f in range(3)
        ]
    )
    torch.testing.assert_close(out, loop, rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad(out.sin().sum(), [h, *state.values()], retain_graph=True)
    parameters = [
        dict(modules[f][s].named_parameters())[key]
        for key in state
        for f in range(3)
        for s in range(2)
    ]
    expected = torch.autograd.grad(loop.sin().sum(), [h, *parameters])
    torch.testing.assert_close(found[0], expected[0], rtol=1e-10, atol=1e-10)
    for i, each in enumerate(found[1:]):
        torch.testing.assert_close(
            each.flatten(0, 1), torch.stack(expected[1 + 6 * i : 7 + 6 * i]), rtol=1e-10, atol=1e-10
        )


def test_attention_learns_whom_to_hear():
    """The outcome is what the one neighbour of a patient's own kind shows: the mean cannot tell,
    attention can."""
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(0)
    count = 64
    kind, shown = torch.arange(count) % 4, torch.randn(count, generator=draw)
    h = torch.cat([torch.nn.functional.one_hot(kind, 4), shown[:, None], torch.zeros(count, 3)], 1)[
        :, None
    ]
    quads = torch.stack(
        [torch.randperm(count // 4, generator=draw) * 4 + k for k in range(4)], 1
    )  # one of each kind
    index = quads.repeat_interleave(4, 0)  # each four of every kind hear the same four
    truth = shown[index.gather(1, kind[:, None])[:, 0]]
    lists = EdgeLists.build(
        torch.arange(0, 4 * count + 1, 4), index.flatten(), torch.full((4 * count,), 0.25), count
    )
    errors = {}
    for name in ("mean", "attention"):
        module, read = part("propagate", name)(8), torch.nn.Linear(8, 1)
        optimiser = torch.optim.Adam([*module.parameters(), *read.parameters()], 0.05)
        for _ in range(150):
            loss = (read(module(h, h, lists))[:, 0, 0] - truth).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        errors[name] = float(loss.detach() / truth.var())
    assert errors["attention"] < 0.1 < 0.5 < errors["mean"]
