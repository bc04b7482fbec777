"""Whether a cohort could be trained on, by the same validations that training starts with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.cohort_check import Checked
from graphfuse.data.cohort_checks.cohort_check import check as check_tables
from graphfuse.data.cohort_checks.variation import require_variation
from graphfuse.errors import GraphfuseError
from graphfuse.evaluate.protocol import Protocol
from graphfuse.learn.cohort_of_x_y import trained_outcome
from graphfuse.schema.check_arguments import Seed, checked
from graphfuse.task.outcome import Outcome

_FEWER = (4, 3, 2)  # folds that may do where more do not


@checked
def check(
    name_or_path: str | Path,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 5),
    seed: Seed = 0,
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
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> patients = [f"P{i:02d}" for i in range(30)]
    >>> values = np.random.default_rng(0).normal(size=(30, 4))
    >>> rna = pd.DataFrame(values, patients, ["ESR1", "ERBB2", "GATA3", "MKI67"])
    >>> subtype = pd.DataFrame({"subtype": ["LumA", "Basal"] * 15}, patients)
    >>> manifest = '''
    ... name = "clinic"
    ... licence = "internal"
    ... [outcome.subtype]
    ... kind = "class"
    ... file = "subtype.csv"
    ... column = "subtype"
    ... [modality.rna]
    ... file = "rna.csv"
    ... kind = "omics"
    ... values = "log"
    ... entity = "gene"
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "clinic.toml")
    ...     rna.to_csv(path.with_name("rna.csv"), index_label="patient")
    ...     subtype.to_csv(path.with_name("subtype.csv"), index_label="patient")
    ...     characters = path.write_text(manifest)
    ...     checks = check(path)
    >>> checks.faults, checks.refused
    ([], [])
    """
    checks = check_tables(name_or_path)
    if checks.cohort is None or checks.faults:
        return checks
    return replace(checks, refused=_refused(checks.cohort, target, cv, seed))


def ready(
    cohort: Cohort, target: str | None, protocol: Protocol, seed: int
) -> tuple[Outcome, pd.DataFrame]:
    """What training on a cohort starts with: every validation that needs no fit.

    Parameters
    ----------
    cohort : Cohort
    target : str, optional
        The outcome to train on; by default the cohort's first.
    protocol : Protocol
        Who is tested when.
    seed : int
        Of the folds.

    Returns
    -------
    outcome : Outcome
    folds : DataFrame
        As in `evaluate.folds`.

    Raises
    ------
    InputError
        Where the outcome cannot be trained on, nothing varies between patients, or the folds
        cannot be made.
    LeakError
        Where a patient or a group is on both sides of a fold.
    """
    outcome = trained_outcome(cohort, target)
    require_variation(cohort)
    return outcome, protocol.table(cohort, outcome, seed)


def _refused(cohort: Cohort, target: str | None, cv: tuple[int, int] | int, seed: int) -> list[str]:
    """What `train` would raise before it fits anything; empty where it would raise nothing."""
    try:
        ready(cohort, target, Protocol.of(cv), seed)
    except GraphfuseError as error:
        return [f"{error}{_with_fewer_folds(cohort, target, seed)}"]
    return []


def _with_fewer_folds(cohort: Cohort, target: str | None, seed: int) -> str:
    """The largest number of folds that would do, as an option of the shell; '' for none."""
    for folds in _FEWER:
        try:
            ready(cohort, target, Protocol.of((folds, 1)), seed)
        except GraphfuseError:
            continue
        return f" (with --cv {folds}x1 it would run)"
    return ""
