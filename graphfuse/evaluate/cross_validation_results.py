"""The results of a cross-validation, as they grow: predictions, fold models, scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.groups import group_known
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.patient_draws import PatientDraws, TestPart, drawn_scores, over_repeats
from graphfuse.evaluate.summary import columns, shapley_of, tally
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
    groups : pd.Series or None
        The group of each patient, where folds keep groups whole: patients of one are drawn
        together when scores are resampled.
    """

    outcome: Outcome
    present: pd.DataFrame
    replicas: list[Replica] = field(default_factory=list)
    model: FusionModel | None = None
    outputs: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    checks: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    groups: pd.Series | None = None

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
        for name, replica, part, seconds in self._tests():
            trained = int(self.outcome.known[replica.train].sum())
            where = {
                "model": name,
                "repeat": replica.repeat,
                "fold": replica.fold,
                "tested": len(part.y),
                "trained": trained,
            }
            scored = self._metrics.scores(part.y, part.output)
            rows.append(where | scored | {"seconds": seconds})
        return pd.DataFrame(rows, columns=list(columns(self._metrics)))

    def draws(self) -> PatientDraws:
        """The scores of all models under the same draws of the tested patients."""
        tests = list(self._tests())
        units = self._units(np.concatenate([part.patients for _, _, part, _ in tests]))
        scored = [replica for replica in self.replicas if self._labelled(replica)]
        trained = np.mean([self.outcome.known[replica.train].sum() for replica in scored])
        repeats = []
        for repeat in dict.fromkeys(replica.repeat for replica in scored):
            parts = defaultdict(list)
            for name, replica, part, _ in tests:
                if replica.repeat == repeat:
                    parts[name].append(part)
            repeats.append(drawn_scores(parts, units, self._metrics, float(trained)))
        return over_repeats(repeats)

    def _units(self, tested: np.ndarray) -> np.ndarray:
        """int `[N]`: the unit with which each patient is drawn, in the order of their names; -1 for
        those who are not tested. Patients whose group is not known are drawn for themselves, as
        all are where one group alone is tested."""
        tested = np.unique(tested)
        patients = self.present.index.astype(str).to_numpy(object)
        named = patients[tested]
        if self.groups is not None:
            groups = self.groups.iloc[tested]
            of_group = "group " + groups.astype(str).to_numpy(object)
            by_group = np.where(group_known(groups), of_group, "patient " + named)
            named = by_group if len(set(by_group)) > 1 else named
        units = np.full(len(patients), -1)
        units[tested] = np.unique(named.astype(str), return_inverse=True)[1]
        return units

    def _tests(self) -> Iterator[tuple[str, Replica, TestPart, float]]:
        """(model, fold model, the patients it is scored on, seconds) of every model and fold whose
        patients have labels: baselines, variants, then the net by pattern of modalities."""
        for name, outputs in self.outputs.items():
            folds = zip(self.replicas, outputs, self.seconds[name], strict=False)
            for replica, output, seconds in folds:
                if self._labelled(replica):
                    everyone = np.ones(len(output), bool)
                    yield name, replica, self._part(replica, everyone, output), seconds
        yield from self._pattern_tests()

    def _pattern_tests(self) -> Iterator[tuple[str, Replica, TestPart, float]]:
        """The same of the net on the patients with each pattern of modalities that enough have."""
        names = self._patterns(self.present).map(str).to_numpy()  # [N]
        tested = np.concatenate([names[replica.tested] for replica in self.replicas])
        repeats = len({replica.repeat for replica in self.replicas})
        counts = pd.Series(tested).value_counts() / repeats
        if len(counts) < 2:
            return
        for pattern in sorted(counts.index[counts >= FEWEST]):
            for replica, output in zip(self.replicas, self.outputs[OURS], strict=True):
                mine = names[replica.tested] == pattern
                if mine.any() and self._labelled(replica):
                    yield pattern, replica, self._part(replica, mine, output), 0.0

    def _part(self, replica: Replica, which: np.ndarray, output: np.ndarray) -> TestPart:
        """What one model puts out for `which` (bool `[q]`) of the tested patients of a fold."""
        patients = replica.tested[which]
        return TestPart(patients, self.outcome.values[patients], output[which])

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

    def metrics(self, protocol: dict, draws: PatientDraws | None = None) -> Metrics:
        """Scores of every model with their intervals, and the net against each of them; `draws`:
        where they are made already."""
        draws = draws or self.draws()
        return tally(self.scores(), draws, self.outcome.name, protocol, self._metrics)

    def evaluation(
        self, metrics: Metrics, draws: PatientDraws, subgroups: Sequence[GroupScore] = ()
    ) -> Evaluation:
        """What the scores say of the modalities, together with the scores of `subgroups`."""
        cross_modal = [pair for pair in metrics.comparisons if pair.b == ADDITIVE]
        shares = shapley_of(draws, tuple(self.present), self._metrics)
        return Evaluation(
            kind=metrics.kind,
            contributions=shares,
            cross_modal=cross_modal,
            subgroups=list(subgroups),
        )
