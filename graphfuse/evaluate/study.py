"""Cross-validation with the ladder beside the net, and a final model on everyone."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.outcome import Outcome
from graphfuse.evaluate.folds import tasks
from graphfuse.evaluate.ladder import Rung, by_group, climb
from graphfuse.evaluate.metrics import compare, scores, summary
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn import fit
from graphfuse.learn.linear import CrossFit
from graphfuse.learn.model import FusionModel
from graphfuse.learn.search import candidates, trained_by
from graphfuse.schema import METRICS, Metrics, Recipe

log = logging.getLogger(__name__)

BESIDE = ("without:", "group:", "pattern:")  # variants, which are no rung of the ladder
FEWEST = 20  # tested patients of a pattern of modalities for it to be scored by itself
COMPARED = ("accuracy", "macro_f1", "auroc")


@dataclass(eq=False)
class Replica:
    """A model fitted without one fold, and the rows of the cohort it was tested on."""

    repeat: int
    fold: int
    tested: np.ndarray
    model: FusionModel


@dataclass(eq=False)
class Study:
    """What a cross-validation found: every model's probabilities per fold, the fold models and the final model.

    `present` bool `[N, M]`: which patient has which modality; `probability`: model name → list over folds of `[q, K]`;
    `seconds`: model name → total fit time.
    """

    outcome: Outcome
    present: pd.DataFrame
    replicas: list[Replica] = field(default_factory=list)
    model: FusionModel | None = None
    probability: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def predictions(self, patients: pd.Index) -> pd.DataFrame:
        """`patient, repeat, fold, truth, call, p_<class>…` of the net, in the order of repeat, fold, patient."""
        classes, tables = np.asarray(self.outcome.classes), []
        for replica, probability in zip(self.replicas, self.probability["graphfuse"], strict=True):
            table = {
                "patient": patients[replica.tested],
                "repeat": replica.repeat,
                "fold": replica.fold,
                "truth": classes[self.outcome.values[replica.tested]],
                "call": classes[probability.argmax(1)],
            }
            tables.append(pd.DataFrame(table | {f"p_{c}": probability[:, k] for k, c in enumerate(classes)}))
        return pd.concat(tables, ignore_index=True)

    def metrics(self, protocol: dict) -> Metrics:
        """Scores of every model with corrected intervals, and the net against each rung."""
        truths = [self.outcome.values[r.tested] for r in self.replicas]
        labelled = int(self.outcome.known.sum())
        tested = np.mean([len(t) for t in truths])
        share = tested / max(labelled - tested, 1)
        folds = {
            name: pd.DataFrame([scores(t, p) for t, p in zip(truths, found, strict=True)])
            for name, found in self.probability.items()
        }
        rows = {
            name: {m: summary(table[m].to_numpy(), share, m) for m in METRICS} | {"fit_seconds": round(self.seconds[name], 2)}
            for name, table in folds.items()
        }
        against = [name for name in folds if name != "graphfuse"]
        rows |= self._by_pattern(truths, share)
        pairs = [
            compare("graphfuse", b, m, folds["graphfuse"][m].to_numpy(), folds[b][m].to_numpy(), share)
            for b in against for m in COMPARED
        ]  # fmt: skip
        return Metrics(
            target=self.outcome.name,
            protocol=protocol,
            models={name: row for name, row in rows.items() if not name.startswith(BESIDE)},
            variants={name: row for name, row in rows.items() if name.startswith(BESIDE)},
            comparisons=[pair for pair in pairs if pair],
        )

    def _by_pattern(self, truths: list[np.ndarray], share: float) -> dict[str, dict]:
        """`pattern:<modalities>`: the net's scores on the patients who have these modalities and no others, where patients
        differ in what they have; folds without such a patient count nothing."""
        names = self.present.apply(lambda row: "pattern:" + "+".join(row.index[row]), axis=1).to_numpy()
        tested = [names[r.tested] for r in self.replicas]
        counts = pd.Series(np.concatenate(tested)).value_counts() / (1 + max(r.repeat for r in self.replicas))
        rows = {}
        for pattern in sorted(counts.index[counts >= FEWEST]) if len(counts) > 1 else ():
            there = [own == pattern for own in tested]
            each = zip(truths, self.probability["graphfuse"], there, strict=True)
            table = pd.DataFrame([scores(truth[mine], p[mine]) for truth, p, mine in each if mine.any()])
            rows[pattern] = {m: summary(table[m].to_numpy(), share, m) for m in METRICS}
            rows[pattern]["fit_seconds"] = 0.0
        return rows


def study(
    cohort: Cohort, outcome: Outcome, recipe: Recipe, network: GeneNetwork | None, folds: pd.DataFrame, seed: int, device: str
) -> Study:
    """Runs the folds of a folds table (one bank per repeat) and fits the final model in the first repeat's bank."""
    found = Study(outcome, cohort.present)
    todo = tasks(folds)
    repeats = sorted({repeat for repeat, _, _ in todo})
    for repeat in repeats:
        mine = [task for task in todo if task[0] == repeat]
        _run_repeat(found, cohort, recipe, network, mine, seed, device, final=repeat == repeats[0])
    return found


