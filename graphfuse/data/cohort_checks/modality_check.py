"""What is wrong, or odd, with one modality as its file has it: its values and its names."""

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

_FREE_TEXT = 20  # different texts, from which a column may be no category


def judged(modality: Modality, scale_declared: bool = False) -> tuple[list[str], list[str]]:
    """The faults of a modality, which cannot be trained on, and notices of what can and is odd.

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
    """Faults of values that contradict what is declared, and of codes for missing that cause it or
    are no measurement in any table; the other codes as notices."""
    said = conflicts(modality)
    if said:
        cure = "; ".join(map(sentinel_notice, codes)) or "correct values, or the table"
        return [f"{each}; {cure}" for each in said], []
    faults = [sentinel_notice(code) for code in codes if code.impossible]
    return faults, [sentinel_notice(code) for code in codes if not code.impossible]


def sentinel_notice(code: Sentinel) -> str:
    """That a table has such a number, and the cure."""
    return (
        f"{code.code:,.6g} in {counted(code.cells, 'cell')} of "
        f"{counted(len(code.columns), 'column')} ({examples(code.columns)}) stands far "
        "outside all other values: a code for missing? Leave such cells blank"
    )


def _odd_values(modality: Modality) -> list[str]:
    """What a table's values look like, where that is not what was declared or not one thing."""
    said = [
        scaled_over_cohort(modality.table),
        two_scales(modality.table),
        unlike_declared(modality),
        _mostly_blank(modality),
    ]
    return [each for each in said if each]


def _mostly_blank(modality: Modality) -> str:
    """What to say of columns that are blank for most of those who have the table."""
    table = modality.table[modality.present]
    blank = table.columns[table.isna().mean() > 0.5]
    if blank.empty:
        return ""
    few = counted(len(blank), "column is", "columns are")
    return (
        f"{few} blank for more than half of the patients ({examples(blank)}): the blanks are "
        "taken at the median of the training patients; leave such columns out, unless the rest "
        "is worth it"
    )


def _odd_names(modality: Modality) -> list[str]:
    """Gene symbols that a spreadsheet changed, or that are few."""
    found = []
    symbols = [symbol for symbol in modality.symbols if symbol]
    dates = date_genes.turned_into_dates(symbols)
    if dates:
        found.append(
            f"{len(dates)} gene symbols look like genes a spreadsheet turned into dates "
            f"({date_genes.in_words(dates)}); {date_genes.CURE}"
        )
    mice = mouse_symbols(symbols)
    if mice:
        found.append(
            f"{len(mice):,} of {len(symbols):,} gene symbols are written as those of mouse or rat "
            f"are ({examples(mice)}): the gene networks that come with graphfuse are human; bring "
            "your own, or map the symbols to human ones"
        )
    if 0 < len(symbols) < 0.5 * len(modality.symbols):
        found.append(f"only {len(symbols):,} of {len(modality.symbols):,} columns map to a gene")
    return found


def _odd_records(modality: Modality) -> list[str]:
    """Codes for missing in columns of numbers, and columns of text that are no categories, where
    they are neither dates nor levels of a scale."""
    found = []
    for name in modality.columns:
        column = modality.table[name]
        if not pd.api.types.is_numeric_dtype(column):
            if modality.types.get(name, "categorical") == "categorical":
                found += _unrepeated(column)
            continue
        code = sentinel_of(column)
        if code is not None:
            found.append(
                f"{name!r} is {code:.6g} for {few(int((column == code).sum()))} patients, far from "
                "all others: a code for missing?"
            )
    return found


def _unrepeated(column: pd.Series) -> list[str]:
    """Text whose values hardly repeat is a name, a date or free text, not a category."""
    known = column.dropna()
    distinct = known.nunique()
    if distinct <= _FREE_TEXT or distinct <= 0.5 * len(known):
        return []
    return [
        f"{column.name!r} has {distinct} different texts for {few(len(known))} patients: is it a "
        "category?"
    ]
