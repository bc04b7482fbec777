"""Convolutions of PyTorch Geometric as propagators: which work, what they say, and what is
refused."""

import copy
from importlib.util import find_spec

import pytest
import torch
from torch.func import functional_call

from graphfuse.errors import InputError
from graphfuse.nn.check_contract import check, check_named
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs, Net, NetSpec, without_edges
from graphfuse.nn.pyg import names, refusal
from graphfuse.nn.registry import part

N, S, T, D = 4, 3, 2, 8
EDGES = [
    (0, 0, 0.5),
    (0, 2, 0.5),
    (1, 1, 0.7),
    (1, 2, 0.0),
    (1, 0, 0.3),
    (3, 2, 1.0),
]  # receiver, sender, weight; 2 hears nobody

WORK = """
AGNNConv APPNP ARMAConv AntiSymmetricConv CGConv ChebConv ClusterGCNConv DirGNNConv EGConv
EdgeConv FAConv FastRGCNConv
FeaStConv FiLMConv GATConv GATv2Conv GCN2Conv GCNConv GENConv GINConv GINEConv GMMConv
GatedGraphConv GeneralConv
GraphConv HEATConv LEConv LGConv MFConv MixHopConv NNConv PDNConv PNAConv RGATConv RGCNConv
ResGatedGraphConv SAGEConv
SGConv SSGConv SimpleConv SuperGATConv TAGConv TransformerConv WLConvContinuous
""".split()

REFUSED = {  # and why
    "DNAConv": "num_layers",
    "DynamicEdgeConv": "asks for k",
    "FusedGATConv": "csr",
    "GPSConv": "depends on who else is there",
    "GravNetConv": "asks for k",
    "HANConv": "metadata",
    "HGTConv": "metadata",
    "HeteroConv": "convs",
    "HypergraphConv": "hyperedge_index",
    "MeshCNNConv": "depends on who else is there",
    "PANConv": "filter_size",
    "PPFConv": "pos",
    "PointGNNConv": "pos",
    "PointNetConv": "pos",
    "PointTransformerConv": "pos",
    "SignedConv": "neg_edge_index",
    "WLConv": "states",
    "XConv": "pos",
}
# Convolution -> the module of a package that is not there after a plain install.
PACKAGES = {
    "CuGraphGATConv": "pylibcugraphops",
    "CuGraphRGCNConv": "pylibcugraphops",
    "CuGraphSAGEConv": "pylibcugraphops",
    "SplineConv": "pyg_lib",
}


def lists_of(edges=EDGES):
    offsets = torch.tensor([0, *(sum(r <= i for r, _, _ in edges) for i in range(N))])
    index = torch.tensor([s for _, s, _ in edges], dtype=torch.long)
    return EdgeLists.build(
        offsets, index, torch.tensor([w for *_, w in edges], dtype=torch.float64), S
    )


