"""Gene sets as a channel of the net: each patient as one row of columns for every set.

What a cohort costs: N patients become `[N, T, G]` float64 for T sets, the largest of which has G
columns over all modalities; 800 patients, 50 sets and 400 columns are 128 MB, 200 sets of up to 600
columns 770 MB, and each fold of the bank holds half of that in float32 (its seeds share it); a
replica's step on one core takes .07 s and 1 s. A column stands once for every set it is in, and all
sets are as wide as the largest: `[pathways] most` and a collection without huge sets set the price.
Nothing is cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from graphfuse.data.cohort import Cohort
from graphfuse.errors import counted, warn_once
from graphfuse.graph.gene.gene_set_files import load_gene_sets
from graphfuse.graph.gene.gene_sets import random_sets
from graphfuse.schema.recipe import PathwaySection

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Pathways:
    """Each patient's standardised columns by gene set, those of all modalities together.

    `sets`: their names, a token each; `modalities`: those with a gene in a set; `place` int64 `[T,
    G]`: which columns a set has, numbered over the modalities' columns side by side, padded with
    -1; `order`: the cohort's modalities, which is the order of the columns of `present`.
    """

    sets: tuple[str, ...]
    modalities: tuple[str, ...]
    order: tuple[str, ...]
    place: np.ndarray

    name = "pathways"
    edge_rows = slice(0, 0)  # no row is there because of edges: the control is a random collection
    smooth_rows = slice(0, None)

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        symbols: Mapping[str, Sequence[str | None]],
        section: PathwaySection,
        seed: int = 0,
    ) -> Pathways | None:
        """From `symbols`: modality → gene of each standardised column; `None`, with a warning
        (once), where no set has enough genes.

        Sets are chosen by the genes that the cohort measures in these modalities, whatever was
        selected of them, so that all folds have the same tokens. `seed` draws the control's sets.
        Raises `InputError` as `load_gene_sets` does.
        """
        measured = measured_in(cohort, symbols)
        sets = chosen_sets(load_gene_sets(section.sets), measured, section)
        if section.control == "random":
            sets = random_sets(sets, sorted(measured), seed)
        inside = {gene for genes in sets.values() for gene in genes}
        modalities = tuple(m for m in symbols if inside.intersection(symbols[m]))
        if not modalities:
            # with a part of the modalities nothing else is to be expected
            has_all = len(symbols) == len(cohort.modalities)
            if has_all and not sets:
                warn_once(log, _none_qualifies(section, measured, symbols))
            return None
        genes_of_columns = [gene for m in modalities for gene in symbols[m]]
        place = columns_of(sets, genes_of_columns)
        return cls(tuple(sets), modalities, tuple(cohort.modalities), place)

    @property
    def features(self) -> tuple[int, int]:
        """(sets T, columns G of the largest)."""
        return self.place.shape

    @property
    def columns(self) -> np.ndarray:
        """int `[T]`: how many columns each set has."""
        return (self.place >= 0).sum(1)

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """float64 `[N, T, G]`: every set's columns, in which it is linear, then zeros.

        `own`: modality → standardised columns `[N, F]`; `present` bool `[N, M]`. Columns of an
        absent modality are 0 whatever is stored there; as the encoder is linear in them, they then
        add nothing to a token.
        """
        columns = []
        for m in self.modalities:
            has = present[:, self.order.index(m), None] > 0
            columns.append(torch.where(has, own[m].double(), 0.0))
        zeros = columns[0].new_zeros(len(columns[0]), 1)  # where the padding points
        columns = torch.cat([*columns, zeros], 1)
        place = torch.from_numpy(self.place).to(columns.device)
        place = torch.where(place < 0, columns.shape[1] - 1, place)  # [T, G]
        by_set = columns.index_select(1, place.flatten())
        return by_set.unflatten(1, place.shape)

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]` from `[N, M]`: who has any of the modalities shown."""
        shown = [self.order.index(m) for m in self.modalities]
        return np.asarray(present, bool)[:, shown].any(1)

    def prime(self, encode: nn.Module) -> None:
        """Gives the encoder 1 / √(columns) of each set, so that large and small sets start
        alike."""
        encode.scale.copy_(torch.from_numpy(np.maximum(self.columns, 1) ** -0.5))

    def attributions(
        self, gradient: np.ndarray, own: Mapping[str, np.ndarray], weight: np.ndarray
    ) -> np.ndarray:
        """What each set's token adds in each direction `[K, T]`: Σ over its columns of gradient ×
        value.

        `gradient` `[K, N, T, G]` of each direction's predictor by `inputs(own, present)`, averaged
        along a path or not; `own` has zeros for whoever is absent; `weight` `[N, K]` of each
        patient in the mean of each direction.
        """
        everyone = torch.ones(len(weight), len(self.order), dtype=torch.bool)
        tensors = {m: torch.as_tensor(own[m]) for m in self.modalities}
        inputs = self.inputs(tensors, everyone).numpy()
        gradient = np.asarray(gradient, float)
        return np.einsum("kntg,ntg,nk->kt", gradient, inputs, weight)

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the channel."""
        about = {"sets": self.sets, "modalities": self.modalities, "order": self.order}
        return {"place": self.place}, about

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: Mapping) -> Pathways:
        """The channel of `state`'s arrays and JSON."""
        sets, modalities = tuple(about["sets"]), tuple(about["modalities"])
        return cls(sets, modalities, tuple(about["order"]), arrays["place"])

    def __repr__(self) -> str:
        sets, columns = self.place.shape
        names = ", ".join(self.modalities)
        return f"Pathways({sets} sets of up to {columns} columns of {names})"


