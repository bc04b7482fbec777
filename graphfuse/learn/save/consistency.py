"""Whether what `model.json` says goes together, and the arrays with it: rules that span several
keys. Everything here raises `ValueError` with what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.files.arrays import Sizes, check_shapes, check_values
from graphfuse.learn.save.expected_arrays import expected_arrays, sizes_of
from graphfuse.schema.saved_model import (
    AnyLayer,
    FusedShape,
    GivenShape,
    ModelFile,
    SimilarityShape,
)


def check_description(model: ModelFile) -> None:
    """What `model.json` says, by itself."""
    modalities, net = tuple(model.modalities), model.net
    channels = len(modalities) + len(model.signals.model_dump(exclude_none=True))
    same("net encode", len(net.encode), "channels", channels)
    same("net features", len(net.features), "channels", channels)
    same("net classes", net.classes, "those predicted", model.task.width)
    same("net layers", net.layers, "depth", model.depth)
    carried = [sum(m in layer.spec.of for layer in model.layers.values()) for m in modalities]
    same("depth", model.depth, "layers of a modality", max(1, *carried))
    for name, layer in model.layers.items():
        same(f"layers {name} name", layer.name, "its key", name)
        same(f"layers {name} control", layer.control, "control", model.control)
        within(f"layers {name} of", layer.spec.of, modalities)
        _check_layer(f"layers {name}", layer)
    for name in model.compared or {}:
        within("compared", [name], modalities)
        if model.modalities[name].typed is not None:
            raise ValueError(f"compared: {name!r} are records, which are not compared")
    _check_signals(model, modalities)


def _check_layer(where: str, layer: AnyLayer) -> None:
    spec, fitted = layer.spec, layer.fitted
    same(f"{where} edges given", spec.edges is not None, "kind", isinstance(layer, GivenShape))
    if isinstance(layer, SimilarityShape):
        same(f"{where} combine", spec.combine, "kind", "join")
        has_threshold = spec.rule in ("mean-degree", "radius")
        same(f"{where} threshold there", fitted.threshold is not None, "rule", has_threshold)
        fades = spec.weight == "similarity" and spec.similarity == "euclidean"
        same(f"{where} bandwidth there", fitted.bandwidth is not None, "weight", fades)
    if isinstance(layer, FusedShape):
        same(f"{where} combine", spec.combine, "kind", "snf")
        same(f"{where} units", len(fitted.units), "references", len(fitted.references))
        firsts = [reference.of[0] for reference in fitted.references]
        same(f"{where} references", len(set(firsts)), "their modalities", len(firsts))
        same(f"{where} joined", max(len(each.of) for each in fitted.references), "modalities", 1)
    for reference in _references(layer):
        within(f"{where} reference of", reference.of, spec.of)
        same(f"{where} similarity", reference.similarity, "its reference's", spec.similarity)


def _references(layer: AnyLayer) -> tuple:
    if isinstance(layer, GivenShape):
        return ()
    return layer.fitted.references if isinstance(layer, FusedShape) else (layer.fitted.reference,)


def _check_signals(model: ModelFile, modalities: tuple[str, ...]) -> None:
    concepts, signalling = model.signals.concepts, model.signals.signalling
    if concepts is not None:
        same("concepts modalities", concepts.modalities, "modalities", modalities)
    if signalling is not None:
        same("signalling order", signalling.order, "modalities", modalities)
        within("signalling slots", [m for _, m in signalling.slots], modalities)
        same("signalling slots", len({m for _, m in signalling.slots}), "modalities",
             len(signalling.slots))  # fmt: skip
        kinds = [kind for kind, _ in signalling.slots]
        kinds += [end for start, _, stop in signalling.relations for end in (start, stop)]
        within("signalling kinds", kinds, signalling.kinds)
    sets = model.signals.pathways
    if sets is not None:
        same("pathways order", sets.order, "modalities", modalities)
        within("pathways modalities", sets.modalities, modalities)


def check_arrays(
    model: ModelFile, arrays: Mapping[str, np.ndarray], pipelines: Mapping[str, Pipeline]
) -> None:
    """All arrays but the nets' own, in shape, range and with one another; `pipelines`: of arrays
    that are as they should be."""
    sizes = sizes_of(model, {name: len(each.owners) for name, each in pipelines.items()})
    expected = expected_arrays(model, arrays)
    known = {f"tables/{m}/{key}" for m, each in pipelines.items() for key in each.state()[0]}
    known |= expected.keys()
    besides = [name for name in arrays if name not in known and not name.startswith("net")]
    if besides:
        raise ValueError(f"it has an array {besides[0]!r}, which nothing asks for")
    check_shapes(arrays, expected, sizes)
    _check_sizes(model, sizes)
    check_values(arrays, expected, sizes)
    if not arrays["patterns"][:1].all():
        raise ValueError("patterns: the first is not that of all modalities")


def _check_sizes(model: ModelFile, sizes: Sizes) -> None:
    """Sizes that arrays have and that hang together; adds those that rules go by."""
    patients = sizes["n"]
    if patients < 1 or sizes["P"] < 1:
        raise ValueError("present: no training patient")
    for m in model.modalities:
        ends = sizes.get(f"ends:{m}", 0) if f"smoothed:{m}" in sizes else sizes[f"kept:{m}"] + 1
        same(f"tables/{m}/smoothing_indptr", ends, "columns", sizes[f"kept:{m}"] + 1)
    for name, layer in model.layers.items():
        same(f"layers {name} senders", layer.senders, "training patients", patients)
        same(f"layers/{name}/offsets", sizes[f"list of {name}"], "patients", patients + 1)
        if isinstance(layer, GivenShape):
            known = sizes[f"known:{name}"] + 1
            same(f"layers/{name}/known_offsets", sizes[f"ends known:{name}"], "hashes", known)
    if model.signals.concepts is not None:
        _check_concepts(model, sizes)
    signalling, sets = model.signals.signalling, model.signals.pathways
    if signalling is not None:
        sizes["genes"] = len(signalling.genes)
        sizes["most arrows"] = max(
            (v for k, v in sizes.items() if k.startswith("arrows:")), default=0
        )
        if signalling.learned and sizes["known of a node"]:
            raise ValueError("signalling: nodes are learned, and there is a table of them")
    if sets is not None:
        sizes["columns in sets"] = sum(sizes[f"kept:{m}"] for m in sets.modalities)


def _check_concepts(model: ModelFile, sizes: Sizes) -> None:
    signal = model.signals.concepts
    for m in signal.modalities:
        same(f"coders/{m} hidden", sizes[f"hidden:{m}"], "its width", _hidden(sizes[f"turned:{m}"]))
    codes = sum(sizes[f"codes:{m}"] for m in signal.modalities)
    same("concepts codes", sizes["codes"], "codes of all modalities", codes)
    same("concepts hidden", sizes["hidden"], "its width", _hidden(codes))
    same("concepts planes", sizes["planes"], "planes", signal.section.planes)


def _hidden(features: int) -> int:
    return max(1, int(0.8 * features))


def same(what: str, one, other: str, wanted) -> None:
    """Raises `ValueError` where two things that are one are not."""
    if one != wanted:
        raise ValueError(f"{what} ({one}) and {other} ({wanted}) do not go together")


def within(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises `ValueError` for names that are none of those known."""
    known = list(known)
    strange = [name for name in names if name not in known]
    if strange:
        raise ValueError(f"{what} names {strange[0]!r}, which is not there")
