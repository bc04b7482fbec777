"""The arrays that a saved model must have, by what its `model.json` says.

Words for sizes: `n` training patients, `M` modalities, `P` patterns of modalities, `K` classes,
`kept:m` the columns that a modality's pipeline gives, `edges:l` of a layer. What arrays a pipeline
has, its steps declare.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from graphfuse.files.arrays import (
    BITS,
    FLOATS,
    PLACES,
    SINGLES,
    Array,
    Sizes,
    at_most_finite,
    finite,
    flags,
    not_negative,
    not_zero,
    offsets,
    places,
    positive,
    rising,
    strictly_rising,
)
from graphfuse.schema.saved_model import (
    AnyLayer,
    ConceptShape,
    FusedShape,
    GivenShape,
    ModelFile,
    PathwayShape,
    ReferenceShape,
    SignallingShape,
    SimilarityShape,
)

Expected = dict[str, Array]
QUANTILES = 101


def sizes_of(model: ModelFile, widths: Mapping[str, int]) -> Sizes:
    """The sizes that `model.json` itself says; `widths`: columns that a modality's pipeline
    gives."""
    kept = {f"kept:{name}": width for name, width in widths.items()}
    return kept | {"M": len(model.modalities), "K": model.task.width}


def expected_arrays(model: ModelFile, names: Container[str]) -> Expected:
    """Every array but those of pipelines and the nets' parameters; `names`: those there are, which
    decides on what only some models have."""
    found = {
        "present": Array(BITS, ("n", "M"), flags),
        "patterns": Array(BITS, ("P", "M"), flags),
        "bias": Array(FLOATS, ("P", "K")),
        "own_bias": Array(FLOATS, ("P", "M", "K")),
        "mix": Array(FLOATS, ("P", 1 + len(model.modalities))),
    }
    for name in model.modalities:
        found |= _under(f"tables/{name}", _table(name, names))
    for name, layer in model.layers.items():
        found |= _under(f"layers/{name}", _layer(name, layer, names))
    signals = model.signals
    if signals.concepts is not None:
        found |= _under("signals/concepts", _concepts(signals.concepts))
    if signals.signalling is not None:
        found |= _under("signals/signalling", _signalling(signals.signalling))
    if signals.pathways is not None:
        found |= _under("signals/pathways", _pathways(signals.pathways))
    for name in model.compared or {}:
        if f"shift/{name}/components" in names:
            found |= _under(f"shift/{name}", _shift(name))
    return found


def expected_states(model: ModelFile) -> Expected:
    """The stored states of the training patients, for each seed; `tokens`: of each channel."""
    net = model.net
    shape = ("n", net.rounds, len(net.encode), "tokens", net.width)
    return {f"net{seed}/states": Array(SINGLES, shape) for seed in range(model.seeds)}


def _under(name: str, expected: Expected) -> Expected:
    return {f"{name}/{key}": array for key, array in expected.items()}


def _table(m: str, names: Container[str]) -> Expected:
    kept = f"kept:{m}"
    found = {
        "slope": Array(FLOATS, ("P", kept, "K")),
        "memory": Array(FLOATS, ("P", "n", "K")),
    }
    if f"tables/{m}/smoothing_data" in names:
        entries = f"smoothed:{m}"
        found |= {
            "smoothing_data": Array(FLOATS, (entries,)),
            "smoothing_indices": Array(PLACES, (entries,), places(kept)),
            "smoothing_indptr": Array(PLACES, (f"ends:{m}",), offsets(entries)),
        }
    return found


def _lists(prefix: str, rows: str, edges: str) -> Expected:
    """Neighbour lists: of so many receivers, from training patients."""
    return {
        f"{prefix}offsets": Array(PLACES, (rows,), offsets(edges)),
        f"{prefix}index": Array(PLACES, (edges,), places("n")),
        f"{prefix}weight": Array(FLOATS, (edges,), not_zero),
    }


def _layer(name: str, layer: AnyLayer, names: Container[str]) -> Expected:
    found = _lists("", f"list of {name}", f"edges:{name}")
    if isinstance(layer, GivenShape):
        known = _lists("known_", f"ends known:{name}", f"edges known:{name}")
        return found | known | {"hashes": Array(PLACES, (f"known:{name}",), strictly_rising)}
    if isinstance(layer, FusedShape):
        found |= _lists("carry_", f"list of {name}", f"carried:{name}")
        for i, reference in enumerate(layer.fitted.references):
            found |= _reference(name, reference, names, f"{i}_")
            found[f"{i}_near"] = Array(FLOATS, ("n",), not_negative)
        return found
    found |= _reference(name, layer.fitted.reference, names, "")
    return found | _kth(layer)


def _kth(layer: SimilarityShape) -> Expected:
    mutual = layer.spec.rule == "mutual"
    return {"kth": Array(FLOATS, ("n",), at_most_finite)} if mutual else {}


def _reference(
    layer: str, reference: ReferenceShape, names: Container[str], prefix: str
) -> Expected:
    found = {f"{prefix}present": Array(BITS, ("n", len(reference.of)), flags)}
    for i, m in enumerate(reference.of):
        size, kept = f"points:{layer}:{prefix}{i}", f"kept:{m}"
        turned = f"layers/{layer}/{prefix}components{i}" in names
        found[f"{prefix}points{i}"] = Array(FLOATS, ("n", size if turned else kept))
        if turned:
            found[f"{prefix}components{i}"] = Array(FLOATS, (kept, size))
        if f"layers/{layer}/{prefix}spread{i}" in names:
            found[f"{prefix}spread{i}"] = Array(FLOATS, (kept,), not_negative)
    return found


def _autoencoder(name: str, features: str, hidden: str, codes: str) -> Expected:
    return {
        f"{name}/inner": Array(FLOATS, (hidden, features)),
        f"{name}/outer": Array(FLOATS, (codes, hidden)),
        f"{name}/inner_bias": Array(FLOATS, (hidden,)),
        f"{name}/outer_bias": Array(FLOATS, (codes,)),
        f"{name}/hidden_bias": Array(FLOATS, (hidden,)),
        f"{name}/out_bias": Array(FLOATS, (features,)),
    }


def _concepts(signal: ConceptShape) -> Expected:
    found: Expected = {}
    for m in signal.modalities:
        codes, turned, hidden = f"codes:{m}", f"turned:{m}", f"hidden:{m}"
        coder = {
            "centre": Array(FLOATS, (f"kept:{m}",)),
            "turn": Array(FLOATS, (f"kept:{m}", turned)),
            "low": Array(FLOATS, (codes,)),
            "span": Array(FLOATS, (codes,), positive),
            "mean": Array(FLOATS, (codes,)),
        }
        coder |= _autoencoder("autoencoder", turned, hidden, codes)
        found |= _under(f"coders/{m}", coder)
    found |= _autoencoder("concepts", "codes", "hidden", "planes")
    near = ("codes", "codes") if signal.section.edges == "nearest" else (0, 0)
    return found | {"baseline": Array(FLOATS, ("codes",)), "near": Array(FLOATS, near)}


def _signalling(signal: SignallingShape) -> Expected:
    nodes = len(signal.kinds) * len(signal.genes)
    found = {"table": Array(FLOATS, (nodes, "known of a node"))}
    for _, m in signal.slots:
        found[f"place/{m}"] = Array(PLACES, (f"kept:{m}",), places("genes", -1))
    for i in range(len(signal.relations)):
        arrows = f"arrows:{i}"
        found |= {
            f"relation/{i}/0": Array(PLACES, (arrows,), places("genes")),
            f"relation/{i}/1": Array(PLACES, (arrows,), places("genes")),
            f"relation/{i}/2": Array(FLOATS, (arrows,), positive),
        }
    for i in range(len(signal.pathways)):
        found[f"pathway/{i}"] = Array(PLACES, (f"in pathway {i}",), places("most arrows"))
    return found


def _pathways(signal: PathwayShape) -> Expected:
    shape = (len(signal.sets), "widest set")
    return {"place": Array(PLACES, shape, places("columns in sets", -1))}


def _shift(m: str) -> Expected:
    kept = f"kept:{m}"
    return {
        "components": Array(FLOATS, (kept, f"leading:{m}"), finite),
        "residuals": Array(FLOATS, (QUANTILES,), rising),
        "medians": Array(FLOATS, (kept,)),
        "varying": Array(BITS, (kept,), flags),
    }
