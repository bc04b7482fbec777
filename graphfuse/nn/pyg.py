"""Any convolution of PyTorch Geometric as a propagator, by name: `propagate = "pyg:GCNConv"`."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache
from inspect import Parameter, signature

import torch
from torch import Tensor, nn

from graphfuse.errors import InputError, nearest
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Propagate

TRIAL_WIDTH = 8


class Geometric(Propagate):
    """A convolution over one graph of S senders, which hear only themselves, and N receivers, who
    hear their senders.

    Senders keep their stored states and receivers never hear each other, whatever number of hops
    the convolution takes. Edges of weight 0 are left out; weights go where the convolution takes
    them, and where it takes none all edges count alike. Every token is a graph of its own. Nothing
    is dropped at random, and the convolution stays in evaluation mode. PyTorch Geometric scatters:
    on a GPU two runs may differ in the last digits.

    Raises `InputError` where the convolution cannot be built from width to width, or patients would
    hear more than their senders.
    """

    loops = True
    name = ""

    def __init__(self, width: int):
        super().__init__()
        if why := refusal(self.name, width):
            raise InputError(
                f"propagate = 'pyg:{self.name}' does not work at width {width}: {why}; take "
                "another convolution, or write a "
                "class of your own around it and give file.py:Class"
            )
        self.conv, self.takes = build(self.name, width)
        self.eval()

    def train(self, mode: bool = True) -> Geometric:
        """Stays in evaluation mode: some convolutions draw edges at random in training."""
        return super().train(False)

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        return through(self.conv, self.takes, own, senders, lists)


@cache
def convolution(name: str) -> type[Geometric]:
    """The propagator of `torch_geometric.nn.conv.NAME`; the same class each time.

    Raises `InputError` for an unknown name and for a convolution that does not go with patient
    layers.
    """
    if name not in (known := names()):
        raise InputError(
            f"propagate = 'pyg:{name}': torch_geometric.nn has no such "
            f"convolution{nearest(name, known)}"
        )
    found = type(
        name,
        (Geometric,),
        {"name": name, "__doc__": f"`torch_geometric.nn.{name}` over a patient layer."},
    )
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        found(TRIAL_WIDTH)
    return found


def names() -> list[str]:
    """Every convolution of the installed PyTorch Geometric, whether or not it goes with patient
    layers."""
    return sorted(set(_all().__all__) - {"MessagePassing"})


def _all():
    return importlib.import_module("torch_geometric.nn.conv")


# ----------------------------------------------------------------------------------------- building


def _perceptron(into: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(into, out), nn.LeakyReLU(), nn.Linear(out, out))


# What a convolution asks for and has no default of its own for, by the argument's name in PyTorch
# Geometric.
ASKED: dict[str, Callable] = {
    **dict.fromkeys(
        ("in_channels", "out_channels", "channels", "hidden_channels", "edge_type_emb_dim"),
        lambda width: width,
    ),
    **dict.fromkeys(("edge_dim", "dim", "edge_attr_emb_dim"), lambda width: 1),
    **dict.fromkeys(("num_relations", "num_node_types", "num_edge_types"), lambda width: 1),
    **dict.fromkeys(("K", "num_layers", "kernel_size"), lambda width: 2),
    "alpha": lambda width: 0.1,
    "nn": lambda width: _perceptron(width, width),
    "conv": lambda width: _all().SAGEConv(width, width),
    "aggregators": lambda width: ["mean", "min", "max", "std"],
    "scalers": lambda width: ["identity"],
    "deg": lambda width: torch.tensor([0, 1], device="cpu"),
}

# What some need besides, so that states keep their width, weights are heard, and nothing looks at a
# whole batch.
BESIDES: dict[str, Callable[[int], dict]] = {
    "ChebConv": lambda width: {
        "normalization": None
    },  # degrees of senders would count who else hears them
    "EGConv": lambda width: {"num_heads": math.gcd(8, width)},
    "EdgeConv": lambda width: {"nn": _perceptron(2 * width, width)},
    "FAConv": lambda width: {"normalize": False},
    "GCN2Conv": lambda width: {"theta": 0.5, "layer": 1},
    "GENConv": lambda width: {"norm": "layer"},
    "GINEConv": lambda width: {"edge_dim": 1},
    "GPSConv": lambda width: {"norm": None},
    "MixHopConv": lambda width: {"powers": [0, 1], "out_channels": width // 2},
    "NNConv": lambda width: {"nn": _perceptron(1, width * width)},
}
SHOWN = {
    "x_0",
    "edge_weight",
    "edge_attr",
    "edge_type",
    "node_type",
    "lambda_max",
}  # besides states and edges
WEIGHT_AS_ATTRIBUTE = {"GINEConv", "GMMConv", "HEATConv", "NNConv", "PDNConv", "SplineConv"}


def build(name: str, width: int) -> tuple[nn.Module, frozenset[str]]:
    """The convolution from width to width, and which inputs it takes, by name.

    Raises `InputError` for one that asks for what patient layers do not have.
    """
    cls = getattr(_all(), name)
    chosen = BESIDES.get(name, lambda _: {})(width)
    wanted, told = (
        _asked(cls.__init__) - {"self", *chosen},
        _asked(cls.forward) - {"self", "x", "edge_index", *SHOWN},
    )
    if missing := sorted(wanted - set(ASKED) | told):
        raise InputError(f"it asks for {', '.join(missing)}, which patient layers do not have")
    conv = cls(**{key: ASKED[key](width) for key in sorted(wanted)}, **chosen)
    for place, module in list(conv.named_modules()):
        if isinstance(module, nn.Dropout):
            conv.set_submodule(place, nn.Identity())
    takes = SHOWN & set(signature(cls.forward).parameters)
    return conv, frozenset(takes if name in WEIGHT_AS_ATTRIBUTE else takes - {"edge_attr"})


def _asked(function: Callable) -> set[str]:
    """Arguments without a default."""
    plain = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {
        k
        for k, given in signature(function).parameters.items()
        if given.default is Parameter.empty and given.kind in plain
    }


# ------------------------------------------------------------------------------------------ running


def through(
    conv: nn.Module, takes: frozenset[str], own: Tensor, senders: Tensor, lists: EdgeLists
) -> Tensor:
    """What the receivers hear, by token `[N, T, D]`."""
    (count, tokens, _), start = own.shape, len(senders)
    nodes = start + count
    keep = lists.weight != 0
    alone = torch.arange(start, device=own.device)
    edges = torch.stack(
        [torch.cat([alone, lists.index[keep]]), torch.cat([alone, start + lists.receiver[keep]])]
    )
    weight = torch.cat([own.new_ones(start), lists.weight[keep].to(own.dtype)]).repeat(tokens)
    edges = (edges[:, None] + nodes * torch.arange(tokens, device=own.device)[:, None]).flatten(1)
    x = torch.cat([senders, own]).transpose(0, 1).flatten(0, 1)
    inputs = {
        "x_0": x,
        "edge_weight": weight,
        "edge_attr": weight[:, None],
        "edge_type": torch.zeros_like(edges[0]),
        "node_type": torch.zeros(len(x), dtype=torch.long, device=own.device),
        "lambda_max": 2.0,
    }
    out = conv(x, edge_index=edges, **{key: inputs[key] for key in takes})
    return out.unflatten(0, (tokens, nodes))[:, start:].transpose(0, 1)


# ------------------------------------------------------------------------------------------- trying


@cache
def refusal(name: str, width: int) -> str:
    """Why the convolution is no propagator at this width; empty where it is one. Uses up no
    randomness."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(0)
        try:
            conv, takes = build(name, width)
            conv = conv.double().eval()
            return _tried(lambda *layer: through(conv, takes, *layer), width)
        except InputError as error:
            return str(error)
        except Exception as error:  # a convolution may raise anything: it is the reason
            said = str(error).strip() or "it does not take patients' states"
            return f"{type(error).__name__}: {said.splitlines()[0]}"


