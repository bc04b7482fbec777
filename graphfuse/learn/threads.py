"""Folds side by side, a thread each."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import threadpool_limits

_HERE = threading.local()  # `busy` in a thread that works for `side_by_side`


def side_by_side(work: Callable, *items: Iterable) -> list:
    """`work` on every item (of several rows of items: on one of each), one thread each; within such
    work, one after another.

    Small matrix products gain more from this than from threads of their own, and give the same
    digits however many threads there are. The threads stay: new ones each time would leave what
    they freed in arenas of their own (gigabytes).
    """
    if getattr(_HERE, "busy", False):
        return list(map(work, *items))
    with threadpool_limits(1, user_api="blas"):
        return list(_threads().map(work, *items))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, initializer=lambda: setattr(_HERE, "busy", True))
