"""Columns made from labels: the mean label of a level (target encoding), or of a patient's
neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphfuse.data.leak_audit.finding import RARE, Finding, Subject, numbers
from graphfuse.data.leak_audit.label_columns import tested_classes
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

_LEVELS = 3  # different values that a column made from labels has, at least
_NEIGHBOURS = 30  # means of up to so many labels are tried
_SMOOTHING = (0, 1, 2, 3, 5, 10, 20, 50, 100)  # patients at the overall mean, added to a level
_COMPONENTS = (10, 20, 50)  # of principal components in which neighbours may be ranked
_ROUNDED = 0.006  # by which a value may differ from such a mean: two decimals are kept
_EQUAL = 0.85  # share of patients whose value is such a mean
_HINT = 0.5  # of a column that stands among those by which neighbours were ranked
_MOST_PATIENTS = 4_000  # whose distances are compared
_CANDIDATES = 3  # columns of a table that are tried without themselves


def label_made(subject: Subject) -> list[Finding]:
    """Columns that are the mean label of each level, or of each patient's neighbours; not those
    that a finding has.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        Leaks, at most one of each kind for each modality.
    """
    if not tested_classes(subject):
        return []
    findings = []
    for name, modality in subject.cohort.modalities.items():
        columns = subject.unreported(name, _encoded(subject, modality))
        if columns:
            findings.append(_encoding(name, columns))
    for name, made in _neighbour_means(subject).items():
        columns = subject.unreported(name, made)
        if columns:
            findings.append(_of_neighbours(name, columns))
    return findings


# ------------------------------------------------------------------------------ target encoding


def _encoded(subject: Subject, modality: Modality) -> list[str]:
    """Columns whose every value is the share of a class among the patients who have it, closer than
    if patients had been drawn at that share."""
    table, words = numbers(modality)
    rows = np.flatnonzero(modality.present & (subject.labels >= 0))
    values = table.iloc[rows].to_numpy(dtype=float)
    candidates = _shares(values) & ~words
    classes = np.unique(subject.labels[rows])
    tests = max(int(candidates.sum()), 1) * max(len(classes), 1)
    columns = []
    for position in np.flatnonzero(candidates):
        for k in classes:
            is_class = subject.labels[rows] == k
            if _chance_of_shares(values[:, position], is_class) < RARE / tests:
                columns.append(table.columns[position])
                break
    return columns


def _shares(values: np.ndarray) -> np.ndarray:
    """bool `[F]`: columns that may be shares: from 0 to 1, of several values that repeat."""
    if not len(values):
        return np.zeros(values.shape[1], bool)
    with np.errstate(invalid="ignore"):
        is_within = ~((values < 0) | (values > 1)).any(axis=0)
    is_share = np.zeros(values.shape[1], bool)
    for position in np.flatnonzero(is_within):
        column = values[:, position]
        levels = np.unique(column[~np.isnan(column)])
        is_share[position] = _LEVELS <= len(levels) <= len(column) / 3
    return is_share


def _chance_of_shares(column: np.ndarray, member: np.ndarray) -> float:
    """The chance that the shares of the class in the levels of a column are as close to its values,
    smoothed towards the overall share or not, were patients drawn at the level's value."""
    from scipy.stats import chi2

    known = ~np.isnan(column)
    levels, level, sizes = np.unique(column[known], return_inverse=True, return_counts=True)
    share = np.bincount(level, weights=member[known]) / sizes
    overall = member[known].mean()
    variance = overall * (1 - overall) / sizes
    several = sizes > 1
    if several.sum() < _LEVELS or not variance.all():
        return 1.0
    chances = []
    for added in _SMOOTHING:
        meant = levels + added / sizes * (levels - overall)  # the share before it was smoothed
        distance = ((share - meant) ** 2 / variance)[several].sum()
        chances.append(chi2.cdf(distance, several.sum()))
    return float(min(chances)) * len(_SMOOTHING)


def _encoding(where: str, columns: list[str]) -> Finding:
    """The finding of columns that encode the label."""
    who = "1 column is" if len(columns) == 1 else f"{len(columns):,} columns are"
    message = (
        f"{who} the mean label of the patients who share a value, closer than chance allows "
        f"({examples(columns)}): encoded with everybody's labels"
    )
    cure = "give the levels as words; encode them in each fold with its training labels"
    return Finding("label-made", "leak", where, message, len(columns), cure, columns=tuple(columns))


# ------------------------------------------------------------------------ labels of neighbours


