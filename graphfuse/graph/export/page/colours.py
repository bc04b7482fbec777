"""What the nodes of a picture can be coloured by: outcomes, groups and presence of modalities; for
genes, the modalities that measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.graph.cohort_graph import CohortGraph

if TYPE_CHECKING:
    from graphfuse.data.cohort import Cohort

_MOST = 24  # names in a legend; rarer ones are "other"
_QUIET = ("not measured", "other")


def patient_hues(cohort: Cohort, rows: np.ndarray) -> list[dict]:
    """Outcomes, groups and presence of the patients at `rows`, outcomes of classes first.

    Each is `{name, kind, names, codes, quiet}` (kind "names"; code -1 unknown, code `quiet` drawn
    in grey too) or `{name, kind, values}` (kind "number"; None unknown).
    """
    outcomes = sorted(cohort.outcomes.values(), key=lambda each: not each.task.has_classes)
    hues = []
    for outcome in outcomes:
        for addition, (values, names) in outcome.task.coloured(outcome.target).items():
            name, shown = outcome.name + addition, values[rows]
            hues.append(_names(name, list(names), shown) if names else _numbers(name, shown))
    for name, group in cohort.groups.items():
        codes, values = pd.factorize(np.asarray(group, object))
        names = [str(value) for value in values]
        hues.append(_names(name, names, codes[rows]))
    for name, modality in cohort.modalities.items():
        codes = modality.present[rows].astype(int)
        hues.append(_names(f"has {name}", ["not measured", "measured"], codes))
    return hues


def gene_hues(graph: CohortGraph, genes: list[str]) -> list[dict]:
    """Which modalities measure each gene, by the names of their columns."""
    symbols_of = {}
    for name, modality in graph.cohort.modalities.items():
        if any(modality.symbols):
            symbols_of[name] = set(modality.symbols)
    words = []
    for gene in genes:
        measuring = [name for name, symbols in symbols_of.items() if gene in symbols]
        words.append(" and ".join(measuring) or "not measured")
    names = sorted(set(words), key=lambda word: (-words.count(word), word))
    codes = np.array([names.index(word) for word in words], int)
    return [_names("measured in", names, codes)]


def _names(name: str, names: list[str], codes: np.ndarray) -> dict:
    """A hue of names; beyond `_MOST`, the rarest are "other"."""
    if len(names) > _MOST:
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        kept = np.argsort(-counts, kind="stable")[: _MOST - 1]
        new_code = np.full(len(names) + 1, _MOST - 1)
        new_code[kept] = np.arange(len(kept))
        new_code[-1] = -1  # the entry that -1, unknown, takes
        codes = new_code[codes]
        names = [*(names[i] for i in kept), "other"]
    quiet = next((code for code, word in enumerate(names) if word in _QUIET), None)
    return {"name": name, "kind": "names", "names": names, "codes": codes.tolist(), "quiet": quiet}


def _numbers(name: str, values: np.ndarray) -> dict:
    """A hue of numbers, `None` where unknown."""
    rounded = [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
    return {"name": name, "kind": "number", "values": rounded}
