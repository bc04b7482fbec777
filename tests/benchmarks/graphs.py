"""Graphs against the clock: neighbour search beside scikit-learn and pynndescent, a million
patients, the multiplex walk.

    python tests/benchmarks/graphs.py [--quick] [--only knn,million,walk,gpu] [--full]

Prints ratios measured in one run on one machine. Every method finds the 20 nearest by Euclidean
distance, and every recall is measured alike: on 1,000 points drawn once, whose true distances scipy
sums in float64.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_info

K = 20
DESCENTS = (
    21,
    30,
    40,
    60,
    75,
    90,
    120,
)  # pynndescent's n_neighbors, raised until the recall is reached
BAR = 0.95


def points(kind: str, n: int, d: int, seed: int = 0) -> np.ndarray:
    """`clustered`: 200 overlapping groups; `hard`: one Gaussian, where all distances are much
    alike."""
    rng = np.random.default_rng(seed)
    if kind == "hard":
        return rng.standard_normal((n, d))
    centres = rng.standard_normal((200, d))
    return centres[rng.integers(200, size=n)] + 0.5 * rng.standard_normal((n, d))


class Truth:
    """The distances of 1,000 points to their K-th neighbour; a found neighbour that is no farther
    is a true one."""

    def __init__(self, x: np.ndarray):
        self.x, self.rows = (
            x,
            np.sort(np.random.default_rng(1).choice(len(x), min(1000, len(x)), replace=False)),
        )
        self.kth = np.concatenate([self._kth(rows) for rows in np.array_split(self.rows, 20)])

    def _kth(self, rows):
        return np.partition(cdist(self.x[rows], self.x), K, axis=1)[:, K]

    def recall(self, index: np.ndarray) -> float:
        """Of lists `[n, ≥ K]` of all points, or of the drawn ones; a point in its own list does not
        count."""
        index = index[self.rows] if len(index) == len(self.x) else index
        hits = 0
        for row, near, far in zip(self.rows, index, self.kth):
            near = near[(near != row) & (near >= 0)][:K]
            hits += (np.linalg.norm(self.x[near] - self.x[row], axis=1) <= far * (1 + 1e-6)).sum()
        return hits / (K * len(self.rows))


def timed(work, *args, **options):
    """(seconds, what it gave)."""
    began = time.perf_counter()
    result = work(*args, **options)
    return time.perf_counter() - began, result


def show(name: str, seconds: float, ours: float, recall: float | None, note: str = "") -> None:
    said = f"recall {recall:.3f}" if recall is not None else ""
    print(f"  {name:<42}{seconds:>10.2f} s {seconds / ours:>9.2f} x  {said:<13} {note}", flush=True)


# ------------------------------------------------------------------------------------------- 1. kNN


def ours(x: np.ndarray, **options):
    from graphfuse.graph.knn.search import nearest

    return nearest(x, x, K, "euclidean", own=np.arange(len(x)), **options)


def descent(x: np.ndarray, neighbours: int) -> np.ndarray:
    from pynndescent import NNDescent

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return NNDescent(
            x, metric="euclidean", n_neighbors=neighbours, random_state=0, n_jobs=-1
        ).neighbor_graph[0]


def tuned_descent(x: np.ndarray, truth: Truth):
    """(seconds, recall, n_neighbors) of the cheapest setting that reaches the recall, compiled
    before."""
    for neighbours in DESCENTS:
        seconds, index = timed(descent, x, neighbours)
        recall = truth.recall(index)
        if recall >= BAR:
            break
    return seconds, recall, neighbours


def knn(n: int, d: int, full: bool) -> None:
    import torch  # noqa: F401  (as wherever a layer is built: its import is nobody's search)
    from sklearn.neighbors import NearestNeighbors

    rivals = [name for name in ("pynndescent", "faiss") if missing(name)]
    print(
        f"1. The {K} nearest of each of {n:,} x {d} points"
        + (f" (not installed: {', '.join(rivals)})" if rivals else "")
    )
    ours(points("clustered", 2000, d), exact=False)  # imports
    if not missing("pynndescent"):
        descent(points("clustered", 2000, d).astype(np.float32), 21)  # compiles
    for kind in ("clustered", "hard"):
        print(f" {kind}, seed 0")
        x = points(kind, n, d)
        truth, thin = Truth(x), x.astype(np.float32)
        best, found = timed(ours, x, device="cpu")
        show(
            "graphfuse",
            best,
            best,
            truth.recall(found.index),
            f"{found.method}; says {found.recall or 1:.3f}",
        )
        seconds, found = timed(ours, x, exact=True, device="cpu")
        show("graphfuse, exact", seconds, best, truth.recall(found.index), "float64, ties by place")
        rows = np.arange(n) if full else truth.rows
        brute = NearestNeighbors(n_neighbors=K + 1, algorithm="brute", n_jobs=-1).fit(thin)
        asked = rows if full else np.sort(np.random.default_rng(2).choice(n, n // 5, replace=False))
        seconds, index = timed(brute.kneighbors, thin[asked], return_distance=False)
        recall = truth.recall(
            index if full else brute.kneighbors(thin[truth.rows], return_distance=False)
        )
        note = (
            "float32, all rows"
            if full
            else f"float32, {len(asked):,} rows timed, times {n / len(asked):g}"
        )
        show("scikit-learn, brute", seconds * n / len(asked), best, recall, note)
        if not missing("pynndescent"):
            seconds, recall, neighbours = tuned_descent(thin, truth)
            show(
                "pynndescent, compiled",
                seconds,
                best,
                recall,
                f"float32, n_neighbors = {neighbours}",
            )
            cold = child("descent", kind, n, d, neighbours)
            show(
                "pynndescent, cold",
                cold["seconds"],
                best,
                recall,
                "new process: import, compile, search",
            )


# ------------------------------------------------------------------------------------- 2. a million


def million(n: int, d: int) -> None:
    print(f"2. The {K} nearest of each of {n:,} x {d} points, in a process of its own")
    for kind in ("clustered", "hard"):
        got = child("ours", kind, n, d)
        print(
            f"  {kind:<12}{got['seconds'] / 60:>8.1f} min   peak {got['peak']:.2f} GB   "
            f"recall {got['recall']:.3f}"
            f"   {got['method']}   (15 min, 4 GB)",
            flush=True,
        )


def child(task: str, kind: str, n: int, d: int, *more) -> dict:
    """What one task measured in a fresh process, its peak resident memory included."""
    call = [
        sys.executable,
        os.path.abspath(__file__),
        "--child",
        json.dumps([task, kind, n, d, *more]),
    ]
    done = subprocess.run(call, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def alone(task: str, kind: str, n: int, d: int, *more) -> dict:
    """The task of a child."""
    x = points(kind, n, d)
    if task == "descent":
        seconds, _ = timed(descent, x.astype(np.float32), *more)
        return {"seconds": seconds}
    seconds, found = timed(ours, x, device="cpu")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e6 if sys.platform != "darwin" else 1e9
    )
    return {
        "seconds": seconds,
        "peak": peak,
        "recall": Truth(x).recall(found.index),
        "method": found.method,
    }


# -------------------------------------------------------------------------------------- 3. the walk


def dense_walk(h, v, jumps):
    """(AC, CA) of one patient `[K, P, d]`, through its supra-adjacency `[KP, KP]` and the jumps
    between copies `[KP, KP]`."""
    import torch

    planes, nodes, width = h.shape
    steps = torch.zeros(planes * nodes, planes * nodes)
    for k in range(planes):
        part = slice(k * nodes, (k + 1) * nodes)
        steps[part, part] = torch.outer(v[k], v[k]) - torch.diag(v[k])
    states = torch.cat(
        [h.reshape(-1, width), torch.ones(planes * nodes, 1)], 1
    )  # the ones count the walks
    ac, ca = jumps @ (steps @ states), steps @ (jumps @ states)
    return tuple((m[:, :-1] / m[:, -1:].clamp(min=1)).reshape(h.shape) for m in (ac, ca))


def walks(patients: int, dense: int, planes: int = 32, nodes: int = 396, width: int = 4) -> None:
    import torch

    from graphfuse.nn.walk import walk

    print(
        f"3. Both messages of the multiplex walk: {patients} patients x {planes} planes x "
        f"{nodes} nodes x {width} channels"
    )
    rng = torch.Generator().manual_seed(0)
    h = torch.randn(patients, planes, nodes, width, generator=rng)
    v = torch.zeros(patients, planes, nodes)
    v.scatter_(2, torch.rand(v.shape, generator=rng).topk(nodes // 10, dim=2).indices, 1.0)
    walk(h, v)
    fast = min(timed(walk, h, v)[0] for _ in range(5))
    jumps = torch.ones(planes, planes).kron(torch.eye(nodes))
    slow, apart = 0.0, 0.0
    quick = walk(h[:dense], v[:dense])
    for i in range(dense):
        seconds, messages = timed(dense_walk, h[i], v[i], jumps)
        slow += seconds
        apart = max(apart, *(float((m - q[i]).abs().max()) for m, q in zip(messages, quick)))
    slow *= patients / dense
    show("graphfuse", fast, fast, None, "best of 5")
    show(
        "dense supra-adjacency",
        slow,
        fast,
        None,
        f"{dense} patients timed, times {patients / dense:g}; apart {apart:.1e}",
    )


# ----------------------------------------------------------------------------------------- 4. a GPU


def gpu(n: int, d: int) -> None:
    import torch

    if not torch.cuda.is_available():
        print("4. GPU: none here")
        return
    print(
        f"4. {torch.cuda.get_device_name()}: the {K} nearest of each of {n:,} x {d} points, exact"
    )
    ours(points("hard", 5000, d), device="cuda")
    for kind in ("clustered", "hard"):
        x = points(kind, n, d)
        there, found = timed(ours, x, device="cuda")
        here, same = timed(ours, x, exact=True, device="cpu")
        show(f"GPU, {kind}", there, there, None, found.method)
        show(
            f"CPU, {kind}",
            here,
            there,
            None,
            "equal lists" if (found.index == same.index).all() else "LISTS DIFFER",
        )


# --------------------------------------------------------------------------------------------- main


def missing(package: str) -> bool:
    return importlib.util.find_spec(package) is None


def machine() -> str:
    blas = max(
        (pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1
    )
    names = ("numpy", "scipy", "scikit-learn", "faiss-cpu", "pynndescent", "numba", "torch")
    found = [
        f"{d.metadata['Name']} {d.version}"
        for name in names
        for d in importlib.metadata.distributions(name=name)
    ]
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    where = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {blas} BLAS "
        f"threads, load before {load}"
    )
    return f"{where}\nPython {platform.python_version()}, {', '.join(found)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: a check that it runs, not a measurement"
    )
    parser.add_argument("--only", default="knn,million,walk,gpu", help="parts to run, by comma")
    parser.add_argument(
        "--full", action="store_true", help="time scikit-learn on all rows, not on a fifth"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(alone(*json.loads(options.child))))
        return
    print(machine())
    n, d, many = (10_000, 32, 60_000) if options.quick else (100_000, 64, 1_000_000)
    parts = {"knn": lambda: knn(n, d, options.full), "million": lambda: million(many, 32)}
    parts |= {"walk": lambda: walks(128, 1 if options.quick else 4), "gpu": lambda: gpu(n, d)}
    for name in options.only.split(","):
        if name not in parts:
            parser.error(f"--only: {name!r} is not one of {', '.join(parts)}")
        parts[name]()


if __name__ == "__main__":
    main()
