"""Exports: each against the graph it came from, and read back by the program it is for."""

import json
from dataclasses import replace

import anndata
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.convert import (
    load_hetero,
    save_hetero,
    to_anndata,
    to_frames,
    to_hetero,
    to_networkx,
    write,
)
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.task.outcome import Outcome

N = 12
IDS = [f"P{i:02d}" for i in range(N - 2)] + ["=cmd()", 'Z<&"\x01é']
GENES = ["A", "B", "C", "D"]
FILES = {
    "patient_nodes.csv",
    "patient_nodes.parquet",
    "patient_edges.parquet",
    "gene_nodes.csv",
    "gene_nodes.parquet",
    "gene_edges.csv",
    "gene_edges.parquet",
    "graph.graphml",
    "graph.h5mu",
    "graph.html",
    "hetero.safetensors",
    "hetero.json",
    "README.txt",
}


def layer(seed, neighbours=3):
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.delete(np.arange(N), i), neighbours, replace=False) for i in range(N)]
    return Neighbours.from_edges(
        np.repeat(np.arange(N), neighbours),
        np.concatenate(chosen),
        rng.random(N * neighbours) + 0.1,
        N,
        N,
    )


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    rna = pd.DataFrame(rng.normal(size=(N, 4)), index=IDS, columns=["a_1", "b_2", "c_3", "x_9"])
    rna.iloc[2] = np.nan
    mirna = pd.DataFrame(rng.normal(size=(N, 2)), index=IDS, columns=["mir-1", "mir-2"])
    labels = pd.Series(["low", "high"] * 5 + [None, "low"], index=IDS, name="risk")
    symbols = {"rna": {"a_1": "A", "b_2": "B", "c_3": "C"}}
    site = pd.Series(["x", "y"] * 6, index=IDS)
    cohort = Cohort.from_frames(
        {"rna": rna, "mirna": mirna}, labels, symbols=symbols, groups={"site": site}
    )
    time = Outcome(
        "overall", "survival", np.r_[np.nan, np.arange(1.0, N)], event=np.arange(N) % 2 == 0
    )
    cohort = replace(cohort, outcomes={**cohort.outcomes, "overall": time})
    edges = pd.DataFrame(
        {"source": ["A", "B", "A"], "target": ["B", "C", "D"], "score": [0.5, 0.7, 0.9]}
    )
    features = {name: m.table.to_numpy() for name, m in cohort.modalities.items()}
    names = {name: m.columns for name, m in cohort.modalities.items()}
    return CohortGraph(
        cohort,
        {"rna": layer(1), "mirna": layer(2, 2)},
        GeneNetwork.from_frame(edges),
        features,
        names,
    )


def bare(graph):
    """No network, no layer, no outcome."""
    return replace(graph, cohort=replace(graph.cohort, outcomes={}), layers={}, network=None)


def edges_by_loop(graph, name):
    """(sender, receiver, weight) of a layer, read from the lists by hand."""
    ids, lists = list(graph.cohort.patients), graph.layers[name]
    found = set()
    for i in range(N):
        for e in range(lists.offsets[i], lists.offsets[i + 1]):
            found.add((ids[lists.index[e]], ids[i], lists.weight[e]))
    return found


# ------------------------------------------------------------------------------------------- frames


def test_frames_hold_every_node_and_edge(graph):
    frames = to_frames(graph)
    nodes = frames["patient_nodes"].set_index("patient")
    assert list(nodes) == ["risk", "overall", "overall_event", "site", "has_rna", "has_mirna"]
    assert nodes["risk"].isna().sum() == 1 and nodes.loc["P01", "risk"] == "high"
    assert pd.isna(nodes.loc["=cmd()", "overall_event"])  # no time, no event
    assert nodes["has_rna"].tolist() == graph.cohort.modalities["rna"].present.tolist()
    for name in graph.layers:
        part = frames["patient_edges"].query("layer == @name")
        assert set(
            part[["source", "target", "weight"]].itertuples(index=False, name=None)
        ) == edges_by_loop(graph, name)
    assert frames["gene_nodes"].to_dict("list") == {"gene": GENES, "degree": [2, 2, 1, 1]}
    assert frames["gene_edges"].to_numpy().tolist() == [
        ["A", "B", 0.5],
        ["A", "D", 0.9],
        ["B", "C", 0.7],
    ]


