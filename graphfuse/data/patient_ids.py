"""Patients' ids across files: one spelling, and messages about ids that do not show them (ids are
private)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from graphfuse.data import tcga_barcodes
from graphfuse.data.tcga_barcodes import LENGTH
from graphfuse.errors import Faults, counted, examples
from graphfuse.text.id_spelling import padding, style

LOW_OVERLAP = 0.1  # share of its patients that a file should share with the others


def normalised(
    index: pd.Index, level: str | None, where: str, faults: Faults, notices: list[str]
) -> pd.Index:
    """The ids of one table at `level`.

    Parameters
    ----------
    index
        Ids as the file has them.
    level
        `tcga-patient` or `tcga-sample`: barcodes in upper case, with dashes, cut. None: as they
        are.
    where
        The table, for messages.
    faults
        A fault is added for ids that are no barcodes, for rows with the same id after cutting, and
        where normal tissue would be taken for a tumour.
    notices
        A notice is added where ids are samples of different kinds.

    Returns
    -------
    pd.Index
        One id per row.
    """
    mixed = tcga_barcodes.mixed_in_one_table(index)
    if level is None:
        if mixed:
            notices.append(f"{where}: {mixed}, unless they are meant as different patients")
        return index
    ids = tcga_barcodes.cut(index, level)
    others = [name for name in index if not tcga_barcodes.is_barcode(name)]
    if others:
        faults.add(
            f"{where}: {len(others)} of {len(index)} ids are no TCGA barcodes (they look like "
            f"{patterns(others)}); remove [patients] level, or turn the table: orient = "
            '"patients-in-columns"'
        )
        return ids
    _check_lengths_reach(index, level, where, faults)
    _check_one_row_each(index, ids, level, where, faults)
    if mixed and level == "tcga-patient":
        faults.add(f"{where}: {mixed}")
    elif mixed:
        notices.append(f"{where}: {mixed}, unless they are meant as different patients")
    return ids


def _check_lengths_reach(index: pd.Index, level: str, where: str, faults: Faults) -> None:
    """A fault where barcodes are too short for the level."""
    length = LENGTH[level]
    short = [name for name in index if len(name) < length]
    if short:
        faults.add(
            f"{where}: {len(short)} of {len(index)} barcodes are shorter than the {length} "
            f'characters of level = "{level}" (they look like {patterns(short)}); set [patients] '
            'level = "tcga-patient"'
        )


def _check_one_row_each(
    index: pd.Index, ids: pd.Index, level: str, where: str, faults: Faults
) -> None:
    """A fault where barcodes that differ become one id."""
    doubled = ids.duplicated(keep=False)
    if doubled.any():
        types = tcga_barcodes.sample_types(index[doubled])
        shown = f" (sample types: {tcga_barcodes.types_in_words(types)})" if types else ""
        patients = ids[doubled].nunique()
        faults.add(
            f"{where}: {patients} patients have more than one row once barcodes are cut to "
            f"{LENGTH[level]} characters{shown}; keep one row each"
        )


def patterns(ids: Iterable[str], limit: int = 2) -> str:
    """The most frequent patterns of ids, with A (a) for letters and 9 for digits."""
    counts = Counter(mask(str(name)) for name in ids)
    shown = [pattern for pattern, _ in counts.most_common(limit)]
    return " or ".join(shown) or "none"


def mask(name: str) -> str:
    """One id as a pattern: 'TCGA-3C-AAAU' → 'AAAA-9A-AAAA'."""
    pattern = re.sub(r"\d", "9", name)
    pattern = re.sub(r"[^\W\d_]", _masked_letter, pattern)
    return pattern if len(pattern) <= 40 else f"{pattern[:40]}…"


def _masked_letter(match: re.Match) -> str:
    """A for an upper-case letter, a for any other."""
    return "A" if match[0].isupper() else "a"


# ---------------------------------------------------------------------------------- between tables


def check_overlap(
    tables: dict[str, pd.Index],
    faults: Faults,
    notices: list[str],
    allow_low_overlap: bool = False,
) -> None:
    """Adds faults where the ids of a cohort's files do not match.

    Parameters
    ----------
    tables
        File → its ids.
    faults
        A fault is added where patients are written in two ways, where groups of files have no
        patient in common, and for files that share fewer than a tenth of their patients with the
        others.
    notices
        Where that is allowed, a notice is added in place of the last fault.
    allow_low_overlap
        Whether files may share few patients.
    """
    tables = {file: ids for file, ids in tables.items() if len(ids)}
    _check_spelling(tables, faults, notices)
    islands = _islands(tables)
    main = islands[0] if islands else []
    for island in islands[1:]:
        faults.add(_nothing_in_common(island, main, tables))
    if len(islands) == 1:
        _check_lengths(tables, faults)
    for file, low in _low_overlaps({file: tables[file] for file in main}).items():
        message = f"{file}: only {low} of {len(tables[file])} patients are in any other table"
        if allow_low_overlap:
            notices.append(f"{message}; check the ids")
        else:
            faults.add(
                f"{message} (ids like {patterns(tables[file])}); check the ids, or, where so few "
                "are meant, set [patients] allow_low_overlap = true"
            )


def _low_overlaps(tables: dict[str, pd.Index]) -> dict[str, int]:
    """Files that share few patients with the others, and how many."""
    low: dict[str, int] = {}
    if len(tables) < 2:
        return low
    for file, ids in tables.items():
        others = set().union(*(tables[other] for other in tables if other != file))
        shared = int(ids.isin(others).sum())
        if shared < LOW_OVERLAP * min(len(ids), len(others)):
            low[file] = shared
    return low


def _check_spelling(tables: dict[str, pd.Index], faults: Faults, notices: list[str]) -> None:
    """Faults where the same patients are written in two ways.

    Ids that differ in case or separators are one patient. Ids whose numbers are written differently
    (P1, P01) are one where they are in different files; where one file has a row for each, a notice
    is given.
    """
    every = pd.Index(sorted(set().union(*tables.values())), dtype=object)
    styles = every.map(style)
    is_repeated = styles.duplicated()
    in_two_styles = every[styles.duplicated(keep=False)]
    if len(in_two_styles):
        patients = styles[is_repeated].nunique()
        faults.add(_two_ways(in_two_styles, patients, "case, dots or dashes", tables))
    every = every[~is_repeated]
    alike = every[every.map(padding).duplicated(keep=False)]
    together = _in_one_file(alike, tables)
    apart = [name for name in alike if padding(name) not in together]
    if apart:
        patients = len(set(map(padding, apart)))
        how = "zeros in front, decimal points or exponents"
        faults.add(_two_ways(apart, patients, how, tables))
    if together:
        like = patterns(name for name in alike if padding(name) in together)
        count = counted(len(together), "pair of ids differs", "pairs of ids differ")
        notices.append(
            f"{count} only in how numbers are written (like {like}), each with a row of its own in "
            "one file; taken for different patients"
        )


def _check_lengths(tables: dict[str, pd.Index], faults: Faults) -> None:
    """A fault where a patient's barcode has two lengths, which would be two patients."""
    every = set().union(*tables.values())
    short = tcga_barcodes.torn_between_lengths(every)
    if short:
        count = counted(len(short), "patient appears", "patients appear")
        files = examples(_holding(short, tables))
        lengths = tcga_barcodes.lengths_in_words(every)
        faults.add(
            f"{count} at different lengths of barcode in {files} ({lengths}); set [patients] "
            'level = "tcga-patient"'
        )


