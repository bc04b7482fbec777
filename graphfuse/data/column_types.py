"""Which type a column of patients' records has."""

from __future__ import annotations

import re

import pandas as pd

_NUMERIC_SHARE = 0.8

_DATE = re.compile(r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ].*)?$")

_ORDINAL = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^stage\s*(is|x|0|[ivx]+)\s*[abc]?\d?$",
        r"^(c|p|yp)?[tnm]([0-4x]|is)[a-d]?(mi)?\s*(\(.*\))?$",
        r"^g(rade\s*)?[1-4x]$",
        r"^(very )?(low|high)$|^(medium|moderate|intermediate)$",
        r"^(none|absent|mild|moderate|severe|critical)$",
        r"^[ivx]+[abc]?$",
    )
)


def guess_type(series: pd.Series) -> str:
    """numeric | categorical | ordinal | date for a column of patients' records."""
    if pd.api.types.is_bool_dtype(series):
        return "categorical"
    if pd.api.types.is_numeric_dtype(series):
        return "numeric"
    text = series.dropna().astype(str).str.strip()
    if text.empty:
        return "categorical"
    if pd.to_numeric(text, errors="coerce").notna().mean() >= _NUMERIC_SHARE:
        return "numeric"
    if text.str.match(_DATE).mean() >= 0.9:
        return "date"
    ordered = any(text.str.match(pattern).mean() >= 0.9 for pattern in _ORDINAL)
    return "ordinal" if ordered and text.nunique() > 1 else "categorical"
