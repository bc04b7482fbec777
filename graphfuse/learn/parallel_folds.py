"""Folds side by side, a thread each."""

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
    """`work` on every item (of several rows of items: on one of each), one thread each; within such
    work, one after another.

    Small matrix products gain more from this than from threads of their own, and give the same
    digits however many threads there are: as many as this process may use processors, by its
    affinity and the limits of its container. The threads stay: new ones each time would leave what
    they freed in arenas of their own (gigabytes).

    Filters of warnings are everybody's: a thread that changes them and puts them back (as every
    tree of scikit-learn's does) undoes what another has set. So what it says to a programmer is
    silenced here, once around all threads.
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
    """In a forked process the parent's threads are gone, though their pools do not know: work that
    is given to them never ends. So it has threads of its own, and torch has one."""
    _threads.cache_clear()
    _HERE.busy = False
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_begin_alone)
