"""Kernels of a fold's training patients, made when somebody needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix

from graphfuse.learn.linear.inner_folds import ON_ALL, Fit
from graphfuse.learn.linear.kernels import (
    Kernel,
    Narrow,
    is_narrow,
    means_around,
    means_of,
    require_kernels,
)
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.result_cache import Memo
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.standardised_columns import Views

Rows = Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class KernelSet:
    """Kernels of all training patients of a fold, by modality, in the columns of one preparation,
    and the fits that stand on them."""

    kernels: dict[str, Kernel | Narrow]
    fits: tuple[Fit, ...]


def kernel_sets(fold: PreparedFold, modalities: tuple[str, ...]) -> list[KernelSet]:
    """The kernels of these modalities, one set for each preparation of the fold; that on all
    patients is the last.

    Kernels that take more memory than the tables they come from, and those of inner preparations,
    are freed when nobody holds them any more, and made again when they are needed again.
    """
    whole = kernels(fold, modalities)
    if not fold.inner_preparations:
        return [KernelSet(whole, (*fold.inner.fits, ON_ALL))]
    places = range(len(fold.inner_preparations))
    inside = side_by_side(lambda place: kernels(fold, modalities, place), places)
    pairs = zip(inside, fold.inner.fits, strict=True)
    sets = [KernelSet(each, (fit,)) for each, fit in pairs]
    return [*sets, KernelSet(whole, (ON_ALL,))]


def kernels(
    fold: PreparedFold, modalities: tuple[str, ...], place: int | None = None
) -> dict[str, Kernel | Narrow]:
    """Kernels of all patients in the columns of one preparation: that of all patients, or the one
    at `place` among the inner ones."""
    require_kernels(fold.cohort)
    preparation = fold.preparation if place is None else fold.inner_preparations[place]
    views = cache(lambda: fold.views if place is None else preparation.views(fold.cohort))
    around = means(fold, place, views)
    return {m: _kernel(fold, place, preparation, m, views, around[m]) for m in modalities}


def _kernel(
    fold: PreparedFold,
    place: int | None,
    preparation: Preparation,
    m: str,
    views: Callable[[], Views],
    around: list[csr_matrix],
) -> Kernel | Narrow:
    """One modality's kernels."""
    patients, columns = len(fold.cohort), len(preparation.pipelines[m].owners)
    if is_narrow(patients, columns):
        return Narrow(views().own[m], views().x_smoothed.get(m), around)
    keep = place is None and patients <= columns

    def products(memo: Memo, kind: str, left: Rows, right: Rows) -> np.ndarray:
        return memo.get((kind, place, m), lambda: left() @ right().T, keep)

    def own() -> np.ndarray:
        return views().own[m]

    def x_smoothed() -> np.ndarray:
        return views().x_smoothed[m]

    results = fold.results
    among_own = products(results.tables, "own kernel", own, own)
    if m not in preparation.smoothing:
        return Kernel(among_own, None, None, around)
    cross = products(results.network, "cross kernel", x_smoothed, own)
    among_smoothed = products(results.network, "smoothed kernel", x_smoothed, x_smoothed)
    return Kernel(among_own, cross, among_smoothed, around)


def means(
    fold: PreparedFold, place: int | None = None, views: Callable[[], Views] | None = None
) -> dict[str, list[csr_matrix]]:
    """Modality → per layer, the mean over each patient's neighbours."""
    if place is None:
        return fold.results.layers.get(("means", None), lambda: means_of(fold.preparation))
    preparation, rows = fold.inner_preparations[place], fold.outside[place]
    return fold.results.layers.get(
        ("means", place), lambda: means_around(preparation, views(), rows)
    )
