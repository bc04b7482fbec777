"""GEXF: read back equal by networkx, whatever the cells hold, and in pieces."""

from dataclasses import replace
from xml.etree import ElementTree

import networkx as nx
import numpy as np

from graphfuse.graph.export import markup
from graphfuse.graph.export.gexf import write_gexf
from graphfuse.graph.export.graphml import write_graphml
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.graph.export.tables import to_frames

NS = "{http://gexf.net/1.3}"


def clean(text):
    return text.replace("\x01", "\ufffd")


def expected(graph):
    """The MultiDiGraph as a file can hold it: legal characters, the label for the name."""
    made = to_networkx(graph)
    nodes = {
        clean(n): {clean(k): v for k, v in d.items() if k != "name"} | {"label": clean(d["name"])}
        for n, d in made.nodes.items()
    }
    edges = {
        (clean(a), clean(b), key): (d["layer"], d["weight"])
        for a, b, key, d in made.edges(data=True, keys=True)
    }
    return nodes, edges


def test_networkx_reads_it_back_equal(built, tmp_path):
    for graph in (built, replace(built, network=replace(built.network, directed=True))):
        write_gexf(to_frames(graph), tmp_path / "g.gexf", graph.network.directed)
        back = nx.read_gexf(tmp_path / "g.gexf", version="1.3")
        nodes, edges = expected(graph)
        assert dict(back.nodes) == nodes
        assert {
            (a, b, k): (d["layer"], d["weight"]) for a, b, k, d in back.edges(data=True, keys=True)
        } == edges


def test_it_says_what_gephi_asks_for(built, tmp_path):
    write_gexf(to_frames(built), tmp_path / "g.gexf")
    graph = ElementTree.parse(tmp_path / "g.gexf").getroot().find(f"{NS}graph")
    assert graph.get("defaultedgetype") == "directed" and graph.get("mode") == "static"
    declared = {a.get("id"): a.get("type") for a in graph.iter(f"{NS}attribute")}
    used = {value.get("for") for value in graph.iter(f"{NS}attvalue")}
    assert used == set(declared) and set(declared.values()) == {
        "string",
        "boolean",
        "double",
        "long",
    }
    ids = [edge.get("id") for edge in graph.iter(f"{NS}edge")]
    assert (
        len(set(ids))
        == len(ids)
        == sum(lists.edges for lists in built.layers.values()) + built.network.edges
    )
    assert {edge.get("kind") for edge in graph.iter(f"{NS}edge")} == {
        "rna",
        "meth",
        "shared",
        "interacts",
    }
    assert {
        edge.get("type") for edge in graph.iter(f"{NS}edge") if edge.get("kind") == "interacts"
    } == {"mutual"}


def test_a_bare_graph_is_a_file_too(bare, tmp_path):
    write_gexf(to_frames(bare), tmp_path / "g.gexf")
    assert len(nx.read_gexf(tmp_path / "g.gexf")) == 24


def test_pieces_are_the_whole(built, tmp_path, monkeypatch):
    frames = to_frames(built)
    for name, write in (("gexf", write_gexf), ("graphml", write_graphml)):
        monkeypatch.setattr(markup, "ROWS", 50_000)
        write(frames, tmp_path / f"whole.{name}")
        monkeypatch.setattr(markup, "ROWS", 7)
        write(frames, tmp_path / f"pieces.{name}")
        assert (tmp_path / f"whole.{name}").read_bytes() == (
            tmp_path / f"pieces.{name}"
        ).read_bytes()


def test_hostile_text_and_odd_numbers(built, tmp_path):
    nodes = to_frames(built)["patient_nodes"].iloc[:8].copy()
    nodes["risk"] = ["]]>", "<!--", "&amp;", "\x00", "a\rb\nc", "\ud800", "\"'", None]
    nodes["overall"] = [np.inf, np.nan, 1e-320, 0.1 + 0.2, -0.0, 1e300, 1, 2]
    frames = {
        **to_frames(built),
        "patient_nodes": nodes,
        "patient_edges": to_frames(built)["patient_edges"].iloc[:0],
    }
    write_gexf(frames, tmp_path / "g.gexf")
    back = [
        d for n, d in nx.read_gexf(tmp_path / "g.gexf").nodes.items() if n.startswith("patient:")
    ]
    assert [d.get("risk") for d in back] == [
        "]]>",
        "<!--",
        "&amp;",
        "\ufffd",
        "a\rb\nc",
        "\ufffd",
        "\"'",
        None,
    ]
    assert [d.get("overall") for d in back] == [None, None, 1e-320, 0.1 + 0.2, 0.0, 1e300, 1, 2]
