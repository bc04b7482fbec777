"""Tables whose every column goes with the label, as columns do that were chosen among many with
everybody's labels."""

from __future__ import annotations

import numpy as np

from graphfuse.data.leak_audit.finding import Finding, Subject, numbers
from graphfuse.data.leak_audit.label_columns import in_small
from graphfuse.data.modality import Modality

_FEWEST = 8  # columns of a table
_MOST_P = 0.05  # of the column that goes with the label least
_EVEN = 0.1  # of the largest p value: the median of those that are spread evenly lies above
_EXTREME = 0.02  # of the largest over their number: the smallest of them lies above in 98 %
_ALIKE = 0.3  # mean correlation of the columns among patients of one class, above which p values
# are too much alike to be judged
_SAMPLE = 1_000  # columns that are tested


def selected(subject: Subject) -> list[Finding]:
    """Modalities in which every column goes with the label, and none stands out.

    Of columns of noise that were chosen by their p values, these are spread evenly from 0 to the
    largest, their median near half of it; where columns carry a signal, most p values are far
    smaller than the largest. Here a median above a tenth of the largest, and no smallest
    below a fiftieth of what is expected, count as even. p values are those of a one-way analysis
    of variance.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        A warning for each such modality of 8 columns or more.
    """
    findings = []
    for name, modality in subject.cohort.modalities.items():
        values, labels = _columns(subject, modality)
        if modality.kind == "ehr" or values.shape[1] < _FEWEST:
            continue
        p = _p_values(values, labels)
        largest = p.max()
        if not largest <= _MOST_P or _mean_correlation(values, labels) > _ALIKE:
            continue
        if np.median(p) > _EVEN * largest and p.min() > _EXTREME * largest / len(p):
            findings.append(_finding(name, len(p), largest))
    return findings


def _columns(subject: Subject, modality: Modality) -> tuple[np.ndarray, np.ndarray]:
    """Columns of numbers that vary `[n, F]`, gaps at the mean, and the labels of patients of
    classes with several `[n]`."""
    table, words = numbers(modality)
    sizes = np.bincount(subject.labels[subject.labels >= 0], minlength=1)
    is_usable = (subject.labels >= 0) & (sizes[subject.labels] > 1)
    rows = np.flatnonzero(modality.present & is_usable)
    chosen = np.flatnonzero(~words)
    if len(rows) < 2 * _FEWEST or len(np.unique(subject.labels[rows])) < 2:
        return np.empty((len(rows), 0)), subject.labels[rows]
    chosen = chosen[:: max(1, len(chosen) // _SAMPLE)]
    values = table.iloc[rows, chosen].to_numpy(dtype=float)
    values = values[:, ~np.isnan(values).all(axis=0)]
    centred = np.nan_to_num(values - np.nanmean(values, axis=0))
    return centred[:, centred.any(axis=0)], subject.labels[rows]


def _p_values(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """p `[F]` of a one-way analysis of variance by class."""
    from scipy.stats import f_oneway

    of_classes = [values[labels == k] for k in np.unique(labels)]
    with np.errstate(invalid="ignore", divide="ignore"):
        p = f_oneway(*of_classes).pvalue
    return np.nan_to_num(p, nan=1.0)


def _mean_correlation(values: np.ndarray, labels: np.ndarray) -> float:
    """The mean |r| of pairs of columns, once class means are removed."""
    within = values.copy()
    for k in np.unique(labels):
        within[labels == k] -= values[labels == k].mean(axis=0)
    norms = np.linalg.norm(within, axis=0)
    unit = within / np.where(norms > 0, norms, np.inf)
    r = np.abs(unit.T @ unit)
    pairs = np.triu_indices(len(r), 1)
    return float(r[pairs].mean())


def _finding(where: str, columns: int, largest: float) -> Finding:
    """The finding of a modality whose columns were chosen."""
    message = (
        f"each of {columns:,} columns goes with the label (p {in_small(largest)} or less), and "
        "none stands out: columns of noise that were chosen among many by everybody's labels look "
        "so"
    )
    cure = (
        "give the table from which they were chosen, and let each fold choose ([select] top); if "
        "they were fixed before these patients were seen, say where"
    )
    return Finding("selected-columns", "warning", where, message, columns, cure)
