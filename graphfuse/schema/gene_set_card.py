"""The card of a collection of gene sets: `graphs/gene_sets/NAME.toml`."""

from __future__ import annotations

from graphfuse.schema.base import Described, Shape, Source


class ExpectedSets(Shape):
    """The numbers of gene sets, and of different genes in them, that the collection must have."""

    sets: int
    genes: int


class GeneSetCard(Described):
    """A collection of gene sets: where its GMT file comes from, its licence and its size."""

    version: str = ""
    how_to_get: str = ""
    source: list[Source] = []
    file: str
    expect: ExpectedSets | None = None
