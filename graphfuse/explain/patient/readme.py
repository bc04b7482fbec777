"""README.txt of an explanation's folder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from graphfuse.explain.patient.local_model import DRAWS, MOST

WIDE = 98  # letters of a line
INDENT = " " * 22
_README = """The explanation of one patient's prediction
===========================================

patient {patient}, outcome {target}: {said}

{about}

This folder holds values of a single patient: pass it on as you would the patient's record.

attributions.csv      every column of the model, the largest attribution first
counterfactual.csv    moves of columns after which
                      {crossed}
explanation.png       the largest attributions, drawn

value                 as it stands in the table; blank where it was not measured
standardised          the same in training standard deviations from the training mean, as the model
                      sees it (categories: blank)
attribution           how far the column raises (+) or lowers (-) {direction},
                      against a patient at the training mean ({unit}), by
                      {method}
attribution_NAME      the same in every direction
lime                  the same by LIME: a ridge regression of what the model says of {draws:,}
                      profiles in which some of the {most} columns with the largest attributions are
                      at the training mean; it explains {fit:.0%} of the variance there (where that
                      is low, the model is not linear around the patient)

{total}

{flips}

move                  smallest: all columns together along the gradient, which in a linear model is
                      the shortest move by the root of the sum of squares, not by the sum; fewest:
                      the fewest columns, those first that can do most
from, to              before and after, as in the table; blank where a value cannot be given there
from_standardised, to_standardised   the same in training standard deviations
low, high             the range of training values, which no column leaves; one that the patient
                      has outside of it may move back, and no farther out

Levels of categories, flags of missing values, and columns that were not measured in the patient
are not moved. A counterfactual says what the model would say of another profile: not that a column
can be changed alone, nor that changing it would change the outcome.
"""


def readme(
    text: Mapping[str, str], method: str, sentences: Mapping[str, Sequence[str]], fit: float
) -> str:
    """The text of README.txt.

    Parameters
    ----------
    text : mapping of str to str
        `patient`, `target`, `said`, `direction`, `unit`, `crossed` and `total`.
    method : str
        Its name and description.
    sentences : mapping of str to sequence of str
        `about` and `flips`.
    fit : float
        The share of the variance that LIME's linear model explains.

    Returns
    -------
    str
    """
    text = {**text, "total": textwrap.fill(text["total"], WIDE)}
    wrapped = textwrap.fill(method, WIDE, initial_indent=INDENT, subsequent_indent=INDENT)
    filled = {}
    for name, each in sentences.items():
        filled[name] = "\n".join(textwrap.fill(sentence, WIDE) for sentence in each)
    figures = {"draws": DRAWS, "most": MOST, "fit": fit}
    return _README.format(method=wrapped.lstrip(), **text, **filled, **figures)
