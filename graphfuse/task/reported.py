"""How a kind of outcome is spoken of in reports."""

from __future__ import annotations

from typing import NamedTuple


class Reported(NamedTuple):
    """Words of a report that depend on the kind of outcome.

    Attributes
    ----------
    brief : str
        What there is to predict, as "5 classes".
    listed : str
        The same in full, as the names of the classes.
    heading : str
        What stands before that list.
    calls : str
        What models say of patients.
    calling : str
        What they do, as in "always calling the commonest class".
    outputs : str
        What a fusion of decisions is the mean of.
    mix : str
        What may be otherwise in a group of patients than in the rest.
    sign : str
        What + and − mean beside a ranked item.
    """

    brief: str = "values"
    listed: str = "values"
    heading: str = "Outcome"
    calls: str = "predictions"
    calling: str = "predicting"
    outputs: str = "predictions"
    mix: str = "another range of values"
    sign: str = "a high value speaks for a larger outcome, − for a smaller one"
