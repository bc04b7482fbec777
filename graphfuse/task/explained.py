"""How the attributions of a kind of outcome are told, in words."""

from __future__ import annotations

from typing import NamedTuple


class Explained(NamedTuple):
    """What rankings and messages say of attributions; lines are as wide as README.txt has room.

    Attributes
    ----------
    of : str
        What one attribution is of, as "the class's logit".
    outputs : str
        The same of many patients, as "logits".
    score : str
        How an item's attributions become its score.
    sign : str
        What + and - mean.
    by_direction : str
        What the table of each direction on its own holds, or why it holds nothing.
    neighbours : str
        What the score of an edge between patients is.
    """

    of: str
    outputs: str
    score: str
    sign: str
    by_direction: str
    neighbours: str
