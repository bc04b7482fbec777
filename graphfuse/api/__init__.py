"""The verbs: their defaults, and what their arguments mean."""

from graphfuse.api.graphs import build, coverage
from graphfuse.api.planning import plan
from graphfuse.api.ranked import rank_run
from graphfuse.api.runs import run, save_run
from graphfuse.api.subtyping import subtype
from graphfuse.api.trained import predict, rank, score
from graphfuse.api.training import bench, nulls, train
from graphfuse.data.manifest import load

__all__ = [
    "bench",
    "build",
    "coverage",
    "load",
    "nulls",
    "plan",
    "predict",
    "rank",
    "rank_run",
    "run",
    "save_run",
    "score",
    "subtype",
    "train",
]
