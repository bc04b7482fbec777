"""A number for each patient, such as a score or a concentration."""

from __future__ import annotations

from dataclasses import dataclass

from graphfuse.task.number_values import NumberValues


@dataclass(frozen=True)
class Number(NumberValues):
    """A number."""

    kind = "number"
