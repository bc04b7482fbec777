"""The net's channels: a modality each, and signals, which show all modalities on a graph of their
own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from graphfuse.data.cohort import Cohort
from graphfuse.data.read import read_table
from graphfuse.errors import Faults, InputError, counted, few_counted, nearest, warn_once
from graphfuse.graph.gene.gene_set_files import load_gene_sets, require_gene_sets
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import aliases_of, gene_cohort
from graphfuse.graph.read_patient_edges import clean_patient_edges, read_patient_edges
from graphfuse.learn.signals.code_graphs import ConceptPlanes
from graphfuse.learn.signals.gene_sets import Pathways, measured_in, qualifying
from graphfuse.learn.signals.signalling import Signalling
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

SIGNAL_CLASSES = {"concepts": ConceptPlanes, "signalling": Signalling, "pathways": Pathways}
# where a recipe names no encoder
DEFAULT_ENCODER = {
    "concepts": "walk_learned",
    "signalling": "signalling",
    "pathways": "pathways",
}
# the `sees` of an encoder that goes with the signal
ENCODER_INPUT = {"concepts": "planes", "signalling": "nodes", "pathways": "sets"}


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
        require_gene_sets(recipe.pathways.sets)
    chosen = _wanted(recipe, cohort)
    for notice in _unmet(recipe, cohort, network):
        warn_once(log, notice)
    genes = set() if network is None else set(network.genes)
    for name, modality in cohort.modalities.items():
        looks = part("encode", chosen[name]).hops > 0
        if looks and genes.isdisjoint(modality.symbols):
            chosen[name] = "table"
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
    wanted = recipe.net.encode
    if not isinstance(wanted, Mapping):
        wanted = {"default": wanted}
    signals = [name for name in SIGNAL_CLASSES if getattr(recipe, name) is not None]
    known = {"default", *cohort.modalities, *signals, "gene", "cpg", "mirna", "protein", "none"}
    for key in wanted:
        if key not in known:
            needs = f", which needs a [{key}] section; add one"
            hint = needs if key in SIGNAL_CLASSES else nearest(key, known)
            raise InputError(f"recipe {recipe.name!r}: [net] encode names {key!r}{hint}")
    default = wanted.get("default", "table")
    encoders = {}
    for name, modality in cohort.modalities.items():
        of_entity = wanted.get(modality.entity, default)
        encoders[name] = wanted.get(name, of_entity)
    for name in signals:
        encoders[name] = wanted.get(name, DEFAULT_ENCODER[name])
    return encoders


def _unmet(recipe: Recipe, cohort: Cohort, network) -> list[str]:
    """Notices where the gene network and the encoders do not meet, either way."""
    looking = sorted({e for e in _wanted(recipe, cohort).values() if part("encode", e).hops})
    genes = any(any(modality.symbols) for modality in cohort.modalities.values())
    if looking and network is None and recipe.gene.network is None:
        encoders = ", ".join(map(repr, looking))
        return [
            f"recipe {recipe.name!r}: [net] encode = {encoders} looks along a gene network, but "
            "there is none, so it is as 'table'; name one in [gene] network or by --network"
        ]
    other_users = recipe.signalling is not None or recipe.search is not None
    if genes and network is not None and not looking and not other_users:
        return [
            f"recipe {recipe.name!r}: there is a gene network, but no encoder looks along it, so "
            'it changes no prediction; set [net] encode = { default = "table", gene = "network" }, '
            "or leave the network out"
        ]
    return []


def notices(recipe: Recipe, cohort: Cohort, network: GeneNetwork | str | Path | None) -> list[str]:
    """What of the recipe comes to nothing on this cohort, for a run's record: a gene network and
    encoders that do not meet, gene sets of which none has enough measured genes. `network`: the one
    in use, `None` for none."""
    unmet = _unmet(recipe, cohort, network)
    return unmet if recipe.pathways is None else [*unmet, *qualifying(cohort, recipe.pathways)[1]]


def describe_files(recipe: Recipe, cohort: Cohort) -> list[str]:
    """A line on each file that the recipe names besides its gene network: what this cohort has of
    it. Every file is read.

    Raises `InputError` with every file that cannot be used.
    """
    faults, lines = Faults(f"recipe {recipe.name!r}"), []

    def read(where: str, path: str | None, describe: Callable[[str], str]) -> None:
        if path is None:
            return
        try:
            lines.append(f"{where}: {describe(path)}")
        except InputError as error:
            faults.add(f"{where}: {error}")

    read("[gene] aliases", recipe.gene.aliases, lambda path: _describe_aliases(recipe))
    faults.stop()
    cohort, _ = gene_cohort(recipe, cohort)
    pathways, signalling = recipe.pathways, recipe.signalling
    if pathways is not None:
        read("[pathways] sets", pathways.sets, lambda path: qualifying(cohort, pathways)[0])
    if signalling is not None:
        read("[signalling] pathways", signalling.pathways, _describe_sets)
        read("[signalling] table", signalling.table, lambda path: _describe_rows(path, cohort))
    for name, spec in recipe.patient.layer.items():
        place = f"[patient.layer.{name}] edges"
        read(place, spec.edges, lambda path: _describe_edges(path, cohort))
    faults.stop()
    return lines


def _describe_aliases(recipe: Recipe) -> str:
    aliases = aliases_of(recipe)
    names = counted(len(aliases.table), "name")
    return f"{recipe.gene.aliases}: {names} of {counted(len(aliases.symbols), 'symbol')}"


def _describe_sets(path: str) -> str:
    sets = load_gene_sets(path)
    return f"{path}: {counted(len(sets), 'set')}"


def _describe_rows(path: str, cohort: Cohort) -> str:
    rows, measured = read_table(path).index, measured_in(cohort, cohort.modalities)
    named = sum(name.rpartition(":")[2] in measured for name in rows)
    return f"{path}: {named:,} of {counted(len(rows), 'row')} named after a measured gene"


def _describe_edges(path: str, cohort: Cohort) -> str:
    edges, _ = clean_patient_edges(read_patient_edges(Path(path), cohort.patients), path)
    joined = {*edges["source"], *edges["target"]}
    known = joined.intersection(cohort.patients.astype(str))
    patients = few_counted(len(cohort), "patient")
    return f"{path}: {counted(len(edges), 'edge')}, with {len(known):,} of the cohort's {patients}"


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
    if recipe.pathways is not None:
        pathways = Pathways.fit(cohort, symbols, recipe.pathways, seed)
        if pathways is not None:
            fitted["pathways"] = pathways
    return fitted
