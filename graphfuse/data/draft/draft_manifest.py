"""`draft`: a first manifest for tables without one; doubtful parts are comments."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from graphfuse.data.cohort_checks.mixed_scales import looks_raw
from graphfuse.data.cohort_checks.modality_check import sentinel_notice
from graphfuse.data.draft.column_roles import (
    Look,
    group_columns,
    look,
    outcome_column,
    outcome_rank,
    survival_columns,
    usable_columns,
)
from graphfuse.data.draft.draft_tables import LEVEL, Table, read_tables
from graphfuse.data.draft.id_columns import common_id_column
from graphfuse.data.genes.feature_types import named
from graphfuse.data.records.series import variables_of
from graphfuse.data.tcga_barcodes import tcga_share
from graphfuse.errors import InputError
from graphfuse.schema.names import TAKEN_BY_TABLES, usable_name
from graphfuse.statistics.sentinels import blanked, sentinels_in
from graphfuse.task.registry import kind_of, kind_that_may_be, trained_kinds

_RAW = [
    "# The values look like raw counts or intensities: a few large ones would decide what a column",
    '# says. "cpm-log" also divides by each patient\'s total; "none" keeps them as they are.',
    'transform = "log1p"',
]
_PROTEIN = 'The columns look like gene symbols: entity = "gene" would let the gene network in.'
_NO_OUTCOME = (
    "# No outcome was recognised. Name the column to predict:\n"
    '# [outcome.NAME]\n# kind = "class"                        # class | survival | '
    'number\n# file = "…"\n# column = "…"'
)


def draft(files: list[Path], name: str | None = None, beside: Path | None = None) -> str:
    """The text of a manifest for these tables.

    The orientation is taken from ids that tables share, kinds and entities from columns and their
    names, values from the data; columns that are or follow an outcome are left out of `columns` and
    listed in a comment. Outcomes for which models are trained come first.

    Parameters
    ----------
    files : list of Path
        The tables.
    name : str, optional
        The name of the cohort; by default that of its folder.
    beside : Path, optional
        The folder of the manifest; by default the one that the files have in common.

    Returns
    -------
    str
        TOML.

    Raises
    ------
    InputError
        For files that cannot be read, or where none of them can be a modality.
    """
    paths = _checked_paths(files)
    base = Path(os.path.commonpath([path.resolve().parent for path in paths]))
    tables = read_tables(paths, base if beside is None else Path(beside))
    looks = [_look(table) for table in tables]
    names = [table.name for table in tables]
    modalities = []
    for table, table_look in zip(tables, looks, strict=True):
        modalities += _modality(table, table_look, names)
    if not any(part.startswith("[") for part in modalities):
        raise InputError(
            f"{base}: none of the tables can be a modality (measurements, or records known "
            "at diagnosis)"
        )
    is_tcga = all(tcga_share(table.frame.index) > 0.9 for table in tables)
    outcomes = _outcomes(tables, looks) or [_NO_OUTCOME]
    head = _head(name or base.name, is_tcga, common_id_column(tables))
    parts = [head, *outcomes, *modalities, *_groups(tables, looks, is_tcga)]
    return "\n\n".join(parts) + "\n"


def _checked_paths(files: list[Path]) -> list[Path]:
    """The paths of the files; raises `InputError` where there are none, or a manifest cannot hold
    their names."""
    paths = [Path(file) for file in files]
    if not paths:
        raise InputError("no files given; name the tables of the cohort")
    unwritable = [path for path in paths if not _is_text(str(path.resolve()))]
    if unwritable:
        raise InputError(
            f"{str(unwritable[0])!a}: the name is not UTF-8, so that no manifest can hold "
            "it; rename the file or its folder"
        )
    return paths


def _is_text(name: str) -> bool:
    """Whether a file's name is valid UTF-8; Linux allows any bytes."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _look(table: Table) -> Look:
    """What the table seems to be, its codes for missing aside."""
    if table.series is not None:
        return Look("series")
    known = blanked(table.frame, sentinels_in(table.frame))
    table_look = look(known, table.stem)
    if table.observed and table_look.kind not in ("labels", "ehr"):
        return Look("ehr")
    return table_look


