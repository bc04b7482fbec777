"""The explanation of one patient's prediction: tables, how they print, and their files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.safe_csv import safe_csv
from graphfuse.explain.patient.readme import readme
from graphfuse.files.atomic_write import Kind

EXPLANATION = Kind.of(
    "explanation of a patient",
    "attributions.csv",
    *("counterfactual.csv", "explanation.png", "README.txt"),
)
WIDE = 40  # letters of a feature's name that are printed


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model predicts what it does of one patient.

    Parameters
    ----------
    patient : str
        The id.
    target : str
        The outcome.
    said : str
        The prediction, in words.
    about : list of str
        By which model it was explained, and what of the patient is not known, a sentence each.
    direction : str
        What attributions are of, in words: such as "the probability of class1".
    unit : str
        What they are measured in.
    method : str
        The name of the ranking method.
    description : str
        Of the method.
    attributions : pandas.DataFrame
        A row for each column of the model, the largest attribution first: `feature, gene, modality,
        value` (as in the table), `standardised` (training standard deviations from the training
        mean), `attribution` and `lime`; then the attribution in each direction.
    moves : pandas.DataFrame
        Counterfactuals, a row for each column moved: `move` (smallest or fewest), `feature,
        modality, from, to` (as in the table), `from_standardised, to_standardised`, and the range
        of training values `low, high`, standardised.
    crossed : str
        What is so after each of them, such as "the call is another".
    flips : list of str
        What the moves are, in words, a sentence each.
    total : str
        What attributions sum to, in words.
    lime_fit : float
        The share of the variance that LIME's linear model explains.
    shown : int
        How many columns are printed.
    """

    patient: str
    target: str
    said: str
    about: Sequence[str]
    direction: str
    unit: str
    method: str
    description: str
    attributions: pd.DataFrame
    moves: pd.DataFrame
    crossed: str
    flips: Sequence[str]
    total: str
    lime_fit: float
    shown: int = 10

    def save(self, folder: str | Path) -> None:
        """Write the tables and a README.txt that explains them.

        Parameters
        ----------
        folder : str or pathlib.Path
            A folder that is there.
        """
        folder = Path(folder)
        safe_csv(self.attributions, folder / "attributions.csv")
        safe_csv(self.moves, folder / "counterfactual.csv")
        fields = ("patient", "target", "said", "direction", "unit", "crossed", "total")
        text = {name: getattr(self, name) for name in fields}
        method = f"{self.method}: {self.description}"
        sentences = {"about": self.about, "flips": self.flips}
        written = readme(text, method, sentences, self.lime_fit)
        (folder / "README.txt").write_text(written, encoding="utf-8")

    def __repr__(self) -> str:
        """The prediction, the columns with the largest attributions, and the moves that
        would make it another."""
        lines = [f"Patient {self.patient}: {self.target}", f"  {self.said}"]
        lines += [f"  {sentence}" for sentence in self.about]
        head = f"What raises (+) or lowers (-) {self.direction}, by {self.method} ({self.unit})"
        lines += ["", head]
        places = decimals(self.attributions["attribution"].abs().max())
        lines.append(f"{'feature':<{WIDE}}{'value':>12}{'in SD':>8}{'attribution':>13}{'LIME':>10}")
        for row in self.attributions.head(self.shown).itertuples():
            lime = "" if pd.isna(row.lime) else f"{row.lime:+.{places}f}"
            name = _clipped(_name(row))
            numbers = f"{row.standardised:>+8.2f}{row.attribution:>+13.{places}f}{lime:>10}"
            lines.append(f"{name:<{WIDE}}{_value(row.value):>12}{numbers}")
        rest = self.attributions["attribution"].iloc[self.shown :]
        if len(rest):
            others = f"the other {len(rest):,} columns together"
            lines.append(f"{others:<{WIDE}}{'':>20}{rest.sum():>+13.{places}f}")
        lines.append(self.total)
        fit = f"{self.lime_fit:.0%} of the variance around the patient"
        lines.append(f"LIME's linear model explains {fit}.")
        return "\n".join([*lines, "", *self.flips])


def decimals(largest: float) -> int:
    """How many decimals numbers are printed with.

    Parameters
    ----------
    largest : float
        The largest of them, without its sign.

    Returns
    -------
    int
        3; more where that would leave fewer than three digits of the largest.

    Examples
    --------
    >>> decimals(2.5), decimals(0.00123)
    (3, 5)
    """
    if not largest > 0:
        return 3
    return max(3, 2 - math.floor(math.log10(largest)))


def _name(row) -> str:
    """A column's name, with its gene where that is another."""
    has_gene = isinstance(row.gene, str) and row.gene not in row.feature
    return f"{row.feature} ({row.gene})" if has_gene else row.feature


def _clipped(text: str) -> str:
    return text if len(text) < WIDE else text[: WIDE - 2] + "…"


def _value(value: object) -> str:
    """A value as it is printed; a dash where it is missing."""
    if pd.isna(value):
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:11]
