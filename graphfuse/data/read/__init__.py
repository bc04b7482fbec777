"""Tables from files: one reader per format, patients as text in the index, one clear message when a
file is not usable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from graphfuse.data.read import text
from graphfuse.data.read.anndata import read_h5ad, read_h5mu
from graphfuse.data.read.arrays import read_npy, read_npz
from graphfuse.data.read.clean_ids import with_clean_ids
from graphfuse.data.read.h5_contents import Part, parts_of
from graphfuse.data.read.hdf5_heaps import check_heaps
from graphfuse.data.read.id_column import check_first_column, without_row_numbers
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
    """The table at `path`, patients × columns, indexed by patient id as text.

    csv, tsv, txt (plain or .gz; delimiter seen by itself), parquet, npy or npz with ids, h5ad
    (`layer`), h5mu (`modality`, `layer`). `id_column`: default is the first column. `columns`: only
    these, in this order; where a name stands twice the first one wins. `repeats`: a patient may
    have many rows. `as_text`: every cell as it is written, without the blanks around it, and only
    blank cells missing, so that whoever asks decides what is a number, a category or a date (a
    decimal comma becomes a point). Raises `InputError` with what is wrong,
    in which file, and the cure.
    """
    path = Path(path)
    kind = format_of(path)
    wanted = Wanted(
        orient == "patients-in-columns",
        id_column,
        None if columns is None else tuple(columns),
        layer,
        modality,
        as_text,
    )
    with _told(path, kind):
        frame = _READERS[kind](path, wanted)
        if as_text and kind != "text":
            frame = as_written(frame)
    if columns is None and not wanted.flipped:
        frame = without_row_numbers(frame, path)
        _check_names(frame, path)
    return with_clean_ids(frame, path, repeats)


def _check_names(frame: pd.DataFrame, path: Path) -> None:
    """Raises `InputError` where a column that holds values has no name."""
    unnamed = [at for at, name in enumerate(frame.columns) if re.fullmatch(r"(\.\d+)?", str(name))]
    if unnamed:
        values = int(frame.iloc[:, unnamed].notna().to_numpy().sum())
        raise InputError(
            f"{path}: {counted(len(unnamed), 'column')} without a name "
            f"({counted(values, 'value')}): name or remove what stands there"
        )


def column_names(path: str | Path) -> list[str]:
    """Every column of a text table, the id column first; repeated names get .1, .2, … as in
    pandas."""
    path = Path(path)
    if format_of(path) != "text":
        return [str(name) for name in ("patient", *read_table(path).columns)]
    with _told(path, "text"):
        return text.text_table(path).measured_names


def tables_in(path: str | Path) -> list[Part]:
    """The tables that a file holds: for AnnData and MuData the values of each modality and what
    `.obs` says of the rows, one for every other format. Raises `InputError` as `read_table`."""
    path = Path(path)
    kind = format_of(path)
    if kind not in ("h5ad", "h5mu"):
        return [Part(None)]
    with _told(path, kind):
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
    cure = (
        "save it as csv first"
        if kind in ("xlsx", "xls", "ods", "rds", "rdata")
        else "known: " + ", ".join(_KNOWN)
    )
    raise InputError(f"{path}: no reader for {path.suffix or 'a name without an ending'}; {cure}")


@contextmanager
def _told(path: Path, kind: str) -> Iterator[None]:
    """Turns what another library raises over a file that it cannot read into an `InputError`.

    That may be any exception: damaged bytes lead numpy to a `TokenError` of Python's tokenizer,
    h5py to a `RuntimeError`, gzip to an `EOFError`, which the shell would take for Ctrl-C.
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
            f"{path}: not readable as {expected}: damaged or cut short ({_first_line(error)})"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _check_signs(path: Path, kind: str) -> str:
    """The format in words. Raises `InputError` where the file is absent, empty or, by its first
    bytes, another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        raise InputError(f"{path}: the file is empty; obtain it again")
    found = next((words for sign, words in _SIGNS.items() if head.startswith(sign)), "text")
    plain = "gzip" if path.name.lower().endswith(".gz") else "text"
    expected = {"text": plain, "h5ad": "HDF5 (h5ad or h5mu)", "h5mu": "HDF5 (h5ad or h5mu)",
    "parquet": "Parquet",
                "npy": "npy", "npz": "zip (npz or an Excel workbook)"}[kind]  # fmt: skip
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{path}: a web page, not a table (often a login or error page); download the "
            "file again"
        )
    if found != expected:
        raise InputError(
            f"{path}: expected {expected}, but the file is {found}; give it the right "
            "ending or convert it"
        )
    if kind in ("h5ad", "h5mu"):
        check_heaps(path)
    return expected


# -------------------------------------------------------------------------------------- the readers


def _read_text(path: Path, wanted: Wanted) -> pd.DataFrame:
    """A text table; where no id column is named, its first one is looked at."""
    table = text.text_table(path)
    columns = None if wanted.flipped else wanted.columns
    frame = text.read(table, wanted.id_column, columns, wanted.as_text)
    if wanted.id_column is None:
        heading, *others = table.names
        check_first_column(
            path,
            heading,
            frame.index,
            others,
            lambda names: text.read(table, None, names, True),
            wanted.flipped,
        )
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
