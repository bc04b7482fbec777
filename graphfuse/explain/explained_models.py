"""Models explained one by one, each on patients whom it never saw, and the tables of them all.

The seeds of a model are one: their attributions are averaged with their signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain import ranked_edges_and_sets
from graphfuse.explain.attributions_over_folds import FoldColumns
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.load_method import attributed
from graphfuse.explain.marginal_table import MarginalTables
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.explain.model_inputs import ModelInputs
from graphfuse.explain.ranked_columns import RankedColumns
from graphfuse.explain.ranked_tables import features
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class RankedItems:
    """What is ranked, the same for all models of a cohort.

    Attributes
    ----------
    cohort : Cohort
        The patients.
    modalities : list of Modality
        Those of the models.
    measured : GeneNetwork or None
        The gene network among the genes that they measure.
    groups : ColumnGroups
        Of their columns.
    features : pandas.DataFrame
        Every column, with its gene and its group.
    """

    cohort: Cohort
    modalities: list[Modality]
    measured: GeneNetwork | None
    groups: ColumnGroups
    features: pd.DataFrame

    @classmethod
    def of(
        cls, replicas: Sequence[Replica], cohort: Cohort, network: GeneNetwork | None
    ) -> RankedItems:
        """Those of fold models.

        Parameters
        ----------
        replicas : sequence of Replica
            The fold models.
        cohort : Cohort
            The cohort that they were trained on.
        network : GeneNetwork or None
            The gene network.

        Returns
        -------
        RankedItems
        """
        modalities = [cohort.modalities[name] for name in replicas[0].model.modalities_]
        measured = _measured(network, modalities)
        groups = ColumnGroups.of(modalities, trained_rows(replicas))
        described = features(modalities, measured).assign(group=groups.of_columns)
        return cls(cohort, modalities, measured, groups, described)

    @property
    def group_of(self) -> pd.Series:
        """The name of each column's group, by `modality:column`."""
        return self.features.set_index("id")["group"]


def trained_rows(replicas: Sequence[Replica]) -> np.ndarray:
    """The rows of the patients that some fold model was trained on, sorted."""
    return np.unique(np.concatenate([replica.train for replica in replicas]))


def _measured(network: GeneNetwork | None, modalities: Sequence[Modality]) -> GeneNetwork | None:
    """The part of the network among genes that these modalities measure."""
    if network is None:
        return None
    symbols = []
    for modality in modalities:
        symbols += [symbol for symbol in modality.symbols if symbol]
    return network.on(symbols)


