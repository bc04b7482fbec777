"""Where patients lie: points in which similarity is a dot product or a distance, fitted on training
patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

LATENT = 30  # components of the latent space in which neighbours are sought
METRIC = {"cosine": "dot", "correlation": "dot", "euclidean": "euclidean", "gower": "cityblock"}


@dataclass(frozen=True, eq=False)
class Space:
    """The space of one modality: `components` `[F, d]` of the latent space, or `None` for raw
    columns; `spread` `[F]`: Gower's range of every column among training patients; `scale`: what
    makes its total variance 1 where it is joined."""

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
        """From standardised columns `[n, F]` of the training patients. `joined`: other modalities
        stand beside it."""
        gower = similarity == "gower"
        latent = space == "latent" and values.shape[1] > LATENT and not gower
        components = principal_components(values[present], LATENT) if latent else None
        spread = np.ptp(values[present], axis=0) if gower and present.any() else None
        bare = cls(similarity, components, spread)
        if not joined or gower:
            return bare
        total = bare.place(values[present]).var(axis=0).sum() if present.any() else 0.0
        return cls(similarity, components, spread, 1 / np.sqrt(total) if total > 0 else 0.0)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Points `[q, d]` of columns `[q, F]`: columns over their training range for Gower (1971,
        doi:10.2307/2528823)."""
        if self.spread is not None:
            return np.divide(values, self.spread, out=np.zeros_like(values), where=self.spread > 0)
        points = values if self.components is None else values @ self.components
        return points if self.scale == 1.0 else points * self.scale


def normalised(points: np.ndarray, similarity: str) -> np.ndarray:
    """Rows of unit length for cosine, centred first for correlation; others as they are. A row
    without length (for correlation: of one value throughout) stays zero: its similarity to everyone
    is 0."""
    if METRIC[similarity] != "dot":
        return points
    whole = length = np.linalg.norm(points, axis=1, keepdims=True)
    if similarity == "correlation":
        points = points - points.mean(1, keepdims=True)
        length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.divide(points, length, out=np.zeros_like(points), where=length > whole * 1e-12)


def principal_components(values: np.ndarray, count: int) -> np.ndarray:
    """The leading right singular vectors `[F, d]` of `values` `[n, F]`, d ≤ count, found on its
    smaller side; one column of zeros where there are no values, or none but zeros."""
    n, width = values.shape
    count = min(count, n, width)
    if not values.any():
        return np.zeros((width, 1))
    if width <= n:
        return eigh(values.T @ values, subset_by_index=(width - count, width - 1))[1][:, ::-1]
    power, left = eigh(values @ values.T, subset_by_index=(n - count, n - 1))
    keep = power > max(power[-1], 0) * 1e-12
    return (values.T @ (left[:, keep] / np.sqrt(power[keep])))[:, ::-1]
