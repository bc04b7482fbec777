"""Features, and groups of correlated ones, that the outcome depends on given all others: lists with
a bounded false-discovery rate, by knockoffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.errors import InputError, counted, examples
from graphfuse.explain.column_groups import ColumnGroups, column_numbers
from graphfuse.statistics.knockoff_filter import shortest_list
from graphfuse.statistics.knockoff_selection import selection_q

if TYPE_CHECKING:  # torch comes with it, and reports are drawn without torch
    from graphfuse.evaluate.cross_validation_results import Replica

LEVEL = 0.1  # the false-discovery rate of the lists that are printed
DESCRIPTION = """features and groups of correlated ones, with the false-discovery rate q at which
                      each would be selected as one that the outcome depends on given all others,
                      by Gaussian knockoffs; no model is explained; columns of categories, such
                      as sex or stage, are not tested, and have no row. A list of rate r has at
                      least 1/r items ({listed} at q <= {rate}; {apart} must be stronger than their
                      knockoffs in a draw), whatever the data: fewer effects are in no list,
                      however strong. q = 1: in no list, which is not evidence against it"""
_NOTHING = "knockoffs: no column of numbers varies; there is nothing to test"
KNOCKOFF_COLUMNS = ("kind", "id", "gene", "modality", "q", "draws")
_FEWEST = 20  # patients; of fewer no covariance is worth estimating


@dataclass(frozen=True, eq=False)
class KnockoffList:
    """Features and groups with the false-discovery rate at which each would be selected.

    Make one with `KnockoffList.of`.

    Parameters
    ----------
    table : pandas.DataFrame
        As `knockoff_table` gives it.
    draws : int
        How many times knockoffs were drawn.
    """

    table: pd.DataFrame
    draws: int

    @classmethod
    def of(cls, replicas: Sequence[Replica], cohort: Cohort, draws: int) -> KnockoffList:
        """Of the patients with a known outcome that some fold model was trained on.

        Parameters
        ----------
        replicas : sequence of Replica
            The fold models; none of them is explained.
        cohort : Cohort
            The cohort that they were trained on.
        draws : int
            How many times knockoffs are drawn.

        Returns
        -------
        KnockoffList

        Raises
        ------
        InputError
            As `knockoff_table` does.
        """
        rows, modalities = _tested(replicas, cohort)
        outcome = cohort.outcome(replicas[0].model.target_)
        coded = outcome.task.coded(outcome.target)
        return cls(knockoff_table(modalities, coded, rows, draws), draws)

    @property
    def readme_texts(self) -> dict[str, str]:
        """What README.txt of the rankings says."""
        listed, apart = shortest_list(LEVEL, self.draws)
        return {"knockoffs": DESCRIPTION.format(rate=LEVEL, listed=listed, apart=apart)}

    def save(self, folder: Path) -> None:
        """Write the table as a csv and a parquet file."""
        csv_and_parquet(self.table, folder, "knockoffs")

    def lines(self) -> list[str]:
        """What is printed below a ranking: how many items are named, and the first of them."""
        said = []
        for kind, items in self.table.groupby("kind", sort=False):
            named = items.loc[items["q"] <= LEVEL, "id"]
            listed = f": {examples(named, 8)}" if len(named) else ""
            said.append(f"{len(named) or 'none'} of {len(items):,} {kind}s{listed}")
        draws = counted(self.draws, "draw")
        head = f"knockoffs ({draws}), false-discovery rate {LEVEL}: {'; '.join(said)}"
        if (self.table["q"] <= LEVEL).any():
            return [head]
        return [f"{head}; {why_empty(self.draws)}"]


def require_knockoffs(replicas: Sequence[Replica], cohort: Cohort) -> None:
    """Check, before anything is ranked, that knockoffs can be drawn.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        The cohort that they were trained on.

    Raises
    ------
    InputError
        As `knockoff_table` does.
    """
    rows, modalities = _tested(replicas, cohort)
    _require_patients(rows)
    for modality in modalities:
        numbers = pd.DataFrame(column_numbers(modality.take(rows)))
        if (numbers.std(ddof=0) > 0).any():
            return
    raise InputError(_NOTHING)


def _tested(replicas: Sequence[Replica], cohort: Cohort) -> tuple[np.ndarray, list[Modality]]:
    """The patients with a known outcome that some model was trained on, and the modalities."""
    model = replicas[0].model
    trained = np.zeros(len(cohort), bool)
    for replica in replicas:
        trained[replica.train] = True
    rows = np.flatnonzero(trained & cohort.outcome(model.target_).known)
    return rows, [cohort.modalities[name] for name in model.modalities_]


def _require_patients(rows: np.ndarray) -> None:
    if len(rows) < _FEWEST:
        raise InputError(f"knockoffs: {len(rows)} patients are too few; {_FEWEST} are needed")


def why_empty(draws: int) -> str:
    """Why knockoffs may name nothing, in a sentence.

    Parameters
    ----------
    draws : int
        How many times they were drawn.

    Returns
    -------
    str
    """
    listed, apart = shortest_list(LEVEL, draws)
    bound = f"at this rate no list has fewer than {listed} items, whatever the data"
    if apart > listed:
        bound += f", and {apart} must be stronger than their knockoffs in a draw"
    return (
        f"{bound}: fewer effects are not named, however strong, nor are those of too few patients "
        "or of columns too much alike; q = 1 says that an item is in no list, not that there is "
        "no evidence"
    )


def knockoff_table(
    modalities: Sequence[Modality],
    coded: np.ndarray,
    rows: np.ndarray,
    draws: int,
    seed: int = 0,
) -> pd.DataFrame:
    """The false-discovery rate at which each feature and each group would be selected.

    No model is explained: the association is that of the cohort's columns with the outcome, given
    all other columns. Columns are compared as normal scores of their ranks, which are 0 where a
    value is missing, in knockoffs too. A group is the mean of its columns, each with the sign of
    its correlation with the central one. Columns of categories are not tested.

    Parameters
    ----------
    modalities : sequence of Modality
        Over the N patients of a cohort.
    coded : numpy.ndarray
        float `[N, K]`: the outcome as numbers, such as 1 at a patient's class.
    rows : numpy.ndarray
        The patients with a known outcome that are looked at: row numbers of the N.
    draws : int
        How many times knockoffs are drawn.
    seed : int
        Of the knockoffs.

    Returns
    -------
    pandas.DataFrame
        In `KNOCKOFF_COLUMNS`, a row for each feature and for each group, `kind` `feature` or
        `group`; the smallest q first. A column that is like no other is a group by itself, since
        the rate is bounded over all groups.

    Raises
    ------
    InputError
        For fewer than 20 patients, and where no column varies.

    References
    ----------
    As of `graphfuse.statistics.knockoffs` and `graphfuse.statistics.knockoff_filter`.
    """
    _require_patients(rows)
    groups = ColumnGroups.of(modalities, rows)
    numbers = [column_numbers(modality.take(rows)) for modality in modalities]
    scores = normal_scores(np.hstack(numbers))  # [n, C]
    features = _features(modalities)
    of_groups, items = group_scores(scores, groups, features)
    rng, outcome = np.random.default_rng(seed), coded[rows]
    tables = []
    for values, table in ((scores, features), (of_groups, items)):
        varies = np.nanmax(np.abs(values), axis=0, initial=0) > 0
        if varies.any():
            q = selection_q(values[:, varies], outcome, rng, draws, LEVEL)
            tables.append(table[varies].assign(q=q))
    if not tables:
        raise InputError(_NOTHING)
    found = pd.concat(tables).sort_values("q", kind="stable", ignore_index=True)
    found["draws"] = draws
    return found[list(KNOCKOFF_COLUMNS)]


def normal_scores(table: np.ndarray) -> np.ndarray:
    """Each column's ranks as quantiles of a normal distribution; NaN stays.

    Parameters
    ----------
    table : numpy.ndarray
        `[n, C]`, NaN where missing.

    Returns
    -------
    numpy.ndarray
        float `[n, C]`; a constant column is 0.

    Examples
    --------
    >>> normal_scores(np.array([[1.0], [50.0], [np.nan], [2.0]])).round(2).ravel().tolist()
    [-0.97, 0.97, nan, 0.0]
    """
    ranks = rankdata(table, axis=0, nan_policy="omit")
    known = (~np.isnan(table)).sum(0)
    return norm.ppf((ranks - 0.5) / np.maximum(known, 1))


def group_scores(
    scores: np.ndarray, groups: ColumnGroups, features: pd.DataFrame
) -> tuple[np.ndarray, pd.DataFrame]:
    """The means of groups of correlated columns.

    Parameters
    ----------
    scores : numpy.ndarray
        `[n, C]`, NaN where missing.
    groups : ColumnGroups
        Of the C columns.
    features : pandas.DataFrame
        `gene, modality` of each column.

    Returns
    -------
    means : numpy.ndarray
        `[n, groups]`: over the columns that a patient has, each with the sign of its correlation
        with the first of the group.
    items : pandas.DataFrame
        The groups' `id`; the gene of the first column, and all modalities.
    """
    means, rows = [], []
    for number in np.unique(groups.group):
        members = np.flatnonzero(groups.group == number)
        own = scores[:, members]
        filled = np.nan_to_num(own)
        sign = np.sign(filled.T @ filled[:, 0])
        count = (~np.isnan(own)).sum(1)
        mean = filled @ sign / np.maximum(count, 1)
        means.append(np.where(count > 0, mean, np.nan))
        modalities = "+".join(dict.fromkeys(features["modality"].iloc[members]))
        rows.append((groups.names[number], features["gene"].iloc[members[0]], modalities))
    items = pd.DataFrame(rows, columns=["id", "gene", "modality"]).assign(kind="group")
    return np.stack(means, axis=1), items


def _features(modalities: Sequence[Modality]) -> pd.DataFrame:
    """The columns of all modalities, side by side: `kind, id, gene, modality`."""
    parts = []
    for modality in modalities:
        own = {"id": modality.feature_ids, "gene": modality.symbols, "modality": modality.name}
        parts.append(pd.DataFrame(own))
    return pd.concat(parts, ignore_index=True).assign(kind="feature")
