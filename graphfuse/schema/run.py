"""What a run writes: `run.json`, `metrics.json`, and the columns of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from typing_extensions import TypedDict

from graphfuse.errors import nearest
from graphfuse.schema.base import SCHEMA, Shape
from graphfuse.schema.names import LONGEST
from graphfuse.task.registry import kind_of, metrics_of, trained_kinds
from graphfuse.task.task import Task

RANKING_COLUMNS = (
    "rank", "kind", "id", "gene", "modality", "source", "target", "relation", "score", "sign",
    "rank_mean", "rank_lo", "rank_hi", "selected_frequency", "null_quantile", "degree", "method",
    "marginal", "marginal_lo", "marginal_hi", "marginal_class", "effect", "q", "group",
    "missing_share", "network_share", "sign_class", "level", "difference", "p",
)  # fmt: skip
# of groups of columns, after those
GROUP_COLUMNS = ("size", "best", "members", "ablation", "ablation_rank")
GENE_COLUMNS = ("marginal_column",)  # of genes, after those
SECONDS = "fit_seconds"  # the one number in a row of scores that is no metric
FOLD_COLUMNS = ("patient", "repeat", "fold")
# then those of the kind of outcome (`Task.columns`), and `flag`
PREDICTION_COLUMNS = ("patient", "repeat", "fold", "truth")
_CLASS = "class"  # the kind of outcome of files that name none

Known = Annotated[int, Field(ge=SCHEMA, le=SCHEMA, alias="schema")]
Count = Annotated[int, Field(ge=0)]
Real = Annotated[float, Field(allow_inf_nan=False)]


class Step(TypedDict):
    """How many of a modality's columns a gene network can still use after one step of mapping."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    step: str
    count: Count
    share: Real
    reason: str
    lost: NotRequired[Count]
    examples: NotRequired[str]


class FittedRecord(TypedDict, total=False):
    """What the final model learned and from how many patients; `network`: the gene network that was
    given in place of the recipe's."""

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
    values: dict[str, Real]
    coverage: dict[str, list[Step]]
    checks: list[str]
    network: str


class OfKind(BaseModel):
    """A file about one `kind` of outcome (`graphfuse.task`); one that names no kind is of
    classes."""

    kind: str = _CLASS

    @model_validator(mode="after")
    def _a_kind_of_which_models_are_trained(self) -> Self:
        if self.kind not in trained_kinds():
            cure = nearest(self.kind, trained_kinds())
            raise ValueError(f"no model is trained of outcomes of kind {self.kind!r}{cure}")
        return self

    @model_serializer(mode="wrap")
    def _without_a_kind_for_classes(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        table = written(self)
        if self.kind == _CLASS:
            del table["kind"]
        return table


class RunRecord(OfKind, Shape):
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

    @model_validator(mode="after")
    def _classes_as_the_kind_has_them(self) -> Self:
        kind_of(self.kind).check_classes(self.classes)
        return self

    @property
    def task(self) -> Task:
        """What the run's models predict, without the units of any fold."""
        return kind_of(self.kind).named(self.classes)


class Score(Shape):
    """One metric of one model: mean and SD over folds, and the 95 % interval; `None` where there is
    none. `reason`: why there is no score, or why some folds have none."""

    mean: float | None
    sd: float | None
    ci95: tuple[float | None, float | None]
    reason: str | None = None

    @model_serializer(mode="wrap")
    def _without_a_reason_for_most(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        table = written(self)
        if self.reason is None:
            del table["reason"]
        return table

    @classmethod
    def none(cls) -> Score:
        """Of a model without a score."""
        return cls(mean=None, sd=None, ci95=(None, None))


class Comparison(Shape):
    """A paired comparison of two models in one metric, with its verdict.

    `p_adjusted`: adjusted by Holm for all comparisons of the report, by which the verdict is given.
    `detectable`: the smallest difference that would have been shown with a chance of 80 %. Both are
    `None` in files of earlier versions, whose verdicts are by `ci95`.
    """

    a: str
    b: str
    metric: str
    difference: float
    ci95: tuple[float, float]
    p: float
    p_adjusted: float | None = None
    detectable: float | None = None
    verdict: Literal["better", "worse", "no difference shown"]


class Scored(OfKind):
    """A file with metrics: those of its kind of outcome, and no others."""

    @model_validator(mode="after")
    def _only_metrics_of_the_kind(self) -> Self:
        known = metrics_of(self.kind).names
        unknown = sorted(set(self._metrics_named()) - set(known))
        if unknown:
            name = unknown[0][:LONGEST]
            raise ValueError(f"metric {name!r} is none of such outcomes{nearest(name, known)}")
        return self

    def _metrics_named(self) -> Iterable[str]:
        """The names of all metrics in it."""
        return ()


class Metrics(Scored):
    """`metrics.json`: the net and its baselines under `models`, all else under `variants`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_version: Known = SCHEMA
    target: str
    protocol: dict[str, Any]
    models: dict[str, dict[str, Score | float]]
    variants: dict[str, dict[str, Score | float]] = {}
    comparisons: list[Comparison] = []

    def _metrics_named(self) -> Iterable[str]:
        for row in (*self.models.values(), *self.variants.values()):
            yield from (name for name in row if name != SECONDS)
        yield from (pair.metric for pair in self.comparisons)

    @model_validator(mode="after")
    def _scores_and_seconds(self) -> Self:
        for model, row in (self.models | self.variants).items():
            for name, value in row.items():
                if isinstance(value, Score) == (name == SECONDS):
                    what = "number" if name == SECONDS else "mean with its interval"
                    raise ValueError(f"{name} of model {model[:LONGEST]!r} is no {what}")
        return self
