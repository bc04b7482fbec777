"""What is wrong, or odd, with one modality as its file has it: its values and its names."""

from __future__ import annotations

from graphfuse.data.modality import Modality
from graphfuse.data.sniff import conflicts, doubts, untransformed
from graphfuse.data.symbols import turned_into_dates
from graphfuse.errors import examples


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
    dated = turned_into_dates(modality.columns) if modality.entity == "gene" else []
    if dated:
        found.append(
            f"{len(dated)} columns look like genes a spreadsheet made into dates "
            f"({examples(dated)})"
        )
    mapped = sum(symbol is not None for symbol in modality.symbols)
    if 0 < mapped < 0.5 * len(modality.symbols):
        found.append(f"only {mapped:,} of {len(modality.symbols):,} columns map to a gene")
    return found
