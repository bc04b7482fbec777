"""Deletion and insertion: how far predictions move without the first columns of an order, and with
them alone.

Columns are taken out of held-out patients' inputs by setting them to their training mean, with
their flags and levels; models, and the patients' neighbours, stay as they are. What is measured
needs no label.

References
----------
Petsiuk, Das & Saenko 2018, RISE, BMVC, arXiv:1806.07421 (deletion and insertion). Amara et al.
2022, GraphFramEx, LoG, arXiv:2206.09677 (fidelity+ and fidelity-).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.method import FoldNet
from graphfuse.learn.progress import progress

Orders = Mapping[str, Sequence[np.ndarray]]  # name → one or more draws of an order of the C columns


@dataclass(frozen=True, eq=False)
class RemovalCurves:
    """How far the predictions of n tested patients move.

    Attributes
    ----------
    counts : numpy.ndarray
        int `[J]`: numbers of columns, from 0 to all C.
    deletion : dict of str to numpy.ndarray
        Order → `[J, n]`: without the first columns; 0 at the start.
    insertion : dict of str to numpy.ndarray
        Order → `[J, n]`: with the first columns alone; 0 at the end.
    """

    counts: np.ndarray
    deletion: dict[str, np.ndarray]
    insertion: dict[str, np.ndarray]

    def area(self, curve: np.ndarray) -> np.ndarray:
        """The area under a curve `[J, n]` over the share of columns, of each patient `[n]`."""
        return np.trapezoid(curve, self.counts / self.counts[-1], axis=0)


def removal_curves(
    replicas: Sequence[Replica],
    cohort: Cohort,
    orders: Orders,
    counts: Sequence[int],
    device: str = "cpu",
) -> RemovalCurves:
    """Curves of several orders on the patients that fold models were tested on.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        Their patients.
    orders : mapping of str to sequence of numpy.ndarray
        Name → draws of an order: positions of the C columns of the models' modalities, side by
        side. Curves are the mean over draws.
    counts : sequence of int
        Numbers of columns, above 0 and below C, increasing.
    device : str
        Where the nets are evaluated.

    Returns
    -------
    RemovalCurves
        A patient who was tested in several repeats has the mean over them.
    """
    columns = len(next(iter(orders.values()))[0])
    grid = np.array([0, *counts, columns])
    total = {name: np.zeros((2, len(grid), len(cohort))) for name in orders}
    times = np.zeros(len(cohort))
    with progress("faithfulness", len(replicas)) as step:
        for replica in replicas:
            fold = _FoldOutput(replica, cohort, device)
            times[replica.tested] += 1
            for name, draws in orders.items():
                moved = np.mean([fold.moved(order, grid) for order in draws], axis=0)
                total[name][:, :, replica.tested] += moved
            step(True)
    tested = times > 0
    means = {name: sums[:, :, tested] / times[tested] for name, sums in total.items()}
    deletion = {name: both[0] for name, both in means.items()}
    insertion = {name: both[1] for name, both in means.items()}
    return RemovalCurves(grid, deletion, insertion)


class _FoldOutput:
    """What a fold's model predicts of its test patients with some columns at their means."""

    def __init__(self, replica: Replica, cohort: Cohort, device: str):
        self._fitted = replica.model.fitted_.on(device)
        tested = cohort.take(replica.tested)
        numbers = range(len(self._fitted.nets))
        self._nets = [FoldNet(self._fitted, number, tested) for number in numbers]
        first, self._owners = 0, {}
        pipelines = self._fitted.preparation.pipelines
        for name in replica.model.modalities_:
            self._owners[name] = first + pipelines[name].owners
            first += len(cohort.modalities[name].columns)
        self._whole = self._output(np.ones(first, bool))

    def moved(self, order: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """float64 `[2, J, n]`: how far predictions move without the first columns of an order, and
        with these alone."""
        place = np.empty(len(order), int)
        place[order] = np.arange(len(order))
        moved = np.zeros((2, len(counts), len(self._whole)))
        for number, count in enumerate(counts):
            is_first = place < count
            if count:
                moved[0, number] = self._moved_to(~is_first)
            if count < len(order):
                moved[1, number] = self._moved_to(is_first)
        return moved

    def _moved_to(self, kept: np.ndarray) -> np.ndarray:
        """How far predictions move where only some columns, bool `[C]`, are kept."""
        return self._fitted.task.moved(self._whole, self._output(kept))

    def _output(self, kept: np.ndarray) -> np.ndarray:
        """The model's output `[n, O]` with only some columns, bool `[C]`."""
        own = self._nets[0].columns
        columns = {name: own[name] * kept[owners] for name, owners in self._owners.items()}
        predictors = [torch.from_numpy(net.logits(columns)) for net in self._nets]
        return self._fitted.averaged(torch.stack(predictors))
