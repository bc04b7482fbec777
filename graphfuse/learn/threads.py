"""Folds side by side, a thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_limits


def side_by_side(work: Callable, *items: Iterable) -> list:
    """`work` on every item (of several rows of items: on one of each), one thread each.

    Small matrix products gain more from this than from threads of their own, and give the same digits however many threads
    there are.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(work, *items))
