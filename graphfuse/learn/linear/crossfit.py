"""Ridge regressions cross-fitted inside a fold's training patients.

Every linear baseline, every pattern of modalities and the net's linear start is a ridge regression
on a sum of kernels, of columns that may be smoothed along graphs. A regression is asked for by what
it is (`RidgeKey`), in any order, and fitted once:

    training patients of a fold              one partition of several, in five inner folds
    ┌───┬───┬───┬───┬───┐
    │ 1 │ 2 │ 3 │ 4 │ 5 │   fit 1 learns from 2-5 and gives the logits of 1, fit 2 those of 2, …
    └───┴───┴───┴───┴───┘   all fits are solved side by side, as columns of one matrix product
      │
      ├── penalty_search   the penalty: lowest loss of these logits, averaged over partitions
      ├── gate_search      how strongly columns are smoothed along each graph: lowest loss
      └── stacking         how regressions are mixed: lowest loss

So whatever is chosen, and whatever a net is shown of a training patient, comes from fits that never
saw that patient's label. A last fit, on all training patients, is what new patients are given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphfuse.learn.linear.inner_folds import ON_ALL
from graphfuse.learn.linear.kernel_sets import KernelSet, kernel_sets
from graphfuse.learn.linear.kernels import unsmoothed_coefficients
from graphfuse.learn.linear.linear_start import LinearFit
from graphfuse.learn.linear.penalty_search import RidgePath, path
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge_key import RidgeKey, level_before
from graphfuse.learn.linear.smoothing_search import opened


def ridge(fold: PreparedFold, modalities: tuple[str, ...], near: int | None = None) -> LinearFit:
    """The ridge regression on the sum of some modalities' kernels, each smoothed as it is alone.

    Parameters
    ----------
    fold : PreparedFold
        The training patients.
    modalities : tuple of str
        Whose kernels are summed.
    near : int, optional
        A level of the penalty to search around, where there are several modalities.

    Returns
    -------
    LinearFit
        The regression, with what its fits give of the patients they hold out.
    """
    if len(modalities) == 1:
        return linear_fit(fold, opened(fold, *modalities))
    return linear_fit(fold, joined(fold, modalities, near))


def joined(fold: PreparedFold, modalities: tuple[str, ...], near: int | None = None) -> RidgeKey:
    """The regression on several modalities, each smoothed as it is alone; `near`: a level of the
    penalty to search around."""
    gates = tuple(opened(fold, m).gates[0] for m in modalities)
    return RidgeKey(modalities, gates, 0 if near is None else level_before(near))


def linear_fit(fold: PreparedFold, key: RidgeKey) -> LinearFit:
    """The regression of this key."""

    def fitted() -> LinearFit:
        sets = kernel_sets(fold, key.modalities)
        return _by_view(fold, key, sets, path(fold, key))

    return fold.results.both.get(("linear fit", key), fitted)


def _by_view(
    fold: PreparedFold, key: RidgeKey, sets: list[KernelSet], solved: RidgePath
) -> LinearFit:
    """A solved regression: its fit on all patients, and the logits that fits of the first partition
    give those they hold out, by what they come from."""
    depth, width = fold.preparation.depth, fold.task.width
    views = np.zeros((len(fold.cohort), len(key.modalities), 2 + depth, width))
    held_out_bias = np.zeros((len(fold.cohort), width))
    coefficients, bias = {}, None
    for kernel_set, (alpha, intercept) in zip(sets, solved.ends, strict=True):
        by_modality = [_fits_by_view(kernel_set, key, m, alpha, depth) for m in key.modalities]
        for number, fit in enumerate(kernel_set.fits):
            if fit.is_first:
                rows = fold.inner.held_out(fit)
                held_out_bias[rows] = intercept[number]
                for column, each in enumerate(by_modality):
                    views[rows, column] = each.views[rows, :, number]
            if fit == ON_ALL:
                bias = intercept[number]
                for m, each in zip(key.modalities, by_modality, strict=True):
                    coefficients[m] = each.own[:, number], each.smoothed[:, number]
    return LinearFit(
        modalities=key.modalities,
        level=solved.level,
        loss=solved.loss,
        coefficients=coefficients,
        bias=bias,
        held_out=solved.held_out,
        views=views,
        held_out_bias=held_out_bias,
        seconds=solved.seconds,
    )


class _FitsByView(NamedTuple):
    """Of one modality and all fits of a kernel set: coefficients on `own` columns and on those
    `smoothed` along the gene network `[n, fits, K]`, and `views` `[n, 2 + L, fits, K]`."""

    own: np.ndarray
    smoothed: np.ndarray
    views: np.ndarray


def _fits_by_view(
    kernel_set: KernelSet, key: RidgeKey, modality: str, alpha: np.ndarray, depth: int
) -> _FitsByView:
    """From alphas `[n, fits, K]` on the smoothed kernel."""
    kernel = kernel_set.kernels[modality]
    flat = alpha.reshape(len(alpha), -1)  # [n, fits * K]
    own, smoothed = unsmoothed_coefficients(kernel.means, key.gates_of(modality, depth), flat)
    views = kernel.views(own, smoothed)
    return _FitsByView(
        own.reshape(alpha.shape),
        smoothed.reshape(alpha.shape),
        views.reshape(len(alpha), 2 + depth, *alpha.shape[1:]),
    )
