"""The kind of features of a table, by the names of its columns: genes, CpG sites, miRNAs, proteins,
probes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from graphfuse.data.genes import ensembl

_MIRNA = re.compile(r"^([a-z]{3}[-_.])?(mir|let)[-_.]?\d*", re.IGNORECASE)
_CPG = re.compile(r"^c[gh]\d{6,}")
_GENE_ID = ensembl.GENE + ensembl.VERSION
_ENSEMBL = re.compile(rf"^{_GENE_ID}$")
_TRANSCRIPT = re.compile(rf"^({ensembl.TRANSCRIPT}|[NX][MR]_\d+)(\.\d+)?$")
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
# symbol, and the share of columns that must have it.
_WITH_SYMBOL = (
    (r"^(.+?) \(\d+\)$", 0.8),  # DepMap: TP53 (7157)
    (rf"^(.+?) \({_GENE_ID}\)$", 0.8),
    (rf"^(.+?)\.\.(?:\d+|{ensembl.GENE})\.$", 0.8),  # the same after R's make.names
    (rf"^{_GENE_ID}[|_:](.+)$", 0.8),
    (rf"^(.+?)[|_:]{_GENE_ID}$", 0.8),
    (r"^([^|]+)\|\d+$", 0.8),  # RSEM of TCGA: A1BG|1, and ?|100130426 for none
    (r"^\d+\|([^|]+)$", 0.8),
    (r"^(.+)_[0-9]+$", 0.95),
    (r"^([^|]+)\|[^|]+$", 0.95),  # antibodies: AKT1|Akt_pS473
)
_MAPPED = 'entity = "gene", ids = "ensembl", map = "table.tsv"'


@dataclass(frozen=True)
class Named:
    """The kind of a table's columns: `entity` as in a manifest, the pattern of their gene symbols
    where the whole name is none, and a remark for readers of the draft."""

    entity: str = "none"
    symbol: str | None = None
    remark: str = ""


def named(columns: Sequence[str], table: str = "") -> Named:
    """The kind of features that most names of columns look like.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns.
    table : str
        The table's name, such as "rppa", by which proteins are distinguished from genes.

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
        if len(symbols) > enough * len(columns) and _are_distinct(symbols):
            return Named(entity, pattern, _MICE if _like_mouse(symbols) else "")
    remark = _ids(columns)
    if remark:
        return Named(remark=remark)
    if _share(columns, _UNIPROT) > 0.8:
        return Named("protein", None, _ACCESSIONS)
    return _by_whole_name(columns, entity)


def _by_whole_name(columns: list[str], entity: str) -> Named:
    """The kind of columns whose whole name may be a symbol."""
    if not _are_distinct(columns):
        return Named()
    if entity == "protein":
        return Named("protein")
    if _like_mouse(columns) and len(columns) >= 20:
        return Named("gene", None, _MICE)
    return Named("gene" if _share(columns, _GENE) > 0.7 else "none")


def counted_through(columns: Sequence[str], table: str) -> bool:
    """Whether columns are only numbered (f0, f1, …), or the file's name says that they are features
    made by a model."""
    stems = {_STEM.sub("", column) for column in columns}
    are_numbered = len(stems) <= max(3, 0.02 * len(columns))
    return are_numbered or bool(_EMBEDDING.search(table))


def mouse_symbols(symbols: Sequence[str]) -> list[str]:
    """The gene symbols written as those of mouse and rat are, where that is most of them."""
    of_mice = [symbol for symbol in symbols if _MOUSE.match(symbol)]
    return of_mice if len(of_mice) > 0.5 * len(symbols) else []


_MICE = (
    "Written as the genes of mouse or rat: the networks that come with graphfuse are human; bring "
    "your own, or map them to human symbols."
)
_ACCESSIONS = "UniProt accessions: the gene network knows gene symbols only."


def _ids(columns: list[str]) -> str:
    """A remark on columns that are ids without a gene symbol; '' for others."""
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
    """Whether columns are consecutive numbers."""
    numbers = sorted(int(name) for name in columns if name.isascii() and name.isdigit())
    return bool(numbers) and numbers[-1] - numbers[0] < 2 * len(columns)


def _symbols(columns: list[str], pattern: str) -> list[str]:
    """The first group of the pattern in the columns that match it."""
    matches = [re.search(pattern, column) for column in columns]
    return [match[1] for match in matches if match]


def _are_distinct(names: list[str]) -> bool:
    """Whether names differ by more than the number at their end."""
    stems = {_STEM.sub("", name) for name in names}
    return len(stems) >= 0.3 * len(names)


def _like_mouse(symbols: list[str]) -> bool:
    """Whether most symbols are written as those of mouse and rat are."""
    return len(mouse_symbols(symbols)) > 0.7 * len(symbols)


def _share(columns: list[str], pattern: re.Pattern) -> float:
    """The share of columns that match the pattern."""
    matches = sum(pattern.match(column) is not None for column in columns)
    return matches / max(len(columns), 1)
