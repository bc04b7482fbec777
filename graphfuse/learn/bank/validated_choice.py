"""What is chosen on validation patients: a setting, a number of epochs, and a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

# standard deviation of the normal prior of a temperature's logarithm around 0, so that a few
# validation patients move it little
PRIOR_SD = 0.5


@dataclass(frozen=True, eq=False)
class Choice:
    """What the first pass chose for a fold.

    Parameters
    ----------
    setting : int
        The number of the setting.
    epochs : int
        How many epochs to train.
    curve : list of float
        That setting's validation losses, by epoch.
    temperature : float
        The temperature at which validation patients are predicted best.

    References
    ----------
    Guo et al. 2017, arXiv 1706.04599 (temperatures).
    """

    setting: int
    epochs: int
    curve: list[float]
    temperature: float = 1.0

    @classmethod
    def lowest(cls, curves: Tensor, temperatures: Sequence[float] = ()) -> Choice:
        """Choose the lowest loss, the first of those that differ by less than 1e-4.

        Parameters
        ----------
        curves : Tensor, [epochs + 1, settings]
            Validation losses.
        temperatures : sequence of float, optional
            The temperature of each setting; 1 by default.

        Returns
        -------
        Choice

        Examples
        --------
        >>> import torch
        >>> Choice.lowest(torch.tensor([[0.9, 0.9], [0.5, 0.4], [0.6, 0.7]])).epochs
        1
        """
        epochs, _ = curves.shape
        rounded = np.round(curves.T.numpy(), 4)  # [settings, epochs + 1]
        setting, epoch = divmod(int(np.argmin(rounded)), epochs)
        curve = curves[:, setting]
        known = curve[curve.isfinite()].double().numpy()
        temperature = temperatures[setting] if len(temperatures) else 1.0
        return cls(setting, epoch, known.round(6).tolist(), temperature)

    @property
    def loss(self) -> float:
        """The lowest validation loss."""
        return min(self.curve, default=float("inf"))


def calibration(losses: np.ndarray, patients: np.ndarray, choices: Sequence[float]) -> np.ndarray:
    """Choose the temperature with the lowest validation loss, under a prior around 1.

    Parameters
    ----------
    losses : array, [..., C]
        Mean validation losses at each of the choices.
    patients : array, [...]
        How many patients they are means of.
    choices : sequence of C float

    Returns
    -------
    array, [...]

    Examples
    --------
    >>> import numpy as np
    >>> losses, choices = np.array([[0.69, 0.70]]), (2.0, 1.0)
    >>> calibration(losses, np.array([1000]), choices)
    array([2.])
    >>> calibration(losses, np.array([5]), choices)
    array([1.])
    """
    log_prior = np.log(choices) ** 2 / (2 * PRIOR_SD**2)
    penalty = log_prior / np.maximum(patients, 1)[..., None]
    rounded = np.round(losses + penalty, 6)
    return np.asarray(choices)[np.argmin(rounded, axis=-1)]
