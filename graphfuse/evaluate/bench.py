"""Cohorts × recipes × baselines under one protocol, a row per model and fold, resumable.

A repeat of a cohort's folds is a unit of work: its rows are written to a part, named by a hash of
all it depends on: data, recipe, folds, network, seed, packages, code. A bench that was stopped
finds its parts again; one that has changed does not.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError, nearest
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import digest
from graphfuse.evaluate.patient_draws import PatientDraws, over_repeats
from graphfuse.evaluate.patient_draws_file import read_draws, write_draws
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.provenance import packages
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside, dependencies
from graphfuse.evaluate.summary import columns, shapley_of, tally
from graphfuse.files.atomic_write import whole
from graphfuse.files.hashes import text_sha256
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.progress import progress
from graphfuse.schema import SCHEMA, Bench, Contribution, Metrics, Recipe
from graphfuse.task.metric import MetricSet
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import metrics_of

log = logging.getLogger(__name__)

ABOUT = ("cohort", "target", "recipe")  # before `summary.columns` in the table of results


@dataclass(frozen=True, eq=False)
class Contest:
    """A cohort and a recipe that are run together, and the hashes by which the results are
    known."""

    name: str
    cohort: Cohort
    outcome: Outcome
    recipe: Recipe
    network: GeneNetwork | None
    folds: pd.DataFrame
    seed: int
    beside: Beside

    @classmethod
    def of(
        cls,
        name: str,
        cohort: Cohort,
        target: str | None,
        recipe: Recipe,
        cv: tuple[int, int],
        seed: int,
        beside: Beside,
    ):
        """Everything but the fits."""
        outcome, folds = ready(cohort, target, Protocol.of(cv), seed)
        require_fusion(recipe, outcome.task)
        cohort, network, _ = gene_side(recipe, cohort, None, seed)
        return cls(name, cohort, outcome, recipe, network, folds, seed, beside)

    @classmethod
    def all_of(cls, plan: Bench, seed: int) -> list[Contest]:
        """Every cohort of the plan with every recipe that it asks for. Raises `InputError` where
        one cannot be run, or two would go by one name."""
        beside = Beside(plan.ledger, plan.modalities)
        cv = (plan.folds, plan.repeats)
        contests, cohorts = [], {}
        for entry in plan.cohort:
            if entry.cohort not in cohorts:
                cohorts[entry.cohort] = load(entry.cohort)
            cohort = _less(cohorts[entry.cohort], entry.without)
            name = entry.name(cohort.name)
            for named in entry.recipes or plan.recipes:
                recipe = Recipe.named(named)
                contests.append(cls.of(name, cohort, entry.target, recipe, cv, seed, beside))
        names = pd.Series([f"{each.name}, recipe {each.recipe.name}" for each in contests])
        twice = names[names.duplicated()]
        if len(twice):
            raise InputError(
                f"bench {plan.name!r}: {twice.iloc[0]} appears twice; give one another `called`"
            )
        return contests

    @property
    def metrics(self) -> MetricSet:
        """Those of the outcome's kind."""
        return metrics_of(self.outcome.kind)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """sha256 of what the results depend on, but for the folds of a repeat."""
        return dependencies(
            self.cohort, self.outcome.name, self.recipe, self.network, self.seed, self.beside
        )

    def repeats(self, device: str) -> list[tuple[str, pd.DataFrame]]:
        """(hash, folds) of every repeat on a kind of device."""
        kind = device.split(":")[0]
        base = json.dumps({**self.hashes, "device": kind}, sort_keys=True)
        repeats = []
        for _, part in self.folds.groupby("repeat", sort=True):
            key = text_sha256(base + digest(part))
            repeats.append((key[:16], part))
        return repeats

    def run(self, folds: pd.DataFrame, device: str) -> tuple[pd.DataFrame, PatientDraws]:
        """The rows of one repeat, and the same scores under draws of the patients."""
        result = study(
            self.cohort,
            self.outcome,
            self.recipe,
            self.network,
            folds,
            self.seed,
            device,
            beside=self.beside,
            final=False,
        )
        scores = result.scores().assign(
            cohort=self.name, target=self.outcome.name, recipe=self.recipe.name
        )
        return scores[[*ABOUT, *columns(self.metrics)]], result.draws()

    def draws(self, parts: Path, device: str) -> PatientDraws:
        """The scores of all repeats, which are finished, under draws of the patients."""
        repeats = [read_draws(_drawn(parts, key)) for key, _ in self.repeats(device)]
        return over_repeats(repeats)


