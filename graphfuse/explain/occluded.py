"""Falls of predictions where inputs are occluded: set to 0, the training mean of standardised
columns, alone or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from graphfuse.explain.linear_net import is_linear, linear_gradients
from graphfuse.explain.method import FoldNet


def without(
    columns: Mapping[str, np.ndarray], is_occluded: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the inputs with some of them at 0.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray
        Each modality's inputs `[N, F]`.
    is_occluded : mapping of str to numpy.ndarray
        bool `[F]` of each modality.

    Returns
    -------
    dict of str to numpy.ndarray
        Modalities of which nothing is occluded are the arrays given.

    Examples
    --------
    >>> without({"rna": np.ones((1, 3))}, {"rna": np.array([True, False, False])})["rna"].tolist()
    [[0.0, 1.0, 1.0]]
    """
    left = {}
    for name, own in columns.items():
        occluded = is_occluded[name]
        left[name] = np.where(occluded, 0.0, own) if occluded.any() else own
    return left


def falls_by_input(net: FoldNet) -> dict[str, np.ndarray]:
    """Return how far outputs fall without each input, one at a time.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    dict of str to numpy.ndarray
        `[K, N, F]` of each modality; of a linear net in closed form, of another by one evaluation
        of the net for each input.
    """
    if is_linear(net):
        return _linear_falls(net)
    whole = net.logits(net.columns)  # [N, K]
    falls = {}
    for name, own in net.columns.items():
        falls[name] = np.zeros((whole.shape[1], *own.shape))
        changed = own.copy()
        for place in np.flatnonzero(own.any(axis=0)):
            changed[:, place] = 0.0
            left = net.logits({**net.columns, name: changed})
            falls[name][:, :, place] = (whole - left).T
            changed[:, place] = own[:, place]
    return falls


def _linear_falls(net: FoldNet) -> dict[str, np.ndarray]:
    """The same of a linear net, where a fall is the slope times the input."""
    gradients = linear_gradients(net)
    falls = {}
    for name, own in net.columns.items():
        falls[name] = own * gradients.columns(net.fitted, name)
    return falls


def joint_falls(net: FoldNet, units: Iterable[Mapping[str, np.ndarray]]) -> np.ndarray:
    """Return how far outputs fall without all inputs of a unit, one unit at a time.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    units : iterable of mapping of str to numpy.ndarray
        Which inputs each of U units has: bool `[F]` of each modality.

    Returns
    -------
    numpy.ndarray
        `[U, K, N]`.
    """
    whole = net.logits(net.columns)  # [N, K]
    falls = [whole - net.logits(without(net.columns, members)) for members in units]
    return np.stack(falls).transpose(0, 2, 1) if falls else np.zeros((0, *whole.T.shape))


def falls_by_unit(net: FoldNet, units: Mapping[str, Sequence[str | None]]) -> dict[str, np.ndarray]:
    """Return falls of inputs that sum to those of whole units.

    An input has the fall without it alone; what a unit's fall is more or less than the sum of
    these, as where two inputs can stand in for one another, is shared equally by its inputs.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    units : mapping of str to sequence of str
        The name of the unit of each input of each modality, `[F]`; `None` for an input that is a
        unit by itself.

    Returns
    -------
    dict of str to numpy.ndarray
        `[K, N, F]` of each modality.
    """
    falls = falls_by_input(net)
    if is_linear(net):  # falls add up
        return falls
    codes = _codes(units)
    everywhere = np.concatenate(list(codes.values()))  # [G]
    sizes = np.bincount(everywhere[everywhere >= 0], minlength=1)
    several = np.flatnonzero(sizes > 1)  # the others fall as their only input does
    joint = joint_falls(net, (_members(codes, unit) for unit in several))
    for unit, fall in zip(several, joint, strict=True):
        members = _members(codes, unit)
        alone = sum(falls[name][:, :, own].sum(2) for name, own in members.items())
        share = (fall - alone) / sizes[unit]  # [K, N]
        for name, own in members.items():
            falls[name][:, :, own] += share[:, :, None]
    return falls


def _codes(units: Mapping[str, Sequence[str | None]]) -> dict[str, np.ndarray]:
    """The number of each input's unit, int `[F]` of each modality; -1 where it has none."""
    names = [unit for of_inputs in units.values() for unit in of_inputs]
    codes, _ = pd.factorize(np.array(names, dtype=object))
    ends = np.cumsum([len(of_inputs) for of_inputs in units.values()])
    return dict(zip(units, np.split(codes, ends[:-1]), strict=True))


def _members(codes: Mapping[str, np.ndarray], unit: int) -> dict[str, np.ndarray]:
    """Which inputs a unit has, bool `[F]` of each modality."""
    return {name: of_inputs == unit for name, of_inputs in codes.items()}
