"""What a run writes: `run.json`, `metrics.json`, and the columns of its tables."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from graphfuse.schema.shape import SCHEMA, Shape

RANKING_COLUMNS = (
    "rank", "kind", "id", "gene", "modality", "source", "target", "relation", "score", "sign",
    "rank_mean", "rank_lo", "rank_hi", "selected_frequency", "null_quantile", "degree", "method",
)  # fmt: skip
FOLD_COLUMNS = ("patient", "repeat", "fold")
# then one p_<class> per class, and `flag`
PREDICTION_COLUMNS = ("patient", "repeat", "fold", "truth", "call")
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc", "brier", "ece")


class RunRecord(Shape):
    """`run.json`: how a run was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    created: str
    cohort: str
    manifest: str | None
    recipe: dict[str, Any]
    target: str
    classes: list[str]
    protocol: dict[str, Any]
    seed: int
    device: str
    packages: dict[str, str]
    hashes: dict[str, str]
    timings: dict[str, float]
    peak_memory_gb: float
    notices: list[str] = []
    fitted: dict[str, Any] = {}


class Score(Shape):
    """One metric of one model: mean and SD over folds, and the 95 % interval; `None` where there is
    none."""

    mean: float | None
    sd: float | None
    ci95: tuple[float | None, float | None]


class Comparison(Shape):
    """A paired comparison of two models in one metric, with its verdict."""

    a: str
    b: str
    metric: str
    difference: float
    ci95: tuple[float, float]
    p: float
    verdict: Literal["better", "worse", "no difference shown"]


class Metrics(BaseModel):
    """`metrics.json`: the ladder under `models`, everything else under `variants`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    target: str
    protocol: dict[str, Any]
    models: dict[str, dict[str, Score | float]]
    variants: dict[str, dict[str, Score | float]] = {}
    comparisons: list[Comparison] = []
