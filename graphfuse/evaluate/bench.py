"""Cohorts × recipes × the ladder under one protocol, a row per model and fold, resumable.

A repeat of a cohort's folds is a unit of work: its rows are written to a part, named by a hash of all it depends on: data,
recipe, folds, network, seed, packages, code. A bench that was stopped finds its parts again; one that has changed does not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.outcome import Outcome
from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.record import network_hash, packages
from graphfuse.evaluate.study import Beside, study
from graphfuse.evaluate.tally import COLUMNS, shapley_of, tally
from graphfuse.graph.gene_slot import gene_side
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.model import class_target
from graphfuse.schema import Contribution, Metrics, Recipe

log = logging.getLogger(__name__)

ABOUT = ("cohort", "target", "recipe")  # before `tally.COLUMNS` in the table of results


@dataclass(frozen=True, eq=False)
class Contest:
    """A cohort and a recipe that stand together: what is run of them and by which hash its parts are known."""

    name: str
    cohort: Cohort
    outcome: Outcome
    recipe: Recipe
    network: GeneNetwork | None
    folds: pd.DataFrame
    seed: int
    beside: Beside

    @classmethod
    def of(cls, name: str, cohort: Cohort, target: str | None, recipe: Recipe, cv: tuple[int, int], seed: int, beside: Beside):
        """Everything but the fits."""
        outcome = class_target(cohort, target)
        cohort, network, _ = gene_side(recipe, cohort, None, seed)
        folds = repeated(cohort.patients, outcome.values, *cv, seed, outcome.classes)
        return cls(name, cohort, outcome, recipe, network, folds, seed, beside)

    def hashes(self) -> dict[str, str]:
        """sha256 of what the results depend on, but for the folds of a repeat."""
        made = json.dumps(self.recipe.model_dump(mode="json"), sort_keys=True)
        about = {"target": self.outcome.name, "seed": self.seed, "ledger": self.beside.ledger}
        about |= {"modalities": self.beside.modalities, "present": list(self.cohort.modalities)}
        return {
            "data": self.cohort.digest(),
            "recipe": _sha(made),
            "network": network_hash(self.network),
            "settings": _sha(json.dumps(about, sort_keys=True)),
            "packages": _sha(json.dumps(packages(), sort_keys=True)),
            "code": code_hash(),
        }

    def repeats(self) -> list[tuple[str, pd.DataFrame]]:
        """(hash, folds) of every repeat."""
        base = json.dumps(self.hashes(), sort_keys=True)
        return [(_sha(base + part.to_csv(index=False))[:16], part) for _, part in self.folds.groupby("repeat", sort=True)]

    def run(self, folds: pd.DataFrame, device: str) -> pd.DataFrame:
        """The rows of one repeat."""
        found = study(
            self.cohort, self.outcome, self.recipe, self.network, folds, self.seed, device, beside=self.beside, final=False
        )
        about = dict(zip(ABOUT, (self.name, self.outcome.name, self.recipe.name), strict=True))
        return found.scores().assign(**about)[[*ABOUT, *COLUMNS]]


@dataclass(frozen=True, eq=False)
class Result:
    """What a contest came to."""

    contest: Contest
    metrics: Metrics
    contributions: list[Contribution]


def contend(contests: Sequence[Contest], parts: Path, device: str) -> pd.DataFrame:
    """The rows of all repeats of all contests, in their order; those whose part is there already are read, not run."""
    parts.mkdir(parents=True, exist_ok=True)
    todo = [(contest, key, folds) for contest in contests for key, folds in contest.repeats()]
    done = sum((parts / f"{key}.csv").is_file() for _, key, _ in todo)
    log.info("%d repeats of %d contests; %d are there already", len(todo), len(contests), done)
    tables = []
    for number, (contest, key, folds) in enumerate(todo, 1):
        path = parts / f"{key}.csv"
        if not path.is_file():
            began = time.perf_counter()
            _write(path, contest.run(folds, device))
            log.info(
                "%d of %d: %s, %s: %.0f s", number, len(todo), contest.name, contest.recipe.name, time.perf_counter() - began
            )
        tables.append(pd.read_csv(path, keep_default_na=False, na_values=[""]))
    return pd.concat(tables, ignore_index=True)


def results(contests: Sequence[Contest], table: pd.DataFrame, protocol: dict) -> list[Result]:
    """Scores with intervals and comparisons of every contest, from the rows of `contend`."""
    found = []
    for contest in contests:
        mine = table[(table["cohort"] == contest.name) & (table["recipe"] == contest.recipe.name)]
        names = tuple(contest.cohort.modalities)
        found.append(Result(contest, tally(mine, contest.outcome.name, protocol), shapley_of(mine, names)))
    return found


def code_hash() -> str:
    """sha256 over the package's own source files: a part that other code made is not taken for this one's."""
    home = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        if path.relative_to(home).parts[0] not in ("report", "cli"):
            found.update(path.relative_to(home).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _write(path: Path, table: pd.DataFrame) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    table.to_csv(part, index=False, float_format="%.17g")
    os.replace(part, path)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
