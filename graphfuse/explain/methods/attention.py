"""Attention, corrected for in-degree: of edges between patients, or of gene sets.

It is there because it is asked for, not because it is a good ranking: what a net attends to need
not be what moves its prediction, attention has no sign and no class, and raw weights are mostly 1 /
degree. `edge-gradients` and `occlusion` say what the prediction hangs on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.explain.attention_weights import (
    attends_to_patients,
    attends_to_sets,
    attention_to_patients,
    attention_to_sets,
)
from graphfuse.explain.method import Attribution, FoldNet
from graphfuse.explain.methods.integrated_gradients import IntegratedGradients
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.fold_model import Fitted
from graphfuse.task.task import Task

log = logging.getLogger(__name__)

RECIPES = ("moadln", "pathway-tokens")  # those that ship and whose attention can be ranked
WARNING = (
    "attention: raw attention is mostly 1 / degree, as that of each receiver sums to 1; scores are "
    "attention x in-degree (1: as much as any other). It has no sign, and what a net attends to "
    "need not be what its prediction hangs on: compare edge-gradients or occlusion"
)


class ByAttention(IntegratedGradients):
    """Attention x in-degree, of edges between patients and of gene sets, the mean over heads; all
    else by integrated gradients.

    References
    ----------
    Jain, Wallace: Attention is not explanation (arXiv 1902.10186).
    """

    def __init__(self):
        self._has_warned = False

    def description(self, task: Task) -> str:
        """Say what is attention, and what it is not."""
        return (
            "Attention x in-degree (1: as much as any other) of edges between patients, or of gene "
            "sets, the mean over heads; it has no sign and no class. Raw attention is mostly 1 / "
            f"degree. All else by integrated gradients of {task.attribution_words.of}."
        )

    def about_patient_edges(self, task: Task) -> str:
        """Say what attention is times."""
        return f"attention x in-degree\n{' ' * 22}(1: as much as any other), with both factors"

    def attribute(self, net: FoldNet) -> Attribution:
        """Integrated gradients, and attention to gene sets where the net has it."""
        _require_attention(net.fitted)
        if not self._has_warned:
            log.warning(WARNING)
            self._has_warned = True
        attribution = super().attribute(net)
        if not attends_to_sets(net.fitted):
            return attribution
        names = list(net.fitted.preparation.signals["pathways"].sets)
        mean = attention_to_sets(net).mean(0)  # [T]
        directions = range(net.weight.shape[1])
        columns = pd.MultiIndex.from_product([["attribution"], directions])
        alike = np.repeat(mean[:, None], len(directions), axis=1)
        return replace(attribution, sets=pd.DataFrame(alike, names, columns))

    def patient_edges(self, fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
        """Attention x in-degree where the nets attend to patients; else as other methods have
        it."""
        if not attends_to_patients(fitted):
            return super().patient_edges(fitted, cohort, training)
        nets = [FoldNet(fitted, number, cohort) for number in range(len(fitted.nets))]

        def columns(name: str, number: int, neighbours: Neighbours) -> Mapping[str, np.ndarray]:
            attention = np.mean([attention_to_patients(net, name, number) for net in nets], axis=0)
            receivers = neighbours.receivers
            in_degree = np.bincount(receivers, minlength=len(cohort))[receivers]
            return {"attention": attention, "in_degree": in_degree, "score": attention * in_degree}

        table = patient_edges(fitted, cohort, training, columns)
        return table.assign(score=table["attention"] * table["in_degree"])


def _require_attention(fitted: Fitted) -> None:
    """Raises `InputError` where the nets have no attention that names what it is paid to."""
    if attends_to_patients(fitted) or attends_to_sets(fitted):
        return
    recipes = " and ".join(RECIPES)
    raise InputError(
        "method = 'attention': the nets of this run have no attention to patients or gene sets "
        f"(propagate = {fitted.spec.propagate!r}, fuse = {fitted.spec.fuse!r}); recipes that have "
        f"it: {recipes}, or propagate = 'attention' in your own. Or take another method, such as "
        "edge-gradients"
    )
