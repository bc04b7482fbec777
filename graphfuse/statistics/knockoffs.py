"""Gaussian model-X knockoffs: columns with the correlations of the real ones, and no effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.statistics.columns import is_constant
from graphfuse.statistics.principal_axes import principal_axes

_ROUNDING = 1e-12  # share of the largest eigenvalue below which nothing but rounding is left
_INSIDE = 1e-6  # how far inside its bound the distance to the real columns stays


@dataclass(frozen=True, eq=False)
class GaussianKnockoffs:
    """A sampler of equicorrelated Gaussian knockoffs.

    A knockoff of a column has the column's correlations with all other columns and their
    knockoffs, so that a column without an effect and its knockoff may be exchanged, whatever the
    outcome is. A statistic that prefers the real column to its knockoff is then evidence of an
    effect, conditional on all other columns. Make a sampler with `GaussianKnockoffs.fit`.

    The covariance is that of Ledoit and Wolf. It is never formed: of p columns and n rows its
    eigenvectors take p × min(n, p) numbers, and a sample as much.

    Parameters
    ----------
    varying : numpy.ndarray
        bool `[columns]`: the p columns that are not constant. A constant column is its own
        knockoff.
    mean, scale : numpy.ndarray
        float `[p]`, of the columns.
    axes : numpy.ndarray
        float `[p, r]`, eigenvectors of the correlations.
    variance : numpy.ndarray
        float `[r]`, eigenvalues along `axes`.
    rest : float
        The eigenvalue of all other directions.
    distance : float
        s: 1 less the correlation of a standardised column with its knockoff. The nearer it is to 0,
        the nearer are knockoffs to the columns, and the lower is the power.

    References
    ----------
    Candès, Fan, Janson, Lv: Panning for gold: model-X knockoffs for high dimensional controlled
    variable selection (JRSS B 80, 2018), equation 3.2 and section 3.4.1; Ledoit, Wolf: A
    well-conditioned estimator for large-dimensional covariance matrices (Journal of Multivariate
    Analysis 88, 2004).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = rng.normal(size=(500, 4))
    >>> table[:, 1] += table[:, 0]
    >>> sampler = GaussianKnockoffs.fit(table)
    >>> knockoffs = sampler.sample(table, rng)
    >>> real = np.corrcoef(table[:, 0], table[:, 1])[0, 1]
    >>> made = np.corrcoef(table[:, 0], knockoffs[:, 1])[0, 1]
    >>> bool(abs(real - made) < 0.1)
    True
    """

    varying: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    variance: np.ndarray
    rest: float
    distance: float

    @classmethod
    def fit(cls, table: np.ndarray) -> GaussianKnockoffs:
        """A sampler for columns like those of a table.

        Parameters
        ----------
        table : numpy.ndarray
            Finite numbers `[n, columns]`, of at least two rows, of which some differ.

        Returns
        -------
        GaussianKnockoffs

        Raises
        ------
        ValueError
            For other tables.
        """
        table = _numbers(table)
        varying = ~is_constant(table)
        if not varying.any():
            raise ValueError("table: all columns are constant")
        table = table[:, varying]
        mean, scale = table.mean(0), table.std(0)
        standard = (table - mean) / scale
        rows, columns = standard.shape
        shrinkage, average = ledoit_wolf(standard)
        axes = principal_axes(standard, min(rows, columns), _ROUNDING)
        power = ((standard @ axes) ** 2).sum(0) / rows
        variance = (1 - shrinkage) * power + shrinkage * average
        is_whole = axes.shape[1] == columns  # then there are no other directions
        rest = 1.0 if is_whole else shrinkage * average
        smallest = variance.min() if is_whole else rest
        distance = (1 - _INSIDE) * min(1.0, 2 * smallest)
        return cls(varying, mean, scale, axes, variance, rest, distance)

    def sample(self, table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Knockoffs of the columns of a table.

        Parameters
        ----------
        table : numpy.ndarray
            Finite numbers `[n, columns]`, in the columns that the sampler was fitted on; the rows
            may be others.
        rng : numpy.random.Generator
            Each call draws anew.

        Returns
        -------
        numpy.ndarray
            float `[n, columns]`, drawn from N(X - X Σ⁻¹ s, 2 s I - s² Σ⁻¹) in standardised
            columns.

        Raises
        ------
        ValueError
            Where the number of columns differs, or a number is not finite.
        """
        table = _numbers(table)
        if table.shape[1] != len(self.varying):
            raise ValueError(f"table: expected {len(self.varying)} columns (got {table.shape[1]})")
        standard = (table[:, self.varying] - self.mean) / self.scale
        eigenvalues = np.append(self.variance, self.rest)
        share = self.distance / eigenvalues  # [r + 1], of s Σ⁻¹
        kept = _along(standard, self.axes, 1 - share)
        variance = self.distance * np.maximum(2 - share, 0)
        noise = rng.normal(size=standard.shape)
        spread = _along(noise, self.axes, np.sqrt(variance))
        made = table.copy()
        made[:, self.varying] = (kept + spread) * self.scale + self.mean
        return made


def _numbers(table: np.ndarray) -> np.ndarray:
    """The table as float64; raises `ValueError` where it is none of finite numbers."""
    table = np.asarray(table, float)
    if table.ndim != 2 or len(table) < 2 or not np.isfinite(table).all():
        raise ValueError(
            f"table: expected finite numbers [rows, columns] of two rows or more (got shape "
            f"{table.shape}); impute missing values"
        )
    return table


def _along(rows: np.ndarray, axes: np.ndarray, eigenvalues: np.ndarray) -> np.ndarray:
    """Rows `[n, p]` times the symmetric matrix with these eigenvalues `[r + 1]` on the r axes,
    and the last on all other directions."""
    rest = eigenvalues[-1]
    along = (rows @ axes) * (eigenvalues[:-1] - rest)  # [n, r]
    return rest * rows + along @ axes.T


def ledoit_wolf(table: np.ndarray) -> tuple[float, float]:
    """Ledoit and Wolf's shrinkage of a covariance, from the side on which the table is smaller.

    The same number as `sklearn.covariance.ledoit_wolf_shrinkage`, which takes p² n operations.

    Parameters
    ----------
    table : numpy.ndarray
        float `[n, p]`, with centred columns.

    Returns
    -------
    shrinkage : float
        The weight of the identity, from 0 to 1.
    average : float
        The mean variance: the size of the identity.

    Examples
    --------
    >>> from sklearn.covariance import ledoit_wolf_shrinkage
    >>> table = np.random.default_rng(0).normal(size=(20, 50))
    >>> table -= table.mean(0)
    >>> bool(np.isclose(ledoit_wolf(table)[0], ledoit_wolf_shrinkage(table)))
    True
    """
    rows, columns = table.shape
    products = table @ table.T if rows < columns else table.T @ table
    squares = (products**2).sum() / rows**2  # of the entries of the covariance
    lengths = (table**2).sum(1)  # [n]
    average = lengths.sum() / (rows * columns)
    noise = ((lengths**2).sum() / rows - squares) / rows
    signal = squares - columns * average**2
    shrinkage = 1.0 if signal <= 0 else min(1.0, noise / signal)
    return max(0.0, float(shrinkage)), float(average)
