"""The net's channels: a modality each, and signals, which show all modalities on a graph of their
own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from graphfuse.data.cohort import Cohort
from graphfuse.data.read import read_table
from graphfuse.errors import Faults, InputError, counted, few_counted, nearest, warn_once
from graphfuse.graph.gene.gene_sets import gmt_file, read_gmt
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.resolve import aliases_of, gene_cohort
from graphfuse.graph.patient_edges import clean_patient_edges, read_patient_edges
from graphfuse.learn.signals.concept_planes import ConceptPlanes
from graphfuse.learn.signals.gene_sets import Pathways, measured_in, qualifying
from graphfuse.learn.signals.signalling import Signalling
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

SIGNAL_CLASSES = {"concepts": ConceptPlanes, "signalling": Signalling, "pathways": Pathways}
DEFAULT_ENCODER = {
    "concepts": "walk_learned",
    "signalling": "signalling",
    "pathways": "pathways",
}  # where a recipe names no encoder
ENCODER_INPUT = {
    "concepts": "planes",
    "signalling": "nodes",
    "pathways": "sets",
}  # what an encoder must say it sees


class Signal(Protocol):
    """A channel fitted on training patients: each patient as a signal on a graph over something
    else than patients.

    `features`: what its encoder is built with. Of the rows of its inputs: `edge_rows` are there
    because of edges, `smooth_rows` change smoothly with the columns (the others jump).
    """

    features: tuple[int, ...]
    edge_rows: slice
    smooth_rows: slice

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """float64 `[N, C, P]` from standardised columns, differentiable in them; `present` bool
        `[N, M]`."""

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]`: for whom there is anything to show."""

    def prime(self, encode: nn.Module) -> None:
        """Puts what the encoder does not learn into its buffers."""

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """(arrays, JSON), which its class's `from_state` takes back."""


@dataclass(frozen=True, eq=False)
class SignalWithoutEdges:
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
    """Encoder name per channel. Keys of `encode` are channels, entities (`gene`, …) or `default`
    (of modalities); an encoder that looks along the gene network becomes `table` where there is
    none or no column has a gene in it.

    Raises `InputError` for unknown keys, for encoders that see something else than the channel
    shows, and, before anything is fitted, for gene sets that are not there.
    """
    if recipe.pathways is not None:
        gmt_file(recipe.pathways.sets)
    chosen = _wanted(recipe, cohort)
    for notice in _unmet(recipe, cohort, network):
        warn_once(log, notice)
    for name, modality in cohort.modalities.items():
        mapped = network is not None and not set(network.genes).isdisjoint(
            s for s in modality.symbols if s
        )
        chosen[name] = chosen[name] if mapped or not part("encode", chosen[name]).hops else "table"
    for name, encoder in chosen.items():
        sees, shown = part("encode", encoder).sees, ENCODER_INPUT.get(name, "columns")
        if sees not in (shown, "nothing"):
            raise InputError(
                f"recipe {recipe.name!r}: [net] encode: {encoder!r} sees {sees}, but "
                f"{name!r} shows {shown}"
            )
    return chosen


def _wanted(recipe: Recipe, cohort: Cohort) -> dict[str, str]:
    """Encoder name per channel as the recipe has it, whatever gene network there is."""
    wanted = (
        recipe.net.encode
        if isinstance(recipe.net.encode, Mapping)
        else {"default": recipe.net.encode}
    )
    signals = [name for name in SIGNAL_CLASSES if getattr(recipe, name) is not None]
    known = {"default", *cohort.modalities, *signals, "gene", "cpg", "mirna", "protein", "none"}
    for key in wanted:
        if key not in known:
            needs = (
                f", which needs a [{key}] section; add one"
                if key in SIGNAL_CLASSES
                else nearest(key, known)
            )
            raise InputError(f"recipe {recipe.name!r}: [net] encode names {key!r}{needs}")
    usual, tables = wanted.get("default", "table"), cohort.modalities.items()
    return {
        name: wanted.get(name, wanted.get(modality.entity, usual)) for name, modality in tables
    } | {name: wanted.get(name, DEFAULT_ENCODER[name]) for name in signals}


