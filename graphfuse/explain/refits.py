"""Models trained anew as those of a run were: on other columns, other outcomes, or other folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import Split
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.schema import Recipe

Job = tuple[Cohort, Split]


def first_repeat(replicas: Sequence[Replica], cohort: Cohort, what: str) -> list[Replica]:
    """The fold models of the first repeat whose test patients have known outcomes.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        Their patients.
    what : str
        What needs them, to begin the message with.

    Returns
    -------
    list of Replica

    Raises
    ------
    InputError
        Where there are none.
    """
    known = cohort.outcome(replicas[0].model.target_).known
    scored = [replica for replica in replicas if known[replica.tested].all()]
    if not scored:
        raise InputError(f"{what}: no test patient of this run has a known outcome")
    return [replica for replica in scored if replica.repeat == scored[0].repeat]


@dataclass(frozen=True, eq=False)
class Refits:
    """How the models of a run were trained.

    Parameters
    ----------
    recipe : Recipe
        The run's.
    network : GeneNetwork or None
        The gene network.
    target : str
        The name of the outcome.
    seed : int
        Of all random numbers.
    device : str
        A name that torch takes.
    keeps : str or None
        A grouping of the cohort, whose groups folds keep whole.
    """

    recipe: Recipe
    network: GeneNetwork | None
    target: str
    seed: int
    device: str
    keeps: str | None = None

    @classmethod
    def of(
        cls,
        replicas: Sequence[Replica],
        network: GeneNetwork | None,
        device: str,
        keeps: str | None,
    ) -> Refits:
        """As these fold models were trained."""
        model = replicas[0].model
        return cls(model.recipe_, network, model.target_, model.seed, device, keeps)

    def models(self, jobs: Sequence[Job]) -> list[Replica]:
        """Train a model for each job; those with the same modalities are trained side by side.

        Parameters
        ----------
        jobs : sequence of (Cohort, Split)
            The patients, and which of them train. Nothing of the others is read.

        Returns
        -------
        list of Replica
            In the order of the jobs.
        """
        alike = defaultdict(list)
        for number, (cohort, _) in enumerate(jobs):
            alike[tuple(sorted(cohort.modalities))].append(number)
        made: dict[int, Replica] = {}
        for modalities, numbers in alike.items():
            folds = side_by_side(self._prepared, [jobs[number] for number in numbers])
            trained = train_folds(folds, modalities, self.recipe, self.seed, self.device)
            for number, fold, each in zip(numbers, folds, trained, strict=True):
                cohort, split = jobs[number]
                fitted = each.fitted(fold, modalities)
                outcome = cohort.outcome(self.target)
                model = FusionModel(
                    each.recipe, seed=self.seed, device=self.device, kind=outcome.kind
                )
                model.adopt(fitted, each.recipe, outcome)
                made[number] = Replica(*split, model)
        return [made[number] for number in range(len(jobs))]

    def _prepared(self, job: Job) -> PreparedFold:
        """The training patients of a job, prepared."""
        cohort, split = job
        training = cohort.take(split.train).ordered()
        outcome = training.outcome(self.target)
        groups = None if self.keeps is None else training.groups[self.keeps]
        return PreparedFold.fit(training, outcome, self.recipe, self.network, self.seed, groups)
