"""The patient layers of a recipe: which there are, fitting one, and restoring one that was
saved."""

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

KINDS: dict[str, type[Layer]] = {
    kind.kind: kind for kind in (SimilarityLayer, FusedLayer, GivenLayer)
}
_SETTINGS = ("similarity", "space", "neighbours", "rule", "radius", "weight")


def layer_specs(
    section: PatientSection, modalities: Sequence[str], where: str = "recipe"
) -> dict[str, Spec]:
    """Name → spec of the layers that a recipe, in messages called `where`, gives on these
    modalities.

    `each`: one per modality, named after it, and every `[patient.layer.NAME]`; `shared`: one in
    which all modalities' points stand side by side; `snf`: one in which they are fused; a list:
    exactly those, each a modality, a table, "shared" or "snf". A table named like one of these
    changes its settings. What a table leaves open is as in `[patient]`; a table without `of` has
    all modalities, or the one it is named after. Raises `InputError` with every fault.
    """
    modalities, faults = list(modalities), Faults(where)
    if section.layers == "each":
        names = [*modalities, *(name for name in section.layer if name not in modalities)]
    else:
        names = (
            [section.layers]
            if isinstance(section.layers, str)
            else list(dict.fromkeys(section.layers))
        )
    known = {*modalities, *section.layer, "shared", "snf"}
    for name in names:
        if name not in known:
            faults.add(f"[patient] layers names {name!r}{nearest(name, known)}")
    specs = {name: _resolved(name, section, modalities, faults) for name in names if name in known}
    faults.stop()
    for name in section.layer.keys() - set(names):
        warn_once(log, f"[patient.layer.{name}] is not used: [patient] layers does not name it")
    return specs


def _resolved(name: str, section: PatientSection, modalities: list[str], faults: Faults) -> Spec:
    table = section.layer.get(name, LayerSpec())
    where = f"[patient.layer.{name}]" if name in section.layer else f"[patient] layer {name!r}:"
    for each in table.of:
        if each not in modalities:
            faults.add(f"{where} of names {each!r}{nearest(each, modalities)}")
    wanted = table.of or ([name] if name in modalities else modalities)
    said = {key: getattr(table, key) for key in _SETTINGS if getattr(table, key) is not None}
    settings = {key: getattr(section, key) for key in _SETTINGS} | said
    combine = table.combine or ("snf" if name == "snf" else "join")
    of = tuple(m for m in modalities if m in wanted)
    if table.edges is not None:
        idle = [key for key in said if key != "weight"]
        if table.combine == "snf":  # "join" is what runs of older versions wrote out by default
            idle.append("combine")
        if idle:
            faults.add(
                f"{where} has edges of its own: {', '.join(idle)} would change nothing; remove it"
            )
        return Spec(of, edges=table.edges, weight=table.weight or "similarity")
    if combine == "snf" and settings["rule"] != "nearest":
        faults.add(
            f"{where} fused layers keep everyone's nearest (got rule = "
            f'{settings["rule"]!r}); set rule = "nearest" there'
        )
    if settings["rule"] == "radius" and settings["radius"] is None:
        faults.add(f'{where} rule = "radius" needs radius = the greatest distance')
    return Spec(of, combine, **settings)


def fit_layer(
    name: str,
    spec: Spec,
    tables: Tables,
    present: Tables,
    patients: pd.Index,
    control: str = "none",
    seed: int = 0,
) -> Layer:
    """The layer of this spec, fitted on n training patients.

    `tables`: modality → standardised columns `[n, F]`, absent rows zero; `present`: modality → bool
    `[n]`; `patients`: their ids. Raises `InputError` where it cannot be fitted.
    """
    if not spec.of:
        raise InputError(f"patient layer {name!r}: no modality goes along it; name some in of")
    if (
        spec.edges is None
        and spec.rule != "radius"
        and spec.neighbours >= np.any([present[m] for m in spec.of], 0).sum()
    ):
        warn_once(
            log,
            f"[patient] neighbours = {spec.neighbours}: a layer has not so many other "
            "training patients, so every patient there has edges from all others; lower it if "
            "that is not meant",
        )
    kind = (
        GivenLayer
        if spec.edges is not None
        else FusedLayer
        if spec.combine == "snf"
        else SimilarityLayer
    )
    return kind.fit(name, spec, tables, present, patients, control, seed)


def layer_from_state(arrays: dict[str, np.ndarray], about: dict) -> Layer:
    """The layer of `Layer.state`. Raises `InputError` for a kind that this version does not
    know."""
    if about["kind"] not in KINDS:
        raise InputError(
            f"patient layer of kind {about['kind']!r}{nearest(about['kind'], KINDS)}; saved "
            "by a newer graphfuse?"
        )
    return KINDS[about["kind"]].from_state(arrays, about)