def _neighbour_means(subject: Subject) -> dict[str, list[str]]:
    """Modality → its columns that are the mean label of 1 to 30 nearest patients, in one of the
    tables or in all of them."""
    rows = np.flatnonzero(subject.labels >= 0)
    if len(rows) > _MOST_PATIENTS:
        return {}
    tables = {}
    for name, modality in subject.cohort.modalities.items():
        table, words = numbers(modality)
        tables[name] = table.iloc[rows, ~words]
    columns = {name: table.to_numpy(dtype=float) for name, table in tables.items()}
    members = [(subject.labels[rows] == k).astype(float) for k in np.unique(subject.labels[rows])]
    found = {}
    for name, table in tables.items():
        positions = _made_from_neighbours(name, columns, members)
        if len(positions):
            found[name] = [table.columns[position] for position in positions]
    return found


def _made_from_neighbours(
    name: str, columns: dict[str, np.ndarray], members: list[np.ndarray]
) -> list[int]:
    """Positions of columns of a modality that are a mean label of neighbours."""
    own = columns[name]
    may_be_means = np.array([_has_few_values(column) for column in own.T], dtype=bool)
    candidates = np.flatnonzero(may_be_means)
    if not len(candidates):
        return []
    made, hints = set(), set()
    for space, holds_own in _spaces(name, columns):
        likeness = _likeness(space, own[:, candidates], members)
        made |= set(candidates[likeness > _EQUAL])
        if not holds_own:
            continue
        best = np.argsort(-likeness)[:_CANDIDATES]
        hints |= set(candidates[best[likeness[best] > _HINT]])
    for hint in hints - made:
        without = {**columns, name: np.delete(own, hint, axis=1)}
        for space, _ in _spaces(name, without):
            if _likeness(space, own[:, [hint]], members)[0] > _EQUAL:
                made.add(hint)
    return sorted(made)


def _has_few_values(column: np.ndarray) -> bool:
    """Whether a column has as many different values as a mean of some labels may have."""
    values = np.unique(column[~np.isnan(column)])
    return _LEVELS < len(values) <= 2 * _NEIGHBOURS


def _spaces(name: str, columns: dict[str, np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Tables in which neighbours may have been ranked, and whether they hold the columns of the
    modality: each alone, and all together."""
    tables = [(values, other == name) for other, values in columns.items()]
    if len(tables) > 1:
        everything = np.column_stack(list(columns.values()))
        tables.append((everything, True))
    for values, holds_own in tables:
        if values.shape[1]:
            for space in _forms(values):
                yield space, holds_own


def _forms(values: np.ndarray) -> list[np.ndarray]:
    """A table as it is, standardised, with each row standardised, and its first components."""
    is_known = ~np.isnan(values).all(axis=0)
    values = values[:, is_known]
    filled = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    sd = filled.std(axis=0)
    scaled = (filled - filled.mean(axis=0)) / np.where(sd > 0, sd, 1)
    centred = scaled - scaled.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    forms = [filled, scaled, centred / np.maximum(norms, 1e-12)]
    directions, strengths, _ = np.linalg.svd(scaled, full_matrices=False)
    for count in _COMPONENTS:
        if count < len(strengths):
            forms.append(directions[:, :count] * strengths[:count])
    return forms


def _likeness(space: np.ndarray, columns: np.ndarray, members: list[np.ndarray]) -> np.ndarray:
    """float `[columns]`: the highest share of patients whose value is the mean label of so many
    nearest neighbours, themselves among these or not."""
    squares = (space**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * space @ space.T
    np.fill_diagonal(distances, np.inf)
    count = min(_NEIGHBOURS, len(space) - 1)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :count]
    best = np.zeros(columns.shape[1])
    counts = np.arange(1, count + 1)
    for member in members:
        sums = np.cumsum(member[nearest], axis=1)
        without_self = sums / counts
        with_self = (sums + member[:, None]) / (counts + 1)
        for mean in (*without_self.T, *with_self.T):
            is_equal = np.abs(columns - mean[:, None]) < _ROUNDED
            best = np.maximum(best, is_equal.mean(axis=0))
    return best


def _of_neighbours(where: str, columns: list[str]) -> Finding:
    """The finding of columns that are a mean label of neighbours."""
    who = "1 column is" if len(columns) == 1 else f"{len(columns):,} columns are"
    message = (
        f"{who} the mean label of each patient's nearest neighbours ({examples(columns)}): labels "
        "of those tested are in it"
    )
    cure = "remove it; a model may average the labels of training patients, inside each fold"
    return Finding("label-made", "leak", where, message, len(columns), cure, columns=tuple(columns))
