"""Fitted models as arrays and JSON, and back."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.errors import InputError
from graphfuse.files.arrays import SINGLES, Array, check_shapes, check_values
from graphfuse.graph.layers.factory import layer_from_state
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.custom_parts import is_own, saved_part
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.linear.stacked_ridge import Linear
from graphfuse.learn.save.consistency import same, within
from graphfuse.learn.save.expected_arrays import expected_states
from graphfuse.learn.signals.channels import ENCODER_INPUT, SIGNAL_CLASSES
from graphfuse.nn.net import Net, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema.saved_model import ModelFile


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
        "net": fitted.spec._asdict() | _saved_parts(fitted.spec),
        "seeds": len(fitted.nets),
    }
    for name, pipeline in preparation.pipelines.items():
        own, described["modalities"][name] = _packed_pipeline(pipeline)
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


def _packed_pipeline(pipeline: Pipeline) -> tuple[dict[str, np.ndarray], dict]:
    arrays, table = pipeline.state()
    for each in table["steps"] or ():
        each["step"] = saved_part(each["step"])
    return arrays, table


def unpack_pipelines(
    arrays: dict[str, np.ndarray], model: ModelFile, steps: dict[str, tuple[str, ...]]
) -> dict[str, Pipeline]:
    """Modality → its pipeline, of the arrays that its steps declare. All other arrays are as wide
    as these say.

    `steps`: modality → names of its steps, by `own_parts.loaded_parts`. Raises `ValueError` where
    arrays are not as declared.
    """
    found = {}
    for name, table in model.modalities.items():
        described = table.model_dump()
        for each, step in zip(described["steps"] or (), steps[name], strict=True):
            each["step"] = step
        try:
            found[name] = Pipeline.from_state(_under(arrays, f"tables/{name}"), described)
        except InputError:
            raise
        except ValueError as error:
            raise ValueError(f"tables/{name}: {error}") from None
    return found


def _saved_parts(spec: NetSpec) -> dict[str, object]:
    one = {slot: saved_part(getattr(spec, slot)) for slot in ("propagate", "fuse", "head")}
    return {"encode": [saved_part(name) for name in spec.encode], **one}


def unpack(
    arrays: dict[str, np.ndarray],
    model: ModelFile,
    slots: dict[str, object],
    pipelines: dict[str, Pipeline],
) -> Fitted:
    """The fitted fold of `pack`'s arrays and of what describes them.

    `slots`: the net's parts, by `own_parts.loaded_parts`; `pipelines`: by `unpack_pipelines`.
    Raises `ValueError` where parts, sizes and arrays do not go together.
    """
    spec = NetSpec(**model.net.model_dump() | slots)
    preparation = _preparation(arrays, model, spec, pipelines)
    _check_channels(preparation, spec)
    within("seeds", [f"net{model.seeds - 1}/states"], arrays)
    states, sizes = expected_states(model), {"n": len(arrays["present"])}
    check_shapes(arrays, states, sizes)  # before anything of these sizes is built
    check_values(arrays, states, sizes)
    frame = bare_net(spec)
    same("tokens of the states", sizes["tokens"], "those of the encoders", frame.tokens)
    frames = [frame, *(bare_net(spec) for _ in range(1, model.seeds))]
    nets = [_filled(net, arrays, f"net{seed}/") for seed, net in enumerate(frames)]
    _check_all_used(arrays, nets)
    slopes, memory = (
        {m: arrays[f"tables/{m}/{key}"] for m in model.modalities} for key in ("slope", "memory")
    )
    patterns = arrays["patterns"].astype(bool)
    return Fitted(
        model.task,
        preparation,
        Linear(patterns, slopes, arrays["bias"], arrays["own_bias"], memory, arrays["mix"]),
        spec,
        nets,
        [torch.from_numpy(arrays[name]) for name in states],
        model.epochs,
        list(model.curve),
        dict(model.setting),
        model.temperature,
    )


def _preparation(
    arrays: dict[str, np.ndarray], model: ModelFile, spec: NetSpec, pipelines: dict[str, Pipeline]
) -> Preparation:
    own = {name: _under(arrays, f"tables/{name}") for name in model.modalities}
    layers = {name: layer.model_dump() for name, layer in model.layers.items()}
    signals = model.signals.model_dump(exclude_none=True)
    return Preparation(
        pipelines,
        {n: _operator(own[n]) for n in own if "smoothing_data" in own[n]},
        {n: layer_from_state(_under(arrays, f"layers/{n}"), each) for n, each in layers.items()},
        dict(zip((*own, *signals), spec.encode, strict=True)),
        arrays["present"].astype(bool),
        model.depth,
        model.control,
        {
            n: SIGNAL_CLASSES[n].from_state(_under(arrays, f"signals/{n}"), each)
            for n, each in signals.items()
        },
    )


def _check_channels(preparation: Preparation, spec: NetSpec) -> None:
    """Raises `ValueError` where an encoder is not one for what its channel shows."""
    for channel, features in zip(preparation.channels, spec.features, strict=True):
        encode = part("encode", preparation.encoders[channel])
        shown = ENCODER_INPUT.get(channel, "columns")
        within(f"encoder of {channel}", [encode.sees], [shown, "nothing"])
        same(f"features of {channel}", features, "its columns", preparation.features(channel))
        if channel in preparation.pipelines:
            hops = bool(encode.hops)
            same(f"{channel} smoothed", channel in preparation.smoothing, "its encoder", hops)


def bare_net(spec: NetSpec) -> Net:
    """The net without memory for its parameters, so that a size that no array has allocates
    nothing; with memory where parts of one's own may keep numbers besides parameters."""
    names = (*spec.encode, spec.propagate, spec.fuse, spec.head)
    if any(map(is_own, names)):
        return Net(spec)
    with torch.device("meta"):
        return Net(spec)


def _filled(net: Net, arrays: dict[str, np.ndarray], prefix: str) -> Net:
    """A bare net with the parameters that stand behind `prefix`, each checked."""
    sizes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    expected = {f"{prefix}{key}": Array(SINGLES, size) for key, size in sizes.items()}
    check_shapes(arrays, expected, {})
    check_values(arrays, expected, {})
    state = {key: torch.from_numpy(arrays[f"{prefix}{key}"]) for key in sizes}
    net.load_state_dict(state, assign=True)
    return net.eval()


def _check_all_used(arrays: dict[str, np.ndarray], nets: list[Net]) -> None:
    """Raises `ValueError` for arrays of nets that there are not."""
    used = {f"net{seed}/{key}" for seed, net in enumerate(nets) for key in net.state_dict()}
    used |= {f"net{seed}/states" for seed in range(len(nets))}
    besides = [name for name in arrays if name.startswith("net") and name not in used]
    if besides:
        raise ValueError(f"it has an array {besides[0]!r}, which nothing asks for")


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