def _unmet(recipe: Recipe, cohort: Cohort, network) -> list[str]:
    """Notices where the gene network and the encoders do not meet, either way."""
    looking = sorted({e for e in _wanted(recipe, cohort).values() if part("encode", e).hops})
    genes = any(any(modality.symbols) for modality in cohort.modalities.values())
    if looking and network is None and recipe.gene.network is None:
        return [
            f"recipe {recipe.name!r}: [net] encode = {', '.join(map(repr, looking))} looks "
            "along a gene network, but there is "
            "none, so it is as 'table'; name one in [gene] network or by --network"
        ]
    if (
        genes
        and network is not None
        and not looking
        and recipe.signalling is None
        and recipe.search is None
    ):
        return [
            f"recipe {recipe.name!r}: there is a gene network, but no encoder looks along "
            "it, so it changes no prediction; "
            'set [net] encode = { default = "table", gene = "network" }, or leave the network out'
        ]
    return []


def notices(recipe: Recipe, cohort: Cohort, network: GeneNetwork | str | Path | None) -> list[str]:
    """What of the recipe comes to nothing on this cohort, for a run's record: a gene network and
    encoders that do not meet, gene sets of which none has enough measured genes. `network`: the one
    in use, `None` for none."""
    unmet = _unmet(recipe, cohort, network)
    return unmet if recipe.pathways is None else [*unmet, *qualifying(cohort, recipe.pathways)[1]]


def describe_files(recipe: Recipe, cohort: Cohort) -> list[str]:
    """A line on each file that the recipe names beside its gene network, all of which are read:
    what this cohort has of it.

    Raises `InputError` with every file that cannot be used.
    """
    faults, found = Faults(f"recipe {recipe.name!r}"), []

    def read(where: str, path: str | None, said) -> None:
        try:
            found.extend([] if path is None else [f"{where}: {said(path)}"])
        except InputError as error:
            faults.add(f"{where}: {error}")

    read("[gene] aliases", recipe.gene.aliases, lambda path: _aliases_said(recipe))
    faults.stop()
    cohort, _ = gene_cohort(recipe, cohort)
    if recipe.pathways is not None:
        read(
            "[pathways] sets",
            recipe.pathways.sets,
            lambda path: qualifying(cohort, recipe.pathways)[0],
        )
    if recipe.signalling is not None:
        read("[signalling] pathways", recipe.signalling.pathways, _sets_said)
        read("[signalling] table", recipe.signalling.table, lambda path: _rows_said(path, cohort))
    for name, spec in recipe.patient.layer.items():
        read(f"[patient.layer.{name}] edges", spec.edges, lambda path: _edges_said(path, cohort))
    faults.stop()
    return found


def _aliases_said(recipe: Recipe) -> str:
    found = aliases_of(recipe)
    return (
        f"{recipe.gene.aliases}: {counted(len(found.table), 'name')} of "
        f"{counted(len(found.symbols), 'symbol')}"
    )


def _sets_said(path: str) -> str:
    return f"{path}: {counted(len(read_gmt(path)), 'set')}"


def _rows_said(path: str, cohort: Cohort) -> str:
    rows, measured = read_table(path).index, measured_in(cohort, cohort.modalities)
    named = sum(name.rpartition(":")[2] in measured for name in rows)
    return f"{path}: {named:,} of {counted(len(rows), 'row')} named after a measured gene"


def _edges_said(path: str, cohort: Cohort) -> str:
    edges, _ = clean_patient_edges(read_patient_edges(Path(path), cohort.patients), path)
    known = {*edges["source"], *edges["target"]} & set(cohort.patients.astype(str))
    return (
        f"{path}: {counted(len(edges), 'edge')}, with {len(known):,} of the cohort's "
        f"{few_counted(len(cohort), 'patient')}"
    )


def fit_signals(
    recipe: Recipe, cohort: Cohort, symbols: Mapping[str, list], own: Mapping[str, np.ndarray],
    present: np.ndarray,
    network: GeneNetwork | None, seed: int,
) -> dict[str, Signal]:  # fmt: skip
    """The recipe's signals on training patients: `own` standardised columns `[n, F]` of the
    modalities they may use, `symbols` the gene of each, `present` bool `[n, M]`."""
    fitted = {}
    if recipe.concepts is not None:
        fitted["concepts"] = ConceptPlanes.fit(own, present, recipe.concepts, seed)
    if recipe.signalling is not None and any(any(names) for names in symbols.values()):
        fitted["signalling"] = Signalling.fit(cohort, symbols, network, recipe.signalling, seed)
    tokens = (
        None if recipe.pathways is None else Pathways.fit(cohort, symbols, recipe.pathways, seed)
    )
    return fitted if tokens is None else fitted | {"pathways": tokens}
