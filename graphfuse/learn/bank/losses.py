"""What training lowers: losses of all replicas of a bank, averaged over the patients that count."""

from __future__ import annotations

from torch import Tensor

from graphfuse.learn.bank.stacked_tensors import map_tensors
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


def mean_loss(task: Task, predictor: Tensor, target: Target, weight: Tensor) -> Tensor:
    """The mean loss of each replica over patients whose outcome is known.

    Parameters
    ----------
    task : Task
        What is learned.
    predictor : Tensor, [folds, replicas, n, K]
        The nets' outputs.
    target : Target of Tensor, [folds, replicas or 1, n]
    weight : Tensor, [folds, replicas, n]
        How much each patient counts.

    Returns
    -------
    Tensor, [folds, replicas]
    """
    target = map_tensors(target, lambda each: each.expand(weight.shape))
    losses = task.net_loss(predictor, target)
    return mean_over(losses, weight * target.known)


def mean_loss_of_each(
    task: Task, predictor: Tensor, target: Target, weight: Tensor, present: Tensor
) -> Tensor:
    """The losses of each modality's own outputs, added up: `predictor` `[folds, replicas, n, M,
    K]`, `present` `[folds, n, M]` → `[folds, replicas]`.

    A patient's weight is divided among the modalities that the patient has.
    """
    count = present.sum(2, keepdim=True).clamp(min=1)
    share = present / count  # [folds, n, M]
    losses = []
    for m in range(share.shape[2]):
        own_weight = weight * share[:, None, :, m]
        losses.append(mean_loss(task, predictor[:, :, :, m], target, own_weight))
    return sum(losses)


def mean_over(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean over the last axis; 0 where nothing has a weight."""
    total = (values * weight).sum(-1)
    return total / weight.sum(-1).clamp(min=1e-12)
