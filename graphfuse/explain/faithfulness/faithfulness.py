"""The table of a ranking's faithfulness, and what is printed of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.text.format_numbers import significant

FAITHFULNESS_COLUMNS = ("measure", "order", "against", "k", "share", "metric", "value", "lo", "hi")
SHOWN_SHARE = 0.1  # of the columns, in the sentence that is printed
DESCRIPTION = """whether models depend on what is ranked first: a row for each `measure`,
                      `order` of columns (ranked; random, the mean of draws; degree in the gene
                      network) and number `k` of its first columns (`share` of all), with a 95 %
                      interval `lo` to `hi`; where `against` names an order, `value` is what
                      the ranking has more than it. Measures, on held-out patients:
                      deletion: how far predictions move where the first k columns are at their
                      training mean; insertion: where all others are; fidelity+ and fidelity-:
                      the same for the first tenth; areas: under these curves, over the share;
                      retrained: the score (`metric`) of models trained anew on the first k
                      columns, ranked by models of inner folds within the training patients of
                      each fold. Intervals are over patients, with models as they are, and of
                      models trained anew over patients and training sets. Patients' neighbours
                      stay as they are"""  # for README.txt


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Whether models depend on what a ranking puts first.

    Parameters
    ----------
    table : pandas.DataFrame
        In `FAITHFULNESS_COLUMNS`: a row for each measure, order of columns and number `k` of them.
    moved : str
        How far predictions move, as a clause (`AttributionWords.moved`).
    """

    table: pd.DataFrame
    moved: str

    readme_texts: ClassVar[dict[str, str]] = {"faithfulness": DESCRIPTION}

    def save(self, folder: Path) -> None:
        """Write the table as a csv and a parquet file."""
        csv_and_parquet(self.table, folder, "faithfulness")

    def lines(self) -> list[str]:
        """What is printed below a ranking."""
        return [sentence(self.table, self.moved)]


def sentence(table: pd.DataFrame, moved: str) -> str:
    """What the table says, in a sentence: predictions without and with the first tenth of the
    columns, the areas, and models trained anew on the first columns.

    Parameters
    ----------
    table : pandas.DataFrame
        In `FAITHFULNESS_COLUMNS`.
    moved : str
        How far predictions move, as a clause.

    Returns
    -------
    str
    """
    plus = table[(table["measure"] == "fidelity+") & (table["share"] <= SHOWN_SHARE + 0.01)]
    k = plus["k"].max() if len(plus) else table.loc[table["measure"] == "fidelity+", "k"].min()
    without, of_random = _two(table, "fidelity+", k)
    alone, random_alone = _two(table, "fidelity-", k)
    area = _row(table, "deletion area", "ranked", "random")
    kept = _row(table, "insertion area", "ranked", "random")
    parts = [
        f"faithfulness on held-out patients: {moved} {without} without the first {k:,.0f} columns "
        f"(random ones: {of_random}) and {alone} with these alone ({random_alone}); area of "
        f"deletion {_signed(area)} and of insertion {_signed(kept)} against random order"
    ]
    trained = table[(table["measure"] == "retrained") & (table["against"] == "")]
    for count, rows in trained[trained["order"] == "ranked"].groupby("k"):
        others = trained[(trained["k"] == count) & (trained["order"] == "random")]
        score, random = rows["value"].iloc[0], others["value"].iloc[0]
        metric = rows["metric"].iloc[0]
        shown = f"{significant(score)} (random ones: {significant(random)})"
        parts.append(f"trained anew on the first {count:,.0f}: {metric} {shown}")
    whole = table[table["order"] == "all columns"]
    for row in whole.itertuples():
        parts.append(f"on all: {significant(row.value)}")
    return "; ".join(parts)


def _two(table: pd.DataFrame, measure: str, k: float) -> tuple[str, str]:
    """A measure at k columns of the ranking's order, and of random order."""
    rows = table[(table["measure"] == measure) & (table["k"] == k)].set_index("order")["value"]
    return f"{rows['ranked']:.3f}", f"{rows['random']:.3f}"


def _row(table: pd.DataFrame, measure: str, order: str, against: str) -> pd.Series:
    is_it = (table["measure"] == measure) & (table["order"] == order)
    return table[is_it & (table["against"] == against)].iloc[0]


def _signed(row: pd.Series) -> str:
    """A difference with its interval."""
    return f"{row['value']:+.3f} ({row['lo']:+.3f} to {row['hi']:+.3f})"
