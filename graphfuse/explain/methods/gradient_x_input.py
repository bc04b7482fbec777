"""Gradient × input: the gradient at the patient's own columns, times their distance from the mean.

One backward pass for each direction, where integrated gradients take many. Attributions need not
sum to the change from the training mean: where a net saturates, the gradient at the patient is
small however much the column has done on the way there.
"""

from __future__ import annotations

from dataclasses import replace

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.gradient_attributions import attribution_by
from graphfuse.explain.linear_net import is_linear, linear_gradients
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.task.task import Task


class GradientXInput(Method):
    """The gradient of a class's logit, or of a predicted number, by a column at the patient's own
    columns, times the column, neighbours held fixed; for edges, the gradient by the edge's weight
    times the weight.

    References
    ----------
    Shrikumar, Greenside, Kundaje: Learning important features through propagating activation
    differences (arXiv 1704.02685), which names it and shows where it fails.
    """

    def description(self, task: Task) -> str:
        """Name what is attributed: a class's logit, or the predicted number."""
        return (
            f"The gradient of {task.attribution_words.of} by a column at the patient's own "
            "columns, times the column, neighbours held fixed; for edges, the gradient by the "
            "edge's weight times the weight."
        )

    def attribute(self, net: FoldNet) -> Attribution:
        """One backward pass for each direction."""
        attribution = attribution_by(net, gradients_at_patients(net))
        return replace(attribution, error=None)


def gradients_at_patients(net: FoldNet) -> Gradients:
    """Gradients at the patients' own columns.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    Gradients
    """
    if is_linear(net):
        return linear_gradients(net)
    forward = net.forward
    return Gradients.of(net.fitted, forward.gradients(forward.columns))
