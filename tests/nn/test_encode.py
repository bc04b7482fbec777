"""Encoders of tables, of the gene network and of gene sets: tokens, folding, what a token may
depend on, padding."""

import pytest
import torch
from torch.func import jacrev

from graphfuse.nn.check_contract import check
from graphfuse.nn.encode.mlp import Perceptron
from graphfuse.nn.encode.network_deep import NetworkDeep
from graphfuse.nn.encode.pathways import RANK, Pathways
from graphfuse.nn.encode.tokens import COUNT, Tokens
from graphfuse.nn.net import Net, NetSpec
from graphfuse.nn.registry import available, part

N, F, T, G, D = 6, 9, 3, 5, 8


def built(cls, features, seed=0, width=D):
    """An encoder in float64, every parameter off its start."""
    torch.manual_seed(seed)
    encode = cls(features, width).double()
    with torch.no_grad():
        for parameter in encode.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return encode


def drawn(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", available("encode"))
def test_every_encoder_keeps_its_promises(name):
    assert len(check(part("encode", name), name)) >= 6


@pytest.mark.parametrize(
    ("cls", "tokens"), [(Perceptron, 1), (Tokens, COUNT)], ids=["mlp", "tokens"]
)
def test_a_table_becomes_so_many_tokens_of_the_order_of_one(cls, tokens):
    torch.manual_seed(0)
    encode = cls(1000, D)
    out = encode(torch.randn(400, 1000))
    assert out.shape == (400, tokens, D) and encode.tokens == tokens
    assert 0.3 < out.std() < 3


def test_the_perceptron_is_the_one_said():
    encode, x = built(Perceptron, F), drawn(N, F)
    hidden = x @ encode.weight / F**0.5 + encode.bias
    hidden = (hidden - hidden.mean(1, keepdim=True)) / (
        hidden.var(1, unbiased=False, keepdim=True) + 1
    ).sqrt()
    hidden = torch.nn.functional.gelu(hidden * encode.norm.weight + encode.norm.bias)
    assert torch.allclose(encode(x)[:, 0], hidden @ encode.out + encode.out_bias, atol=1e-7)


def test_the_perceptron_has_no_cliff_at_the_training_mean():
    """A patient a thousandth as far from the mean moves a thousandth as far; the usual layer norm
    would move it as far."""
    torch.manual_seed(0)
    encode, x = Perceptron(F, D).double(), drawn(N, F)
    whole, near, mean = encode(x), encode(x / 1000), encode(torch.zeros_like(x))
    assert (near - mean).norm() < 0.005 * (whole - mean).norm()


def test_each_token_has_weights_of_its_own():
    encode, x = built(Tokens, F), drawn(N, F)
    with torch.no_grad():
        encode.weight[:, D : 2 * D] = 0
    slopes = jacrev(lambda v: encode(v).sum((0, 2)))(x)
    assert not slopes[1].any() and all(slopes[t].any() for t in (0, 2, 3))


def test_the_deep_network_encoder_mixes_the_same_two_views():
    encode, x = built(NetworkDeep, F), drawn(N, 2, F)
    mixed = x[:, 0] + encode.gate * x[:, 1]
    assert torch.allclose(
        encode(x)[:, 0], mixed @ encode.weight * encode.scale + encode.bias, atol=1e-12
    )
    assert NetworkDeep.reach == 10 and part("encode", "network").reach == 1


# ---------------------------------------------------------------------------------------- gene sets


def test_a_pathway_token_hears_its_own_columns_alone():
    encode, x = built(Pathways, (T, G)), drawn(N, T, G)
    slopes = jacrev(lambda v: encode(v).sum((0, 2)))(x)
    for t in range(T):
        others = [o for o in range(T) if o != t]
        assert slopes[t][:, t].all() and not slopes[t][:, others].any()


def test_masking_a_pathways_genes_leaves_its_embedding():
    encode, x = built(Pathways, (T, G)), drawn(N, T, G)
    masked = x.clone()
    masked[:, 1] = 0
    out, left = encode(x), encode(masked)
    assert torch.equal(left[:, 1], encode.embedding[1].expand(N, D)) and torch.equal(
        left[:, [0, 2]], out[:, [0, 2]]
    )
    assert (out[:, 1] - left[:, 1]).abs().min() > 0


def test_tokens_are_linear_in_the_columns_with_the_rank_said():
    encode = built(Pathways, (T, 40), width=32)
    slope = jacrev(encode)(torch.zeros(1, T, 40, dtype=torch.float64))[0, 0, :, 0, 0]
    assert torch.linalg.matrix_rank(slope) == RANK
    x, y = drawn(2, N, T, 40)
    both = encode(2 * x - 3 * y) - encode.embedding
    assert torch.allclose(
        both, 2 * (encode(x) - encode.embedding) - 3 * (encode(y) - encode.embedding), atol=1e-12
    )


def test_padding_a_set_says_nothing():
    """A bank pads folds in which fewer columns were selected; the replica then is what it was."""
    small, x = built(Pathways, (T, G)), drawn(N, T, G)
    large = Pathways((T, G + 4), D).double()
    grown = {name: torch.zeros_like(value) for name, value in large.state_dict().items()}
    for name, value in small.state_dict().items():
        grown[name][tuple(slice(n) for n in value.shape)] = value
    large.load_state_dict(grown)
    padded = torch.zeros(N, T, G + 4, dtype=torch.float64)
    padded[..., :G] = x
    assert torch.allclose(large(padded), small(x), atol=1e-12)
    (slope,) = torch.autograd.grad(large(padded).square().sum(), [large.weight])
    assert slope[:, :G].all() and not slope[:, G:].any()


def test_modalities_with_one_token_have_it_repeated_beside_pathways():
    net = Net(
        NetSpec(("none", "table", "pathways"), (0, F, (T, G)), "none", "gated", "class", D, 2)
    )
    assert net.tokens == T
