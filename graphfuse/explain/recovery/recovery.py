"""The table of what is recovered from planted cohorts, and what is printed of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy.stats import poisson

from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.errors import counted

RECOVERY_COLUMNS = ("cohort", "kind", "measure", "k", "planted", "of", "value", "chance")
LEVEL = 0.05
REAL = "real"  # the value of `cohort` in rows on the user's own outcome
EXPLAINED = "ridge_r2"
DESCRIPTION = """what the recipe and its ranking find in planted cohorts: the user's patients,
                      columns, gaps and folds, with an outcome that depends on `planted`
                      columns alone, in the modalities that the ranking names, with equal
                      effects of random sign. They are as strong together as the real ones: a
                      ridge regression explains as much of it on held-out patients (ridge_r2;
                      p: the share of shuffled outcomes of which it explains as much), which
                      effects that were chosen for being large do not make too large. A row
                      for each `cohort` (real: the real outcome), `kind` of item (columns, or
                      groups of correlated ones) and `measure`: average_precision, or found:
                      how many of the planted are among the first k; `chance`: what a random
                      order would have. Real effects need be neither equal nor linear, nor so
                      many; columns like a planted one count as not found, their group as
                      found."""  # for README.txt


@dataclass(frozen=True, eq=False)
class Recovery:
    """What the recipe and its ranking find in planted cohorts shaped like the user's.

    Parameters
    ----------
    table : pandas.DataFrame
        In `RECOVERY_COLUMNS`.
    """

    table: pd.DataFrame

    @property
    def readme_texts(self) -> dict[str, str]:
        """What README.txt of the rankings says."""
        indent = " " * 22
        said = textwrap.fill(sentence(self.table), 98, initial_indent=indent,
                             subsequent_indent=indent)  # fmt: skip
        return {"recovery": f"{DESCRIPTION}\n{said}"}

    def save(self, folder: Path) -> None:
        """Write the table as a csv and a parquet file."""
        csv_and_parquet(self.table, folder, "recovery")

    def lines(self) -> list[str]:
        """What is printed below a ranking."""
        return [sentence(self.table)]


def sentence(table: pd.DataFrame) -> str:
    """What the table says, in a sentence.

    Parameters
    ----------
    table : pandas.DataFrame
        In `RECOVERY_COLUMNS`.

    Returns
    -------
    str
    """
    real = table[table["cohort"] == REAL].set_index("measure")["value"]
    share = f"R2 {real[EXPLAINED]:.2f}, {real['ridge_r2_lo']:.2f} to {real['ridge_r2_hi']:.2f}"
    made = table[table["cohort"] != REAL]
    if made.empty:
        return (
            "recovery: no effect is shown here: a ridge regression explains no more of the "
            f"outcome of held-out patients ({share}) than of shuffled outcomes (p "
            f"{real['p']:.2f}). In a cohort like this one, with effects as large as found here, "
            "nothing would be found: read the list as noise"
        )
    cohorts = made["cohort"].nunique()
    planted = made.loc[made["kind"] == "columns", "planted"].iloc[0]
    there = made.loc[made["measure"] == EXPLAINED, "value"].mean()
    parts = []
    for kind in ("columns", "groups"):
        own = made[made["kind"] == kind]
        parts.append(_found(own, kind))
    head = (
        f"recovery: in {counted(cohorts, 'cohort')} like this one, with effects as large as found "
        f"here on held-out patients ({share}; planted {there:.2f})"
    )
    text = f"{head}, {parts[0]}; {parts[1]}"
    is_whole = made.loc[made["measure"] == "strength", "value"].iloc[0] >= 1
    if is_whole and there < (real[EXPLAINED] + real["ridge_r2_lo"]) / 2:
        text += (
            f". Even outcomes that {planted:.0f} columns decide alone are not predicted as well "
            "as the real one, on which more columns bear, or more alike"
        )
    columns = made[made["kind"] == "columns"]
    if not beyond_chance(columns):
        text += ". That is no more than by chance: nothing would be found"
    return text


def _found(own: pd.DataFrame, kind: str) -> str:
    """How many planted items of a kind are among the first, on average, in words."""
    found = own[own["measure"] == "found"]
    planted = found.groupby("cohort")["planted"].first().mean()
    shown = []
    for k, rows in found.groupby("k"):
        value, chance = rows["value"].mean(), rows["chance"].mean()
        shown.append(f"{value:.1f} are among the first {k:,.0f} (by chance {chance:.1f})")
    precision = own[own["measure"] == "average_precision"]
    value, chance = precision["value"].mean(), precision["chance"].mean()
    number = f"{planted:.0f}" if planted == round(planted) else f"{planted:.1f}"
    ending = f"average precision {value:.2f} (by chance {chance:.2g})"
    return f"of {number} planted {kind} {', '.join(shown)}, {ending}"


def beyond_chance(columns: pd.DataFrame) -> bool:
    """Whether more planted columns are among the first than in random order, by Poisson's law.

    Parameters
    ----------
    columns : pandas.DataFrame
        The rows of planted cohorts on columns.

    Returns
    -------
    bool
        Judged at the largest k of which chance has at most half of the planted.
    """
    found = columns[columns["measure"] == "found"]
    may = found[found["chance"] <= found["planted"] / 2]
    if may.empty:
        return False
    own = may[may["k"] == may["k"].max()]
    p = poisson.sf(own["value"].sum() - 1, own["chance"].sum())
    return bool(p < LEVEL)