class ExplainedModels:
    """Models that are explained when they are added.

    Parameters
    ----------
    items : RankedItems
        What is ranked.
    inputs : ModelInputs
        The inputs of these models, and of others with which they are to be compared.
    method : Method
        How columns and edges are scored.
    device : str
        Where gradients are computed.

    Attributes
    ----------
    columns : RankedColumns
        The attributions of columns.
    means : list of Means
        Those of edges and gene sets, of each model.
    """

    def __init__(self, items: RankedItems, inputs: ModelInputs, method: Method, device: str):
        self._items, self._method, self._device = items, method, device
        self.columns = RankedColumns(items.features, inputs, items.cohort, items.groups)
        self.means: list[Means] = []

    def add(self, replica: Replica) -> None:
        """Explain a model on the patients whom it was tested on.

        Of 500 patients with 12,500 columns it takes a gigabyte: models come one after the other.

        Parameters
        ----------
        replica : Replica
        """
        columns, means = self._explained(replica)
        self.columns.add(columns, replica.model.fitted_, replica.tested)
        self.means.append(means)

    def _explained(self, replica: Replica) -> tuple[FoldColumns, Means]:
        """One model, the mean over its seeds."""
        fitted = replica.model.fitted_.on(self._device)
        tested = self._items.cohort.take(replica.tested)
        group_of = self._items.group_of
        columns, means = [], []
        for number in range(len(fitted.nets)):
            net = FoldNet(fitted, number, tested, self._items.measured, group_of)
            attribution = attributed(self._method, net)
            columns.append(FoldColumns.of(attribution, net))
            means.append(Means.of(attribution))
        return FoldColumns.mean(columns), Means.mean(means)

    def tables(
        self,
        target: str,
        task: Task,
        ranges: ExplainedModels | None = None,
        marginal: MarginalTables | None = None,
    ) -> dict[str, pd.DataFrame]:
        """The tables of a `Ranking`, by name.

        Parameters
        ----------
        target : str
            The name of the outcome.
        task : Task
            Its task.
        ranges : ExplainedModels, optional
            The models over which ranges of ranks are taken; by default these.
        marginal : MarginalTables, optional
            As in `RankedColumns.tables`.

        Returns
        -------
        dict of str to pandas.DataFrame
        """
        other = None if ranges is None else ranges.columns.scores()
        tables = self.columns.tables(target, task, other, marginal)
        return tables | self._edges_and_sets(task, self if ranges is None else ranges)

    def _edges_and_sets(self, task: Task, ranges: ExplainedModels) -> dict[str, pd.DataFrame]:
        """The tables of edges and gene sets."""
        with_genes = []
        for modality in self._items.modalities:
            if any(modality.symbols):
                with_genes.append(modality.name)
        found = {name: self.of_all(name) for name in ("edges", "links", "sets")}
        others = {name: ranges.of_all(name) for name in found}
        edges, other_edges = map(_stacked, (found["edges"], others["edges"]))
        named, sign_of = "+".join(with_genes), task.sign_of
        ranked = ranked_edges_and_sets
        return {
            "edges": ranked.edges(self._items.measured, edges, named, sign_of, other_edges),
            "links": ranked.links(found["links"] or [], sign_of, others["links"]),
            "pathways": ranked.pathways(found["sets"] or [], sign_of, others["sets"]),
        }

    def of_all(self, name: str) -> list | None:
        """The attribute of `Means` of this name of all models; `None` where one of them lacks
        it."""
        return _of_all(self.means, name)

    @property
    def error(self) -> float | None:
        """The largest completeness error; `None` where the method has none."""
        errors = [each.error for each in self.means if each.error is not None]
        return max(errors, default=None)


@dataclass(frozen=True, eq=False)
class Means:
    """What of an `Attribution` is a mean over patients in each direction, of a net or of a model's
    nets; the attributes are those of `Attribution`."""

    edges: np.ndarray | None
    links: pd.DataFrame | None
    sets: pd.DataFrame | None
    error: float | None

    @classmethod
    def of(cls, attribution: Attribution) -> Means:
        """The means of one net's attributions."""
        return cls(attribution.edges, attribution.links, attribution.sets, attribution.error)

    @classmethod
    def mean(cls, nets: Sequence[Means]) -> Means:
        """The mean over the nets of one model, with the largest of their errors."""
        edges = _mean(_of_all(nets, "edges"))
        links = _mean_of_links(_of_all(nets, "links"))
        sets = _mean_of_sets(_of_all(nets, "sets"))
        errors = _of_all(nets, "error")
        error = max(errors) if errors else None
        return cls(edges, links, sets, error)


def _of_all(means: Sequence[Means], name: str) -> list | None:
    """The attribute of this name of all; `None` where one of them lacks it."""
    values = [getattr(each, name) for each in means]
    return None if any(value is None for value in values) else values


def _mean(arrays: list[np.ndarray] | None) -> np.ndarray | None:
    return np.mean(arrays, axis=0) if arrays else None


def _mean_of_links(tables: list[pd.DataFrame] | None) -> pd.DataFrame | None:
    """The mean over tables by source, target and relation; what a table lacks is 0 there."""
    if not tables:
        return None
    by_link = pd.concat(tables).groupby(level=[0, 1, 2])
    return by_link.sum() / len(tables)


def _mean_of_sets(tables: list[pd.DataFrame] | None) -> pd.DataFrame | None:
    return sum(tables) / len(tables) if tables else None


def _stacked(arrays: list[np.ndarray] | None) -> np.ndarray | None:
    """Arrays of all models `[models, K, …]`."""
    return None if arrays is None else np.stack(arrays)
