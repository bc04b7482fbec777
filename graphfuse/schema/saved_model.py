"""`model.json`: the description of a saved model, beside its arrays.

Every number is finite (`files.json.read_json` sees to that), and sizes are bounded: nothing is
allocated by what the file says alone, since the arrays must be of these sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from graphfuse.schema.base import SCHEMA, Shape
from graphfuse.schema.recipe import Recipe
from graphfuse.schema.recipe_sections import ConceptSection, Control, Rule, Similarity
from graphfuse.task.registry import kind_of, trained_kinds
from graphfuse.task.task import Task

WIDEST = 4096  # of a net; some convolutions have width² · width² parameters


def _unique(names: Sequence) -> Sequence:
    """The names as they are; raises `ValueError` where one appears twice."""
    if len(set(names)) < len(names):
        listed = list(names)
        twice = next(name for name in names if listed.count(name) > 1)
        raise ValueError(f"{twice!r} appears twice")
    return names


def _bare(name: str) -> str:
    """The name as it is; raises `ValueError` where it leads out of a folder."""
    if any(mark in name for mark in "/\\:\0"):
        raise ValueError(f"{name!r} is no bare file name")
    return name


Names = Annotated[tuple[str, ...], AfterValidator(_unique)]
Some = Annotated[Names, Field(min_length=1)]
Pair = Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
Relation = Annotated[tuple[str, ...], Field(min_length=3, max_length=3)]
Size = Annotated[int, Field(ge=1, le=10**8)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Positive = Annotated[float, Field(gt=0)]
BareFile = Annotated[str, AfterValidator(_bare)]


Declared = tuple[
    Literal["counts", "log", "beta", "m-value", "z-score", "binary", "mixed"],
    Literal["none", "log1p", "cpm-log"],
]  # a modality's values and their transform


class OwnPart(Shape):
    """A custom part: the bare name of its file, its class, and the file's sha256."""

    file: Annotated[BareFile, Field(pattern=r"\.py$")]
    symbol: Annotated[str, Field(pattern=r"^[^\W\d]\w*$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


Part = str | OwnPart
Features = int | tuple[int, ...]


class NetShape(Shape):
    """The net's parts and sizes (`nn.net.NetSpec`)."""

    encode: Annotated[tuple[Part, ...], Field(min_length=1)]
    features: tuple[Features, ...]
    propagate: Part
    fuse: Part
    head: Part
    width: Annotated[int, Field(ge=1, le=WIDEST)]
    classes: Annotated[int, Field(ge=1, le=10_000)]
    layers: Annotated[int, Field(ge=1, le=1000)]
    rounds: Annotated[int, Field(ge=1, le=1000)]
    bridge: bool


class RecordColumn(Shape):
    """A typed column of records."""

    name: str
    kind: Literal["numeric", "categorical", "ordinal", "date"]
    levels: Names
    flagged: bool


class SavedStep(Shape):
    """A step of a pipeline, and what it keeps besides arrays."""

    step: Part
    about: dict[str, Any]


class Table(Shape):
    """A modality's columns; `typed` where they are records; `steps` where they are not the usual
    ones."""

    columns: Some
    typed: tuple[RecordColumn, ...] | None
    steps: Annotated[tuple[SavedStep, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def typed_in_order(self) -> Table:
        """Refuses typed columns that are not the columns."""
        if self.typed is None:
            return self
        if tuple(each.name for each in self.typed) != self.columns:
            raise ValueError("columns and typed do not have the same names")
        return self


class LayerShape(Shape):
    """How a patient layer is built (`graph.layers.layer.Spec`)."""

    of: Some
    combine: Literal["join", "snf"]
    edges: BareFile | None
    similarity: Similarity
    space: Literal["raw", "latent"]
    neighbours: Annotated[int, Field(ge=1)]
    rule: Rule
    radius: Positive | None
    weight: Literal["one", "similarity"]


class ReferenceShape(Shape):
    """Training patients as points in the columns of one or several modalities."""

    of: Some
    similarity: Similarity
    scales: tuple[Annotated[float, Field(ge=0)], ...]

    @model_validator(mode="after")
    def scaled_each(self) -> ReferenceShape:
        """Refuses a number of scales that is not the number of modalities."""
        if len(self.scales) != len(self.of):
            raise ValueError("of and scales do not have the same length")
        return self


class SimilarityFit(Shape):
    """What a similarity layer keeps for new patients."""

    reference: ReferenceShape
    threshold: float | None
    bandwidth: Annotated[float, Field(ge=0)] | None


class FusedFit(Shape):
    """What a fused layer keeps for new patients."""

    references: Annotated[tuple[ReferenceShape, ...], Field(min_length=1)]
    units: tuple[Positive, ...]


class GivenFit(Shape):
    """What a layer of one's own edges keeps for new patients."""

    salt: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class _Layer(Shape):
    """What layers of every kind have in common."""

    name: str
    spec: LayerShape
    control: Control
    seed: Seed
    senders: Size
    about: dict[str, Any]


class SimilarityShape(_Layer):
    """A layer of patients who resemble one another."""

    kind: Literal["similarity"]
    fitted: SimilarityFit


class FusedShape(_Layer):
    """A layer in which modalities are fused."""

    kind: Literal["fused"]
    fitted: FusedFit


class GivenShape(_Layer):
    """A layer of one's own edges."""

    kind: Literal["given"]
    fitted: GivenFit


AnyLayer = Annotated[SimilarityShape | FusedShape | GivenShape, Field(discriminator="kind")]


class ConceptShape(Shape):
    """Concept planes."""

    section: ConceptSection
    modalities: Some


class SignallingShape(Shape):
    """The signalling graph."""

    genes: Some
    kinds: Some
    slots: Annotated[tuple[Pair, ...], Field(min_length=1), AfterValidator(_unique)]
    directed: bool
    relations: Annotated[tuple[Relation, ...], AfterValidator(_unique)]
    pathways: Names
    order: Some
    learned: bool


class PathwayShape(Shape):
    """Gene sets as tokens."""

    sets: Some
    modalities: Some
    order: Some


class Signals(Shape):
    """Channels that have a graph of their own."""

    concepts: ConceptShape | None = None
    signalling: SignallingShape | None = None
    pathways: PathwayShape | None = None


class ModelFile(Shape):
    """The whole of `model.json`. Its sha256 is over all its other keys, in this order, and over the
    file of arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    recipe: Recipe
    target: str
    classes: Names = ()
    kind: str = "class"
    units: dict[str, float] = {}
    seed: Seed
    epochs: Annotated[int, Field(ge=0)]
    curve: tuple[float, ...]
    setting: dict[Literal["learning_rate", "weight_decay"], Annotated[float, Field(ge=0)]]
    temperature: Annotated[float, Field(ge=1e-6, le=1e6)]
    depth: Size
    control: Control
    modalities: Annotated[dict[str, Table], Field(min_length=1)]
    net: NetShape
    seeds: Size
    layers: dict[str, AnyLayer]
    signals: Signals
    compared: dict[str, Declared] | None
    sha256: str

    @property
    def task(self) -> Task:
        """What the model predicts. Raises `ValueError` where the file does not say it rightly."""
        if self.kind not in trained_kinds():
            raise ValueError(f"it is of kind {self.kind!r}, of which no model is trained")
        return kind_of(self.kind).restored(self.classes, self.units)
