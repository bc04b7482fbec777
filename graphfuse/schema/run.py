"""What a run writes: `run.json`, `metrics.json`, and the columns of its tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from graphfuse.schema.shape import SCHEMA, Shape

RANKING_COLUMNS = (
    "rank", "kind", "id", "gene", "modality", "source", "target", "relation", "score", "sign",
    "rank_mean", "rank_lo", "rank_hi", "selected_frequency", "null_quantile", "degree", "method",
)  # fmt: skip
FOLD_COLUMNS = ("patient", "repeat", "fold")
# then one p_<class> per class, and `flag`
PREDICTION_COLUMNS = ("patient", "repeat", "fold", "truth", "call")
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc", "brier", "ece")


Known = Annotated[int, Field(ge=SCHEMA, le=SCHEMA, alias="schema")]
Count = Annotated[int, Field(ge=0)]
Real = Annotated[float, Field(allow_inf_nan=False)]


class Step(TypedDict):
    """How many of a modality's columns a gene network can use, at one step."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    step: str
    count: Count
    share: Real
    reason: str
    lost: NotRequired[Count]
    examples: NotRequired[str]


class FittedRecord(TypedDict, total=False):
    """What the final model learned and whom it saw, as far as a run noted it; `network`: the gene
    network given in place of the recipe's."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    epochs: Count
    fold_epochs: list[Count]
    mix: dict[str, Real]
    gates: dict[str, dict[str, Real]]
    patients: Count
    labelled: Count
    derived_from: list[str]
    presence: dict[str, Count]
    classes: dict[str, Count]
    coverage: dict[str, list[Step]]
    checks: list[str]
    network: str


class RunRecord(Shape):
    """`run.json`: how a run was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Known = SCHEMA
    created: str
    cohort: str
    manifest: str | None
    recipe: dict[str, Any]
    target: str
    classes: list[str]
    protocol: dict[str, Any]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    device: str
    packages: dict[str, str]
    hashes: dict[str, str]
    timings: dict[str, Annotated[Real, Field(ge=0)]]
    peak_memory_gb: Annotated[Real, Field(ge=0)]
    notices: list[str] = []
    fitted: FittedRecord = FittedRecord()


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

    schema_version: Known = SCHEMA
    target: str
    protocol: dict[str, Any]
    models: dict[str, dict[str, Score | float]]
    variants: dict[str, dict[str, Score | float]] = {}
    comparisons: list[Comparison] = []
