"""The signalling encoder: node identity, its symmetry without it, and what parts promise."""

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from graphfuse.nn.encode.signalling import Signals

N, C, P, D = 5, 4, 12, 32


def built(identity, seed=0, width=D):
    """An encoder in float64, moved off its start, its table filled."""
    torch.manual_seed(seed)
    encode = Signals((C, P, identity), width).double()
    with torch.no_grad():
        for parameter in encode.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        if identity > 0:
            encode.table.copy_(torch.randn(P, identity))
    return encode


def signal(seed=1):
    torch.manual_seed(seed)
    return torch.randn(N, C, P, dtype=torch.float64)


IDENTITIES = {"none": 0, "learned": -1, "table": 3}


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_patient_becomes_one_token_and_stands_alone(identity):
    encode, x = built(identity), signal()
    out = encode(x)
    assert out.shape == (N, 1, D) and out.isfinite().all()
    assert torch.allclose(torch.cat([encode(row[None]) for row in x]), out, atol=1e-12)
    assert encode.float()(x.float()).dtype == torch.float32


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_bank_is_its_loop(identity):
    bank, x = [built(identity, seed) for seed in range(3)], signal()
    parameters, buffers = stack_module_state(bank)
    together = vmap(lambda p, b: functional_call(bank[0], {**p, **b}, (x,)))(parameters, buffers)
    assert torch.allclose(together, torch.stack([encode(x) for encode in bank]), atol=1e-12)


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_new_encoder_has_outputs_of_the_order_of_one_and_passes_gradients_on(identity):
    torch.manual_seed(0)
    encode = Signals((8, 900, identity), D)
    if identity > 0:
        encode.table.copy_(torch.randn(900, identity))
    x = torch.randn(64, 8, 900)
    out = encode(x)
    assert 0.1 < out.std() < 3
    found = torch.autograd.grad((out * torch.randn_like(out)).sum(), list(encode.parameters()))
    assert all(g.isfinite().all() and g.any() for g in found)


def test_without_identity_moving_the_signal_along_the_nodes_changes_nothing():
    x = signal()
    for shift in (1, 5):
        assert torch.allclose(built(0)(x), built(0)(x.roll(shift, 2)), atol=1e-12)


@pytest.mark.parametrize("identity", [-1, 3], ids=["learned", "table"])
def test_with_identity_it_does(identity):
    x, encode = signal(), built(identity)
    assert (encode(x) - encode(x.roll(1, 2))).abs().max() > 0.01


def test_nodes_with_the_same_row_of_the_table_are_alike():
    encode, x = built(3), signal()
    with torch.no_grad():
        encode.table[7] = encode.table[2]
    swapped = x.clone()
    swapped[:, :, [2, 7]] = x[:, :, [7, 2]]
    assert torch.allclose(encode(x), encode(swapped), atol=1e-12)


def test_a_node_multiplies_its_own_value_by_what_arrives():
    """The mixed derivative by two channels of one node is not zero; by channels of two nodes it
    is."""
    encode, x = built(-1), signal()[:1]
    second = torch.autograd.functional.hessian(lambda v: encode(v)[0, 0, 0], x).reshape(C, P, C, P)
    assert second[0, 3, 2, 3].abs() > 1e-4
    assert second[0, 3, 2, 4].abs() < 1e-12


def test_width_sets_the_hidden_width():
    assert [built(-1, width=w).own.shape[1] for w in (8, 32, 64, 128)] == [4, 4, 8, 16]


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_padding_says_nothing(identity):
    """A bank pads folds with fewer nodes and channels; the replica then is what it was."""
    small, x = built(identity), signal()
    large = Signals((C + 2, P + 9, identity), D).double()
    grown = {}
    for name, value in large.state_dict().items():
        grown[name] = torch.zeros_like(value)
        mine = small.state_dict()[name]
        grown[name][tuple(slice(n) for n in mine.shape)] = mine
    large.load_state_dict(grown)
    padded = torch.zeros(N, C + 2, P + 9, dtype=torch.float64)
    padded[:, :C, :P] = x
    assert torch.allclose(large(padded), small(x), atol=1e-12)
    slopes = torch.autograd.grad(large(padded).square().sum(), list(large.parameters()))
    own = dict(small.named_parameters())
    for (name, _), slope in zip(large.named_parameters(), slopes, strict=True):
        outside = torch.ones_like(slope)
        outside[tuple(slice(n) for n in own[name].shape)] = 0
        assert not (slope * outside).any(), name
