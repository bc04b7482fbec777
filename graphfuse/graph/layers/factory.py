"""The patient layers of a recipe: which there are, how one is fitted, and how a saved one is
restored."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, InputError, nearest, warn_once
from graphfuse.graph.layers.fused import FusedLayer
from graphfuse.graph.layers.layer import Layer, Spec, Tables
from graphfuse.graph.layers.similarity import SimilarityLayer
from graphfuse.graph.layers.user_edges import GivenLayer
from graphfuse.schema import LayerSpec, PatientSection

__all__ = ["KINDS", "Layer", "Spec", "fit_layer", "layer_from_state", "layer_specs"]

log = logging.getLogger(__name__)

_CLASSES = (SimilarityLayer, FusedLayer, GivenLayer)
KINDS: dict[str, type[Layer]] = {each.kind: each for each in _CLASSES}
_SETTINGS = ("similarity", "space", "neighbours", "rule", "radius", "weight")


def layer_specs(
    section: PatientSection, modalities: Sequence[str], where: str = "recipe"
) -> dict[str, Spec]:
    """The layers that a recipe gives, with nothing left open.

    `layers = "each"`: one per modality, named after it, and every `[patient.layer.NAME]`;
    `"shared"`: one in which all modalities' points are put side by side; `"snf"`: one in which they
    are fused; a list: exactly those, each a modality, a table, "shared" or "snf". A table named
    like one of these changes its settings. What a table leaves open is as in `[patient]`; a table
    without `of` has all modalities, or the one it is named after.

    Parameters
    ----------
    section : PatientSection
        `[patient]` of the recipe.
    modalities : sequence of str
        The modalities there are.
    where : str
        What messages call the recipe.

    Returns
    -------
    dict of str to Spec
        Name of the layer → what it is.

    Raises
    ------
    InputError
        With every fault.
    """
    modalities, faults = list(modalities), Faults(where)
    known = {*modalities, *section.layer, "shared", "snf"}
    specs = {}
    for name in _names(section, modalities):
        if name in known:
            specs[name] = _resolved(name, section, modalities, faults)
        else:
            faults.add(f"[patient] layers names {name!r}{nearest(name, known)}")
    faults.stop()
    for name in section.layer.keys() - specs.keys():
        warn_once(log, f"[patient.layer.{name}] is not used: [patient] layers does not name it")
    return specs


def _names(section: PatientSection, modalities: list[str]) -> list[str]:
    """The names of the layers that the recipe asks for, each once."""
    if section.layers == "each":
        return list(dict.fromkeys([*modalities, *section.layer]))
    asked = section.layers
    return [asked] if isinstance(asked, str) else list(dict.fromkeys(asked))


def _resolved(name: str, section: PatientSection, modalities: list[str], faults: Faults) -> Spec:
    """One layer's spec; settings that do not go together are added to the faults."""
    table = section.layer.get(name, LayerSpec())
    where = f"[patient.layer.{name}]" if name in section.layer else f"[patient] layer {name!r}:"
    for each in table.of:
        if each not in modalities:
            faults.add(f"{where} of names {each!r}{nearest(each, modalities)}")
    wanted = table.of or ([name] if name in modalities else modalities)
    of = tuple(m for m in modalities if m in wanted)
    given = {key: getattr(table, key) for key in _SETTINGS if getattr(table, key) is not None}
    if table.edges is not None:
        _check_nothing_idle(table, given, where, faults)
        return Spec(of, edges=table.edges, weight=table.weight or "similarity")
    settings = {key: getattr(section, key) for key in _SETTINGS} | given
    combine = table.combine or ("snf" if name == "snf" else "join")
    _check_together(combine, settings, where, faults)
    return Spec(of, combine, **settings)


def _check_together(combine: str, settings: dict, where: str, faults: Faults) -> None:
    """Adds a fault for settings of a layer that do not go together."""
    if combine == "snf" and settings["rule"] != "nearest":
        faults.add(
            f"{where} fused layers keep everyone's nearest (got rule = "
            f'{settings["rule"]!r}); set rule = "nearest" there'
        )
    if settings["rule"] == "radius" and settings["radius"] is None:
        faults.add(f'{where} rule = "radius" needs radius = the greatest distance')


def _check_nothing_idle(table: LayerSpec, given: dict, where: str, faults: Faults) -> None:
    """Adds a fault for settings that change nothing in a layer with edges of its own."""
    idle = [key for key in given if key != "weight"]
    if table.combine == "snf":  # "join" is what runs of older versions wrote out by default
        idle.append("combine")
    if idle:
        faults.add(
            f"{where} has edges of its own: {', '.join(idle)} would change nothing; remove it"
        )


def fit_layer(
    name: str,
    spec: Spec,
    tables: Tables,
    present: Tables,
    patients: pd.Index,
    control: str = "none",
    seed: int = 0,
) -> Layer:
    """The layer of a spec, fitted on n training patients.

    Parameters
    ----------
    name : str
    spec : Spec
    tables : mapping of str to np.ndarray
        Modality → standardised columns `[n, F]`, absent rows zero.
    present : mapping of str to np.ndarray
        Modality → bool `[n]`.
    patients : pd.Index
        Ids of the n patients.
    control : str
        The kind of control graph, `"none"` for the layer itself.
    seed : int
        Of the control.

    Returns
    -------
    Layer

    Raises
    ------
    InputError
        Where it cannot be fitted.
    """
    if not spec.of:
        raise InputError(f"patient layer {name!r}: no modality goes along it; name some in of")
    counts_neighbours = spec.edges is None and spec.rule != "radius"
    if counts_neighbours and spec.neighbours >= _members(spec, present):
        warn_once(
            log,
            f"[patient] neighbours = {spec.neighbours}: a layer has not so many other "
            "training patients, so every patient there has edges from all others; lower it if "
            "that is not meant",
        )
    kind = KINDS[_kind_of(spec)]
    return kind.fit(name, spec, tables, present, patients, control, seed)


def _members(spec: Spec, present: Tables) -> int:
    """How many patients have any of the layer's modalities."""
    has_any = np.any([present[m] for m in spec.of], 0)
    return int(has_any.sum())


def _kind_of(spec: Spec) -> str:
    """The key in `KINDS` of a spec."""
    if spec.edges is not None:
        return GivenLayer.kind
    return FusedLayer.kind if spec.combine == "snf" else SimilarityLayer.kind


def layer_from_state(arrays: dict[str, np.ndarray], about: dict) -> Layer:
    """The layer of `Layer.state`. Raises `InputError` for a kind that this version does not
    know."""
    if about["kind"] not in KINDS:
        raise InputError(
            f"patient layer of kind {about['kind']!r}{nearest(about['kind'], KINDS)}; saved "
            "by a newer graphfuse?"
        )
    return KINDS[about["kind"]].from_state(arrays, about)
