"""The tables that a manifest is drafted for: read, named, and turned so that patients stand in
rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.draft.modality_names import modality_names
from graphfuse.data.read import Part, column_names, format_of, read_table, tables_in
from graphfuse.data.read.gene_annotations import without_annotations
from graphfuse.data.read.id_column import NotTheIds, id_column_of
from graphfuse.data.read.request import turned
from graphfuse.data.records.series import looks_like_series
from graphfuse.data.tcga_barcodes import LENGTH, tcga_share
from graphfuse.errors import Faults, InputError
from graphfuse.schema import Series
from graphfuse.schema.names import TAKEN_BY_LAYERS, usable_name

LEVEL = "tcga-patient"


@dataclass
class Table:
    """A table as read, with patients in rows; `flipped` where that was the wrong way round.

    `file`: as the manifest calls it; `stem`: what it is called by itself; `name`: of the modality
    that it may be. `series`: the columns of time, variable and value where a patient has many rows.
    `id_column`: the column of ids, where it is not the first one. `modality`: the part of a MuData;
    `observed`: whether the table is what `.obs` says of the rows.
    """

    path: Path
    file: str
    stem: str
    frame: pd.DataFrame
    name: str = ""
    flipped: bool = False
    series: Series | None = None
    id_column: str | None = None
    modality: str | None = None
    observed: bool = False

    @property
    def source(self) -> dict[str, str]:
        """Where the table is, as keys of a manifest."""
        return {"file": self.file} | ({"modality": self.modality} if self.modality else {})


def read_tables(paths: list[Path], beside: Path) -> list[Table]:
    """Every table of the files, as a manifest in the folder `beside` calls them. Raises
    `InputError` for files that cannot be read, all at once."""
    faults, tables = Faults("init"), []
    for path in paths:
        try:
            tables += [_read(path, _from(beside, path), part) for part in tables_in(path)]
        except InputError as error:
            faults.add(str(error))
    faults.stop()
    _orient(tables)
    for table, name in zip(tables, modality_names([t.stem for t in tables]), strict=True):
        table.name = usable_name(name, TAKEN_BY_LAYERS)
    return tables


def _from(folder: Path, path: Path) -> str:
    """How a manifest in `folder` calls the file: as it stands below it, or by the way there; in
    full on another drive."""
    below, here = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    if below.is_relative_to(here):
        return below.relative_to(here).as_posix()
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _read(path: Path, file: str, part: Part) -> Table:
    """One table of a file, whole; repeated columns of text tables are told apart, repeated patients
    only refused where no series."""
    names = None if part.columns is None else list(part.columns)
    if format_of(path) == "text":
        names = column_names(path)[1:]
    how = {"columns": names, "modality": part.modality, "repeats": True}
    try:
        frame = read_table(path, **how)
        id_column = _other_ids(frame)
        if id_column is not None and names is not None and part.columns is None:
            names = column_names(path)  # the first column says something too
    except NotTheIds as error:
        id_column = error.column
    if id_column is not None:
        if names is not None:
            how["columns"] = [name for name in names if name != id_column]
        frame = read_table(path, **how, id_column=id_column)
    series = looks_like_series(frame)
    if frame.index.has_duplicates and series is None:
        read_table(path, **{**how, "repeats": False}, id_column=id_column)  # says which rows
    return Table(
        path,
        file,
        _stem(path, part),
        frame,
        series=series,
        id_column=id_column,
        modality=part.modality,
        observed=part.columns is not None,
    )


def _other_ids(frame: pd.DataFrame) -> str | None:
    """The column of ids of a table whose first column repeats and says something of the patients,
    such as their sex; None for any other table."""
    if not frame.index.has_duplicates or looks_like_series(frame) is not None:
        return None
    return id_column_of(frame)


def _stem(path: Path, part: Part) -> str:
    """What a table is called: as its file, or as the part of it that it is."""
    stem = part.modality or path.name.split(".")[0]
    if part.columns is None:
        return stem
    return "obs" if part.modality is None else f"{stem}-obs"


def _orient(tables: list[Table]) -> None:
    """Turns the tables whose columns, not rows, are the patients of the others."""
    patients = _anchor(tables)
    for table in tables:
        if table.observed:
            continue
        rows = len(patients & _cut(table.frame.index))
        columns = len(patients & _cut(table.frame.columns))
        if columns > rows:
            patients_only = without_annotations(table.frame, table.path)
            table.frame, table.flipped = turned(patients_only), True


def _anchor(tables: list[Table]) -> set[str]:
    """The patients, from where they are surest: barcodes, records with text, labels; else whom most
    tables share."""
    for table in tables:
        for side in (table.frame.index, table.frame.columns):
            if tcga_share(side) > 0.9:
                return _cut(side)
    records = [t for t in tables if t.frame.shape[1] <= 3 or t.frame.select_dtypes(object).shape[1]]
    sides = [_cut(table.frame.index) for table in records]
    if not sides:
        sides = [_cut(s) for t in tables for s in (t.frame.index, t.frame.columns)]
    everyone = [_cut(table.frame.index) | _cut(table.frame.columns) for table in tables]
    return max(sides, key=lambda side: sum(bool(side & other) for other in everyone))


def _cut(labels: pd.Index) -> set[str]:
    """Labels as ids: TCGA barcodes at patient level."""
    if tcga_share(labels) <= 0.9:
        return set(labels)
    return {label.upper().replace(".", "-").replace("_", "-")[: LENGTH[LEVEL]] for label in labels}
