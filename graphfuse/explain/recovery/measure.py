"""Plants outcomes in a cohort, trains and ranks as the run did, and counts what is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import Split
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.column_scores import column_scores, order_of
from graphfuse.explain.explained_models import trained_rows
from graphfuse.explain.method import Method
from graphfuse.explain.recovery.held_out_ridge import Explained
from graphfuse.explain.recovery.matched_strength import RidgeOnFolds
from graphfuse.explain.recovery.planted_outcomes import Drawn, PlantedOutcomes
from graphfuse.explain.recovery.recovery import (
    EXPLAINED,
    LEVEL,
    REAL,
    RECOVERY_COLUMNS,
    Recovery,
)
from graphfuse.explain.refits import Refits, first_repeat
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.learn.progress import progress

FIRST = (10, 100)
PILOTS = 8  # outcomes by which the strength is matched, at least
WIDE = 1.959963984540054  # standard errors to either side of a mean that hold 95 %


def recovery(
    modality_scores: pd.Series,
    replicas: Sequence[Replica],
    cohort: Cohort,
    refits: Refits,
    method: Method,
    cohorts: int,
    planted: int,
) -> Recovery:
    """What the recipe and its ranking find in planted cohorts shaped like this one.

    The effects found are measured on held-out patients, so that they are not too large for having
    been found: by how much of the outcome a ridge regression explains there. Where it explains as
    much of shuffled outcomes, there are no effects to plant, and no model is trained.

    Parameters
    ----------
    modality_scores : pandas.Series
        Modality → its share of the ranking's scores, by which columns are planted.
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        Their patients.
    refits : Refits
        How they were trained.
    method : Method
        By which columns are ranked.
    cohorts : int
        How many outcomes are planted; each is trained in all folds of the run.
    planted : int
        How many columns each depends on.

    Returns
    -------
    Recovery

    Raises
    ------
    InputError
        For more patients than kernels have room for.
    """
    require_kernels(cohort)
    names, outcome = replicas[0].model.modalities_, cohort.outcome(refits.target)
    first = first_repeat(replicas, cohort, "recovery")
    made = PlantedOutcomes(cohort, names, outcome, _parts(first, len(cohort)))
    ridge = RidgeOnFolds(made, first, outcome)
    p = ridge.p_value()
    rows = _real(ridge.explained(outcome), p)
    if p < LEVEL:
        shares = modality_scores.reindex(names).fillna(0.0).to_dict()
        drawn = [made.draw(planted, shares, seed) for seed in range(max(cohorts, PILOTS))]
        strength = ridge.strength(drawn)
        modalities = [cohort.modalities[name] for name in names]
        groups = ColumnGroups.of(modalities, trained_rows(replicas))
        with progress("recovery", cohorts) as step:
            for number, each in enumerate(drawn[:cohorts]):
                own = made.outcome(each, strength, number)
                ranked = _ranked(replicas, cohort.with_outcome(own), refits, method, groups)
                rows += _planted(number, strength, ridge.explained(own).share)
                counted = _counted(made.ids, each, groups, *ranked)
                rows += [{"cohort": str(number + 1), **row} for row in counted]
                step(True)
    table = pd.DataFrame(rows).reindex(columns=list(RECOVERY_COLUMNS))
    return Recovery(table.assign(kind=table["kind"].fillna("")))


def _real(found: Explained, p: float) -> list[dict]:
    """The rows on the real outcome."""
    low, high = found.share - WIDE * found.error, found.share + WIDE * found.error
    values = {EXPLAINED: found.share, "ridge_r2_lo": low, "ridge_r2_hi": high, "p": p}
    return [{"cohort": REAL, "measure": name, "value": value} for name, value in values.items()]


def _planted(number: int, strength: float, share: float) -> list[dict]:
    """The rows on a planted outcome by itself."""
    values = {"strength": strength, EXPLAINED: share}
    who = str(number + 1)
    return [{"cohort": who, "measure": name, "value": value} for name, value in values.items()]


def _parts(first: Sequence[Replica], patients: int) -> np.ndarray:
    """int `[patients]`: the fold of the first repeat in which each is tested; -1 for none."""
    part = np.full(patients, -1)
    for replica in first:
        part[replica.tested] = replica.fold
    return part


def _ranked(
    replicas: Sequence[Replica],
    cohort: Cohort,
    refits: Refits,
    method: Method,
    groups: ColumnGroups,
) -> tuple[pd.Series, pd.Series]:
    """The scores of columns and groups, of models trained on the cohort in all folds of the run."""
    models = []
    for repeat in dict.fromkeys(replica.repeat for replica in replicas):
        jobs = []
        for replica in replicas:
            if replica.repeat == repeat:
                split = Split(repeat, replica.fold, replica.tested, replica.train)
                jobs.append((cohort, split))
        models += refits.models(jobs)
    return column_scores(models, cohort, method, refits.device, groups)


def _counted(
    ids: Sequence[str],
    drawn: Drawn,
    groups: ColumnGroups,
    columns: pd.Series,
    of_groups: pd.Series,
) -> list[dict]:
    """Average precision, and how many planted columns and groups are among the first."""
    is_planted = np.zeros(len(ids), bool)
    is_planted[drawn.columns] = True
    has_planted = np.zeros(len(of_groups), bool)
    has_planted[groups.group[drawn.columns]] = True
    first = sorted({len(drawn.columns), *FIRST})
    rows = _of_kind("columns", columns.loc[list(ids)], is_planted, first)
    return rows + _of_kind("groups", of_groups, has_planted, first)


def _of_kind(
    kind: str, scores: pd.Series, is_planted: np.ndarray, first: Sequence[int]
) -> list[dict]:
    """The rows of one kind of item, with how many are among so many `first` ones."""
    planted, of = int(is_planted.sum()), len(scores)
    place = {"kind": kind, "planted": planted, "of": of}
    precision = average_precision_score(is_planted, scores.to_numpy(float))
    own = {"measure": "average_precision", "value": precision, "chance": planted / of}
    rows = [{**place, **own}]
    order = order_of(scores)
    for k in first:
        if k <= of:
            found = int(is_planted[order[:k]].sum())
            chance = planted * k / of
            rows.append({**place, "measure": "found", "k": k, "value": found, "chance": chance})
    return rows
