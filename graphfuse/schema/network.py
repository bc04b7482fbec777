"""A gene network as a card: `graphs/networks/NAME.toml`."""

from __future__ import annotations

from typing import Literal

from graphfuse.schema.base import Described, Shape, Source


class EdgeSpec(Shape):
    """The edge list: its file, columns and cut."""

    file: str
    source: str
    target: str
    score: str | list[str] | None = None
    min_score: float | None = None
    directed: bool = False
    ids: Literal["symbol", "ensembl"] = "symbol"
    aliases: str | None = None


class Expect(Shape):
    """Counts that the cut network must have."""

    nodes: int
    edges: int


class NetworkCard(Described):
    """A gene network: origin, licence, cut and the counts it must give
    (`graphs/networks/NAME.toml`)."""

    version: str = ""
    how_to_get: str = ""
    source: list[Source] = []
    edges: EdgeSpec
    expect: Expect | None = None
