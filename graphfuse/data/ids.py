"""Patient ids across files: one spelling, and what to say about them without showing them (ids are
private)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from graphfuse.errors import Faults, examples

LENGTH = {"tcga-patient": 12, "tcga-sample": 15}
_TCGA = re.compile(r"^TCGA[-._][A-Z0-9]{2}[-._][A-Z0-9]{4}", re.IGNORECASE)
_SAMPLE = re.compile(r"^.{12}[-._](\d{2})")


def normalised(index: pd.Index, level: str | None, where: str, faults: Faults) -> pd.Index:
    """The ids at `level` (TCGA barcodes: upper case, dashes, cut); adds a fault where that makes
    two rows one."""
    if level is None:
        return index
    strange = [not _TCGA.match(name) for name in index]
    if any(strange):
        faults.add(
            f"{where}: {sum(strange)} of {len(index)} ids are no TCGA barcodes (they look "
            f"like {patterns(index[strange])}); "
            'remove [patients] level, or turn the table: orient = "patients-in-columns"'
        )
    cut = pd.Index(
        [name.upper().replace(".", "-").replace("_", "-")[: LENGTH[level]] for name in index],
        name="patient",
        dtype=object,
    )
    doubled = cut.duplicated(keep=False)
    if doubled.any() and not any(strange):
        faults.add(
            f"{where}: {cut[doubled].nunique()} patients have more than one row once "
            "barcodes are cut to "
            f"{LENGTH[level]} characters{_sample_types(index[doubled])}; keep one row each"
        )
    return cut


def _sample_types(index: pd.Index) -> str:
    """' (sample types: 01 × 3, 11 × 3)' for barcodes that say so."""
    types = Counter(found[1] for name in index if (found := _SAMPLE.match(name)))
    return (
        f" (sample types: {', '.join(f'{k} × {n}' for k, n in sorted(types.items()))})"
        if types
        else ""
    )


def patterns(ids: Iterable[str], limit: int = 2) -> str:
    """How ids look, letters as A (a) and digits as 9: the most frequent shapes."""
    shapes = Counter(mask(str(name)) for name in ids)
    return " or ".join(shape for shape, _ in shapes.most_common(limit)) or "none"


def mask(name: str) -> str:
    """One id as a pattern: 'TCGA-3C-AAAU' → 'AAAA-9A-AAAA'."""
    shape = re.sub(r"[^\W\d_]", lambda c: "A" if c[0].isupper() else "a", re.sub(r"\d", "9", name))
    return shape[:40] + ("…" if len(shape) > 40 else "")


def tcga_share(ids: Iterable[str]) -> float:
    """Share of ids that are TCGA barcodes."""
    ids = list(ids)
    return sum(bool(_TCGA.match(str(name))) for name in ids) / max(len(ids), 1)


def check_overlap(tables: dict[str, pd.Index], faults: Faults, notices: list[str]) -> None:
    """Faults where the files fall apart into groups without a patient in common, notices for files
    that share few.

    `tables`: each file's ids.
    """
    tables = {file: ids for file, ids in tables.items() if len(ids)}
    _check_spelling(tables, faults)
    islands = _islands(tables)
    main = islands[0] if islands else []
    for island in islands[1:]:
        faults.add(_strangers(island, main, tables))
    for file in main if len(main) > 1 else []:
        ids = tables[file]
        others = set().union(*(tables[other] for other in main if other != file))
        shared = int(ids.isin(others).sum())
        if shared < 0.1 * min(len(ids), len(others)):
            notices.append(
                f"{file}: only {shared} of {len(ids)} patients stand in any other table; "
                "check the ids"
            )


def _check_spelling(tables: dict[str, pd.Index], faults: Faults) -> None:
    """A fault where the same patients are written in two ways (case, dots for dashes, blanks)."""
    every = pd.Index(sorted(set().union(*tables.values())))
    alike = every.str.lower().str.replace(r"[\s._-]+", "-", regex=True)
    twice = every[alike.duplicated(keep=False)]
    if len(twice):
        files = [file for file, ids in tables.items() if ids.isin(twice).any()]
        faults.add(
            f"{alike[alike.duplicated()].nunique()} patients are written in two ways in "
            f"{examples(files)} "
            f"(like {patterns(twice)}); write their ids alike"
        )


def _islands(tables: dict[str, pd.Index]) -> list[list[str]]:
    """Files joined by shared patients, the group with the most files first."""
    islands: list[tuple[list[str], set[str]]] = []
    for file, ids in tables.items():
        apart = [island for island in islands if island[1].isdisjoint(ids)]
        joined = [island for island in islands if not island[1].isdisjoint(ids)]
        names = [name for island in joined for name in island[0]] + [file]
        islands = [*apart, (names, set(ids).union(*(island[1] for island in joined)))]
    return sorted((names for names, _ in islands), key=len, reverse=True)


def _strangers(island: list[str], main: list[str], tables: dict[str, pd.Index]) -> str:
    here, there = tables[island[0]], tables[main[0]]
    barcodes = tcga_share(here) > 0.5 or tcga_share(there) > 0.5
    cure = (
        'set [patients] level = "tcga-patient"'
        if barcodes
        else 'check [patients] id, or orient = "patients-in-columns"'
    )
    return (
        f"no patient in common: {examples(island)} has ids like {patterns(here)}, "
        f"{examples(main)} like {patterns(there)}; {cure}"
    )
