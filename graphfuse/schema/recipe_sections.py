"""The sections of a recipe, `[patient]` to `[select]`: their keys, defaults and bounds."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, model_validator

from graphfuse.schema.base import Section, Words
from graphfuse.schema.names import ColumnName, Name

Control = Literal["none", "rewired", "random", "identity", "empty"]
Similarity = Literal["cosine", "euclidean", "correlation", "gower"]
Rule = Literal["nearest", "mutual", "mean-degree", "radius"]
Rate = Annotated[float, Field(ge=0)]
Rates = Rate | Annotated[list[Rate], Field(min_length=1)]


class LayerSpec(Section):
    """`[patient.layer.NAME]`: a layer of one's own; a key that is left out is as in `[patient]`.

    Keys that were left out are `None` (or empty), so that a recipe written out with its defaults
    and read back is the same recipe.
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
    """`[patient]`: the layers of the patient graph.

    `gate`: the value at which their gates start in a net without a linear start; with a linear
    start, the labels of inner validation patients decide it.
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

    def without(self, *modalities: str) -> PatientSection:
        """The same section for a cohort that lacks these modalities; a layer of these alone goes
        with them."""
        kept = {}
        emptied = set()
        for name, spec in self.layer.items():
            if name in modalities:
                continue
            of = _less(spec.of, modalities)
            if spec.of and not of:
                emptied.add(name)
            else:
                kept[name] = spec.model_copy(update={"of": of})
        layers = self.layers
        if not isinstance(layers, str):
            layers = _less(layers, {*modalities, *emptied})
        return self.model_copy(update={"layers": layers, "layer": kept})


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

    def without(self, *modalities: str) -> SignallingSection:
        """The same section for a cohort that lacks these modalities."""
        if isinstance(self.kinds, str):
            return self
        kinds = {kind: _less(names, modalities) for kind, names in self.kinds.items()}
        return self.model_copy(update={"kinds": kinds})


class PathwaySection(Section):
    """`[pathways]`: a token for each gene set, of all modalities' columns of its genes."""

    sets: str
    least: int = Field(5, ge=1)
    most: int = Field(200, ge=1)
    control: Literal["none", "random"] = "none"


class NetSection(Section):
    """`[net]`: the part in each slot, the width, and the rounds of messages between neighbours."""

    encode: str | dict[str, str] = "table"
    propagate: str = "mean"
    fuse: str = "gated"
    head: str = "class"
    start: Literal["linear", "none"] = "linear"
    width: int = Field(32, ge=1)
    rounds: int = Field(1, ge=1)
    bridge: Literal["none", "linear"] = "none"

    def without(self, *modalities: str) -> NetSection:
        """The same section for a cohort that lacks these modalities."""
        if isinstance(self.encode, str):
            return self
        encode = {name: part for name, part in self.encode.items() if name not in modalities}
        return self.model_copy(update={"encode": encode})


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
        return list(product(_listed(self.learning_rate), _listed(self.weight_decay)))

    @model_validator(mode="after")
    def chosen_somehow(self) -> TrainSection:
        if self.stop == "last" and len(self.settings) > 1:
            raise ValueError(
                '[train] stop = "last" has no validation patients to choose by; give one '
                "learning_rate, one weight_decay"
            )
        return self


class SearchSection(Section):
    """`[search]`: parts that are tried in place of the recipe's own, one slot at a time, by
    successive halving on inner folds; `encode` takes the place of the default encoder."""

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


def _less(names: list[str], gone: Collection[str]) -> list[str]:
    """The names that are not gone."""
    return [name for name in names if name not in gone]


def _listed(values: float | list[float]) -> list[float]:
    """One value as a list of one; a list as it is."""
    return [values] if isinstance(values, float) else values
