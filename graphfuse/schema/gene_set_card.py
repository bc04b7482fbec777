"""The card of a collection of gene sets: `graphs/gene_sets/NAME.toml`."""

from __future__ import annotations

from graphfuse.schema.base import Card, Shape


class ExpectedSets(Shape):
    """The numbers of gene sets, and of different genes in them, that the collection must have."""

    sets: int
    genes: int


class GeneSetCard(Card):
    """A collection of gene sets: where its GMT file comes from, its licence and its size."""

    file: str
    expect: ExpectedSets | None = None
