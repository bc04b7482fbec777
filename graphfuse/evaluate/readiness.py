"""Whether a cohort could be trained on, found by the same validations that training starts with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from graphfuse.data.check import Checked
from graphfuse.data.check import check as check_tables
from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.outcome import Outcome
from graphfuse.data.pipeline import Pipeline
from graphfuse.errors import GraphfuseError
from graphfuse.evaluate.protocol import Protocol
from graphfuse.learn.model import class_target

_FEWER = (4, 3, 2)  # folds that may do where more do not


def check(
    name_or_path: str | Path,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 5),
    seed: int = 0,
) -> Checked:
    """Reads a cohort and says what is there, what is wrong, and whether `train` would run.

    Parameters
    ----------
    name_or_path : str or Path
        A manifest's path, or a name in `data_manifests/`.
    target : str, optional
        The outcome to train on; by default the manifest's first, as in `train`.
    cv : (folds, repeats), default (5, 5)
        As in `train`.
    seed : int
        As in `train`.

    Returns
    -------
    Checked
        Faults of the data are gathered there and not raised; `refused` says why `train` would not
        run on data without faults.

    Raises
    ------
    InputError
        For a manifest that cannot be read.
    FetchError
        For files that cannot be had.

    Examples
    --------
    >>> print(check("cohort.toml"))  # doctest: +SKIP
    """
    found = check_tables(name_or_path)
    if found.cohort is None or found.faults:
        return found
    idle = _idle(found.cohort)
    notices = [
        f"[modality.{name}] every column is constant: nothing in it tells patients apart; leave "
        "it out"
        for name in idle
    ]
    refused = _refused(found.cohort, target, cv, seed)
    if len(idle) == len(found.cohort.modalities):
        refused.append("no modality has a column that is not constant")
    return replace(found, notices=[*found.notices, *notices], refused=refused)


def _refused(cohort: Cohort, target: str | None, cv: tuple[int, int] | int, seed: int) -> list[str]:
    """What `train` would raise before it fits anything; empty where it would raise nothing."""
    try:
        outcome = class_target(cohort, target)
    except GraphfuseError as error:
        return [str(error)]
    try:
        Protocol.of(cv).table(cohort, outcome, seed)
    except GraphfuseError as error:
        return [f"{error}{_with_fewer_folds(cohort, outcome, seed)}"]
    return []


def _with_fewer_folds(cohort: Cohort, outcome: Outcome, seed: int) -> str:
    """The largest number of folds that would do, as an option of the shell."""
    for folds in _FEWER:
        try:
            Protocol.of((folds, 1)).table(cohort, outcome, seed)
        except GraphfuseError:
            continue
        return f" (with --cv {folds}x1 it would run)"
    return ""


def _idle(cohort: Cohort) -> list[str]:
    """The modalities of which every column is constant."""
    return [name for name, each in cohort.modalities.items() if not _varies(each)]


def _varies(modality: Modality) -> bool:
    """Whether anything is left of a modality once its columns are standardised over everyone."""
    if not modality.present.any():
        return False
    unlabelled = np.full(len(modality.table), -1)  # without selection, no label is looked at
    return bool(Pipeline.fit(modality, unlabelled).apply(modality).any())
