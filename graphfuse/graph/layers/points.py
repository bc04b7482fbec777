"""The points between which patients' similarities are measured, in a space that is fitted on
training patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.statistics.principal_axes import principal_axes

LATENT = 30  # components of the latent space in which neighbours are searched for
# Similarity → the metric of `graphfuse.graph.knn` that finds the most similar.
METRIC = {"cosine": "dot", "correlation": "dot", "euclidean": "euclidean", "gower": "cityblock"}


@dataclass(frozen=True, eq=False)
class Space:
    """The space of one modality, in which similarity is a dot product or a distance.

    Parameters
    ----------
    similarity : str
        One of `METRIC`.
    components : np.ndarray or None
        `[F, d]`, the axes of the latent space; `None` for the columns as they are.
    spread : np.ndarray or None
        `[F]`, the range of every column among training patients, for Gower's similarity.
    scale : float
        What points are multiplied by: it makes their total variance 1 where several modalities are
        joined.
    """

    similarity: str
    components: np.ndarray | None
    spread: np.ndarray | None
    scale: float = 1.0

    @classmethod
    def fit(
        cls,
        values: np.ndarray,
        present: np.ndarray,
        similarity: str,
        space: str,
        joined: bool = False,
    ) -> Space:
        """Fits the space on training patients.

        Parameters
        ----------
        values : np.ndarray
            Standardised columns `[n, F]`.
        present : np.ndarray
            bool `[n]`: who has the modality.
        similarity : str
            One of `METRIC`.
        space : str
            `"latent"` for leading principal components, `"raw"` for the columns themselves.
        joined : bool
            Whether points of other modalities are put beside these.
        """
        measured = values[present]
        if similarity == "gower":
            return cls(similarity, None, np.ptp(measured, axis=0) if len(measured) else None)
        latent = space == "latent" and values.shape[1] > LATENT
        components = principal_components(measured, LATENT) if latent else None
        unscaled = cls(similarity, components, None)
        if not joined:
            return unscaled
        total = unscaled.place(measured).var(axis=0).sum() if len(measured) else 0.0
        scale = 1 / np.sqrt(total) if total > 0 else 0.0
        return cls(similarity, components, None, scale)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Points `[q, d]` of columns `[q, F]`; for Gower (1971, doi:10.2307/2528823), columns
        divided by their training range."""
        if self.spread is not None:
            varies = self.spread > 0
            return np.divide(values, self.spread, out=np.zeros_like(values), where=varies)
        points = values if self.components is None else values @ self.components
        return points if self.scale == 1.0 else points * self.scale


def normalised(points: np.ndarray, similarity: str) -> np.ndarray:
    """Rows of unit length for cosine, centred first for correlation; others as they are.

    A row without length (for correlation: of one value throughout) becomes zeros, so that its
    similarity to everyone is 0.
    """
    if METRIC[similarity] != "dot":
        return points
    whole = length = np.linalg.norm(points, axis=1, keepdims=True)  # [n, 1]
    if similarity == "correlation":
        points = points - points.mean(1, keepdims=True)
        length = np.linalg.norm(points, axis=1, keepdims=True)
    has_length = length > whole * 1e-12
    return np.divide(points, length, out=np.zeros_like(points), where=has_length)


def principal_components(values: np.ndarray, count: int) -> np.ndarray:
    """The leading right singular vectors `[F, d]` of `values` `[n, F]`, the strongest first, d ≤
    `count`; one column of zeros where there are no values, or none but zeros."""
    count = min(count, *values.shape)
    if not values.any():
        return np.zeros((values.shape[1], 1))
    return principal_axes(values, count, 1e-12)[:, ::-1]
