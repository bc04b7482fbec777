"""The interface of ranking methods: what a method is given, and what it returns.

A method is a class in a file of `graphfuse/explain/methods/`, which registers it, or
`file.py:Class` anywhere. It attributes the predictions of one net of a fold's model on the test
patients of that fold. Means over patients, seeds and folds, ranks, intervals and tables are
computed from its attributions in the same way for all methods (`fold_ranking`, `tables`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.explain.differentiable_model import Forward
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.net import Inputs, Net
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class FoldNet:
    """One net of a fold's model with the N patients that its predictions are explained on.

    Ranking methods are given it: its `columns` are the inputs to attribute to, and `logits` is the
    net as a function of them. There are K directions: the classes, or one where a number is
    predicted.

    Parameters
    ----------
    fitted : Fitted
        The fold's model: `preparation` (pipelines, networks, layers) and `linear` (the ridge
        regressions that its nets start from).
    number : int
        Index of the net among those of the model, one for each seed.
    cohort : Cohort
        The N patients, with their labels.
    network : GeneNetwork, optional
        The gene network among the genes measured, with E edges.
    group_of : pandas.Series, optional
        The group of correlated columns of each column, by `modality:column`.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(40, {"rna": 8}, effect=4.0).cohort
    >>> model = gf.FusionModel(gf.Recipe(name="plain")).fit(cohort)
    >>> net = FoldNet(model.fitted_, 0, cohort)
    >>> net.columns["rna"].shape  # [N, F]
    (40, 8)
    >>> net.logits(net.columns).shape  # [N, K]
    (40, 2)
    """

    fitted: Fitted
    number: int
    cohort: Cohort
    network: GeneNetwork | None = None
    group_of: pd.Series | None = None

    @property
    def module(self) -> Net:
        """The net as a PyTorch module."""
        return self.fitted.nets[self.number]

    @cached_property
    def views(self) -> Views:
        """The patients' standardised columns, and who has which modality."""
        return self.fitted.preparation.views(self.cohort)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The inputs of each modality, float64 `[N, F]`.

        They are in training standard deviations from the training mean, which is 0, unless the
        recipe's own steps leave them otherwise. Rows of patients without the modality are 0.
        """
        return self.views.own

    @cached_property
    def inputs(self) -> Inputs:
        """The net's inputs for the patients."""
        return self.fitted.inputs(self.views)

    @cached_property
    def forward(self) -> Forward:
        """The net as a differentiable function of the columns."""
        return Forward(self.fitted, self.number, self.inputs, self.views)

    def logits(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the net's outputs for other values of the columns.

        The patients' neighbours stay as they are; means over gene-network neighbours follow the
        columns.

        Parameters
        ----------
        columns : mapping of str to numpy.ndarray
            Each modality's inputs `[N, F]`, as in `columns`.

        Returns
        -------
        numpy.ndarray
            Float64 `[N, K]`: each class's logit less the mean over classes; or the predicted
            number, in standard deviations from the training patients' mean.
        """
        with torch.no_grad():
            logits = self.forward.logits(self.forward.of(columns))
        return logits.cpu().numpy()

    @cached_property
    def weight(self) -> np.ndarray:
        """Each patient's weight in the mean attribution of edges and gene sets in each direction,
        float64 `[N, K]`. Columns, genes and modalities have no weights.

        A class weights patients by the probability that the model gives it; a number by how far the
        prediction is above the mean prediction (negative: below it). Absolute values sum to 1 in
        each column. No label is read.
        """
        with torch.no_grad():
            predictor = self.fitted.run(self.number, self.inputs).cpu().numpy()
        return self.fitted.task.patient_weights(predictor, self.fitted.temperature)

    @cached_property
    def share(self) -> np.ndarray:
        """Absolute weights, float64 `[N, K]`, for means of gradients.

        A gradient has the same sign whether a patient's prediction is high or low.
        """
        return np.abs(self.weight)

    @property
    def symbols(self) -> dict[str, list[str | None]]:
        """The gene of each of the F inputs of each modality; `None` for an input of no gene."""
        by_modality = {}
        for name, pipeline in self.fitted.preparation.pipelines.items():
            symbols = self.cohort.modalities[name].symbols
            by_modality[name] = [symbols[column] for column in pipeline.owners]
        return by_modality

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """The group of correlated columns of each of the F inputs of each modality; every column is
        one by itself where no groups are given."""
        by_modality = {}
        for name, pipeline in self.fitted.preparation.pipelines.items():
            columns = np.array([f"{name}:{column}" for column in pipeline.columns], dtype=object)
            if self.group_of is not None:
                columns = self.group_of.loc[columns].to_numpy()
            by_modality[name] = columns[pipeline.owners]
        return by_modality


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attributions of one net's predictions: to columns, and to other items where a method can.

    Fields that are `None` leave their tables empty, and README.txt of the rankings says so. There
    are K directions: the classes, or one where a number is predicted. Values are signed differences
    from the training mean in the unit of `FoldNet.logits` (logits less their mean over the classes;
    standard deviations of a number), unless the method's docstring gives another unit, so scores
    compare within one method only.

    Parameters
    ----------
    columns : dict of str to numpy.ndarray
        For each modality, float `[K, N, F]`: the attribution of each of its F inputs in each
        direction for each patient. Positive values raise the class's logit, or the number. An
        item's attribution in a patient, such as a gene's, is the sum over its inputs; it is
        averaged over models with its sign, and its absolute value over patients and directions, in
        units of the noise between models, is the score. The ranking's `sign` is that of its slope
        on the input's value.
    through_network : dict of str to numpy.ndarray, optional
        For some modalities, `[K, N, F]`: the part of `columns` that comes through the neighbours
        in the gene network, for the ranking's `network_share`. Modalities that are left out have
        no such part.
    edges : numpy.ndarray, optional
        Float `[K, E]`: the attribution of each edge of the net's gene network in each direction,
        the mean over patients by `FoldNet.weight`.
    links : pandas.DataFrame, optional
        The same for edges between the nodes of one gene in a signalling graph: rows by `source,
        target, relation`, one column for each direction.
    sets : pandas.DataFrame, optional
        The same for gene sets: rows by name, columns (`attribution`, direction's number), and
        (`gradient`, direction's number) where their signs are known.
    error : float, optional
        Largest share of the change in `FoldNet.logits` that the attributions miss, for methods
        whose attributions sum to it (completeness).

    Examples
    --------
    >>> attribution = Attribution({"rna": np.zeros((2, 40, 8))})  # K = 2, N = 40, F = 8
    >>> attribution.edges is None  # edges.csv of the rankings will be empty
    True
    """

    columns: dict[str, np.ndarray]
    through_network: dict[str, np.ndarray] | None = None
    edges: np.ndarray | None = None
    links: pd.DataFrame | None = None
    sets: pd.DataFrame | None = None
    error: float | None = None


class Method:
    """Base class of ranking methods, which attribute a net's predictions to its inputs.

    A method defines `attribute`. It is constructed without arguments, and must return the same for
    the same net, whatever it was given before. The first paragraph of its docstring is written into
    README.txt of the rankings.

    Attributes
    ----------
    name : str
        Value of the column `method` of the rankings; set by `ranking_method`.
    file : pathlib.Path or None
        File of a method of the user's own; set by `ranking_method`.
    compares_patients : bool
        Whether a patient's attributions depend on the other patients of `FoldNet.cohort`; where one
        patient is explained, such a method is given all of them.
    needs_groups : bool
        Whether it needs `FoldNet.group_of`.

    Examples
    --------
    >>> class Columns(Method):
    ...     '''The standardised value of each column, in every direction.'''
    ...
    ...     def attribute(self, net):
    ...         directions = net.weight.shape[1]
    ...         own = net.columns.items()
    ...         return Attribution({name: np.stack([x] * directions) for name, x in own})
    >>> Columns().about
    'The standardised value of each column, in every direction.'
    """

    name: str = ""
    file: Path | None = None
    compares_patients: bool = False
    needs_groups: bool = False

    def attribute(self, net: FoldNet) -> Attribution:
        """Return the attributions of one net's predictions on its patients.

        Parameters
        ----------
        net : FoldNet
            A net of a fold's model with the fold's test patients.

        Returns
        -------
        Attribution
        """
        raise TypeError(f"{type(self).__name__} must define attribute(net) -> Attribution")

    def patient_edges(self, fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
        """Return the scores of every edge of the patient layers into a fold's test patients.

        Parameters
        ----------
        fitted : Fitted
            The fold's model.
        cohort : Cohort
            The test patients, who receive messages.
        training : pandas.Index
            Ids of the training patients, in order, who send them.

        Returns
        -------
        pandas.DataFrame
            As of `graphfuse.explain.patient_edges.patient_edges`: by default what each neighbour
            adds through the linear model.
        """
        return patient_edges(fitted, cohort, training)

    def about_patient_edges(self, task: Task) -> str:
        """Return what the scores of edges between patients are, for README.txt of the rankings.

        Parameters
        ----------
        task : Task
            The task of the outcome that is predicted.

        Returns
        -------
        str
            Its lines are as wide as README.txt has room.
        """
        return task.attribution_words.neighbours

    @property
    def about(self) -> str:
        """The first paragraph of the class's docstring; blank where it has none of its own."""
        text = inspect.cleandoc(type(self).__doc__ or "")
        return " ".join(text.partition("\n\n")[0].split())

    def description(self, task: Task) -> str:
        """Return the method's description for README.txt of the rankings.

        Parameters
        ----------
        task : Task
            The task of the outcome that is predicted.

        Returns
        -------
        str
            `about`, unless a method overrides it.
        """
        return self.about
