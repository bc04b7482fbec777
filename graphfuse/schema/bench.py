"""A bench file: cohorts, recipes and one protocol for all of them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from graphfuse.files.toml import read_toml
from graphfuse.schema.base import Shape, Words
from graphfuse.schema.names import Name


class BenchEntry(Shape):
    """`[[cohort]]`: a manifest (beside the bench file, or a name in data_manifests/), what to
    predict, and modalities to go `without`; `called`: its name in the tables (default: the cohort's
    own, with what it lacks). `recipes`: in place of the bench's."""

    cohort: str
    target: str | None = None
    without: Words = []
    called: Name | None = None
    recipes: Words = []

    def name(self, cohort: str) -> str:
        """What the tables call it, given the cohort's own name."""
        return self.called or cohort + (
            f" without {', '.join(self.without)}" if self.without else ""
        )


class Bench(Shape):
    """What `graphfuse bench` runs. `recipes` hold for every cohort that names none of its own;
    `ledger`: the nets with real, rewired, random, identity and no graphs; `modalities`: a net for
    every subset of them."""

    name: Name
    title: str = ""
    folds: int = Field(5, ge=2)
    repeats: int = Field(5, ge=1)
    recipes: Words = ["multiplex"]
    ledger: bool = True
    modalities: bool = False
    cohort: list[BenchEntry] = Field(min_length=1)

    @classmethod
    def read(cls, path: str | Path) -> Bench:
        """A bench file; what it names by a path is looked for beside it. Raises `InputError` with
        every fault."""
        path = Path(path)
        found = read_toml(path, cls)

        def beside(name: str) -> str:
            return str(path.parent / name) if (path.parent / name).is_file() else name

        def located(entry: BenchEntry) -> BenchEntry:
            return entry.model_copy(
                update={"cohort": beside(entry.cohort), "recipes": [*map(beside, entry.recipes)]}
            )

        return found.model_copy(
            update={
                "cohort": [*map(located, found.cohort)],
                "recipes": [*map(beside, found.recipes)],
            }
        )
