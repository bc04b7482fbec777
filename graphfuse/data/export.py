"""Tables for other programs: formulas in text are defused, files appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from graphfuse.errors import InputError

_FORMULA = r"^('*[=+\-@\t\r])"
_GUARDED = r"^'('*[=+\-@\t\r])"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to beside `path`; moved to `path` when the block ends well, removed when it
    does not."""
    path = Path(path)
    if not path.name or path.is_dir():
        raise InputError(f"{path}: is a folder; name the file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def filled(folder: str | Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, whose files move into it when the block ends well.

    Files that `folder` holds already stay, save those of the same name. A block that fails leaves
    `folder` as it was, or absent.
    """
    folder = Path(folder).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield part
        folder.mkdir(exist_ok=True)
        for path in sorted(part.iterdir()):
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def guarded(text: pd.Series) -> pd.Series:
    """`text` with an apostrophe before each cell that starts like a formula (= + - @ tab CR);
    numbers untouched.

    Cells that are an apostrophe and such a start get one more, so that `unguarded` gives back what
    was there.
    """
    return _replaced(text, _FORMULA)


def unguarded(text: pd.Series) -> pd.Series:
    """`text` as it was before `guarded`."""
    return _replaced(text, _GUARDED, r"\1")


def safe_csv(frame: pd.DataFrame, path: str | Path, index: bool = False) -> Path:
    """Write `frame` as UTF-8 CSV that no spreadsheet runs (CWE-1236); text cells and column names
    are `guarded`.

    Numbers, dates and missing cells are written as they are. `index` adds the index as first
    columns. Returns the path.
    """
    frame = frame.reset_index() if index else frame
    columns = [guarded(frame.iloc[:, i]) for i in range(frame.shape[1])]
    names = guarded(pd.Series(list(frame.columns), dtype=object)).tolist()
    safe = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    with whole(path) as part:
        safe.to_csv(part, index=False, header=names, encoding="utf-8", lineterminator="\n")
    return Path(path)


def _replaced(text: pd.Series, pattern: str, by: str = r"'\1") -> pd.Series:
    """`text` with `pattern` replaced in its text cells only; a series without text comes back as it
    is."""
    if isinstance(text.dtype, pd.CategoricalDtype):
        text = text.astype(object)
    if not (pd.api.types.is_object_dtype(text) or pd.api.types.is_string_dtype(text)):
        return text
    cells = text.astype(object)
    words = cells.map(lambda cell: isinstance(cell, str))
    return cells.where(~words, cells.where(words, "").str.replace(pattern, by, regex=True))
