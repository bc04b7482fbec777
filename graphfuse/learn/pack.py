"""Fitted models as arrays and JSON, and back."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.pipeline import Pipeline
from graphfuse.graph.layers.fit import layer_from_state
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.channels import SIGNALS
from graphfuse.learn.fitted import Fitted
from graphfuse.learn.start import Linear
from graphfuse.nn.net import Net, Shape


def pack(fitted: Fitted) -> tuple[dict[str, np.ndarray], dict]:
    """(arrays, JSON) of a fitted fold."""
    preparation = fitted.preparation
    linear = fitted.linear
    arrays = {
        "bias": linear.bias,
        "own_bias": linear.own_bias,
        "mix": linear.mix,
        "patterns": linear.patterns.astype(np.uint8),
    }
    arrays["present"] = preparation.present.astype(np.uint8)
    described: dict = {
        "epochs": fitted.epochs,
        "curve": fitted.curve,
        "setting": fitted.setting,
        "temperature": fitted.temperature,
        "depth": preparation.depth,
        "control": preparation.control,
        "modalities": {},
        "net": fitted.shape._asdict(),
    }
    for name, pipeline in preparation.pipelines.items():
        own, described["modalities"][name] = pipeline.state()
        own |= {"slope": linear.slopes[name], "memory": linear.memory[name]}
        own |= _packed_operator(preparation.smoothing.get(name))
        arrays |= {f"tables/{name}/{key}": value for key, value in own.items()}
    for kind in ("layers", "signals"):
        described[kind] = {}
        for name, each in getattr(preparation, kind).items():
            own, described[kind][name] = each.state()
            arrays |= {f"{kind}/{name}/{key}": value for key, value in own.items()}
    for seed, (net, states) in enumerate(zip(fitted.nets, fitted.states, strict=True)):
        arrays |= {
            f"net{seed}/{key}": value.float().numpy() for key, value in net.state_dict().items()
        }
        arrays[f"net{seed}/states"] = states.numpy()
    return arrays, described


def unpack(arrays: dict[str, np.ndarray], described: dict) -> Fitted:
    """The fitted fold of `pack`'s arrays and JSON."""
    about, shape = described["modalities"], described["net"]
    features = tuple(tuple(f) if isinstance(f, list) else f for f in shape["features"])
    shape = Shape(**shape | {"encode": tuple(shape["encode"]), "features": features})
    own = {name: _under(arrays, f"tables/{name}") for name in about}
    preparation = Preparation(
        {n: Pipeline.from_state(own[n], about[n]) for n in about},
        {n: _operator(own[n]) for n in about if "smoothing_data" in own[n]},
        {
            n: layer_from_state(_under(arrays, f"layers/{n}"), each)
            for n, each in described["layers"].items()
        },
        dict(zip((*about, *described["signals"]), shape.encode, strict=True)),
        arrays["present"].astype(bool),
        described["depth"],
        described["control"],
        {
            n: SIGNALS[n].from_state(_under(arrays, f"signals/{n}"), each)
            for n, each in described["signals"].items()
        },
    )
    nets, states, seed = [], [], 0
    while f"net{seed}/states" in arrays:
        net = Net(shape)
        state = {k: torch.from_numpy(v) for k, v in _under(arrays, f"net{seed}").items()}
        states.append(state.pop("states"))
        net.load_state_dict(state)
        nets.append(net.eval())
        seed += 1
    slopes, memory = ({n: own[n][key] for n in about} for key in ("slope", "memory"))
    patterns = arrays["patterns"].astype(bool)
    return Fitted(
        preparation,
        Linear(patterns, slopes, arrays["bias"], arrays["own_bias"], memory, arrays["mix"]),
        shape, nets, states, described["epochs"], described["curve"], described["setting"],
        described["temperature"],
    )  # fmt: skip


def _under(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The arrays whose key begins with `name/`, by the rest of it."""
    return {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}


def _packed_operator(operator: csr_matrix | None) -> dict[str, np.ndarray]:
    if operator is None:
        return {}
    return {f"smoothing_{key}": getattr(operator, key) for key in ("data", "indices", "indptr")}


def _operator(own: dict[str, np.ndarray]) -> csr_matrix:
    data, indices, indptr = (own[f"smoothing_{key}"] for key in ("data", "indices", "indptr"))
    return csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(indptr) - 1))
