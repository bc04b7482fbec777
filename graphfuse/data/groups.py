"""Groups of patients: sites, batches, families."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, examples
from graphfuse.text.cell_words import words_of
from graphfuse.text.id_spelling import padding


def group_values(
    groups: pd.Series, patients: pd.Index, where: str, faults: Faults, notices: list[str]
) -> np.ndarray:
    """Each patient's group as it is written.

    Parameters
    ----------
    groups
        Indexed by patient.
    patients
        Ids of the N patients.
    where
        The group, for messages.
    faults
        A fault is added where values differ only in case or blanks.
    notices
        A notice is added where values differ only in zeros in front.

    Returns
    -------
    np.ndarray
        Text `[N]`, 'unknown' where there is none.
    """
    words = words_of(groups.astype(object).reindex(patients))
    distinct = pd.Index(sorted(set(words.dropna())), dtype=object)
    folded = distinct.map(lambda word: " ".join(word.casefold().split()))
    alike = distinct[folded.duplicated(keep=False)]
    if len(alike):
        faults.add(
            f"{where}: values differ only in case or blanks ({examples(map(repr, alike))}); write "
            "them alike"
        )
    is_padded = distinct.map(padding).duplicated(keep=False)
    padded = distinct[is_padded].difference(alike)
    if len(padded):
        notices.append(
            f"{where}: values differ only in how numbers or separators are written "
            f"({examples(map(repr, padded))}); taken for different groups"
        )
    return words.where(words.notna(), "unknown").to_numpy(dtype=object)


_NO_GROUP = ("", "unknown", "nan", "none", "<na>")


def group_known(values: Iterable) -> np.ndarray:
    """bool `[N]`: whether a patient's group is known, and neither blank nor a word for unknown."""
    words = pd.Series(list(values), dtype=object).astype(str).str.strip().str.lower()
    return ~words.isin(_NO_GROUP).to_numpy(bool)
