"""Integrated gradients over the columns of a model's modalities, its neighbours held fixed.

The path goes from the training mean (0 in standardised columns) to the patient; what is attributed
is the net's output in every direction, such as a class's logit less the mean logit. Attributions of
a patient and direction sum to its change from the baseline (completeness); the number of path steps
grows until they do to 1 %.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from graphfuse.errors import GraphfuseError
from graphfuse.explain.differentiable_model import Forward, Gradients
from graphfuse.explain.gradient_attributions import attribution_by
from graphfuse.explain.linear_net import is_linear, linear_gradients
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.task.task import Task

log = logging.getLogger(__name__)

COMPLETE = 0.01  # largest share of the predictors' change that attributions may miss
# what they may miss, with a warning, where the net has kinks (leaky ReLUs) that steps do not smooth
TOLERATED = 0.05
STEPS = (1, 8, 32, 128, 512)


class IntegratedGradients(Method):
    """Integrated gradients of a class's logit, or of a predicted number, neighbours held fixed; for
    edges, along the edge's weight.

    References
    ----------
    Sundararajan, Taly, Yan: Axiomatic attribution for deep networks (arXiv 1703.01365).
    """

    def description(self, task: Task) -> str:
        """Name what is attributed: a class's logit, or the predicted number."""
        return (
            f"Integrated gradients of {task.attribution_words.of}, neighbours held fixed; for "
            "edges, along the edge's weight."
        )

    def attribute(self, net: FoldNet) -> Attribution:
        """Return the attributions; raises `GraphfuseError` where 512 path steps miss more than 5 %
        of the change."""
        return attribution_by(net, path_averaged(net))


def path_averaged(net: FoldNet) -> Gradients:
    """Path-averaged gradients, with as many steps as completeness needs.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    Gradients
        With the share of the change that they miss.

    Raises
    ------
    GraphfuseError
        Where 512 steps miss more than 5 % of the change.
    """
    if is_linear(net):
        return linear_gradients(net)
    for steps in STEPS:
        gradients = path_gradients(net.forward, steps)
        error = completeness_error(net.forward, gradients)
        if error <= COMPLETE:
            return Gradients.of(net.fitted, gradients, error)
    outputs = net.fitted.task.attribution_words.outputs
    if error <= TOLERATED:
        missed = "integrated gradients miss %.1f %% of the %s' change after %d steps"
        log.warning(missed, 100 * error, outputs, STEPS[-1])
        return Gradients.of(net.fitted, gradients, error)
    raise GraphfuseError(
        f"integrated gradients miss {error:.1%} of the {outputs}' change after {STEPS[-1]} "
        "steps; the net is not smooth "
        "enough to attribute. Train it for fewer epochs or with a smaller learning rate"
    )


def path_gradients(forward: Forward, steps: int) -> list[Tensor]:
    """The mean of `Forward.gradients` over midpoints of the straight path from the training mean to
    the patients.

    Parameters
    ----------
    forward : Forward
        A fold's net as a function of its patients' columns.
    steps : int
        How many midpoints.

    Returns
    -------
    list of torch.Tensor
        Shapes as of `Forward.gradients`.
    """
    total = None
    for step in range(steps):
        midpoint = [columns * (step + 0.5) / steps for columns in forward.columns]
        gradients = forward.gradients(midpoint)
        if total is None:
            total = gradients
        else:
            total = [before + here for before, here in zip(total, gradients, strict=True)]
    return [each / steps for each in total]


def completeness_error(forward: Forward, gradients: list[Tensor]) -> float:
    """How much of the predictors' change from the training mean to the patients attributions miss.

    Parameters
    ----------
    forward : Forward
        A fold's net as a function of its patients' columns.
    gradients : list of torch.Tensor
        Averaged along the path, shapes as of `Forward.gradients`.

    Returns
    -------
    float
        A share of the change, summed over patients and directions.
    """
    columns = forward.columns
    baseline = [torch.zeros_like(each) for each in columns]
    with torch.no_grad():
        change = forward.logits(columns) - forward.logits(baseline)
        attributed = 0  # [K, N]
        for gradient, values in zip(gradients, columns, strict=False):
            attributed = attributed + (gradient * values).flatten(2).sum(2)
        missed = (change - attributed.T).abs().sum()
        return float(missed / change.abs().sum().clamp(min=1e-12))