def states(count, seed):
    return torch.randn(
        count, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def built(name, width=D):
    torch.manual_seed(0)
    return part("propagate", f"pyg:{name}")(width).double()


# --------------------------------------------------------------------------------------- which work


def test_every_convolution_works_or_says_why():
    found = {name: refusal(name, D) for name in names()}
    broken = {name: found[name] for name in WORK if found[name]}
    assert not broken, (
        f"of {len(found)}, {len([n for n in found if not found[n]])} work; these should: {broken}"
    )
    assert len(WORK) == 44 and len(found) >= 66
    for name, why in REFUSED.items():
        assert why in found[name], (name, found[name])
    for name, module in PACKAGES.items():
        if find_spec(module) is None:
            assert "requires" in found[name] and module.replace("_", "-") in found[name]
        else:
            assert not found[name], (name, found[name])


@pytest.mark.parametrize(
    "name",
    [
        "GCNConv",
        "SAGEConv",
        "GATv2Conv",
        "TransformerConv",
        "GINConv",
        "ChebConv",
        "GraphConv",
        "PNAConv",
    ],
)
def test_it_keeps_the_contract(name):
    kept = check(part("propagate", f"pyg:{name}"))
    assert {"an edge of weight 0 is no edge", "the order of the senders does not matter"} <= set(
        kept
    )
    assert (
        "a bank of replicas = the loop over them" not in kept
    )  # `loops`: the bank calls them one by one


def test_it_can_be_checked_by_name():
    said = check_named("pyg:GATConv")
    assert "slot propagate" in said[0] and len(said) > 5


# ------------------------------------------------------------------------------------ what they say


def explicit():
    """The same layer as one graph of senders, then receivers, without the edge of weight 0."""
    kept = [(r, s, w) for r, s, w in EDGES if w]
    edge_index = torch.tensor([[s for _, s, _ in kept], [S + r for r, _, _ in kept]])
    return edge_index, torch.tensor([w for *_, w in kept], dtype=torch.float64)


@pytest.mark.parametrize(
    "name", ["GCNConv", "GraphConv", "SAGEConv", "GATv2Conv", "TransformerConv", "GINConv"]
)
def test_the_message_is_that_of_the_convolution_on_the_explicit_graph(name):
    module, own, senders = built(name), states(N, 0), states(S, 1)
    said = module(own, senders, lists_of())
    edge_index, weight = explicit()
    extra = (weight,) if name in ("GCNConv", "GraphConv") else ()
    for t in range(T):
        expected = module.conv(torch.cat([senders[:, t], own[:, t]]), edge_index, *extra)[S:]
        torch.testing.assert_close(said[:, t], expected, rtol=1e-12, atol=1e-12)


def test_the_graph_convolution_by_hand():
    """(h_i + Σ_j w_ij √(1 + Σ_k w_ik) h_j) / (1 + Σ_k w_ik): senders hear nobody, so that their
    degree is 1."""
    module, own, senders = built("GCNConv"), states(N, 0), states(S, 1)
    matrix = torch.zeros(N, S, dtype=torch.float64)
    for r, s, w in EDGES:
        matrix[r, s] += w
    degree = (1 + matrix.sum(1))[:, None, None]
    both = own / degree + torch.einsum("ns,std->ntd", matrix, senders) / degree.sqrt()
    expected = both @ module.conv.lin.weight.T + module.conv.bias
    torch.testing.assert_close(module(own, senders, lists_of()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", WORK)
def test_a_patient_hears_senders_and_nobody_else(name):
    module, own, senders = built(name), states(N, 0), states(S, 1)
    together = module(own, senders, lists_of())
    assert together.shape == own.shape and together.isfinite().all()
    assert torch.equal(together, module(own, senders, lists_of()))
    for i in range(N):
        mine = [(0, s, w) for r, s, w in EDGES if r == i]
        offsets, index = (
            torch.tensor([0, len(mine)]),
            torch.tensor([s for _, s, _ in mine], dtype=torch.long),
        )
        alone = EdgeLists.build(
            offsets, index, torch.tensor([w for *_, w in mine], dtype=torch.float64), S
        )
        torch.testing.assert_close(
            module(own[[i]], senders, alone)[0], together[i], rtol=1e-9, atol=1e-9
        )
    quiet = module(own, senders, without_edges(lists_of()))
    torch.testing.assert_close(quiet, module(own, senders, lists_of([])), rtol=1e-12, atol=1e-12)
    assert ((together - quiet).abs().amax((1, 2)) > 1e-9).tolist() == [True, True, False, True]


@pytest.mark.parametrize("name", ["GCNConv", "SuperGATConv", "GENConv"])
def test_training_mode_changes_nothing(name):
    module, own, senders = built(name), states(N, 0), states(S, 1)
    before = module(own, senders, lists_of())
    assert torch.equal(module.train()(own, senders, lists_of()), before)
    assert not any(each.training for each in module.modules())


# ----------------------------------------------------------------------------------------- in a net


@pytest.mark.parametrize("name", ["pyg:GCNConv", "pyg:GATv2Conv"])
def test_a_net_of_it_learns_and_without_edges_is_no_graph(name):
    count = 6
    torch.manual_seed(0)
    net = Net(NetSpec(("table", "table"), (5, 4), name, "gated", "class", D, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    index = torch.tensor([(i + step) % count for i in range(count) for step in (1, 2)])
    lists = EdgeLists.build(
        torch.arange(0, 2 * count + 1, 2), index, torch.full((2 * count,), 0.5).double(), count
    )
    x = tuple(torch.randn(count, f).double() for f in (5, 4))
    start = torch.zeros(count, 2, 3, 3).double()
    inputs = Inputs(x, torch.ones(count, 2).double(), start, start[:, :, 0], (lists,) * 2)
    state = dict(net.named_parameters()) | dict(net.named_buffers())
    bare = copy.deepcopy(net).to("meta")  # as the bank holds it
    out = functional_call(bare, state, (inputs,))
    assert torch.equal(out, net(inputs))
    grads = torch.autograd.grad(
        out.square().sum(), list(net.propagate.parameters()), allow_unused=True
    )
    assert all(g is None or g.isfinite().all() for g in grads) and any(
        g is not None and g.any() for g in grads
    )
    cut = net(inputs._replace(lists=tuple(map(without_edges, inputs.lists))))
    assert (out - cut).abs().max() > 1e-4
    with torch.no_grad():
        net.patient_gate.zero_()
    torch.testing.assert_close(net(inputs), cut, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------- errors


def test_the_same_name_gives_the_same_class_and_uses_up_no_randomness():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = part("propagate", "pyg:LEConv")
    assert torch.equal(torch.get_rng_state(), before)
    assert found is part("propagate", "pyg:LEConv") and found is not part("propagate", "pyg:SGConv")
    assert found.__name__ == "LEConv" and found.loops and not found.quiet
    assert torch.equal(built("LEConv").conv.lin1.weight, built("LEConv").conv.lin1.weight)


def test_an_unknown_convolution_names_the_nearest():
    with pytest.raises(
        InputError,
        match=(
            r"pyg:GCNCon': torch_geometric.nn has no such convolution \(did you mean "
            r"'GCNConv'\?\)"
        ),
    ):
        part("propagate", "pyg:GCNCon")
    with pytest.raises(InputError, match="no such convolution"):
        part("propagate", "pyg:")
    with pytest.raises(InputError, match="no such convolution"):
        part("propagate", "pyg:MessagePassing")
    with pytest.raises(InputError, match="or pyg:NAME for a convolution"):
        part("propagate", "pyg")


@pytest.mark.parametrize(
    ("name", "why"),
    [("PointNetConv", "it asks for pos"), ("GPSConv", "a message to a patient depends on who")],
)
def test_what_does_not_go_with_patient_layers_is_refused(name, why):
    with pytest.raises(
        InputError, match=f"pyg:{name}' does not work at width 8: {why}.*; take another convolution"
    ):
        part("propagate", f"pyg:{name}")


def test_a_width_that_a_convolution_cannot_have_is_refused_when_it_is_built():
    with pytest.raises(InputError, match=r"pyg:MixHopConv' does not work at width 7"):
        part("propagate", "pyg:MixHopConv")(7)


def test_a_convolution_is_no_fusion():
    with pytest.raises(InputError, match="is no Fuse"):
        part("fuse", "pyg:GCNConv")
