"""The value that `build` gives: its words, and that every export hands on what it holds."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.graph.patient_graph import PatientGraph


@pytest.fixture
def graph():
    table = pd.DataFrame(np.arange(8.0).reshape(4, 2), index=list("abcd"), columns=["TP53", "ESR1"])
    cohort = Cohort.from_frames(
        {"rna": table}, pd.Series(list("xyxy"), index=list("abcd")), name="four"
    )
    lists = Neighbours.from_edges([0, 1, 1], [1, 0, 3], [1.0, 1.0, 0.5], 4, 4)
    return PatientGraph(
        cohort, {"rna": lists}, None, {"rna": table.to_numpy()}, {"rna": list(table.columns)}
    )


def test_it_says_what_it_holds(graph):
    assert repr(graph).splitlines() == [
        "PatientGraph(four: 4 patients)",
        "  layer rna: 3 edges",
        "  no gene network",
    ]


def test_the_edges_come_out_by_name(graph):
    edges = graph.to_frames()["patient_edges"]
    found = set(zip(edges["source"], edges["target"], edges["layer"], edges["weight"], strict=True))
    assert found == {("b", "a", "rna", 1.0), ("a", "b", "rna", 1.0), ("d", "b", "rna", 0.5)}
    assert graph.to_networkx("rna").number_of_nodes() == 4
