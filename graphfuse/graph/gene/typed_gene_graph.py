"""The signalling graph: one typed graph of genes for all patients (the template), filled with each
patient's values.

Every gene has a node of each kind (its methylation, its transcript, its protein, …). Links join the
kinds of one gene, the gene network joins the nodes of one kind. After mosGraphGen, but what is not
measured is distinguished from a measured 0.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from graphfuse.data.cohort import Cohort
from graphfuse.errors import Faults, InputError, nearest
from graphfuse.graph.gene.gene_set_files import load_gene_sets
from graphfuse.graph.gene.gene_sets import edge_sets, shared_edges
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import SignallingSection

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

log = logging.getLogger(__name__)

USUAL_KINDS = ("meth", "prot", "tran")
VERBS = {("meth", "tran"): "regulates", ("tran", "prot"): "translates"}
INTERACTS, SHARES, BACK = "interacts", "shares_pathway", "rev_"

Relation = tuple[str, str, str]  # kind of the senders, verb, kind of the receivers
Arrows = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Template:
    """Typed nodes and edges, the same for every patient.

    Node p is of kind p // G and of gene p % G, so that there are P = kinds × G nodes.

    Parameters
    ----------
    genes, kinds : tuple of str
        Sorted.
    slots : tuple of (str, str)
        (kind, modality) of every table whose values the nodes of a kind get.
    place : dict of str to np.ndarray
        Modality → int64 `[F]`, the position in `genes` of the gene of each column, -1 for none.
    relations : dict of Relation to Arrows
        (kind, verb, kind) → source and target int64 `[E]`, positions in `genes`, and weight float64
        `[E]` > 0; without direction each edge both ways, all of one way first (a self-loop once).
    directed : bool
        Whether the gene network is.
    pathways : dict of str to np.ndarray
        Gene set → int64, its edges among those of the gene network, each once (see `listed`).
    """

    genes: tuple[str, ...]
    kinds: tuple[str, ...]
    slots: tuple[tuple[str, str], ...]
    place: dict[str, np.ndarray]
    relations: dict[Relation, Arrows]
    directed: bool = False
    pathways: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        modalities: Mapping[str, Sequence[str | None]],
        network: GeneNetwork | None,
        section: SignallingSection,
        kinds_of: Mapping[str, str],
    ) -> Template:
        """From the gene symbol of each column of each modality, a network, and the kind that each
        modality measures.

        Genes are those with a column in a modality of `kinds_of` and, where a network is given, in
        the network. The kind that the network joins has nodes even where no table measures it.
        Raises `InputError` for kinds and modalities that do not meet, and where no gene is left.
        """
        _check(modalities, section, kinds_of)
        kinds = set(kinds_of.values())
        if network is not None and not _has_values(section, kinds):
            network = None
        if network is not None:
            kinds.add(section.interact)
        slots = sorted((kind, m) for m, kind in kinds_of.items())
        genes = _genes(modalities, network, kinds_of)
        place_of = {gene: i for i, gene in enumerate(genes)}
        place = {}
        for _, m in slots:
            places = [place_of.get(symbol, -1) for symbol in modalities[m]]
            place[m] = np.array(places, np.int64)
        nodes = (tuple(genes), tuple(sorted(kinds)), tuple(slots), place)
        relations = _links(section, kinds, len(genes))
        if network is None:
            return cls(*nodes, relations)
        without_network = cls(*nodes, relations, network.directed)
        return without_network._joined(network.on(genes), section)

    def _joined(self, network: GeneNetwork, section: SignallingSection) -> Template:
        """With the interactions of a network on exactly these genes, and the gene sets on them."""
        kind, relations, pathways = section.interact, dict(self.relations), {}
        named = {INTERACTS: network}
        if section.pathways is not None:
            pathways = edge_sets(load_gene_sets(section.pathways), network)
            named[SHARES] = shared_edges(network, pathways)
        for verb, edges in named.items():
            relations[kind, verb, kind] = source, target, weight = edges.arrows()
            if network.directed and section.direction == "both":
                relations[kind, BACK + verb, kind] = (target, source, weight)
        return replace(self, relations=relations, directed=network.directed, pathways=pathways)

    # -------------------------------------------------------------------------------- what is there

    def __len__(self) -> int:
        return len(self.kinds) * len(self.genes)

    @cached_property
    def nodes(self) -> list[tuple[str, str]]:
        """(kind, gene) of every node, kinds first."""
        return [(kind, gene) for kind in self.kinds for gene in self.genes]

    @property
    def edges(self) -> int:
        """How many directed edges all relations hold."""
        return sum(len(source) for source, _, _ in self.relations.values())

    def block(self, kind: str) -> slice:
        """The positions of the nodes of a kind."""
        start = self.kinds.index(kind) * len(self.genes)
        return slice(start, start + len(self.genes))

    def listed(self, relation: Relation) -> int:
        """How many edges of a relation differ: where it has no direction, those that go the first
        way."""
        source, target, _ = self.relations[relation]
        sender, _, receiver = relation
        if sender != receiver or self.directed:
            return len(source)
        loops = int((source == target).sum())
        return (len(source) + loops) // 2

    def messages(self, relation: Relation) -> sparse.csr_matrix:
        """float64 `[G, G]`: weights of the messages of a relation, row = receiver, column =
        sender."""
        source, target, weight = self.relations[relation]
        shape = (len(self.genes), len(self.genes))
        return sparse.csr_matrix((weight, (target, source)), shape=shape)

    def members(self, modality: str) -> sparse.csr_matrix:
        """float64 `[G, F]`: takes the mean of each gene's columns; genes without a column have
        empty rows."""
        place = self.place[modality]
        columns = np.flatnonzero(place >= 0)
        gene = place[columns]
        count = np.bincount(gene, minlength=len(self.genes))
        shape = (len(self.genes), len(place))
        return sparse.csr_matrix((1 / count[gene], (gene, columns)), shape=shape)

    def counts(self) -> dict[str, int]:
        """Nodes of each kind and edges of each relation."""
        counts = {kind: len(self.genes) for kind in self.kinds}
        for relation, (source, _, _) in self.relations.items():
            counts[name_of(relation)] = len(source)
        return counts

    def edge_index(self) -> dict[Relation, np.ndarray]:
        """int64 `[2, E]` of every relation, sender over receiver, counted within their kinds."""
        ends = {}
        for relation, (source, target, _) in self.relations.items():
            ends[relation] = np.stack([source, target])
        return ends

    def to_hetero(self) -> HeteroData:
        """The template as a PyG HeteroData: a node type a kind (`symbol`), an edge type a relation
        (`edge_weight`)."""
        import torch
        from torch_geometric.data import HeteroData

        data = HeteroData()
        for kind in self.kinds:
            data[kind].num_nodes = len(self.genes)
            data[kind].symbol = list(self.genes)
        for relation, ends in self.edge_index().items():
            _, _, weight = self.relations[relation]
            data[relation].edge_index = torch.from_numpy(ends)
            data[relation].edge_weight = torch.from_numpy(weight.astype(np.float32))
        return data

    def __repr__(self) -> str:
        kinds = []
        for kind in self.kinds:
            tables = ", ".join(m for k, m in self.slots if k == kind)
            kinds.append(f"{kind} ({tables or 'inferred'})")
        nodes = f"{len(self):,} nodes: {', '.join(kinds)}"
        return f"Template({len(self.genes):,} genes, {nodes}; {self.edges:,} directed edges)"

    # -------------------------------------------------------------------------------------- filling

    def fill(
        self, tables: Mapping[str, np.ndarray], present: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Patients' values on the nodes: float64 `[N, S, P]`, and bool `[N, S, P]` where there is
        one; S counts `slots`.

        `tables`: modality → `[N, F]`, NaN for missing; `present` bool `[N, M]`, columns in the
        order of `tables`. Columns of one gene are averaged over those measured. Where there is no
        value (another kind's node, a gene that the modality does not measure, a missing cell, an
        absent patient) the mask is False and the value is NaN: nothing to compute with.
        """
        present, names = np.asarray(present, bool), list(tables)
        shape = (len(present), len(self.slots), len(self))
        values = np.full(shape, np.nan)
        for slot, (kind, modality) in enumerate(self.slots):
            table = np.asarray(tables[modality], float)
            has = present[:, [names.index(modality)]]
            known = ~np.isnan(table) & has
            measured = np.where(known, table, 0.0)
            members = (self.members(modality) != 0).astype(float)
            count = (members @ known.T.astype(float)).T
            total = (members @ measured.T).T
            nothing = np.full_like(total, np.nan)
            mean = np.divide(total, count, out=nothing, where=count > 0)
            values[:, slot, self.block(kind)] = mean
        return values, ~np.isnan(values)


