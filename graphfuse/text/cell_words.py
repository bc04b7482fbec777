"""Words in cells: one spelling, words for unknown, and categories that differ only in spelling.

Every rule here uses one cell alone, so that a cell means the same whatever the other rows hold. The
one exception is "-", which is a value in a column of "+" and "-" (`plus_and_minus`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from numbers import Real

import numpy as np
import pandas as pd

from graphfuse.text.id_spelling import visible

UNKNOWN = frozenset({
    "", "unknown", "unk", "not known", "not reported", "not available", "not applicable",
    "not evaluated", "not assessed", "not performed", "not done", "not tested", "not determined",
    "not recorded", "not specified", "not stated", "not provided", "not collected",
    "not allowed to collect", "no data", "data not available", "missing", "unspecified",
    "discrepancy", "pending", "none reported", "n/a", "n.a.", "#n/a", "na", "nan", "<na>", "nat",
    "null", ".", "?", "-", "--", "'--", "–", "—", "−",
})  # fmt: skip
"""Words for unknown, in lower case, without brackets and with blanks for underscores."""

BLANKS = frozenset({
    "", "na", "n/a", "#n/a", "nan", "-nan", "<na>", "null", ".", "?", "-", "--",
})  # fmt: skip
"""Those that every table reader takes as blank, which need no notice."""

_WHOLE = re.compile(r"([+-]?)(0|[1-9][0-9]*)\.0+")
_PLUS = re.compile(r"\(?[+/±-]*\+[+/-]*\)?")
_COUNTED_PLUS = re.compile(r"[1-4]\+")
_MINUS = ("-", "--", "–", "—", "−")
_DASHES = re.compile("[\u2010-\u2015\u2212]")


def spelt(text: str) -> str:
    """The text as `visible` has it, with single blanks.

    >>> spelt("  Stage\\u00a0 II\\u200b ")
    'Stage II'
    """
    return " ".join(visible(text).split())


def as_word(value) -> str:
    """One value as the name of a level, a class or a group.

    TRUE, true and True are 'True'; a whole number with a point is written without (1.0 is '1');
    everything else stays as it is spelt, so that '01', '1_2' and '1E2' are different levels.

    >>> [as_word(value) for value in (1.0, "1.0", "01", "1_2", "1E2", "TRUE", False)]
    ['1', '1', '01', '1_2', '1E2', 'True', 'False']
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Real):
        whole = np.isfinite(value) and float(value).is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else str(value)
    text = spelt(str(value))
    if text.lower() in ("true", "false"):
        return text.capitalize()
    number = _WHOLE.fullmatch(text)
    if number is None:
        return text
    negative = number[1] == "-" and number[2] != "0"
    return "-" + number[2] if negative else number[2]


def is_unknown(text: str) -> bool:
    """Whether a cell says that its value is unknown: 'NA', 'not_reported', '[Not Available]'."""
    plain = text.strip().lower().replace("_", " ")
    if plain in UNKNOWN:
        return True
    is_bracketed = len(plain) > 1 and plain[0] + plain[-1] in ("[]", "<>", "()")
    return is_bracketed and plain[1:-1].strip() in UNKNOWN


def plus_and_minus(words: Iterable[str]) -> bool:
    """Whether a column's words are results like '+', '++' and '+/-', so that '-' is one, too."""
    words = set(words)
    if any(_PLUS.fullmatch(word) for word in words):
        return True
    counted = any(_COUNTED_PLUS.fullmatch(word) for word in words)
    return counted and "0" not in words


def cleaned(column: pd.Series, minus: bool | None = None) -> pd.Series:
    """The column in one spelling, with words for unknown missing; numbers stay as they are.

    `minus`: whether '-' is a value; by default, where `plus_and_minus` says so of the column.
    """
    is_boolean = pd.api.types.is_bool_dtype(column)
    if pd.api.types.is_numeric_dtype(column) and not is_boolean:
        return column
    cells = [_spelt_cell(cell) for cell in column.astype(object)]
    if minus is None:
        minus = plus_and_minus(cell for cell in cells if isinstance(cell, str))
    kept = [_known(cell, minus) for cell in cells]
    return pd.Series(kept, index=column.index, name=column.name, dtype=object)


def words_of(column: pd.Series, minus: bool | None = None) -> pd.Series:
    """Each cell of the column as `as_word` writes it, missing where it is unknown (`cleaned`)."""
    cells = cleaned(column, minus)
    words = [np.nan if pd.isna(cell) else as_word(cell) for cell in cells]
    return pd.Series(words, index=column.index, name=column.name, dtype=object)


def unknown_words(column: pd.Series, read: pd.Series) -> list[str]:
    """The cells of `column` that are missing in `read`, the column after reading, but for those
    that every table reader takes as blank; one word a patient."""
    lost = column[column.notna().to_numpy() & read.isna().to_numpy()]
    words = [spelt(str(cell)) for cell in lost]
    return [word for word in words if word.lower() not in BLANKS]


def _spelt_cell(cell):
    """A text in one spelling, NaN for anything missing, other values as they are."""
    if isinstance(cell, str):
        return spelt(cell)
    return np.nan if pd.isna(cell) else cell


def _known(cell, minus: bool):
    """The cell, NaN where it is a word for unknown."""
    if not isinstance(cell, str):
        return cell
    if minus and cell in _MINUS:
        return "-"
    return np.nan if is_unknown(cell) else cell


def folded(word: str) -> str:
    """A word without differences of case, underscores, dashes and compatible characters: two words
    that agree in it are most likely one, written in two ways."""
    plain = unicodedata.normalize("NFKC", word).casefold().replace("_", " ")
    return " ".join(_DASHES.sub("-", plain).split())


def written_alike(words: Iterable[str]) -> list[str]:
    """The words, sorted, that agree with another in all but case and the like."""
    words = pd.Series(sorted(set(words)), dtype=object)
    return words[words.map(folded).duplicated(keep=False)].tolist()
