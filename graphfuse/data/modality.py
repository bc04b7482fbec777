"""One kind of measurement over the patients of a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graphfuse.data.row_selection import rows_of
from graphfuse.schema.arguments import checked


@checked
@dataclass(frozen=True, eq=False)
class Modality:
    """A table `[N, F]` over all N patients of a cohort; a patient without the modality has a row of
    missing values.

    `table`: float columns for omics and embeddings; typed columns for EHR (numbers as float,
    categories as text). `symbols`: gene symbol per column, `None` where a column maps to no gene.
    `types`: EHR column types (numeric | categorical | ordinal | date). `levels`: the order of an
    ordinal's levels, or of the parts of a date, where it is given. `present` bool `[N]`: patients
    who have the modality.

    `values`: what the numbers of `table` are (counts, log, …). `transform`: what was done to each
    patient's numbers on the way from the file (`per_patient`), and `declared`: what they were
    before it.
    """

    name: str
    table: pd.DataFrame
    kind: str = "omics"
    values: str = "mixed"
    entity: str = "none"
    symbols: tuple[str | None, ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    transform: str = "none"
    declared: str = ""
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self):
        if not self.symbols:
            object.__setattr__(self, "symbols", (None,) * self.table.shape[1])
        if not self.declared:
            object.__setattr__(self, "declared", self.values)

    @property
    def present(self) -> np.ndarray:
        return self.table.notna().any(axis=1).to_numpy()

    @property
    def columns(self) -> list[str]:
        return list(self.table.columns)

    @property
    def feature_ids(self) -> list[str]:
        """`modality:column` for every column: how rankings name features."""
        return [f"{self.name}:{column}" for column in self.table.columns]

    def take(self, rows) -> Modality:
        """The same modality for the patients at `rows`."""
        return replace(self, table=self.table.iloc[rows_of(rows, self.table.index)])

    def over(self, patients: pd.Index) -> Modality:
        """The same modality over these patients; those it does not know have missing values."""
        return replace(self, table=self.table.reindex(patients))

    def __repr__(self) -> str:
        mapped = sum(s is not None for s in self.symbols)
        genes = f", {mapped:,} columns with a gene" if mapped else ""
        return (
            f"Modality({self.name}: {self.kind}, {int(self.present.sum()):,} of "
            f"{len(self.table):,} patients, "
            f"{self.table.shape[1]:,} columns{genes})"
        )