@dataclass(frozen=True, eq=False)
class Result:
    """The scores of a contest."""

    contest: Contest
    metrics: Metrics
    contributions: list[Contribution]


def contend(contests: Sequence[Contest], parts: Path, device: str) -> pd.DataFrame:
    """The rows of all repeats of all contests, in their order; those whose part is there already
    are read, not run."""
    parts.mkdir(parents=True, exist_ok=True)
    todo = []
    for contest in contests:
        for key, folds in contest.repeats(device):
            todo.append((contest, key, folds))
    done = sum(_is_there(parts, key) for _, key, _ in todo)
    log.info("%d repeats of %d contests; %d are there already", len(todo), len(contests), done)
    tables = []
    with progress("bench", len(todo)) as step:
        for contest, key, folds in todo:
            is_new = not _is_there(parts, key)
            if is_new:
                _run_into(parts, key, contest, folds, device)
            step(is_new)
            rows = pd.read_csv(_rows(parts, key), keep_default_na=False, na_values=[""])
            tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def _rows(parts: Path, key: str) -> Path:
    """The file with the rows of a repeat."""
    return parts / f"{key}.csv"


def _drawn(parts: Path, key: str) -> Path:
    """The file with its scores under draws of the patients."""
    return parts / f"{key}.npz"


def _is_there(parts: Path, key: str) -> bool:
    """Whether a repeat is finished: its rows are written last."""
    return _rows(parts, key).is_file() and _drawn(parts, key).is_file()


def _run_into(parts: Path, key: str, contest: Contest, folds: pd.DataFrame, device: str) -> None:
    """Writes the part of a contest's repeat."""
    began = time.perf_counter()
    rows, draws = contest.run(folds, device)
    with whole(_drawn(parts, key)) as part:
        write_draws(part, draws)
    with whole(_rows(parts, key)) as part:
        rows.to_csv(part, index=False, float_format="%.17g")
    seconds = time.perf_counter() - began
    what = f"{contest.name}, {contest.recipe.name}"
    log.info("%s, repeat %s: %.0f s", what, folds["repeat"].iloc[0], seconds)


def results(
    contests: Sequence[Contest], table: pd.DataFrame, protocol: dict, parts: Path, device: str
) -> list[Result]:
    """Scores with intervals and comparisons of every contest, from the rows of `contend` and the
    `parts` that it left."""
    scored = []
    for contest in contests:
        is_recipe = table["recipe"] == contest.recipe.name
        mine = table[(table["cohort"] == contest.name) & is_recipe]
        draws = contest.draws(parts, device)
        metrics = tally(mine, draws, contest.outcome.name, protocol, contest.metrics)
        shares = shapley_of(draws, tuple(contest.cohort.modalities), contest.metrics)
        scored.append(Result(contest, metrics, shares))
    return scored


def about_bench(
    plan: Bench, results: Sequence[Result], protocol: dict, seed: int, command: str
) -> dict[str, object]:
    """What `bench.json` says: how the numbers were made, and sha256 of all that went in."""
    contests = [
        {
            "cohort": result.contest.name,
            "target": result.contest.outcome.name,
            "recipe": result.contest.recipe.name,
            "patients": len(result.contest.cohort),
            "labelled": int(result.contest.outcome.known.sum()),
            "hashes": result.contest.hashes | {"folds": digest(result.contest.folds)},
        }
        for result in results
    ]
    return {
        "schema": SCHEMA,
        "name": plan.name,
        "title": plan.title,
        "command": command,
        "protocol": protocol,
        "seed": seed,
        "packages": packages(),
        "contests": contests,
    }


def _less(cohort: Cohort, without: Sequence[str]) -> Cohort:
    """The cohort without some modalities. Raises `InputError` for those it does not have."""
    for name in without:
        if name not in cohort.modalities:
            raise InputError(
                f"without {name!r}: cohort {cohort.name!r} has no such "
                f"modality{nearest(name, cohort.modalities)}"
            )
    if without and set(without) >= set(cohort.modalities):
        raise InputError(
            f"without {', '.join(without)}: nothing is left of {cohort.name!r}; keep a modality"
        )
    return cohort.without(*without)
