"""Cross-validation with the ladder and the ledger beside the net, and a final model on everyone."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.outcome import Outcome
from graphfuse.evaluate.emap import additive
from graphfuse.evaluate.folds import tasks
from graphfuse.evaluate.ladder import Rung, by_group, climb
from graphfuse.evaluate.ledger import NONE, OURS, Twin, twins
from graphfuse.evaluate.metrics import scores
from graphfuse.evaluate.modalities import subsets
from graphfuse.evaluate.tally import ADDITIVE, COLUMNS, of_one_part, shapley_of, tally
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn import fit
from graphfuse.learn.linear import CrossFit, side_by_side
from graphfuse.learn.model import FusionModel
from graphfuse.learn.search import candidates, trained_by
from graphfuse.schema import Evaluation, GroupScore, Metrics, Recipe

log = logging.getLogger(__name__)

FEWEST = 20  # tested patients of a pattern of modalities for it to be scored by itself


@dataclass(eq=False)
class Replica:
    """A model fitted without one fold, and the rows of the cohort it was tested on."""

    repeat: int
    fold: int
    tested: np.ndarray
    model: FusionModel


@dataclass(frozen=True)
class Beside:
    """What is done beside the net and its ladder: the graph-value `ledger`; a net for every subset of `modalities`, and the
    net's additive projection (in repeat 0, as it takes many predictions)."""

    ledger: bool = False
    modalities: bool = False


