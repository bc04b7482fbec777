"""A cohort: patients × modalities, what is known of each, and what is to be predicted."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graphfuse.data.from_frames import frame_values, frames, in_memory
from graphfuse.data.groups import group_known, group_values
from graphfuse.data.modality import Modality
from graphfuse.data.patient_ids import check_overlap
from graphfuse.data.row_selection import rows_of
from graphfuse.errors import Faults, InputError, nearest
from graphfuse.schema.arguments import checked
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import kind_of

log = logging.getLogger(__name__)


@checked
@dataclass(frozen=True, eq=False)
class Cohort:
    """Patients, their modalities, outcomes and groups, all in one patient order (sorted by id).

    Built by `graphfuse.load` from a manifest, or here from tables in memory: `from_frames`,
    `from_anndata`, `from_mudata`. `about` carries title, licence, citation and the manifest's path
    and hash.
    """

    name: str
    patients: pd.Index
    modalities: dict[str, Modality]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def present(self) -> pd.DataFrame:
        """bool `[N, M]`: which patient has which modality."""
        present = {modality.name: modality.present for modality in self.modalities.values()}
        return pd.DataFrame(present, index=self.patients)

    def outcome(self, name: str | None = None) -> Outcome:
        """The named outcome, or the first one. Raises `InputError` where there is none."""
        if not self.outcomes:
            raise InputError(
                f"cohort {self.name!r} has no outcome; declare [outcome.NAME] in its manifest"
            )
        if name is None:
            return next(iter(self.outcomes.values()))
        if name not in self.outcomes:
            raise InputError(
                f"cohort {self.name!r} has no outcome {name!r}{nearest(name, self.outcomes)}"
            )
        return self.outcomes[name]

    @property
    def shape(self) -> tuple[int, int]:
        """Patients and modalities."""
        return len(self.patients), len(self.modalities)

    def __getitem__(self, rows) -> Cohort:
        """`take`; as of arrays, `cohort[rows, ...]` too, which is how scikit-learn asks."""
        return self.take(rows[0] if isinstance(rows, tuple) else rows)

    __iter__ = None  # a patient is no cohort: there is nothing to go through

    def __array__(self, *args, **options):
        raise TypeError("a Cohort is no array; take cohort.modalities[NAME].table")

    def __sklearn_clone__(self) -> Cohort:
        return self  # never changed, and too large for a copy at every fold

    def take(self, rows) -> Cohort:
        """The cohort of some patients.

        Parameters
        ----------
        rows : array-like, slice, int or str
            Row numbers, ids (`cohort.take(["P1", "P2"])`), or a truth value for each patient.

        Returns
        -------
        Cohort
            Patients in the order in which they were asked for.

        Raises
        ------
        InputError
            For rows and ids that are not there, and for ids given twice.
        """
        rows = rows_of(rows, self.patients)
        modalities = {name: modality.take(rows) for name, modality in self.modalities.items()}
        outcomes = {name: outcome.take(rows) for name, outcome in self.outcomes.items()}
        groups = {name: values[rows] for name, values in self.groups.items()}
        return replace(
            self,
            patients=self.patients[rows],
            modalities=modalities,
            outcomes=outcomes,
            groups=groups,
        )

    def without(self, *names: str) -> Cohort:
        """The cohort less these modalities."""
        left = {name: m for name, m in self.modalities.items() if name not in names}
        return replace(self, modalities=left)

    def with_outcome(self, outcome: Outcome) -> Cohort:
        """The cohort with this outcome besides its own, or in place of one of that name."""
        return replace(self, outcomes={**self.outcomes, outcome.name: outcome})

    def ordered(self) -> Cohort:
        """The cohort with its modalities in the order of their names, in which models are fitted:
        no number may depend on the order of tables in a manifest."""
        return replace(self, modalities=dict(sorted(self.modalities.items())))

    def digest(self) -> str:
        """sha256 over ids, columns, values and outcomes: equal exactly where the data are."""
        sha = hashlib.sha256()
        tables = [modality.table for modality in self.modalities.values()]
        for part in [pd.Series(self.patients), *tables]:
            columns = getattr(part, "columns", ())
            hashes = pd.util.hash_pandas_object(part, index=False)
            sha.update("\0".join(map(str, columns)).encode())
            sha.update(hashes.to_numpy().tobytes())
        for outcome in self.outcomes.values():
            sha.update(repr(outcome.classes).encode())
            sha.update(np.ascontiguousarray(outcome.values).tobytes())
            if outcome.event is not None:
                sha.update(np.ascontiguousarray(outcome.event).tobytes())
        return sha.hexdigest()

    def __repr__(self) -> str:
        lines = [f"Cohort({self.name}: {len(self):,} patients)"]
        lines += [f"  {part!r}" for part in self.modalities.values()]
        lines += [f"  {part!r}" for part in self.outcomes.values()]
        for name, values in self.groups.items():
            different = len(set(values[group_known(values)]))
            lines.append(f"  Group({name}: {different:,} values)")
        return "\n".join(lines)

    # ------------------------------------------------------------------------ from tables in memory

    @classmethod
    def from_frames(
        cls,
        tables: Mapping[str, pd.DataFrame],
        outcome: pd.Series | None = None,
        *,
        name: str = "cohort",
        ehr: Mapping[str, Mapping[str, str]]
        | str
        | list[str]
        | tuple[str, ...]
        | set[str]
        | None = None,
        symbols: Mapping[str, Mapping[str, str]] | None = None,
        groups: Mapping[str, pd.Series] | None = None,
        kind: str = "class",
    ) -> Cohort:
        """A cohort from frames; its patients are the union of the frames' indices.

        Parameters
        ----------
        tables
            A frame patients × columns for each modality, its index the patients' ids.
        outcome
            Class labels, or numbers, indexed by patient; missing or absent: unlabelled.
        name
            What the cohort is called.
        ehr
            Names of tables that are records, or for each the types of its columns (numeric,
            categorical, ordinal, date, or an ordinal's levels from the lowest to the highest), as
            in `{"clinical": {"stage": "ordinal", "mood": ["low", "fair", "good"]}}`; guessed where
            silent.
        symbols
            For each gene table, name of column → gene symbol.
        groups
            A Series indexed by patient for each site, batch or other grouping.
        kind
            What the outcome is: "class" or "number".

        Returns
        -------
        Cohort
            Patients in the order of their ids.

        Raises
        ------
        InputError
            With everything that is wrong: ids that are missing, repeated or written in two ways,
            tables that are none, columns that hold no numbers, labels that are no classes, and
            keys that name no table or column.

        Examples
        --------
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
        known = frames.checked_groups(groups, faults)
        labels = frames.checked_labels(outcome, faults)
        ids = _ids_by_place(tables, known, labels)
        check_overlap(ids, faults, notices, allow_low_overlap=True)
        modalities = frame_values.modalities(tables, types, genes, faults, notices)
        every = sorted(set().union(*(frame.index for frame in tables.values())))
        patients = pd.Index(every, name="patient", dtype=object)
        sites = {}
        for key, series in known.items():
            sites[key] = group_values(series, patients, f"group {key!r}", faults, notices)
        faults.stop()
        outcomes = {}
        if labels is not None:
            made, told = kind_of(kind).from_series(labels, patients)
            outcomes[made.name] = made
            notices += told
        for notice in notices:
            log.warning("%s: %s", name, notice)
        over_all = {modality.name: modality.over(patients) for modality in modalities}
        return cls(name, patients, over_all, outcomes, sites)

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
        groups: str | list[str] | tuple[str, ...] = (),
        id_column: str | None = None,
        kind: str = "class",
    ) -> Cohort:
        """A cohort of one modality from an AnnData, in memory or backed by its file.

        Parameters
        ----------
        adata
            Patients × columns; its values may be sparse.
        outcome
            A column of `.obs` with class labels, or numbers.
        name, modality
            What the cohort and its modality are called.
        layer
            Which layer holds the values; default: `.X`.
        symbols
            A column of `.var` with gene symbols.
        groups
            Columns of `.obs` with the site, batch or other group of each patient.
        id_column
            A column of `.obs` with the patients' ids; default: the names of observations.
        kind
            What the outcome is: "class" or "number".

        Raises
        ------
        InputError
            As `from_frames` does, and for columns and layers that are not there.
        """
        in_memory.check_kind(adata, "obs_names", "adata: expected an AnnData")
        ids = in_memory.ids_of(adata, id_column)
        table = in_memory.table_of(adata, layer, ids, "AnnData")
        genes = in_memory.symbols_of(adata, symbols, "AnnData")
        labels, known = in_memory.observed(adata, outcome, groups, ids)
        given = {"name": name, "symbols": {modality: genes}, "groups": known, "kind": kind}
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
        groups: str | list[str] | tuple[str, ...] = (),
        kind: str = "class",
    ) -> Cohort:
        """A cohort from a MuData, one modality each; its patients are the union.

        Parameters
        ----------
        mdata
            Its modalities are tables of the same patients.
        outcome
            A column of `.obs` with class labels, or numbers.
        name
            What the cohort is called.
        layer, symbols
            As in `from_anndata`: one word for all modalities, or one for each by its name.
        groups
            Columns of `.obs` with the site, batch or other group of each patient.
        kind
            What the outcome is: "class" or "number".

        Raises
        ------
        InputError
            As `from_frames` does, and for columns and layers that are not there.
        """
        in_memory.check_kind(mdata, "mod", "mdata: expected a MuData")
        layers = in_memory.by_modality(layer, mdata.mod, "layer")
        columns = in_memory.by_modality(symbols, mdata.mod, "symbols")
        tables, genes = {}, {}
        for key, adata in mdata.mod.items():
            where = f"modality {key!r}"
            ids = in_memory.ids_of(adata, None)
            tables[key] = in_memory.table_of(adata, layers.get(key), ids, where)
            genes[key] = in_memory.symbols_of(adata, columns.get(key), where)
        labels, known = in_memory.observed(mdata, outcome, groups, mdata.obs_names)
        given = {"name": name, "symbols": genes, "groups": known, "kind": kind}
        return cls.from_frames(tables, labels, **given)


def _ids_by_place(
    tables: Mapping[str, pd.DataFrame], groups: Mapping[str, pd.Series], labels: pd.Series | None
) -> dict[str, pd.Index]:
    """The ids in each of these, by what it is called in messages."""
    ids = {f"table {key!r}": frame.index for key, frame in tables.items()}
    ids |= {f"group {key!r}": series.index for key, series in groups.items()}
    if labels is not None:
        ids["outcome"] = labels.index
    return ids
