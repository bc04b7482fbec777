"""The card of a gene network: `graphs/networks/NAME.toml`."""

from __future__ import annotations

from typing import Literal

from graphfuse.schema.base import Card, Shape


class EdgeSpec(Shape):
    """The edge list: its file, its columns and the lowest score that counts."""

    file: str
    source: str
    target: str
    score: str | list[str] | None = None
    min_score: float | None = None
    directed: bool = False
    ids: Literal["symbol", "ensembl"] = "symbol"
    aliases: str | None = None


class Expect(Shape):
    """The numbers of nodes and edges that the network must have."""

    nodes: int
    edges: int


class NetworkCard(Card):
    """A gene network: where it comes from, its licence, its edges and how many they must be."""

    edges: EdgeSpec
    expect: Expect | None = None
