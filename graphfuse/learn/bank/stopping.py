"""When a replica of the bank has trained enough."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class EarlyStopping:
    """Who goes on: fold f for `epochs[f]` epochs, each of its settings until the loss watched has
    not improved for `patience` epochs; `calibrated` holds the losses at each of the task's
    `calibrations` where it was lowest."""

    def __init__(self, epochs: Tensor, settings: int, patience: int, calibrations: Sequence[float]):
        self.epochs, self.patience = epochs, patience
        self.uncalibrated = list(calibrations).index(1.0)
        self.waited = torch.zeros(len(epochs), settings, dtype=torch.long)
        self.best = torch.full((len(epochs), settings), torch.inf, dtype=torch.float64)
        self.calibrated = torch.full(
            (len(epochs), settings, len(calibrations)), torch.inf, dtype=torch.float64
        )

    def see(self, calibrated: Tensor, epoch: int) -> Tensor:
        """Takes in this epoch's losses `[folds, settings, calibrations]`; gives back those of the
        net as it is, not calibrated, infinite where they are not finite or nobody goes on."""
        losses = calibrated[..., self.uncalibrated]
        running = (self.waited < self.patience) & (epoch <= self.epochs)[:, None]
        losses = torch.where(running & torch.isfinite(losses), losses, torch.inf)
        better = losses < self.best
        self.waited = torch.where(running & better, 0, self.waited + running)
        self.best = torch.minimum(self.best, losses.double())
        self.calibrated = torch.where(better[..., None], calibrated.double(), self.calibrated)
        return losses

    def going(self, epoch: int) -> Tensor:
        """bool `[folds, settings]`: who takes a step in this epoch."""
        return (epoch < self.epochs)[:, None] & (self.waited < self.patience)
