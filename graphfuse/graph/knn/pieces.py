"""A search in pieces of work: so many queries at a time, on threads, halved where they are too
many."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_info, threadpool_limits

ROWS = 256  # queries of a piece
THREADS_FROM = 20_000_000  # similarities, from which threads pay


class TooManyCandidates(Exception):
    """More candidates than a piece of work may hold: it is to be halved."""


def in_threads(work: Callable, pieces: list, cells: float) -> Iterator:
    """`work(piece)` of every piece, in order, on as many threads as BLAS may use where `cells`,
    the similarities to compute, are enough for threads to pay."""
    pays = cells >= THREADS_FROM and len(pieces) > 1
    threads = _threads_of_blas() if pays else 1
    if threads < 2:
        yield from map(work, pieces)
        return
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        waiting = deque()
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _threads_of_blas() -> int:
    """As many as BLAS may use; to ask takes milliseconds."""
    of_blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return min(max(of_blas, default=1), cpu_count())


def split_if_crowded(work: Callable, rows: np.ndarray) -> list:
    """`[work(rows)]`; where there are too many candidates, of the rows' halves, and so on."""
    try:
        return [work(rows)]
    except TooManyCandidates:
        first, second = np.array_split(rows, 2)
        return split_if_crowded(work, first) + split_if_crowded(work, second)


def pieces_of(count: int, most: int = ROWS) -> list[np.ndarray]:
    """The rows 0 … count - 1 in pieces of work of at most `most`."""
    step = max(1, most)
    starts = range(0, count, step)
    return [np.arange(start, min(start + step, count)) for start in starts]
