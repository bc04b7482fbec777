"""Columns that describe genes, in tables whose other columns are patients."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples, warn_once

log = logging.getLogger(__name__)

_IDS = (
    "entrez", "entrezid", "entrezgene", "entrezgeneid", "hugosymbol", "hgncsymbol", "hgncid",
    "genesymbol", "symbol", "gene", "geneid", "genename", "ensembl", "ensemblid", "ensemblgeneid",
    "locusid", "transcriptid", "probe", "probeid", "idref", "compositeelementref", "uniprot",
    "uniprotid", "accession", "refseq",
)  # fmt: skip
_DESCRIPTIONS = (
    "description", "genedescription", "genetype", "genebiotype", "biotype", "cytoband", "chr",
    "chrom", "chromosome", "start", "end", "strand", "length", "genelength", "genesetname",
)  # fmt: skip
_SUMMARIES = (
    "mean", "median", "sum", "total", "average", "sd", "basemean", "logfc", "log2fc",
    "log2foldchange", "pvalue", "padj", "adjpval",
)  # fmt: skip
_NAMES = frozenset(_IDS + _DESCRIPTIONS + _SUMMARIES)


def without_annotations(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The columns that are patients: those named as ids, descriptions or summaries are left out.

    Parameters
    ----------
    frame : pd.DataFrame
        Genes × patients, the genes in the index.
    path : Path
        The file, for the notice and messages.

    Returns
    -------
    pd.DataFrame
        The frame without such columns; a notice names them.

    Raises
    ------
    InputError
        Where no column is left.
    """
    describes = np.array([_plain(name) in _NAMES for name in frame.columns], dtype=bool)
    named = frame.columns[describes]
    if not len(named):
        return frame
    if describes.all():
        raise InputError(
            f"{path}: no patients in the columns ({examples(named)}); is the table the other way "
            "round (orient)?"
        )
    warn_once(log, f"{path}: {examples(named)} left out: columns that describe, no patients")
    return frame.loc[:, ~describes]


def _plain(name: object) -> str:
    """A column's name in small letters and digits."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())
