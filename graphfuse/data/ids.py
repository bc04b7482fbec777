"""Patient ids across files: one spelling, and what to say about them without showing them (ids are private)."""

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
    """The ids at `level` (TCGA barcodes: upper case, dashes, cut); adds a fault where that makes two rows one."""
    if level is None:
        return index
    strange = [not _TCGA.match(name) for name in index]
    if any(strange):
        faults.add(
            f"{where}: {sum(strange)} of {len(index)} ids are no TCGA barcodes (they look like {patterns(index[strange])}); "
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
            f"{where}: {cut[doubled].nunique()} patients have more than one row once barcodes are cut to "
            f"{LENGTH[level]} characters{_sample_types(index[doubled])}; keep one row each"
        )
    return cut


def _sample_types(index: pd.Index) -> str:
    """' (sample types: 01 × 3, 11 × 3)' for barcodes that say so."""
    types = Counter(found[1] for name in index if (found := _SAMPLE.match(name)))
    return f" (sample types: {', '.join(f'{k} × {n}' for k, n in sorted(types.items()))})" if types else ""


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


def check_overlap(tables: dict[str, tuple[str, pd.Index]], faults: Faults, notices: list[str]) -> None:
    """Faults for tables that share no patient with any other, notices for those that share few.

    `tables`: for each place of the manifest (`modality.rna`) its file and its ids.
    """
    said = set()
    for name, (file, ids) in tables.items():
        others = {key: value for key, value in tables.items() if key != name}
        if not others or not len(ids):
            continue
        shared = ids.isin(pd.Index([]).append([other for _, other in others.values()])).sum()
        if shared == 0:
            pair = frozenset([name, *others])
            if len(others) > 1 or pair not in said:
                faults.add(_strangers(name, file, ids, others))
            said.add(pair)
        elif shared < 0.1 * len(ids):
            notices.append(
                f"[{name}] {file}: only {shared} of {len(ids)} patients stand in any other table; check the ids"
            )


def _strangers(name: str, file: str, ids: pd.Index, others: dict[str, tuple[str, pd.Index]]) -> str:
    other_file, other_ids = max(others.values(), key=lambda table: len(table[1]))
    names = examples(dict.fromkeys(other for other, _ in others.values()))
    cure = (
        'set [patients] level = "tcga-patient"'
        if tcga_share(ids) > 0.5 or tcga_share(other_ids) > 0.5
        else 'check the id column, or orient = "patients-in-columns"'
    )
    return (
        f"[{name}] no patient in common: {file} has ids like {patterns(ids)}, "
        f"{names} like {patterns(other_ids)}; {cure}" + (f" ({other_file})" if len(others) > 1 else "")
    )
