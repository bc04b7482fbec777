"""The results of a cross-validation, as they grow: predictions, fold models, scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.summary import columns, has_every_subset, of_one_part, shapley_of, tally
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Evaluation, GroupScore, Metrics
from graphfuse.schema.run_model_name import ADDITIVE, OURS, PATTERN, ModelId, refuse_same_names
from graphfuse.task.metric import MetricSet
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import metrics_of


@dataclass(eq=False)
class Replica:
    """A model fitted without one fold, and the rows of the cohort that it was tested and trained on
    (see `folds.Split`)."""

    repeat: int
    fold: int
    tested: np.ndarray
    train: np.ndarray
    model: FusionModel


@dataclass(eq=False)
class Study:
    """The results of a cross-validation.

    Attributes
    ----------
    outcome : Outcome
    present : pd.DataFrame
        bool `[N, M]`: which patient has which modality.
    replicas : list of Replica
        The fold models.
    model : FusionModel or None
        The final model.
    outputs : dict of str to list of np.ndarray
        Of each model, over folds, the outputs `[q, O]` for the test patients.
    seconds : dict of str to list of float
        Of each model, over folds, the fit times.
    checks : list of str
        What the access log of all fits saw.
    failed : dict of str to str
        What was left out, and why.
    """

    outcome: Outcome
    present: pd.DataFrame
    replicas: list[Replica] = field(default_factory=list)
    model: FusionModel | None = None
    outputs: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    checks: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def _metrics(self) -> MetricSet:
        return metrics_of(self.outcome.kind)

    def predictions(self, cohort: Cohort) -> pd.DataFrame:
        """`patient, repeat, fold, truth`, the columns of the task's `table` (`call, p_<class>…` or
        `value, lo, hi`) and `flag`, of the net, fold after fold."""
        task = self.outcome.task
        truth = task.shown(self.outcome.target)[""]
        tables = []
        for replica, output in zip(self.replicas, self.outputs[OURS], strict=True):
            if not self._labelled(replica):
                continue
            table = {
                "patient": cohort.patients[replica.tested],
                "repeat": replica.repeat,
                "fold": replica.fold,
                "truth": truth[replica.tested],
            }
            table |= task.table(output)
            table["flag"] = replica.model.flags(cohort.take(replica.tested))
            tables.append(pd.DataFrame(table))
        return pd.concat(tables, ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """A row with `summary.columns` for every model and fold: baselines, variants, then the net
        by pattern of modalities."""
        rows = []
        for name, outputs in self.outputs.items():
            folds = zip(self.replicas, outputs, self.seconds[name], strict=False)
            for replica, output, seconds in folds:
                if self._labelled(replica):
                    row = self._row(name, replica, slice(None), output)
                    rows.append(row | {"seconds": seconds})
        rows += self._pattern_rows()
        table = pd.DataFrame(rows, columns=list(columns(self._metrics)))
        return table.fillna({"seconds": 0.0})

    def _pattern_rows(self) -> list[dict]:
        """Rows of the net on the patients with each pattern of modalities that enough have."""
        names = self._patterns(self.present).map(str).to_numpy()  # [N]
        tested = np.concatenate([names[replica.tested] for replica in self.replicas])
        repeats = len({replica.repeat for replica in self.replicas})
        counts = pd.Series(tested).value_counts() / repeats
        if len(counts) < 2:
            return []
        rows = []
        for pattern in sorted(counts.index[counts >= FEWEST]):
            for replica, output in zip(self.replicas, self.outputs[OURS], strict=True):
                mine = names[replica.tested] == pattern
                if mine.any() and self._labelled(replica):
                    rows.append(self._row(pattern, replica, mine, output[mine]))
        return rows

    def _patterns(self, present: pd.DataFrame) -> pd.Series:
        """What the net is called on the patients who have the modalities of each row."""
        return present.apply(lambda row: ModelId.of_modalities(PATTERN, row.index[row]), axis=1)

    def refuse_patterns_of_one_name(self) -> None:
        """Raises `InputError` where patients with different modalities would be
        scored as if they had the same."""
        refuse_same_names(self._patterns(self.present.drop_duplicates()))

    def _labelled(self, replica: Replica) -> bool:
        """Whether its patients can be scored: all of them have a label, or none."""
        return bool(self.outcome.known[replica.tested].all())

    def _row(
        self, name: str, replica: Replica, which: np.ndarray | slice, output: np.ndarray
    ) -> dict:
        """The scores of one model in one fold, on `which` of the tested patients."""
        truth = self.outcome.values[replica.tested][which]
        trained = int(self.outcome.known[replica.train].sum())
        where = {
            "model": name,
            "repeat": replica.repeat,
            "fold": replica.fold,
            "tested": len(truth),
            "trained": trained,
        }
        return where | self._metrics.scores(truth, output)

    def metrics(self, protocol: dict) -> Metrics:
        """Scores of every model with corrected intervals, and the net against each of them."""
        metrics = tally(self.scores(), self.outcome.name, protocol, self._metrics)
        if len(self.replicas) > 1:
            return metrics
        y = self.outcome.values[self.replicas[0].tested]
        outputs = {name: folds[0] for name, folds in self.outputs.items()}
        return of_one_part(metrics, y, outputs)

    def evaluation(self, metrics: Metrics, subgroups: Sequence[GroupScore] = ()) -> Evaluation:
        """What the scores say of the modalities, together with the scores of `subgroups`."""
        cross_modal = [pair for pair in metrics.comparisons if pair.b == ADDITIVE]
        modalities = tuple(self.present)
        shares = []
        if has_every_subset(self.outputs, modalities):
            shares = shapley_of(self.scores(), modalities, self._metrics)
        return Evaluation(
            kind=metrics.kind,
            contributions=shares,
            cross_modal=cross_modal,
            subgroups=list(subgroups),
        )
