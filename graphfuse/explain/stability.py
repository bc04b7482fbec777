"""How far the first ranks agree between models of other patients, in figures and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.evaluate.selection_stability import nogueira
from graphfuse.explain.halves_agreement import Agreement
from graphfuse.explain.item_scores import ItemScores
from graphfuse.explain.ranked_tables import first_count, first_items

STABILITY_COLUMNS = (
    "kind", "items", "top", "models", "stability", "lo", "hi", "agreement", "by_chance",
)  # fmt: skip
LEAST = 0.1  # a stability below which a list is not stable, whatever halves agree in
POOR, EXCELLENT = 0.4, 0.75  # of Nogueira's index
DESCRIPTION = """how far the first items agree between models of half the training patients:
                      Nogueira's index with its 95 % interval (1: the same items always, 0: as
                      drawn by chance; halves overlap, so that noise has more than 0); agreement:
                      correlation of what the models of two halves use, signs counted, which share
                      no labelled patient; by_chance: what it reaches in a tenth of cohorts
                      without signal (of permuted labels, with --nulls 10 or more)"""
_TABLES = {"feature": "nodes", "group": "groups"}  # kind of item → name of its scores


@dataclass(frozen=True, eq=False)
class Stability:
    """How far lists of the first items agree between resamples.

    Parameters
    ----------
    table : pandas.DataFrame
        In `STABILITY_COLUMNS`, a row for features and one for groups of correlated columns.
    """

    table: pd.DataFrame

    @classmethod
    def of(cls, scores: Mapping[str, ItemScores], agreement: Agreement) -> Stability:
        """From the scores of items by models of halves of the patients.

        Parameters
        ----------
        scores : mapping of str to ItemScores
            By table.
        agreement : Agreement
            Of the models of two halves.

        Returns
        -------
        Stability
        """
        rows = []
        for kind, name in _TABLES.items():
            selected = first_items(scores[name].fold_scores)
            models, items = selected.shape
            index, interval = nogueira(selected)
            sizes = (items, first_count(items), models)
            rows.append((kind, *sizes, index, *interval, *agreement))
        return cls(pd.DataFrame(rows, columns=list(STABILITY_COLUMNS)))

    @property
    def ranged(self) -> str:
        """The models over which ranges of ranks are taken, in words."""
        return f"{self.table['models'].iloc[0]:.0f} models of half the training patients"

    @property
    def verdict(self) -> str:
        """Whether the list can be relied on, in a sentence."""
        return verdict(self.table)

    @property
    def readme_texts(self) -> dict[str, str]:
        """What README.txt of the rankings says."""
        return {"stability": DESCRIPTION, "verdict": self.verdict}

    def save(self, folder: Path) -> None:
        """Write the table as a csv and a parquet file."""
        csv_and_parquet(self.table, folder, "stability")

    def lines(self) -> list[str]:
        """What is printed below a ranking."""
        return [f"verdict: {self.verdict}", figures(self.table)]


def verdict(table: pd.DataFrame) -> str:
    """Whether lists of first items can be relied on, in a sentence.

    Parameters
    ----------
    table : pandas.DataFrame
        In `STABILITY_COLUMNS`.

    Returns
    -------
    str
        It begins with "not stable" where halves of the patients agree no more than by chance in
        what their models use, or lists of features and of groups have hardly an item in common.
    """
    row = table.iloc[0]
    agreement = Agreement(row["agreement"], row["by_chance"])
    measured = f"correlation {agreement.value:.2f}; by chance up to {agreement.by_chance:.2f}"
    if agreement.is_chance:
        return (
            "not stable: models of patients who are not the same agree no more in what they use "
            f"than by chance ({measured}); other patients would give another list"
        )
    if not table["stability"].max() >= LEAST:
        return (
            f"not stable: models agree beyond chance ({measured}), but their first items are "
            "hardly ever the same; other patients would give another list"
        )
    words = [f"{each.kind}s {_word(each.stability)}" for each in table.itertuples()]
    return f"models agree beyond chance ({measured}); stability of the list: {', '.join(words)}"


def figures(table: pd.DataFrame) -> str:
    """The stability of features and of groups, in a sentence.

    Parameters
    ----------
    table : pandas.DataFrame
        In `STABILITY_COLUMNS`.

    Returns
    -------
    str
    """
    said = []
    for row in table.itertuples():
        interval = f"{row.stability:.2f} ({row.lo:.2f} to {row.hi:.2f})"
        said.append(f"{interval} of the first {row.top:,.0f} of {row.items:,.0f} {row.kind}s")
    models = f"{table['models'].iloc[0]:.0f} models of half the training patients"
    return f"stability over {models}: {', '.join(said)} (1: always the same)"


def _word(index: float) -> str:
    """A stability in a word, as Nogueira and others read their index (after Fleiss)."""
    if not np.isfinite(index) or index < POOR:
        return "poor"
    return "excellent" if index > EXCELLENT else "intermediate"
