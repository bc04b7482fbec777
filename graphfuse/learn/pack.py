"""Fitted models as arrays and JSON, and back."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.transform import Pipeline
from graphfuse.graph.patients import PatientLayer
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.fitted import Fitted
from graphfuse.nn.net import Net, Shape


def pack(fitted: Fitted) -> tuple[dict[str, np.ndarray], dict]:
    """(arrays, JSON) of a fitted fold."""
    arrays: dict[str, np.ndarray] = {"bias": fitted.bias, "own_bias": fitted.own_bias}
    described: dict = {
        "epochs": fitted.epochs,
        "mix": fitted.mix,
        "curve": fitted.curve,
        "modalities": {},
        "net": fitted.shape._asdict(),
    }
    for name, pipeline in fitted.preparation.pipelines.items():
        own, about = pipeline.state()
        arrays |= {f"{name}/{key}": value for key, value in own.items()}
        arrays |= {f"{name}/slope": fitted.slopes[name], f"{name}/memory": fitted.memory[name]}
        arrays |= _packed_operator(name, fitted.preparation.smoothing.get(name))
        layer, about["layer"] = _packed_layer(name, fitted.preparation.layers.get(name))
        arrays |= layer
        described["modalities"][name] = about
    for seed, (net, states) in enumerate(zip(fitted.nets, fitted.states, strict=True)):
        arrays |= {f"net{seed}/{key}": value.float().numpy() for key, value in net.state_dict().items()}
        arrays[f"net{seed}/states"] = states.numpy()
    return arrays, described


def unpack(arrays: dict[str, np.ndarray], described: dict) -> Fitted:
    """The fitted fold of `pack`'s arrays and JSON."""
    names = list(described["modalities"])
    shape = described["net"]
    shape = Shape(**shape | {"encode": tuple(shape["encode"]), "features": tuple(shape["features"])})
    own = {name: {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"{name}/")} for name in names}
    about = described["modalities"]
    preparation = Preparation(
        {n: Pipeline.from_state(own[n], about[n]) for n in names},
        {n: _operator(own[n]) for n in names if "smoothing_data" in own[n]},
        {n: _layer(own[n], about[n]["layer"]) for n in names if about[n]["layer"]},
        dict(zip(names, shape.encode, strict=True)),
    )
    nets, states, seed = [], [], 0
    while f"net{seed}/states" in arrays:
        net = Net(shape)
        prefix = f"net{seed}/"
        state = {k.removeprefix(prefix): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}
        states.append(state.pop("states"))
        net.load_state_dict(state)
        nets.append(net.eval())
        seed += 1
    return Fitted(
        preparation,
        {n: own[n]["slope"] for n in names},
        arrays["bias"], arrays["own_bias"], described["mix"],
        {n: own[n]["memory"] for n in names},
        shape, nets, states, described["epochs"], described["curve"],
    )  # fmt: skip


def _packed_operator(name: str, operator: csr_matrix | None) -> dict[str, np.ndarray]:
    if operator is None:
        return {}
    parts = {"data": operator.data, "indices": operator.indices, "indptr": operator.indptr}
    return {f"{name}/smoothing_{key}": value for key, value in parts.items()}


def _operator(own: dict[str, np.ndarray]) -> csr_matrix:
    data, indices, indptr = (own[f"smoothing_{key}"] for key in ("data", "indices", "indptr"))
    return csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(indptr) - 1))


def _packed_layer(name: str, layer: PatientLayer | None) -> tuple[dict[str, np.ndarray], dict | None]:
    if layer is None:
        return {}, None
    arrays = {f"{name}/layer_reference": layer.reference, f"{name}/layer_present": layer.present.astype(np.uint8)}
    for key in ("components", "spread"):
        if getattr(layer, key) is not None:
            arrays[f"{name}/layer_{key}"] = getattr(layer, key)
    about = {k: getattr(layer, k) for k in ("name", "similarity", "neighbours", "control", "seed")}
    return arrays, about


def _layer(own: dict[str, np.ndarray], about: dict) -> PatientLayer:
    return PatientLayer(
        **about,
        reference=own["layer_reference"],
        present=own["layer_present"].astype(bool),
        components=own.get("layer_components"),
        spread=own.get("layer_spread"),
    )