def _in_one_file(alike: pd.Index, tables: dict[str, pd.Index]) -> set[str]:
    """Keys of padding under which some file has more than one id."""
    shared: set[str] = set()
    for ids in tables.values():
        keys = ids[ids.isin(alike)].unique().map(padding)
        shared |= set(keys[keys.duplicated()])
    return shared


def _two_ways(names: Iterable[str], patients: int, how: str, tables: dict[str, pd.Index]) -> str:
    """The fault of ids that are written in two ways."""
    names = pd.Index(names, dtype=object)
    return (
        f"{patients} patients are written in two ways in {examples(_holding(names, tables))} "
        f"(like {patterns(names)}: {how}); write their ids alike"
    )


def _holding(names: Iterable[str], tables: dict[str, pd.Index]) -> list[str]:
    """Files that hold one of these ids."""
    names = list(names)
    return [file for file, ids in tables.items() if ids.isin(names).any()]


def _islands(tables: dict[str, pd.Index]) -> list[list[str]]:
    """Groups of files joined by shared patients, the group with the most files first."""
    islands: list[tuple[list[str], set[str]]] = []  # files, and their patients
    for file, ids in tables.items():
        joined, patients, apart = [], set(ids), []
        for files, others in islands:
            if others.isdisjoint(ids):
                apart.append((files, others))
            else:
                joined += files
                patients |= others
        islands = [*apart, ([*joined, file], patients)]
    groups = [files for files, _ in islands]
    return sorted(groups, key=len, reverse=True)


def _nothing_in_common(island: list[str], main: list[str], tables: dict[str, pd.Index]) -> str:
    """The fault of files that share no patient with the others."""
    here, there = tables[island[0]], tables[main[0]]
    cure = 'check [patients] id, or orient = "patients-in-columns"'
    if max(tcga_barcodes.tcga_share(here), tcga_barcodes.tcga_share(there)) > 0.5:
        cure = 'set [patients] level = "tcga-patient"'
    return (
        f"no patient in common: {examples(island)} has ids like {patterns(here)}, "
        f"{examples(main)} like {patterns(there)}; {cure}"
    )
