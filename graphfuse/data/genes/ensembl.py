"""Ids of Ensembl: their patterns, and an id without species and version."""

from __future__ import annotations

import re

GENE = r"ENS[A-Z]*G\d+"  # of any species: ENSG… in humans, ENSMUSG… in mice
TRANSCRIPT = r"ENS[A-Z]*T\d+"
VERSION = r"(?:\.\d+)?"
# STRING writes the taxon before an id, GENCODE marks such as _PAR_Y behind it.
_ID = re.compile(rf"^(?:\d+\.)?(ENS[A-Z]*\d{{11}}){VERSION}(?:_\w+)?$")


def is_ensembl_id(name: str) -> bool:
    """Whether a name is the id of a gene, a transcript or a protein.

    >>> is_ensembl_id("ENSG00000141510.17"), is_ensembl_id("9606.ENSP00000269305")
    (True, True)
    """
    return _ID.match(name) is not None


def plain_id(name: str) -> str:
    """An Ensembl id without taxon, version and marks; any other name as it is.

    >>> plain_id("9606.ENSP00000269305.4"), plain_id("TP53")
    ('ENSP00000269305', 'TP53')
    """
    return _ID.sub(r"\1", name)