def _run_repeat(found: Study, cohort, recipe, network, mine, seed: int, device: str, final: bool) -> None:
    crosses, names = [], tuple(cohort.modalities)
    parents = tuple(m for m in names if m not in found.outcome.derived_from)
    sets = {names, parents or names}  # what nets will start from
    everyone = np.arange(len(cohort))
    for number, (repeat, _, tested) in enumerate(mine, 1):
        began = time.perf_counter()
        train = np.setdiff1d(everyone, tested)
        crosses.append(_cross(found, cohort, train, recipe, network, seed))
        views = crosses[-1].preparation.views(cohort.take(tested))
        alone = by_group(crosses[-1], cohort.take(tested))
        for name, rung in (climb(crosses[-1], cohort, views) | alone).items():
            _note(found, name, rung)
        _settle(crosses[-1], sets, recipe)
        log.info("repeat %d, fold %d of %d: ladder in %.0f s", repeat + 1, number, len(mine), time.perf_counter() - began)
    if final:
        crosses.append(_cross(found, cohort, everyone, recipe, network, seed))
        _settle(crosses[-1], {names}, recipe)
    tests = [cohort.take(tested) for _, _, tested in mine]
    plain = [cross.without_graphs() for cross in crosses[: len(mine)]]
    _bank(found, "no-graph", plain, names, recipe, seed, device, tests)
    if found.outcome.derived_from and parents:
        label = "without:" + "+".join(found.outcome.derived_from)
        fewer = [cross.restricted(parents) for cross in crosses[: len(mine)]]
        _bank(found, label, fewer, parents, recipe, seed, device, tests)
    models = _bank(found, "graphfuse", crosses, names, recipe, seed, device, tests)
    found.replicas += [Replica(r, k, tested, model) for (r, k, tested), model in zip(mine, models, strict=False)]
    if final:
        found.model = models[-1]


def _cross(found: Study, cohort, train, recipe, network, seed) -> CrossFit:
    codes = found.outcome.values[train]
    return CrossFit(cohort.take(train), codes, len(found.outcome.classes), recipe, network, seed)


def _settle(cross: CrossFit, sets: set[tuple[str, ...]], recipe: Recipe) -> None:
    """Solves what the nets will start from, with graphs and without, and frees what only solving needs."""
    for modalities in sorted(sets):
        for fold, candidate in product((cross, cross.without_graphs()), candidates(recipe)):
            fit.start_of(fold, modalities, candidate)
    cross.forget()


def _bank(found: Study, name: str, crosses, modalities, recipe, seed, device, tests) -> list[FusionModel]:
    """Trains one net over all folds and notes its probabilities for the folds' test patients."""
    began = time.perf_counter()
    trained = trained_by(crosses, modalities, recipe, seed, device)
    models = [
        FusionModel(each.recipe, seed=seed).adopt(each.gathered(cross, modalities), each.recipe, found.outcome)
        for cross, each in zip(crosses, trained, strict=True)
    ]
    seconds = (time.perf_counter() - began) / max(len(tests), 1)
    for model, test in zip(models, tests, strict=False):
        _note(found, name, Rung(_probability(model, test), seconds))
    log.info("%s: %d folds × %d seeds in %.0f s", name, len(crosses), recipe.train.seeds, time.perf_counter() - began)
    return models


def _probability(model: FusionModel, test: Cohort) -> np.ndarray:
    """The model's probabilities; uniform for a patient who has none of its modalities (in a variant without some)."""
    has = test.present[list(model.modalities_)].any(axis=1).to_numpy()
    probability = np.full((len(test), len(model.classes_)), 1 / len(model.classes_))
    if has.any():
        probability[has] = model.predict_proba(test.take(has))
    return probability


def _note(found: Study, name: str, rung: Rung) -> None:
    found.probability[name].append(rung.probability)
    found.seconds[name] += rung.seconds
