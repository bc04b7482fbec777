"""How a run was made, as a report shows it: protocol, versions, hashes, recipe and notices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from graphfuse.report.formatting import number
from graphfuse.schema import RunRecord

_SHORTEST_ID = 5  # letters from which an id differs from other words of a notice


def made(record: RunRecord) -> list[tuple[str, dict[str, str]]]:
    """How a run was made; paths are cut to their last part.

    Parameters
    ----------
    record : RunRecord
        What `run.json` says.

    Returns
    -------
    list of tuple
        Titles with tables of keys and values.
    """
    protocol, seconds = {}, {}
    for key, value in record.protocol.items():
        protocol[_spaced(key)] = plain(value)
    for key, value in record.timings.items():
        seconds[_spaced(key)] = duration(value)
    hashes = {name: digest or "–" for name, digest in record.hashes.items()}
    versions = dict(record.packages)
    tables = {"Protocol": protocol, "Run": _run(record), "Time": seconds}
    tables |= {"Versions": versions, "Hashes": hashes}
    return list(tables.items())


def _run(record: RunRecord) -> dict[str, str]:
    """When, from what, on what and with how much memory a run was made."""
    manifest = PurePath(record.manifest).name if record.manifest else "–"
    run = {"made": record.created[:19].replace("T", " "), "manifest": manifest}
    run["seed"] = str(record.seed)
    run["device"] = record.device
    run["peak memory"] = f"{number(record.peak_memory_gb, 2)} GB"
    return run


def _spaced(key: str) -> str:
    return key.replace("_", " ")


def plain(value: Any) -> str:
    """A JSON value in words: lists and tables on one line, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        pairs = [f"{key} {plain(inner)}" for key, inner in value.items()]
        return ", ".join(pairs)
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


# --------------------------------------------------------------------------------------- the recipe


def toml_text(table: Mapping[str, Any]) -> str:
    """A recipe as its TOML file would have it: keys first, then sections; unset keys are left out.

    Parameters
    ----------
    table : mapping
        Keys with values, and sections with mappings.

    Returns
    -------
    str
    """
    keys, sections = {}, []
    for name, value in table.items():
        if isinstance(value, Mapping):
            sections.append(f"[{name}]\n{_lines(value)}")
        else:
            keys[name] = value
    return "\n\n".join([_lines(keys), *sections]).strip()


def _lines(keys: Mapping[str, Any]) -> str:
    """A line of TOML for each key that is set."""
    lines = []
    for key, value in keys.items():
        if value is not None:
            lines.append(f"{key} = {_value(value)}")
    return "\n".join(lines)


def _value(value: Any) -> str:
    """A value of TOML, on one line."""
    if isinstance(value, Mapping):
        pairs = [f"{key} = {_value(inner)}" for key, inner in value.items()]
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# ------------------------------------------------------------------------------------- the notices


def without_ids(notices: Iterable[str], patients: Iterable[str]) -> list[str]:
    """Notices of a run without patients' ids.

    Parameters
    ----------
    notices : iterable of str
        Sentences.
    patients : iterable of str
        The ids of all patients; those of fewer than 5 letters are taken for other words.

    Returns
    -------
    list of str
        The notices with every patient's id blotted out.
    """
    names = set(map(str, patients))
    ids = [name for name in names if len(name) >= _SHORTEST_ID]
    return [_blotted(notice, ids) for notice in notices]


def _blotted(notice: str, ids: Iterable[str]) -> str:
    """The notice without these ids, the longest first: one may be part of another."""
    named = [patient for patient in ids if patient in notice]
    for patient in sorted(named, key=len, reverse=True):
        word = rf"(?<!\w){re.escape(patient)}(?!\w)"
        notice = re.sub(word, "[a patient]", notice)
    return notice
