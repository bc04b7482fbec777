"""Walks over a multiplex: the fast forms against the supra-matrices they stand for, and the
encoders that walk."""

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import leaky_relu

from graphfuse.nn.check_contract import check
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.encode.walk import Walk
from graphfuse.nn.encode.walk_learned import WalkLearned
from graphfuse.nn.walk import (
    WalkLayer,
    clique_sums,
    jump_then_step,
    step_then_jump,
    walk,
    walk_lists,
)

K, P, D = 5, 9, 3


def close(a, b, tol=1e-12):
    torch.testing.assert_close(a, b, rtol=tol, atol=tol)


def states(seed=0, planes=K, nodes=P, width=D, dtype=torch.float64):
    return torch.randn(
        planes, nodes, width, generator=torch.Generator().manual_seed(seed), dtype=dtype
    )


def activity(seed=0):
    """An empty plane, a plane of one node, a full plane, and two alike; node 8 is active in none
    but the full one."""
    v = (torch.rand(K, P, generator=torch.Generator().manual_seed(seed)) < 0.5).double()
    v[:, -1] = 0
    v[0], v[1], v[2] = 0, torch.eye(P)[3], 1
    v[4] = v[3]
    return v


def cliques(v):
    """A_k = v v^T without its diagonal `[K, P, P]`."""
    return (v[:, :, None] * v[:, None]) * (1 - torch.eye(v.shape[1], dtype=v.dtype))


def supra_messages(h, planes):
    """Mean over walks by the published matrices: A = blockdiag(A_1 … A_K), C = 11^T ⊗ I (identity
    blocks included), supra-node (k, p) at kP + p; row i of AC are the walks from i, so receivers
    gather by its columns."""
    count, nodes = planes.shape[:2]
    a = torch.block_diag(*planes)
    c = torch.kron(torch.ones(count, count, dtype=h.dtype), torch.eye(nodes, dtype=h.dtype))
    flat = h.reshape(count * nodes, -1)

    def mean_over(walks):
        return (walks.T @ flat / walks.sum(0).clamp(min=1)[:, None]).reshape(h.shape)

    ac = a @ c
    return mean_over(ac), mean_over(c @ a), ac, c @ a


@pytest.mark.parametrize("seed", range(4))
def test_the_fast_form_is_the_supra_form(seed):
    h, v = states(seed), activity(seed)
    ac, ca, walks_ac, walks_ca = supra_messages(h, cliques(v))
    assert torch.equal(walks_ca, walks_ac.T) and walks_ac.max() == 1
    fast_ac, fast_ca = walk(h, v)
    close(fast_ac, ac)
    close(fast_ca, ca)
    single = walk(h.float(), v.float())
    close(single[0].double(), ac, 1e-5)
    close(single[1].double(), ca, 1e-5)


def test_who_has_no_walks_hears_nothing():
    h, v = states(), activity()
    v[2] = 0
    ac, ca = walk(h, v)
    assert not ac[:, -1].any() and not ca[0].any() and not ca[1].any()
    assert not torch.cat(walk(h, torch.zeros(K, P, dtype=torch.float64))).any()
    one = torch.ones(K, 1, dtype=torch.float64)
    assert not torch.cat(walk(h[:, :1], one)).any()


def test_all_active_is_the_mean_of_all_others():
    h, v = states(), torch.ones(K, P, dtype=torch.float64)
    others = h.mean(0, keepdim=True).sum(1, keepdim=True) - h.mean(0, keepdim=True)
    for message in walk(h, v):
        close(message, (others / (P - 1)).expand(K, P, D))


def test_clique_sums_leave_the_node_itself_out():
    h, v = states(), activity()
    close(clique_sums(h, v), cliques(v) @ h)


def test_states_that_all_planes_share_are_the_same_as_their_copies():
    h, v = states(planes=1), activity()
    for shared, copied in zip(walk(h, v), walk(h.expand(K, P, D).clone(), v), strict=True):
        assert shared.shape == (K, P, D)
        close(shared, copied)


def test_any_leading_axes():
    h = torch.stack([torch.stack([states(4 * i + j) for j in range(3)]) for i in range(2)])
    v = torch.stack([torch.stack([activity(4 * i + j) for j in range(3)]) for i in range(2)])
    ac, ca = walk(h, v)
    for i in range(2):
        for j in range(3):
            close(ac[i, j], walk(h[i, j], v[i, j])[0])
            close(ca[i, j], walk(h[i, j], v[i, j])[1])


def test_under_vmap():
    h, v = torch.stack([states(i) for i in range(3)]), activity()
    for together, alone in zip(
        vmap(walk, in_dims=(0, None))(h, v), walk(h, v.expand(3, K, P)), strict=True
    ):
        close(together, alone)


def test_one_plane_is_the_ordinary_mean_over_neighbours():
    """T3."""
    h, v = states(planes=1), activity()[3:4]
    a = cliques(v)[0]
    expected = a @ h[0] / a.sum(1).clamp(min=1)[:, None]
    for message in walk(h, v):
        close(message[0], expected)