@dataclass(eq=False)
class Study:
    """What a cross-validation found: every model's probabilities per fold, the fold models and the final model.

    `present` bool `[N, M]`: which patient has which modality; `probability`: model name → list over folds of `[q, K]`;
    `seconds`: model name → list over folds of fit times.
    """

    outcome: Outcome
    present: pd.DataFrame
    replicas: list[Replica] = field(default_factory=list)
    model: FusionModel | None = None
    probability: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def predictions(self, patients: pd.Index) -> pd.DataFrame:
        """`patient, repeat, fold, truth, call, p_<class>…` of the net, in the order of repeat, fold, patient."""
        classes, tables = np.asarray(self.outcome.classes), []
        for replica, probability in zip(self.replicas, self.probability[OURS], strict=True):
            table = {
                "patient": patients[replica.tested],
                "repeat": replica.repeat,
                "fold": replica.fold,
                "truth": classes[self.outcome.values[replica.tested]],
                "call": classes[probability.argmax(1)],
            }
            tables.append(pd.DataFrame(table | {f"p_{c}": probability[:, k] for k, c in enumerate(classes)}))
        return pd.concat(tables, ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """A row with `tally.COLUMNS` for every model and fold: rungs and variants, then the net by pattern of modalities."""
        rows = []
        for name, folds in self.probability.items():
            for replica, probability, seconds in zip(self.replicas, folds, self.seconds[name], strict=False):
                rows.append(self._row(name, replica, slice(None), probability) | {"seconds": seconds})
        names = self.present.apply(lambda row: "pattern:" + "+".join(row.index[row]), axis=1).to_numpy()
        counts = pd.Series(np.concatenate([names[replica.tested] for replica in self.replicas])).value_counts()
        counts = counts / len({replica.repeat for replica in self.replicas})
        for pattern in sorted(counts.index[counts >= FEWEST]) if len(counts) > 1 else ():
            for replica, probability in zip(self.replicas, self.probability[OURS], strict=True):
                mine = names[replica.tested] == pattern
                if mine.any():
                    rows.append(self._row(pattern, replica, mine, probability[mine]))
        return pd.DataFrame(rows, columns=list(COLUMNS)).fillna({"seconds": 0.0})

    def _row(self, name: str, replica: Replica, which, probability: np.ndarray) -> dict:
        truth = self.outcome.values[replica.tested][which]
        trained = int(self.outcome.known.sum()) - len(replica.tested)
        where = {"model": name, "repeat": replica.repeat, "fold": replica.fold, "tested": len(truth), "trained": trained}
        return where | scores(truth, probability)

    def metrics(self, protocol: dict) -> Metrics:
        """Scores of every model with corrected intervals, and the net against each of them."""
        found = tally(self.scores(), self.outcome.name, protocol)
        if len(self.replicas) > 1:
            return found
        codes = self.outcome.values[self.replicas[0].tested]
        return of_one_part(found, codes, {name: folds[0] for name, folds in self.probability.items()})

    def evaluation(self, metrics: Metrics, subgroups: Sequence[GroupScore] = ()) -> Evaluation:
        """What the scores say of the modalities, beside what was found in `subgroups`."""
        together = [pair for pair in metrics.comparisons if pair.b == ADDITIVE]
        shares = shapley_of(self.scores(), tuple(self.present))
        return Evaluation(contributions=shares, cross_modal=together, subgroups=list(subgroups))


def study(
    cohort: Cohort,
    outcome: Outcome,
    recipe: Recipe,
    network: GeneNetwork | None,
    folds: pd.DataFrame,
    seed: int,
    device: str,
    *,
    beside: Beside = Beside(),
    keeps: str | None = None,
    final: bool = True,
) -> Study:
    """Runs the folds of a folds table, one bank per repeat for each net; the `final` model is fitted in the first repeat's.
    `keeps`: a group of the cohort that inner folds must not part either."""
    found = Study(outcome, cohort.present)
    run = _Run(found, cohort, recipe, network, seed, device)
    todo = tasks(folds)
    repeats = sorted({repeat for repeat, _, _ in todo})
    for repeat in repeats:
        run.repeat([task for task in todo if task[0] == repeat], beside, final=final and repeat == repeats[0])
    return found


@dataclass(frozen=True, eq=False)
class _Run:
    """What every fit of a study shares, and where it notes what it found."""

    found: Study
    cohort: Cohort
    recipe: Recipe
    network: GeneNetwork | None
    seed: int
    device: str

    def repeat(self, mine: Sequence[tuple[int, int, np.ndarray]], beside: Beside, final: bool) -> None:
        """The folds of one repeat."""
        names, derived = tuple(self.cohort.modalities), self.found.outcome.derived_from
        parents = tuple(m for m in names if m not in derived)
        fewer = {f"only:{'+'.join(s)}": s for s in subsets(names)} if beside.modalities else {}
        fewer |= {"without:" + "+".join(derived): parents} if derived and parents else {}
        sets, everyone = {names, *fewer.values()}, np.arange(len(self.cohort))
        tests, trains = [self.cohort.take(tested) for *_, tested in mine], [np.setdiff1d(everyone, t) for *_, t in mine]
        crosses, ladders = zip(
            *side_by_side(lambda k: self._climbed(trains[k], tests[k], sets), range(len(mine))), strict=True
        )
        for name, rung in (item for rungs in ladders for item in rungs.items()):
            self._note(name, rung)
        whole = [self._settled(self._cross(everyone), {names})] if final else []
        self._bank(NONE, [cross.without_graphs() for cross in crosses], names, tests)
        for name, modalities in fewer.items():
            self._bank(name, [cross.restricted(modalities) for cross in crosses], modalities, tests)
        models = self._bank(OURS, [*crosses, *whole], names, tests)
        self.found.replicas += [Replica(r, k, tested, model) for (r, k, tested), model in zip(mine, models, strict=False)]
        if final:
            self.found.model = models[-1]
        if beside.modalities and len(names) > 1 and mine[0][0] == 0:
            self._project(models, tests)
        del crosses, whole
        for twin in twins(self.recipe, self.cohort, self.network, self.seed) if beside.ledger else ():
            fitted = side_by_side(lambda train: self._settled(self._cross(train, twin), {names}), trains)  # noqa: B023
            self._bank(twin.name, fitted, names, tests)

    def _cross(self, train: np.ndarray, twin: Twin | None = None) -> CrossFit:
        codes, classes = self.found.outcome.values[train], len(self.found.outcome.classes)
        recipe, network = (self.recipe, self.network) if twin is None else (twin.recipe, twin.network)
        return CrossFit(self.cohort.take(train), codes, classes, recipe, network, self.seed)

    def _climbed(self, train: np.ndarray, test: Cohort, sets: set[tuple[str, ...]]) -> tuple[CrossFit, dict[str, Rung]]:
        """A fold's linear models and the rungs of its ladder."""
        began, cross = time.perf_counter(), self._cross(train)
        rungs = climb(cross, test, cross.preparation.views(test)) | by_group(cross, test)
        log.info("a fold's ladder: %.0f s", time.perf_counter() - began)
        return self._settled(cross, sets, bare=True), rungs

    def _settled(self, cross: CrossFit, sets: set[tuple[str, ...]], bare: bool = False) -> CrossFit:
        """Solves what the nets will start from, and with `bare` what the one without graphs will, and frees what only solving
        needs."""
        for modalities in sorted(sets):
            for fold, candidate in product((cross, cross.without_graphs()) if bare else (cross,), candidates(self.recipe)):
                fit.start_of(fold, modalities, candidate)
        cross.forget()
        return cross

    def _bank(self, name: str, crosses: list[CrossFit], modalities: tuple[str, ...], tests: list[Cohort]) -> list[FusionModel]:
        """Trains one net over all folds and notes its probabilities for the folds' test patients."""
        began = time.perf_counter()
        models = [
            FusionModel(each.recipe, seed=self.seed).adopt(each.gathered(cross, modalities), each.recipe, self.found.outcome)
            for cross, each in zip(crosses, trained_by(crosses, modalities, self.recipe, self.seed, self.device), strict=True)
        ]
        seconds = (time.perf_counter() - began) / max(len(tests), 1)
        for model, test in zip(models, tests, strict=False):
            self._note(name, Rung(_probability(model, test), seconds))
        log.info("%s: %d folds × %d seeds in %.0f s", name, len(crosses), self.recipe.train.seeds, time.perf_counter() - began)
        return models

    def _project(self, models: list[FusionModel], tests: list[Cohort]) -> None:
        """Notes what the nets would say could their modalities not interact."""
        began = time.perf_counter()
        for model, test in zip(models, tests, strict=False):
            self._note(ADDITIVE, Rung(additive(model, test, seed=self.seed), 0.0))
        log.info("%s: %d folds in %.0f s", ADDITIVE, len(tests), time.perf_counter() - began)

    def _note(self, name: str, rung: Rung) -> None:
        self.found.probability[name].append(rung.probability)
        self.found.seconds[name].append(rung.seconds)


def _probability(model: FusionModel, test: Cohort) -> np.ndarray:
    """The model's probabilities; uniform for a patient who has none of its modalities (in a variant without some)."""
    has = test.present[list(model.modalities_)].any(axis=1).to_numpy()
    probability = np.full((len(test), len(model.classes_)), 1 / len(model.classes_))
    if has.any():
        probability[has] = model.predict_proba(test.take(has))
    return probability
