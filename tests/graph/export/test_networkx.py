"""networkx with every layer at once."""

from dataclasses import replace

import networkx as nx
import pytest

from graphfuse.graph import controls
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.task.outcome import Outcome


def test_all_layers_keep_apart_under_their_keys(built):
    made = to_networkx(built)
    assert type(made) is nx.MultiDiGraph and len(made) == 24 + 4
    for name, lists in built.layers.items():
        ids = [f"patient:{p}" for p in built.cohort.patients]
        was = {
            (ids[s], ids[r], w)
            for r, s, w in zip(lists.receivers, lists.index, lists.weight, strict=True)
        }
        assert {
            (a, b, d["weight"]) for a, b, k, d in made.edges(data=True, keys=True) if k == name
        } == was
    assert (
        made.edges["gene:B", "gene:A", "interacts"]["weight"]
        == made.edges["gene:A", "gene:B", "interacts"]["weight"]
        == 0.5
    )
    assert made.nodes["patient:P00"]["kind"] == "patient" and made.nodes["gene:A"]["name"] == "A"


@pytest.mark.parametrize("name", ["kind", "name"])
def test_an_outcome_called_as_an_attribute_of_all_nodes_keeps_its_values(built, name):
    outcome = next(iter(built.cohort.outcomes.values()))
    called = Outcome(name, outcome.kind, outcome.values, outcome.classes)
    made = to_networkx(replace(built, cohort=built.cohort.with_outcome(called)))
    first = f"patient:{built.cohort.patients[0]}"
    truth = outcome.classes[outcome.values[0]]
    assert made.nodes[first][f"outcome:{name}"] == truth
    assert (made.nodes[first]["kind"], made.nodes[first]["name"]) == ("patient", first[8:])


def test_directed_genes_and_loops_go_one_way(built):
    directed = to_networkx(replace(built, network=replace(built.network, directed=True)))
    assert directed.has_edge("gene:A", "gene:B") and not directed.has_edge("gene:B", "gene:A")
    alone = to_networkx(
        replace(built, layers={}, network=controls.control("identity", built.network, 0))
    )
    assert {(a, b) for a, b in alone.edges()} == {
        (f"gene:{g}", f"gene:{g}") for g in "ABCD"
    } and alone.number_of_edges() == 4
