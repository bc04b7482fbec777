"""The arrays that a saved model must have, given its `model.json`.

Names of sizes: `n` training patients, `M` modalities, `P` patterns of present modalities, `K`
outputs of a net, `kept:m` columns of a modality after its fitted steps, `edges:l` edges of a layer.
The arrays of the steps themselves are declared by the steps.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from graphfuse.files.array_rules import (
    BITS,
    FLOATS,
    PLACES,
    SINGLES,
    Array,
    Rule,
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
    Signals,
    SimilarityShape,
)

Expected = dict[str, Array]
QUANTILES = 101


def sizes_of(model: ModelFile, widths: Mapping[str, int]) -> Sizes:
    """The sizes that `model.json` states.

    Parameters
    ----------
    model : ModelFile
    widths : mapping of str to int
        Modality → columns after its fitted steps.
    """
    kept = {f"kept:{name}": width for name, width in widths.items()}
    return kept | {"M": len(model.modalities), "K": model.task.width}


def expected_arrays(model: ModelFile, names: Container[str]) -> Expected:
    """Every array but those of fitted steps and the parameters of the nets.

    Parameters
    ----------
    model : ModelFile
    names : container of str
        The arrays that exist, by which those that only some models have are recognised.

    Returns
    -------
    dict of str to Array
    """
    expected: Expected = {}
    expected["present"] = _bits("n", "M")
    expected["patterns"] = _bits("P", "M")
    expected["bias"] = _floats("P", "K")
    expected["own_bias"] = _floats("P", "M", "K")
    expected["mix"] = _floats("P", 1 + len(model.modalities))
    for name in model.modalities:
        expected |= _under(f"tables/{name}", _table(name, names))
    for name, layer in model.layers.items():
        expected |= _under(f"layers/{name}", _layer(name, layer, names))
    expected |= _signals(model.signals)
    for name in model.compared or {}:
        if f"shift/{name}/components" in names:
            expected |= _under(f"shift/{name}", _shift(name))
    return expected


def _signals(signals: Signals) -> Expected:
    """Arrays of the signals that the model has."""
    expected: Expected = {}
    if signals.concepts is not None:
        expected |= _under("signals/concepts", _concepts(signals.concepts))
    if signals.signalling is not None:
        expected |= _under("signals/signalling", _signalling(signals.signalling))
    if signals.pathways is not None:
        expected |= _under("signals/pathways", _pathways(signals.pathways))
    return expected


def expected_states(model: ModelFile) -> Expected:
    """The stored states of the training patients, for each seed.

    The size `tokens` is the number of tokens of each channel.
    """
    net = model.net
    states = Array(SINGLES, ("n", net.rounds, len(net.encode), "tokens", net.width))
    return {f"net{seed}/states": states for seed in range(model.seeds)}


def _floats(*shape: int | str, rule: Rule = finite) -> Array:
    return Array(FLOATS, shape, rule)


def _places(size: int | str, rule: Rule) -> Array:
    """Whole numbers of one dimension, such as positions in another array."""
    return Array(PLACES, (size,), rule)


def _bits(*shape: int | str) -> Array:
    return Array(BITS, shape, flags)


def _under(name: str, expected: Expected) -> Expected:
    """The same arrays, with the name and a slash before theirs."""
    return {f"{name}/{key}": array for key, array in expected.items()}


def _table(m: str, names: Container[str]) -> Expected:
    """Arrays of a modality besides those of its steps."""
    kept = f"kept:{m}"
    expected: Expected = {}
    expected["slope"] = _floats("P", kept, "K")
    expected["memory"] = _floats("P", "n", "K")
    if f"tables/{m}/smoothing_data" in names:
        entries = f"smoothed:{m}"
        expected["smoothing_data"] = _floats(entries)
        expected["smoothing_indices"] = _places(entries, places(kept))
        expected["smoothing_indptr"] = _places(f"ends:{m}", offsets(entries))
    return expected


def _lists(prefix: str, rows: str, edges: str) -> Expected:
    """Neighbour lists of so many receivers, whose senders are training patients."""
    expected: Expected = {}
    expected[f"{prefix}offsets"] = _places(rows, offsets(edges))
    expected[f"{prefix}index"] = _places(edges, places("n"))
    expected[f"{prefix}weight"] = _floats(edges, rule=not_zero)
    return expected


def _layer(name: str, layer: AnyLayer, names: Container[str]) -> Expected:
    """Arrays of a patient layer."""
    expected = _lists("", f"list of {name}", f"edges:{name}")
    if isinstance(layer, GivenShape):
        expected |= _lists("known_", f"ends known:{name}", f"edges known:{name}")
        expected["hashes"] = _places(f"known:{name}", strictly_rising)
    elif isinstance(layer, FusedShape):
        expected |= _lists("carry_", f"list of {name}", f"carried:{name}")
        for i, reference in enumerate(layer.fitted.references):
            expected |= _reference(name, reference, names, f"{i}_")
            expected[f"{i}_near"] = _floats("n", rule=not_negative)
    else:
        expected |= _reference(name, layer.fitted.reference, names, "")
        expected |= _kth(layer)
    return expected


def _kth(layer: SimilarityShape) -> Expected:
    """The similarity of each patient's k-th neighbour, for mutual neighbours."""
    if layer.spec.rule != "mutual":
        return {}
    return {"kth": _floats("n", rule=at_most_finite)}


