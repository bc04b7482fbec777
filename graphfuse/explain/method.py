"""The protocol of ranking methods: what a method is given, and what it may say.

A method is a class in a file of `graphfuse/explain/methods/`, which is its registration, or
`file.py:Class` anywhere. It explains one net of a fold's model on the patients whom that model
never saw. Means over patients, seeds and folds, ranks, intervals and tables are made of what it
says, alike for all methods (`fold_models`, `tables`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.errors import GraphfuseError, InputError, nearest
from graphfuse.explain import methods
from graphfuse.explain.differentiable_model import Forward
from graphfuse.files.class_from_file import class_in_file, error_with_line
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.views import Views
from graphfuse.nn.net import Inputs, Net
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class FoldNet:
    """One net of a fold's model, and the N patients on whom it is explained.

    Attributes
    ----------
    fitted : Fitted
        The fold's model: `preparation` (pipelines, networks, layers), `linear` (its linear start).
    number : int
        Which of its nets, one for each seed.
    cohort : Cohort
        The patients, with their labels.
    network : GeneNetwork or None
        The gene network among the genes measured, with E edges.
    """

    fitted: Fitted
    number: int
    cohort: Cohort
    network: GeneNetwork | None = None

    @property
    def module(self) -> Net:
        """The net itself."""
        return self.fitted.nets[self.number]

    @cached_property
    def views(self) -> Views:
        """The patients' standardised columns, and who has which modality."""
        return self.fitted.preparation.views(self.cohort)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Modality → float64 `[N, F]`: its F inputs, in training standard deviations from the
        training mean, which is 0 (or as the recipe's own steps leave them); rows of patients
        without the modality are 0."""
        return self.views.own

    @cached_property
    def inputs(self) -> Inputs:
        """What the net sees of the patients."""
        return self.fitted.inputs(self.views)

    @cached_property
    def forward(self) -> Forward:
        """The net as a differentiable function of the columns."""
        return Forward(self.fitted, self.number, self.inputs, self.views)

    def logits(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the net would say of each of K directions, float64 `[N, K]`, had the patients these
        columns (as `columns`, each modality), their neighbours held fixed; the means over
        gene-network neighbours follow the columns.

        Of classes it is the logit of each less the mean over classes; of a number the number, in
        standard deviations from the training patients' mean.
        """
        with torch.no_grad():
            return self.forward.logits(self.forward.of(columns)).cpu().numpy()

    @cached_property
    def weight(self) -> np.ndarray:
        """Each patient's weight in the mean of each direction, float64 `[N, K]`; absolute values
        sum to 1 in each column. No label is read.

        Of a class it is by the probability that the model gives it; of a number by how far the
        prediction is above the mean prediction (below 0: below it).
        """
        with torch.no_grad():
            predictor = self.fitted.run(self.number, self.inputs).cpu().numpy()
        return self.fitted.task.patient_weights(predictor, self.fitted.temperature)

    @cached_property
    def share(self) -> np.ndarray:
        """Absolute weights, float64 `[N, K]`, for means of gradients: a slope is a slope, whether
        a patient's prediction is high or low."""
        return np.abs(self.weight)

    @property
    def symbols(self) -> dict[str, list[str | None]]:
        """Modality → the gene of each of its F inputs."""
        found = {}
        for name, pipeline in self.fitted.preparation.pipelines.items():
            symbols = self.cohort.modalities[name].symbols
            found[name] = [symbols[column] for column in pipeline.owners]
        return found

    def mean(self, name: str, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Means over the patients in each direction.

        Parameters
        ----------
        name : str
            A modality.
        values : numpy.ndarray
            `[K, N or 1, F]`, of its inputs.
        weight : numpy.ndarray
            `weight` for attributions, `share` for gradients.

        Returns
        -------
        numpy.ndarray
            `[K, columns]`: summed over what each column of the table became (levels, flags of
            missing values); 0 for columns that were not selected.
        """
        pipeline, shape = self.fitted.preparation.pipelines[name], self.columns[name].shape
        directions = zip(weight.T, values, strict=True)
        means = [of @ np.broadcast_to(each, shape) for of, each in directions]
        count = len(pipeline.columns)
        return np.stack([np.bincount(pipeline.owners, row, minlength=count) for row in means])


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a method says of one net: always of columns, and of the rest what it can.

    What is left `None` is left empty in the tables, and their README.txt says so. There are K
    directions: the classes, or one where a number is predicted. Values are signed and count from
    the training mean, in the unit of `FoldNet.logits` (logits less their mean over the classes;
    standard deviations of a number) unless the method's docstring says otherwise: an item's score
    is the mean over directions of the absolute mean over patients, so only sizes within one method
    compare.

    Attributes
    ----------
    columns : dict of str to numpy.ndarray
        Modality → float `[K, N, F]`: what each of its F inputs adds in each direction for each
        patient. + moves the patient towards the class, or the number up. Genes and modalities are
        sums of it.
    gradient : dict of str to numpy.ndarray or None
        Modality → float `[K, N or 1, F]`: the direction's change with the input (logits, or
        standard deviations of the number, per training standard deviation). The sign of its mean is
        the ranking's `sign`: whether a high value speaks for the class, or moves the number up.
    edges : numpy.ndarray or None
        Float `[K, E]`: what each edge of the net's gene network adds in each direction, the mean
        over patients by `FoldNet.weight`.
    links : pandas.DataFrame or None
        The same of edges between a gene's own nodes on a signalling graph: rows by `source, target,
        relation`, a column for each direction.
    sets : pandas.DataFrame or None
        The same of gene sets: rows by their names, columns (`attribution`, direction's number), and
        (`gradient`, direction's number) where their signs are known.
    error : float or None
        The largest share of the change in `FoldNet.logits` that the attributions miss, where the
        method claims that they sum to it.
    """

    columns: dict[str, np.ndarray]
    gradient: dict[str, np.ndarray] | None = None
    edges: np.ndarray | None = None
    links: pd.DataFrame | None = None
    sets: pd.DataFrame | None = None
    error: float | None = None


class Method:
    """A way to say what moves a net's predictions.

    It is built without arguments, and gives the same for the same net, whatever was ranked before.
    The first paragraph of its docstring stands in the README.txt of its rankings.

    Attributes
    ----------
    name : str
        What the rankings' column `method` says; set by `ranking_method`.
    file : Path or None
        Where a method of the user's own stands; set likewise.
    """

    name: str = ""
    file: Path | None = None

    def attribute(self, net: FoldNet) -> Attribution:
        """What moves the predictions of this net, on its patients."""
        raise TypeError(f"{type(self).__name__} must define attribute(net) -> Attribution")

    @property
    def about(self) -> str:
        """What it is, in one paragraph; blank where its class has no docstring of its own."""
        text = inspect.cleandoc(type(self).__doc__ or "")
        return " ".join(text.partition("\n\n")[0].split())

    def said_of(self, task: Task) -> str:
        """What README.txt says of it where outcomes of this task are predicted; `about`, unless a
        method has more to say."""
        return self.about


def ranking_method(name: str) -> Method:
    """A method by its name (`integrated-gradients`), or as `file.py:Class`, whose file is run.

    Raises
    ------
    InputError
        For a name that no method has, with the nearest, and for what is no `Method`.
    """
    title, path = name.replace("-", " "), None
    if ":" in name:
        found = class_in_file(name, "a ranking method")
        file, _, symbol = name.rpartition(":")
        title, path = f"{Path(file).name}:{symbol}", Path(file)
    elif name in methods.available():
        found = _shipped(name)
    else:
        raise InputError(
            f"method = {name!r}: no such ranking method{nearest(name, methods.available())}; or "
            "give file.py:Class"
        )
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise InputError(
            f"method = {name!r}: is no ranking method; derive it from "
            "graphfuse.explain.method.Method"
        )
    with _faults_told(path):
        made = found()
    made.name, made.file = title, path
    return made


def _shipped(name: str) -> type[Method] | None:
    module = importlib.import_module(f"{methods.__name__}.{name.replace('-', '_')}")
    own = [each for each in vars(module).values() if isinstance(each, type)]
    own = [each for each in own if each.__module__ == module.__name__]
    return next((each for each in own if issubclass(each, Method)), None)


def attributed(method: Method, net: FoldNet) -> Attribution:
    """What a method says of a net. Raises `InputError` where a method of the user's own fails, or
    gives something else than the protocol says."""
    with _faults_told(method.file):
        found = method.attribute(net)
        if method.file is not None:
            _check(found, net, method.file)
    return found


@contextmanager
def _faults_told(path: Path | None) -> Iterator[None]:
    """Whatever a user's own file raises in the block is one `InputError` that names its line."""
    try:
        yield
    except (GraphfuseError, MemoryError):
        raise
    except Exception as error:  # a researcher's file may raise anything
        if path is None:
            raise
        said = error_with_line(error, path)
        raise InputError(f"{path}: {type(error).__name__}: {said}") from error


def _check(found: Attribution, net: FoldNet, path: Path) -> None:
    """Raises `InputError` where shapes are not those of the protocol, or values no numbers."""
    if not isinstance(found, Attribution):
        raise InputError(f"{path}: expected an Attribution (got {type(found).__name__})")
    for what, given in (("columns", found.columns), ("gradient", found.gradient)):
        lacking = [] if given is None and what == "gradient" else set(net.columns) - set(given)
        if lacking:
            names = ", ".join(map(repr, sorted(lacking)))
            raise InputError(f"{path}: {what} lacks {names}; every modality is needed")
    for what, values, allowed in _expected(found, net):
        shape = np.shape(values)
        if shape not in allowed:
            expected = " or ".join(map(str, allowed))
            raise InputError(f"{path}: {what} has shape {shape}; expected {expected}")
        if not np.isfinite(np.asarray(values, float)).all():
            raise InputError(f"{path}: {what} holds values that are no finite numbers")


def _expected(found: Attribution, net: FoldNet) -> Iterator[tuple[str, object, list[tuple]]]:
    """(what, values, the shapes that they may have) of all that a method says."""
    directions = net.weight.shape[1]
    for name, own in net.columns.items():
        whole, shared = (directions, *own.shape), (directions, 1, own.shape[1])
        yield f"columns[{name!r}]", found.columns[name], [whole]
        if found.gradient is not None:
            yield f"gradient[{name!r}]", found.gradient[name], [whole, shared]
    if found.edges is not None:
        count = 0 if net.network is None else net.network.edges
        yield "edges", found.edges, [(directions, count)]
    if found.links is not None:
        yield "links", found.links, [(len(found.links), directions)]
    if found.sets is not None:
        rows = len(found.sets)
        yield "sets", found.sets, [(rows, directions), (rows, 2 * directions)]
