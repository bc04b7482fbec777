"""The words that messages, rankings and reports have for a kind of outcome."""

from __future__ import annotations

from typing import NamedTuple


class CategoryWords(NamedTuple):
    """How audits speak of the categories of a kind of outcome; by default, of classes.

    Attributes
    ----------
    one : str
        What a group holds in which only one of them is.
    several : str
        Of what patients must be for more than one to be there.
    every : str
        All of them.
    known : str
        How an outcome is known where they can be told apart.
    asked : str
        An outcome that is so, with `{}` for how many patients of each category that takes.
    """

    one: str = "one class only"
    several: str = "several classes"
    every: str = "all classes"
    known: str = "known in two classes"
    asked: str = "a class outcome with {} patients in two classes"


class AttributionWords(NamedTuple):
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
    unit : str
        What attributions are measured in.
    patient_unit : str
        The same in the explanation of one patient, where they are in the outcome's own unit; blank
        where they are not.
    alone : str
        The name of the association of a column with the outcome, as "AUROC".
    marginal : str
        What that association is.
    effect : str
        What the effect beside it is.
    test : str
        Of which test its p-value is.
    moved : str
        How far predictions move when inputs are changed, as a clause that a number ends.
    """

    of: str
    outputs: str
    score: str
    sign: str
    by_direction: str
    neighbours: str
    unit: str = "in the model's own unit"
    patient_unit: str = ""
    alone: str = "association"
    marginal: str = "blank for outcomes of this kind"
    effect: str = "blank for outcomes of this kind"
    test: str = "blank for outcomes of this kind"
    moved: str = "outputs change by"


class ReportWords(NamedTuple):
    """Words of a report that depend on the kind of outcome.

    Attributes
    ----------
    listed : str
        What there is to predict in full, as the names of the classes.
    heading : str
        What stands before that list.
    calls : str
        What models say of patients.
    calling : str
        What they do, as in "always predicting the commonest class".
    outputs : str
        What a fusion of decisions is the mean of.
    mix : str
        What may be otherwise in a group of patients than in the rest.
    sign : str
        What + and − mean beside a ranked item.
    edge_sign : str
        The same beside an interaction, where it is something else.
    """

    listed: str = "values"
    heading: str = "Outcome"
    calls: str = "predictions"
    calling: str = "predicting"
    outputs: str = "predictions"
    mix: str = "another range of values"
    sign: str = "a higher value raises the predicted value, − lowers it"
    edge_sign: str = ""
