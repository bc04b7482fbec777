"""The type of a column of patients' records, guessed from its cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.records.dates import looks_like_date
from graphfuse.data.records.ordinal_scales import is_assessed, places
from graphfuse.text.parse_numbers import shapes

_NUMERIC_SHARE = 0.8
_DATE_SHARE = 0.9
_FEW_LEVELS = 10  # up to here, numbers with a unit may be the arms of a trial: '10 mg', '20 mg'


def guess_type(column: pd.Series) -> str:
    """The type of a column of patients' records by most of its cells: numeric | categorical |
    ordinal | date. Missing cells do not count.

    A column is ordinal only where the order of all its words is known (`ordinal_scales`).
    """
    if pd.api.types.is_bool_dtype(column):
        return "categorical"
    if pd.api.types.is_numeric_dtype(column):
        return "numeric"
    known = column.dropna()
    if known.empty:
        return "categorical"
    if _is_numeric(known):
        return "numeric"
    words = known.astype(str).str.strip()
    if words.map(looks_like_date).mean() >= _DATE_SHARE:
        return "date"
    levels = [word for word in words.unique() if is_assessed(word)]
    ordered = len(levels) > 1 and places(levels, guessing=True) is not None
    return "ordinal" if ordered else "categorical"


def _is_numeric(known: pd.Series) -> bool:
    """Whether most cells are numbers, or are meant as numbers: '90+', '12 mg', '1,234'."""
    shape = shapes(known)
    plain = np.isin(shape, ("number", "infinite"))
    if plain.mean() >= _NUMERIC_SHARE:
        return True
    if (shape != "text").mean() < _NUMERIC_SHARE:
        return False
    bounds = shape == "bound"
    if bounds.any():  # '<40', '40+', or '0', '1+', '2+' are few levels; ages with '90+' are many
        return known[plain].nunique() > known[bounds].nunique()
    return bool(plain.any()) or known.nunique() > _FEW_LEVELS
