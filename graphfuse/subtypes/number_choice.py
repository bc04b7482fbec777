"""The rule by which the number of clusters is chosen among the candidates."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphfuse.subtypes.stability import FLOOR, SMALLEST

ALPHA = 0.05
# Candidates whose corrected stability is within this of the greatest count as equal. A coarser
# partition that merges stable clusters is as stable: without it, finer ones would lose.
EQUAL = 0.05
RULE = (
    "a number of clusters is stable where its mean adjusted Rand index over subsamples is "
    f"at least {FLOOR} and above the "
    "mean of the data sets without clusters, its clusters hold together (cohesion) more "
    "than in 95 % of these, none holds "
    f"less than {SMALLEST[0]} patients or {SMALLEST[1]:.0%} of them, and the test over all "
    f"numbers gives p <= {ALPHA} (or the "
    "least that so many data sets can give). Of the stable ones the greatest stability "
    "corrected for data without clusters "
    f"is taken, of those within {EQUAL} of it the greatest number"
)


@dataclass(frozen=True)
class Choice:
    """The number of clusters, and why it was chosen.

    Attributes
    ----------
    clusters : int
        The number chosen; 1 where no number is stable and none was asked for.
    by_stability : int or None
        The number that `RULE` gives; None where no number is stable.
    by_eigengap : int
        The number after which the Laplacian's eigenvalues rise most, which may be 1.
    stable : bool
        Whether the chosen number is stable.
    given : bool
        Whether the number was asked for.
    p : float
        p-value of the test against data without clusters (`structure_p`); NaN without these.
    why : str
        The reason, in a sentence.
    """

    clusters: int
    by_stability: int | None
    by_eigengap: int
    stable: bool
    given: bool
    p: float
    why: str


def choose(
    table: pd.DataFrame, p: float, nulls: int, by_eigengap: int, given: int | None
) -> Choice:
    """The number of clusters by `RULE`, 1 where none is stable, or the one asked for.

    Parameters
    ----------
    table : pd.DataFrame
        As `candidates` gives it.
    p : float
        As `structure_p` gives it.
    nulls : int
        How many data sets without clusters there were.
    by_eigengap : int
        The number of clusters by the eigengap.
    given : int, optional
        The number that was asked for.

    Returns
    -------
    Choice
    """
    least_p = 1 / (1 + nulls)  # the least that so many null data sets can give
    has_structure = not p > max(ALPHA, least_p)  # true for NaN
    stable = table[table["stable"]] if has_structure else table[:0]
    best = _most_stable(stable)
    chosen = given or best or 1
    is_stable = chosen in set(stable["clusters"])
    why = _why(chosen, best, by_eigengap, is_stable, given)
    return Choice(chosen, best, by_eigengap, is_stable, given is not None, p, why)


def _most_stable(stable: pd.DataFrame) -> int | None:
    """The greatest number among those of about the greatest corrected stability."""
    if stable.empty:
        return None
    equals = stable["corrected"] >= stable["corrected"].max() - EQUAL
    return int(stable.loc[equals, "clusters"].max())


def _why(
    chosen: int, best: int | None, by_eigengap: int, is_stable: bool, given: int | None
) -> str:
    gap = f"the eigengap says {by_eigengap}"
    if given is not None:
        verb = "are" if is_stable else "are not"
        stability = f"stability says {best}" if best else "no number of clusters is stable"
        return f"{given} clusters were asked for, which {verb} stable; {stability}, {gap}"
    if best is None:
        return (
            "no stable subtypes: no number of clusters is steadier than data without clusters; "
            f"{gap}"
        )
    disagreement = "" if best == by_eigengap else ": the two disagree"
    return f"{chosen} clusters by stability; {gap}{disagreement}"
