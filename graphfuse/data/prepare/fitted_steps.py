"""Steps fitted, applied and restored one after the other, each checked against its contract."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.prepare.step import Context, Step, check_options, step
from graphfuse.errors import InputError, warn_once
from graphfuse.files.array_rules import check_shapes, check_values
from graphfuse.schema.prepare import StepSpec
from graphfuse.task.outcome import Learned

log = logging.getLogger(__name__)

OFF_CENTRE = 0.25  # standard deviations
LARGEST = 1e37  # a tenth of the largest float32; codes for missing values lie above


def fit_steps(specs: Sequence[StepSpec], numbers: np.ndarray, context: Context) -> tuple[Step, ...]:
    """Fits each step on the training patients' numbers as the steps before it give them.

    Parameters
    ----------
    specs : sequence of StepSpec
        The steps in their order.
    numbers : float array `[n, G]`
        Of training patients, NaN where missing. Where nobody has the modality, the steps are fitted
        on one row of zeros.
    context : Context
        The patients' ids, columns, groups and target.

    Returns
    -------
    tuple of Step

    Raises
    ------
    InputError
        For unknown steps and options, and where the last step leaves values that are not finite.
    """
    if not len(numbers):
        numbers, context = np.zeros((1, numbers.shape[1])), _nobody(context)
    nothing = Learned.nothing(len(numbers))
    width = numbers.shape[1]
    values = unscaled = numbers
    fitted: list[Step] = []
    is_scaled = False
    for spec in specs:
        kind = step(spec.step)
        check_options(spec.step, kind, spec.options)
        learned = context.learned if kind.reads_target(**spec.options) else nothing
        columns = context.columns[sources_of(fitted, width)]
        own_context = replace(context, columns=columns, learned=learned)
        table = unscaled if kind.unitless else values
        made = kind.fit(table, own_context, **spec.options)
        fitted.append(made)
        values = applied(spec.step, made, values)
        unscaled = unscaled if kind.rescales else values
        is_scaled = kind.rescales or (is_scaled and kind.unitless)
    if not np.isfinite(values).all():
        names = [spec.step for spec in specs]
        raise InputError(left_missing(context.modality, names, fitted, numbers))
    if not is_scaled:
        _warn_off_centre(context.modality, values)
    return tuple(fitted)


def _warn_off_centre(modality: str, values: np.ndarray) -> None:
    """Warns once of columns of training patients whose mean is not about 0."""
    off_centre = np.abs(values.mean(axis=0)) > OFF_CENTRE * values.std(axis=0)
    if off_centre.any():
        warn_once(
            log,
            f"modality {modality!r}: after the last step, columns are not centred on training "
            'patients, and models take 0 as their mean; put "scale" last among [prepare] steps',
        )


def _nobody(context: Context) -> Context:
    """The context of one row that belongs to no patient."""
    groups = {name: np.full(1, None, dtype=object) for name in context.groups}
    return replace(context, patients=pd.Index([""]), groups=groups, learned=Learned.nothing(1))


def applied(name: str, made: Step, table: np.ndarray) -> np.ndarray:
    """Applies a step to a table.

    Parameters
    ----------
    name : str
        The step's name, for messages.
    made : Step
        The fitted step.
    table : float array `[N, F]`

    Returns
    -------
    float array `[N, F']`

    Raises
    ------
    InputError
        Where the result is of another shape than the step's `owners` say.
    """
    width = len(owners_of(name, made, table.shape[1]))
    expected = len(table), width
    values = np.asarray(made.apply(table), dtype=float)
    if values.shape != expected:
        raise InputError(
            f"step {name!r}: gave a table of shape {values.shape}, and its `owners` says {expected}"
        )
    return values


def owners_of(name: str, made: Step, columns: int) -> np.ndarray:
    """int `[F']`: a step's `owners`. Raises `InputError` where they are not among the columns that
    come in."""
    owners = np.asarray(made.owners(columns))
    are_positions = owners.ndim == 1 and owners.dtype.kind in "iu"
    if are_positions and owners.size:
        are_positions = owners.min() >= 0 and owners.max() < columns
    if not are_positions:
        raise InputError(f"step {name!r}: `owners` must be places among {columns:,} columns")
    return owners


def sources_of(steps: Sequence[Step], columns: int) -> np.ndarray:
    """int `[F]`: the column, of those before the first step, that each column after the last step
    came from."""
    sources = np.arange(columns)
    for made in steps:
        sources = sources[owners_of(type(made).__name__, made, len(sources))]
    return sources


def left_missing(
    modality: str, names: Sequence[str], steps: Sequence[Step], numbers: np.ndarray
) -> str:
    """Why a pipeline's numbers are not all finite: the step that made some of them NaN or infinite,
    or that no step fills missing values."""
    where, values = f"modality {modality!r}", numbers
    for name, made in zip(names, steps, strict=True):
        owners = owners_of(name, made, values.shape[1])
        was_finite = np.isfinite(values)[:, owners]
        with np.errstate(all="ignore"):
            values = applied(name, made, values)
        if (was_finite & ~np.isfinite(values)).any():
            return f"{where}: step {name!r} makes NaN or infinity of numbers"
    return (
        f'{where}: values are still missing after the last step, {names[-1]!r}; put "impute" '
        "among [prepare] steps"
    )


def restored_step(
    kind: type[Step],
    name: str,
    arrays: Mapping[str, np.ndarray],
    start: str,
    about: Mapping[str, Any],
    columns: int,
) -> Step:
    """Restores a step that was saved.

    Parameters
    ----------
    kind
        Its class.
    name
        Its name, for messages.
    arrays
        All arrays of the file.
    start
        The beginning of the names of its own arrays.
    about
        Its JSON.
    columns
        The number of columns that it gets.

    Raises
    ------
    ValueError
        Where its arrays are not those that it declares.
    """
    expected = {f"{start}{key}": array for key, array in kind.arrays.items()}
    sizes = {"before": columns}
    check_shapes(arrays, expected, sizes)
    check_values(arrays, expected, sizes)
    try:
        own = {key: arrays[f"{start}{key}"] for key in kind.arrays}
        made = kind.from_state(own, about)
    except Exception as error:  # a researcher's step may raise anything
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"step {name!r} cannot be made of what is saved: {why}") from None
    width = len(owners_of(name, made, columns))
    if sizes.get("after", width) != width:
        raise ValueError(f"step {name!r}: its arrays are of {sizes['after']} columns, not {width}")
    return made
