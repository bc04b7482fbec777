"""When a replica of the bank has trained enough."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class EarlyStopping:
    """Decide which folds and settings take another step.

    Fold f goes on for `epochs[f]` epochs; each of its settings goes on until its validation loss
    has not improved for `patience` epochs.

    Parameters
    ----------
    epochs : Tensor of int64, [folds]
    settings : int
        How many settings a fold has.
    patience : int
    calibrations : sequence of float
        The task's calibrations; 1 is among them, which changes nothing.

    Attributes
    ----------
    calibrated : Tensor, [folds, settings, calibrations]
        The losses at each calibration in the epoch of the lowest loss at calibration 1.
    """

    def __init__(self, epochs: Tensor, settings: int, patience: int, calibrations: Sequence[float]):
        folds, count = len(epochs), len(calibrations)
        self.epochs, self.patience = epochs, patience
        self.uncalibrated = list(calibrations).index(1.0)
        self.waited = torch.zeros(folds, settings, dtype=torch.long)
        infinite = torch.full((folds, settings, count), torch.inf, dtype=torch.float64)
        self.best, self.calibrated = infinite[..., 0], infinite

    def see(self, calibrated: Tensor, epoch: int) -> Tensor:
        """Take in an epoch's losses.

        Parameters
        ----------
        calibrated : Tensor, [folds, settings, calibrations]
        epoch : int

        Returns
        -------
        Tensor, [folds, settings]
            The losses at calibration 1; infinite where they are not finite, or after a stop.
        """
        losses = calibrated[..., self.uncalibrated]
        running = self.waited < self.patience
        running &= (epoch <= self.epochs)[:, None]
        losses = torch.where(running & torch.isfinite(losses), losses, torch.inf)
        better = losses < self.best
        self.waited = torch.where(running & better, 0, self.waited + running)
        self.best = torch.minimum(self.best, losses.double())
        self.calibrated = torch.where(better[..., None], calibrated.double(), self.calibrated)
        return losses

    def going(self, epoch: int) -> Tensor:
        """bool `[folds, settings]`: which take a step in this epoch."""
        has_epochs = (epoch < self.epochs)[:, None]
        return has_epochs & (self.waited < self.patience)