def test_a_bare_graph_gives_frames_with_columns_and_no_rows(graph):
    frames = to_frames(bare(graph))
    assert list(frames["patient_edges"]) == ["source", "target", "layer", "weight"]
    assert [
        len(frames[key]) for key in ("patient_nodes", "patient_edges", "gene_nodes", "gene_edges")
    ] == [N, 0, 0, 0]


# ----------------------------------------------------------------------------------------- networkx


def test_a_layer_as_networkx(graph):
    made = to_networkx(graph, "mirna")
    assert isinstance(made, nx.DiGraph) and set(made) == set(IDS)
    assert set(made.edges(data="weight")) == edges_by_loop(graph, "mirna")
    assert made.nodes["P00"]["risk"] == "low" and "risk" not in made.nodes["=cmd()"]


def test_genes_as_networkx(graph):
    made = to_networkx(graph, "genes")
    assert (
        type(made) is nx.Graph
        and made["B"]["A"]["weight"] == 0.5
        and made.nodes["A"]["degree"] == 2
    )
    assert (
        type(to_networkx(replace(graph, network=replace(graph.network, directed=True)), "genes"))
        is nx.DiGraph
    )


def test_an_unknown_layer_stops(graph):
    with pytest.raises(InputError, match="did you mean 'mirna'"):
        to_networkx(graph, "mirn")
    with pytest.raises(InputError, match="no layer 'genes'"):
        to_networkx(bare(graph), "genes")


# ------------------------------------------------------------------------------------------ AnnData


def test_anndata_holds_table_outcomes_and_layers(graph, tmp_path):
    adata = to_anndata(graph)
    np.testing.assert_array_equal(adata.X, graph.features["rna"])
    assert adata.obs_names.tolist() == list(graph.cohort.patients) and adata.var_names.tolist() == [
        "a_1",
        "b_2",
        "c_3",
        "x_9",
    ]
    assert adata.var["gene"].tolist()[:3] == ["A", "B", "C"] and pd.isna(adata.var["gene"].iloc[3])
    lists = graph.layers["mirna"]
    for i in range(N):
        row = adata.obsp["mirna"][i].toarray().ravel()
        mine = slice(lists.offsets[i], lists.offsets[i + 1])
        np.testing.assert_array_equal(row[lists.index[mine]], lists.weight[mine])
        assert np.count_nonzero(row) == 2
    adata.X[:] = 0
    assert np.nansum(np.abs(graph.features["rna"])) > 0  # a copy
    adata.write_h5ad(tmp_path / "graph.h5ad")
    back = anndata.read_h5ad(tmp_path / "graph.h5ad")
    assert (
        back.obs["risk"].astype(object).fillna("?").tolist()
        == adata.obs["risk"].astype(object).fillna("?").tolist()
    )
    assert to_anndata(graph, "mirna").shape == (N, 2)
    with pytest.raises(InputError, match="did you mean 'mirna'"):
        to_anndata(graph, "mirnas")


# ------------------------------------------------------------------------------------------- hetero


def assert_equal(a, b):
    """Two HeteroData with the same stores, tensors and values."""
    import torch

    assert [store._key for store in a.stores] == [store._key for store in b.stores]
    for left, right in zip(a.stores, b.stores, strict=True):
        assert set(left.keys()) == set(right.keys())
        for name, value in left.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, right[name]) and value.dtype == right[name].dtype
            else:
                assert value == right[name]


