"""Rankings of columns and of what they sum to: genes, modalities, levels and flags."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.data.cohort import Cohort
from graphfuse.explain import ranked_tables
from graphfuse.explain.attributions_over_folds import AttributionsOverFolds, FoldColumns
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.group_scores import ranked_groups
from graphfuse.explain.halves_agreement import Agreement
from graphfuse.explain.item_scores import ItemScores
from graphfuse.explain.marginal_table import MarginalTables
from graphfuse.explain.model_inputs import ModelInputs, grouping
from graphfuse.explain.ranked_tables import TINY, shown_directions, signs
from graphfuse.learn.fold_model import Fitted
from graphfuse.schema import RANKING_COLUMNS
from graphfuse.task.task import Task

_SHARED = {"flags", "measured", "modalities"}  # items of whose scores shares are taken


class RankedColumns:
    """The ranking of a run's columns, from fold models that are added one by one.

    Parameters
    ----------
    features : pandas.DataFrame
        Every column of every modality, `id, gene, modality, degree`.
    inputs : ModelInputs
        What the fold models have as inputs.
    cohort : Cohort
        Their patients.
    groups : ColumnGroups
        Which of the columns are one group.
    """

    def __init__(
        self, features: pd.DataFrame, inputs: ModelInputs, cohort: Cohort, groups: ColumnGroups
    ):
        self._groups = groups
        self._features, self._inputs, self._cohort = features, inputs, cohort
        self._modalities = list(dict.fromkeys(features["modality"]))
        self._tested = np.zeros(len(cohort), dtype=bool)
        self._items = self._inputs_of_items()
        self._over_folds = AttributionsOverFolds(len(cohort), self._items)

    def _inputs_of_items(self) -> dict[str, sparse.csr_array]:
        """The kinds of items, with the matrix `[G, items]` that sums the inputs of each."""
        inputs = self._inputs
        feature = inputs.table["feature"].to_numpy(int)
        is_flag = inputs.of_kind("flag")
        flagged = np.where(is_flag, feature, -1)
        measured = np.where(is_flag, -1, feature)
        gene, genes = ranked_tables.gene_of(self._features)
        modality = pd.Index(self._modalities).get_indexer(inputs.table["modality"])
        return {
            "inputs": grouping(np.arange(len(inputs)), len(inputs)),
            "nodes": grouping(feature, inputs.features),
            "flags": grouping(flagged, inputs.features),
            "measured": grouping(measured, inputs.features),
            "genes": grouping(gene[feature], genes),
            "groups": grouping(self._groups.group[feature], len(self._groups.names)),
            "modalities": grouping(modality, len(self._modalities)),
        }

    def add(self, fold: FoldColumns, fitted: Fitted, rows: np.ndarray) -> None:
        """Add a fold's model, with its test patients' rows in the cohort."""
        self._tested[rows] = True
        over_inputs = fold.over(self._inputs.sum_into(fitted))
        self._over_folds.add(over_inputs, rows)

    def scores(self) -> dict[str, ItemScores]:
        """Scores of all kinds of items in units of noise.

        Returns
        -------
        dict of str to ItemScores
            By name; those of which shares are taken, such as `modalities`, are in the unit of
            attributions.
        """
        return self._in_units_of_noise(self._over_folds.scores())

    def tables(
        self,
        target: str,
        task: Task,
        ranges: Mapping[str, ItemScores] | None = None,
        marginal: MarginalTables | None = None,
    ) -> dict[str, pd.DataFrame]:
        """The ranked tables, by name.

        Parameters
        ----------
        target : str
            The name of the outcome.
        task : Task
            Its task.
        ranges : mapping of str to ItemScores, optional
            Scores of the same items by the models over which ranges of ranks are taken, as of
            `scores`; by default these are the fold models themselves.
        marginal : MarginalTables, optional
            Associations of columns with the outcome, where they are known already.

        Returns
        -------
        dict of str to pandas.DataFrame
            `nodes`, `genes`, `groups`, `modalities`, `levels` and `nodes_by_class`.
        """
        if marginal is None:
            tested = self._cohort.take(self._tested)
            marginal = MarginalTables(tested, self._modalities, target)
        scores = self.scores()
        for name, other in (ranges or {}).items():
            scores[name] = scores[name].ranged_over(other)
        shares, of_nodes = self._shares(scores), scores["nodes"]
        modalities = ranked_tables.modalities(self._modalities, scores["modalities"])
        return {
            "nodes": self._nodes(of_nodes, shares, marginal.of_features(), task),
            "genes": self._genes(scores["genes"], marginal, task),
            "modalities": modalities,
            "groups": ranked_groups(
                self._groups, self._features, scores["groups"], scores["nodes"].score
            ),
            "levels": self._levels(scores["inputs"], marginal, task),
            "nodes_by_class": self._by_class(of_nodes, shares, marginal, task),
        }

    @property
    def _modality_of_inputs(self) -> np.ndarray:
        """The number of each input's modality."""
        return pd.factorize(self._inputs.table["modality"])[0]

    def agreement(self) -> Agreement:
        """How far models of two halves of the patients agree, which were added one after the
        other."""
        return self._over_folds.agreement(self._modality_of_inputs)

    def _in_units_of_noise(self, scores: dict[str, ItemScores]) -> dict[str, ItemScores]:
        """Scores of all items in units of the noise of one input, whose variance is the mean over
        an item's inputs: within a modality the order is that of the attributions."""
        variance = self._over_folds.noise(self._modality_of_inputs)
        scaled = dict(scores)
        for name in self._items.keys() - _SHARED:
            sums = self._items[name]
            inputs = sums.sum(0)  # [items]
            mean_variance = sums.T @ variance / np.maximum(inputs, 1)
            unit = np.sqrt(np.where(inputs > 0, mean_variance, 1.0))
            scaled[name] = scores[name].in_units(unit)
        return scaled

    def _nodes(
        self,
        scores: ItemScores,
        shares: pd.DataFrame,
        marginal: pd.DataFrame,
        task: Task,
        k: int | None = None,
    ) -> pd.DataFrame:
        """The columns ranked in the direction `k`, or over all of them."""
        sign_of = task.sign_of if k is None else k
        direction = shown_directions(scores.mean, sign_of)
        slope = self._value_slopes(self._over_folds.slope)
        described = pd.concat([shares, marginal], axis=1)
        described["level"] = self._strongest_levels(direction)
        own_signs = _signs(slope, direction, task)
        own = scores if k is None else scores.of_direction(k)
        return ranked_tables.nodes(described, own, own_signs)

    def _genes(self, scores: ItemScores, marginal: MarginalTables, task: Task) -> pd.DataFrame:
        """Genes ranked."""
        gene, genes = ranked_tables.gene_of(self._features)
        slope = self._value_slopes(self._over_folds.slope) @ grouping(gene, genes)
        direction = shown_directions(scores.mean, task.sign_of)
        own_signs = _signs(slope, direction, task)
        items = ranked_tables.gene_items(self._features)
        described = pd.concat([items, marginal.of_genes(gene, genes)], axis=1)
        return ranked_tables.genes(described, scores, own_signs)

    def _value_slopes(self, slope: np.ndarray) -> np.ndarray:
        """The slopes `[K, columns]` of the columns' values: flags of missing values and levels of
        categories are left out, so that they never decide a sign."""
        is_value = self._inputs.of_kind("value")
        return np.where(is_value, slope, 0.0) @ self._inputs.by_feature()

    def _shares(self, scores: dict[str, ItemScores]) -> pd.DataFrame:
        """The columns with the shares of their scores that come from flags of missing values, and
        through the gene network."""
        missing, measured = scores["flags"].score, scores["measured"].score
        shares = {"missing_share": _share(missing, measured)}
        through = self._over_folds.slope_through_network
        if through is not None:
            total = self._value_slopes(self._over_folds.slope)
            part = self._value_slopes(through)
            own = total - part
            shares["network_share"] = _share(np.abs(part).sum(0), np.abs(own).sum(0))
        return self._features.assign(**shares)

    def _strongest_levels(self, direction: np.ndarray) -> np.ndarray:
        """The level of each column with the largest slope in a direction, str `[columns]`; of two
        with the same, the one that raises what is predicted."""
        table = self._inputs.table[self._inputs.of_kind("level")]
        shown = direction[table["feature"]]
        slope = self._over_folds.slope[shown, table.index]
        size = np.abs(slope)
        largest = size.max(initial=TINY)
        table = table.assign(size=np.round(size / largest, 9), slope=slope)
        table = table.sort_values(["size", "slope"], ascending=False, kind="stable")
        strongest = table.drop_duplicates("feature").set_index("feature")["level"]
        by_feature = strongest.reindex(range(len(direction)))
        return by_feature.fillna("").to_numpy()

    def _levels(self, scores: ItemScores, marginal: MarginalTables, task: Task) -> pd.DataFrame:
        """Levels and flags, ranked."""
        is_shown = ~self._inputs.of_kind("value")
        shown = self._inputs.table[is_shown].reset_index(drop=True)
        columns = self._features.iloc[shown["feature"]].reset_index(drop=True)
        of_level = " = " + shown["level"]
        ending = of_level.where(shown["kind"] == "level", " missing")
        named = columns.assign(id=columns["id"] + ending, kind=shown["kind"], level=shown["level"])
        items = pd.concat([named, marginal.of_inputs(shown)], axis=1)
        own = ItemScores(scores.mean[:, is_shown], scores.by_fold[:, :, is_shown])
        slope = self._over_folds.slope[:, is_shown]
        direction = shown_directions(own.mean, task.sign_of)
        own_signs = _signs(slope, direction, task)
        return ranked_tables.levels(items, own, own_signs)

    def _by_class(
        self, scores: ItemScores, shares: pd.DataFrame, marginal: MarginalTables, task: Task
    ) -> pd.DataFrame:
        """The columns ranked for each direction apart, one below the other; no rows where the task
        has no directions to rank apart."""
        by_direction = []
        for k, name in enumerate(task.ranked_apart):
            table = self._nodes(scores, shares, marginal.of_features(k), task, k)
            by_direction.append(table.assign(**{"class": name}))
        if not by_direction:
            return pd.DataFrame(columns=[*RANKING_COLUMNS, "class"])
        return pd.concat(by_direction, ignore_index=True)


def _signs(slope: np.ndarray, direction: np.ndarray, task: Task) -> pd.DataFrame:
    """The columns `sign` and `sign_class` of items: the class, if it is one, that each is of."""
    names = np.array(task.ranked_apart or [""] * len(slope), dtype=object)
    sign = signs(slope, direction)
    sign_class = np.where(sign != 0, names[direction], "")
    return pd.DataFrame({"sign": sign, "sign_class": sign_class})


def _share(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A part as a share of part and rest, 0 where both are 0."""
    total = part + rest
    return np.divide(part, total, out=np.zeros_like(total), where=total > 0)
