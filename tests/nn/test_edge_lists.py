"""The two operations on neighbour lists: against dense products, their gradients, and many replicas
at once."""

import pytest
import torch
from torch.func import grad, vmap

from graphfuse.nn import edge_lists as module
from graphfuse.nn.edge_lists import EdgeLists, aggregate, products

SENDERS, RECEIVERS, EDGES = 6, 9, 20
EMPTY = (0, 4, 8)  # receivers without senders, first and last among them


def made(seed=0, receivers=RECEIVERS, senders=SENDERS, edges=EDGES, empty=EMPTY):
    """Random lists, edges twice among them, in float64."""
    draw = torch.Generator().manual_seed(seed)
    there = torch.tensor([r for r in range(receivers) if r not in empty])
    receiver = there[torch.randint(len(there), (edges,), generator=draw)].sort().values
    offsets = torch.cat(
        [torch.zeros(1, dtype=torch.long), torch.bincount(receiver, minlength=receivers).cumsum(0)]
    )
    index = torch.randint(senders, (edges,), generator=draw)
    return EdgeLists.build(
        offsets, index, torch.randn(edges, dtype=torch.float64, generator=draw), senders
    )


def dense(lists, senders=SENDERS, weight=None):
    """The lists as a matrix, by a loop; differentiable in `weight`."""
    weight = lists.weight if weight is None else weight
    rows = []
    for i in range(len(lists.offsets) - 1):
        row = [torch.zeros((), dtype=weight.dtype) for _ in range(senders)]
        for e in range(int(lists.offsets[i]), int(lists.offsets[i + 1])):
            row[int(lists.index[e])] = row[int(lists.index[e])] + weight[e]
        rows.append(torch.stack(row))
    return torch.stack(rows)


def states(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_a_sum_is_a_product_with_the_dense_matrix(shape):
    lists, h = made(), states(SENDERS, *shape)
    expected = torch.tensordot(dense(lists), h, dims=([1], [0]))
    out = aggregate(h, lists)
    assert out.shape == (RECEIVERS, *shape)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    assert not out[list(EMPTY)].any()


def test_weights_given_take_the_place_of_the_lists_own():
    lists, h, weight = made(), states(SENDERS, 3), states(EDGES, seed=4)
    torch.testing.assert_close(
        aggregate(h, lists, weight), dense(lists, weight=weight) @ h, rtol=1e-12, atol=1e-12
    )
    assert not aggregate(h, lists, torch.zeros(EDGES, dtype=torch.float64)).any()


def test_no_edges_no_message():
    none = EdgeLists.build(
        torch.zeros(5, dtype=torch.long),
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, dtype=torch.float64),
        3,
    )
    h = states(3, 2).requires_grad_()
    out = aggregate(h, none)
    assert out.shape == (4, 2) and not out.any()
    assert not torch.autograd.grad(out.sum(), h)[0].any()


def test_the_lists_by_sender_are_the_same_edges():
    lists = made()
    for s in range(SENDERS):
        mine = slice(int(lists.back_offsets[s]), int(lists.back_offsets[s + 1]))
        assert (lists.index[lists.back_order[mine]] == s).all()
        assert torch.equal(lists.receiver[lists.back_order[mine]], lists.back_index[mine])
    assert (
        sorted(lists.back_order.tolist()) == list(range(EDGES))
        and int(lists.back_offsets[-1]) == EDGES
    )


@pytest.fixture(params=["all pairs", "edges only"])
def way(request, monkeypatch):
    """Products are taken of all pairs where lists are nearly full, else edge by edge; here edges in
    pieces of seven."""
    monkeypatch.setattr(module, "PAIRS_PER_EDGE", 1000 if request.param == "all pairs" else 0)
    monkeypatch.setattr(module, "CHUNK", 7)


