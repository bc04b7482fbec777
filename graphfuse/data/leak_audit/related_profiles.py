"""Patients whose profiles are closer than chance once shared components are removed: siblings,
repeated samples, copies with noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.data.leak_audit.duplicate_patients import (
    as_tuples,
    labels_in_words,
    sizes_in_words,
)
from graphfuse.data.leak_audit.finding import Finding, Subject, spread
from graphfuse.data.leak_audit.similar_profiles import (
    MOST,
    WIDE,
    chunks,
    components,
    standardised_profiles,
)
from graphfuse.errors import few

_COMPONENTS = 5  # removed at most
_LEFT = 0.1  # of the variance, without the components, below which nothing is compared
_DIMENSION = 15  # in which profiles are spread without them, at least: in few all are close
_CHANCE = 0.0003  # of a false alarm, were profiles normal
_CLOSE = 7.0  # (Fisher z - median) / MAD of a pair; more where pairs are many
_STEPS = (1.0, 1.5, 2.25, 3.4)  # of that threshold: a pair may hide among many who resemble it
_APART = 1.8  # by which it is above that of the nearest patient outside the set
_SUPPORT = 3.0  # of the same pair in other modalities, on average
_COPY = 0.9  # correlation of residual profiles from which they are copies
_SAMPLE = 2_000  # patients among whom the median and the MAD are taken
_FEWEST = 20  # patients needed


@dataclass(frozen=True, eq=False)
class Residuals:
    """A modality's profiles of n patients, less the components that many share.

    Attributes
    ----------
    rows : int array `[n]`
        The patients, as rows of the cohort.
    profiles : float32 array `[n, columns]`
        Of mean 0 and norm 1.
    median, mad : float
        Of Fisher's z over all pairs.
    """

    rows: np.ndarray
    profiles: np.ndarray
    median: float
    mad: float

    @classmethod
    def of(cls, subject: Subject, modality: str, rows: np.ndarray) -> Residuals | None:
        """None where there are too few patients, too few columns with many values, or where hardly
        anything is left without the components."""
        if len(rows) < _FEWEST:
            return None
        found = standardised_profiles(subject, modality, rows)
        if found is None or found[0].shape[1] < WIDE:
            return None
        profiles = _residual(found[0].astype(float))
        if profiles is None:
            return None
        profiles = profiles.astype(np.float32)
        some = profiles[spread(np.arange(len(rows)), _SAMPLE)]
        pairs = np.triu_indices(len(some), 1)
        z = _fisher(some @ some.T)[pairs]
        median = float(np.median(z))
        mad = float(np.median(np.abs(z - median)))
        return cls(rows, profiles, median, max(mad, 1e-9))

    def closeness(self, r: np.ndarray) -> np.ndarray:
        """(Fisher z - median) / MAD of correlations."""
        return (_fisher(r) - self.median) / self.mad

    def of_pair(self, one: int, two: int) -> float:
        """The closeness of two patients of the cohort; NaN where one lacks the modality."""
        places = [np.flatnonzero(self.rows == row) for row in (one, two)]
        if not all(len(place) for place in places):
            return np.nan
        first, second = (self.profiles[place[0]] for place in places)
        return float(self.closeness(np.array(first @ second)))

    def sets(self) -> list[tuple[np.ndarray, float, float]]:
        """Sets of 2 to 8 patients who are close, and far closer than to anybody else: rows of the
        cohort, their least closeness, and their least correlation."""
        threshold = self._threshold()
        ends, r = self._links(threshold)
        close = self.closeness(r)
        taken: set[int] = set()
        sets = []
        for step in _STEPS:
            linked = close > threshold * step
            component = components(ends[:, linked], len(self.rows))
            sizes = np.bincount(component)
            for one in np.flatnonzero((sizes > 1) & (sizes <= MOST)):
                members = np.flatnonzero(component == one)
                if taken.isdisjoint(members):
                    inside, outside = self._inside_and_outside(members)
                    if self.closeness(inside) > _APART * self.closeness(outside):
                        taken |= set(members)
                        least = float(self.closeness(inside))
                        sets.append((self.rows[members], least, float(inside)))
        return sets

    def _threshold(self) -> float:
        """The closeness that the closest of all pairs exceeds by chance in 3 of 10,000 cohorts with
        normal profiles, whose tails are lighter than those of measurements; at least 7."""
        from scipy.stats import norm

        pairs = len(self.rows) * (len(self.rows) - 1) / 2
        quartile = norm.ppf(0.75)  # the MAD of a normal distribution in standard deviations
        return max(_CLOSE, float(norm.isf(_CHANCE / pairs)) / quartile)

    def _links(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Pairs `[2, links]` closer than the threshold, at most 8 of each patient, and their
        correlations."""
        least = np.tanh(self.median + threshold * self.mad)
        ends, correlations = [], []
        for some in chunks(np.arange(len(self.rows)), len(self.rows)):
            r = self.profiles[some] @ self.profiles.T
            r[np.arange(len(some)), some] = -1.0
            best = np.argpartition(-r, MOST - 1, axis=1)[:, :MOST]
            best_r = np.take_along_axis(r, best, 1)
            row, link = np.nonzero(best_r > least)
            ends.append(np.stack([some[row], best[row, link]]))
            correlations.append(best_r[row, link])
        return np.concatenate(ends, axis=1), np.concatenate(correlations)

    def _inside_and_outside(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The correlation of the member that is least like its set, with the most like of it; and
        the highest with a patient outside."""
        r = self.profiles[members] @ self.profiles.T
        inside = r[:, members].copy()
        np.fill_diagonal(inside, -1.0)
        r[:, members] = -1.0
        return inside.max(axis=1).min(), r.max()


def related_profiles(subject: Subject, compared: dict[str, np.ndarray]) -> list[Finding]:
    """Sets of patients who are closer than chance once components are removed.

    Profiles are standardised, and lose those of their first five principal components that stand
    out from noise. A pair's closeness is (Fisher z - median) / MAD over all pairs. It must exceed
    7, more where there are many pairs, and be 1.8 times that to any other patient. Where both have
    other modalities that can be compared, these must show it too (a mean closeness of 3), unless
    the profiles correlate above 0.9.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    compared : dict of str to bool array `[N]`
        The rows of each modality to compare.

    Returns
    -------
    list of Finding
        At most one for each modality.
    """
    residuals = {}
    for modality, rows in compared.items():
        found = Residuals.of(subject, modality, np.flatnonzero(rows))
        if found is not None:
            residuals[modality] = found
    findings = []
    for modality, own in residuals.items():
        others = [each for name, each in residuals.items() if name != modality]
        sets = [each for each in own.sets() if _supported(each[0], each[2], others)]
        if sets:
            findings.append(_finding(subject, modality, sets))
    return findings


def _residual(profiles: np.ndarray) -> np.ndarray | None:
    """Profiles less their first principal components, each then of mean 0 and norm 1; None where
    hardly anything is left, or in few dimensions."""
    centred = profiles - profiles.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    shared = _shared(variances, len(centred))
    first = vectors[:, len(vectors) - shared :]  # [columns, shared]
    left = np.maximum(variances[: len(variances) - shared], 0)
    dimension = left.sum() ** 2 / max((left**2).sum(), 1e-300)
    if left.sum() < _LEFT * variances.sum() or dimension < _DIMENSION:
        return None
    rest = centred - (centred @ first) @ first.T
    rest -= rest.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rest, axis=1, keepdims=True)
    return rest / np.maximum(norms, 1e-12)


def _shared(variances: np.ndarray, patients: int) -> int:
    """How many components, of five, stand out from noise: more variance than the upper edge of
    Marchenko and Pastur for what is left. Taking away others would leave pairs alike that share
    nothing."""
    for shared in range(_COMPONENTS):
        left = variances[: len(variances) - shared]
        edge = left.mean() * (1 + np.sqrt(len(left) / patients)) ** 2
        if left[-1] <= edge:
            return shared
    return _COMPONENTS


def _fisher(r: np.ndarray) -> np.ndarray:
    """Fisher's z of correlations, finite."""
    return np.arctanh(np.clip(r, -1 + 1e-6, 1 - 1e-6))


def _supported(rows: np.ndarray, r: float, others: list[Residuals]) -> bool:
    """Whether the other modalities that a set's patients have show them close too, on average, or
    they are so much alike that it does not matter."""
    closeness = np.array([each.of_pair(rows[0], rows[1]) for each in others])
    known = closeness[~np.isnan(closeness)]
    if r > _COPY or not len(known):
        return True
    return bool(known.mean() > _SUPPORT)


def _finding(
    subject: Subject, modality: str, sets: list[tuple[np.ndarray, float, float]]
) -> Finding:
    """The finding of a modality's sets: a leak where profiles are copies, unless folds are given
    that keep each set on one side."""
    rows = [members for members, _, _ in sets]
    least = min(closeness for _, closeness, _ in sets)
    correlations = [r for _, _, r in sets]
    lowest, highest = min(correlations), max(correlations)
    patients = sum(map(len, rows))
    message = (
        f"{few(patients)} patients, in sets of {sizes_in_words(rows)}, are closer than chance "
        f"once components that many share are removed (correlation {lowest:.2f} to {highest:.2f}; "
        f"{least:.0f} MAD or more from the median pair)"
    )
    message += labels_in_words(subject, rows)
    severity = "leak" if highest > _COPY else "warning"
    if subject.folds is not None:
        split, folds = subject.split(rows)
        message += f"; {few(split)} sets are on both sides of a fold, in {folds} folds"
        severity = severity if split else "warning"
    cure = (
        "ask whether they are one patient, or relatives: keep one sample of each, or put a set's "
        "patients in one fold (--folds, --group-by)"
    )
    return Finding(
        "related-profiles", severity, modality, message, patients, cure, patients=as_tuples(rows)
    )
