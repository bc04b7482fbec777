"""The verbs: their defaults, and what their arguments mean."""

from graphfuse.api.build_graphs import build, coverage
from graphfuse.api.explain_row import explain, save_explanation
from graphfuse.api.planning import plan
from graphfuse.api.rank_runs import rank_run
from graphfuse.api.subtyping import subtype
from graphfuse.api.train_runs import run, save_run
from graphfuse.api.training import bench, nulls, train
from graphfuse.api.use_model import predict, rank, score
from graphfuse.data.load_cohort import load

__all__ = [
    "bench",
    "build",
    "coverage",
    "explain",
    "load",
    "nulls",
    "plan",
    "predict",
    "rank",
    "rank_run",
    "run",
    "save_explanation",
    "save_run",
    "score",
    "subtype",
    "train",
]
