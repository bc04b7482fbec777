"""The shapes of everything read from and written to disk, versioned (format 1).

TOML in: `Manifest`, `Recipe`, `NetworkCard`. JSON and CSV out: `RunRecord`, `Metrics`, `RANKING_COLUMNS`,
`PREDICTION_COLUMNS`. An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graphfuse.errors import Faults, InputError, nearest

SCHEMA = 1

RANKING_COLUMNS = (
    "rank", "kind", "id", "gene", "modality", "source", "target", "relation", "score", "sign",
    "rank_mean", "rank_lo", "rank_hi", "selected_frequency", "null_quantile", "degree", "method",
)  # fmt: skip
FOLD_COLUMNS = ("patient", "repeat", "fold")
PREDICTION_COLUMNS = ("patient", "repeat", "fold", "truth", "call")  # then one p_<class> per class
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "mcc", "brier", "ece")


class Shape(BaseModel):
    """A table of known keys; anything else is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Words = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
Text = Annotated[str, BeforeValidator(str)]


# ---------------------------------------------------------------------------------------------- manifest


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


class Manifest(Shape):
    """A cohort as its owner describes it (`data_manifests/NAME.toml`)."""

    name: str
    title: str = ""
    licence: str = ""
    citation: str = ""
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


# ------------------------------------------------------------------------------------------------ recipe

Control = Literal["none", "rewired", "random", "empty"]


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


class Recipe(Shape):
    """Graphs, net and training as a value (`graphs/NAME.toml`); a published method is a recipe, never a class."""

    name: str
    title: str = ""
    citation: str = ""
    patient: PatientSection = PatientSection()
    gene: GeneSection = GeneSection()
    net: NetSection = NetSection()
    train: TrainSection = TrainSection()
    select: SelectSection = SelectSection()

    @staticmethod
    def named(name: str | Path) -> Recipe:
        """The recipe at a path, in `graphs/` of the working folder, or shipped with the package."""
        return read_toml(resolve(name, "graphs"), Recipe)


# ------------------------------------------------------------------------------------------ network card


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


class NetworkCard(Shape):
    """A gene network: origin, licence, cut and the counts it must give (`graphs/networks/NAME.toml`)."""

    name: str
    title: str = ""
    version: str = ""
    licence: str = ""
    citation: str = ""
    source: list[Source] = []
    edges: EdgeSpec
    expect: Expect | None = None


# --------------------------------------------------------------------------------------------- artefacts


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


# ----------------------------------------------------------------------------------------------- reading

Shaped = TypeVar("Shaped", bound=BaseModel)
_HERE = Path(__file__).parent


def resolve(name: str | Path, folder: str) -> Path:
    """Path of a TOML file given as a path, or by name in the working folder's or the package's `folder`.

    Raises `InputError` that lists the known names.
    """
    name = Path(name)
    if name.suffix == ".toml":
        if name.is_file():
            return name
        raise InputError(f"{name}: no such file; give a path to a .toml file or a name in {folder}/")
    homes = [Path.cwd() / folder, _HERE / "files" / folder, _HERE.parent / folder]
    for home in homes:
        if (home / f"{name}.toml").is_file():
            return home / f"{name}.toml"
    known = {path.stem for home in homes for path in home.glob("*.toml")}
    raise InputError(f"{str(name)!r}: no such name in {folder}/{nearest(str(name), known)}; a path to a .toml works too")


def read_toml(path: Path, shape: type[Shaped]) -> Shaped:
    """The file at `path` as `shape`; raises `InputError` with every fault, each with its key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    return parse(table, shape, str(path))


def parse(table: dict, shape: type[Shaped], where: str) -> Shaped:
    """`table` as `shape`; raises `InputError` with every fault, each with its key."""
    try:
        return shape.model_validate(table)
    except ValidationError as error:
        faults = Faults(where)
        for fault in error.errors():
            faults.add(_explain(fault, table, shape))
        faults.stop()
        raise


def _explain(fault: dict, table: dict, shape: type[BaseModel]) -> str:
    """One pydantic fault in a person's words."""
    *parents, key = fault["loc"] or ("",)
    where = f"[{'.'.join(map(str, parents))}] " if parents else ""
    if fault["type"] == "extra_forbidden":
        return f"{where}unknown key {key!r}{nearest(str(key), _known_keys(shape, parents))}"
    if fault["type"] == "missing":
        return f"{where}{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"] or fault["type"] == "value_error":
        return f"{where}{key}: {message}" if fault["loc"] else message
    return f"{where}{key}: {message} (got {fault['input']!r})"


def _known_keys(shape: type[BaseModel], parents: list) -> set[str]:
    """Keys allowed where a fault stands, by walking the shapes along its path."""
    for step in parents:
        field = shape.model_fields.get(str(step)) if isinstance(shape, type) else None
        if field is None:
            continue  # a free name inside a table of tables, or an index of a list: its shape is already in hand
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        shape = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), shape)
    return set(shape.model_fields)
