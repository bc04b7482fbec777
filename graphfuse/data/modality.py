"""A modality: one kind of measurement over the patients of a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graphfuse.data.patient_selection import rows_of
from graphfuse.schema.check_arguments import checked


@checked
@dataclass(frozen=True, eq=False)
class Modality:
    """One kind of measurement, a table over all patients of a cohort.

    Parameters
    ----------
    name : str
        The name of the modality.
    table : DataFrame `[N, F]`
        Indexed by patient; a patient without the modality has a row of missing values. Columns are
        floats; in patients' records (EHR), numbers are floats and all else is text.
    kind : {"omics", "embedding", "ehr"}
        The kind of table.
    values : str
        The scale of the numbers: counts, log, beta, m-value, z-score, binary or mixed.
    entity : {"gene", "cpg", "mirna", "protein", "none"}
        What the columns measure.
    symbols : tuple of str or None
        The gene symbol of each column, `None` where a column maps to no gene; by default of all.
    types : dict of str to str
        Column → numeric, categorical, ordinal or date, of records.
    transform : {"none", "log1p", "cpm-log"}
        The transform that was applied to each patient's numbers after reading.
    declared : str
        The scale of the numbers before that; by default `values`.
    levels : dict of str to tuple of str
        Ordinal column → its levels from the lowest to the highest; date column → whether the day
        or the month comes first. Only where they were given or had to be kept.

    Examples
    --------
    >>> table = pd.DataFrame({"TP53": [1.5, None], "MDM2": [0.5, None]}, index=["P1", "P2"])
    >>> rna = Modality("rna", table, entity="gene", symbols=("TP53", "MDM2"))
    >>> rna
    Modality(rna: omics, 1 of 2 patients, 2 columns, 2 columns with a gene)
    >>> rna.feature_ids
    ['rna:TP53', 'rna:MDM2']
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
        """Which patients have the modality: bool `[N]`."""
        return self.table.notna().any(axis=1).to_numpy()

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.table.columns)

    @property
    def feature_ids(self) -> list[str]:
        """The names of features in rankings, `modality:column`."""
        return [f"{self.name}:{column}" for column in self.table.columns]

    def take(self, rows) -> Modality:
        """The same modality for some patients.

        Parameters
        ----------
        rows : array-like, slice, int or str
            Row numbers, ids, or a truth value for each patient.

        Returns
        -------
        Modality
            With a row for each, in the order of `rows`.
        """
        chosen = rows_of(rows, self.table.index)
        return replace(self, table=self.table.iloc[chosen])

    def of_columns(self, positions) -> Modality:
        """The same modality with some of its columns.

        Parameters
        ----------
        positions : array-like of int
            Their positions, in the order in which they are kept.

        Returns
        -------
        Modality
        """
        table = self.table.iloc[:, positions]
        symbols = tuple(self.symbols[position] for position in positions)
        types = {column: kind for column, kind in self.types.items() if column in table}
        levels = {column: names for column, names in self.levels.items() if column in table}
        return replace(self, table=table, symbols=symbols, types=types, levels=levels)

    def over(self, patients: pd.Index) -> Modality:
        """The same modality for other patients.

        Parameters
        ----------
        patients : Index
            Their ids; those who are not in the table have a row of missing values.

        Returns
        -------
        Modality
        """
        return replace(self, table=self.table.reindex(patients))

    def __repr__(self) -> str:
        mapped = sum(symbol is not None for symbol in self.symbols)
        genes = f", {mapped:,} columns with a gene" if mapped else ""
        patients, columns = self.table.shape
        return (
            f"Modality({self.name}: {self.kind}, {int(self.present.sum()):,} of {patients:,} "
            f"patients, {columns:,} columns{genes})"
        )
