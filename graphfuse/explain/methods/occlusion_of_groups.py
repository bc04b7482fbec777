"""Occlusion of groups of correlated columns, which can stand in for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.occlusion import Occlusion


class OcclusionOfGroups(Occlusion):
    """Occlusion of all columns of a group of correlated columns at once."""

    unit = "a group"
    needs_groups = True

    def units(self, net: FoldNet) -> Mapping[str, Sequence[str | None]]:
        """The group of each input."""
        return net.groups
