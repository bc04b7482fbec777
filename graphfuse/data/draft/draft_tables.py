"""The tables for which a manifest is drafted: read, named, and transposed so that patients are in
rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.draft.modality_names import modality_names
from graphfuse.data.read import Part, column_names, format_of, read_table, tables_in
from graphfuse.data.read.check_id_column import NotTheIds, id_column_of
from graphfuse.data.read.gene_annotations import without_annotations
from graphfuse.data.read.request import turned
from graphfuse.data.records.series import looks_like_series
from graphfuse.data.tcga_barcodes import LENGTH, tcga_share, uniform
from graphfuse.errors import Faults, InputError
from graphfuse.schema import Series
from graphfuse.schema.names import TAKEN_BY_LAYERS, usable_name

LEVEL = "tcga-patient"


@dataclass
class Table:
    """A table as read, with patients in rows; `flipped`: whether the file has them in columns.

    `file`: its name in the manifest; `stem`: its own name; `name`: of the modality that it may be.
    `series`: the columns of time, variable and value where a patient has many rows. `id_column`:
    the column of ids, where it is not the first one. `modality`: the part of a MuData; `observed`:
    whether the table is the columns of `.obs`.
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
        keys = {"file": self.file}
        if self.modality:
            keys["modality"] = self.modality
        return keys


def read_tables(paths: list[Path], beside: Path) -> list[Table]:
    """Reads every table of the files.

    Parameters
    ----------
    paths
        The files.
    beside
        The folder of the manifest, relative to which files are named.

    Raises
    ------
    InputError
        For files that cannot be read, all at once.
    """
    faults, tables = Faults("init"), []
    for path in paths:
        try:
            file = _relative(path, beside)
            tables += [_read(path, file, part) for part in tables_in(path)]
        except InputError as error:
            faults.add(str(error))
    faults.stop()
    _orient(tables)
    names = modality_names([table.stem for table in tables])
    for table, name in zip(tables, names, strict=True):
        table.name = usable_name(name, TAKEN_BY_LAYERS)
    return tables


def _relative(path: Path, folder: Path) -> str:
    """The name of a file in a manifest in `folder`: its relative path, or the whole path on another
    drive."""
    below, here = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    if below.is_relative_to(here):
        return below.relative_to(here).as_posix()
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _read(path: Path, file: str, part: Part) -> Table:
    """One table of a file, whole; repeated columns of text tables get unique names, and repeated
    patients are refused where the table is no series."""
    names = None if part.columns is None else list(part.columns)
    if format_of(path) == "text":
        names = column_names(path)[1:]
    options = {"columns": names, "modality": part.modality, "repeats": True}
    try:
        frame = read_table(path, **options)
        id_column = _other_ids(frame)
        if id_column is not None and names is not None and part.columns is None:
            names = column_names(path)  # the first column is no id, but data
    except NotTheIds as error:
        id_column = error.column
    if id_column is not None:
        options["id_column"] = id_column
        if names is not None:
            options["columns"] = [name for name in names if name != id_column]
        frame = read_table(path, **options)
    series = looks_like_series(frame)
    if frame.index.has_duplicates and series is None:
        options["repeats"] = False
        read_table(path, **options)  # raises an error that lists the rows
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
    """The column of ids of a table whose first column has repeated values, such as the sex of
    patients; None for any other table."""
    if not frame.index.has_duplicates or looks_like_series(frame) is not None:
        return None
    return id_column_of(frame)


def _stem(path: Path, part: Part) -> str:
    """The name of a table: that of its file, or of its part of the file."""
    stem = part.modality or path.name.split(".")[0]
    if part.columns is None:
        return stem
    return "obs" if part.modality is None else f"{stem}-obs"


def _orient(tables: list[Table]) -> None:
    """Transposes the tables whose columns, not rows, are the patients of the others."""
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
    """The patients, from the tables where they are most certain: barcodes, records with text,
    labels; else the ids that most tables share."""
    frames = [table.frame for table in tables]
    for frame in frames:
        for side in (frame.index, frame.columns):
            if tcga_share(side) > 0.9:
                return _cut(side)
    records = [frame for frame in frames if _is_narrow_or_text(frame)]
    sides = [_cut(frame.index) for frame in records]
    if not sides:
        for frame in frames:
            sides += [_cut(frame.index), _cut(frame.columns)]
    everyone = [_cut(frame.index) | _cut(frame.columns) for frame in frames]
    return max(sides, key=lambda side: sum(not side.isdisjoint(ids) for ids in everyone))


def _is_narrow_or_text(frame: pd.DataFrame) -> bool:
    """Whether a table has three columns or fewer, or columns of text."""
    return frame.shape[1] <= 3 or frame.select_dtypes(object).shape[1] > 0


def _cut(labels: pd.Index) -> set[str]:
    """Labels as ids: TCGA barcodes at patient level."""
    if tcga_share(labels) <= 0.9:
        return set(labels)
    length = LENGTH[LEVEL]
    return {uniform(label)[:length] for label in labels}
