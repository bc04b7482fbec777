"""Work on several folds at a time, in threads."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from joblib import cpu_count
from threadpoolctl import threadpool_limits

_HERE = threading.local()  # `busy` in a thread that works for `side_by_side`


def side_by_side(work: Callable, *items: Iterable) -> list:
    """Calls a function on every item, in threads; within such a call, one item after another.

    Small matrix products gain more from this than from threads of their own, and give the same
    digits for any number of threads. There are as many threads as this process may use processors,
    by its affinity and the limits of its container. They are kept: new threads each time would
    leave freed memory in their own arenas (gigabytes).

    Filters of warnings are shared by all threads: a thread that changes and restores them, as every
    tree of scikit-learn does, undoes the change of another. `UserWarning` is therefore silenced
    once, around all threads.

    Parameters
    ----------
    work : callable
        Called with an item, or with one of each of several iterables.
    *items : iterable
        Of the same length.

    Returns
    -------
    list
        Results in the order of the items.
    """
    if getattr(_HERE, "busy", False):
        return list(map(work, *items))
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(_threads().map(work, *items))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_count(), initializer=lambda: setattr(_HERE, "busy", True))


def _begin_alone() -> None:
    """Gives a forked process threads of its own, and torch a single thread.

    The parent's threads do not exist there, though its pools assume so: their work would not end.
    """
    _threads.cache_clear()
    _HERE.busy = False
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_begin_alone)