# ---------------------------------------------------------------------------------- parts of a text


def _quoted(value) -> str:
    """A TOML string or list of strings (JSON's escapes are TOML's)."""
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    """A TOML key, in quotes where it needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _comment(text: str) -> str:
    """One comment line."""
    return "# " + re.sub(r"[\x00-\x1f\x7f]", " ", text)


def _left_out(table: Table, left_out: dict[str, list[str]]) -> list[str]:
    """A comment for each reason why columns are no features."""
    comments = []
    for why, names in left_out.items():
        comments.append(_comment(f"left out of {table.file}: {why}: {', '.join(names)}"))
    return comments


def _listed(columns: list[str]) -> list[str]:
    """The key `columns`, one column a line."""
    return ["columns = [", *(f"    {_quoted(column)}," for column in columns), "]"]


def _head(name: str, tcga: bool, id_column: str | None) -> str:
    """The name of the cohort, and how its patients are identified."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-").lower() or "cohort"
    lines = [f"name = {_quoted(usable_name(slug))}", 'title = ""', 'licence = ""', 'citation = ""']
    if tcga or id_column:
        lines += ["", "[patients]"]
    lines += [f"id = {_quoted(id_column)}"] if id_column else []
    lines += [f'level = "{LEVEL}"'] if tcga else []
    return "\n".join(lines)


# ----------------------------------------------------------------------------------------- outcomes


@dataclass(frozen=True)
class _Outcome:
    """An outcome that a table seems to hold; `rank`: smaller is more likely."""

    kind: str
    rank: int
    table: str
    name: str
    lines: tuple[str, ...]

    @property
    def order(self) -> tuple[bool, int]:
        """`train` takes the first outcome of a manifest, so that those which can be trained on come
        first."""
        return not kind_of(self.kind).trains, self.rank


def _outcomes(tables: list[Table], looks: list[Look]) -> list[str]:
    """The TOML of each outcome; first the most likely of those which can be trained on."""
    outcomes: list[_Outcome] = []
    for table, table_look in zip(tables, looks, strict=True):
        if table_look.kind in ("ehr", "labels") and not table.flipped:
            outcomes += _outcomes_of(table, table_look)
    written: dict[str, str] = {}
    for each in sorted(outcomes, key=lambda outcome: outcome.order):
        title = f"{each.table}-{each.name}" if each.name in written else each.name
        title = usable_name(title, TAKEN_BY_TABLES)
        lines = [f"[outcome.{_key(title)}]", f'kind = "{each.kind}"', *each.lines]
        if not kind_of(each.kind).trains:
            lines.append(_not_yet())
        written[title] = "\n".join(lines)
    return list(written.values())


def _not_yet() -> str:
    """A comment on outcomes that cannot be trained on."""
    trained = " and ".join(trained_kinds())
    return f"# Kept for later: only outcomes of kind {trained} train so far."


def _outcomes_of(table: Table, table_look: Look) -> list[_Outcome]:
    """The class or number, and the survival, that one table seems to hold."""
    outcomes = []
    source = [f"{key} = {_quoted(text)}" for key, text in table.source.items()]
    column = outcome_column(table.frame, table_look)
    if column is not None:
        kind = kind_that_may_be(table.frame[column])
        rank = -1 if table_look.kind == "labels" else outcome_rank(column)
        lines = (*source, f"column = {_quoted(column)}")
        outcomes.append(_Outcome(kind, rank, table.name, column, lines))
    survival = survival_columns(table.frame)
    if survival is not None:
        times, event, value = survival
        event_key = f"event = {{ column = {_quoted(event)}, value = {_quoted(value)} }}"
        lines = (*source, f"time = {_quoted(times)}", event_key)
        outcomes.append(_Outcome("survival", 0, table.name, "survival", lines))
    return outcomes


# ------------------------------------------------------------------------------------------- groups