def name_of(relation: Relation) -> str:
    """('tran', 'translates', 'prot') → 'tran-translates-prot'."""
    return "-".join(relation)


def kinds_auto(cohort: Cohort) -> dict[str, str]:
    """Modality → node kind, from what the manifest declares, for every table with gene symbols:
    beta and m-values (or CpG sites) are `meth`, proteins `prot`, everything else `tran`, mutations
    and copy numbers among it."""
    kinds = {}
    for name, modality in cohort.modalities.items():
        if not any(modality.symbols):
            continue
        if modality.values in ("beta", "m-value") or modality.entity == "cpg":
            kinds[name] = "meth"
        else:
            kinds[name] = "prot" if modality.entity == "protein" else "tran"
    return kinds


def kinds_of(section: SignallingSection, cohort: Cohort) -> dict[str, str]:
    """Modality → node kind, as the recipe says or by `kinds_auto`. Raises `InputError` for a
    modality that is unknown, has no gene symbol or appears twice, and where none is left."""
    found, faults = {}, Faults("[signalling] kinds")
    for kind, names in section.kinds.items() if section.kinds != "auto" else ():
        for name in names:
            if name not in cohort.modalities:
                faults.add(f"{kind} names modality {name!r}{nearest(name, cohort.modalities)}")
            elif not any(cohort.modalities[name].symbols):
                faults.add(
                    f"{kind} names modality {name!r}, none of whose columns has a gene "
                    "symbol; declare them"
                )
            elif name in found:
                faults.add(
                    f"modality {name!r} stands under {found[name]!r} and {kind!r}; leave one"
                )
            found[name] = kind
    faults.stop()
    found = kinds_auto(cohort) if section.kinds == "auto" else found
    if not found:
        raise InputError(
            f"cohort {cohort.name!r}: no column has a gene symbol, so there is no "
            "signalling graph; "
            'declare entity = "gene" in its manifest, or take [signalling] out of the recipe'
        )
    return found


