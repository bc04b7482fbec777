"""Consistency of a saved model: rules that span several keys of `model.json`, or several arrays.

Every check here raises `ValueError` that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.files.array_rules import Sizes, check_shapes, check_values
from graphfuse.learn.save.expected_arrays import expected_arrays, sizes_of
from graphfuse.schema.saved_model import (
    AnyLayer,
    FusedShape,
    GivenShape,
    ModelFile,
    SimilarityShape,
)


def check_description(model: ModelFile) -> None:
    """Checks that the keys of `model.json` are consistent with one another."""
    modalities = tuple(model.modalities)
    _check_net(model)
    specs = [layer.spec for layer in model.layers.values()]
    layers = [sum(m in spec.of for spec in specs) for m in modalities]
    same("depth", model.depth, "layers of a modality", max(1, *layers))
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


def _check_net(model: ModelFile) -> None:
    net = model.net
    signals = model.signals.model_dump(exclude_none=True)
    channels = len(model.modalities) + len(signals)
    same("net encode", len(net.encode), "channels", channels)
    same("net features", len(net.features), "channels", channels)
    same("net classes", net.classes, "those predicted", model.task.width)
    same("net layers", net.layers, "depth", model.depth)


def _check_layer(where: str, layer: AnyLayer) -> None:
    spec = layer.spec
    same(f"{where} edges given", spec.edges is not None, "kind", isinstance(layer, GivenShape))
    if isinstance(layer, SimilarityShape):
        _check_similarity(where, layer)
    if isinstance(layer, FusedShape):
        _check_fused(where, layer)
    for reference in _references(layer):
        within(f"{where} reference of", reference.of, spec.of)
        same(f"{where} similarity", reference.similarity, "its reference's", spec.similarity)


def _check_similarity(where: str, layer: SimilarityShape) -> None:
    spec, fitted = layer.spec, layer.fitted
    same(f"{where} combine", spec.combine, "kind", "join")
    has_threshold = spec.rule in ("mean-degree", "radius")
    same(f"{where} threshold there", fitted.threshold is not None, "rule", has_threshold)
    has_bandwidth = spec.weight == "similarity" and spec.similarity == "euclidean"
    same(f"{where} bandwidth there", fitted.bandwidth is not None, "weight", has_bandwidth)


def _check_fused(where: str, layer: FusedShape) -> None:
    references = layer.fitted.references
    same(f"{where} combine", layer.spec.combine, "kind", "snf")
    same(f"{where} units", len(layer.fitted.units), "references", len(references))
    firsts = [reference.of[0] for reference in references]
    same(f"{where} references", len(set(firsts)), "their modalities", len(firsts))
    most = max(len(reference.of) for reference in references)
    same(f"{where} joined", most, "modalities", 1)


def _references(layer: AnyLayer) -> tuple:
    if isinstance(layer, GivenShape):
        return ()
    if isinstance(layer, FusedShape):
        return layer.fitted.references
    return (layer.fitted.reference,)


def _check_signals(model: ModelFile, modalities: tuple[str, ...]) -> None:
    concepts, signalling = model.signals.concepts, model.signals.signalling
    if concepts is not None:
        same("concepts modalities", concepts.modalities, "modalities", modalities)
    if signalling is not None:
        same("signalling order", signalling.order, "modalities", modalities)
        named = [m for _, m in signalling.slots]
        within("signalling slots", named, modalities)
        same("signalling slots", len(set(named)), "modalities", len(named))
        kinds = [kind for kind, _ in signalling.slots]
        for start, _, stop in signalling.relations:
            kinds += [start, stop]
        within("signalling kinds", kinds, signalling.kinds)
    sets = model.signals.pathways
    if sets is not None:
        same("pathways order", sets.order, "modalities", modalities)
        within("pathways modalities", sets.modalities, modalities)


def check_arrays(
    model: ModelFile, arrays: Mapping[str, np.ndarray], pipelines: Mapping[str, Pipeline]
) -> None:
    """Checks all arrays but those of the nets: shape, range, and consistency with one another.

    Parameters
    ----------
    model : ModelFile
    arrays : mapping of str to np.ndarray
    pipelines : mapping of str to Pipeline
        Modality → its fitted steps, whose own arrays were checked before.
    """
    widths = {name: len(pipeline.owners) for name, pipeline in pipelines.items()}
    sizes = sizes_of(model, widths)
    expected = expected_arrays(model, arrays)
    known = set(expected)
    for name, pipeline in pipelines.items():
        own, _ = pipeline.state()
        known |= {f"tables/{name}/{key}" for key in own}
    unknown = [name for name in arrays if name not in known and not name.startswith("net")]
    if unknown:
        raise ValueError(f"it has an array {unknown[0]!r}, which nothing asks for")
    check_shapes(arrays, expected, sizes)
    _check_sizes(model, sizes)
    check_values(arrays, expected, sizes)
    if not arrays["patterns"][:1].all():
        raise ValueError("patterns: the first is not that of all modalities")


def _check_sizes(model: ModelFile, sizes: Sizes) -> None:
    """Checks that sizes are consistent, and adds those that rules of values need."""
    patients = sizes["n"]
    if patients < 1 or sizes["P"] < 1:
        raise ValueError("present: no training patient")
    for m in model.modalities:
        if f"smoothed:{m}" in sizes:
            ends = sizes.get(f"ends:{m}", 0)
            same(f"tables/{m}/smoothing_indptr", ends, "columns", sizes[f"kept:{m}"] + 1)
    for name, layer in model.layers.items():
        _check_layer_sizes(name, layer, sizes)
    if model.signals.concepts is not None:
        _check_concepts(model, sizes)
    signalling, sets = model.signals.signalling, model.signals.pathways
    if signalling is not None:
        sizes["genes"] = len(signalling.genes)
        arrows = [size for name, size in sizes.items() if name.startswith("arrows:")]
        sizes["most arrows"] = max(arrows, default=0)
        if signalling.learned and sizes["known of a node"]:
            raise ValueError("signalling: nodes are learned, and there is a table of them")
    if sets is not None:
        sizes["columns in sets"] = sum(sizes[f"kept:{m}"] for m in sets.modalities)


def _check_layer_sizes(name: str, layer: AnyLayer, sizes: Sizes) -> None:
    patients = sizes["n"]
    same(f"layers {name} senders", layer.senders, "training patients", patients)
    same(f"layers/{name}/offsets", sizes[f"list of {name}"], "patients", patients + 1)
    if isinstance(layer, GivenShape):
        known = sizes[f"known:{name}"] + 1
        same(f"layers/{name}/known_offsets", sizes[f"ends known:{name}"], "hashes", known)


def _check_concepts(model: ModelFile, sizes: Sizes) -> None:
    signal = model.signals.concepts
    for m in signal.modalities:
        hidden = _hidden(sizes[f"turned:{m}"])
        same(f"coders/{m} hidden", sizes[f"hidden:{m}"], "its width", hidden)
    codes = sum(sizes[f"codes:{m}"] for m in signal.modalities)
    same("concepts codes", sizes["codes"], "codes of all modalities", codes)
    same("concepts hidden", sizes["hidden"], "its width", _hidden(codes))
    same("concepts planes", sizes["planes"], "planes", signal.section.planes)


def _hidden(features: int) -> int:
    """Width of the hidden layer of an autoencoder."""
    return max(1, int(0.8 * features))


def same(what: str, one, other: str, wanted) -> None:
    """Raises `ValueError` where two values differ; `what` and `other` name them."""
    if one != wanted:
        raise ValueError(f"{what} ({one}) and {other} ({wanted}) do not go together")


def within(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises `ValueError` where one of the names is not among those known."""
    known = list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{what} names {unknown[0]!r}, which is not there")