def _groups(tables: list[Table], looks: list[Look], tcga: bool) -> list[str]:
    """The TOML of groups: columns of records, and the site in a barcode."""
    groups: dict[str, str] = {}
    for table, table_look in zip(tables, looks, strict=True):
        if table_look.kind != "ehr" or table.flipped:
            continue
        for column in group_columns(table.frame):
            name = usable_name(column.lower(), TAKEN_BY_TABLES)
            groups.setdefault(name, _inline(table.source | {"column": column}))
    if tcga:
        groups["site"] = "{ id_slice = [5, 7] }            # tissue source site"
    lines = [f"{_key(name)} = {text}" for name, text in groups.items()]
    return ["\n".join(["[groups]", *lines])] if lines else []


def _inline(keys: dict[str, str]) -> str:
    """An inline table of texts."""
    pairs = [f"{_key(key)} = {_quoted(text)}" for key, text in keys.items()]
    return f"{{ {', '.join(pairs)} }}"


# --------------------------------------------------------------------------------------- modalities


def _modality(table: Table, table_look: Look, names: list[str]) -> list[str]:
    """The TOML of one modality, or a comment or nothing where the table is none.

    `names`: of all tables; a column of such a name says who has the table.
    """
    if table_look.kind == "labels":
        return []
    heading = [f"[modality.{_key(table.name)}]"]
    heading += [f"{key} = {_quoted(text)}" for key, text in table.source.items()]
    if table_look.kind == "series":
        lines = _series(table, heading, names)
    elif table_look.kind == "ehr":
        lines = _records(table, table_look, heading, names)
    else:
        lines = heading + _measurements(table, table_look)
    return ["\n".join(lines)] if lines else []


def _measurements(table: Table, table_look: Look) -> list[str]:
    """The keys of a table of numbers."""
    codes = sentinels_in(table.frame)
    is_raw = table_look.kind == "omics" and looks_raw(blanked(table.frame, codes))
    remark = table_look.remark
    if table_look.entity == "protein" and not remark:
        remark = _PROTEIN if named(list(table.frame)).entity == "gene" else ""
    lines = [f'kind = "{table_look.kind}"', f'values = "{table_look.values}"']
    lines += [_comment(sentinel_notice(code)) for code in codes]
    if is_raw:
        lines += _RAW
    lines.append(f'entity = "{table_look.entity}"')
    if table_look.symbol:
        lines.append(f"symbol = {_quoted(table_look.symbol)}")
    if remark:
        lines.append(_comment(remark))
    return lines + _orientation(table)


def _orientation(table: Table) -> list[str]:
    """The key `orient`, where patients are in columns."""
    return ['orient = "patients-in-columns"'] if table.flipped else []


def _records(table: Table, table_look: Look, heading: list[str], names: list[str]) -> list[str]:
    """The TOML of a table of records."""
    survival = survival_columns(table.frame)
    taken = {outcome_column(table.frame, table_look)}
    if survival is not None:
        times, event, _ = survival
        taken |= {*times, event}
    columns, left_out = usable_columns(table.frame, taken, names)
    remarks = _left_out(table, left_out)
    if not columns:
        return remarks
    return [
        *heading,
        'kind = "ehr"',
        *_orientation(table),
        "# Keep only what is known when the prediction is made.",
        *_listed(list(columns)),
        f"types = {_inline(columns)}",
        *remarks,
    ]


def _series(table: Table, heading: list[str], names: list[str]) -> list[str]:
    """The TOML of a table with one measurement a row; its columns are the variables."""
    lasts, texts = variables_of(table.frame, table.series)
    columns, left_out = usable_columns(lasts, set(), names)
    if texts:
        left_out["hold text"] = texts
    remarks = _left_out(table, left_out)
    if not columns:
        return remarks
    return [
        *heading,
        'kind = "ehr"',
        f"series = {_inline(dict(table.series))}",
        "# Its variables; the file's rows have to be those known when the prediction is made.",
        *_listed(list(columns)),
        *remarks,
    ]
