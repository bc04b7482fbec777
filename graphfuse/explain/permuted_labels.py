"""Rankings of permuted labels: what scores where labels say nothing.

Labels are permuted among the labelled patients of each half, so that halves keep their shares of
the classes. Steps, patient layers and the gene network stay as they are, unless a step looks at
labels; all that comes after the labels is fitted anew, and the ranking is made again from both
halves. Each null is compared with the ranking of the same two halves by their own labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, counted
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.explained_models import ExplainedModels
from graphfuse.explain.half_samples import HalfSamples
from graphfuse.explain.halves_agreement import FEWEST
from graphfuse.explain.marginal_table import MarginalTables
from graphfuse.explain.null_scores import quantile_by_item
from graphfuse.learn.progress import progress

_INDENT = " " * 22  # of lines of README.txt
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class PermutedLabels:
    """Scores of items beside those of permuted labels.

    Attributes
    ----------
    nulls : int
        How many permutations there were.
    quantiles : dict of str to pandas.Series
        By table, the share of permutations in which an item scores lower, by its id (by class and
        id, in the table by class).
    agreements : numpy.ndarray
        `[nulls]`: correlations of what the two halves' models of permuted labels use.
    """

    nulls: int
    quantiles: dict[str, pd.Series]
    agreements: np.ndarray

    @classmethod
    def of(
        cls,
        halves: HalfSamples,
        models: Sequence[Replica],
        nulls: int,
        explain: Callable[[Sequence[Replica]], ExplainedModels],
    ) -> PermutedLabels:
        """Permute labels on the halves of resamples, pair after pair.

        Parameters
        ----------
        halves : HalfSamples
            The halves.
        models : sequence of Replica
            Their models.
        nulls : int
            How many permutations.
        explain : callable
            From the models of a pair to their explanations.

        Returns
        -------
        PermutedLabels

        Raises
        ------
        InputError
            Where halves keep groups of patients whole: their labels cannot be exchanged.
        """
        require_exchangeable(halves.keeps)
        pairs = min(len(models) // 2, nulls)
        patients = halves.cohort.take(halves.rows)
        marginal = MarginalTables(patients, halves.modalities, halves.outcome.name)
        found: dict[str, list[pd.Series]] = {}
        agreements = []
        with progress("permuted labels", nulls) as step:
            for number in range(pairs):
                pair = slice(2 * number, 2 * number + 2)
                own = _tables(explain(models[pair]), halves, marginal)
                for null in halves.permuted(pair, range(number, nulls, pairs)):
                    explained = explain(null)
                    agreements.append(explained.columns.agreement().value)
                    for name, table in _tables(explained, halves, marginal).items():
                        lower = quantile_by_item(own[name], [table])
                        found.setdefault(name, []).append(lower)
                    step(True)
        return cls(nulls, {name: _mean(each) for name, each in found.items()}, np.array(agreements))

    @property
    def description(self) -> str:
        """What `null_quantile` is, for README.txt."""
        step = f"in steps of 1/{self.nulls}" if self.nulls > 1 else "0 or 1"
        verdict = ""
        if self.nulls < FEWEST:
            verdict = f"; the verdict is not by so few\n{_INDENT}permutations ({FEWEST} are needed)"
        permutations = counted(self.nulls, "permutation")
        return (
            f"share of {permutations} of the labels in which the item scores lower\n"
            f"{_INDENT}than in the ranking of the same two halves by their own labels;\n"
            f"{_INDENT}of the single item, not corrected for the number of items;\n"
            f"{_INDENT}{step}{verdict}"
        )

    def fill(self, tables: Tables) -> Tables:
        """The tables with `null_quantile`; an item that no half's model has is blank."""
        filled = {}
        for name, table in tables.items():
            filled[name] = table
            if name in self.quantiles and len(table):
                key = ["class", "id"] if "class" in table else ["id"]
                items = pd.MultiIndex.from_frame(table[key])
                quantile = self.quantiles[name].reindex(items).to_numpy()
                filled[name] = table.assign(null_quantile=quantile)
        return filled


def require_exchangeable(keeps: str | None) -> None:
    """Check that labels can be permuted.

    Parameters
    ----------
    keeps : str or None
        The group of the cohort that halves do not part.

    Raises
    ------
    InputError
        Where there is such a group.
    """
    if keeps is not None:
        raise InputError(
            f"nulls: patients of one {keeps} are kept together, so that their labels cannot be "
            "exchanged with others'; rank without --nulls"
        )


def _tables(explained: ExplainedModels, halves: HalfSamples, marginal: MarginalTables) -> Tables:
    """The tables of the models of a pair."""
    return explained.tables(halves.outcome.name, halves.outcome.task, marginal=marginal)


def _mean(shares: list[pd.Series]) -> pd.Series:
    """The mean share by item; an item that one lacks has none lower there."""
    return pd.concat(shares, axis=1).fillna(0.0).mean(axis=1)