def test_hetero_holds_what_the_graph_holds(graph):
    data = to_hetero(graph)
    data.validate()
    assert data.node_types == ["patient", "gene"]
    assert data.edge_types == [
        ("patient", "rna", "patient"),
        ("patient", "mirna", "patient"),
        ("gene", "interacts", "gene"),
    ]
    joined = np.concatenate(list(graph.features.values()), axis=1)
    np.testing.assert_allclose(data["patient"].x, np.nan_to_num(joined), rtol=1e-6)
    np.testing.assert_array_equal(data["patient"].present, graph.cohort.present)
    assert data["patient"].y.tolist() == graph.cohort.outcome("risk").values.tolist()
    assert data["patient"].ids == list(graph.cohort.patients) and data["gene"].symbol == GENES
    assert (data.target, data.classes, data.modalities) == (
        "risk",
        ["high", "low"],
        ["rna", "mirna"],
    )
    assert data.feature_names == [
        "rna:a_1",
        "rna:b_2",
        "rna:c_3",
        "rna:x_9",
        "mirna:mir-1",
        "mirna:mir-2",
    ]
    assert data.feature_gene.tolist() == [0, 1, 2, -1, -1, -1]


def test_hetero_edges_run_from_sender_to_receiver(graph):
    data, ids = to_hetero(graph), list(graph.cohort.patients)
    store = data["patient", "rna", "patient"]
    found = {(ids[a], ids[b]) for a, b in store.edge_index.T.tolist()}
    assert found == {edge[:2] for edge in edges_by_loop(graph, "rna")}
    genes = {(GENES[a], GENES[b]) for a, b in data["gene", "gene"].edge_index.T.tolist()}
    assert genes == {("A", "B"), ("B", "A"), ("A", "D"), ("D", "A"), ("B", "C"), ("C", "B")}
    directed = to_hetero(replace(graph, network=replace(graph.network, directed=True)))
    assert directed["gene", "gene"].edge_index.shape == (2, 3)


def test_hetero_is_saved_and_loaded_equal(graph, tmp_path):
    for i, built in enumerate((graph, bare(graph), replace(graph, features={}, feature_names={}))):
        save_hetero(built, tmp_path / str(i))
        assert_equal(load_hetero(tmp_path / str(i)), to_hetero(built))
    again = load_hetero(tmp_path / "0")
    save_hetero(again, tmp_path / "again")  # a HeteroData of one's own is saved as well
    assert_equal(load_hetero(tmp_path / "again"), again)


def test_ids_stand_in_the_json_and_not_among_the_tensors(graph, tmp_path):
    save_hetero(graph, tmp_path)
    assert b"P01" not in (tmp_path / "hetero.safetensors").read_bytes()
    assert json.loads((tmp_path / "hetero.json").read_text(encoding="utf-8"))["schema"] == 1


def test_files_that_are_no_hetero_stop(graph, tmp_path):
    with pytest.raises(InputError, match="no HeteroData can be read"):
        load_hetero(tmp_path)
    save_hetero(graph, tmp_path)
    about = json.loads((tmp_path / "hetero.json").read_text(encoding="utf-8"))
    (tmp_path / "hetero.json").write_text(json.dumps({**about, "schema": 99}))
    with pytest.raises(InputError, match="schema 99"):
        load_hetero(tmp_path)
    (tmp_path / "hetero.json").write_text("[1]")
    with pytest.raises(InputError, match="not a HeteroData of graphfuse"):
        load_hetero(tmp_path)
    (tmp_path / "hetero.json").write_text(json.dumps(about))
    (tmp_path / "hetero.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match="no HeteroData can be read"):
        load_hetero(tmp_path)


def test_a_two_layer_hetero_net_trains_a_step_on_it(graph, tmp_path):
    from torch_geometric.nn import GraphConv, HeteroConv

    save_hetero(graph, tmp_path)
    data = load_hetero(tmp_path)
    torch.manual_seed(0)
    genes = torch.nn.Embedding(data["gene"].num_nodes, 6)
    layers = [
        HeteroConv({edge: GraphConv((-1, -1), width) for edge in data.edge_types})
        for width in (8, 2)
    ]

    def logits():
        h = {"patient": data["patient"].x, "gene": genes.weight}
        h = {
            kind: value.relu()
            for kind, value in layers[0](h, data.edge_index_dict, data.edge_weight_dict).items()
        }
        return layers[1](h, data.edge_index_dict, data.edge_weight_dict)["patient"]

    labelled = data["patient"].y >= 0
    logits()
    optimiser = torch.optim.SGD([p for layer in layers for p in layer.parameters()], lr=0.01)
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(logits()[labelled], data["patient"].y[labelled])
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[1] < losses[0]


# -------------------------------------------------------------------------------------------- files


def test_write_gives_every_file_and_explains_it(graph, tmp_path):
    folder = write(graph, tmp_path / "graph")
    assert {path.name for path in folder.iterdir()} == FILES
    readme = (folder / "README.txt").read_text()
    assert all(name in readme for name in FILES - {"README.txt"})
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "patient_edges.parquet"), to_frames(graph)["patient_edges"]
    )
    assert "\n'=cmd()," in (folder / "patient_nodes.csv").read_text(encoding="utf-8")
    assert_equal(load_hetero(folder), to_hetero(graph))
    assert {
        path.name for path in write(bare(graph), folder).iterdir()
    } == FILES  # written over, nothing left behind


