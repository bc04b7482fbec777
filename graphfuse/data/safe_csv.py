"""Tables as files for other programs: CSV in which text cannot run as a formula, and parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.files.atomic_write import whole

_FORMULA = r"^('*[=+\-@\t\r])"
_GUARDED = r"^'('*[=+\-@\t\r])"


def guarded(text: pd.Series) -> pd.Series:
    """`text` with an apostrophe before each cell that starts like a formula (= + - @ tab CR);
    numbers stay.

    Cells with an apostrophe before such a start get one more, so that `unguarded` restores them.
    """
    return _replaced(text, _FORMULA)


def unguarded(text: pd.Series) -> pd.Series:
    """`text` as it was before `guarded`."""
    return _replaced(text, _GUARDED, r"\1")


def safe_csv(frame: pd.DataFrame, path: str | Path, index: bool = False) -> Path:
    """Writes a frame as UTF-8 CSV in which spreadsheets run no formula (CWE-1236).

    Parameters
    ----------
    frame
        Its text cells and column names are `guarded`; numbers, dates and missing cells are written
        as they are.
    path
        The file to write.
    index
        Whether the index is written as first columns.

    Returns
    -------
    Path
        The file.
    """
    frame = frame.reset_index() if index else frame
    columns = [guarded(frame.iloc[:, i]) for i in range(frame.shape[1])]
    names = guarded(pd.Series(list(frame.columns), dtype=object)).tolist()
    safe = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    with whole(path) as part:
        safe.to_csv(part, index=False, header=names, encoding="utf-8", lineterminator="\n")
    return Path(path)


def csv_and_parquet(frame: pd.DataFrame, folder: Path, name: str) -> None:
    """Writes a frame as `name.csv` (see `safe_csv`) and, with its types and text as it is, as
    `name.parquet` into a folder."""
    safe_csv(frame, folder / f"{name}.csv")
    with whole(folder / f"{name}.parquet") as part:
        frame.to_parquet(part, index=False)


def _replaced(text: pd.Series, pattern: str, by: str = r"'\1") -> pd.Series:
    """`text` with `pattern` replaced in its text cells only; a series without text is returned as
    it is."""
    if isinstance(text.dtype, pd.CategoricalDtype):
        text = text.astype(object)
    if not (pd.api.types.is_object_dtype(text) or pd.api.types.is_string_dtype(text)):
        return text
    cells = text.astype(object)
    is_text = cells.map(lambda cell: isinstance(cell, str))
    replaced = cells.where(is_text, "").str.replace(pattern, by, regex=True)
    return cells.where(~is_text, replaced)
