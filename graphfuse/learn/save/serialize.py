"""Fitted models as arrays and JSON, and back."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.errors import InputError
from graphfuse.files.array_rules import SINGLES, Array, check_shapes, check_values
from graphfuse.graph.layers.factory import layer_from_state
from graphfuse.learn.custom_parts import is_custom, saved_part
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.linear.linear_start import Linear
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.save.consistency import same, within
from graphfuse.learn.save.expected_arrays import expected_states
from graphfuse.learn.signals.net_channels import ENCODER_INPUT, SIGNAL_CLASSES
from graphfuse.nn.net import Net, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema.saved_model import ModelFile


def pack(fitted: Fitted) -> tuple[dict[str, np.ndarray], dict]:
    """A fitted model as arrays and JSON.

    Parameters
    ----------
    fitted : Fitted

    Returns
    -------
    arrays : dict of str to np.ndarray
    described : dict
        JSON that describes them.
    """
    preparation, linear = fitted.preparation, fitted.linear
    arrays = {
        "bias": linear.bias,
        "own_bias": linear.own_bias,
        "mix": linear.mix,
        "patterns": linear.patterns.astype(np.uint8),
        "present": preparation.present.astype(np.uint8),
    }
    described = _described(fitted)
    for name, pipeline in preparation.pipelines.items():
        own, described["modalities"][name] = _packed_pipeline(pipeline)
        own |= {"slope": linear.slopes[name], "memory": linear.memory[name]}
        own |= _packed_operator(preparation.smoothing.get(name))
        arrays |= _prefixed(f"tables/{name}", own)
    for kind in ("layers", "signals"):
        described[kind] = {}
        for name, each in getattr(preparation, kind).items():
            own, described[kind][name] = each.state()
            arrays |= _prefixed(f"{kind}/{name}", own)
    return arrays | _packed_nets(fitted), described


def _packed_nets(fitted: Fitted) -> dict[str, np.ndarray]:
    """Parameters of the nets, and the training patients' states."""
    arrays = {}
    for seed, (net, states) in enumerate(zip(fitted.nets, fitted.states, strict=True)):
        parameters = {key: value.float().numpy() for key, value in net.state_dict().items()}
        arrays |= _prefixed(f"net{seed}", parameters)
        arrays[f"net{seed}/states"] = states.numpy()
    return arrays


def _described(fitted: Fitted) -> dict:
    """JSON of a fitted model but its modalities, layers and signals."""
    return {
        "epochs": fitted.epochs,
        "curve": fitted.curve,
        "setting": fitted.setting,
        "temperature": fitted.temperature,
        "depth": fitted.preparation.depth,
        "control": fitted.preparation.control,
        "modalities": {},
        "net": fitted.spec._asdict() | _saved_parts(fitted.spec),
        "seeds": len(fitted.nets),
    }


