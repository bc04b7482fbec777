"""Models of halves of the training patients: how far a ranking would differ in other patients.

The training patients are dealt into two halves, again and again, stratified as folds are and with
groups whole where folds keep them whole. A model is fitted on each half: steps, graphs, penalties
and weights anew. The two halves of a pair share no labelled patient. Models of half the patients
are about as far from that of all as the latter is from those of other cohorts of its size (Buja and
Stuetzle 2006, Observations on Bagging, Statistica Sinica 16: half-samples and the bootstrap).

How long nets are trained, and at which rate, is not chosen anew: it is what most of the run's fold
models chose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import Split, repeated, splits
from graphfuse.explain.explained_models import trained_rows
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn import fold_data
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.learn.progress import progress
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome

RESAMPLES = 50  # models, where nulls are asked for and no number of resamples
Value = TypeVar("Value", bound=Hashable)
WHAT = "resamples (halves of the training patients)"


@dataclass(frozen=True, eq=False)
class HalfSamples:
    """Pairs of halves of a run's training patients, and the models that are fitted on them.

    Attributes
    ----------
    cohort : Cohort
        The patients of the run.
    outcome : Outcome
        What is predicted of them.
    modalities : tuple of str
        Those of the models.
    recipe : Recipe
        How models are made, with nothing left to choose of their training.
    network : GeneNetwork or None
        The gene network.
    seed : int
        Of the first pair; every pair has its own.
    rows : numpy.ndarray
        The training patients' rows in the cohort.
    keeps : str or None
        The group of the cohort that halves do not part.
    pairs : int
        How often the patients are dealt.
    device : str
        Where nets are trained.
    """

    cohort: Cohort
    outcome: Outcome
    modalities: tuple[str, ...]
    recipe: Recipe
    network: GeneNetwork | None
    seed: int
    rows: np.ndarray
    keeps: str | None
    pairs: int
    device: str = "cpu"

    @classmethod
    def of(
        cls,
        replicas: Sequence[Replica],
        cohort: Cohort,
        network: GeneNetwork | None,
        recipe: Recipe,
        count: int,
        *,
        keeps: str | None = None,
        device: str = "cpu",
    ) -> HalfSamples:
        """Halves of the patients that some fold model was trained on.

        Parameters
        ----------
        replicas : sequence of Replica
            The fold models.
        cohort : Cohort
            The cohort that they were trained on.
        network : GeneNetwork or None
            The gene network.
        recipe : Recipe
            How models are made, as of `settled`.
        count : int
            How many models; an even number.
        keeps : str, optional
            A group of the cohort that halves do not part.
        device : str
            Where nets are trained.

        Returns
        -------
        HalfSamples

        Raises
        ------
        InputError
            For an odd number, and where the patients are too few to be halved.
        """
        if count < 2 or count % 2:
            raise InputError(f"resamples: expected an even number from 2 (got {count})")
        model, rows = replicas[0].model, trained_rows(replicas)
        outcome = cohort.outcome(model.target_)
        outcome.task.require(outcome.target.take(rows), 2, WHAT)
        names, pairs = tuple(model.modalities_), count // 2
        return cls(cohort, outcome, names, recipe, network, model.seed, rows, keeps, pairs, device)

    @cached_property
    def splits(self) -> list[Split]:
        """Who is in which half: two splits for each pair, one after the other."""
        patients, target = self.cohort.patients[self.rows], self.outcome.target.take(self.rows)
        groups = None
        if self.keeps is not None:
            named = pd.Series(self.cohort.groups[self.keeps], dtype=object).astype(str)
            groups = named.iloc[self.rows].rename(self.keeps).reset_index(drop=True)
        strata = self.outcome.task.strata(target)
        table = repeated(patients, strata, 2, self.pairs, self.seed, groups)
        found = []
        for split in splits(table, target.known):
            tested, train = self.rows[split.tested], self.rows[split.train]
            found.append(split._replace(tested=tested, train=train))
        return found

    def fitted(self) -> list[Replica]:
        """The models of all halves, pair after pair, each with the labelled patients of the other
        half as its test patients."""
        models, all_splits = [], self.splits
        with progress("resamples", len(all_splits) // 2) as step:
            for first in range(0, len(all_splits), 2):
                models += self._fit(all_splits[first : first + 2])
                step(True)
        return models

    def permuted(self, pair: slice, numbers: Iterable[int]) -> Iterator[list[Replica]]:
        """Models of one pair of halves, fitted to labels that are permuted within each half.

        Parameters
        ----------
        pair : slice
            Of the two splits.
        numbers : iterable of int
            The numbers of the permutations.

        Yields
        ------
        list of Replica
            For each number, both models.
        """
        splits = self.splits[pair]
        folds = side_by_side(self._prepared, splits)
        for number in numbers:
            others = []
            for side, (split, fold) in enumerate(zip(splits, folds, strict=True)):
                rng = np.random.default_rng([self.seed, number, side])
                others.append(fold.relabelled(_permuted(self.outcome.take(split.train), rng)))
            yield self._trained(splits, others)

    def _fit(self, pair: Sequence[Split]) -> list[Replica]:
        """The models of a pair of halves."""
        return self._trained(pair, side_by_side(self._prepared, pair))

    def _prepared(self, split: Split) -> PreparedFold:
        """A half's patients, prepared."""
        patients = self.cohort.take(split.train)
        outcome = self.outcome.take(split.train)
        groups = None if self.keeps is None else patients.groups[self.keeps]
        seed = self.seed + split.repeat
        return PreparedFold.fit(patients, outcome, self.recipe, self.network, seed, groups)

    def _trained(self, pair: Sequence[Split], folds: Sequence[PreparedFold]) -> list[Replica]:
        """The models of a pair of halves that are prepared."""
        side_by_side(lambda fold: fold_data.start_of(fold, self.modalities, self.recipe), folds)
        seed = self.seed + pair[0].repeat
        trained = train_folds(folds, self.modalities, self.recipe, seed, self.device)
        replicas = []
        for split, fold, each in zip(pair, folds, trained, strict=True):
            model = FusionModel(self.recipe, seed=seed, device=self.device, kind=self.outcome.kind)
            fitted = each.fitted(fold, self.modalities)
            replicas.append(Replica(*split, model.adopt(fitted, self.recipe, self.outcome)))
        return replicas


