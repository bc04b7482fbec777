"""The net's channels: a modality each, and signals, which show all modalities on a graph of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, nearest
from graphfuse.graph.gene_sets import gmt_file
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.concepts import ConceptPlanes
from graphfuse.learn.pathways import Pathways
from graphfuse.learn.signalling import Signalling
from graphfuse.nn.parts import part
from graphfuse.schema import Recipe

SIGNALS = {"concepts": ConceptPlanes, "signalling": Signalling, "pathways": Pathways}
USUAL = {"concepts": "walk_learned", "signalling": "signalling", "pathways": "pathways"}  # where a recipe names no encoder
SHOWN = {"concepts": "planes", "signalling": "nodes", "pathways": "sets"}  # what an encoder must say it sees


class Signal(Protocol):
    """A channel fitted on training patients: each patient as a signal on a graph over something else than patients.

    `features`: what its encoder is built with. Of the rows of its inputs: `edge_rows` are there because of edges,
    `smooth_rows` change smoothly with the columns (the others jump).
    """

    features: tuple[int, ...]
    edge_rows: slice
    smooth_rows: slice

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """float64 `[N, C, P]` from standardised columns, differentiable in them; `present` bool `[N, M]`."""

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]`: for whom there is anything to show."""

    def prime(self, encode: nn.Module) -> None:
        """Puts what the encoder does not learn into its buffers."""

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """(arrays, JSON), which its class's `from_state` takes back."""


@dataclass(frozen=True, eq=False)
class Silent:
    """A signal without its edges: the same channel, its rows that edges made being 0."""

    signal: Signal

    def __getattr__(self, name: str):
        return getattr(self.signal, name)

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        shown = self.signal.inputs(own, present)
        keep = shown.new_ones(shown.shape[1])
        keep[self.signal.edge_rows] = 0
        return shown * keep[:, None]


def encoders_of(recipe: Recipe, cohort: Cohort, network: GeneNetwork | None) -> dict[str, str]:
    """Encoder name per channel. Keys of `encode` are channels, entities (`gene`, …) or `default` (of modalities); an encoder
    that looks along the gene network becomes `table` where there is none or no column has a gene in it.

    Raises `InputError` for unknown keys, for encoders that see something else than the channel shows, and, before anything is
    fitted, for gene sets that are not there.
    """
    if recipe.pathways is not None:
        gmt_file(recipe.pathways.sets)
    wanted = recipe.net.encode if isinstance(recipe.net.encode, Mapping) else {"default": recipe.net.encode}
    signals = [name for name in SIGNALS if getattr(recipe, name) is not None]
    known = {"default", *cohort.modalities, *signals, "gene", "cpg", "mirna", "protein", "none"}
    for key in wanted:
        if key not in known:
            raise InputError(f"recipe {recipe.name!r}: [net] encode names {key!r}{nearest(key, known)}")
    chosen = {}
    for name, modality in cohort.modalities.items():
        encoder = wanted.get(name, wanted.get(modality.entity, wanted.get("default", "table")))
        mapped = network is not None and not set(network.genes).isdisjoint(s for s in modality.symbols if s)
        chosen[name] = encoder if mapped or not part("encode", encoder).hops else "table"
    chosen |= {name: wanted.get(name, USUAL[name]) for name in signals}
    for name, encoder in chosen.items():
        sees, shown = part("encode", encoder).sees, SHOWN.get(name, "columns")
        if sees not in (shown, "nothing"):
            raise InputError(f"recipe {recipe.name!r}: [net] encode: {encoder!r} sees {sees}, but {name!r} shows {shown}")
    return chosen


def fit_signals(
    recipe: Recipe, cohort: Cohort, symbols: Mapping[str, list], own: Mapping[str, np.ndarray], present: np.ndarray,
    network: GeneNetwork | None, seed: int,
) -> dict[str, Signal]:  # fmt: skip
    """The recipe's signals on training patients: `own` standardised columns `[n, F]` of the modalities they may use, `symbols`
    the gene of each, `present` bool `[n, M]`."""
    fitted = {}
    if recipe.concepts is not None:
        fitted["concepts"] = ConceptPlanes.fit(own, present, recipe.concepts, seed)
    if recipe.signalling is not None and any(any(names) for names in symbols.values()):
        fitted["signalling"] = Signalling.fit(cohort, symbols, network, recipe.signalling, seed)
    tokens = None if recipe.pathways is None else Pathways.fit(cohort, symbols, recipe.pathways, seed)
    return fitted if tokens is None else fitted | {"pathways": tokens}
