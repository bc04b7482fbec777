"""What is measured of a ranking on request: over what models its ranges are, and beside its
tables."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.faithfulness.measure import faithfulness
from graphfuse.explain.half_samples import RESAMPLES, HalfSamples
from graphfuse.explain.halves_agreement import FEWEST
from graphfuse.explain.knockoff_list import KnockoffList, require_knockoffs
from graphfuse.explain.method import Method
from graphfuse.explain.permuted_labels import require_exchangeable
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.recovery.measure import recovery
from graphfuse.explain.recovery.planted_outcomes import require_few_planted
from graphfuse.explain.refits import Refits, first_repeat
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.schema import Recipe, RunRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RankingChecks:
    """Which of them are wanted.

    Parameters
    ----------
    knockoffs : int
        How many times knockoffs are drawn; 0 for none.
    resamples : int
        How many models of halves of the training patients ranges are over; 0 for none.
    nulls : int
        How many permutations of the labels scores are compared with; 0 for none.
    faithfulness : bool
        Whether models depend on what is ranked first.
    recovery : int
        How many cohorts are planted; 0 for none.
    planted : int
        How many columns the outcome of each depends on.
    """

    knockoffs: int = 0
    resamples: int = 0
    nulls: int = 0
    faithfulness: bool = False
    recovery: int = 0
    planted: int = 10

    @property
    def halves(self) -> int:
        """How many models of halves of the training patients are fitted."""
        return self.resamples or (RESAMPLES if self.nulls else 0)

    def require(self, replicas: Sequence[Replica], cohort: Cohort, record: RunRecord) -> None:
        """Check, before minutes of work, that what is wanted can be measured.

        Parameters
        ----------
        replicas : sequence of Replica
            The fold models.
        cohort : Cohort
            Their patients.
        record : RunRecord
            How they were trained.

        Raises
        ------
        InputError
            Where it cannot.
        """
        if self.knockoffs:
            require_knockoffs(replicas, cohort)
        if self.faithfulness:
            first_repeat(replicas, cohort, "faithfulness")
        if self.recovery:
            require_kernels(cohort)
            first_repeat(replicas, cohort, "recovery")
            require_few_planted(cohort, replicas[0].model.modalities_, self.planted)
        if self.nulls:
            require_exchangeable(record.protocol.get("inner_grouped_by"))
        if 0 < self.nulls < FEWEST:
            log.warning(
                "nulls: null_quantile moves in steps of 1/%d, and the verdict on the list is that "
                "without permutations: %d of them decide it",
                self.nulls,
                FEWEST,
            )

    def half_samples(
        self,
        replicas: Sequence[Replica],
        cohort: Cohort,
        network: GeneNetwork | None,
        recipe: Recipe,
        record: RunRecord,
        device: str,
    ) -> HalfSamples:
        """The halves on which models are fitted, for ranges of ranks and permuted labels.

        Parameters
        ----------
        replicas : sequence of Replica
            The fold models.
        cohort : Cohort
            Their patients.
        network : GeneNetwork or None
            Their gene network.
        recipe : Recipe
            How models are made, as of `graphfuse.explain.half_samples.settled`.
        record : RunRecord
            How the fold models were trained.
        device : str
            Where nets are trained.

        Returns
        -------
        HalfSamples

        Raises
        ------
        InputError
            For an odd number of models, and where the patients are too few to be halved.
        """
        keeps = record.protocol.get("inner_grouped_by")
        of = (replicas, cohort, network, recipe, self.halves)
        return HalfSamples.of(*of, keeps=keeps, device=device)

    def added_to(
        self,
        ranking: Ranking,
        replicas: Sequence[Replica],
        cohort: Cohort,
        network: GeneNetwork | None,
        record: RunRecord,
        method: Method,
        device: str,
    ) -> Ranking:
        """The ranking with what is wanted.

        Parameters
        ----------
        ranking : Ranking
            Of these fold models by this method.
        replicas : sequence of Replica
            The fold models.
        cohort : Cohort
            Their patients.
        network : GeneNetwork or None
            Their gene network.
        record : RunRecord
            How they were trained.
        method : Method
            How columns are scored.
        device : str
            Where nets are trained and evaluated.

        Returns
        -------
        Ranking
        """
        if self.knockoffs:
            found = KnockoffList.of(replicas, cohort, self.knockoffs)
            ranking = ranking.with_knockoffs(found)
        refits = Refits.of(replicas, network, device, record.protocol.get("inner_grouped_by"))
        if self.faithfulness:
            measured = faithfulness(ranking.nodes, replicas, cohort, refits, method)
            ranking = replace(ranking, faithfulness=measured)
        if self.recovery:
            shares = ranking.modalities.set_index("modality")["score"]
            wanted = self.recovery, self.planted
            found = recovery(shares, replicas, cohort, refits, method, *wanted)
            ranking = replace(ranking, recovery=found)
        return ranking