def test_equal_planes_cannot_tell_the_walks_apart():
    """T4."""
    h, v = states(), activity()[3].expand(K, P)
    close(*walk(h, v))
    assert (walk(h, activity())[0] - walk(h, activity())[1]).abs().max() > 0.1


def test_permuting_planes_or_nodes_permutes_states():
    """T2."""
    torch.manual_seed(0)
    layer = WalkLayer(D, "linear").double()
    h, v = states(), activity()
    out = layer(h, v)
    planes, nodes = torch.randperm(K), torch.randperm(P)
    close(layer(h[planes], v[planes]), out[planes])
    close(layer(h[:, nodes], v[:, nodes]), out[:, nodes])


# -------------------------------------------------------------------------------------------- lists


def lists_of(a, weight=None):
    """Neighbour lists of a matrix whose row q, column p is the edge q → p."""
    receiver, sender = a.T.nonzero(as_tuple=True)
    counts = torch.bincount(receiver, minlength=a.shape[1])
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    return EdgeLists.build(offsets, sender, a[sender, receiver], a.shape[0])


def sparse(seed, directed=False):
    """Random planes: one empty, two alike."""
    a = (torch.rand(K, P, P, generator=torch.Generator().manual_seed(seed)) < 0.25).double() * (
        1 - torch.eye(P)
    )
    a[1], a[4] = 0, a[3]
    return a.double() if directed else ((a + a.mT) > 0).double()


def test_lists_that_are_cliques_are_the_fast_form():
    h, v = states(), activity()
    for by_lists, fast in zip(
        walk_lists(h, [lists_of(a) for a in cliques(v)]), walk(h, v), strict=True
    ):
        close(by_lists, fast)


@pytest.mark.parametrize("directed", [False, True], ids=["both-ways", "one-way"])
@pytest.mark.parametrize("seed", range(3))
def test_lists_of_any_planes_are_the_supra_form(seed, directed):
    h, planes = states(seed), sparse(seed, directed)
    ac, ca, walks_ac, walks_ca = supra_messages(h, planes)
    assert torch.equal(walks_ca, walks_ac.T) or directed
    by_lists = walk_lists(h, [lists_of(a) for a in planes])
    close(by_lists[0], ac)
    close(by_lists[1], ca)


def test_weights_count_walks_and_receivers_need_not_send():
    """Patients who only receive: three senders, two receivers, by hand."""
    h = torch.tensor([[[1.0], [2.0], [4.0]], [[10.0], [20.0], [40.0]]], dtype=torch.float64)
    first = EdgeLists.build(
        torch.tensor([0, 2, 2]), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]).double(), 3
    )
    second = EdgeLists.build(
        torch.tensor([0, 1, 1]), torch.tensor([2]), torch.tensor([1.0]).double(), 3
    )
    ac, ca = walk_lists(h, [first, second])
    close(
        ac,
        torch.tensor([(1 + 3 * 2 + 40) / 5, 0], dtype=torch.float64).view(1, 2, 1).expand(2, 2, 1),
    )
    close(ca[:, 0, 0], torch.tensor([(5.5 + 3 * 11) / 4, 22], dtype=torch.float64))
    assert not ca[:, 1].any()


def test_lists_let_gradients_through():
    lists = [lists_of(a) for a in sparse(0)]
    assert torch.autograd.gradcheck(lambda h: walk_lists(h, lists), states().requires_grad_())
    v = activity()
    assert torch.autograd.gradcheck(lambda h: walk(h, v), states().requires_grad_())


# --------------------------------------------------------------------------------- layers and parts


def test_a_layer_joins_both_walks():
    h, v = states(), activity()
    ac, ca = walk(h, v)
    close(WalkLayer(D)(h, v), torch.cat([leaky_relu(h + ac), leaky_relu(h + ca)], -1))
    assert not list(WalkLayer(D).parameters())
    torch.manual_seed(0)
    layer = WalkLayer(D, "linear").double()
    before_ac, before_ca = (
        step_then_jump(h @ layer.ac.weight.T, v),
        jump_then_step(h @ layer.ca.weight.T, v),
    )
    close(layer(h, v), torch.cat([leaky_relu(h + before_ac), leaky_relu(h + before_ca)], -1))


