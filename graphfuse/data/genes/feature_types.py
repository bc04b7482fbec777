"""What a table measures, by what its columns are called: genes however they are written, CpG sites,
miRNAs, proteins, probes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MIRNA = re.compile(r"^([a-z]{3}[-_.])?(mir|let)[-_.]?\d*", re.IGNORECASE)
_CPG = re.compile(r"^c[gh]\d{6,}")
_ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$")
_TRANSCRIPT = re.compile(r"^(ENS[A-Z]*T\d{6,}|[NX][MR]_\d+)(\.\d+)?$")
_UNIPROT = re.compile(
    r"^((sp|tr)\|)?([OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d([A-Z][A-Z\d]{2}\d){1,2})(-\d+)?([;,|].*)?$"
)
_PROBE = re.compile(
    r"^(\d+(_[a-z]+)*_at|AFFX-.+|ILMN_\d+|A_\d+_P\d+|TC\d+\.hg\.\d+|seq\.\d+\.\d+|\d{7,8})$"
)
_GENE = re.compile(r"^([A-Z][A-Z0-9]{1,}(-[A-Z0-9]+)*|C\d+orf\d+)$")
_MOUSE = re.compile(r"^([A-Z][a-z0-9]*[a-z][a-z0-9]*|[0-9]{7}[A-Z]\d{2}Rik|mt-[A-Z][a-z0-9]+)$")
_STEM = re.compile(r"[\d._-]+$")
_PROTEINS = re.compile(r"prot|rppa|olink", re.IGNORECASE)
_EMBEDDING = re.compile(r"embed|latent|image|hif|feature", re.IGNORECASE)

# Names that hold a gene symbol beside an id: the pattern of most columns, whose first group is the
# symbol, and the share of columns from which on it is believed.
_WITH_SYMBOL = (
    (r"^(.+?) \(\d+\)$", 0.8),  # DepMap: TP53 (7157)
    (r"^(.+?) \(ENS[A-Z]*G\d+(?:\.\d+)?\)$", 0.8),
    (r"^(.+?)\.\.(?:\d+|ENS[A-Z]*G\d+)\.$", 0.8),  # the same after R's make.names
    (r"^ENS[A-Z]*G\d+(?:\.\d+)?[|_:](.+)$", 0.8),
    (r"^(.+?)[|_:]ENS[A-Z]*G\d+(?:\.\d+)?$", 0.8),
    (r"^([^|]+)\|\d+$", 0.8),  # RSEM of TCGA: A1BG|1, and ?|100130426 for none
    (r"^\d+\|([^|]+)$", 0.8),
    (r"^(.+)_[0-9]+$", 0.95),
    (r"^([^|]+)\|[^|]+$", 0.95),  # antibodies: AKT1|Akt_pS473
)
_MAPPED = 'entity = "gene", ids = "ensembl", map = "table.tsv"'


@dataclass(frozen=True)
class Named:
    """What the columns of a table are: `entity` as in a manifest, the pattern of their gene symbols
    where the whole name is none, and a remark for who reads the draft."""

    entity: str = "none"
    symbol: str | None = None
    remark: str = ""


def named(columns: Sequence[str], table: str = "") -> Named:
    """What most of the columns are called like.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns.
    table : str
        The table's name, such as "rppa": it tells proteins from genes.

    Returns
    -------
    Named

    Examples
    --------
    >>> named(["TP53 (7157)", "ESR1 (2099)", "AKT1 (207)"])
    Named(entity='gene', symbol='^(.+?) \\\\(\\\\d+\\\\)$', remark='')
    """
    columns = [str(column) for column in columns]
    if _share(columns, _MIRNA) > 0.8:
        return Named("mirna")
    if _share(columns, _CPG) > 0.8:
        return Named("cpg")
    entity = "protein" if _PROTEINS.search(table) else "gene"
    for pattern, enough in _WITH_SYMBOL:
        symbols = _symbols(columns, pattern)
        if len(symbols) > enough * len(columns) and _tell_apart(symbols):
            return Named(entity, pattern, _MICE if _like_mouse(symbols) else "")
    remark = _ids(columns)
    if remark:
        return Named(remark=remark)
    if _share(columns, _UNIPROT) > 0.8:
        return Named("protein", None, _ACCESSIONS)
    if not _tell_apart(columns):
        return Named()
    if entity == "protein":
        return Named("protein")
    if _like_mouse(columns) and len(columns) >= 20:
        return Named("gene", None, _MICE)
    return Named("gene" if _share(columns, _GENE) > 0.7 else "none")


def counted_through(columns: Sequence[str], table: str) -> bool:
    """Whether columns are only counted through (f0, f1, …), or their file says it holds features
    made by a model."""
    stems = {_STEM.sub("", column) for column in columns}
    return len(stems) <= max(3, 0.02 * len(columns)) or bool(_EMBEDDING.search(table))


def mouse_symbols(symbols: Sequence[str]) -> list[str]:
    """The gene symbols written as those of mouse and rat are, where that is most of them."""
    found = [symbol for symbol in symbols if _MOUSE.match(symbol)]
    return found if len(found) > 0.5 * len(symbols) else []


_MICE = (
    "Written as the genes of mouse or rat: the networks that come with graphfuse are human; bring "
    "your own, or map them to human symbols."
)
_ACCESSIONS = "UniProt accessions: the gene network knows gene symbols only."


def _ids(columns: list[str]) -> str:
    """What to say of columns that are ids without a gene symbol; '' for others."""
    if _share(columns, _ENSEMBL) > 0.8:
        return f"Ensembl ids: for gene symbols set {_MAPPED}"
    if _share(columns, _TRANSCRIPT) > 0.8:
        return "Transcripts: the gene network knows genes; add their values up by gene symbol."
    if _share(columns, _PROBE) > 0.8 and not _in_a_row(columns):
        return "Probes of an array: the gene network knows gene symbols; take them from its maker."
    numbers = [int(column) for column in columns if column.isascii() and column.isdigit()]
    if len(numbers) > 0.8 * len(columns) and not _in_a_row(columns):
        return "Numbers, as the gene ids of Entrez are: the gene network knows gene symbols."
    return ""


def _in_a_row(columns: list[str]) -> bool:
    """Whether columns are numbered one after the other."""
    numbers = sorted(int(name) for name in columns if name.isascii() and name.isdigit())
    return bool(numbers) and numbers[-1] - numbers[0] < 2 * len(columns)


def _symbols(columns: list[str], pattern: str) -> list[str]:
    matches = [re.search(pattern, column) for column in columns]
    return [match[1] for match in matches if match]


def _tell_apart(names: list[str]) -> bool:
    """Whether names differ by more than the number at their end."""
    stems = {_STEM.sub("", name) for name in names}
    return len(stems) >= 0.3 * len(names)


def _like_mouse(symbols: list[str]) -> bool:
    return len(mouse_symbols(symbols)) > 0.7 * len(symbols)


def _share(columns: list[str], pattern: re.Pattern) -> float:
    return sum(bool(pattern.match(column)) for column in columns) / max(len(columns), 1)