def _prefixed(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays, with the name and a slash before theirs."""
    return {f"{name}/{key}": value for key, value in arrays.items()}


def _packed_pipeline(pipeline: Pipeline) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and JSON of a modality's fitted steps."""
    arrays, table = pipeline.state()
    for each in table["steps"] or ():
        each["step"] = saved_part(each["step"])
    return arrays, table


def unpack_pipelines(
    arrays: dict[str, np.ndarray], model: ModelFile, steps: dict[str, tuple[str, ...]]
) -> dict[str, Pipeline]:
    """The fitted steps of each modality, from the arrays that the steps declare.

    Parameters
    ----------
    arrays : dict of str to np.ndarray
        All arrays of the model.
    model : ModelFile
    steps : dict of str to tuple of str
        Modality → names of its steps, as `custom_parts.loaded_parts` gives them.

    Returns
    -------
    dict of str to Pipeline
        By modality. The widths of all other arrays follow from these.

    Raises
    ------
    ValueError
        Where arrays are not as declared.
    """
    pipelines = {}
    for name, table in model.modalities.items():
        described = table.model_dump()
        for each, step in zip(described["steps"] or (), steps[name], strict=True):
            each["step"] = step
        try:
            pipelines[name] = Pipeline.from_state(_under(arrays, f"tables/{name}"), described)
        except InputError:
            raise
        except ValueError as error:
            raise ValueError(f"tables/{name}: {error}") from None
    return pipelines


def _saved_parts(spec: NetSpec) -> dict[str, object]:
    """The parts of a net as a file names them."""
    parts = {slot: saved_part(getattr(spec, slot)) for slot in ("propagate", "fuse", "head")}
    return {"encode": [saved_part(name) for name in spec.encode], **parts}


def unpack(
    arrays: dict[str, np.ndarray],
    model: ModelFile,
    slots: dict[str, object],
    pipelines: dict[str, Pipeline],
) -> Fitted:
    """The fitted model from the arrays and JSON of `pack`.

    Parameters
    ----------
    arrays : dict of str to np.ndarray
    model : ModelFile
    slots : dict
        Names of the net's parts, as `custom_parts.loaded_parts` gives them.
    pipelines : dict of str to Pipeline
        As `unpack_pipelines` gives them.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        Where parts, sizes and arrays are not consistent.
    """
    spec = NetSpec(**model.net.model_dump() | slots)
    preparation = _preparation(arrays, model, spec, pipelines)
    _check_channels(preparation, spec)
    within("seeds", [f"net{model.seeds - 1}/states"], arrays)
    states, sizes = expected_states(model), {"n": len(arrays["present"])}
    check_shapes(arrays, states, sizes)  # before anything of these sizes is built
    check_values(arrays, states, sizes)
    nets = _nets(arrays, spec, model.seeds, sizes["tokens"])
    linear = _linear(arrays, tuple(model.modalities))
    return Fitted(
        model.task,
        preparation,
        linear,
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
    """Layers, signals and gene-network operators from arrays, with the fitted steps."""
    smoothing = {}
    for name in model.modalities:
        own = _under(arrays, f"tables/{name}")
        if "smoothing_data" in own:
            smoothing[name] = _operator(own)
    layers = {}
    for name, layer in model.layers.items():
        layers[name] = layer_from_state(_under(arrays, f"layers/{name}"), layer.model_dump())
    signals = {}
    for name, state in model.signals.model_dump(exclude_none=True).items():
        own = _under(arrays, f"signals/{name}")
        signals[name] = SIGNAL_CLASSES[name].from_state(own, state)
    channels = (*model.modalities, *signals)
    encoders = dict(zip(channels, spec.encode, strict=True))
    present = arrays["present"].astype(bool)
    fitted = (pipelines, smoothing, layers, encoders, present)
    return Preparation(*fitted, model.depth, model.control, signals)


def _linear(arrays: dict[str, np.ndarray], modalities: tuple[str, ...]) -> Linear:
    """The linear start from its arrays."""
    patterns = arrays["patterns"].astype(bool)
    slopes = {m: arrays[f"tables/{m}/slope"] for m in modalities}
    memory = {m: arrays[f"tables/{m}/memory"] for m in modalities}
    return Linear(patterns, slopes, arrays["bias"], arrays["own_bias"], memory, arrays["mix"])


def _check_channels(preparation: Preparation, spec: NetSpec) -> None:
    """Raises `ValueError` where an encoder does not take the input of its channel."""
    for channel, features in zip(preparation.channels, spec.features, strict=True):
        encode = part("encode", preparation.encoders[channel])
        shown = ENCODER_INPUT.get(channel, "columns")
        within(f"encoder of {channel}", [encode.sees], [shown, "nothing"])
        same(f"features of {channel}", features, "its columns", preparation.features(channel))
        if channel in preparation.pipelines:
            hops = bool(encode.hops)
            same(f"{channel} smoothed", channel in preparation.smoothing, "its encoder", hops)


def bare_net(spec: NetSpec) -> Net:
    """The net without memory for its parameters, so that a wrong size allocates nothing.

    A net with custom parts has memory, as these may keep numbers besides parameters.
    """
    names = (*spec.encode, spec.propagate, spec.fuse, spec.head)
    if any(map(is_custom, names)):
        return Net(spec)
    with torch.device("meta"):
        return Net(spec)


def _nets(arrays: dict[str, np.ndarray], spec: NetSpec, seeds: int, tokens: int) -> list[Net]:
    """The net of each seed; `tokens`: how many tokens the saved states have."""
    first = bare_net(spec)
    same("tokens of the states", tokens, "those of the encoders", first.tokens)
    bare = [first, *(bare_net(spec) for _ in range(1, seeds))]
    nets = [_filled(net, arrays, f"net{seed}/") for seed, net in enumerate(bare)]
    _check_all_used(arrays, nets)
    return nets


def _filled(net: Net, arrays: dict[str, np.ndarray], prefix: str) -> Net:
    """A bare net with the parameters whose names begin with `prefix`, each checked."""
    sizes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    expected = {f"{prefix}{key}": Array(SINGLES, size) for key, size in sizes.items()}
    check_shapes(arrays, expected, {})
    check_values(arrays, expected, {})
    state = {key: torch.from_numpy(arrays[f"{prefix}{key}"]) for key in sizes}
    net.load_state_dict(state, assign=True)
    return net.eval()


def _check_all_used(arrays: dict[str, np.ndarray], nets: list[Net]) -> None:
    """Raises `ValueError` where there are arrays of other nets, or other arrays of these."""
    used = set()
    for seed, net in enumerate(nets):
        used |= {f"net{seed}/{key}" for key in (*net.state_dict(), "states")}
    unknown = [name for name in arrays if name.startswith("net") and name not in used]
    if unknown:
        raise ValueError(f"it has an array {unknown[0]!r}, which nothing asks for")


def _under(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The arrays whose name begins with `name/`, by the rest of it."""
    prefix = f"{name}/"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _packed_operator(operator: csr_matrix | None) -> dict[str, np.ndarray]:
    """Arrays of a gene-network operator, none where there is none."""
    if operator is None:
        return {}
    return {f"smoothing_{key}": getattr(operator, key) for key in ("data", "indices", "indptr")}


def _operator(own: dict[str, np.ndarray]) -> csr_matrix:
    """The gene-network operator of `_packed_operator`'s arrays."""
    data, indices, indptr = (own[f"smoothing_{key}"] for key in ("data", "indices", "indptr"))
    width = len(indptr) - 1
    return csr_matrix((data, indices, indptr), shape=(width, width))
