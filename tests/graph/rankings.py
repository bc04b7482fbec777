"""A ranking whose every score is known by heart, of the graph in `conftest.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.ranking import Ranking
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.schema import RANKING_COLUMNS


def table(rows: dict[str, list], **beside: object) -> pd.DataFrame:
    """Some columns of a ranking, all others blank."""
    return pd.DataFrame(rows).assign(**beside).reindex(columns=list(RANKING_COLUMNS))


def nothing(*more: str) -> pd.DataFrame:
    return pd.DataFrame(columns=[*RANKING_COLUMNS, *more])


def nodes(graph: PatientGraph, scores: np.ndarray, signs: np.ndarray) -> pd.DataFrame:
    """The graph's columns in the order of their scores, as files have them."""
    ids = [f"{name}:{c}" for name, columns in graph.feature_names.items() for c in columns]
    p = 10.0 ** -np.arange(1, len(ids) + 1)
    rows = {"id": ids, "score": scores, "sign": signs, "p": p, "q": 2 * p, "difference": -scores}
    made = table(rows, sign_class="high").sort_values("score", ascending=False)
    made["rank"] = np.arange(1, len(made) + 1)
    return made.reset_index(drop=True)


def ranking_of(graph: PatientGraph, by_class: bool = True) -> Ranking:
    """Columns score 1, 2, … in the graph's order, every third lowers `high`; genes and edges score
    tenths; the edge into the second patient of each layer scores .25 in one repeat, .75 in
    another."""
    count = sum(len(columns) for columns in graph.feature_names.values())
    scores = np.arange(1.0, count + 1)
    signs = np.where(np.arange(count) % 3 == 2, -1, 1)
    parts = {"high": signs, "low": -signs}
    apart = [nodes(graph, scores, sign).assign(**{"class": k}) for k, sign in parts.items()]
    genes = list(graph.network.genes) if graph.network is not None else []
    tenths = np.arange(1, len(genes) + 1) / 10
    ends = {"source": [], "target": []}
    if graph.network is not None:
        ends = graph.network.to_frame()[["source", "target"]].to_dict("list")
    strong = np.arange(1, len(ends["source"]) + 1) / 10
    edges = table({**ends, "score": strong, "rank": strong[::-1] * 10, "sign": np.sign(strong)})
    ids = graph.cohort.patients.astype(str)
    patient_edges = [pd.DataFrame(columns=["source", "target", "layer", "score", "repeat"])]
    for layer, lists in graph.layers.items():
        for repeat, score in enumerate([0.25, 0.75]):
            place = int(lists.offsets[1])
            names = {"source": [ids[lists.index[place]]], "target": [ids[1]]}
            names |= {"layer": layer, "score": score, "repeat": repeat}
            patient_edges.append(pd.DataFrame(names))
    return Ranking(
        nodes=nodes(graph, scores, signs),
        levels=nothing(),
        genes=table({"id": genes, "gene": genes, "score": tenths}, group=""),
        groups=nothing(),
        edges=edges.iloc[::-1].reset_index(drop=True),
        links=nothing(),
        modalities=nothing(),
        pathways=nothing(),
        nodes_by_class=pd.concat(apart) if by_class else nothing("class"),
        patient_edges=pd.concat(patient_edges, ignore_index=True),
        folds=2,
        error=None,
        method="by-hand",
        target="risk",
        about={},
    )
