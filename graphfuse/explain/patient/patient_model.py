"""A fold's model as a function of one patient's standardised columns."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.explain.differentiable_model import Forward, Gradients
from graphfuse.learn.fold_model import Fitted

CHUNK = 128  # profiles that are evaluated at once


class Outputs(NamedTuple):
    """What a model says of B profiles, the mean over its nets.

    Attributes
    ----------
    output : numpy.ndarray
        `[B, O]`: such as class probabilities.
    logits : numpy.ndarray
        `[B, K]`: as of `FoldNet.logits`.
    """

    output: np.ndarray
    logits: np.ndarray


class PatientModel:
    """A model's outputs for one patient as a function of the standardised columns.

    The patient's neighbours stay who they are, as in all attributions.

    Parameters
    ----------
    fitted : Fitted
        The model.
    cohort : Cohort
        The patient, alone.

    Attributes
    ----------
    inputs : pandas.DataFrame
        A row for each of the G inputs, modality after modality: `modality`, the `column` of its
        table, `feature` (`modality:column`), and `kind` (`value`, `level` or `flag`).
    values : numpy.ndarray
        The patient's inputs `[G]`.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(40, {"rna": 8}, effect=4.0).cohort
    >>> model = gf.FusionModel(gf.Recipe(name="plain"), device="cpu").fit(cohort)
    >>> patient = PatientModel(model.fitted_, cohort.take([3]))
    >>> said = patient.at(patient.values[None])
    >>> bool(np.allclose(said.output, model.output(cohort.take([3]))))
    True
    """

    def __init__(self, fitted: Fitted, cohort: Cohort):
        self.fitted, self.cohort = fitted, cohort
        self._views = fitted.preparation.views(cohort)
        own = self._views.own
        self._ends = np.cumsum([columns.shape[1] for columns in own.values()])
        self.values = np.concatenate([columns[0] for columns in own.values()])
        self.inputs = _inputs(fitted)
        self.present = {name: bool(has[0]) for name, has in self._views.has.items()}

    @cached_property
    def _forwards(self) -> list[Forward]:
        """Each net as a function of so many profiles of the patient."""
        many = self._views.take(np.zeros(CHUNK, dtype=int))
        inputs = self.fitted.inputs(many)
        return [Forward(self.fitted, number, inputs, many) for number in self._numbers]

    @property
    def _numbers(self) -> range:
        return range(len(self.fitted.nets))

    def at(self, profiles: np.ndarray) -> Outputs:
        """What the model says of other values of the columns.

        Parameters
        ----------
        profiles : numpy.ndarray
            `[B, G]`.

        Returns
        -------
        Outputs
        """
        outputs, logits = [], []
        for start in range(0, len(profiles), CHUNK):
            part = profiles[start : start + CHUNK]
            rows = np.resize(np.arange(len(part)), CHUNK)  # the last ones stand in for what lacks
            predictors = self._predictors(part[rows])[:, : len(part)]  # [nets, B, W]
            outputs.append(self.fitted.averaged(predictors))
            contrast = self.fitted.task.contrast(predictors)
            logits.append(contrast.mean(0).numpy())
        return Outputs(np.concatenate(outputs), np.concatenate(logits))

    def _predictors(self, profiles: np.ndarray) -> torch.Tensor:
        """The nets' predictors `[nets, CHUNK, W]`, on the CPU."""
        columns = self.by_modality(profiles)
        by_net = []
        with torch.no_grad():
            for forward in self._forwards:
                by_net.append(forward.predictors(forward.of(columns)).cpu())
        return torch.stack(by_net)

    def gradient(self) -> np.ndarray:
        """The gradient of each direction's logit at the patient, the mean over nets `[K, G]`."""
        inputs = self.fitted.inputs(self._views)
        by_net = []
        for number in self._numbers:
            forward = Forward(self.fitted, number, inputs, self._views)
            gradients = Gradients.of(self.fitted, forward.gradients(forward.columns))
            parts = [gradients.columns(self.fitted, name)[:, 0] for name in self._views.own]
            by_net.append(np.concatenate(parts, axis=1))
        return np.mean(by_net, axis=0)

    def by_modality(self, profiles: np.ndarray) -> dict[str, np.ndarray]:
        """Profiles `[…, G]` cut into modalities."""
        parts = np.split(profiles, self._ends[:-1], axis=-1)
        return dict(zip(self._views.own, map(np.ascontiguousarray, parts), strict=True))

    def call(self, said: Outputs) -> np.ndarray:
        """What each of B profiles is called: the number of a direction, or where there is one, 1
        above the training mean and 0 below it."""
        if said.logits.shape[1] > 1:
            return self.fitted.task.direction_called(said.output)
        return (said.logits[:, 0] > 0).astype(int)


def _inputs(fitted: Fitted) -> pd.DataFrame:
    """The inputs of a model, a row each."""
    tables = []
    for name, pipeline in fitted.preparation.pipelines.items():
        parts = pd.DataFrame(pipeline.parts, columns=["place", "kind", "level"])
        column = np.array(pipeline.columns, dtype=object)[parts["place"].to_numpy(int)]
        ids = [f"{name}:{each}" for each in column]
        tables.append(parts.assign(modality=name, column=column, feature=ids))
    return pd.concat(tables, ignore_index=True)
