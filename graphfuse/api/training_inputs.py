"""What `train` and `plan` are given, checked and read: the start of every training."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.run import label_leaks
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.provenance import record_run
from graphfuse.evaluate.readiness import ready
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.resume.finished_parts import Finished
from graphfuse.evaluate.run_results import Report
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TrainingInputs:
    """A training that can start: all that it is given has been read and found fit.

    Attributes
    ----------
    cohort : Cohort
        Patients, their genes called as the gene network calls them.
    outcome : Outcome
        What is predicted.
    recipe : Recipe
    network : GeneNetwork or None
        The gene network among the measured genes.
    folds : pd.DataFrame
        Who is tested when, as `Protocol` deals it.
    protocol : Protocol
    beside : Beside
        Which other models are trained beside the recipe's.
    seed : int
    device : str
        "cpu" or "cuda".
    notices : list of str
        What the report repeats of the inputs.
    """

    cohort: Cohort
    outcome: Outcome
    recipe: Recipe
    network: GeneNetwork | None
    folds: pd.DataFrame
    protocol: Protocol
    beside: Beside
    seed: int
    device: str
    notices: list[str]

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        recipe: Recipe,
        target: str | None,
        protocol: Protocol,
        beside: Beside,
        *,
        network,
        seed: int,
        device: str,
    ) -> TrainingInputs:
        """Checks what a training is given; arguments as in `train`.

        Raises
        ------
        InputError
            Where the cohort, the recipe or the network cannot be used, or not with each other.
        """
        outcome, folds = ready(cohort, target, protocol, seed)
        require_fusion(recipe, outcome.task)
        leaks = label_leaks(cohort, outcome.name)
        for leak in leaks:
            log.warning("%s: %s", cohort.name, leak)
        cohort, genes, notices = gene_side(recipe, cohort, network, seed)
        notices = [*leaks, *notices]
        return cls(cohort, outcome, recipe, genes, folds, protocol, beside, seed, device, notices)

    def study(
        self,
        cohort: Cohort,
        outcome: Outcome,
        folds: pd.DataFrame,
        finished: Finished | None = None,
    ) -> Study:
        """Trains and tests in these folds: on all of the patients, or, for a plan, on some.

        Parameters
        ----------
        cohort, outcome : Cohort, Outcome
            These patients, and what is predicted of them.
        folds : pd.DataFrame
            Their folds.
        finished : Finished, optional
            The parts that an earlier run has finished.
        """
        return study(
            cohort,
            outcome,
            self.recipe,
            self.network,
            folds,
            self.seed,
            self.device,
            beside=self.beside,
            keeps=self.protocol.keeps,
            finished=finished,
        )

    def report(
        self, trained: Study, cohort: Cohort, folds: pd.DataFrame, seconds: dict[str, float]
    ) -> Report:
        """The report of a study of these patients, with the seconds that its parts took."""
        described = self.protocol.described(folds)
        record = record_run(
            cohort,
            self.recipe,
            self.network,
            folds,
            trained,
            described,
            self.seed,
            self.device,
            self.notices,
            seconds,
        )
        return Report.of(trained, cohort, self.network, folds, described, record)
