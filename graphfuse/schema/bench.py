"""A bench file: cohorts, recipes and one protocol for all of them."""

from __future__ import annotations

from pydantic import Field

from graphfuse.schema.shape import Shape, Words


class BenchEntry(Shape):
    """`[[cohort]]`: a manifest (beside the bench file, or a name in data_manifests/), what to predict, and modalities to go
    `without`; `called`: its name in the tables (default: the cohort's own, with what it lacks)."""

    cohort: str
    target: str | None = None
    without: Words = []
    called: str | None = None
    recipes: Words = []


class Bench(Shape):
    """What `graphfuse bench` runs. `recipes` hold for every cohort that names none of its own."""

    name: str
    title: str = ""
    folds: int = Field(5, ge=2)
    repeats: int = Field(5, ge=1)
    recipes: Words = ["multiplex"]
    ledger: bool = True
    modalities: bool = True
    cohort: list[BenchEntry] = Field(min_length=1)
