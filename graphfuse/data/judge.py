"""What is wrong, or odd, with one modality as its file has it: its values and its names."""

from __future__ import annotations

from graphfuse.data import date_genes
from graphfuse.data.modality import Modality
from graphfuse.data.sniff import conflicts, doubts, untransformed


def wrong_with(modality: Modality) -> list[str]:
    """What cannot be trained on: no columns, or values that contradict what is declared."""
    if modality.table.shape[1] == 0:
        return ["no columns; the table holds ids only"]
    return [f"{said}; correct values, or the table" for said in conflicts(modality)]


def odd_about(modality: Modality, scale_declared: bool) -> list[str]:
    """What to tell of values and names that can be trained on.

    `scale_declared`: whether the manifest says `transform`, be it "none"; then large skewed numbers
    are meant.
    """
    found = doubts(modality)
    if not scale_declared:
        found += untransformed(modality)
    symbols = [symbol for symbol in modality.symbols if symbol]
    dates = date_genes.turned_into_dates(symbols)
    if dates:
        found.append(
            f"{len(dates)} gene symbols look like genes a spreadsheet turned into dates "
            f"({date_genes.in_words(dates)}); {date_genes.CURE}"
        )
    mapped = sum(symbol is not None for symbol in modality.symbols)
    if 0 < mapped < 0.5 * len(modality.symbols):
        found.append(f"only {mapped:,} of {len(modality.symbols):,} columns map to a gene")
    return found
