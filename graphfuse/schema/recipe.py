"""Graphs, net and training as a value: `graphs/NAME.toml`."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from graphfuse.errors import Faults, InputError, nearest
from graphfuse.files.toml import located, read_toml, resolve
from graphfuse.schema.arguments import checked
from graphfuse.schema.base import Described, Section, Words
from graphfuse.schema.names import ColumnName, Name
from graphfuse.schema.prepare import PrepareSection, StepSpec
from graphfuse.schema.recipe_files import with_files

DEFAULT_RECIPE = "multiplex"

Control = Literal["none", "rewired", "random", "identity", "empty"]
Similarity = Literal["cosine", "euclidean", "correlation", "gower"]
Rule = Literal["nearest", "mutual", "mean-degree", "radius"]
Rate = Annotated[float, Field(ge=0)]
Rates = Rate | Annotated[list[Rate], Field(min_length=1)]


class LayerSpec(Section):
    """`[patient.layer.NAME]`: a layer of one's own; what is not said is as in `[patient]`.

    What was left out is `None` (or empty), so that a recipe written out with its defaults and read
    back is the same recipe.
    """

    of: Words = []
    combine: Literal["join", "snf"] | None = None
    edges: str | None = None
    similarity: Similarity | None = None
    space: Literal["raw", "latent"] | None = None
    neighbours: int | None = Field(None, ge=1)
    rule: Rule | None = None
    radius: float | None = Field(None, gt=0)
    weight: Literal["one", "similarity"] | None = None


class PatientSection(Section):
    """`[patient]`: the patient layers.

    `gate`: where their gates start in a net without a linear start; beside one, held-out labels say
    it.
    """

    similarity: Similarity = "cosine"
    space: Literal["raw", "latent"] = "latent"
    neighbours: int = Field(10, ge=1)
    rule: Rule = "nearest"
    radius: float | None = Field(None, gt=0)
    weight: Literal["one", "similarity"] = "one"
    layers: Literal["each", "shared", "snf"] | list[str] = "each"
    control: Control = "none"
    gate: Rate = 0.0
    layer: dict[Name, LayerSpec] = {}

    @model_validator(mode="after")
    def radius_given(self) -> PatientSection:
        for name, spec in {"": self, **self.layer}.items():
            if spec.rule == "radius" and spec.radius is None and self.radius is None:
                where = f"[patient.layer.{name}]" if name else "[patient]"
                raise ValueError(f'{where} rule = "radius" needs radius = the greatest distance')
        return self


class GeneSection(Section):
    """`[gene]`: the gene network."""

    network: str | None = None
    min_score: float | None = None
    required: bool = False
    control: Control = "none"
    aliases: str | None = None


class ConceptSection(Section):
    """`[concepts]`: concept planes, a graph per patient over the codes of all modalities."""

    planes: int = Field(32, ge=1)
    quantile: float = Field(0.9, ge=0, lt=1)
    codes: int = Field(32, ge=1)
    components: int = Field(128, ge=1)
    edges: Literal["clique", "nearest"] = "clique"
    neighbours: int = Field(10, ge=1)
    missing: Literal["mask", "impute"] = "mask"
    baseline: Literal["zero", "mean"] = "mean"
    epochs: int = Field(200, ge=0)


class SignallingSection(Section):
    """`[signalling]`: a typed graph of genes' methylation, transcripts and proteins, filled with
    each patient's values."""

    kinds: Literal["auto"] | dict[ColumnName, Words] = "auto"
    links: list[tuple[str, str]] = [("meth", "tran"), ("tran", "prot")]
    interact: str = "prot"
    identity: Literal["none", "learned", "table"] = "learned"
    table: str | None = None
    pathways: str | None = None
    direction: Literal["both", "forward"] = "both"
    genes: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def table_given(self) -> SignallingSection:
        if (self.identity == "table") != (self.table is not None):
            raise ValueError('identity = "table" and table = "FILE" go together')
        return self


