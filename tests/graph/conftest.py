"""A graph small enough to know by heart, with everything in it that an export can lose."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.task.outcome import Outcome

N = 24


def _lists(seed, neighbours, rows):
    rng = np.random.default_rng(seed)
    heard = [rng.choice(np.setdiff1d(rows, i), neighbours, replace=False) for i in rows]
    return Neighbours.from_edges(
        np.repeat(rows, neighbours), np.concatenate(heard), rng.random(len(rows) * neighbours), N, N
    )


@pytest.fixture
def built():
    """Two gene tables (meth lacks patients 2 and 5), one without genes, a shared layer, unlabelled
    and unknown patients, weights that float32 cannot hold, two columns of one gene, a gene outside
    the network, hostile names."""
    rng = np.random.default_rng(0)
    ids = pd.Index(
        [f"P{i:02d}" for i in range(N - 2)] + ["=cmd()", "</script><b>&'\"é\x01"], name="patient"
    )
    rna = pd.DataFrame(rng.normal(size=(N, 4)), ids, ["a_1", "b_2", "c_3", "x_9"])
    meth = pd.DataFrame(rng.normal(size=(N, 3)), ids, ["cg1", "cg2", "cg3"])
    meth.iloc[[2, 5]] = np.nan
    age = pd.DataFrame(rng.normal(size=(N, 1)), ids, ["age"])
    labels = pd.Series(np.where(rna["a_1"] > 0, "high", "low"), ids, name="risk").astype(object)
    labels.iloc[7] = None
    symbols = {
        "rna": {"a_1": "A", "b_2": "B", "c_3": "C", "x_9": "ZZ"},
        "meth": {"cg1": "A", "cg2": "A", "cg3": "D"},
    }
    site = pd.Series(np.where(np.arange(N) % 3, "x", "y"), ids)
    tables = {"rna": rna, "meth": meth, "age": age}
    cohort = Cohort.from_frames(
        tables, labels, symbols=symbols, groups={"site": site}, name="small"
    )
    time = Outcome(
        "overall",
        "survival",
        np.r_[np.nan, np.linspace(0.1, 9, N - 1)],
        event=np.arange(N) % 2 == 0,
    )
    stage = Outcome("stage", "class", np.arange(N) % 3, ("I", "II", "III"), derived_from=("rna",))
    cohort = replace(cohort, outcomes={**cohort.outcomes, "overall": time, "stage": stage})
    edges = pd.DataFrame(
        {"source": ["A", "B", "A"], "target": ["B", "C", "D"], "score": [0.5, 0.7, 0.9]}
    )
    network = replace(
        GeneNetwork.from_frame(edges, "made"), about={"title": "made", "min_score": 0.4}
    )
    everyone = np.arange(N)
    has_meth = cohort.modalities["meth"].present
    layers = {
        "rna": _lists(1, 4, everyone),
        "meth": _lists(2, 3, np.flatnonzero(has_meth)),
        "shared": _lists(3, 2, everyone),
    }
    features = {name: np.nan_to_num(m.table.to_numpy()) for name, m in cohort.modalities.items()}
    return PatientGraph(
        cohort,
        layers,
        network,
        features,
        {name: m.columns for name, m in cohort.modalities.items()},
    )


@pytest.fixture
def bare(built):
    """No network, no layer, no outcome, no group."""
    return replace(
        built, cohort=replace(built.cohort, outcomes={}, groups={}), layers={}, network=None
    )
