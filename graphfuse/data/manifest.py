"""From a manifest (TOML) to a cohort: files obtained, read, matched by patient, checked against
what is declared."""

from __future__ import annotations

import logging
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
from graphfuse.data.records.encode import Trained, TypedColumns
from graphfuse.data.records.read_records import typed
from graphfuse.data.tcga_barcodes import kinds, mixed_between_tables, sample_types
from graphfuse.errors import Faults, InputError, examples, few, nearest
from graphfuse.files.hashes import file_sha256
from graphfuse.files.toml import read_toml, resolve
from graphfuse.schema import GroupSpec, Manifest, ModalitySpec
from graphfuse.schema.arguments import checked
from graphfuse.task.outcome import Outcome, read_outcome
from graphfuse.task.registry import kind_of

log = logging.getLogger(__name__)


@checked
def load(name_or_path: str | Path, like: Trained | None = None) -> Cohort:
    """The cohort that a manifest describes.

    Patients are the union over modalities, sorted; who lacks a modality has a row of missing values
    there.

    Parameters
    ----------
    name_or_path : str or Path
        A path to a .toml, or a name in `data_manifests/`.
    like : Trained, optional
        The model that is to be applied. Columns of records then have the types with which it was
        trained, and none is guessed: a patient's record means the same whatever stands in the
        file's other rows.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        With every fault found: files, columns, values, ids.
    FetchError
        Where files cannot be had.
    """
    reading = read_cohort(name_or_path, None if like is None else like.record_types)
    reading.faults.stop()
    for notice in reading.notices:
        log.warning("%s: %s", reading.manifest.name, notice)
    return reading.cohort


@checked
def as_cohort(cohort: Cohort | str | Path, like: Trained | None = None) -> Cohort:
    """A cohort as it is, or loaded from its manifest (`like` as in `load`). Raises `InputError` for
    anything else."""
    return cohort if isinstance(cohort, Cohort) else load(cohort, like)


