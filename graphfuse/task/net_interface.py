"""What nets ask of a task: losses as tensors, and calibrations among which one is chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar


class LearnedByNets(ABC):
    """A task as nets learn it. torch is imported within methods only."""

    #: The calibrations that are tried, 1 among them: divisors of a net's predictor (temperatures),
    #: or standard deviations of its errors.
    calibrations: ClassVar[tuple[float, ...]] = (1.0,)

    def tensors(self, target):
        """The target as nets learn it.

        Parameters
        ----------
        target : Target
            Arrays of N patients.

        Returns
        -------
        Target
            The same as tensors.
        """
        import torch

        fields = (each if isinstance(each, tuple) else torch.from_numpy(each) for each in target)
        return type(target)(*fields)

    @abstractmethod
    def net_loss(self, predictor, target):
        """Each patient's loss.

        It runs under `torch.func.vmap`, and so asks for no value of a tensor.

        Parameters
        ----------
        predictor : torch.Tensor
            `[…, n, W]`.
        target : Target
            Tensors `[…, n]`, as `tensors` gives them.

        Returns
        -------
        torch.Tensor
            `[…, n]`; any finite number where nothing is known.
        """

    @abstractmethod
    def calibrated_loss(self, predictor, target, calibrations):
        """Each patient's loss at each calibration.

        Parameters
        ----------
        predictor : torch.Tensor
            `[…, n, W]`.
        target : Target
            Tensors `[…, n]`.
        calibrations : torch.Tensor
            `[C]`.

        Returns
        -------
        torch.Tensor
            `[…, C, n]`.
        """
