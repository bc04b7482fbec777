"""Any convolution of PyTorch Geometric as a propagator, by name: `propagate = "pyg:GCNConv"`."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache, partial
from inspect import Parameter, signature

import torch
from torch import Tensor, nn

from graphfuse.errors import InputError, nearest
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Propagate

TRIAL_WIDTH = 8


class Geometric(Propagate):
    """Messages by a convolution over one graph of S senders and N receivers.

    A sender's only neighbour is itself, and a receiver's neighbours are its senders, so senders
    keep their stored states, and receivers never get messages from each other, whatever number of
    hops the convolution takes. Edges of weight 0 are left out; weights go where the convolution
    takes them, and where it takes none all edges count alike. Every token is a graph of its own.
    Nothing is dropped at random, and the convolution stays in evaluation mode. PyTorch Geometric
    scatters: on a GPU two runs may differ in the last digits.

    Parameters
    ----------
    width : int
        The net's width D.

    Raises
    ------
    InputError
        Where the convolution cannot be built from width to width, or its messages come from others
        than a patient's neighbours.
    """

    loops = True
    name = ""

    def __init__(self, width: int):
        super().__init__()
        if why := refusal(self.name, width):
            raise InputError(
                f"propagate = 'pyg:{self.name}' does not work at width {width}: {why}; take "
                "another convolution, or write a class of your own around it and give file.py:Class"
            )
        self.conv, self.takes = build(self.name, width)
        self.eval()

    def train(self, mode: bool = True) -> Geometric:
        """Stays in evaluation mode: some convolutions draw edges at random in training."""
        return super().train(False)

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        return messages(self.conv, self.takes, own, senders, lists)


@cache
def convolution(name: str) -> type[Geometric]:
    """The propagator of `torch_geometric.nn.conv.NAME`; the same class each time.

    Raises `InputError` for an unknown name and for a convolution that does not go with patient
    layers.
    """
    known = names()
    if name not in known:
        guess = nearest(name, known)
        raise InputError(
            f"propagate = 'pyg:{name}': torch_geometric.nn has no such convolution{guess}"
        )
    about = f"`torch_geometric.nn.{name}` over a patient layer."
    cls = type(name, (Geometric,), {"name": name, "__doc__": about})
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        cls(TRIAL_WIDTH)
    return cls


def names() -> list[str]:
    """Every convolution of the installed PyTorch Geometric, whether or not it goes with patient
    layers."""
    return sorted(set(_all().__all__) - {"MessagePassing"})


def _all():
    return importlib.import_module("torch_geometric.nn.conv")


# ----------------------------------------------------------------------------------------- building


def _perceptron(features: int, out: int) -> nn.Module:
    layers = nn.Linear(features, out), nn.LeakyReLU(), nn.Linear(out, out)
    return nn.Sequential(*layers)


# Values of the arguments that convolutions require, by the argument's name in PyTorch Geometric.
REQUIRED: dict[str, Callable] = {
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

# Further arguments of some convolutions, so that states keep their width, weights count, and
# nothing depends on the whole batch.
FURTHER: dict[str, Callable[[int], dict]] = {
    # degrees of senders would count their other receivers
    "ChebConv": lambda width: {"normalization": None},
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
# what a convolution may be given besides states and edges
OFFERED = {"x_0", "edge_weight", "edge_attr", "edge_type", "node_type", "lambda_max"}
WEIGHT_AS_ATTRIBUTE = {"GINEConv", "GMMConv", "HEATConv", "NNConv", "PDNConv", "SplineConv"}


def build(name: str, width: int) -> tuple[nn.Module, frozenset[str]]:
    """The convolution from width to width, and which inputs it takes, by name.

    Raises `InputError` for one that asks for what patient layers do not have.
    """
    cls = getattr(_all(), name)
    further = FURTHER[name](width) if name in FURTHER else {}
    to_build = _required(cls.__init__) - {"self", *further}
    to_run = _required(cls.forward) - {"self", "x", "edge_index", *OFFERED}
    unknown = to_build - set(REQUIRED)
    if missing := sorted(unknown | to_run):
        raise InputError(f"it asks for {', '.join(missing)}, which patient layers do not have")
    required = {key: REQUIRED[key](width) for key in sorted(to_build)}
    conv = cls(**required, **further)
    _remove_dropout(conv)
    takes = OFFERED & set(signature(cls.forward).parameters)
    if name not in WEIGHT_AS_ATTRIBUTE:
        takes -= {"edge_attr"}
    return conv, frozenset(takes)


def _remove_dropout(conv: nn.Module) -> None:
    for place, module in list(conv.named_modules()):
        if isinstance(module, nn.Dropout):
            conv.set_submodule(place, nn.Identity())


def _required(function: Callable) -> set[str]:
    """Names of the arguments that have no default."""
    plain = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    named = {
        key: each for key, each in signature(function).parameters.items() if each.kind in plain
    }
    return {key for key, each in named.items() if each.default is Parameter.empty}


# ------------------------------------------------------------------------------------------ running


def messages(
    conv: nn.Module, takes: frozenset[str], own: Tensor, senders: Tensor, lists: EdgeLists
) -> Tensor:
    """The convolution's outputs at the receivers `[N, T, D]`.

    Nodes of a token's graph are the S senders, then the N receivers; the graphs of T tokens stand
    one after another.
    """
    tokens, device = own.shape[1], own.device
    nodes = len(senders) + len(own)
    ends, weight = _edges(lists, len(senders))
    starts = nodes * torch.arange(tokens, device=device)
    edges = (ends[:, None] + starts[:, None]).flatten(1)  # [2, T × (S + E)]
    weight = weight.to(own.dtype).repeat(tokens)
    x = torch.cat([senders, own]).transpose(0, 1).flatten(0, 1)  # [T × nodes, D]
    offered = {
        "x_0": x,
        "edge_weight": weight,
        "edge_attr": weight[:, None],
        "edge_type": torch.zeros_like(edges[0]),
        "node_type": torch.zeros(len(x), dtype=torch.long, device=device),
        "lambda_max": 2.0,
    }
    taken = {key: offered[key] for key in takes}
    out = conv(x, edge_index=edges, **taken).unflatten(0, (tokens, nodes))
    return out[:, len(senders) :].transpose(0, 1)


def _edges(lists: EdgeLists, senders: int) -> tuple[Tensor, Tensor]:
    """Ends `[2, S + E]` and weights `[S + E]`: each sender's edge to itself, then those of
    `lists`."""
    keep = lists.weight != 0
    loops = torch.arange(senders, device=lists.index.device)
    source = torch.cat([loops, lists.index[keep]])
    target = torch.cat([loops, senders + lists.receiver[keep]])
    ones = lists.weight.new_ones(senders)
    return torch.stack([source, target]), torch.cat([ones, lists.weight[keep]])


# ------------------------------------------------------------------------------------------- trying


@cache
def refusal(name: str, width: int) -> str:
    """Why the convolution is no propagator at this width, or an empty string. The caller's random
    numbers stay as they are."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(0)
        try:
            conv, takes = build(name, width)
            conv = conv.double().eval()
            return _try(partial(messages, conv, takes), width)
        except InputError as error:
            return str(error)
        except Exception as error:  # a convolution may raise anything: it is the reason
            reason = str(error).strip() or "it does not take patients' states"
            first_line, *_ = reason.splitlines()
            return f"{type(error).__name__}: {first_line}"


