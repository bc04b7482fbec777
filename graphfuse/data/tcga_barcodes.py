"""TCGA barcodes: the patient, the type of sample, and samples that must not be mixed in one table.

A barcode such as TCGA-3C-AAAU-01A-11R names the patient (12 characters) and, in the next two
digits, the type of sample: 01 to 09 are tumours, 10 to 14 normal tissue or blood, 20 and more
controls.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from graphfuse.errors import counted

LENGTH = {"tcga-patient": 12, "tcga-sample": 15}
_TCGA = re.compile(r"^TCGA[-._][A-Z0-9]{2}[-._][A-Z0-9]{4}(?=$|[-._])", re.IGNORECASE)
_SAMPLE = re.compile(r"^.{12}[-._](\d{2})")
_TYPES = {
    "01": "primary tumour", "02": "recurrent tumour", "03": "blood-derived tumour",
    "05": "new primary tumour", "06": "metastasis", "07": "metastasis",
    "09": "bone marrow tumour", "10": "blood", "11": "normal tissue", "12": "buccal cells",
    "14": "normal bone marrow",
}  # fmt: skip


def is_barcode(name) -> bool:
    """Whether an id is a TCGA barcode of any length."""
    return bool(_TCGA.match(str(name)))


def tcga_share(ids: Iterable) -> float:
    """Share of ids that are TCGA barcodes."""
    ids = list(ids)
    return sum(map(is_barcode, ids)) / max(len(ids), 1)


def uniform(name: str) -> str:
    """A barcode in upper case and with dashes."""
    return name.upper().replace(".", "-").replace("_", "-")


def cut(ids: pd.Index, level: str) -> pd.Index:
    """Barcodes at a level: upper case, dashes, cut."""
    length = LENGTH[level]
    return pd.Index([uniform(name)[:length] for name in ids], name="patient", dtype=object)


def sample_types(ids: Iterable[str]) -> Counter:
    """The number of barcodes of each sample type ('01'); those that name none are left out."""
    matches = [_SAMPLE.match(name) for name in ids if is_barcode(name)]
    return Counter(match[1] for match in matches if match)


def kinds(types: Iterable[str]) -> set[str]:
    """The kinds of sample types: 'tumour', 'normal', 'control'."""
    return {_kind(number) for number in types}


def _kind(number: str) -> str:
    """The kind of one sample type."""
    if number < "10":
        return "tumour"
    return "normal" if number < "20" else "control"


def types_in_words(types: Counter) -> str:
    """The number of each sample type, as in '01 × 70, 11 × 8'."""
    counts = [f"{number} × {count:,}" for number, count in sorted(types.items())]
    return ", ".join(counts)


def mixed_in_one_table(ids: Iterable[str]) -> str:
    """A message about a table with samples of tumours and of other kinds, which must not be taken
    for one another; '' where there is one kind."""
    types = sample_types(ids)
    if len(kinds(types)) < 2:
        return ""
    known = [number for number in sorted(types) if number in _TYPES]
    named = ", ".join(f"{number}: {_TYPES[number]}" for number in known)
    return (
        f"samples of more than one kind in one table ({types_in_words(types)}; {named}): keep the "
        "rows of one kind (characters 14 and 15 of the barcode)"
    )


def mixed_between_tables(tables: dict[str, set[str]]) -> list[str]:
    """A notice where one table holds tumours and another something else, of the same patients.

    `tables`: name → the kinds of its samples (`kinds`).
    """
    kind_of = {}
    for table, of_table in sorted(tables.items()):
        if len(of_table) == 1:
            (kind_of[table],) = of_table
    if len(set(kind_of.values())) < 2:
        return []
    listed = "; ".join(f"{table}: {kind}" for table, kind in kind_of.items())
    return [f"samples of different kinds are joined by patient ({listed}); is that meant?"]


def torn_between_lengths(names: Iterable[str]) -> list[str]:
    """Barcodes of patients that have two lengths: those that are the beginning of another."""
    known = {name for name in names if is_barcode(name)}
    lengths = sorted({len(name) for name in known})
    shorter = set()
    for name in known:
        beginnings = {name[:length] for length in lengths if length < len(name)}
        shorter |= beginnings & known
    return sorted(shorter)


def lengths_in_words(names: Iterable[str]) -> str:
    """The number of barcodes of each length, as in '12 characters × 80, 16 characters × 40'."""
    counts = Counter(len(name) for name in names if is_barcode(name))
    shown = [f"{counted(size, 'character')} × {count:,}" for size, count in sorted(counts.items())]
    return ", ".join(shown)
