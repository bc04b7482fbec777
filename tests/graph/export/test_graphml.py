"""GraphML: read back equal by networkx, whatever the cells hold."""

from dataclasses import replace
from xml.etree import ElementTree

import networkx as nx
import numpy as np

from graphfuse.graph.export.graphml import write_graphml
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.graph.export.tables import to_frames

NS = "{http://graphml.graphdrawing.org/xmlns}"


def clean(text):
    return text.replace("\x01", "\ufffd")


def edges_of(made):
    """(source, target, layer, weight) of every edge."""
    return sorted(
        (clean(a), clean(b), d["layer"], d["weight"]) for a, b, d in made.edges(data=True)
    )


def test_networkx_reads_it_back_equal(built, tmp_path):
    directed = replace(built, network=replace(built.network, directed=True))
    write_graphml(to_frames(directed), tmp_path / "g.graphml", directed_genes=True)
    back, expected = nx.read_graphml(tmp_path / "g.graphml"), to_networkx(directed)
    assert {n: dict(back.nodes[n]) for n in back} == {
        clean(n): {clean(key): clean(v) if isinstance(v, str) else v for key, v in d.items()}
        for n, d in expected.nodes.items()
    }
    assert edges_of(back) == edges_of(expected)
    assert not any(d["symmetric"] for *_, d in back.edges(data=True))


def test_a_bare_graph_is_a_file_too(bare, tmp_path):
    write_graphml(to_frames(bare), tmp_path / "g.graphml")
    assert len(nx.read_graphml(tmp_path / "g.graphml")) == 24


def test_ids_of_edges_and_of_keys_are_unique(built, tmp_path):
    write_graphml(to_frames(built), tmp_path / "g.graphml")
    root = ElementTree.parse(tmp_path / "g.graphml").getroot()
    edges = [edge.get("id") for edge in root.iter(f"{NS}edge")]
    keys = [key.get("id") for key in root.iter(f"{NS}key")]
    lists = sum(layer.edges for layer in built.layers.values())
    assert len(set(edges)) == len(edges) == lists + built.network.edges
    assert len(set(keys)) == len(keys)
    types = {key.get("attr.type") for key in root.iter(f"{NS}key")}
    assert types == {"string", "boolean", "double", "long"}


def test_numbers_that_a_file_cannot_hold_are_left_out(built, tmp_path):
    nodes = to_frames(built)["patient_nodes"].iloc[:8].copy()
    nodes["overall"] = [np.inf, np.nan, 1e-320, 0.1 + 0.2, -0.0, 1e300, 1, 2]
    edges = to_frames(built)["patient_edges"].iloc[:0]
    frames = {**to_frames(built), "patient_nodes": nodes, "patient_edges": edges}
    write_graphml(frames, tmp_path / "g.graphml")
    back = nx.read_graphml(tmp_path / "g.graphml").nodes.items()
    values = [known.get("overall") for name, known in back if name.startswith("patient:")]
    assert values == [None, None, 1e-320, 0.1 + 0.2, 0.0, 1e300, 1, 2]
