"""One pass over the files of a manifest: tables read, matched by patient, checked and built into a
cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.modality_check import judged
from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.data.genes.symbols import gene_symbols
from graphfuse.data.groups import group_values
from graphfuse.data.manifest_tables import files_not_there, table_of
from graphfuse.data.modality import Modality
from graphfuse.data.numeric_tables import numeric
from graphfuse.data.patient_ids import check_overlap, normalised
from graphfuse.data.prepare.per_patient import transformed
from graphfuse.data.records.encode import TypedColumns
from graphfuse.data.records.read_records import typed
from graphfuse.data.tcga_barcodes import kinds, mixed_between_tables, sample_types
from graphfuse.errors import Faults, InputError, examples, few, nearest
from graphfuse.files.hashes import file_sha256
from graphfuse.files.toml import read_toml, resolve
from graphfuse.schema import GroupSpec, Manifest, ModalitySpec
from graphfuse.task.outcome import Outcome, read_outcome
from graphfuse.task.registry import kind_of


def read_cohort(
    name_or_path: str | Path, like: Mapping[str, TypedColumns] | None = None
) -> Reading:
    """Reads a manifest's files without stopping at faults.

    Parameters
    ----------
    name_or_path
        A path to a .toml, or a name in `data_manifests/`.
    like
        Modality of records → its columns as a trained model has them, whose types then hold.

    Returns
    -------
    Reading
        The cohort, where one can be built, with faults and notices.
    """
    path = resolve(name_or_path, "data_manifests")
    manifest = read_toml(path, Manifest)
    folder = obtain(
        manifest.source, beside=path.parent, how_to_get=manifest.how_to_get, where=str(path)
    )
    reading = Reading(manifest, path, folder, like)
    reading.run()
    return reading


@dataclass
class Reading:
    """One pass over a manifest's files; `like`: as in `read_cohort`."""

    manifest: Manifest
    path: Path
    folder: Path
    like: Mapping[str, TypedColumns] | None = None
    cohort: Cohort | None = None
    notices: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.faults = Faults(str(self.path))
        # By place in the manifest: "modality.rna", "outcome.subtype", "groups.site".
        self.tables: dict[str, pd.DataFrame] = {}
        self._sample_kinds: dict[str, set[str]] = {}

    def run(self) -> None:
        """Reads, matches and builds; adds to `faults` and `notices`."""
        self._check_files()
        self._read_all()
        self.notices += mixed_between_tables(self._sample_kinds)
        allowed = self.manifest.patients.allow_low_overlap
        check_overlap(self._ids_by_file(), self.faults, self.notices, allowed)
        modalities = [self._modality(name, spec) for name, spec in self.manifest.modality.items()]
        doubled = any(table.index.has_duplicates for table in self.tables.values())
        if None in modalities or doubled:
            return
        patients = self._patients(modalities)
        over_all = {modality.name: modality.over(patients) for modality in modalities}
        outcomes = self._outcomes(patients)
        groups = {}
        for name, spec in self.manifest.groups.items():
            groups[name] = self._group(name, spec, patients)
        name, about = self.manifest.name, self._about()
        self.cohort = Cohort(name, patients, over_all, outcomes, groups, about)

    # ------------------------------------------------------------------------------- reading tables

    def _check_files(self) -> None:
        """A fault for each file that is not there."""
        for fault in files_not_there(self.manifest, self.folder):
            self.faults.add(fault)

    def _read_all(self) -> None:
        """Reads the table of every modality, outcome and group."""
        for name, spec in self.manifest.modality.items():
            self._read(f"modality.{name}", spec.file, self._columns_of(name, spec), spec)
        for name, spec in self.manifest.outcome.items():
            columns = kind_of(spec.kind).columns_read(spec)
            self._read(f"outcome.{name}", spec.file, columns, modality=spec.modality)
        for name, spec in self.manifest.groups.items():
            if spec.file is not None:
                self._read(f"groups.{name}", spec.file, [spec.column], modality=spec.modality)

    def _read(
        self,
        place: str,
        file: str,
        columns: list[str] | None,
        spec: ModalitySpec | None = None,
        modality: str | None = None,
    ) -> None:
        """Reads one table into `tables`, ids normalised; adds a fault where it cannot be read."""
        path = self.folder / file
        if not path.is_file():
            return  # a fault of _check_files
        try:
            frame, notices = table_of(self.manifest, path, columns, spec, modality)
        except InputError as error:
            self.faults.add(f"[{place}] {error}")
            return
        level = self.manifest.patients.level
        where = f"[{place}] {file}"
        self.notices += [f"{where}: {notice}" for notice in notices]
        ids = normalised(frame.index, level, where, self.faults, self.notices)
        if level == "tcga-patient":
            self._sample_kinds[where] = kinds(sample_types(frame.index))
        self.tables[place] = frame.set_axis(ids, axis=0)

    def _ids_by_file(self) -> dict[str, pd.Index]:
        """The ids of each file, whatever is read from it."""
        ids: dict[str, pd.Index] = {}
        for place, frame in self.tables.items():
            section, name = place.split(".", 1)
            specs = getattr(self.manifest, section)
            file = specs[name].file
            before = ids.get(file, frame.index[:0])
            ids[file] = frame.index.union(before, sort=False)
        return ids

    def _columns_of(self, name: str, spec: ModalitySpec) -> list[str] | None:
        """The columns to read of a modality; a fault where an outcome stands among them."""
        if spec.columns is None:
            return None
        for other, outcome in self.manifest.outcome.items():
            of_outcome = kind_of(outcome.kind).columns_read(outcome)
            for column in sorted(set(of_outcome) & set(spec.columns)):
                place = f"[modality.{name}] columns: {column!r} is"
                if outcome.file == spec.file:
                    self.faults.add(f"{place} the outcome ([outcome.{other}]); remove it")
                else:
                    self.notices.append(
                        f"{place} also a column of [outcome.{other}]: is it the outcome?"
                    )
        for column in set(spec.types) - set(spec.columns):
            meant = nearest(column, spec.columns)
            self.faults.add(f"[modality.{name}] types: {column!r} is not among columns{meant}")
        return spec.columns

    # ------------------------------------------------------------------------------------- building

    def _modality(self, name: str, spec: ModalitySpec) -> Modality | None:
        """One modality over its own patients, or None after a fault."""
        frame = self.tables.get(f"modality.{name}")
        where = f"[modality.{name}] {spec.file}"
        if frame is None:
            return None
        try:
            if spec.kind == "ehr":
                modality, notices = self._records(name, spec, frame, where)
            else:
                modality, notices = self._measurements(name, spec, frame, where)
        except InputError as error:
            message = str(error)
            self.faults.add(message if message.startswith(where) else f"{where}: {message}")
            return None
        self.notices += [f"{where}: {notice}" for notice in notices]
        return self._judged(modality, spec, where)

    def _records(
        self, name: str, spec: ModalitySpec, frame: pd.DataFrame, where: str
    ) -> tuple[Modality, list[str]]:
        """Records, typed as declared, or as the model has them that is to be applied."""
        like = (self.like or {}).get(name)
        records = typed(frame, spec.types, where, self.faults, like)
        modality = Modality(
            name, records.table, spec.kind, spec.values, types=records.types, levels=records.levels
        )
        return modality, records.notices

    def _measurements(
        self, name: str, spec: ModalitySpec, frame: pd.DataFrame, where: str
    ) -> tuple[Modality, list[str]]:
        """A table of numbers, its columns mapped to genes where it has any."""
        notices: list[str] = []
        table = numeric(self._features(name, spec, frame), where)
        symbols = gene_symbols(list(table.columns), spec, self._map_file(spec), notices)
        return Modality(name, table, spec.kind, spec.values, spec.entity, symbols), notices

    def _features(self, name: str, spec: ModalitySpec, frame: pd.DataFrame) -> pd.DataFrame:
        """The table without columns of the same file that are outcomes or groups."""
        if spec.columns is not None:
            return frame
        others: list[str] = []
        for outcome in self.manifest.outcome.values():
            if outcome.file == spec.file:
                others += kind_of(outcome.kind).columns_read(outcome)
        others += [each.column for each in self.manifest.groups.values() if each.file == spec.file]
        left_out = [column for column in dict.fromkeys(others) if column in frame.columns]
        if left_out:
            self.notices.append(
                f"[modality.{name}] left out {examples(left_out)}: outcomes or groups, not features"
            )
        return frame.drop(columns=left_out)

    def _map_file(self, spec: ModalitySpec) -> Path | None:
        """The table of gene symbols: among the data, or beside the manifest."""
        if spec.map is None:
            return None
        among_data = self.folder / spec.map
        return among_data if among_data.is_file() else self.path.parent / spec.map

    def _judged(self, modality: Modality, spec: ModalitySpec, where: str) -> Modality | None:
        """The modality on the scale it is trained on, or None after a fault; adds faults and
        notices about its values and names as the file has them."""
        if modality.table.shape[1] and modality.table.empty:
            self.notices.append(f"{where}: no patient has it (a heading and no rows)")
            return modality
        faults, notices = judged(modality, "transform" in spec.model_fields_set)
        for fault in faults:
            self.faults.add(f"{where}: {fault}")
        self.notices += [f"{where}: {notice}" for notice in notices]
        if faults:
            return modality
        try:
            modality, notices = transformed(modality, spec.transform)
        except InputError as error:
            self.faults.add(f"{where}: {error}")
            return None
        self.notices += [f"{where}: {notice}" for notice in notices]
        return modality

    def _patients(self, modalities: list[Modality]) -> pd.Index:
        """All patients with a value in any modality, sorted; adds notices for the others."""
        named, measured = set(), set()
        for modality in modalities:
            named |= set(modality.table.index)
            measured |= set(modality.table.index[modality.present])
        without_value = len(named) - len(measured)
        if without_value > 0:
            self.notices.append(
                f"{few(without_value)} patients have no value in any modality; they are left out"
            )
        for place, frame in self.tables.items():
            only = len(set(frame.index) - named)
            if place.startswith("outcome.") and only:
                self.notices.append(
                    f"[{place}] {few(only)} patients have an outcome but no modality: left out"
                )
        return pd.Index(sorted(measured), name="patient", dtype=object)

    def _outcomes(self, patients: pd.Index) -> dict[str, Outcome]:
        """The outcomes that can be read, by name; a fault for each other."""
        outcomes = {}
        for name, spec in self.manifest.outcome.items():
            table = self.tables.get(f"outcome.{name}")
            if table is None:
                continue
            try:
                outcomes[name], notices = read_outcome(table, spec, name, patients)
            except InputError as error:
                self.faults.add(f"[outcome.{name}] {spec.file}: {error}")
                continue
            self.notices += [f"[outcome.{name}] {notice}" for notice in notices]
        return outcomes

    def _group(self, name: str, spec: GroupSpec, patients: pd.Index) -> np.ndarray:
        """Text `[N]`: each patient's group, 'unknown' where the file has none."""
        if spec.id_slice is not None:
            return self._sliced(name, patients, *spec.id_slice)
        table = self.tables.get(f"groups.{name}")
        if table is None:
            return np.full(len(patients), "unknown", dtype=object)
        column = table[spec.column]
        where = f"[groups.{name}] {spec.file}"
        shared = patients.intersection(table.index)
        if len(shared) and column[shared].isna().all():
            self.faults.add(f"{where}: column {spec.column!r} has no value for any patient")
        return group_values(column, patients, where, self.faults, self.notices)

    def _sliced(self, name: str, patients: pd.Index, start: int, end: int) -> np.ndarray:
        """Text `[N]`: the part of each patient's id that names the group."""
        parts = pd.Series([patient[start:end] for patient in patients], dtype=object)
        if (parts == "").all():
            self.faults.add(
                f"[groups.{name}] id_slice = [{start}, {end}] lies outside every patient id"
            )
        return parts.to_numpy()

    def _about(self) -> dict[str, str]:
        """Title, licence and citation, and the manifest's path and hash."""
        return {
            "title": self.manifest.title,
            "licence": self.manifest.licence,
            "citation": self.manifest.citation,
            "manifest": str(self.path.resolve()),
            "manifest_sha256": file_sha256(self.path),
        }
