"""The check of one modality as its file has it: faults and oddities of its values and names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from graphfuse.data.cohort_checks.declared_values import (
    conflicts,
    scaled_over_cohort,
    unlike_declared,
)
from graphfuse.data.cohort_checks.mixed_scales import two_scales, untransformed
from graphfuse.data.genes import date_genes
from graphfuse.data.genes.feature_types import mouse_symbols
from graphfuse.data.modality import Modality
from graphfuse.errors import counted, examples, few
from graphfuse.statistics.sentinels import Sentinel, blanked, sentinel_of, sentinels_in

_FREE_TEXT = 20  # distinct texts up to which a column may be a category


def judged(modality: Modality, scale_declared: bool = False) -> tuple[list[str], list[str]]:
    """The faults of a modality, with which it cannot be trained on, and notices of oddities.

    Parameters
    ----------
    modality : Modality
        As its file has it, before any transform.
    scale_declared : bool
        Whether the manifest says `transform`, be it "none": then large skewed numbers are meant.

    Returns
    -------
    faults, notices : list of str
    """
    if modality.table.shape[1] == 0:
        return ["no columns; the table holds ids only"], []
    if modality.kind == "ehr":
        return [], _odd_records(modality)
    codes = sentinels_in(modality.table)
    faults, notices = _against(modality, codes)
    measured = replace(modality, table=blanked(modality.table, codes))
    if not faults:
        notices += _odd_values(measured)
    if not faults and not scale_declared:
        notices += untransformed(measured)
    return faults, notices + _odd_names(modality)


def _against(modality: Modality, codes: list[Sentinel]) -> tuple[list[str], list[str]]:
    """Faults of values that contradict their declared scale, and of codes for missing that cause
    this or that no measurement can be; the other codes as notices."""
    contradictions = conflicts(modality)
    if contradictions:
        cure = "; ".join(map(sentinel_notice, codes)) or "correct values, or the table"
        return [f"{each}; {cure}" for each in contradictions], []
    faults = [sentinel_notice(code) for code in codes if code.impossible]
    return faults, [sentinel_notice(code) for code in codes if not code.impossible]


def sentinel_notice(code: Sentinel) -> str:
    """A notice about a number that may be a code for missing, and the cure."""
    cells = counted(code.cells, "cell")
    columns = counted(len(code.columns), "column")
    return (
        f"{code.code:,.6g} in {cells} of {columns} ({examples(code.columns)}) stands far outside "
        "all other values: a code for missing? Leave such cells blank"
    )


def _odd_values(modality: Modality) -> list[str]:
    """Notices of values that were scaled with test patients, are on two scales, look unlike their
    declared scale, or are mostly blank."""
    notices = [
        scaled_over_cohort(modality.table),
        two_scales(modality.table),
        unlike_declared(modality),
        _mostly_blank(modality),
    ]
    return [notice for notice in notices if notice]


def _mostly_blank(modality: Modality) -> str:
    """A notice of columns that are blank for most of the patients who have the modality."""
    table = modality.table[modality.present]
    blank = table.columns[table.isna().mean() > 0.5]
    if blank.empty:
        return ""
    count = counted(len(blank), "column is", "columns are")
    return (
        f"{count} blank for more than half of the patients ({examples(blank)}): the blanks are "
        "taken at the median of the training patients; leave such columns out, unless the rest "
        "is worth it"
    )


def _odd_names(modality: Modality) -> list[str]:
    """Notices of gene symbols that a spreadsheet changed, that are of mice, or that are few."""
    notices = []
    symbols = [symbol for symbol in modality.symbols if symbol]
    dates = date_genes.notice(symbols)
    if dates:
        notices.append(dates)
    mice = mouse_symbols(symbols)
    if mice:
        notices.append(
            f"{len(mice):,} of {len(symbols):,} gene symbols are written as those of mouse or rat "
            f"are ({examples(mice)}): the gene networks that come with graphfuse are human; bring "
            "your own, or map the symbols to human ones"
        )
    if 0 < len(symbols) < 0.5 * len(modality.symbols):
        notices.append(f"only {len(symbols):,} of {len(modality.symbols):,} columns map to a gene")
    return notices


def _odd_records(modality: Modality) -> list[str]:
    """Notices of codes for missing in columns of numbers, and of columns of text that are neither
    categories, dates nor levels of a scale."""
    notices = []
    for name in modality.columns:
        column = modality.table[name]
        if not pd.api.types.is_numeric_dtype(column):
            if modality.types.get(name, "categorical") == "categorical":
                notices += _unrepeated(column)
            continue
        code = sentinel_of(column)
        if code is not None:
            patients = few(int((column == code).sum()))
            notices.append(
                f"{name!r} is {code:.6g} for {patients} patients, far from all others: a code for "
                "missing?"
            )
    return notices


def _unrepeated(column: pd.Series) -> list[str]:
    """A notice for text whose values hardly repeat: names, dates or free text, not categories."""
    known = column.dropna()
    distinct = known.nunique()
    if distinct <= _FREE_TEXT or distinct <= 0.5 * len(known):
        return []
    return [
        f"{column.name!r} has {distinct} different texts for {few(len(known))} patients: is it a "
        "category?"
    ]
