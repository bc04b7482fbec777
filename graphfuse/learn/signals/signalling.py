"""The signalling graph as a channel of the net: fitted on training patients, it shows anyone as a
signal on typed nodes.

What a cohort costs: N patients become `[N, C, P]` float64, P = kinds × genes. Two modalities on
three kinds make C of about 10: 800 patients on 500 genes are 96 MB, on 5,000 genes 960 MB, and
while it trains each replica holds some ten arrays `[N, P, 4]` of float32 (a step on one core with
600 patients: .15 s at 500 genes, .4 s at 1,000). `[signalling] genes` sets the price.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from scipy.stats import rankdata
from torch import Tensor, nn

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.read import read_table
from graphfuse.data.steps.scale import Scale
from graphfuse.errors import InputError, examples
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.path_values import PathValues, edge_contributions, path_values
from graphfuse.graph.gene.typed_gene_graph import Template, kinds_of
from graphfuse.schema import SignallingSection

log = logging.getLogger(__name__)

LEARNED, NONE = -1, 0


@dataclass(frozen=True, eq=False)
class Signalling:
    """Each patient's standardised columns on the nodes of a template, and what arrives there along
    its relations.

    `order`: the cohort's modalities, which is the order of the columns of `present`. `table`
    float64 `[P, d]`: what is known of each node beforehand, d = 0 without; `learned`: whether nodes
    are told apart by what the encoder learns of each.
    """

    template: Template
    order: tuple[str, ...]
    table: np.ndarray
    learned: bool

    name = "signalling"

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        symbols: Mapping[str, Sequence[str | None]],
        network: GeneNetwork | None,
        section: SignallingSection,
        seed: int = 0,
    ) -> Signalling:
        """On training patients; `symbols`: modality → gene symbol of each standardised column.
        Nothing here is drawn by chance, so `seed` changes nothing. Raises `InputError` as
        `Template.build` does, and for tables without a node."""
        kinds = kinds_of(section, cohort)
        kinds = {m: kind for m, kind in kinds.items() if any(symbols.get(m, ()))}
        genes = {m: tuple(symbols[m]) for m in kinds}
        if section.genes is not None:
            kept = chosen_genes(cohort, genes, network, section.genes)
            for m, names in genes.items():
                genes[m] = tuple(name if name in kept else None for name in names)
        template = Template.build(genes, network, section, kinds)
        table = np.zeros((len(template), 0))
        if section.table is not None:
            table = identity_table(section.table, template)
        return cls(template, tuple(cohort.modalities), table, section.identity == "learned")

    @cached_property
    def carried(self) -> list[PathValues]:
        """What is shown on the nodes, apart from who is measured."""
        return path_values(self.template)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities whose columns are shown."""
        return tuple(m for _, m in self.template.slots)

    @property
    def features(self) -> tuple[int, int, int]:
        """(channels C, nodes P, identity): identity is -1 where it is learned, 0 for none, d for a
        table of that width."""
        identity = LEARNED if self.learned else self.table.shape[1]
        return len(self.template.slots) + len(self.carried), len(self.template), identity

    @property
    def edge_rows(self) -> slice:
        """The channels that are there because of edges."""
        return slice(2 * len(self.template.slots), self.features[0])

    @property
    def smooth_rows(self) -> slice:
        """The channels that change smoothly with the columns: all of them."""
        return slice(0, self.features[0])

    @cached_property
    def _steps(self) -> list[Tensor]:
        return [_tensor(item.step) for item in self.carried]

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """float64 `[N, C, P]`: per slot its values, per slot who is measured (1 or 0), and per path
        what arrives.

        `own`: modality → standardised columns `[N, F]`, in which the result is linear; `present`
        bool `[N, M]`. Every channel is 0 outside its own kind's nodes, so that kinds share a width
        and no weight. A missing cell of a present patient has been imputed with the training median
        before.
        """
        has = present.to(torch.float64)
        channels, nodes, _ = self.features
        slots = len(self.template.slots)
        inputs = torch.zeros(len(has), channels, nodes, dtype=torch.float64, device=has.device)
        for i, (item, values) in enumerate(zip(self.carried, self._values(own, has), strict=True)):
            block = self.template.block(item.kind)
            is_value = item.previous < 0  # else it arrives along a path
            row = i if is_value else i + slots
            inputs[:, row, block] = values.T
            if is_value:
                known = torch.from_numpy(item.known.astype(float)).to(has.device)
                mine = has[:, self.order.index(item.modality), None]
                inputs[:, row + slots, block] = mine * known
        return inputs

    def _values(self, own: Mapping[str, Tensor], has: Tensor) -> list[Tensor]:
        """What each of `carried` is for these patients `[G, N]`."""
        values = []
        for item, step in zip(self.carried, self._steps, strict=True):
            if item.previous < 0:
                mine = has[:, self.order.index(item.modality), None]
                start = torch.where(mine > 0, own[item.modality].double(), 0.0).T
            else:
                start = values[item.previous]
            values.append(torch.sparse.mm(step.to(start.device), start))
        return values

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]` from `[N, M]`: who has any of the modalities shown."""
        shown = [self.order.index(m) for m in self.modalities]
        return present[:, shown].any(1)

    def prime(self, encode: nn.Module) -> None:
        """Put the identity table into the encoder's buffer, where it has one."""
        if self.features[2] > 0 and hasattr(encode, "table"):
            encode.table.copy_(torch.from_numpy(self.table))

    def edges(self, gradient, own: Mapping[str, Tensor], weight) -> tuple[pd.DataFrame, np.ndarray]:
        """The typed edges and what each adds in each direction `[K, E]` (see `edge_contributions`).

        `gradient` `[K, N, C, P]` of each direction's predictor by `inputs(own, present)`, averaged
        along a path or not; `own` has zeros for whoever is absent; `weight` `[N, K]` of each
        patient in the mean of each direction.
        """
        gradient, weight = np.asarray(gradient, float), np.asarray(weight, float)
        has = torch.ones(gradient.shape[1], len(self.order), dtype=torch.float64)
        columns = {m: torch.as_tensor(np.asarray(own[m], float)) for m in self.modalities}
        values = [value.T.numpy() for value in self._values(columns, has)]
        by_direction, slots = weight.T[:, :, None], len(self.template.slots)
        by_item = []
        for i, item in enumerate(self.carried):
            row = i if item.previous < 0 else i + slots
            block = self.template.block(item.kind)
            by_item.append(gradient[:, :, row, block] * by_direction)
        return edge_contributions(self.template, self.carried, values, by_item)

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the channel."""
        graph, arrays = self.template, {"table": self.table}
        arrays |= {f"place/{m}": place for m, place in graph.place.items()}
        arrays |= {f"pathway/{i}": edges for i, edges in enumerate(graph.pathways.values())}
        for i, arrows in enumerate(graph.relations.values()):
            arrays |= {f"relation/{i}/{end}": array for end, array in enumerate(arrows)}
        about = {
            "genes": graph.genes,
            "kinds": graph.kinds,
            "slots": graph.slots,
            "directed": graph.directed,
        }
        about |= {"relations": list(graph.relations), "pathways": list(graph.pathways)}
        return arrays, about | {"order": self.order, "learned": self.learned}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: Mapping) -> Signalling:
        """The channel of `state`'s arrays and JSON."""
        slots = tuple((kind, m) for kind, m in about["slots"])
        place = {m: arrays[f"place/{m}"] for _, m in slots}
        relations = {}
        for i, relation in enumerate(about["relations"]):
            ends = tuple(arrays[f"relation/{i}/{end}"] for end in range(3))
            relations[tuple(relation)] = ends
        pathways = {name: arrays[f"pathway/{i}"] for i, name in enumerate(about["pathways"])}
        genes, kinds = tuple(about["genes"]), tuple(about["kinds"])
        template = Template(genes, kinds, slots, place, relations, about["directed"], pathways)
        return cls(template, tuple(about["order"]), arrays["table"], about["learned"])

    def __repr__(self) -> str:
        return f"Signalling({self.features[0]} channels on {self.template!r})"


def _tensor(matrix: sparse.csr_matrix) -> Tensor:
    entries = matrix.tocoo()
    places = np.stack([entries.row, entries.col]).astype(np.int64)
    return torch.sparse_coo_tensor(
        torch.from_numpy(places),
        torch.from_numpy(entries.data),
        matrix.shape,
        is_coalesced=True,
        check_invariants=False,
    )


# ------------------------------------------------------------------------- what is fitted beside it


def chosen_genes(
    cohort: Cohort,
    symbols: Mapping[str, Sequence[str | None]],
    network: GeneNetwork | None,
    most: int,
) -> set[str]:
    """At most so many genes: first those measured in more modalities, then those whose columns vary
    most among training patients (by rank within a modality, averaged over modalities), then by
    name. With a network, genes that it holds."""
    known = {gene for names in symbols.values() for gene in names if gene}
    if network is not None:
        known &= set(network.genes)
    ranks = {}
    for m, names in symbols.items():
        ranks[m] = _variance(cohort.modalities[m], known.intersection(names))
    ranks = pd.DataFrame(ranks)
    counts = ranks.notna().sum(axis=1)
    genes = pd.DataFrame({"count": counts, "rank": ranks.mean(axis=1), "gene": ranks.index})
    best = genes.sort_values(["count", "rank", "gene"], ascending=[False, False, True])
    return set(best["gene"].head(most))


def _variance(modality: Modality, genes: set[str]) -> pd.Series:
    """Rank of each gene by the variance of its most variable column, from 0 to 1."""
    spread = modality.table.var(axis=0, ddof=0).fillna(0.0).to_numpy()
    largest: dict[str, float] = {}
    for symbol, value in zip(modality.symbols, spread, strict=True):
        if symbol in genes:
            largest[symbol] = max(value, largest.get(symbol, 0.0))
    rank = rankdata([*largest.values()]) / max(len(largest), 1)
    return pd.Series(rank, index=[*largest], dtype=float)


def identity_table(path: str, template: Template) -> np.ndarray:
    """float64 `[P, d + kinds]`: a table of genes, standardised over the nodes it knows, and which
    kind a node is.

    Rows are named by gene symbol, or by `kind:symbol` where the kinds of a gene differ; a node
    without a row gets 0. Raises `InputError` where columns hold text or no node has a row.
    """
    frame = read_table(path)
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    if text or not frame.shape[1]:
        wrong = examples(text) or "no column"
        raise InputError(f"[signalling] table {path}: columns must be numbers (not so: {wrong})")
    place = _rows_of_nodes(frame, template)
    known = place >= 0
    if not known.any():
        rows = examples(frame.index)
        raise InputError(
            f"[signalling] table {path}: no row is named after a gene of the graph (rows: {rows})"
        )
    log.info("identity table: %d of %d nodes have a row in %s", known.sum(), len(known), path)
    values = np.nan_to_num(frame.to_numpy(float)[place[known]])
    scaled = np.zeros((len(template), frame.shape[1]))
    scaled[known] = Scale.fit(values).apply(values)
    kinds = np.repeat(np.eye(len(template.kinds)), len(template.genes), axis=0)
    return np.column_stack([scaled, kinds])


def _rows_of_nodes(frame: pd.DataFrame, template: Template) -> np.ndarray:
    """int `[P]`: the row of each node in a table of genes, -1 without one."""
    row = {name: i for i, name in enumerate(frame.index)}
    rows = []
    for kind, gene in template.nodes:
        of_gene = row.get(gene, -1)
        rows.append(row.get(f"{kind}:{gene}", of_gene))
    return np.array(rows)
