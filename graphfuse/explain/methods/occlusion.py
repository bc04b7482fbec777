"""Occlusion: how far a prediction falls where an input is at its training mean.

The net is asked anew without each input, so nothing is taken to be linear or smooth. Correlated
inputs can stand in for one another, and each then falls little: `occlusion-of-groups` takes them
away together. The training mean of one input beside the patient's own values of all others may be
nobody's profile; `permutation` keeps to what correlated columns allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.explain.occluded import falls_by_unit
from graphfuse.explain.occluded_sets import occluded_sets
from graphfuse.task.task import Task


class Occlusion(Method):
    """The fall of a class's logit, or of a predicted number, where a column is set to its training
    mean, one column at a time; for gene sets, all columns of a set at once.

    Attributes
    ----------
    unit : str
        What is occluded as a whole besides, in words; blank for nothing.

    References
    ----------
    Zeiler, Fergus: Visualizing and understanding convolutional networks (arXiv 1311.2901).
    """

    unit = ""

    def description(self, task: Task) -> str:
        """Name what falls: a class's logit, or the predicted number."""
        text = (
            f"The fall of {task.attribution_words.of} where a column is set to its training mean, "
            "one column at a time; for gene sets of [pathways], all columns of a set at once."
        )
        if not self.unit:
            return text
        return (
            f"{text} All columns of {self.unit} are set to their means at once, too: where that "
            "fall is not the sum of its columns' falls, the difference is shared equally by them, "
            f"so that the score of {self.unit} is that of the joint fall."
        )

    def attribute(self, net: FoldNet) -> Attribution:
        """One evaluation of the net for each input and unit; none for inputs where it is linear."""
        columns = falls_by_unit(net, self.units(net))
        return Attribution(columns, sets=occluded_sets(net))

    def units(self, net: FoldNet) -> Mapping[str, Sequence[str | None]]:
        """The unit of each input, as of `falls_by_unit`: here every input is one by itself."""
        return {name: [None] * own.shape[1] for name, own in net.columns.items()}
