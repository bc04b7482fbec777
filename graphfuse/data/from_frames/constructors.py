"""Constructors of `Cohort` from tables in memory: frames, AnnData and MuData."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd

from graphfuse.data.from_frames import annotated_data, frames, frames_to_modalities
from graphfuse.data.groups import group_values
from graphfuse.data.patient_ids import check_overlap
from graphfuse.errors import Faults
from graphfuse.schema.check_arguments import checked
from graphfuse.task.registry import kind_of

log = logging.getLogger(__name__)

# Names of tables that are records, or the types of their columns.
RecordTables = Mapping[str, Mapping[str, str]] | str | list[str] | tuple[str, ...] | set[str]
Columns = str | list[str] | tuple[str, ...]


@checked
class FromMemory:
    """The constructors that `Cohort` inherits."""

    @classmethod
    def from_frames(
        cls,
        tables: Mapping[str, pd.DataFrame],
        outcome: pd.Series | None = None,
        *,
        name: str = "cohort",
        ehr: RecordTables | None = None,
        symbols: Mapping[str, Mapping[str, str]] | None = None,
        groups: Mapping[str, pd.Series] | None = None,
        kind: str = "class",
    ) -> Self:
        """A cohort from pandas frames.

        Its patients are the union of the frames' indices, sorted.

        Parameters
        ----------
        tables : mapping of str to DataFrame
            Modality → its table, patients × columns, indexed by the patients' ids.
        outcome : Series, optional
            Class labels, or numbers, indexed by patient; patients who are missing from it are
            unlabelled.
        name : str
            The name of the cohort.
        ehr : mapping, str or collection of str, optional
            Names of the tables that hold patients' records (columns of mixed types), or for each
            of them the types of its columns: numeric, categorical, ordinal, date, or an ordinal's
            levels from the lowest to the highest, as in
            `{"clinical": {"stage": "ordinal", "mood": ["low", "fair", "good"]}}`. Types that are
            not given are guessed.
        symbols : mapping of str to mapping, optional
            Gene table → column → gene symbol.
        groups : mapping of str to Series, optional
            Name of a grouping, such as site or batch → each patient's group, indexed by patient.
        kind : {"class", "number"}
            The kind of the outcome.

        Returns
        -------
        Cohort

        Raises
        ------
        InputError
            With every fault: ids that are missing, repeated or written in two ways, columns that
            hold no numbers, labels that are no classes, unknown names of tables and columns.

        Examples
        --------
        >>> import pandas as pd
        >>> from graphfuse import Cohort
        >>> rna = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> Cohort.from_frames({"rna": rna}, pd.Series({"P1": "a", "P2": "b"}, name="arm"))
        Cohort(cohort: 2 patients)
          Modality(rna: omics, 2 of 2 patients, 1 columns)
          Outcome(arm: class; a 1, b 1; unlabelled 0)
        """
        faults, notices = Faults(f"cohort {name!r}"), []
        tables = frames.checked_tables(tables, faults)
        faults.stop()
        types = frames.checked_types(ehr, tables, faults)
        genes = frames.checked_symbols(symbols, tables, faults)
        group_series = frames.checked_groups(groups, faults)
        labels = frames.checked_labels(outcome, faults)
        ids = _ids_by_place(tables, group_series, labels)
        check_overlap(ids, faults, notices, allow_low_overlap=True)
        modalities = frames_to_modalities.modalities(tables, types, genes, faults, notices)
        patients = _union_of_ids(tables)
        aligned = _aligned_groups(group_series, patients, faults, notices)
        faults.stop()
        outcomes = {}
        if labels is not None:
            read, outcome_notices = kind_of(kind).from_series(labels, patients)
            outcomes[read.name] = read
            notices += outcome_notices
        for notice in notices:
            log.warning("%s: %s", name, notice)
        over_all = {modality.name: modality.over(patients) for modality in modalities}
        return cls(name, patients, over_all, outcomes, aligned)

    @classmethod
    def from_anndata(
        cls,
        adata,
        outcome: str | None = None,
        *,
        name: str = "cohort",
        modality: str = "rna",
        layer: str | None = None,
        symbols: str | None = None,
        groups: Columns = (),
        id_column: str | None = None,
        kind: str = "class",
    ) -> Self:
        """A cohort of one modality from an AnnData, in memory or backed by its file.

        Parameters
        ----------
        adata : AnnData
            Patients × columns; its values may be sparse.
        outcome : str, optional
            The column of `.obs` with class labels, or numbers.
        name, modality : str
            The names of the cohort and of its modality.
        layer : str, optional
            The layer that holds the values; by default `.X`.
        symbols : str, optional
            The column of `.var` with gene symbols.
        groups : str or list of str
            Columns of `.obs` with the site, batch or other group of each patient.
        id_column : str, optional
            The column of `.obs` with the patients' ids; by default the names of observations.
        kind : {"class", "number"}
            The kind of the outcome.

        Returns
        -------
        Cohort

        Raises
        ------
        InputError
            As `from_frames` does, and for columns and layers that are not there.

        Examples
        --------
        >>> import anndata, pandas as pd
        >>> from graphfuse import Cohort
        >>> table = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> arms = pd.DataFrame({"arm": ["a", "b"]}, index=["P1", "P2"])
        >>> Cohort.from_anndata(anndata.AnnData(table, obs=arms), outcome="arm")
        Cohort(cohort: 2 patients)
          Modality(rna: omics, 2 of 2 patients, 1 columns)
          Outcome(arm: class; a 1, b 1; unlabelled 0)
        """
        annotated_data.check_kind(adata, "obs_names", "adata: expected an AnnData")
        ids = annotated_data.ids_of(adata, id_column)
        table = annotated_data.table_of(adata, layer, ids, "AnnData")
        genes = annotated_data.symbols_of(adata, symbols, "AnnData")
        labels, series = annotated_data.observed(adata, outcome, groups, ids)
        given = {"name": name, "symbols": {modality: genes}, "groups": series, "kind": kind}
        return cls.from_frames({modality: table}, labels, **given)

    @classmethod
    def from_mudata(
        cls,
        mdata,
        outcome: str | None = None,
        *,
        name: str = "cohort",
        layer: Mapping[str, str] | str | None = None,
        symbols: Mapping[str, str] | str | None = None,
        groups: Columns = (),
        kind: str = "class",
    ) -> Self:
        """A cohort from a MuData, with one modality for each of its own.

        Its patients are the union of the modalities' observations, sorted.

        Parameters
        ----------
        mdata : MuData
            Its modalities are tables of the same patients.
        outcome : str, optional
            The column of `.obs` with class labels, or numbers.
        name : str
            The name of the cohort.
        layer : str or mapping of str to str, optional
            The layer that holds the values, for all modalities or by modality; by default `.X`.
        symbols : str or mapping of str to str, optional
            The column of `.var` with gene symbols, for all modalities or by modality.
        groups : str or list of str
            Columns of `.obs` with the site, batch or other group of each patient.
        kind : {"class", "number"}
            The kind of the outcome.

        Returns
        -------
        Cohort

        Raises
        ------
        InputError
            As `from_frames` does, and for columns and layers that are not there.

        Examples
        --------
        >>> import anndata, mudata, pandas as pd
        >>> from graphfuse import Cohort
        >>> table = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> data = mudata.MuData({"rna": anndata.AnnData(table)})
        >>> data.obs["arm"] = ["a", "b"]
        >>> Cohort.from_mudata(data, outcome="arm")
        Cohort(cohort: 2 patients)
          Modality(rna: omics, 2 of 2 patients, 1 columns)
          Outcome(arm: class; a 1, b 1; unlabelled 0)
        """
        annotated_data.check_kind(mdata, "mod", "mdata: expected a MuData")
        layers = annotated_data.by_modality(layer, mdata.mod, "layer")
        columns = annotated_data.by_modality(symbols, mdata.mod, "symbols")
        tables, genes = {}, {}
        for key, adata in mdata.mod.items():
            where = f"modality {key!r}"
            ids = annotated_data.ids_of(adata, None)
            tables[key] = annotated_data.table_of(adata, layers.get(key), ids, where)
            genes[key] = annotated_data.symbols_of(adata, columns.get(key), where)
        labels, series = annotated_data.observed(mdata, outcome, groups, mdata.obs_names)
        given = {"name": name, "symbols": genes, "groups": series, "kind": kind}
        return cls.from_frames(tables, labels, **given)


def _union_of_ids(tables: Mapping[str, pd.DataFrame]) -> pd.Index:
    """The ids of all tables, sorted."""
    ids = set().union(*(frame.index for frame in tables.values()))
    return pd.Index(sorted(ids), name="patient", dtype=object)


def _aligned_groups(
    groups: Mapping[str, pd.Series], patients: pd.Index, faults: Faults, notices: list[str]
) -> dict[str, np.ndarray]:
    """Each patient's group, by the name of the grouping; faults and notices as `group_values`."""
    aligned = {}
    for key, series in groups.items():
        aligned[key] = group_values(series, patients, f"group {key!r}", faults, notices)
    return aligned


def _ids_by_place(
    tables: Mapping[str, pd.DataFrame], groups: Mapping[str, pd.Series], labels: pd.Series | None
) -> dict[str, pd.Index]:
    """The ids of tables, groups and labels, by what messages call these."""
    ids = {f"table {key!r}": frame.index for key, frame in tables.items()}
    ids |= {f"group {key!r}": series.index for key, series in groups.items()}
    if labels is not None:
        ids["outcome"] = labels.index
    return ids
