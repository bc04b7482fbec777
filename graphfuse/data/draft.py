"""A first manifest for tables nobody has described yet: what can be seen is written, what cannot is
a comment."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.barcodes import LENGTH, tcga_share
from graphfuse.data.columns import (
    Look,
    group_columns,
    look,
    outcome_column,
    outcome_rank,
    survival_columns,
    usable_columns,
)
from graphfuse.data.draft_ids import common_id_column
from graphfuse.data.read import column_names, format_of, read_table
from graphfuse.data.read.id_column import NotTheIds
from graphfuse.data.read.wanted import turned
from graphfuse.data.scales import looks_raw
from graphfuse.data.series import looks_like_series, variables_of
from graphfuse.errors import Faults, InputError
from graphfuse.schema import Series

_LEVEL = "tcga-patient"
_RAW = [
    "# The values look like raw counts or intensities: a few large ones would decide what a column",
    '# says. "cpm-log" also divides by each patient\'s total; "none" keeps them as they are.',
    'transform = "log1p"',
]
_PROTEIN = 'The columns look like gene symbols: entity = "gene" would let the gene network in.'


@dataclass
class Table:
    """A file as read with patients in rows, `flipped` where that was the wrong way round.

    `series`: the columns of time, variable and value where a patient has many rows. `id_column`:
    the column of ids, where it is not the first one.
    """

    path: Path
    file: str
    frame: pd.DataFrame
    flipped: bool = False
    series: Series | None = None
    id_column: str | None = None


def draft(files: list[Path], name: str | None = None, beside: Path | None = None) -> str:
    """The text of a manifest for these tables, to stand in the folder `beside` (default: the one
    they have in common).

    Orientation comes from ids that tables share, kinds and entities from columns and their names,
    values from the data; columns that are or follow an outcome stay out of `columns` and are listed
    in a comment. Raises `InputError` for files that cannot be read, or when none can be a modality.
    """
    paths = [Path(file) for file in files]
    if not paths:
        raise InputError("no files given; name the tables of the cohort")
    base = Path(os.path.commonpath([path.resolve().parent for path in paths]))
    tables = _read_all(paths, base if beside is None else Path(beside))
    _orient(tables)
    names = _names(tables)
    tcga = all(tcga_share(table.frame.index) > 0.9 for table in tables)
    seen = [
        Look("series") if table.series else look(table.frame, own)
        for table, own in zip(tables, names, strict=True)
    ]
    outcomes = _outcomes(tables, names, seen)
    modalities = [
        part
        for at, table in enumerate(tables)
        for part in _modality(table, names[at], seen[at], names)
    ]
    if not any(part.startswith("[") for part in modalities):
        raise InputError(
            f"{base}: none of the tables can be a modality (measurements, or records known "
            "at diagnosis)"
        )
    head = _head(name or base.name, tcga, common_id_column(tables))
    parts = [head, *outcomes, *modalities]
    parts += [_NO_OUTCOME] if not outcomes else []
    groups = _groups(tables, seen)
    groups |= {"site": "{ id_slice = [5, 7] }            # tissue source site"} if tcga else {}
    parts += (
        ["\n".join(["[groups]", *(f"{_key(name)} = {text}" for name, text in groups.items())])]
        if groups
        else []
    )
    return "\n\n".join(parts) + "\n"


_NO_OUTCOME = (
    "# No outcome was recognised. Name the column to predict:\n"
    '# [outcome.NAME]\n# kind = "class"                        # class | survival | '
    'number\n# file = "…"\n# column = "…"'
)


# --------------------------------------------------------------------------------- reading, turning


def _read_all(paths: list[Path], beside: Path) -> list[Table]:
    faults, tables = Faults("init"), []
    for path in paths:
        try:
            tables.append(_read(path, _from(beside, path)))
        except InputError as error:
            faults.add(str(error))
    faults.stop()
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


def _read(path: Path, file: str) -> Table:
    """The whole table; repeated columns of text tables are told apart, repeated patients only
    refused where no series."""
    text = path.is_file() and format_of(path) == "text"
    names = column_names(path) if text else None
    how = {"columns": None if names is None else names[1:], "repeats": True}
    try:
        frame = read_table(path, **how)
    except NotTheIds as error:
        how["id_column"] = error.column
        if names is not None:
            how["columns"] = [name for name in names[1:] if name != error.column]
        frame = read_table(path, **how)
    series = looks_like_series(frame)
    if frame.index.has_duplicates and series is None:
        read_table(path, **{**how, "repeats": False})  # says which rows
    return Table(path, file, frame, series=series, id_column=how.get("id_column"))


def _orient(tables: list[Table]) -> None:
    """Turns the tables whose columns, not rows, are the patients of the others."""
    patients = _anchor(tables)
    for table in tables:
        rows = len(patients & _cut(table.frame.index))
        columns = len(patients & _cut(table.frame.columns))
        if columns > rows:
            table.frame, table.flipped = turned(table.frame), True


def _anchor(tables: list[Table]) -> set[str]:
    """The patients, from where they are surest: barcodes, records with text, labels; else whom most
    tables share."""
    for table in tables:
        for side in (table.frame.index, table.frame.columns):
            if tcga_share(side) > 0.9:
                return _cut(side)
    records = [t for t in tables if t.frame.shape[1] <= 3 or t.frame.select_dtypes(object).shape[1]]
    sides = [_cut(t.frame.index) for t in records] or [
        _cut(s) for t in tables for s in (t.frame.index, t.frame.columns)
    ]
    everyone = [_cut(table.frame.index) | _cut(table.frame.columns) for table in tables]
    return max(sides, key=lambda side: sum(bool(side & other) for other in everyone))


def _cut(labels: pd.Index) -> set[str]:
    """Labels as ids: TCGA barcodes at patient level."""
    if tcga_share(labels) <= 0.9:
        return set(labels)
    return {label.upper().replace(".", "-").replace("_", "-")[: LENGTH[_LEVEL]] for label in labels}


def _names(tables: list[Table]) -> list[str]:
    """A short name for each file, unlike the others."""
    names: list[str] = []
    for table in tables:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", table.path.name.split(".")[0]).strip("-") or "table"
        count = sum(name == stem or name.startswith(f"{stem}-") for name in names)
        names.append(stem if stem not in names else f"{stem}-{count + 1}")
    return names


# ------------------------------------------------------------------------------------------ writing


def _quoted(value) -> str:
    """A TOML string or list of strings (JSON's escapes are TOML's)."""
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _head(name: str, tcga: bool, id_column: str | None) -> str:
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-").lower() or "cohort"
    lines = [f"name = {_quoted(slug)}", 'title = ""', 'licence = ""', 'citation = ""']
    if tcga or id_column:
        lines += ["", "[patients]"]
    lines += [f"id = {_quoted(id_column)}"] if id_column else []
    lines += [f'level = "{_LEVEL}"'] if tcga else []
    return "\n".join(lines)


def _outcomes(tables: list[Table], names: list[str], seen: list[Look]) -> list[str]:
    """The TOML of each outcome found: classes first, the surest of them first of all."""
    found = []
    for table, own, sight in zip(tables, names, seen, strict=True):
        if sight.kind in ("ehr", "labels") and not table.flipped:
            found += [(rank, own, title, text) for rank, title, text in _outcomes_of(table, sight)]
    written: dict[str, str] = {}
    for _, own, title, text in sorted(found, key=lambda one: one[0]):
        title = title if title not in written else f"{own}-{title}"
        written[title] = f"[outcome.{_key(title)}]\n{text}"
    return list(written.values())


def _outcomes_of(table: Table, sight: Look) -> list[tuple[int, str, str]]:
    """(rank, name, TOML) of the class or number, and of the survival that one table seems to
    hold."""
    found, file = [], f"file = {_quoted(table.file)}"
    column = outcome_column(table.frame, sight)
    if column is not None:
        kind = "class" if table.frame[column].nunique() <= 20 else "number"
        rank = -1 if sight.kind == "labels" else outcome_rank(column)
        found.append((rank, column, f'kind = "{kind}"\n{file}\ncolumn = {_quoted(column)}'))
    survival = survival_columns(table.frame)
    if survival is not None:
        times, event, value = survival
        event = f"{{ column = {_quoted(event)}, value = {_quoted(value)} }}"
        found.append(
            (
                100,
                "survival",
                f'kind = "survival"\n{file}\ntime = {_quoted(times)}\nevent = {event}',
            )
        )
    return found


def _groups(tables: list[Table], seen: list[Look]) -> dict[str, str]:
    """Group → its TOML, from the records' columns."""
    found = {}
    for table, sight in zip(tables, seen, strict=True):
        if sight.kind == "ehr" and not table.flipped:
            for column in group_columns(table.frame):
                found.setdefault(
                    column.lower(),
                    f"{{ file = {_quoted(table.file)}, column = {_quoted(column)} }}",
                )
    return found


