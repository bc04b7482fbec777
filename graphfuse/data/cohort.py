"""A cohort: patients × modalities, what is known of each, and what is to be predicted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graphfuse.data.magnitude import LARGEST, is_huge
from graphfuse.data.modality import Modality
from graphfuse.data.outcome import Outcome
from graphfuse.errors import Faults, InputError, counted, examples, nearest


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
        return pd.DataFrame(
            {m.name: m.present for m in self.modalities.values()}, index=self.patients
        )

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

    def take(self, rows: np.ndarray) -> Cohort:
        """The cohort of the patients at `rows`, in that order."""
        rows = np.atleast_1d(np.asarray(rows, dtype=None if np.size(rows) else int))
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            patients=self.patients[rows],
            modalities={k: m.take(rows) for k, m in self.modalities.items()},
            outcomes={k: o.take(rows) for k, o in self.outcomes.items()},
            groups={k: g[rows] for k, g in self.groups.items()},
        )

    def of(self, ids) -> Cohort:
        """The cohort of the patients with these ids, in that order. Raises `InputError` for unknown
        ids."""
        rows = self.patients.get_indexer(pd.Index(ids))
        if (rows < 0).any():
            raise InputError(f"{int((rows < 0).sum())} patient ids are not in cohort {self.name!r}")
        return self.take(rows)

    def without(self, *names: str) -> Cohort:
        """The cohort less these modalities."""
        return replace(
            self, modalities={k: m for k, m in self.modalities.items() if k not in names}
        )

    def ordered(self) -> Cohort:
        """The cohort with its modalities in the order of their names, in which models are fitted:
        no number may depend on the order of tables in a manifest."""
        return replace(self, modalities=dict(sorted(self.modalities.items())))

    def digest(self) -> str:
        """sha256 over ids, columns, values and outcomes: equal exactly where the data are."""
        sha = hashlib.sha256()
        for part in [pd.Series(self.patients)] + [m.table for m in self.modalities.values()]:
            sha.update("\0".join(map(str, getattr(part, "columns", ()))).encode())
            sha.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        for outcome in self.outcomes.values():
            sha.update(
                repr(outcome.classes).encode() + np.ascontiguousarray(outcome.values).tobytes()
            )
            sha.update(
                b"" if outcome.event is None else np.ascontiguousarray(outcome.event).tobytes()
            )
        return sha.hexdigest()

    def __repr__(self) -> str:
        lines = [f"Cohort({self.name}: {len(self):,} patients)"]
        lines += [f"  {m!r}" for m in self.modalities.values()]
        lines += [f"  {o!r}" for o in self.outcomes.values()]
        lines += [
            f"  Group({k}: {len(set(g[group_known(g)])):,} values)" for k, g in self.groups.items()
        ]
        return "\n".join(lines)

    # ------------------------------------------------------------------------ from tables in memory

    @classmethod
    def from_frames(
        cls,
        tables: Mapping[str, pd.DataFrame],
        outcome: pd.Series | None = None,
        *,
        name: str = "cohort",
        ehr: Mapping[str, Mapping[str, str]] | Iterable[str] | None = None,
        symbols: Mapping[str, Mapping[str, str]] | None = None,
        groups: Mapping[str, pd.Series] | None = None,
    ) -> Cohort:
        """A cohort from patients × columns frames; patients are the union of the tables' indices.

        `outcome`: class labels indexed by patient (missing = unlabelled). `ehr`: names of EHR
        tables, or for each the types of its columns (numeric, categorical, ordinal or date), as in
        `ehr={"clinical": {"stage": "ordinal"}}`. `symbols`: for each gene table, column name → gene
        symbol. Raises `InputError` on duplicate patients or columns and on non-numeric omics
        columns.
        """
        symbols, faults = symbols or {}, Faults(f"cohort {name!r}")
        ehr = ehr if isinstance(ehr, Mapping) else {key: {} for key in ehr or ()}
        for key in {*ehr, *symbols} - set(tables):
            faults.add(f"{key!r} is no table{nearest(key, tables)}")
        if outcome is not None and not isinstance(outcome, pd.Series):
            faults.add(
                "outcome: expected a pandas Series of labels indexed by patient (got "
                f"{type(outcome).__name__})"
            )
        elif outcome is not None and not set(outcome.index.map(str)) & {
            str(i) for t in tables.values() for i in t.index
        }:
            faults.add("outcome: its index has no patient in common with the tables")
        faults.stop()
        tables = {
            key: frame.set_axis(frame.index.map(str), axis=0) for key, frame in tables.items()
        }
        for key, frame in tables.items():
            check_unique(frame, f"table {key!r}", faults)
        faults.stop()
        patients = pd.Index(
            sorted(set().union(*(frame.index for frame in tables.values()))), name="patient"
        )
        modalities = {}
        for key, frame in tables.items():
            genes = symbols.get(key, {})
            modalities[key] = Modality(
                key,
                (frame if key in ehr else numeric(frame, f"table {key!r}")).reindex(patients),
                kind="ehr" if key in ehr else "omics",
                entity="gene" if genes else "none",
                symbols=tuple(genes.get(column) for column in frame.columns),
                types=dict(ehr.get(key, {})),
            )
        outcomes = (
            {}
            if outcome is None
            else {str(outcome.name or "outcome"): class_outcome(outcome, patients)}
        )
        sites = {
            k: g.set_axis(g.index.map(str)).reindex(patients).astype(str).to_numpy()
            for k, g in (groups or {}).items()
        }
        return cls(name, patients, modalities, outcomes, sites)

    @classmethod
    def from_anndata(
        cls, adata, outcome: str | None = None, *, name: str = "cohort", modality: str = "rna"
    ) -> Cohort:
        """A cohort of one modality from an AnnData; `outcome` names a column of `.obs`."""
        labels = None if outcome is None else _observed(adata, outcome)
        return cls.from_frames({modality: adata.to_df()}, labels, name=name)

    @classmethod
    def from_mudata(cls, mdata, outcome: str | None = None, *, name: str = "cohort") -> Cohort:
        """A cohort from a MuData, one modality each; patients are the union; `outcome` names a
        column of `.obs`."""
        labels = None if outcome is None else _observed(mdata, outcome)
        return cls.from_frames(
            {key: adata.to_df() for key, adata in mdata.mod.items()}, labels, name=name
        )


def _observed(data, column: str) -> pd.Series:
    if column not in data.obs:
        raise InputError(f".obs has no column {column!r}{nearest(column, data.obs.columns)}")
    return data.obs[column]


def check_unique(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    """Adds a fault for duplicated patients and for duplicated columns."""
    for what, index in (("patient id", frame.index), ("column", frame.columns)):
        twice = index[index.duplicated()].unique()
        if len(twice):
            shown = "" if what == "patient id" else f" ({examples(twice)})"
            faults.add(
                f"{where}: {len(twice)} {what}s stand more than once{shown}; keep or "
                "average one row each"
            )


def numeric(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """`frame` as float64; raises `InputError` that names columns with text, infinities or numbers
    beyond `LARGEST`."""
    faults = Faults(where)
    text = [
        c
        for c, kind in zip(frame.columns, frame.dtypes, strict=True)
        if not pd.api.types.is_numeric_dtype(kind)
    ]
    if text:
        words = frame[text[0]].dropna()
        words = words[pd.to_numeric(words, errors="coerce").isna()]
        cure = (
            'remove or encode them, or declare the table as EHR (kind = "ehr" in a manifest, '
            "ehr= in Python)"
        )
        faults.add(
            f"{len(text)} columns hold text ({examples(text)}; e.g. "
            f"{words.iloc[:1].tolist()}); {cure}"
        )
    else:
        frame = frame.astype(float)
        infinite = frame.columns[np.isinf(frame.to_numpy()).any(axis=0)]
        if len(infinite):
            faults.add(
                f"{len(infinite)} columns hold infinite values ({examples(infinite)}); make "
                "them missing"
            )
        huge = is_huge(frame.to_numpy())
        columns = frame.columns[huge.any(axis=0)]
        if len(columns):
            faults.add(
                f"{counted(huge.sum(), 'value')} in {counted(len(columns), 'column')} "
                f"({examples(columns)}) lie "
                f"beyond ±{LARGEST:g}, larger than any measurement: a code for missing? Make "
                "such values missing"
            )
    faults.stop()
    return frame


_NO_GROUP = ("", "unknown", "nan", "none", "<na>")


def group_known(values: Iterable) -> np.ndarray:
    """bool `[N]`: whose site, batch or other group is known, and not a blank or a word for one."""
    return ~pd.Series(list(values), dtype=object).astype(str).str.strip().str.lower().isin(
        _NO_GROUP
    ).to_numpy(bool)


def class_outcome(
    labels: pd.Series,
    patients: pd.Index,
    names: Mapping[str, str] | None = None,
    derived_from: tuple[str, ...] = (),
) -> Outcome:
    """A class outcome from labels indexed by patient; `names` maps the values as written to class
    names."""
    where = f"outcome {labels.name!r}"
    labels = labels.set_axis(labels.index.map(str)).reindex(patients)
    if pd.api.types.is_float_dtype(labels) and (labels.dropna() % 1 == 0).all():
        labels = labels.astype("Int64")
    text = labels.astype("string").str.strip().replace({"": pd.NA})
    if names:
        unknown = sorted(set(text.dropna()) - set(names))
        if unknown:
            raise InputError(
                f"{where}: values {examples(unknown)} are not among labels = {dict(names)}"
            )
        text = text.map(names)
    folded = pd.Series(sorted(set(text.dropna())), dtype=str)
    alike = folded[folded.str.lower().duplicated(keep=False)]
    if len(alike):
        raise InputError(
            f"{where}: labels differ only in case ({examples(alike)}); write them alike"
        )
    found = set(text.dropna())
    classes = (
        tuple(dict.fromkeys(n for n in names.values() if n in found)) if names else tuple(folded)
    )
    codes = text.map({c: i for i, c in enumerate(classes)}).fillna(-1).astype("int64").to_numpy()
    return Outcome(
        str(labels.name or "outcome"), "class", codes, classes, derived_from=tuple(derived_from)
    )
