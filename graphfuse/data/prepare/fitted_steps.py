"""Steps one after the other: fitted, applied, read back, each held to its contract."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.prepare.step import Context, Step, check_options, step
from graphfuse.errors import InputError, warn_once
from graphfuse.files.arrays import check_shapes, check_values
from graphfuse.schema.prepare import StepSpec
from graphfuse.task.outcome import Learned

log = logging.getLogger(__name__)

OFF_CENTRE = 0.25  # standard deviations
LARGEST = 1e37  # a tenth of what single precision holds; fillers for missing values lie above


def fit_steps(specs: Sequence[StepSpec], numbers: np.ndarray, context: Context) -> tuple[Step, ...]:
    """Each step fitted on what those before it make of the training patients' numbers.

    Parameters
    ----------
    specs : sequence of StepSpec
        The steps in their order.
    numbers : float array `[n, G]`
        Of training patients, NaN where missing. Where nobody has the modality, the steps are fitted
        on one row of zeros.
    context : Context
        What else is known of these patients.

    Returns
    -------
    tuple of Step

    Raises
    ------
    InputError
        For steps and options that are not there, and where a number that models see is none.
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
        told = replace(context, columns=columns, learned=learned)
        made = kind.fit(unscaled if kind.unitless else values, told, **spec.options)
        fitted.append(made)
        values = applied(spec.step, made, values)
        unscaled = unscaled if kind.rescales else values
        is_scaled = kind.rescales or (is_scaled and kind.unitless)
    if not np.isfinite(values).all():
        names = [spec.step for spec in specs]
        raise InputError(left_missing(context.modality, names, fitted, numbers))
    if not is_scaled:
        _tell_off_centre(context.modality, values)
    return tuple(fitted)


def _tell_off_centre(modality: str, values: np.ndarray) -> None:
    """Tells once of columns of training patients whose mean is not about 0."""
    far = np.abs(values.mean(axis=0)) > OFF_CENTRE * values.std(axis=0)
    if far.any():
        warn_once(
            log,
            f"modality {modality!r}: after the last step, columns are not centred on training "
            'patients, and models take 0 as their mean; put "scale" last among [prepare] steps',
        )


def _nobody(context: Context) -> Context:
    """The context of one row that is nobody's."""
    groups = {name: np.full(1, None, dtype=object) for name in context.groups}
    return replace(context, patients=pd.Index([""]), groups=groups, learned=Learned.nothing(1))


def applied(name: str, made: Step, table: np.ndarray) -> np.ndarray:
    """What a step makes of a table.

    Parameters
    ----------
    name : str
        What the step is called, for messages.
    made : Step
        The fitted step.
    table : float array `[N, F]`

    Returns
    -------
    float array `[N, F']`

    Raises
    ------
    InputError
        Where that is of another shape than the step says.
    """
    expected = (len(table), len(owners_of(name, made, table.shape[1])))
    values = np.asarray(made.apply(table), dtype=float)
    if values.shape != expected:
        raise InputError(
            f"step {name!r}: gave a table of shape {values.shape}, and its `owners` says {expected}"
        )
    return values


def owners_of(name: str, made: Step, columns: int) -> np.ndarray:
    """int `[F']`: a step's `owners`, which are among the columns that come in; else
    `InputError`."""
    owners = np.asarray(made.owners(columns))
    whole = owners.ndim == 1 and owners.dtype.kind in "iu"
    if not whole or (owners.size and (owners.min() < 0 or owners.max() >= columns)):
        raise InputError(f"step {name!r}: `owners` must be places among {columns:,} columns")
    return owners


def sources_of(steps: Sequence[Step], columns: int) -> np.ndarray:
    """int `[F]`: which of the `columns` before the steps each column after them came from."""
    sources = np.arange(columns)
    for made in steps:
        sources = sources[owners_of(type(made).__name__, made, len(sources))]
    return sources


def left_missing(
    modality: str, names: Sequence[str], steps: Sequence[Step], numbers: np.ndarray
) -> str:
    """Why a pipeline's numbers are not all finite: the step that made some of them NaN or infinite,
    or that none fills what is missing."""
    where, values = f"modality {modality!r}", numbers
    for name, made in zip(names, steps, strict=True):
        given = np.isfinite(values)[:, owners_of(name, made, values.shape[1])]
        with np.errstate(all="ignore"):
            values = applied(name, made, values)
        if (given & ~np.isfinite(values)).any():
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
    """The step of that class whose arrays' names begin with `start`, which gets so many columns.
    Raises `ValueError` where its arrays are not those that it declares."""
    expected = {f"{start}{key}": array for key, array in kind.arrays.items()}
    sizes = {"before": columns}
    check_shapes(arrays, expected, sizes)
    check_values(arrays, expected, sizes)
    try:
        made = kind.from_state({key: arrays[f"{start}{key}"] for key in kind.arrays}, about)
    except Exception as error:  # a researcher's step may raise anything
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"step {name!r} cannot be made of what is saved: {why}") from None
    width = len(owners_of(name, made, columns))
    if sizes.get("after", width) != width:
        raise ValueError(f"step {name!r}: its arrays are of {sizes['after']} columns, not {width}")
    return made