def _tried(heard: Callable[[Tensor, Tensor, EdgeLists], Tensor], width: int) -> str:
    """What is wrong with the messages to three patients, two of whom hear two of four senders
    each."""
    own, senders = torch.randn(3, 2, width).double(), torch.randn(4, 2, width).double()
    offsets, index = torch.tensor([0, 2, 4, 4]), torch.tensor([0, 1, 1, 2])
    lists = EdgeLists.build(offsets, index, torch.tensor([0.5, 0.5, 0.3, 0.7]).double(), 4)
    out = heard(own, senders, lists)
    if not isinstance(out, Tensor) or out.shape != own.shape:
        return f"it turns states {tuple(own.shape)} into {tuple(getattr(out, 'shape', ()))}"
    if not torch.isfinite(out).all():
        return "its messages are not finite"
    first = EdgeLists.build(offsets[:2], index[:2], lists.weight[:2], 4)
    if not torch.allclose(heard(own[:1], senders, first), out[:1], atol=1e-9):
        return "a message to a patient depends on who else is there"
    changed = senders.clone()
    changed[3] += 1
    if not torch.allclose(heard(own, changed, lists), out, atol=1e-9):
        return "patients receive messages from senders without an edge to them"
    changed[1] = torch.randn(2, width)
    if torch.allclose(heard(own, changed, lists)[:2], out[:2], atol=1e-9):
        return "patients receive no messages from their senders"
    return ""
