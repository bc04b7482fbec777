"""A bench file: cohorts, recipes and one protocol for all of them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from graphfuse.files.toml import read_toml
from graphfuse.schema.base import Shape, Words
from graphfuse.schema.names import Name


class BenchEntry(Shape):
    """`[[cohort]]`: one cohort of a bench.

    `cohort`: its manifest (beside the bench file, or a name in data_manifests/). `target`: the
    outcome to predict. `without`: modalities to leave out. `called`: its name in the tables
    (default: the cohort's own, and what it lacks). `recipes`: in place of the bench's.
    """

    cohort: str
    target: str | None = None
    without: Words = []
    called: Name | None = None
    recipes: Words = []

    def name(self, cohort: str) -> str:
        """What the tables call it, given the cohort's own name."""
        if self.called:
            return self.called
        if self.without:
            return f"{cohort} without {', '.join(self.without)}"
        return cohort


class Bench(Shape):
    """What `graphfuse bench` runs.

    `recipes` hold for every cohort that names none of its own. `ledger`: whether the ablation of
    graphs is run (real, rewired, random, identity and no graphs). `modalities`: whether a net is
    trained on every subset of the modalities.
    """

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
        """Reads a bench file; files that it names are looked for beside it. Raises `InputError`
        with every fault."""
        path = Path(path)
        bench = read_toml(path, cls)

        def beside(name: str) -> str:
            file = path.parent / name
            return str(file) if file.is_file() else name

        def located(entry: BenchEntry) -> BenchEntry:
            recipes = [*map(beside, entry.recipes)]
            return entry.model_copy(update={"cohort": beside(entry.cohort), "recipes": recipes})

        cohorts = [*map(located, bench.cohort)]
        recipes = [*map(beside, bench.recipes)]
        return bench.model_copy(update={"cohort": cohorts, "recipes": recipes})