def _modality(table: Table, own: str, seen: Look, tables: list[str]) -> list[str]:
    """The TOML of one modality, or a comment or nothing where the table is none."""
    if seen.kind == "labels":
        return []
    if table.series:
        return _series(table, own, tables)
    lines = [f"[modality.{_key(own)}]", f"file = {_quoted(table.file)}"]
    if seen.kind in ("omics", "embedding"):
        lines += [f'kind = "{seen.kind}"', f'values = "{seen.values}"']
        lines += _RAW if seen.kind == "omics" and looks_raw(table.frame) else []
        lines += [f'entity = "{seen.entity}"']
        lines += [f"symbol = {_quoted(seen.symbol)}"] if seen.symbol else []
        remark = seen.remark or (
            _PROTEIN if seen.entity == "protein" and look(table.frame, "").entity == "gene" else ""
        )
        lines += [f"# {remark}"] if remark else []
        lines += ['orient = "patients-in-columns"'] if table.flipped else []
        return ["\n".join(lines)]
    survival = survival_columns(table.frame)
    taken = {outcome_column(table.frame, seen), *((*survival[0], survival[1]) if survival else ())}
    columns, left_out = usable_columns(table.frame, taken, tables)
    remark = [
        f"# left out of {table.file}: {why}: {_comment(names)}" for why, names in left_out.items()
    ]
    if not columns:
        return ["\n".join(remark)] if remark else []
    lines += ['kind = "ehr"', *(['orient = "patients-in-columns"'] if table.flipped else [])]
    lines += [
        "# Keep only what is known when the prediction is made.",
        "columns = [",
        *(f"    {_quoted(c)}," for c in columns),
        "]",
    ]
    types = ", ".join(f"{_key(column)} = {_quoted(kind)}" for column, kind in columns.items())
    return ["\n".join([*lines, f"types = {{ {types} }}", *remark])]


def _series(table: Table, own: str, tables: list[str]) -> list[str]:
    """The TOML of a table with one measurement a row: its variables stand for columns."""
    lasts, texts = variables_of(table.frame, table.series)
    columns, left_out = usable_columns(lasts, set(), tables)
    left_out |= {"hold text": texts} if texts else {}
    keys = ", ".join(f"{key} = {_quoted(column)}" for key, column in table.series)
    lines = [
        f"[modality.{_key(own)}]",
        f"file = {_quoted(table.file)}",
        'kind = "ehr"',
        f"series = {{ {keys} }}",
    ]
    remark = [
        f"# left out of {table.file}: {why}: {_comment(names)}" for why, names in left_out.items()
    ]
    if not columns:
        return ["\n".join(remark)]
    keep = "# Its variables; the file's rows have to be those known when the prediction is made."
    return [
        "\n".join(
            [*lines, keep, "columns = [", *(f"    {_quoted(c)}," for c in columns), "]", *remark]
        )
    ]


def _comment(names: list[str]) -> str:
    """Names on one comment line."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", ", ".join(names))