def _reference(
    layer: str, reference: ReferenceShape, names: Container[str], prefix: str
) -> Expected:
    """Points of the training patients, among which neighbours of new patients are searched."""
    expected = {f"{prefix}present": _bits("n", len(reference.of))}
    for i, m in enumerate(reference.of):
        kept = f"kept:{m}"
        size = f"points:{layer}:{prefix}{i}"
        has_components = f"layers/{layer}/{prefix}components{i}" in names
        expected[f"{prefix}points{i}"] = _floats("n", size if has_components else kept)
        if has_components:
            expected[f"{prefix}components{i}"] = _floats(kept, size)
        if f"layers/{layer}/{prefix}spread{i}" in names:
            expected[f"{prefix}spread{i}"] = _floats(kept, rule=not_negative)
    return expected


def _autoencoder(name: str, features: str, hidden: str, codes: str) -> Expected:
    expected: Expected = {}
    expected["inner"] = _floats(hidden, features)
    expected["outer"] = _floats(codes, hidden)
    expected["inner_bias"] = _floats(hidden)
    expected["outer_bias"] = _floats(codes)
    expected["hidden_bias"] = _floats(hidden)
    expected["out_bias"] = _floats(features)
    return _under(name, expected)


def _concepts(signal: ConceptShape) -> Expected:
    expected: Expected = {}
    for m in signal.modalities:
        expected |= _under(f"coders/{m}", _coder(m))
    expected |= _autoencoder("concepts", "codes", "hidden", "planes")
    near = ("codes", "codes") if signal.section.edges == "nearest" else (0, 0)
    expected["baseline"] = _floats("codes")
    expected["near"] = _floats(*near)
    return expected


def _coder(m: str) -> Expected:
    """Arrays of the autoencoder of one modality."""
    kept, rotated, codes = f"kept:{m}", f"turned:{m}", f"codes:{m}"
    coder: Expected = {}
    coder["centre"] = _floats(kept)
    coder["turn"] = _floats(kept, rotated)
    coder["low"] = _floats(codes)
    coder["span"] = _floats(codes, rule=positive)
    coder["mean"] = _floats(codes)
    return coder | _autoencoder("autoencoder", rotated, f"hidden:{m}", codes)


def _signalling(signal: SignallingShape) -> Expected:
    nodes = len(signal.kinds) * len(signal.genes)
    expected = {"table": _floats(nodes, "known of a node")}
    for _, m in signal.slots:
        expected[f"place/{m}"] = _places(f"kept:{m}", places("genes", -1))
    for i in range(len(signal.relations)):
        arrows = f"arrows:{i}"
        expected[f"relation/{i}/0"] = _places(arrows, places("genes"))
        expected[f"relation/{i}/1"] = _places(arrows, places("genes"))
        expected[f"relation/{i}/2"] = _floats(arrows, rule=positive)
    for i in range(len(signal.pathways)):
        expected[f"pathway/{i}"] = _places(f"in pathway {i}", places("most arrows"))
    return expected


def _pathways(signal: PathwayShape) -> Expected:
    shape = (len(signal.sets), "widest set")
    return {"place": Array(PLACES, shape, places("columns in sets", -1))}


def _shift(m: str) -> Expected:
    """The summary of a modality's training table, with which new tables are compared."""
    kept = f"kept:{m}"
    expected: Expected = {}
    expected["components"] = _floats(kept, f"leading:{m}")
    expected["residuals"] = _floats(QUANTILES, rule=rising)
    expected["medians"] = _floats(kept)
    expected["varying"] = _bits(kept)
    return expected