class PathwaySection(Section):
    """`[pathways]`: a token for each gene set, of all modalities' columns of its genes."""

    sets: str
    least: int = Field(5, ge=1)
    most: int = Field(200, ge=1)
    control: Literal["none", "random"] = "none"


class NetSection(Section):
    """`[net]`: the part in each slot, the width, and how often patients hear from their
    neighbours."""

    encode: str | dict[str, str] = "table"
    propagate: str = "mean"
    fuse: str = "gated"
    head: str = "class"
    start: Literal["linear", "none"] = "linear"
    width: int = Field(32, ge=1)
    rounds: int = Field(1, ge=1)
    bridge: Literal["none", "linear"] = "none"


class TrainSection(Section):
    """`[train]`: how long, how often and how fast; learning rates and weight decays given as lists
    are searched.

    `amp` (bfloat16 where a GPU gains from it) and `compile` (by `torch.compile`) are off: neither
    has been timed on a GPU yet. On a CPU a compiled step takes a third of the time, and a minute to
    compile, for each shape of bank anew.
    """

    epochs: int = Field(200, ge=0)
    stop: Literal["inner", "last"] = "inner"
    seeds: int = Field(3, ge=1)
    learning_rate: Rates = 3e-3
    weight_decay: Rates = 1e-2
    dropout: float = Field(0.3, ge=0, lt=1)
    modality_dropout: float = Field(0.0, ge=0, lt=1)
    memory_gb: float = Field(4.0, gt=0)
    amp: bool = False
    compile: bool = False

    @property
    def settings(self) -> list[tuple[float, float]]:
        """(learning rate, weight decay) of every point of the grid."""
        rates, decays = (
            [v] if isinstance(v, float) else v for v in (self.learning_rate, self.weight_decay)
        )
        return list(product(rates, decays))

    @model_validator(mode="after")
    def chosen_somehow(self) -> TrainSection:
        if self.stop == "last" and len(self.settings) > 1:
            raise ValueError(
                '[train] stop = "last" holds nobody out to choose by; give one '
                "learning_rate, one weight_decay"
            )
        return self


class SearchSection(Section):
    """`[search]`: parts tried in place of the recipe's own, one slot at a time, by successive
    halving on inner folds; `encode` in place of its default encoder."""

    fuse: Words = [
        "concat",
        "gated",
        "bilinear",
        "attention_pool",
        "cross_attention",
        "label_tensor",
        "late",
        "stack",
    ]
    encode: Words = ["table", "mlp", "tokens"]
    propagate: Words = ["none", "mean", "gcn", "attention"]


class SelectSection(Section):
    """`[select]`: how many columns per modality are kept, chosen inside each fold, and what each is
    divided by: its standard deviation or its range among training patients."""

    top: int | None = Field(None, ge=1)
    scale: Literal["deviation", "range"] = "deviation"