def measured_in(cohort: Cohort, modalities: Iterable[str]) -> set[str]:
    """The genes that these modalities have a column of."""
    return {symbol for m in modalities for symbol in cohort.modalities[m].symbols if symbol}


def qualifying(cohort: Cohort, section: PathwaySection) -> tuple[str, list[str]]:
    """How many of the file's gene sets have enough measured genes, in words, and a notice where
    none has. Raises `InputError` as `load_gene_sets` does."""
    sets, measured = load_gene_sets(section.sets), measured_in(cohort, cohort.modalities)
    sizes = [len(measured.intersection(genes)) for genes in sets.values()]
    enough = sum(size >= section.least for size in sizes)
    have = "has" if enough == 1 else "have"
    least = counted(section.least, "measured gene")
    line = f"{section.sets}: {enough:,} of {counted(len(sets), 'set')} {have} at least {least}"
    if enough > section.most:
        line += f"; the {section.most:,} with most are taken"
    notices = [] if enough else [_none_qualifies(section, measured, cohort.modalities)]
    return line, notices


def _none_qualifies(section: PathwaySection, measured: set[str], modalities: Iterable[str]) -> str:
    genes, where = counted(len(measured), "gene"), ", ".join(modalities)
    return (
        f"{section.sets}: no gene set has {section.least} of the {genes} measured in {where}, so "
        "there are no pathway tokens; are both written as symbols of one species?"
    )


def chosen_sets(
    sets: Mapping[str, Sequence[str]], measured: set[str], section: PathwaySection
) -> dict[str, tuple[str, ...]]:
    """The `most` sets with most measured genes, at least `least` of them, ties by name; sorted by
    name, with measured genes alone."""
    inside = {name: tuple(sorted(measured.intersection(genes))) for name, genes in sets.items()}
    enough = [name for name in inside if len(inside[name]) >= section.least]
    enough.sort(key=lambda name: (-len(inside[name]), name))
    log.info(
        "%s: %d of %d gene sets have %d measured genes",
        section.sets,
        len(enough),
        len(sets),
        section.least,
    )
    return {name: inside[name] for name in sorted(enough[: section.most])}


def columns_of(sets: Mapping[str, Sequence[str]], symbols: Sequence[str | None]) -> np.ndarray:
    """int64 `[T, G]`: the columns, by their gene in `symbols`, of each set, padded with -1 to the
    largest."""
    of_gene: dict[str, list[int]] = {}
    for column, symbol in enumerate(symbols):
        of_gene.setdefault(symbol or "", []).append(column)
    of_set = []
    for genes in sets.values():
        columns = [column for gene in genes for column in of_gene.get(gene, ())]
        of_set.append(sorted(columns))
    largest = max(len(columns) for columns in of_set)
    place = np.full((len(of_set), largest), -1, np.int64)
    for row, columns in zip(place, of_set, strict=True):
        row[: len(columns)] = columns
    return place