def _try(run: Callable[[Tensor, Tensor, EdgeLists], Tensor], width: int) -> str:
    """What is wrong with the messages to three patients, of whom two have two of four senders as
    neighbours, and the last has none."""
    own = torch.randn(3, 2, width).double()
    senders = torch.randn(4, 2, width).double()
    lists = _trial_lists()
    out = run(own, senders, lists)
    if not isinstance(out, Tensor) or out.shape != own.shape:
        size = tuple(getattr(out, "shape", ()))
        return f"it turns states {tuple(own.shape)} into {size}"
    if not torch.isfinite(out).all():
        return "its messages are not finite"
    first = EdgeLists.build(lists.offsets[:2], lists.index[:2], lists.weight[:2], 4)
    if not _close(run(own[:1], senders, first), out[:1]):
        return "a message to a patient depends on who else is there"
    changed = senders.clone()
    changed[3] += 1
    if not _close(run(own, changed, lists), out):
        return "patients receive messages from senders without an edge to them"
    changed[1] = torch.randn(2, width)
    after = run(own, changed, lists)
    if _close(after[:2], out[:2]):
        return "patients receive no messages from their senders"
    return ""


def _trial_lists() -> EdgeLists:
    offsets, index = torch.tensor([0, 2, 4, 4]), torch.tensor([0, 1, 1, 2])
    weight = torch.tensor([0.5, 0.5, 0.3, 0.7])
    return EdgeLists.build(offsets, index, weight.double(), 4)


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-9)