@checked
class Recipe(Described):
    """Graphs, net and training as a value (`graphs/NAME.toml`); a published method is a recipe,
    never a class."""

    patient: PatientSection = PatientSection()
    gene: GeneSection = GeneSection()
    net: NetSection = NetSection()
    train: TrainSection = TrainSection()
    prepare: PrepareSection = PrepareSection()
    select: SelectSection = SelectSection()
    concepts: ConceptSection | None = None
    signalling: SignallingSection | None = None
    pathways: PathwaySection | None = None
    search: SearchSection | None = None

    @model_validator(mode="after")
    def gate_starts_somewhere(self) -> Recipe:
        if self.patient.gate and self.net.start == "linear":
            raise ValueError(
                "[patient] gate is for nets without a linear start: set [net] start = "
                '"none", or leave it out'
            )
        return self

    @model_validator(mode="after")
    def selection_has_its_steps(self) -> Recipe:
        steps = self.prepare.named
        if self.select.top is not None and "select" not in steps:
            raise ValueError('[select] top needs "select" among [prepare] steps')
        if self.select.scale != "deviation" and "scale" not in steps:
            raise ValueError('[select] scale needs "scale" among [prepare] steps')
        return self

    def steps_of(self, *names: str) -> tuple[StepSpec, ...]:
        """The steps of a modality that goes by these names (itself, its entity, its kind), those of
        `scale` and `select` with what `[select]` says."""
        said: dict[str, dict] = {"scale": {"by": self.select.scale}}
        if self.select.top is not None:
            said["select"] = {"top": self.select.top}
        specs = self.prepare.of(*names)
        merged = [said.get(spec.step, {}) | spec.options for spec in specs]
        pairs = zip(specs, merged, strict=True)
        return tuple(spec.model_copy(update={"options": options}) for spec, options in pairs)

    def controlled(self, patient: str | None = None, gene: str | None = None) -> Recipe:
        """The same recipe with other controls of its patient and gene graphs; `None` leaves what it
        says. Raises `InputError` for unknown controls."""
        for kind in (patient, gene):
            if kind is not None and kind not in get_args(Control):
                raise InputError(f"control {kind!r} is unknown{nearest(kind, get_args(Control))}")
        sections = {"patient": (self.patient, patient), "gene": (self.gene, gene)}
        changed = {
            n: s.model_copy(update={"control": kind})
            for n, (s, kind) in sections.items()
            if kind is not None
        }
        return self.model_copy(update=changed)

    def searched(self) -> Recipe:
        """The same recipe with a `[search]`: its own, or the usual one."""
        return (
            self if self.search is not None else self.model_copy(update={"search": SearchSection()})
        )

    def without(self, *modalities: str) -> Recipe:
        """The same recipe for a cohort that lacks these modalities: nothing names them any more."""

        def left(names):
            return (
                names
                if isinstance(names, str)
                else [name for name in names if name not in modalities]
            )

        tables = {name: spec for name, spec in self.patient.layer.items() if name not in modalities}
        gone = {name for name, spec in tables.items() if spec.of and not left(spec.of)}
        tables = {
            name: spec.model_copy(update={"of": left(spec.of)})
            for name, spec in tables.items()
            if name not in gone
        }
        layers = self.patient.layers
        layers = (
            layers
            if isinstance(layers, str)
            else [name for name in left(layers) if name not in gone]
        )
        encode, signalling = self.net.encode, self.signalling
        if not isinstance(encode, str):
            encode = {key: value for key, value in encode.items() if key not in modalities}
        if signalling is not None and not isinstance(signalling.kinds, str):
            kinds = {kind: left(names) for kind, names in signalling.kinds.items()}
            signalling = signalling.model_copy(update={"kinds": kinds})
        changed = {
            "patient": self.patient.model_copy(update={"layers": layers, "layer": tables}),
            "net": self.net.model_copy(update={"encode": encode}),
            "prepare": self.prepare.without(*modalities),
            "signalling": signalling,
        }
        return self.model_copy(update=changed)

    @staticmethod
    def named(name: str | Path) -> Recipe:
        """The recipe at a path, in `graphs/` of the working folder, or shipped with the package."""
        path = resolve(name, "graphs")
        return read_toml(path, Recipe).located(path.parent)

    @staticmethod
    def of(given: Recipe | str | Path) -> Recipe:
        """A recipe, or the one of that name or path, with its files' paths absolute."""
        return given.located() if isinstance(given, Recipe) else Recipe.named(given)

    def located(self, beside: str | Path = Path()) -> Recipe:
        """The same recipe with its files' paths absolute, where they are found in the working
        folder or in `beside`; network cards and the files of parts of one's own too. Raises
        `InputError` for such a part whose file is in neither."""
        folders, faults = (Path(), Path(beside)), Faults(f"recipe {self.name!r}")

        def part(where: str, name: str) -> str:
            file, _, symbol = name.rpartition(":")
            path = located(file, folders)
            if not Path(path).is_absolute():
                faults.add(
                    f"{where} = {name!r}: no such file in the working folder or beside the recipe; "
                    "put it there"
                )
            return f"{path}:{symbol}"

        changed = with_files(self, lambda name, home: located(name, folders, home), part)
        faults.stop()
        return changed
