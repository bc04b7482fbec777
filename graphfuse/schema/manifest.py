"""The manifest of a cohort: `data_manifests/NAME.toml`."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import Field, field_validator, model_validator

from graphfuse.errors import nearest
from graphfuse.schema.base import Described, Shape, Source, Text, Words
from graphfuse.schema.names import ColumnName, ModalityName
from graphfuse.task.registry import kind_of, kinds


class Patients(Shape):
    """How patients are named: the id column, the level to which barcodes are cut, and whether
    files may share fewer than a tenth of their patients."""

    id: str | None = None
    level: Literal["tcga-patient", "tcga-sample"] | None = None
    allow_low_overlap: bool = False


class Event(Shape):
    """The column that says whether the event was seen, and the value that means it was."""

    column: str
    value: Text


class OutcomeSpec(Shape):
    """One outcome: its kind (a module of `graphfuse.task`), its file and its columns."""

    kind: str
    file: str
    modality: str | None = None
    column: str | None = None
    labels: dict[str, str] | None = None
    derived_from: Words = []
    time: Words = []
    event: Event | None = None

    @model_validator(mode="after")
    def complete(self) -> OutcomeSpec:
        """Refuses outcomes that lack a key that their kind needs."""
        lacking = kind_of(self.kind).lacking(self)
        if lacking:
            raise ValueError(lacking)
        return self

    @field_validator("kind")
    @classmethod
    def is_a_kind(cls, kind: str) -> str:
        """Refuses kinds that are not known."""
        if kind not in kinds():
            known = ", ".join(map(repr, kinds()))
            raise ValueError(f"{kind!r} is none of {known}{nearest(kind, kinds())}")
        return kind


class Series(Shape):
    """The columns of time, variable and value of a long table, with one measurement a row."""

    time: str
    variable: str
    value: str

    @model_validator(mode="after")
    def apart(self) -> Series:
        """Refuses one column in two roles."""
        if len({self.time, self.variable, self.value}) < 3:
            raise ValueError("time, variable and value are three columns")
        return self


class ModalitySpec(Shape):
    """One table: its file, kind, values, and how its columns yield gene symbols."""

    file: str
    kind: Literal["omics", "embedding", "ehr"]
    values: Literal["counts", "log", "beta", "m-value", "z-score", "binary", "mixed"] = "mixed"
    transform: Literal["none", "log1p", "cpm-log"] = "none"
    entity: Literal["gene", "cpg", "mirna", "protein", "none"] = "none"
    symbol: str | None = None
    ids: Literal["symbol", "ensembl"] = "symbol"
    map: str | None = None
    orient: Literal["patients-in-rows", "patients-in-columns"] = "patients-in-rows"
    layer: str | None = None
    modality: str | None = None
    columns: list[str] | None = None
    types: dict[str, Literal["numeric", "categorical", "ordinal", "date"] | list[Text]] = {}
    series: Series | None = None

    @model_validator(mode="after")
    def complete(self) -> ModalitySpec:
        """Refuses keys that contradict one another, or need another."""
        if self.series is not None:
            self._check_series()
        if self.kind == "ehr" and not self.columns:
            raise ValueError("an ehr modality needs columns = […]: name what is known at diagnosis")
        if self.transform != "none":
            self._check_transform()
        if self.ids == "ensembl" and self.map is None:
            raise ValueError(
                'ids = "ensembl" needs map = "table.tsv" (two columns: Ensembl id, symbol)'
            )
        return self

    def _check_series(self) -> None:
        """Raises `ValueError` where other keys do not go with `series`."""
        if self.kind != "ehr" or not self.columns:
            raise ValueError(
                'a series needs kind = "ehr" and columns = […]: its variables, known when '
                "the prediction is made"
            )
        if self.types or self.orient != "patients-in-rows":
            raise ValueError(
                "a series holds numbers, one measurement a row: remove types and orient"
            )

    def _check_transform(self) -> None:
        """Raises `ValueError` where other keys do not go with `transform`."""
        if self.kind == "ehr":
            raise ValueError(
                f'transform = "{self.transform}" is for tables of numbers: kind = "omics" or '
                '"embedding"'
            )
        if self.values not in ("counts", "mixed"):
            raise ValueError(
                f'transform = "{self.transform}" takes counts or intensities, but values = '
                f'"{self.values}": say what the file holds, values = "counts" or "mixed"; '
                "logarithms and scaled values need no transform"
            )


class GroupSpec(Shape):
    """A grouping of patients, from a slice of the id or from a column."""

    id_slice: tuple[int, int] | None = None
    file: str | None = None
    modality: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def one_way(self) -> GroupSpec:
        """Refuses groups that are given in no way, or in two."""
        if (self.id_slice is None) == (self.file is None or self.column is None):
            raise ValueError("give either id_slice = [from, to] or file and column")
        return self


class Manifest(Described):
    """A cohort: its files, patients, modalities, outcomes and groups
    (`data_manifests/NAME.toml`)."""

    how_to_get: str = ""
    source: list[Source] = []
    patients: Patients = Patients()
    outcome: dict[ColumnName, OutcomeSpec] = {}
    modality: dict[ModalityName, ModalitySpec] = Field(min_length=1)
    groups: dict[ColumnName, GroupSpec] = {}

    @model_validator(mode="after")
    def names_meet(self) -> Manifest:
        """Refuses outcomes that are derived from a modality that there is not."""
        for name, outcome in self.outcome.items():
            for parent in outcome.derived_from:
                if parent not in self.modality:
                    raise ValueError(
                        f"[outcome.{name}] derived_from names {parent!r}, which is no "
                        f"modality{nearest(parent, self.modality)}"
                    )
        return self

    @model_validator(mode="after")
    def columns_apart(self) -> Manifest:
        """Refuses names of outcomes, groups and modalities that would give a graph's table of
        patients two columns of one name."""
        events = [f"{name}_event" for name, spec in self.outcome.items() if spec.event is not None]
        presence = [f"has_{name}" for name in self.modality]
        columns = Counter([*self.outcome, *events, *presence])
        groups = [f"group:{name}" if name in columns else name for name in self.groups]
        columns += Counter(groups)
        twice = [name for name, count in columns.items() if count > 1]
        if twice:
            raise ValueError(
                f"{twice[0]!r} would be two columns of the table of patients "
                "(NAME, NAME_event of an outcome with events, has_NAME of a modality); rename one"
            )
        return self