def read_cohort(
    name_or_path: str | Path, like: Mapping[str, TypedColumns] | None = None
) -> Reading:
    """Everything found on the way to a cohort: the cohort where there is one, faults and notices.
    Does not stop at faults. `like`: as in `Reading`."""
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
    """One pass over a manifest's files.

    `like`: records' modalities as a trained model has them, whose types then hold."""

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
        """Reads, matches and builds; what is wrong goes to `faults`."""
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
        """Reads one table into `tables`, ids normalised; what is wrong becomes a fault."""
        path = self.folder / file
        if not path.is_file():
            return  # told by _check_files
        try:
            frame, notices = table_of(self.manifest, path, columns, spec, modality)
        except InputError as error:
            self.faults.add(f"[{place}] {error}")
            return
        level, where = self.manifest.patients.level, f"[{place}] {file}"
        self.notices += [f"{where}: {notice}" for notice in notices]
        ids = normalised(frame.index, level, where, self.faults, self.notices)
        if level == "tcga-patient":
            self._sample_kinds[where] = kinds(sample_types(frame.index))
        self.tables[place] = frame.set_axis(ids, axis=0)

    def _ids_by_file(self) -> dict[str, pd.Index]:
        """The ids that stand in each file, whatever is read from it."""
        ids: dict[str, pd.Index] = {}
        for place, frame in self.tables.items():
            section, name = place.split(".", 1)
            file = getattr(self.manifest, section)[name].file
            before = ids.get(file, frame.index[:0])
            ids[file] = frame.index.union(before, sort=False)
        return ids

    def _columns_of(self, name: str, spec: ModalitySpec) -> list[str] | None:
        """The columns to read of a modality; a fault where an outcome stands among them."""
        for other, outcome in self.manifest.outcome.items():
            read = kind_of(outcome.kind).columns_read(outcome)
            for column in sorted(set(read) & set(spec.columns or [])):
                place = f"[modality.{name}] columns: {column!r} is"
                if outcome.file == spec.file:
                    self.faults.add(f"{place} the outcome ([outcome.{other}]); remove it")
                else:
                    self.notices.append(
                        f"{place} also a column of [outcome.{other}]: is it the outcome?"
                    )
        if spec.columns is not None:
            for column in set(spec.types) - set(spec.columns):
                meant = nearest(column, spec.columns)
                self.faults.add(f"[modality.{name}] types: {column!r} is not among columns{meant}")
        return spec.columns

    # ------------------------------------------------------------------------------------- building

    def _modality(self, name: str, spec: ModalitySpec) -> Modality | None:
        """One modality over its own patients, or None after a fault."""
        frame, where = self.tables.get(f"modality.{name}"), f"[modality.{name}] {spec.file}"
        if frame is None:
            return None
        try:
            if spec.kind == "ehr":
                modality, told = self._records(name, spec, frame, where)
            else:
                modality, told = self._measurements(name, spec, frame, where)
        except InputError as error:
            said = str(error)
            self.faults.add(said if said.startswith(where) else f"{where}: {said}")
            return None
        self.notices += [f"{where}: {notice}" for notice in told]
        return self._judged(modality, spec, where)

    def _records(
        self, name: str, spec: ModalitySpec, frame: pd.DataFrame, where: str
    ) -> tuple[Modality, list[str]]:
        """Records, typed as declared, or as the model has them that is to be applied."""
        found = typed(frame, spec.types, where, self.faults, (self.like or {}).get(name))
        modality = Modality(
            name, found.table, spec.kind, spec.values, types=found.types, levels=found.levels
        )
        return modality, found.notices

    def _measurements(
        self, name: str, spec: ModalitySpec, frame: pd.DataFrame, where: str
    ) -> tuple[Modality, list[str]]:
        """A table of numbers, its columns mapped to genes where it has any."""
        table, told = numeric(self._features(name, spec, frame), where), []
        symbols = gene_symbols(list(table.columns), spec, self._map_file(spec), told)
        return Modality(name, table, spec.kind, spec.values, spec.entity, symbols), told

    def _features(self, name: str, spec: ModalitySpec, frame: pd.DataFrame) -> pd.DataFrame:
        """The table less columns of the same file that are outcomes or groups."""
        if spec.columns is not None:
            return frame
        taken: list[str] = []
        for outcome in self.manifest.outcome.values():
            if outcome.file == spec.file:
                taken += kind_of(outcome.kind).columns_read(outcome)
        taken += [each.column for each in self.manifest.groups.values() if each.file == spec.file]
        among = [column for column in dict.fromkeys(taken) if column in frame.columns]
        if among:
            self.notices.append(
                f"[modality.{name}] left out {examples(among)}: outcomes or groups, not features"
            )
        return frame.drop(columns=among)

    def _map_file(self, spec: ModalitySpec) -> Path | None:
        """The table of gene symbols: among the data, or beside the manifest."""
        if spec.map is None:
            return None
        among = self.folder / spec.map
        return among if among.is_file() else self.path.parent / spec.map

    def _judged(self, modality: Modality, spec: ModalitySpec, where: str) -> Modality | None:
        """The modality on the scale it is trained on, or None after a fault; faults and notices
        about its values and names as the file has them."""
        if modality.table.shape[1] and modality.table.empty:
            self.notices.append(f"{where}: no patient has it (a heading and no rows)")
            return modality
        faults, notices = judged(modality, "transform" in spec.model_fields_set)
        for fault in faults:
            self.faults.add(f"{where}: {fault}")
        self.notices += [f"{where}: {said}" for said in notices]
        if faults:
            return modality
        try:
            modality, notices = transformed(modality, spec.transform)
        except InputError as error:
            self.faults.add(f"{where}: {error}")
            return None
        self.notices += [f"{where}: {said}" for said in notices]
        return modality

    def _patients(self, modalities: list[Modality]) -> pd.Index:
        """All patients with a value in any modality, sorted; notices for who is left out."""
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
        column, where = table[spec.column], f"[groups.{name}] {spec.file}"
        shared = patients.intersection(table.index)
        if len(shared) and column[shared].isna().all():
            self.faults.add(f"{where}: column {spec.column!r} has no value for any patient")
        return group_values(column, patients, where, self.faults, self.notices)

    def _sliced(self, name: str, patients: pd.Index, start: int, end: int) -> np.ndarray:
        """Text `[N]`: the group that stands in each patient's id."""
        parts = pd.Series([patient[start:end] for patient in patients], dtype=object)
        if (parts == "").all():
            self.faults.add(
                f"[groups.{name}] id_slice = [{start}, {end}] lies outside every patient id"
            )
        return parts.to_numpy()

    def _about(self) -> dict[str, str]:
        """Origin and licence, and which manifest this was."""
        words = {key: getattr(self.manifest, key) for key in ("title", "licence", "citation")}
        sha256 = file_sha256(self.path)
        return {**words, "manifest": str(self.path.resolve()), "manifest_sha256": sha256}