def test_graphml_is_read_back_by_networkx(graph, tmp_path):
    write(graph, tmp_path)
    made = nx.read_graphml(tmp_path / "graph.graphml")
    assert made.is_directed() and made.number_of_nodes() == N + 4
    lines = [(a, b, d["layer"], d["weight"]) for a, b, d in made.edges(data=True)]
    odd = IDS[-1].replace("\x01", "\ufffd")
    for name in graph.layers:
        expected = {
            tuple(f"patient:{odd if end == IDS[-1] else end}" for end in e[:2]) + (name, e[2])
            for e in edges_by_loop(graph, name)
        }
        assert {line for line in lines if line[2] == name} == expected
    assert {line for line in lines if line[2] == "interacts"} == {
        ("gene:A", "gene:B", "interacts", 0.5),
        ("gene:A", "gene:D", "interacts", 0.9),
        ("gene:B", "gene:C", "interacts", 0.7),
    }
    assert made.nodes["patient:P00"] == {
        "kind": "patient", "name": "P00", "risk": "low", "overall": 1.0, "overall_event": False,
        "site": "x", "has_rna": True, "has_mirna": True,
    }  # fmt: skip
    assert not {"overall", "overall_event", "risk"} & set(
        made.nodes["patient:=cmd()"]
    )  # unknown: left out
    assert made.nodes["gene:A"] == {"kind": "gene", "name": "A", "degree": 2}
    assert all(d["symmetric"] == (d["layer"] == "interacts") for *_, d in made.edges(data=True))


def test_graphml_bears_hostile_text(graph, tmp_path):
    nodes = to_frames(graph)["patient_nodes"]
    nodes["risk"] = [
        "]]>",
        "<!--",
        "&amp;",
        "\x00",
        "a\rb\nc",
        "\ud800",
        "😀",
        "",
        "' \"",
        None,
        "x" * 9999,
        "<data>",
    ]
    nodes['<&">'] = 1
    from graphfuse.graph.export.graphml import write_graphml

    write_graphml({**to_frames(graph), "patient_nodes": nodes}, tmp_path / "g.graphml")
    made = nx.read_graphml(tmp_path / "g.graphml")
    got = [made.nodes[key].get("risk") for key in made if key.startswith("patient:")]
    assert (
        got[:7] == ["]]>", "<!--", "&amp;", "\ufffd", "a\nb\nc", "\ufffd", "😀"] and got[9] is None
    )
    assert made.nodes["patient:P00"]['<&">'] == 1


def test_beyond_the_limits_files_are_left_out_and_the_readme_says_why(graph, tmp_path, monkeypatch):
    from graphfuse.graph.export import write_folder

    write(graph, tmp_path)
    monkeypatch.setattr(write_folder, "MOST_EDGES", 10)
    monkeypatch.setattr(write_folder, "MOST_CELLS", 10)
    write(graph, tmp_path)  # what was there before goes too
    assert {path.name for path in tmp_path.iterdir()} == FILES - {
        "graph.graphml",
        "graph.h5mu",
    }
    readme = (tmp_path / "README.txt").read_text()
    assert (
        "graph.graphml is left out: 63 edges" in readme
        and "graph.h5mu is left out: 72 cells" in readme
    )
