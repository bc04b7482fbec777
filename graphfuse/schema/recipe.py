"""Graphs, net and training as a value: `graphs/NAME.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from graphfuse.files import read_toml, resolve
from graphfuse.schema.shape import Described, Shape, Words

Control = Literal["none", "rewired", "random", "identity", "empty"]
Similarity = Literal["cosine", "euclidean", "correlation", "gower"]
Rule = Literal["nearest", "mutual", "mean-degree", "radius"]


class LayerSpec(Shape):
    """`[patient.layer.NAME]`: a layer of one's own; what is not said is as in `[patient]`."""

    of: Words = []
    combine: Literal["join", "snf"] = "join"
    edges: str | None = None
    similarity: Similarity | None = None
    space: Literal["raw", "latent"] | None = None
    neighbours: int | None = Field(None, ge=1)
    rule: Rule | None = None
    radius: float | None = Field(None, gt=0)
    weight: Literal["one", "similarity"] | None = None


class PatientSection(Shape):
    """`[patient]`: the patient layers."""

    similarity: Similarity = "cosine"
    space: Literal["raw", "latent"] = "latent"
    neighbours: int = Field(10, ge=1)
    rule: Rule = "nearest"
    radius: float | None = Field(None, gt=0)
    weight: Literal["one", "similarity"] = "one"
    layers: Literal["each", "shared", "snf"] | list[str] = "each"
    control: Control = "none"
    layer: dict[str, LayerSpec] = {}

    @model_validator(mode="after")
    def radius_given(self) -> PatientSection:
        for name, spec in {"": self, **self.layer}.items():
            if spec.rule == "radius" and spec.radius is None and self.radius is None:
                where = f"[patient.layer.{name}]" if name else "[patient]"
                raise ValueError(f'{where} rule = "radius" needs radius = the greatest distance')
        return self


class GeneSection(Shape):
    """`[gene]`: the gene network."""

    network: str | None = None
    min_score: float | None = None
    required: bool = False
    control: Control = "none"
    aliases: str | None = None


class ConceptSection(Shape):
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


class SignallingSection(Shape):
    """`[signalling]`: a typed graph of genes' methylation, transcripts and proteins, filled with each patient's values."""

    kinds: Literal["auto"] | dict[str, Words] = "auto"
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


class NetSection(Shape):
    """`[net]`: the part in each slot, and the width."""

    encode: str | dict[str, str] = "table"
    propagate: str = "mean"
    fuse: str = "gated"
    head: str = "class"
    start: Literal["linear", "none"] = "linear"
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
    concepts: ConceptSection | None = None
    signalling: SignallingSection | None = None

    @staticmethod
    def named(name: str | Path) -> Recipe:
        """The recipe at a path, in `graphs/` of the working folder, or shipped with the package."""
        return read_toml(resolve(name, "graphs"), Recipe)
