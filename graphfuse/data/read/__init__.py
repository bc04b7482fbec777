"""Tables from files: one reader per format, with patients' ids as text in the index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from graphfuse.data.read import text
from graphfuse.data.read.anndata import read_h5ad, read_h5mu
from graphfuse.data.read.arrays import read_npy, read_npz
from graphfuse.data.read.check_id_column import check_first_column, without_row_numbers
from graphfuse.data.read.clean_ids import with_clean_ids
from graphfuse.data.read.h5_contents import Part, parts_of
from graphfuse.data.read.hdf5_heaps import check_heaps
from graphfuse.data.read.parquet import read_parquet
from graphfuse.data.read.request import Wanted, as_written, pick
from graphfuse.errors import GraphfuseError, InputError, counted

_PLAIN = (".csv", ".tsv", ".txt", ".tab", ".gct")
_TEXT = (*_PLAIN, ".maf", ".maf.gz", *(f"{ending}.gz" for ending in _PLAIN))
_SIGNS = {
    b"\x1f\x8b": "gzip", b"\x89HDF\r\n\x1a\n": "HDF5 (h5ad or h5mu)",
    b"MuData": "HDF5 (h5ad or h5mu)",
    b"PAR1": "Parquet", b"\x93NUMPY": "npy",
    b"PK\x03\x04": "zip (npz or an Excel workbook)", b"\xd0\xcf\x11\xe0": "old Excel workbook",
    b"%PDF": "PDF",
}  # fmt: skip
_EXPECTED = {
    "h5ad": "HDF5 (h5ad or h5mu)",
    "h5mu": "HDF5 (h5ad or h5mu)",
    "parquet": "Parquet",
    "npy": "npy",
    "npz": "zip (npz or an Excel workbook)",
}


def read_table(
    path: str | Path,
    *,
    orient: str = "patients-in-rows",
    id_column: str | None = None,
    columns: list[str] | None = None,
    layer: str | None = None,
    modality: str | None = None,
    repeats: bool = False,
    as_text: bool = False,
) -> pd.DataFrame:
    """Reads a table of patients × columns.

    Parameters
    ----------
    path : str or Path
        csv, tsv, txt, gct (plain or .gz; the delimiter is guessed), Parquet, npy or npz with ids,
        h5ad, h5mu.
    orient : {"patients-in-rows", "patients-in-columns"}
        Where the patients are in the file.
    id_column : str, optional
        The column of ids; by default the first one.
    columns : list of str, optional
        Only these, in this order; of columns with one name the first is taken.
    layer : str, optional
        The layer of an AnnData that holds the values; by default `.X`.
    modality : str, optional
        The modality of a MuData.
    repeats : bool
        Whether a patient may have many rows.
    as_text : bool
        Every cell as it is written, without the blanks around it, and only blank cells missing; a
        decimal comma becomes a point. Callers then decide what is a number, a category or a date.

    Returns
    -------
    DataFrame `[N, F]`
        Indexed by patient id as text.

    Raises
    ------
    InputError
        Where the file cannot be read: says what is wrong, in which file, and what to do.
    """
    path = Path(path)
    kind = format_of(path)
    flipped = orient == "patients-in-columns"
    names = None if columns is None else tuple(columns)
    wanted = Wanted(flipped, id_column, names, layer, modality, as_text)
    with _input_errors(path, kind):
        frame = _READERS[kind](path, wanted)
        if as_text and kind != "text":
            frame = as_written(frame)
    if columns is None and not wanted.flipped:
        frame = without_row_numbers(frame, path)
        _check_names(frame, path)
    return with_clean_ids(frame, path, repeats)


def _check_names(frame: pd.DataFrame, path: Path) -> None:
    """Raises `InputError` where a column that holds values has no name."""
    is_unnamed = [re.fullmatch(r"(\.\d+)?", str(name)) is not None for name in frame.columns]
    if any(is_unnamed):
        unnamed = frame.loc[:, is_unnamed]
        values = int(unnamed.notna().to_numpy().sum())
        raise InputError(
            f"{path}: {counted(unnamed.shape[1], 'column')} without a name "
            f"({counted(values, 'value')}): name or remove what stands there"
        )


def column_names(path: str | Path) -> list[str]:
    """The names of all columns of a table, the id column first; repeated names get .1, .2, … as in
    pandas."""
    path = Path(path)
    if format_of(path) != "text":
        return ["patient", *map(str, read_table(path).columns)]
    with _input_errors(path, "text"):
        return text.text_table(path).measured_names


def tables_in(path: str | Path) -> list[Part]:
    """The tables that a file holds: for AnnData and MuData the values of each modality and the
    columns of `.obs`, one for every other format. Raises `InputError` as `read_table`."""
    path = Path(path)
    kind = format_of(path)
    if kind not in ("h5ad", "h5mu"):
        return [Part(None)]
    with _input_errors(path, kind):
        return parts_of(path, kind)


def format_of(path: Path) -> str:
    """text | parquet | npy | npz | h5ad | h5mu, by the file's name. Raises `InputError` for
    anything else."""
    name = path.name.lower()
    if name.endswith(_TEXT):
        return "text"
    kind = path.suffix.lower().lstrip(".")
    if kind in _READERS:
        return kind
    cure = "known: " + ", ".join(_KNOWN)
    if kind in ("xlsx", "xls", "ods", "rds", "rdata"):
        cure = "save it as csv first"
    raise InputError(f"{path}: no reader for {path.suffix or 'a name without an ending'}; {cure}")


@contextmanager
def _input_errors(path: Path, kind: str) -> Iterator[None]:
    """Turns any error of another library that cannot read a file into an `InputError`.

    Damaged bytes lead numpy to a `TokenError` of Python's tokenizer, h5py to a `RuntimeError`, gzip
    to an `EOFError`, which the shell would take for Ctrl-C.
    """
    expected = _check_signs(path, kind)
    try:
        yield
    except GraphfuseError:
        raise
    except ImportError as error:
        raise InputError(
            f"{path}: reading {kind} needs a package that is not installed ({error})"
        ) from None
    except MemoryError as error:
        raise InputError(
            f"{path}: asks for more memory than there is ({_first_line(error)}); name columns "
            "= […], or obtain the file again if it is not that large"
        ) from None
    except Exception as error:
        raise InputError(
            f"{path}: not readable as {expected}: damaged or cut short ({_first_line(error)}); "
            "obtain it again"
        ) from None


def _first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind where it has none."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _check_signs(path: Path, kind: str) -> str:
    """The format in words. Raises `InputError` where the file is absent, empty or, by its first
    bytes, another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        raise InputError(f"{path}: the file is empty; obtain it again")
    actual = next((words for sign, words in _SIGNS.items() if head.startswith(sign)), "text")
    expected = _EXPECTED.get(kind, "text")
    if kind == "text" and path.name.lower().endswith(".gz"):
        expected = "gzip"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{path}: a web page, not a table (often a login or error page); download the "
            "file again"
        )
    if actual != expected:
        raise InputError(
            f"{path}: expected {expected}, but the file is {actual}; give it the right ending or "
            "convert it"
        )
    if kind in ("h5ad", "h5mu"):
        check_heaps(path)
    return expected


# -------------------------------------------------------------------------------------- the readers


def _read_text(path: Path, wanted: Wanted) -> pd.DataFrame:
    """A text table; where no id column is named, its first one is checked."""
    table = text.text_table(path)
    columns = None if wanted.flipped else wanted.columns
    frame = text.read(table, wanted.id_column, columns, wanted.as_text)

    def read(names: list[str]) -> pd.DataFrame:
        return text.read(table, None, names, True)

    if wanted.id_column is None:
        heading, *others = table.names
        check_first_column(path, heading, frame.index, others, read, wanted.flipped)
    return pick(frame, wanted, path, None) if wanted.flipped else frame


_READERS: dict[str, Callable[[Path, Wanted], pd.DataFrame]] = {
    "text": _read_text,
    "parquet": read_parquet,
    "npy": read_npy,
    "npz": read_npz,
    "h5ad": read_h5ad,
    "h5mu": read_h5mu,
}
_KNOWN = (*_PLAIN, "each also .gz", ".parquet", ".npy", ".npz", ".h5ad", ".h5mu")
