"""What a report says of rankings and of how a run was made."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pandas as pd

from graphfuse.report.dots import Dot
from graphfuse.report.words import number
from graphfuse.schema import RunRecord

TOP = 20
TOP_BY_CLASS = 5
STEADY = 100
_TELLING = 5  # letters from which an id can be told from another word of a notice


@dataclass(frozen=True)
class Marker:
    """A ranked item as shown."""

    rank: str
    name: str
    modality: str
    score: str
    sign: str
    interval: str
    frequency: str


def markers(table: pd.DataFrame, top: int = TOP) -> list[Marker]:
    """The first `top` rows of a ranking that score at all."""
    return [
        Marker(
            number(row.rank, 0), name, row.modality, _digits(row.score), _sign(row.sign),
            _interval(row.rank_lo, row.rank_hi), _percent(row.selected_frequency),
        )
        for row, name in _first(table, top)
    ]  # fmt: skip


def dots(table: pd.DataFrame, top: int = TOP) -> list[Dot]:
    """The same rows for a figure: mean rank and interval, the modality as a note."""
    rows = _first(table, top)
    several = table["modality"].nunique() > 1
    return [
        Dot(name, row.rank_mean, row.rank_lo, row.rank_hi, row.modality if several else "")
        for row, name in rows
    ]


def steadiness(table: pd.DataFrame, what: str, top: int = TOP) -> str:
    """How far the first rows keep their place from fold to fold, in a sentence."""
    rows = [row for row, _ in _first(table, top) if math.isfinite(row.rank_hi)]
    if len(rows) < 2 or len(table) <= STEADY:
        return ""
    steady = sum(row.rank_hi <= STEADY for row in rows)
    widest = max(rows, key=lambda row: row.rank_hi - row.rank_lo)
    return (
        f"Of the first {len(rows)} {what}, {steady or 'none'} stay among the first {STEADY} "
        f"(of {len(table):,}) over their "
        f"whole interval; the widest interval runs from {number(widest.rank_lo, 0)} to "
        f"{number(widest.rank_hi, 0)}."
    )


def by_class(
    table: pd.DataFrame, classes: Sequence[str], top: int = TOP_BY_CLASS
) -> dict[str, list[Marker]]:
    """Class → its first features."""
    return {name: markers(table[table["class"] == name], top) for name in classes}


def shares(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Modality, its share as text and in whole per cents for a bar."""
    known = table.dropna(subset=["score"])
    return [
        (row.modality, f"{100 * row.score:.1f} %", round(100 * row.score))
        for row in known.itertuples()
    ]


def _first(table: pd.DataFrame, top: int) -> list[tuple[Any, str]]:
    rows = table[table["score"] > 0].head(top)
    return [(row, _name(row)) for row in rows.itertuples(index=False)]


def _name(row: Any) -> str:
    """An edge by its ends, a gene by its symbol, a feature by its column and its symbol where that
    says more."""
    if row.kind == "edge":
        return f"{row.source} – {row.target}"
    name = row.id.removeprefix(f"{row.modality}:") if row.kind == "feature" else row.id
    return name if not row.gene or row.gene in name else f"{name} ({row.gene})"


def _interval(low: float, high: float) -> str:
    return "–" if math.isnan(low) or math.isnan(high) else f"{_rank(low)} to {_rank(high)}"


def _rank(value: float) -> str:
    return number(value, 0 if value >= 100 or abs(value - round(value)) < 0.05 else 1)


def _digits(score: float) -> str:
    return f"{score:#.3g}".rstrip(".") if abs(score) < 1000 else number(score, 0)


def _sign(sign: float) -> str:
    return {1.0: "+", -1.0: "−"}.get(sign, "")


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


# ------------------------------------------------------------------------------------------ the net

DOORS = {"modality": "weight", "patients": "patient graph", "network": "gene network"}


def doors(fitted: Mapping[str, Any]) -> dict[str, str]:
    """Door → its heading: the usual ones, then patient layers that several modalities share."""
    found = {door for values in fitted.get("gates", {}).values() for door in values}
    return DOORS | {door: f"layer {door}" for door in sorted(found - DOORS.keys())}


def gates(fitted: Mapping[str, Any]) -> list[dict]:
    """A row a modality: its name and per door the gate as text and in per cents of a bar (`None`
    without that door).

    A bar is full at 1, or at the largest of its door where that is above 1.
    """
    found, headed = (
        {name: values for name, values in fitted.get("gates", {}).items() if values},
        doors(fitted),
    )
    full = {
        door: max([1.0, *(abs(values[door]) for values in found.values() if door in values)])
        for door in headed
    }
    rows = found.items()
    return [
        {"name": name, "doors": [_door(values.get(door), full[door]) for door in headed]}
        for name, values in rows
    ]


def _door(value: float | None, full: float) -> dict | None:
    return (
        None if value is None else {"text": number(value, 2), "bar": round(100 * abs(value) / full)}
    )


def epochs(fitted: Mapping[str, Any]) -> str:
    """How long the final net trained, in a sentence."""
    if "epochs" not in fitted:
        return ""
    found = sorted(fitted.get("fold_epochs", []))
    alike = set(found) == {fitted["epochs"]}
    folds = (
        " (as in every fold)"
        if alike
        else f" (in the folds: {found[0]} to {found[-1]})"
        if found
        else ""
    )
    start = (
        "; the model is its linear start, and no step was learned beyond it"
        if fitted["epochs"] == 0
        else ""
    )
    return f"Inner folds chose {fitted['epochs']} epochs for the final net{folds}{start}."


# ---------------------------------------------------------------------------------- how it was made


def toml_text(table: Mapping[str, Any]) -> str:
    """A recipe as its TOML file would have it: keys first, then sections; unset keys are left
    out."""
    plain = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    sections = {f"[{name}]\n": inner for name, inner in table.items() if isinstance(inner, Mapping)}
    return "\n\n".join(
        head + _lines(keys) for head, keys in ({"": plain} | sections).items()
    ).strip()


def _lines(keys: Mapping[str, Any]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in keys.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def made(record: RunRecord) -> list[tuple[str, dict[str, str]]]:
    """Titled tables of keys and values; paths are cut to their last part."""
    seconds = {name.replace("_", " "): duration(value) for name, value in record.timings.items()}
    return [
        (
            "Protocol",
            {key.replace("_", " "): plain(value) for key, value in record.protocol.items()},
        ),
        (
            "Run",
            {
                "made": record.created[:19].replace("T", " "),
                "manifest": PurePath(record.manifest).name if record.manifest else "–",
                "seed": str(record.seed),
                "device": record.device,
                "peak memory": f"{number(record.peak_memory_gb, 2)} GB",
            },
        ),
        ("Time", seconds),
        ("Versions", dict(record.packages)),
        ("Hashes", {name: digest or "–" for name, digest in record.hashes.items()}),
    ]


def plain(value: Any) -> str:
    """A JSON value in words."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no"}.get(value, "–")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(inner)}" for key, inner in value.items())
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def without_ids(notices: Iterable[str], patients: Iterable[str]) -> list[str]:
    """`notices` with every patient's id blotted out."""
    ids = [patient for patient in set(map(str, patients)) if len(patient) >= _TELLING]
    return [_blotted(notice, ids) for notice in notices]


def _blotted(notice: str, ids: Iterable[str]) -> str:
    found = sorted((patient for patient in ids if patient in notice), key=len, reverse=True)
    for patient in found:
        notice = re.sub(rf"(?<!\w){re.escape(patient)}(?!\w)", "[a patient]", notice)
    return notice