def patients(count=7, planes=4, codes=6, seed=0):
    """Codes, mask and planes of patients; the last has nothing, the one before lacks the last two
    codes."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 2 + planes, codes, generator=draw, dtype=torch.float64)
    x[:, 1] = 1
    x[-1, 1] = x[-2, 1, -2:] = 0
    x[:, 2:] = (x[:, 2:] < 0.5).double() * x[:, 1:2]
    return x


def spoken(part, x):
    """What a part says of patients, its parameterless half done first, as
    `Preparation.encoder_inputs` does it."""
    return part(part.prepare(x))


BOTH = pytest.mark.parametrize("cls", [Walk, WalkLearned], ids=["walk", "walk_learned"])


@BOTH
def test_parts_keep_their_contract(cls):
    assert cls.sees == "planes" and len(check(cls)) >= 6


def test_walk_is_the_published_net():
    """Two layers on supra-nodes by dense matrices, one number each, then the perceptron over
    positions."""
    torch.manual_seed(0)
    part, x = Walk((6, 6), 5).double(), patients()
    for i, one in enumerate(x):
        h = one[0].expand(4, 6)[..., None]
        for _ in range(2):
            ac, ca, *_ = supra_messages(h, cliques(one[2:]))
            h = torch.cat([leaky_relu(h + ac), leaky_relu(h + ca)], -1)
        assert h.shape == (4, 6, 4)
        flat = (h @ part.state).reshape(-1)
        hidden = leaky_relu(flat @ part.position.reshape(24, -1) + part.position_bias)
        close(spoken(part, x)[i, 0], hidden @ part.out + part.bias)


def test_the_published_walk_never_sees_the_mask_and_the_learned_one_does():
    torch.manual_seed(0)
    x = patients()
    masked = x.clone()
    masked[0, 1, 0] = 0
    walked, learned = Walk((6, 6), 5).double(), WalkLearned((6, 6), 5).double()
    assert torch.equal(spoken(walked, x), spoken(walked, masked))
    assert (spoken(learned, x) - spoken(learned, masked)).abs().max() > 1e-3


def test_what_stands_at_an_absent_code_changes_nothing_in_the_learned_walk():
    torch.manual_seed(0)
    learned, x = WalkLearned((6, 6), 5).double(), patients()
    other = x.clone()
    other[-2, 0, -2:], other[-1, 0] = 9.0, -9.0
    assert (
        torch.equal(spoken(learned, x), spoken(learned, other))
        and torch.isfinite(spoken(learned, x)).all()
    )


@BOTH
def test_the_order_of_planes(cls):
    """T2: attention does not see it, positions do."""
    torch.manual_seed(0)
    part, x = cls((6, 6), 5).double(), patients()
    turned = x[:, [0, 1, 4, 2, 5, 3]]
    gap = (spoken(part, x) - spoken(part, turned)).abs().max()
    assert gap < 1e-12 if cls is WalkLearned else gap > 1e-3


@BOTH
def test_planes_matter(cls):
    torch.manual_seed(0)
    part, x = cls((6, 6), 5).double(), patients()
    bare = x.clone()
    bare[:, 2:] = 0
    assert (spoken(part, x) - spoken(part, bare))[:-1].abs().amax((1, 2)).min() > 1e-3


def test_codes_are_told_apart():
    """Two codes swapped, in values, mask and planes alike, are another patient: nodes have an
    identity."""
    torch.manual_seed(0)
    x = patients()
    swapped = x[..., [1, 0, 2, 3, 4, 5]]
    for part in (Walk((6, 6), 5).double(), WalkLearned((6, 6), 5).double()):
        assert (spoken(part, x) - spoken(part, swapped))[:-1].abs().amax((1, 2)).min() > 1e-4


@BOTH
def test_padded_codes_are_not_there(cls):
    """A bank pads folds of fewer codes with zeros, inputs and parameters: same output, no gradient
    to the padding."""
    torch.manual_seed(0)
    part, wide, x = cls((6, 6), 5).double(), cls((6, 8), 5).double(), patients()
    with torch.no_grad():
        for own, padded in zip(part.parameters(), wide.parameters(), strict=True):
            padded.zero_()
            padded[tuple(slice(n) for n in own.shape)] = own
    out = spoken(wide, torch.nn.functional.pad(x, (0, 2)))
    close(out, spoken(part, x))
    for own, (name, padded) in zip(part.parameters(), wide.named_parameters(), strict=True):
        (grad,) = torch.autograd.grad(out.square().sum(), padded, retain_graph=True)
        grad[tuple(slice(n) for n in own.shape)] = 0
        assert not grad.any(), name


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_bank_is_its_loop(cls, dtype):
    torch.manual_seed(0)
    parts = [cls((6, 6), 5).to(dtype) for _ in range(3)]
    x = torch.stack([cls.prepare(patients(seed=s)) for s in range(3)]).to(dtype)
    state = stack_module_state(parts)

    def one(params, buffers, x):
        return functional_call(parts[0], (params, buffers), (x,))

    for axis, given in ((None, x[0]), (0, x)):
        together = vmap(one, in_dims=(0, 0, axis))(*state, given)
        alone = torch.stack([p(given if axis is None else given[i]) for i, p in enumerate(parts)])
        assert together.dtype == dtype
        close(together, alone, 1e-12 if dtype is torch.float64 else 1e-5)


@BOTH
def test_a_new_part_speaks_at_about_unit_scale(cls):
    torch.manual_seed(0)
    x = patients(count=60, planes=16, codes=40)[:-2]
    for _ in range(3):
        assert 0.2 < spoken(cls((18, 40), 16).double(), x).square().mean().sqrt() < 5
