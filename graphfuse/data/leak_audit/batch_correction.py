"""Values from which batches were removed with the label's help."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.groups import group_known
from graphfuse.data.leak_audit.association import associated
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject, numbers, spread
from graphfuse.data.leak_audit.id_parts import id_parts
from graphfuse.data.modality import Modality

_SAMPLE = 500  # columns that are tested
_DRAWS = 99  # permutations
_LEFT = 0.3  # of the F that permuted batches have: less was removed on purpose
_FEWEST = 5  # columns, and patients of a batch


def protected_corrections(subject: Subject) -> list[Finding]:
    """Modalities in which a group makes less difference than chance once the label is known, though
    the two are associated.

    Batches that are estimated together with the label, and then taken away, leave a difference of
    exactly nothing (regression) or nearly so (ComBat) once the label is known. The label of tested
    patients decides what is taken away, and stands out in what is left. The mean F statistic of
    the group, given the label, is compared with those of groups permuted within classes.

    Parameters
    ----------
    subject
        The cohort of N patients, its groups and its label. Parts of ids count as groups.

    Returns
    -------
    list of Finding
        A warning for each modality and group.
    """
    if not (subject.labels >= 0).any():
        return []
    groups = {f"group {name}": values for name, values in subject.cohort.groups.items()}
    ids = [str(patient) for patient in subject.cohort.patients]
    groups |= {f"{name} of ids": values for name, values in id_parts(ids).items()}
    findings = []
    for name, values in groups.items():
        _, v, p = associated(np.asarray(values), subject.labels)
        if p > RARE or v >= 1:
            continue
        for modality in subject.cohort.modalities.values():
            if _is_corrected(subject, modality, np.asarray(values, dtype=object)):
                findings.append(_finding(modality.name, name))
    return findings


def _is_corrected(subject: Subject, modality: Modality, values: np.ndarray) -> bool:
    """Whether the group's mean F given the label is below all permuted ones, and far below."""
    rows = _in_large_groups(modality.present & (subject.labels >= 0), values)
    columns = _columns(modality, rows)
    labels = subject.labels[rows]
    group, names = pd.factorize(values[rows])
    if columns.shape[1] < _FEWEST or len(names) < 2 or len(rows) < 4 * len(names):
        return False
    left = _mean_f(columns, labels, group)
    if left is None or left > _mean_f(columns, np.zeros(len(labels)), group):
        return False  # batches that were centred without labels leave less without them
    drawn = _permuted_f(columns, labels, group)
    return left < min(drawn) and left < _LEFT * float(np.median(drawn))


def _in_large_groups(usable: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of patients, usable and of a known group with several of these."""
    usable = usable & group_known(values)
    sizes = pd.Series(values[usable]).value_counts()
    large = sizes.index[sizes >= _FEWEST]
    is_large = pd.Series(values).isin(large).to_numpy()
    return np.flatnonzero(usable & is_large)


def _permuted_f(columns: np.ndarray, labels: np.ndarray, group: np.ndarray) -> list[float]:
    """The mean F of groups that are permuted within classes."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        permuted = group.copy()
        for k in np.unique(labels):
            of_class = np.flatnonzero(labels == k)
            permuted[of_class] = group[rng.permutation(of_class)]
        mean = _mean_f(columns, labels, permuted)
        if mean is not None:
            drawn.append(mean)
    return drawn or [0.0]


def _columns(modality: Modality, rows: np.ndarray) -> np.ndarray:
    """Columns of numbers that vary, standardised, gaps at the mean."""
    table, words = numbers(modality)
    chosen = spread(np.flatnonzero(~words), _SAMPLE)
    values = table.iloc[rows, chosen].to_numpy(dtype=float)
    values = values[:, ~np.isnan(values).all(axis=0)]
    if not len(values):
        return values
    centred = np.nan_to_num(values - np.nanmean(values, axis=0))
    sd = centred.std(axis=0)
    return centred[:, sd > 1e-9] / sd[sd > 1e-9]


def _mean_f(columns: np.ndarray, labels: np.ndarray, group: np.ndarray) -> float | None:
    """The mean over columns of the F statistic of the group, given the label; None where the two
    cannot be told apart."""
    by_label = _dummies(labels)
    by_both = np.column_stack([by_label, _dummies(group)[:, 1:]])
    added = by_both.shape[1] - by_label.shape[1]
    if np.linalg.matrix_rank(by_both) < by_both.shape[1]:
        return None
    left_by_label = _unexplained(columns, by_label)
    left_by_both = _unexplained(columns, by_both)
    degrees = len(columns) - by_both.shape[1]
    error = np.maximum(left_by_both / degrees, 1e-12)
    return float(((left_by_label - left_by_both) / added / error).mean())


def _dummies(levels: np.ndarray) -> np.ndarray:
    """A column for each level."""
    _, codes = np.unique(levels, return_inverse=True)
    return np.eye(codes.max() + 1)[codes]


def _unexplained(columns: np.ndarray, design: np.ndarray) -> np.ndarray:
    """The sum of squares `[F]` that a linear fit on the design leaves."""
    basis, _ = np.linalg.qr(design)
    return (columns**2).sum(axis=0) - ((basis.T @ columns) ** 2).sum(axis=0)


def _finding(modality: str, group: str) -> Finding:
    """The finding of a correction that was made with labels."""
    message = (
        f"{group} goes with the label, but makes less difference to values than chance once the "
        "label is known: it was removed with everybody's labels at hand, and the label stands out "
        "in what is left"
    )
    cure = (
        "give the values before that correction, and correct in each fold ([prepare] steps), or "
        "score with folds grouped by it"
    )
    return Finding("label-aware-correction", "warning", modality, message, 1, cure)
