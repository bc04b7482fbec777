"""What users know of genes and hold against a ranking: gene sets and a list of markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphfuse.explain.biology.marker_list import read_markers
from graphfuse.graph.gene.gene_set_files import load_gene_sets

GeneSets = str | Path | Mapping[str, Sequence[str]]
Markers = str | Path | Sequence[str]
UNNAMED = "markers"  # a list of markers that has no name of its own


@dataclass(frozen=True)
class KnownGenes:
    """Gene sets and known markers, read.

    Parameters
    ----------
    gene_sets : mapping of str to sequence of str, optional
        Name → gene symbols.
    markers : sequence of str, optional
        Known markers, as a positive control of a ranking.
    marker_name : str
        What the list of markers is called.

    Examples
    --------
    >>> KnownGenes.read(markers=["ESR1", "ERBB2"]).markers
    ('ESR1', 'ERBB2')
    """

    gene_sets: Mapping[str, Sequence[str]] | None = None
    markers: Sequence[str] | None = None
    marker_name: str = UNNAMED

    @classmethod
    def read(cls, gene_sets: GeneSets | None = None, markers: Markers | None = None) -> KnownGenes:
        """Read gene sets and markers from files, where they are given so.

        Parameters
        ----------
        gene_sets : str, Path or mapping of str to sequence of str, optional
            A `.gmt` file, a name in `graphs/gene_sets/`, or the sets themselves.
        markers : str, Path or sequence of str, optional
            A text file with a marker a line, or the markers themselves.

        Returns
        -------
        KnownGenes

        Raises
        ------
        InputError
            Where a file is not there or cannot be read so.
        """
        if isinstance(gene_sets, str | Path):
            gene_sets = load_gene_sets(gene_sets)
        if isinstance(markers, str | Path):
            return cls(gene_sets, read_markers(markers), Path(markers).stem)
        listed = None if markers is None else tuple(dict.fromkeys(markers))
        return cls(gene_sets, listed)
