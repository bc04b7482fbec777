"""Conversion of a model's inputs `X` and `y` into cohorts and outcomes.

`X` is a cohort, a manifest, rows of the model's own cohort, or a plain table of numbers as in
scikit-learn.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.errors import InputError, warn_once
from graphfuse.task.kind_interface import Kind
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import kind_of_labels, trained_kinds

log = logging.getLogger(__name__)

TABLE = "X"  # the modality of a plain table
_OF_TABLES = ("n_features_in_", "feature_names_in_")  # attributes that scikit-learn sets


def cohort_of(model, X, *, fitting: bool = False) -> Cohort:
    """The patients on which a model is fitted, or which it predicts.

    Parameters
    ----------
    model : FusionModel
        Rows are taken of its `cohort`, if it has one. A manifest is read, and the columns of a
        table are checked, by what it was fitted on.
    X : Cohort, str, Path, or array-like
        A cohort or its manifest; with a `cohort`, rows of it (numbers, ids or a mask); else a table
        of numbers `[N, F]`, in which NaN is missing.
    fitting : bool
        Whether the model is fitted on them, which discards an earlier fit.

    Returns
    -------
    Cohort

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
    """Sets scikit-learn's attributes on a loaded model that was fitted on a plain table."""
    if model.modalities_ != (TABLE,):
        return
    columns = model.fitted_.preparation.pipelines[TABLE].columns
    model.n_features_in_ = len(columns)
    if columns != _numbered(len(columns)):
        model.feature_names_in_ = np.asarray(columns, dtype=object)


def _numbered(count: int) -> tuple[str, ...]:
    """Names for the columns of a table without names."""
    return tuple(f"x{number}" for number in range(count))


def _of_table(model, X, fitting: bool) -> Cohort:
    """A plain table as a cohort of one modality, in which patients are named by their row."""
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
    """The kind of labels that a model is given as an array.

    Parameters
    ----------
    kind : str, optional
        The kind that the user named.
    cohort : Cohort, str, Path or None
        Without a `kind`, that of its outcome is taken, where the cohort has been read.
    target : str, optional
        Name of that outcome; default: the first.

    Returns
    -------
    type of Kind

    Raises
    ------
    InputError
        Where no model is trained for that kind.
    """
    outcomes = cohort.outcomes if isinstance(cohort, Cohort) else {}
    first = next(iter(outcomes), None)
    return kind_of_labels(kind, outcomes.get(target or first))


def labelled(
    cohort: Cohort, y, target: str | None, kind: type[Kind]
) -> tuple[Cohort, str | None, np.ndarray | None]:
    """The cohort with the labels to learn, the outcome's name, and the classes as given.

    Parameters
    ----------
    cohort : Cohort
    y : array-like, str or None
        Labels `[N]`; or the name of one of the cohort's outcomes; or None for `target`.
    target : str, optional
        The outcome to learn where `y` is None, and the name of an outcome made of labels.
    kind : type of Kind
        The kind of the labels.

    Returns
    -------
    cohort : Cohort
    name : str or None
        Of the outcome; None for the cohort's first.
    classes : np.ndarray or None
        Sorted, of `y`'s own type; None where the cohort's outcome is learned, or labels are not
        classes.

    Raises
    ------
    InputError
        For labels of another kind, missing labels, and labels in another order or number than the
        patients.
    """
    if y is None and not cohort.outcomes:
        raise InputError(
            "y: FusionModel requires y to be passed, but the target y is None (or a cohort with an "
            "outcome)"
        )
    if y is None or isinstance(y, str):
        return cohort, y or target, None
    name = target or str(getattr(y, "name", None) or "y")
    values = labels_of(y, cohort, kind)
    outcome, classes = kind.from_labels(values, name)
    return cohort.with_outcome(outcome), name, classes


def labels_of(y, cohort: Cohort, kind: type[Kind] | Kind) -> np.ndarray:
    """Labels `[N]` of this kind, one per patient. Raises `InputError` as `labelled` does."""
    try:
        values = column_or_1d(y, warn=True)
        check_consistent_length(cohort.patients, values)
        _refuse_missing(values)
        values = kind.labels(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"y: {error}") from None
    if isinstance(y, pd.Series):
        _refuse_other_order(y.index, cohort)
    for outcome in cohort.outcomes.values():
        warning = outcome.task.label_warning(values, outcome)
        if warning:
            warn_once(log, warning)
    return values


def scored(model, cohort: Cohort, y, output: np.ndarray) -> float:
    """The primary metric of a model's predictions.

    Parameters
    ----------
    model : FusionModel
        Fitted.
    cohort : Cohort
    y : array-like, str or None
        Labels `[N]`; or the name of one of the cohort's outcomes, of which patients with a known
        label count; or None for the outcome of training.
    output : np.ndarray
        The model's output for them `[N, O]`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        For labels as `labelled` does, and for an outcome of another kind than the model's.
    """
    task, known = model.task_, slice(None)
    if y is not None and not isinstance(y, str):
        labels = labels_of(y, cohort, task)
        values = task.values_of(labels, getattr(model, "classes_", None))
    else:
        outcome = cohort.outcome(y or model.target_)
        task.refuse_other_kind(outcome)
        known = outcome.known
        labels = outcome.task.shown(outcome.target)[""]
        values = task.values_of(labels[known])
    metric = task.metrics[task.metrics.primary]
    weights = np.ones((1, len(values)))
    return metric.score(values, output[known], weights).item()


def _refuse_missing(values: np.ndarray) -> None:
    """Raises `InputError` where a label is missing or infinite."""
    if pd.isna(values).any():
        raise InputError("Input y contains NaN; leave rows without a label out")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise InputError("Input y contains infinity")


def _refuse_other_order(index: pd.Index, cohort: Cohort) -> None:
    """Raises `InputError` for a series whose index has the patients in another order."""
    if index.isin(cohort.patients).any() and not index.equals(pd.Index(cohort.patients)):
        raise InputError(
            "y: its index has the cohort's patients in another order than the cohort; rows are "
            "matched by place, so give y.loc[cohort.patients]"
        )


def trained_outcome(cohort: Cohort, target: str | None) -> Outcome:
    """The outcome that a model is trained for.

    Parameters
    ----------
    cohort : Cohort
    target : str, optional
        Name of the outcome; default: the first.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        Where no model can be trained for it.
    """
    outcome = cohort.outcome(target)
    if not outcome.task.trains:
        others = [each.name for each in cohort.outcomes.values() if each.task.trains]
        cure = f" (--target {others[0]})" if others else ""
        kinds = " or ".join(trained_kinds())
        raise InputError(
            f"outcome {outcome.name!r} is of kind {outcome.kind!r}; training needs an outcome of "
            f"kind {kinds} so far{cure}"
        )
    lacking = outcome.task.lacks_spread(outcome.target)
    if lacking:
        raise InputError(f"outcome {outcome.name!r}: there are {lacking}; nothing can be learned")
    return outcome
