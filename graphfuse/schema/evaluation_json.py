"""`evaluation.json`: contributions of modalities and scores of groups of patients, beside the
scores in `metrics.json`."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ConfigDict

from graphfuse.schema.base import SCHEMA, Shape
from graphfuse.schema.run import Comparison, Known, Scored

Interval = tuple[float | None, float | None]


class Contribution(Shape):
    """The Shapley value of a modality in a metric: what it adds to a subset of the others, on
    average over all orders. `p_adjusted`: two-sided, adjusted by Holm for all modalities and
    metrics; `None` in files of earlier versions."""

    modality: str
    metric: str
    value: float
    ci95: Interval
    p_adjusted: float | None = None


class GroupScore(Shape):
    """A metric in one group of patients, and its gap: that score less the score of everyone else;
    `None` where the group or the rest is too small to be scored."""

    group: str
    level: str
    patients: int
    metric: str
    score: float | None
    ci95: Interval
    gap: float | None
    gap_ci95: Interval
    verdict: str


class Evaluation(Scored):
    """`contributions`: Shapley values; `cross_modal`: the net against its additive projection
    (EMAP); `subgroups`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_version: Known = SCHEMA
    contributions: list[Contribution] = []
    cross_modal: list[Comparison] = []
    subgroups: list[GroupScore] = []

    def _metrics_named(self) -> Iterable[str]:
        rows = (*self.contributions, *self.cross_modal, *self.subgroups)
        return (row.metric for row in rows)
