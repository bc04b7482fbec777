"""Cross-validation with the ladder and the ledger beside the net, and a final model on everyone."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.outcome import Outcome
from graphfuse.evaluate.emap import additive
from graphfuse.evaluate.folds import Split, splits
from graphfuse.evaluate.ladder import Rung, by_group, climb
from graphfuse.evaluate.ledger import GRAPHS, NONE, OURS, Twin, twins
from graphfuse.evaluate.left_out import left_out_if_failed
from graphfuse.evaluate.metrics import FEWEST, scores
from graphfuse.evaluate.modalities import only
from graphfuse.evaluate.spy import Spy, spied
from graphfuse.evaluate.tally import ADDITIVE, COLUMNS, of_one_part, shapley_of, tally
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn import fit
from graphfuse.learn.linear import CrossFit
from graphfuse.learn.model import FusionModel
from graphfuse.learn.search import candidates, trained_by
from graphfuse.learn.threads import side_by_side
from graphfuse.schema import Evaluation, GroupScore, Metrics, Recipe

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Replica:
    """A model fitted without one fold, and the rows of the cohort that it was tested and trained on
    (see `folds.Split`)."""

    repeat: int
    fold: int
    tested: np.ndarray
    train: np.ndarray
    model: FusionModel


@dataclass(frozen=True)
class Beside:
    """What is done beside the net and its ladder: the graph-value `ledger`; a net for every subset
    of `modalities`, and the net's additive projection (in repeat 0, as it takes many
    predictions)."""

    ledger: bool = False
    modalities: bool = False


@dataclass(eq=False)
class Study:
    """What a cross-validation found: every model's probabilities per fold, the fold models and the
    final model.

    `present` bool `[N, M]`: which patient has which modality; `probability`, `seconds`: model name
    → list over folds of `[q, K]`, of fit times; `watch`: what the spy over all fits saw; `failed`:
    what was left out, and why.
    """

    outcome: Outcome
    present: pd.DataFrame
    replicas: list[Replica] = field(default_factory=list)
    model: FusionModel | None = None
    probability: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    watch: str = ""
    failed: dict[str, str] = field(default_factory=dict)

    def predictions(self, cohort: Cohort) -> pd.DataFrame:
        """`patient, repeat, fold, truth, call, p_<class>…, flag` of the net, fold after fold."""
        classes, tables = np.asarray(self.outcome.classes), []
        for replica, probability in zip(self.replicas, self.probability[OURS], strict=True):
            if not self._labelled(replica):
                continue
            table = {
                "patient": cohort.patients[replica.tested],
                "repeat": replica.repeat,
                "fold": replica.fold,
                "truth": classes[self.outcome.values[replica.tested]],
                "call": classes[probability.argmax(1)],
            }
            table |= {f"p_{name}": probability[:, k] for k, name in enumerate(classes)}
            table["flag"] = replica.model.flags(cohort.take(replica.tested))
            tables.append(pd.DataFrame(table))
        return pd.concat(tables, ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """A row with `tally.COLUMNS` for every model and fold: rungs and variants, then the net by
        pattern of modalities."""
        rows = []
        for name, folds in self.probability.items():
            for replica, probability, seconds in zip(
                self.replicas, folds, self.seconds[name], strict=False
            ):
                if not self._labelled(replica):
                    continue
                rows.append(
                    self._row(name, replica, slice(None), probability) | {"seconds": seconds}
                )
        names = self.present.apply(
            lambda row: "pattern:" + "+".join(row.index[row]), axis=1
        ).to_numpy()
        counts = pd.Series(
            np.concatenate([names[replica.tested] for replica in self.replicas])
        ).value_counts()
        counts = counts / len({replica.repeat for replica in self.replicas})
        for pattern in sorted(counts.index[counts >= FEWEST]) if len(counts) > 1 else ():
            for replica, probability in zip(self.replicas, self.probability[OURS], strict=True):
                mine = names[replica.tested] == pattern
                if mine.any() and self._labelled(replica):
                    rows.append(self._row(pattern, replica, mine, probability[mine]))
        return pd.DataFrame(rows, columns=list(COLUMNS)).fillna({"seconds": 0.0})

    def _labelled(self, replica: Replica) -> bool:
        """Whether its patients can be scored: all of them have a label, or none."""
        return bool(self.outcome.known[replica.tested].all())

    def _row(self, name: str, replica: Replica, which, probability: np.ndarray) -> dict:
        truth = self.outcome.values[replica.tested][which]
        trained = int(self.outcome.known[replica.train].sum())
        where = {
            "model": name,
            "repeat": replica.repeat,
            "fold": replica.fold,
            "tested": len(truth),
            "trained": trained,
        }
        return where | scores(truth, probability)

    def metrics(self, protocol: dict) -> Metrics:
        """Scores of every model with corrected intervals, and the net against each of them."""
        found = tally(self.scores(), self.outcome.name, protocol)
        if len(self.replicas) > 1:
            return found
        codes = self.outcome.values[self.replicas[0].tested]
        return of_one_part(
            found, codes, {name: folds[0] for name, folds in self.probability.items()}
        )

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
    """Runs the folds of a folds table, one bank per repeat for each net; the `final` model is
    fitted in the first repeat's.

    `keeps`: a group of the cohort that inner folds must not part either. A fold in which nobody has
    a label is called and not scored. A spy (`evaluate.spy`) watches every fit and every scoring:
    raises `LeakError` where one reads a held-out patient.
    """
    found = Study(outcome, cohort.present)
    outcomes = {**cohort.outcomes, outcome.name: outcome}
    watched, spy = spied(replace(cohort.ordered(), outcomes=outcomes))
    run = _Run(found, watched, spy, recipe, network, seed, device, keeps)
    everyone = np.arange(len(cohort))
    todo = [
        s if len(s.tested) else s._replace(tested=np.setdiff1d(everyone, s.train))
        for s in splits(folds, outcome.known)
    ]
    repeats = sorted({split.repeat for split in todo})
    for repeat in repeats:
        run.repeat(
            [split for split in todo if split.repeat == repeat],
            beside,
            final=final and repeat == repeats[0],
        )
    found.watch = spy.told()
    return found


@dataclass(frozen=True, eq=False)
class _Run:
    """What every fit of a study shares, and where it notes what it found."""

    found: Study
    cohort: Cohort
    spy: Spy
    recipe: Recipe
    network: GeneNetwork | None
    seed: int
    device: str
    keeps: str | None

    def repeat(self, mine: Sequence[Split], beside: Beside, final: bool) -> None:
        """The folds of one repeat."""
        names, derived = tuple(self.cohort.modalities), self.found.outcome.derived_from
        rest = tuple(m for m in names if m not in derived)
        fewer = only(tuple(self.found.present)) if beside.modalities else {}
        if derived and rest:
            fewer.setdefault(rest, []).append("without:" + "+".join(derived))
        sets = {names, *fewer}
        crosses, ladders = zip(
            *side_by_side(lambda split: self._climbed(split, sets), mine), strict=True
        )
        for name, rung in (item for rungs in ladders for item in rungs.items()):
            self._note(name, rung)
        whole = [self._settled(self._cross(np.arange(len(self.cohort))), {names})] if final else []
        self._bank([NONE], [cross.without_graphs() for cross in crosses], names, mine)
        for modalities, called in fewer.items():
            with self._fitting(mine):
                smaller = [cross.restricted(modalities) for cross in crosses]
            self._bank(called, smaller, modalities, mine)
        models = self._bank([OURS], [*crosses, *whole], names, mine)
        self.found.replicas += [
            Replica(*split, model) for split, model in zip(mine, models, strict=False)
        ]
        if final:
            self.found.model = models[-1].compared_with(self.cohort)
        if beside.modalities and len(names) > 1 and mine[0].repeat == 0:
            self._project(models, mine)
        shared = [{graph: cross.unheard(graph) for graph in GRAPHS} for cross in crosses]
        del crosses, whole
        compared = twins(self.recipe, self.cohort, self.network, self.seed)
        for twin in compared if beside.ledger else ():
            if twin.name in self.found.failed:
                continue
            with left_out_if_failed(twin.name, self.found):
                twins_of = side_by_side(partial(self._twin, twin), mine, shared)
                self._bank([twin.name], twins_of, names, mine)

    def _cross(
        self, train: np.ndarray, twin: Twin | None = None, walks: Mapping | None = None
    ) -> CrossFit:
        recipe, network = (
            (self.recipe, self.network) if twin is None else (twin.recipe, twin.network)
        )
        cohort, outcome = self.cohort.take(train), self.found.outcome
        codes = cohort.outcome(outcome.name).values
        keep = None if self.keeps is None else cohort.groups[self.keeps]
        return CrossFit(
            cohort, codes, len(outcome.classes), recipe, network, self.seed, keep, walks
        )

    def _climbed(
        self, split: Split, sets: set[tuple[str, ...]]
    ) -> tuple[CrossFit, dict[str, Rung]]:
        """A fold's linear models and the rungs of its ladder."""
        began, test = time.perf_counter(), self.cohort.take(split.tested)
        with self.spy.fitting(split.train):
            cross = self._settled(self._cross(split.train), sets)
            self._settled(cross.without_graphs(), {tuple(self.cohort.modalities)})
        with self.spy.scoring(split.tested, split.train):
            views, groups = cross.preparation.views(test), by_group(cross, test)
        with self.spy.fitting(split.train):
            rungs = climb(cross, test, views) | groups
        cross.forget()
        log.info("a fold's ladder: %.0f s", time.perf_counter() - began)
        return cross, rungs

    def _twin(self, twin: Twin, split: Split, shared: Mapping[str, Mapping]) -> CrossFit:
        """A fold of a twin, which takes over what does not hang on the graph in which it
        differs."""
        with self.spy.fitting(split.train):
            cross = self._settled(
                self._cross(split.train, twin, shared[twin.graph]), {tuple(self.cohort.modalities)}
            )
        cross.forget()
        return cross

    def _settled(self, cross: CrossFit, sets: set[tuple[str, ...]]) -> CrossFit:
        """Fits what the nets on these sets of modalities will start from and, where they have any,
        their signals."""
        for modalities, candidate in product(sorted(sets), candidates(self.recipe)):
            fit.start_of(cross, modalities, candidate)
            cross.prepared(modalities)
        return cross

    def _bank(
        self,
        called: Sequence[str],
        crosses: Sequence[CrossFit],
        modalities: tuple[str, ...],
        mine: Sequence[Split],
    ) -> list[FusionModel]:
        """Trains one net over all folds and notes its probabilities for the folds' test patients,
        by all its names."""
        began = time.perf_counter()
        with self._fitting(mine):
            trained = trained_by(crosses, modalities, self.recipe, self.seed, self.device)
            models = [
                FusionModel(each.recipe, seed=self.seed, device=self.device).adopt(
                    each.gathered(cross, modalities), each.recipe, self.found.outcome
                )
                for cross, each in zip(crosses, trained, strict=True)
            ]
        seconds = (time.perf_counter() - began) / max(len(mine), 1)
        for model, split in zip(models, mine, strict=False):
            with self.spy.scoring(split.tested, split.train):
                rung = Rung(_probability(model, self.cohort.take(split.tested)), seconds)
            for name in called:
                self._note(name, rung)
        what, seeds = " = ".join(called), self.recipe.train.seeds
        took = time.perf_counter() - began
        log.info("%s: %d folds × %d seeds in %.0f s", what, len(crosses), seeds, took)
        return models

    def _fitting(self, mine: Sequence[Split]):
        """A phase in which folds are fitted side by side."""
        return self.spy.fitting(*(split.train for split in mine))

    def _project(self, models: list[FusionModel], mine: Sequence[Split]) -> None:
        """Notes what the nets would say could their modalities not interact."""
        began = time.perf_counter()
        for model, split in zip(models, mine, strict=False):
            with self.spy.scoring(split.tested, split.train):
                self._note(
                    ADDITIVE,
                    Rung(additive(model, self.cohort.take(split.tested), seed=self.seed), 0.0),
                )
        log.info("%s: %d folds in %.0f s", ADDITIVE, len(mine), time.perf_counter() - began)

    def _note(self, name: str, rung: Rung) -> None:
        self.found.probability[name].append(rung.probability)
        self.found.seconds[name].append(rung.seconds)


def _probability(model: FusionModel, test: Cohort) -> np.ndarray:
    """The model's probabilities; uniform for a patient who has none of its modalities (in a variant
    without some)."""
    has = test.present[list(model.modalities_)].any(axis=1).to_numpy()
    probability = np.full((len(test), len(model.classes_)), 1 / len(model.classes_))
    if has.any():
        probability[has] = model.probabilities(test.take(has))
    return probability