@pytest.mark.parametrize("shape", [(3,), (2, 5)])
def test_products_are_entries_of_the_dense_product(shape, way):
    lists, own, senders = made(), states(RECEIVERS, *shape, seed=3), states(SENDERS, *shape)
    expected = torch.tensordot(own.flatten(1), senders.flatten(1), dims=([1], [1]))[
        lists.receiver, lists.index
    ]
    torch.testing.assert_close(products(own, senders, lists), expected, rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_gradients_are_those_of_finite_differences(shape):
    lists = made()
    h, weight = states(SENDERS, *shape).requires_grad_(), states(EDGES, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, w: aggregate(a, lists, w), (h, weight))
    assert torch.autograd.gradcheck(lambda a: aggregate(a, lists), (h,))
    assert torch.autograd.gradcheck(lambda w: aggregate(h.detach(), lists, w), (weight,))


def test_gradients_are_those_of_the_dense_product():
    lists = made()
    h, weight = states(SENDERS, 3).requires_grad_(), states(EDGES, seed=2).requires_grad_()
    loss = (aggregate(h, lists, weight) * states(RECEIVERS, 3, seed=3)).sin().sum()
    expected = ((dense(lists, weight=weight) @ h) * states(RECEIVERS, 3, seed=3)).sin().sum()
    for a, b in zip(
        torch.autograd.grad(loss, (h, weight)),
        torch.autograd.grad(expected, (h, weight)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_gradients_of_products_are_those_of_finite_differences(way):
    lists = made()
    own, senders = (
        states(RECEIVERS, 3, seed=3).requires_grad_(),
        states(SENDERS, 3).requires_grad_(),
    )
    assert torch.autograd.gradcheck(lambda a, b: products(a, b, lists), (own, senders))
    assert torch.autograd.gradcheck(lambda b: products(own.detach(), b, lists), (senders,))


def test_float32_states_keep_their_type():
    h = states(SENDERS, 3).float().requires_grad_()
    out = aggregate(h, made())
    assert (
        out.dtype == torch.float32 and torch.autograd.grad(out.sum(), h)[0].dtype == torch.float32
    )


# ----------------------------------------------------------------------------------------- replicas


def loop_of(h, weight, lists):
    return torch.stack([aggregate(a, lists, w) for a, w in zip(h, weight, strict=True)])


def stacked(many):
    return EdgeLists(*map(torch.stack, zip(*many, strict=True)))


def test_replicas_on_shared_lists_are_their_loop():
    lists, h, weight = made(), states(4, SENDERS, 3), states(4, EDGES, seed=2)
    torch.testing.assert_close(
        vmap(aggregate, in_dims=(0, None, 0))(h, lists, weight),
        loop_of(h, weight, lists),
        rtol=1e-12,
        atol=1e-12,
    )
    torch.testing.assert_close(
        vmap(aggregate, in_dims=(0, None))(h, lists),
        torch.stack([aggregate(a, lists) for a in h]),
        rtol=1e-12,
        atol=1e-12,
    )


def test_replicas_along_any_axis():
    lists, h = made(), states(SENDERS, 4, 3)
    expected = torch.stack([aggregate(h[:, r], lists) for r in range(4)])
    torch.testing.assert_close(
        vmap(aggregate, in_dims=(1, None))(h, lists), expected, rtol=1e-12, atol=1e-12
    )


def test_shared_states_and_own_weights():
    lists, h, weight = made(), states(SENDERS, 3), states(4, EDGES, seed=2)
    expected = torch.stack([aggregate(h, lists, w) for w in weight])
    torch.testing.assert_close(
        vmap(aggregate, in_dims=(None, None, 0))(h, lists, weight), expected, rtol=1e-12, atol=1e-12
    )


def nested(h, lists):
    """Folds × seeds: lists by fold, shared by its seeds, as the bank calls them."""
    return vmap(vmap(aggregate, in_dims=(0, None)), in_dims=(0, 0))(h, lists)


def test_folds_of_seeds_are_their_loops():
    folds = [made(seed) for seed in range(3)]
    h = states(3, 2, SENDERS, 4)
    expected = torch.stack(
        [torch.stack([aggregate(h[f, s], folds[f]) for s in range(2)]) for f in range(3)]
    )
    torch.testing.assert_close(nested(h, stacked(folds)), expected, rtol=1e-12, atol=1e-12)


def test_folds_of_seeds_have_the_gradients_of_their_loops():
    folds = [made(seed) for seed in range(3)]
    out = states(3, 2, RECEIVERS, 4, seed=9)
    h = states(3, 2, SENDERS, 4).requires_grad_()
    weight = torch.stack([f.weight for f in folds]).requires_grad_()
    (nested(h, stacked(folds)._replace(weight=weight)) * out).sin().sum().backward()
    got = h.grad.clone(), weight.grad.clone()
    for f, lists in enumerate(folds):
        a, w = h.detach()[f].clone().requires_grad_(), lists.weight.clone().requires_grad_()
        sum((aggregate(a[s], lists, w) * out[f, s]).sin().sum() for s in range(2)).backward()
        torch.testing.assert_close(got[0][f], a.grad, rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(got[1][f], w.grad, rtol=1e-11, atol=1e-12)


def test_products_of_folds_of_seeds_are_their_loops_with_their_gradients(way):
    folds = [made(seed) for seed in range(3)]
    own, h = (
        states(3, 2, RECEIVERS, 4, seed=5).requires_grad_(),
        states(3, 2, SENDERS, 4).requires_grad_(),
    )
    out = vmap(vmap(products, in_dims=(0, 0, None)))(own, h, stacked(folds))
    loop = torch.stack(
        [torch.stack([products(own[f, s], h[f, s], folds[f]) for s in range(2)]) for f in range(3)]
    )
    torch.testing.assert_close(out, loop, rtol=1e-12, atol=1e-12)
    for a, b in zip(
        *(torch.autograd.grad(each.sin().sum(), (own, h)) for each in (out, loop)), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_three_axes_of_replicas_with_lists_along_the_middle_one():
    """Seeds outside, folds with their lists inside, heads with their weights innermost: any order
    gives the loop."""
    folds = [made(seed) for seed in range(3)]
    h, weight = (
        states(2, 3, 4, SENDERS, 5).requires_grad_(),
        states(2, 3, 4, EDGES, seed=7).requires_grad_(),
    )
    heads = vmap(aggregate, in_dims=(0, None, 0))
    out = vmap(vmap(heads, in_dims=(0, 0, 0)), in_dims=(0, None, 0))(h, stacked(folds), weight)
    loop = torch.stack(
        [
            torch.stack([loop_of(h[s, f], weight[s, f], folds[f]) for f in range(3)])
            for s in range(2)
        ]
    )
    torch.testing.assert_close(out, loop, rtol=1e-12, atol=1e-12)
    for a, b in zip(
        *(torch.autograd.grad(each.sin().sum(), (h, weight)) for each in (out, loop)), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_replicas_that_share_their_lists_keep_them_once():
    """What waits for the backward pass: the states of every replica, the lists only once."""
    lists, h = made(), states(50, SENDERS, 3).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.numel()) or t, lambda t: t
    ):
        vmap(aggregate, in_dims=(0, None))(h, lists)
        vmap(products, in_dims=(0, 0, None))(states(50, RECEIVERS, 3), h, lists)
    assert (
        h.numel()
        < sum(kept)
        < 2 * h.numel() + 50 * RECEIVERS * 3 + 2 * sum(each.numel() for each in lists)
    )


def test_no_edges_in_any_replica():
    none = EdgeLists.build(
        torch.zeros(5, dtype=torch.long),
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0).double(),
        3,
    )
    own, h = states(2, 4, 4, 2), states(2, 4, 3, 2, seed=2).requires_grad_()
    out = vmap(vmap(aggregate, in_dims=(0, None)))(h, stacked([none, none]))
    assert out.shape == (2, 4, 4, 2) and not out.any()
    assert not torch.autograd.grad(out.sum(), h)[0].any()
    assert vmap(vmap(products, in_dims=(0, 0, None)))(own, h, stacked([none, none])).shape == (
        2,
        4,
        0,
    )


@pytest.mark.filterwarnings(
    "ignore:There is a performance drop"
)  # right, but looped: `backward` calls the bare bag
def test_gradients_within_vmap():
    """Per-replica gradients: `vmap(grad(...))` equals the loop of `grad`."""
    lists, h = made(), states(4, SENDERS, 3)

    def loss(a):
        return aggregate(a, lists).square().sum()

    expected = torch.stack([grad(loss)(a) for a in h])
    torch.testing.assert_close(vmap(grad(loss))(h), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        expected[0], 2 * dense(lists).T @ dense(lists) @ h[0], rtol=1e-11, atol=1e-11
    )


# ------------------------------------------------------------------------------------------ padding


@pytest.mark.parametrize(
    ("receivers", "senders", "edges"),
    [(9, 6, 20), (12, 6, 20), (9, 8, 20), (9, 6, 27), (13, 10, 31)],
)
def test_padded_lists_say_the_same(receivers, senders, edges):
    lists = made()
    grown = lists.padded(receivers, senders, edges)
    assert (len(grown.offsets), len(grown.index), len(grown.back_offsets)) == (
        receivers + 1,
        edges,
        senders + 1,
    )
    h = states(senders, 3).requires_grad_()
    out = aggregate(h, grown)
    torch.testing.assert_close(out[:RECEIVERS], dense(lists) @ h[:SENDERS], rtol=1e-12, atol=1e-12)
    assert not out[RECEIVERS:].any()
    (to_h,) = torch.autograd.grad(out.sin().sum(), h)
    assert not to_h[SENDERS:].any()
    (expected,) = torch.autograd.grad((dense(lists) @ h[:SENDERS]).sin().sum(), h)
    torch.testing.assert_close(to_h, expected, rtol=1e-11, atol=1e-12)


def test_padded_lists_of_different_folds_stack():
    small, large = made(0, 5, 4, 7, empty=(4,)), made(1, 9, 6, 20)
    grown = stacked([small.padded(9, 6, 20), large.padded(9, 6, 20)])
    h = states(2, 3, 6, 2)
    out = nested(h, grown)
    for s in range(3):
        torch.testing.assert_close(
            out[0, s, :5], dense(small, 4) @ h[0, s, :4], rtol=1e-12, atol=1e-12
        )
        torch.testing.assert_close(out[1, s], dense(large) @ h[1, s], rtol=1e-12, atol=1e-12)
    assert not out[0, :, 5:].any()


def test_lists_move_and_change_type():
    lists = made().to("cpu", torch.float32)
    assert (
        lists.weight.dtype == torch.float32
        and lists.index.dtype == lists.offsets.dtype == torch.int64
    )
