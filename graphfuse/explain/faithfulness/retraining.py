"""Models trained anew on the first columns of a ranking (after ROAR).

Inputs with columns at their means are unlike anything that a model was trained on; a model that was
trained without these columns needs no such inputs. Columns are ranked within the training patients
of a fold, by models of inner folds that are explained on the inner patients that they were not
trained on: no label of a test patient takes part in choosing them.

References
----------
Hooker et al. 2019, A benchmark for interpretability methods in deep neural networks, NeurIPS,
arXiv:1806.10758.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica, Study
from graphfuse.evaluate.folds import Split, repeated, splits
from graphfuse.evaluate.patient_draws import PatientDraws
from graphfuse.explain.column_scores import column_scores, order_of
from graphfuse.explain.faithfulness.column_orders import DEGREE, RANDOM, RANKED, random_orders
from graphfuse.explain.method import Method
from graphfuse.explain.refits import Refits, first_repeat
from graphfuse.learn.progress import progress
from graphfuse.schema.run_model_name import OURS

FIRST = (10, 100, 1000)  # columns that are kept, where there are twice as many
INNER = 3  # folds within the training patients
DRAWS = 3  # random choices of columns for each number


def first_counts(columns: int) -> list[int]:
    """Numbers of columns that are kept of so many.

    Examples
    --------
    >>> first_counts(12_514), first_counts(150), first_counts(12)
    ([10, 100, 1000], [10], [3])
    """
    counts = [count for count in FIRST if 2 * count <= columns]
    return counts or [max(1, columns // 4)]


@dataclass(frozen=True, eq=False)
class Retrained:
    """Scores of models that were trained on k columns.

    Attributes
    ----------
    draws : PatientDraws
        Of the models called by `name_of`, and of the run's own (`OURS`).
    counts : list of int
        The numbers k.
    orders : list of str
        The orders of columns.
    """

    draws: PatientDraws
    counts: list[int]
    orders: list[str]


def name_of(order: str, count: int) -> str:
    """What the model on the first columns of an order is called."""
    return f"{order} {count}"


def retrained(
    replicas: Sequence[Replica],
    cohort: Cohort,
    refits: Refits,
    method: Method,
    degree: np.ndarray | None,
) -> Retrained:
    """Train and score models on the first columns of several orders, in the first repeat's folds.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        Their patients.
    refits : Refits
        How they were trained.
    method : Method
        By which columns are ranked.
    degree : numpy.ndarray or None
        The columns in the order of their degrees, where there is a gene network.

    Returns
    -------
    Retrained
    """
    first = first_repeat(replicas, cohort, "faithfulness")
    modalities = first[0].model.modalities_
    cohort = cohort.without(*(set(cohort.modalities) - set(modalities)))
    columns = sum(len(cohort.modalities[name].columns) for name in modalities)
    counts = first_counts(columns)
    study = _study(first, cohort, refits)
    with progress("retraining", len(first) + len(counts)) as step:
        orders = []
        for replica in first:
            own = {RANKED: [_inner_order(replica, cohort, refits, method)]}
            own[RANDOM] = random_orders(columns, DRAWS, seed=1 + replica.fold)
            if degree is not None:
                own[DEGREE] = [degree]
            orders.append(own)
            step(True)
        for count in counts:
            for name, outputs in _outputs(first, cohort, refits, orders, count).items():
                study.outputs[name] = outputs
                study.seconds[name] = [0.0] * len(first)
            step(True)
    names = list(orders[0])
    return Retrained(_over_draws(study.draws(), counts), counts, names)


def _study(first: Sequence[Replica], cohort: Cohort, refits: Refits) -> Study:
    """The folds and what their own models put out, to which others are added."""
    groups = None
    if refits.keeps is not None:
        groups = pd.Series(cohort.groups[refits.keeps], dtype=object)
    study = Study(cohort.outcome(refits.target), cohort.present, list(first), groups=groups)
    study.outputs[OURS] = [_output(replica, cohort) for replica in first]
    study.seconds[OURS] = [0.0] * len(first)
    return study


def _inner_order(replica: Replica, cohort: Cohort, refits: Refits, method: Method) -> np.ndarray:
    """The columns as inner models of a fold's training patients rank them."""
    training = cohort.take(replica.train)
    outcome = training.outcome(refits.target)
    strata = outcome.task.strata(outcome.target)
    table = repeated(training.patients, strata, INNER, 1, refits.seed)
    inner = splits(table, outcome.known)
    models = refits.models([(training, split) for split in inner])
    scores, _ = column_scores(models, training, method, refits.device)
    return order_of(scores)


def _outputs(
    first: Sequence[Replica],
    cohort: Cohort,
    refits: Refits,
    orders: Sequence[Mapping[str, Sequence[np.ndarray]]],
    count: int,
) -> dict[str, list[np.ndarray]]:
    """The outputs, fold by fold, of models on `count` columns, by name; a random choice's name ends
    with its number."""
    names, jobs = [], []
    for replica, own in zip(first, orders, strict=True):
        for order, draws in own.items():
            for number, drawn in enumerate(draws):
                chosen = with_columns(cohort, drawn[:count])
                has_any = chosen.present.to_numpy()[replica.train].any(axis=1)
                train = replica.train[has_any]
                jobs.append((chosen, Split(replica.repeat, replica.fold, replica.tested, train)))
                name = name_of(order, count)
                names.append(f"{name} {number}" if order == RANDOM else name)
    outputs = defaultdict(list)
    models = refits.models(jobs)
    for name, (chosen, _), model in zip(names, jobs, models, strict=True):
        outputs[name].append(_output(model, chosen))
    return outputs


def with_columns(cohort: Cohort, positions: np.ndarray) -> Cohort:
    """The cohort with some columns of its modalities, by their positions side by side; a modality
    without any is left out."""
    kept, first = {}, 0
    for name, modality in sorted(cohort.modalities.items()):
        width = len(modality.columns)
        own = positions[(positions >= first) & (positions < first + width)] - first
        if len(own):
            kept[name] = modality.of_columns(np.sort(own))
        first += width
    return replace(cohort, modalities=kept)


def _output(replica: Replica, cohort: Cohort) -> np.ndarray:
    """The output `[q, O]` for a fold's test patients; of those who have none of the columns, what
    is predicted where nothing is known."""
    tested = cohort.take(replica.tested)
    has_any = tested.present.to_numpy().any(axis=1)
    target = cohort.take(replica.train).outcome(replica.model.target_).target
    nothing = replica.model.task_.null_output(target)
    output = np.tile(nothing, (len(tested), 1))
    if has_any.any():
        output[has_any] = replica.model.output(tested.take(has_any))
    return output


def _over_draws(draws: PatientDraws, counts: Sequence[int]) -> PatientDraws:
    """Scores in which the random choices of columns have their mean."""
    scores, fewest = dict(draws.scores), dict(draws.fewest)
    for count in counts:
        name = name_of(RANDOM, count)
        drawn = [scores.pop(f"{name} {number}") for number in range(DRAWS)]
        mean = partial(np.mean, axis=0)
        scores[name] = {metric: mean([each[metric] for each in drawn]) for metric in drawn[0]}
        fewest[name] = fewest[f"{name} 0"]
    return replace(draws, scores=scores, fewest=fewest)
