"""AdamW on replicas side by side, each with a learning rate and a weight decay of its own."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP = 1.0  # largest gradient norm of a replica's step
BETAS = (0.9, 0.999)  # how much of the first and second moment a step keeps
EPSILON = 1e-8


class AdamW:
    """Lower losses by Adam with decoupled weight decay, in place.

    Parameters
    ----------
    values : Tensor, [folds, replicas, P]
        The parameters, which `step` changes.
    decayed : int
        How many of the P parameters decay: the first ones. Gates, which stand last, do not.
    learning_rate, weight_decay : Tensor, [folds, replicas]

    References
    ----------
    Loshchilov and Hutter 2019, arXiv 1711.05101.
    """

    def __init__(self, values: Tensor, decayed: int, learning_rate: Tensor, weight_decay: Tensor):
        self.values, self.decayed = values, decayed
        self.rate, self.decay = learning_rate[..., None], weight_decay[..., None]
        self.first, self.second = torch.zeros_like(values), torch.zeros_like(values)
        self.steps = 0

    def step(self, grad: Tensor, alive: Tensor) -> None:
        """One step along the clipped `grad` `[folds, replicas, P]`, which is overwritten; where
        `alive` `[folds, replicas]` is false, neither values nor moments move."""
        keep_first, keep_second = BETAS
        self.steps += 1
        clip(grad)
        going = alive[..., None].to(grad.dtype)
        rate = self.rate * going
        self.values[..., : self.decayed].mul_(1 - rate * self.decay)
        self.first.lerp_(grad, (1 - keep_first) * going)
        self.second.lerp_(grad.square_(), (1 - keep_second) * going)
        size = rate / (1 - keep_first**self.steps)
        # from here on `grad` is memory to write to
        spread = torch.sqrt(self.second, out=grad)
        spread.div_((1 - keep_second**self.steps) ** 0.5).add_(EPSILON)
        step = torch.div(self.first, spread, out=spread)
        self.values.sub_(step.mul_(size))


def clip(grad: Tensor) -> None:
    """Shorten each replica's gradient `[…, P]` to a norm of at most `CLIP`, in place; one that is
    not finite becomes zero."""
    norm = torch.linalg.vector_norm(grad, dim=-1, keepdim=True)
    factor = CLIP / norm.clamp(min=CLIP)
    whole = torch.isfinite(factor) & (factor > 0)
    if not whole.all():
        grad.copy_(torch.where(whole, grad, 0))
    grad.mul_(factor.nan_to_num(0.0))
