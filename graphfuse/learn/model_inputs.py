"""What a model is given, as a cohort: cohorts and manifests, rows of the model's own cohort, or a
plain table of numbers as scikit-learn hands it on."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.errors import InputError, warn_once
from graphfuse.task.kind import Kind
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import kind_of_labels, trained_kinds

log = logging.getLogger(__name__)

TABLE = "X"  # the modality of a plain table
_OF_TABLES = ("n_features_in_", "feature_names_in_")  # what scikit-learn remembers of them


def cohort_of(model, X, *, fitting: bool = False) -> Cohort:
    """The patients that a model is fitted on or asked about.

    Parameters
    ----------
    model : FusionModel
        Its `cohort`, if any, is what rows are taken of; what it was fitted on says how a manifest
        is read and which columns a table must have.
    X : Cohort, str, Path, or array-like
        A cohort or its manifest; with a `cohort`, rows of it (numbers, ids or a mask); else a table
        of numbers `[N, F]`, in which NaN is missing.
    fitting : bool
        Whether the model learns from them, and so forgets what it was fitted on before.

    Raises
    ------
    InputError
        For anything else, and for tables that scikit-learn refuses.
    """
    is_table = not isinstance(X, Cohort | str | Path) and model.cohort is None
    if fitting and not is_table:
        for name in _OF_TABLES:
            vars(model).pop(name, None)
    if is_table:
        return _of_table(model, X, fitting)
    like = None if fitting else model
    if isinstance(X, Cohort | str | Path):
        return as_cohort(X, like)
    return as_cohort(model.cohort, like).take(X)


def remember_table(model) -> None:
    """What scikit-learn remembers of a table, for a loaded model that was fitted on one."""
    if model.modalities_ != (TABLE,):
        return
    columns = model.fitted_.preparation.pipelines[TABLE].columns
    model.n_features_in_ = len(columns)
    if columns != _numbered(len(columns)):
        model.feature_names_in_ = np.asarray(columns, dtype=object)


def _numbered(count: int) -> tuple[str, ...]:
    """What the columns of a table without names are called."""
    return tuple(f"x{number}" for number in range(count))


def _of_table(model, X, fitting: bool) -> Cohort:
    """One modality; patients are called by their row, in their order."""
    if not fitting and not hasattr(model, "n_features_in_"):
        raise InputError(
            f"X: this model was fitted on a cohort: give one, its manifest, or rows of "
            f"FusionModel(cohort=…) (got {type(X).__name__})"
        )
    kept = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "reset": fitting}
    try:
        values = validate_data(model, X, **kept)
    except ValueError as error:
        raise InputError(f"X: {error}") from None
    columns = getattr(model, "feature_names_in_", None)
    if columns is None:
        columns = _numbered(values.shape[1])
    ids = [f"{row:09d}" for row in range(len(values))]
    return Cohort.from_frames({TABLE: pd.DataFrame(values, ids, columns)}, name=TABLE)


def asked_kind(kind: str | None, cohort, target: str | None) -> type[Kind]:
    """The kind of labels that a model is given as an array: the one it names, else that of the
    outcome `target` (default: the first) of a `cohort`, where this is one that is read already.

    Raises `InputError` where no model is trained of that kind.
    """
    outcomes = cohort.outcomes if isinstance(cohort, Cohort) else {}
    first = next(iter(outcomes), None)
    return kind_of_labels(kind, outcomes.get(target or first))


def labelled(
    cohort: Cohort, y, target: str | None, kind: type[Kind]
) -> tuple[Cohort, str | None, np.ndarray | None]:
    """The cohort with labels to learn, the outcome's name, and the classes as given.

    Parameters
    ----------
    cohort : Cohort
    y : array-like, str or None
        A label each; or the name of one of the cohort's outcomes; or None for `target`.
    target : str, optional
        The outcome to learn where `y` names none, and what labels are called.
    kind : type of Kind
        What labels are.

    Returns
    -------
    cohort : Cohort
    name : str or None
        Of the outcome; None for the cohort's first.
    classes : np.ndarray or None
        Sorted, of `y`'s own type; None where the cohort's outcome is learned, or labels are no
        classes.

    Raises
    ------
    InputError
        For labels that are not of this kind, that are missing, or that are of other rows.
    """
    if y is None and not cohort.outcomes:
        raise InputError(
            "y: FusionModel requires y to be passed, but the target y is None (or a cohort with an "
            "outcome)"
        )
    if y is None or isinstance(y, str):
        return cohort, y or target, None
    name = target or str(getattr(y, "name", None) or "y")
    outcome, classes = kind.from_labels(labels_of(y, cohort, kind), name)
    return cohort.with_outcome(outcome), name, classes


def labels_of(y, cohort: Cohort, kind: type[Kind] | Kind) -> np.ndarray:
    """A label of this kind for each patient `[N]`. Raises `InputError` as `labelled` does."""
    try:
        values = column_or_1d(y, warn=True)
        check_consistent_length(cohort.patients, values)
        _refuse_missing(values)
        values = kind.labels(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"y: {error}") from None
    if isinstance(y, pd.Series):
        _refuse_other_order(y.index, cohort)
    told = [each.task.label_warning(values, each) for each in cohort.outcomes.values()]
    for said in filter(None, told):
        warn_once(log, said)
    return values


def scored(model, cohort: Cohort, y, output: np.ndarray) -> float:
    """The metric that comes first among those of what a model predicts.

    Parameters
    ----------
    model : FusionModel
        Fitted.
    cohort : Cohort
    y : array-like, str or None
        A label each; or the name of one of the cohort's outcomes, of which those who are known
        count; or None for the outcome of training.
    output : np.ndarray
        `[N, O]`: what the model predicts of them.

    Raises
    ------
    InputError
        For labels as `labelled` does, and for an outcome that is of another kind.
    """
    task, known = model.task_, slice(None)
    if y is not None and not isinstance(y, str):
        values = task.values_of(labels_of(y, cohort, task), getattr(model, "classes_", None))
    else:
        outcome = cohort.outcome(y or model.target_)
        task.refuse_other_kind(outcome)
        known = outcome.known
        values = task.values_of(outcome.task.shown(outcome.target)[""][known])
    metric, once = task.metrics[task.metrics.primary], np.ones((1, len(values)))
    return metric.score(values, output[known], once).item()


def _refuse_missing(values: np.ndarray) -> None:
    if pd.isna(values).any():
        raise InputError("Input y contains NaN; leave rows without a label out")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise InputError("Input y contains infinity")


def _refuse_other_order(index: pd.Index, cohort: Cohort) -> None:
    """A series by patient must be in the order of the patients: rows are matched by place."""
    if index.isin(cohort.patients).any() and not index.equals(pd.Index(cohort.patients)):
        raise InputError(
            "y: its index has the cohort's patients in another order than the cohort; rows are "
            "matched by place, so give y.loc[cohort.patients]"
        )


def trained_outcome(cohort: Cohort, target: str | None) -> Outcome:
    """The cohort's outcome of that name (default: the first). Raises `InputError` where no model
    can be trained of it."""
    outcome = cohort.outcome(target)
    if not outcome.task.trains:
        others = [each.name for each in cohort.outcomes.values() if each.task.trains]
        cure = f" (--target {others[0]})" if others else ""
        raise InputError(
            f"outcome {outcome.name!r} is of kind {outcome.kind!r}; training needs an outcome of "
            f"kind {' or '.join(trained_kinds())} so far{cure}"
        )
    lacking = outcome.task.lacks_spread(outcome.target)
    if lacking:
        raise InputError(f"outcome {outcome.name!r}: there are {lacking}; nothing can be learned")
    return outcome
