"""Spellings of patients' ids: invisible characters removed, and keys for ids that are alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd

_SEPARATORS = re.compile(r"[\s._\-‐‑‒–—―−]+")
_WHOLE = re.compile(r"^(\d+)\.0+$")
_SCIENTIFIC = re.compile(r"^\d(\.\d+)?e\+?\d{1,2}$", re.IGNORECASE)
_LEADING_ZEROS = re.compile(r"(?<![\d])0+(?=\d)")
# Words that pandas writes where a value is missing: no id, even as text.
MISSING_IDS = ("nan", "NaN", "<NA>", "NaT", "None", "null", "NULL", "NA", "N/A", "#N/A", "n/a")


def visible(text: str) -> str:
    """A text without invisible characters.

    Zero-width characters and marks of byte order or direction go, blanks of every width become
    plain ones, letters are composed (NFC), and blanks around are dropped.

    Examples
    --------
    >>> visible("P\\u200b1\\u00a0")
    'P1'
    """
    if text.isascii():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    return "".join(_seen(letter) for letter in composed).strip()


def _seen(letter: str) -> str:
    """The letter; a plain blank for any blank; nothing for what has no width."""
    category = unicodedata.category(letter)
    if category == "Cf":
        return ""
    return " " if category in ("Zs", "Zl", "Zp") else letter


def ids_as_text(labels: Iterable) -> pd.Index:
    """Ids as text, without invisible characters.

    Parameters
    ----------
    labels
        Ids of any type: 7 and 7.0 become '7', bytes are decoded, a missing id becomes ''. Text
        stays as it is written: '007' and '1e5' are no numbers.

    Returns
    -------
    pd.Index
        One text each, named 'patient'.
    """
    return pd.Index([_as_text(label) for label in labels], name="patient", dtype=object)


def _as_text(label) -> str:
    """One id as text."""
    if isinstance(label, str):
        return visible(label)
    if isinstance(label, bytes):
        return visible(label.decode("utf-8", "replace"))
    if label is None or label is pd.NA or label is pd.NaT:
        return ""
    if isinstance(label, float | np.floating):
        if np.isnan(label):
            return ""
        return f"{label:.0f}" if float(label).is_integer() else str(label)
    return visible(str(label))


def has_hidden(label) -> bool:
    """Whether a text holds invisible characters, other than blanks around it."""
    return isinstance(label, str) and visible(label) != label.strip(" \t\r\n")


def style(name: str) -> str:
    """A key that is equal for ids that differ only in case, separators, or width of letters."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _SEPARATORS.sub("-", folded)


def padding(name: str) -> str:
    """A key that is equal for ids that differ in style, or in how their numbers are written: zeros
    in front (P1, P01), a decimal point (7, 7.0), or an exponent (100000, 1e+05)."""
    plain = unicodedata.normalize("NFKC", name)
    if _SCIENTIFIC.match(plain):
        value = float(plain)
        plain = f"{value:.0f}" if value.is_integer() else plain
    plain = _WHOLE.sub(r"\1", plain)
    return _LEADING_ZEROS.sub("", style(plain))


def missing_words(ids: pd.Index) -> np.ndarray:
    """bool `[N]`: ids that are a word for missing, such as 'nan', where the others have digits.

    A cohort may name its patients by their initials, so that NA is one of them: a word counts only
    where most ids hold a digit.
    """
    words = ids.isin(MISSING_IDS)
    if not words.any():
        return words
    with_digit = pd.Series(ids[~words], dtype=object).str.contains(r"\d", regex=True)
    return words if with_digit.mean() > 0.5 else np.zeros(len(ids), dtype=bool)