def _genes(modalities, network: GeneNetwork | None, kinds: Mapping[str, str]) -> list[str]:
    measured = {symbol for m in kinds for symbol in modalities[m] if symbol}
    genes = sorted(measured if network is None else measured & set(network.genes))
    if not genes:
        lost = "" if network is None else f" that network {network.name!r} holds"
        raise InputError(
            f"[signalling]: no column measures a gene{lost}; are the symbols those of the network?"
        )
    return genes


def _links(section: SignallingSection, kinds: set[str], genes: int) -> dict[Relation, Arrows]:
    """Relations between the kinds of one gene; those of a kind that is not there are left out."""
    relations, every = {}, np.arange(genes)
    arrows = (every, every, np.ones(genes))
    for a, b in section.links:
        if {a, b} <= kinds:
            verb = VERBS.get((a, b), "links")
            relations[a, verb, b] = arrows
            if section.direction == "both":
                relations[b, BACK + verb, a] = arrows
    return relations


def _check(modalities, section: SignallingSection, kinds: Mapping[str, str]) -> None:
    """Raises `InputError` with every fault of the kinds and links."""
    faults = Faults("[signalling]")
    named = {*kinds.values(), *USUAL_KINDS}
    if section.kinds != "auto":
        named |= set(section.kinds)
    for modality in set(kinds) - set(modalities):
        faults.add(f"kinds names modality {modality!r}{nearest(modality, modalities)}")
    for a, b in section.links:
        for kind in {a, b} - named - {section.interact}:
            faults.add(f"links names kind {kind!r}{nearest(kind, named)}")
        if a == b:
            faults.add(
                f"links joins {a!r} with itself; interact = {a!r} lays the gene network on it"
            )
    if section.interact not in named | {kind for link in section.links for kind in link}:
        known = nearest(section.interact, named)
        faults.add(
            f"interact = {section.interact!r}: no modality has that kind and no link leads "
            f"to it{known}"
        )
    faults.stop()


def _has_values(section: SignallingSection, kinds: set[str]) -> bool:
    """Whether the nodes that the network joins have values of their own or by one link, so that it
    carries anything."""
    ways = {(a, b) for a, b in section.links}
    if section.direction == "both":
        ways |= {(b, a) for a, b in section.links}
    reached = {b for a, b in ways if a in kinds}
    has_values = section.interact in kinds | reached
    if not has_values:
        log.warning(
            "[signalling] no modality measures %r and no link leads to it from %s: the gene "
            "network carries nothing and is "
            "left out; set interact to a kind that is measured", section.interact,
            ", ".join(sorted(kinds)),
        )  # fmt: skip
    return has_values
