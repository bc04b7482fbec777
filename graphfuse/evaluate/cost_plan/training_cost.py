"""The cost of a net's training step with more patients, timed at full size.

A step of few patients is mostly calls, of many mostly products that grow with patients ×
coordinates. So banks are timed at full size, on the patients of a probe over and over: the values
change nothing in how long a step takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from graphfuse.evaluate.cost_plan.estimate import FOLDS, Spent
from graphfuse.evaluate.cost_plan.memory import Footprint
from graphfuse.learn.bank.training import first_pass
from graphfuse.learn.fold_data import FoldData
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs
from graphfuse.schema import Recipe

TOGETHER = 5  # folds of a timed bank; more take more in proportion
EPOCHS = 10  # timed: the first pass takes no fewer (the patience of `Bank.train`)
MOST = 2000  # patients with whom a step is timed; beyond, it grows with patients × coordinates


def enlarged(fold: FoldData, patients: int) -> FoldData:
    """A fold of so many patients: those of `fold` over and over, the last time some of them, each
    time with the neighbours of their own; rotated tables in as many coordinates as they would have.

    Parameters
    ----------
    fold : FoldData
        Of n patients.
    patients : int
        How many there shall be; fewer than n cuts off the last.
    """
    count = len(fold.inner)
    rows = torch.arange(patients) % count
    inputs, basis = _enlarged_inputs(fold, rows)
    return FoldData(
        inputs, fold.target.take(rows), fold.task, fold.inner[rows.numpy()], basis,
        fold.gates, fold.spec, fold.prime, fold.channels, fold.varying,
    )  # fmt: skip


def _enlarged_inputs(fold: FoldData, rows: torch.Tensor) -> tuple[Inputs, tuple]:
    """The inputs of the patients at `rows`, and the bases of their rotated tables."""
    patients, count = len(rows), len(fold.inner)
    inputs = fold.inputs
    basis, x = [], []
    for seen, turned in zip(inputs.x, fold.basis, strict=True):
        more = seen[rows]
        if turned is None:
            basis.append(None)
        else:
            rank = _rank(turned, patients)
            basis.append(np.broadcast_to(0.0, (len(turned), rank)))
            columns = torch.arange(rank) % seen.shape[-1]
            more = more[..., columns]
        x.append(more)
    inputs = inputs._replace(
        x=tuple(x),
        present=inputs.present[rows],
        start=inputs.start[rows],
        bias=inputs.bias[rows],
        lists=tuple(_repeated(lists, patients, count) for lists in inputs.lists),
    )
    return inputs, tuple(basis)


def _rank(turned: np.ndarray, patients: int) -> int:
    """Coordinates of a table `[columns, coordinates]` with so many patients."""
    return min(len(turned), patients)


def _repeated(lists: EdgeLists, patients: int, count: int) -> EdgeLists:
    """Neighbour lists of patients that come over and over, `count` at a time."""
    times = -(-patients // count)
    degrees = lists.offsets.diff().repeat(times)[:patients]
    edges = int(degrees.sum())
    shift = torch.arange(times).repeat_interleave(len(lists.index)) * count
    index = lists.index.repeat(times) + shift
    index = index[:edges].clamp(max=patients - 1)
    weight = lists.weight.repeat(times)[:edges]
    offsets = torch.cat([degrees.new_zeros(1), degrees.cumsum(0)])
    return EdgeLists.build(offsets, index, weight, patients)


def cells(fold: FoldData, patients: int) -> int:
    """Patients × coordinates of the rotated tables of so many patients (at least one)."""
    ranks = [_rank(turned, patients) for turned in fold.basis if turned is not None]
    return patients * max(sum(ranks), 1)


def passes(
    fold: FoldData, recipe: Recipe, seed: int, device: str
) -> Callable[[int, int, int], tuple[float, float]]:
    """(folds, patients of each, all patients) → CPU seconds of the shortest first pass of a bank
    of these folds, and of one that trains the final net beside them."""
    epochs = min(EPOCHS, recipe.train.epochs)

    def timed(folds: list[FoldData]) -> float:
        began = Spent.now()
        first_pass(folds, recipe.train, seed, device, epochs=epochs)
        return began.since().cpu

    def taken(folds: int, trained: int, everyone: int) -> tuple[float, float]:
        share = min(1.0, MOST / everyone)
        together = min(TOGETHER, folds)
        most = round(share * everyone)
        few = max(1, round(share * trained))
        some = [enlarged(fold, few)] * together
        more = cells(fold, everyone) / cells(fold, most) * folds / together
        with_final = [*some, enlarged(fold, most)]
        return more * timed(some), more * timed(with_final)

    return taken


def by_steps(
    passed: Callable[[int, int, int], tuple[float, float]],
    taken: Mapping[str, float],
    probed: int,
    needs: Footprint,
) -> dict[str, float]:
    """CPU seconds of all nets, from what those of a probe took. In the first repeat the nets with
    graphs are trained in one bank with the final one, and so padded to all patients.

    Parameters
    ----------
    passed : callable
        As `passes` gives it.
    taken : mapping of str to float
        CPU seconds of the probe's `net` and `controls`.
    probed : int
        Its patients.
    needs : Footprint
        The whole study's folds and patients.
    """
    trained = round(probed * needs.trained / needs.everyone)
    few, few_final = passed(min(FOLDS, needs.folds), trained, probed)
    many, many_final = passed(needs.folds, needs.trained, needs.everyone)
    without_final = 2 * needs.repeats - 1  # banks of nets with and without graphs, but for one
    net = (without_final * many + many_final) / (few + few_final)
    controls = needs.repeats * many / few
    return {"net": taken["net"] * net, "controls": taken["controls"] * controls}
