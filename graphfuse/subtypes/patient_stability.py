"""How stable each patient's cluster, and each cluster, is over subsamples of the patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from graphfuse.subtypes.stability import Resampled


def membership(
    labels: np.ndarray, resampled: Resampled, clusters: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Stability of one partition of all patients, patient by patient and cluster by cluster.

    The clusters of a subsample are matched one to one with those of all patients, by the greatest
    overlap.

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    resampled : Resampled
        Clusterings of subsamples.
    clusters : int
        Number of clusters of the partition.

    Returns
    -------
    confidence : np.ndarray
        float `[N]`: share of the subsamples with the patient in which it stays with its cluster;
        NaN for a patient without a cluster.
    jaccard : pd.DataFrame
        Subsamples × clusters: Jaccard index of each cluster with its match.

    References
    ----------
    Hennig 2007, doi:10.1016/j.csda.2006.11.025.
    """
    stays = np.zeros(len(labels))  # subsamples in which a patient is in the match of its cluster
    seen = np.zeros(len(labels))  # subsamples with the patient
    jaccard = []
    for rows, part in resampled:
        whole, again = labels[rows], part.get(clusters)
        if again is None:
            again = np.full(len(rows), -1)
        overlap = _overlap(whole, again, clusters)
        _, match = linear_sum_assignment(-overlap)
        in_cluster = whole >= 0
        matched = again == match[np.maximum(whole, 0)]
        seen[rows] += in_cluster
        stays[rows] += matched & in_cluster & (again >= 0)
        jaccard.append(_jaccard(whole, again, overlap, match))
    confidence = np.where(seen > 0, stays / np.maximum(seen, 1), np.nan)
    return confidence, pd.DataFrame(jaccard, columns=range(clusters))


def _overlap(whole: np.ndarray, again: np.ndarray, clusters: int) -> np.ndarray:
    """How many patients each cluster shares with each cluster of a subsample, `[clusters, …]`."""
    columns = max(clusters, again.max(initial=-1) + 1)
    overlap = np.zeros((clusters, columns))
    both = (whole >= 0) & (again >= 0)
    np.add.at(overlap, (whole[both], again[both]), 1)
    return overlap


def _jaccard(
    whole: np.ndarray, again: np.ndarray, overlap: np.ndarray, match: np.ndarray
) -> np.ndarray:
    """Jaccard index of each cluster with its match in a subsample, `[clusters]`."""
    shared = overlap[np.arange(len(match)), match]
    own = np.bincount(whole[whole >= 0], minlength=len(match))
    theirs = np.array([(again == other).sum() for other in match])
    union = own + theirs - shared
    return shared / np.maximum(union, 1)