def _permuted(outcome: Outcome, rng: np.random.Generator) -> Outcome:
    """The outcome permuted among those who have it."""
    known = np.flatnonzero(outcome.known)
    rows = np.arange(len(outcome.known))
    rows[known] = rng.permutation(known)
    return outcome.take(rows)


def settled(recipe: Recipe, replicas: Sequence[Replica]) -> Recipe:
    """The recipe of fold models with nothing left to choose of their training.

    Parameters
    ----------
    recipe : Recipe
        By which they were trained.
    replicas : sequence of Replica
        The fold models.

    Returns
    -------
    Recipe
        With the net that most of them have, where each searched for its own; and of these models
        the median number of epochs, and the commonest learning rate and weight decay.
    """
    models = [replica.model for replica in replicas]
    net = recipe.net
    if recipe.search is not None:
        nets = {model.recipe_.net.model_dump_json(): model.recipe_.net for model in models}
        commonest = _commonest(model.recipe_.net.model_dump_json() for model in models)
        net = nets[commonest]
        models = [model for model in models if model.recipe_.net == net]
    setting = _commonest(tuple(sorted(model.setting_.items())) for model in models)
    epochs = int(np.median([model.epochs_ for model in models]))
    fixed = {"stop": "last", "epochs": epochs, **dict(setting)}
    section = recipe.train.model_copy(update=fixed)
    return recipe.model_copy(update={"net": net, "train": section, "search": None})


def _commonest(values: Iterable[Value]) -> Value:
    """The value that comes most often, the first of several."""
    ((value, _),) = Counter(values).most_common(1)
    return value
