"""Gene networks: cards, the operators against naive loops, and what a modality can use."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.modality import Modality
from graphfuse.errors import FetchError, InputError
from graphfuse.graph.network import GeneNetwork, load_network

DATA = Path(__file__).parents[3] / "shared" / "data"
CARD = """name = "made"
[edges]
file = "edges.csv"
source = "a"
target = "b"
score = "s"
min_score = 0.5
"""


def write(folder, text, name="edges.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def edges_of(network):
    return [tuple(row) for row in network.to_frame().itertuples(index=False)]


def made(genes=14, edges=30, directed=False, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"G{i:02d}" for i in range(genes)])
    ends = names[rng.integers(0, genes, (edges, 2))]
    frame = pd.DataFrame({"source": ends[:, 0], "target": ends[:, 1], "score": rng.random(edges) + 0.1})
    return GeneNetwork.from_frame(frame, directed=directed)


# Shared genes (G01 three times, G03 twice), no gene, an unknown gene, and genes left isolated.
SYMBOLS = ["G05", "G01", None, "G03", "G01", "NOPE", "G00", "G03", "G07", "G02", "G01", "G11", "G09"]


def test_row_order_and_direction_do_not_matter():
    network = made()
    frame = network.to_frame().rename(columns={"weight": "score"})
    turned = frame.rename(columns={"source": "target", "target": "source"}).sample(frac=1, random_state=0)
    assert edges_of(GeneNetwork.from_frame(turned)) == edges_of(network)


# ---------------------------------------------------------------------------------------------------- cards


def card(folder, extra="", text="a,b,s\nA,B,0.9\nB,C,0.4\nC,D,0.6\n"):
    write(folder, text)
    return write(folder, CARD + extra, "made.toml")


def test_a_card_beside_its_file(tmp_path):
    network = load_network(card(tmp_path, "[expect]\nnodes = 4\nedges = 2\n"))
    assert (network.name, network.edges, network.about["min_score"]) == ("made", 2, 0.5)
    assert load_network(tmp_path / "made.toml", min_score=0.3).edges == 3  # another cut: [expect] does not speak


def test_a_card_with_a_folder_as_source(tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "a,b,s\nA,B,0.9\n")
    path = write(tmp_path, CARD.replace("[edges]", '[[source]]\npath = "folder"\n[edges]'), "made.toml")
    assert load_network(path).edges == 1


def test_a_card_by_name_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "graphs" / "networks").mkdir(parents=True)
    card(tmp_path / "graphs" / "networks")
    monkeypatch.chdir(tmp_path)
    assert load_network("made").edges == 2
    with pytest.raises(InputError, match="did you mean 'made'"):
        load_network("mode")


def test_a_directed_card(tmp_path):
    text = CARD.replace('score = "s"', 'score = "s"\ndirected = true')
    write(tmp_path, "a,b,s\nB,A,0.9\nA,B,0.8\n")
    network = load_network(write(tmp_path, text, "made.toml"))
    assert network.directed and edges_of(network) == [("A", "B", 0.8), ("B", "A", 0.9)]
    assert repr(network) == "GeneNetwork(made: 2 genes, 2 edges, directed)"


def test_counts_other_than_expected_stop(tmp_path):
    with pytest.raises(InputError) as raised:
        load_network(card(tmp_path, "[expect]\nnodes = 5\nedges = 9\n"))
    assert "nodes: expected 5, got 4" in str(raised.value) and "edges: expected 9, got 2" in str(raised.value)


def test_columns_that_are_not_there_are_all_named(tmp_path):
    with pytest.raises(InputError) as raised:
        load_network(card(tmp_path, text="aa,bb,s\nA,B,0.9\n"))
    assert "no column 'a'" in str(raised.value) and "no column 'b'" in str(raised.value)


# ----------------------------------------------------------------------------------------------- operators


@pytest.mark.parametrize("directed", [False, True])
def test_adjacency_and_degree_against_a_loop(directed):
    network = made(directed=directed)
    dense, degree = np.zeros((len(network.genes),) * 2), np.zeros(len(network.genes), int)
    for a, b, w in zip(network.source, network.target, network.weight, strict=True):
        dense[a, b] = w
        if not directed:
            dense[b, a] = w
        degree[[a, b]] += 1
    np.testing.assert_array_equal(network.adjacency().toarray(), dense)
    np.testing.assert_array_equal(network.degree, degree)
    assert network.degree.dtype == np.int64
    assert directed or (network.source < network.target).all()


def test_on_is_the_induced_network():
    network = made()
    inner = network.on(SYMBOLS)
    assert inner.genes == tuple(gene for gene in network.genes if gene in SYMBOLS)
    assert edges_of(inner) == [edge for edge in edges_of(network) if edge[0] in SYMBOLS and edge[1] in SYMBOLS]
    assert edges_of(inner.on(SYMBOLS)) == edges_of(inner)
    assert network.on([]).genes == () and network.on([None, "NOPE"]).edges == 0


def smoothing_by_loops(network, symbols):
    """The definition, one feature at a time."""
    weight = {}
    for a, b, w in edges_of(network):
        if a in symbols and b in symbols:
            weight[b, a] = w  # b hears a
            if not network.directed:
                weight[a, b] = w
    into = {g: sum(w for (h, _), w in weight.items() if h == g) for g in network.genes}
    out = {g: sum(w for (_, s), w in weight.items() if s == g) for g in network.genes}
    operator = np.zeros((len(symbols),) * 2)
    for i, gene in enumerate(symbols):
        for j, other in enumerate(symbols):
            if (gene, other) in weight:
                strength = weight[gene, other] / np.sqrt(into[gene] * out[other])
                operator[i, j] = strength / symbols.count(other)
    return operator


@pytest.mark.parametrize("directed", [False, True])
def test_smoothing_against_a_naive_loop(directed):
    network = made(directed=directed)
    operator = network.smoothing(SYMBOLS)
    np.testing.assert_allclose(operator.toarray(), smoothing_by_loops(network, SYMBOLS), rtol=1e-12)
    assert operator.format == "csr" and operator.dtype == np.float64
    assert operator[SYMBOLS.index(None)].nnz == 0 and operator[SYMBOLS.index("NOPE")].nnz == 0


def test_smoothing_a_pair_swaps_them_and_shared_genes_speak_with_one_voice():
    pair = GeneNetwork.from_frame(pd.DataFrame({"source": ["A"], "target": ["B"], "score": [0.3]}))
    np.testing.assert_allclose(pair.smoothing(["A", "B", "B"]) @ [1.0, 2.0, 4.0], [3.0, 1.0, 1.0])


def test_smoothing_does_not_depend_on_the_scale_of_weights_and_bears_empty_input():
    network = made()
    louder = GeneNetwork(network.name, network.genes, network.source, network.target, network.weight * 1000)
    np.testing.assert_allclose(louder.smoothing(SYMBOLS).toarray(), network.smoothing(SYMBOLS).toarray(), rtol=1e-12)
    assert network.smoothing([]).shape == (0, 0)
    assert network.smoothing([None, "NOPE"]).nnz == 0


@pytest.mark.parametrize("directed", [False, True])
def test_edge_features_name_every_feature_pair_once(directed):
    network = made(directed=directed)
    inner = network.on(SYMBOLS)
    edge, a, b = network.edge_features(SYMBOLS)
    expected = [
        (e, i, j)
        for e, (source, target, _) in enumerate(edges_of(inner))
        for i, gene in enumerate(SYMBOLS)
        if gene == source
        for j, other in enumerate(SYMBOLS)
        if other == target
    ]
    assert sorted(zip(edge.tolist(), a.tolist(), b.tolist(), strict=True)) == sorted(expected)
    assert edge.dtype == a.dtype == b.dtype == np.int64
    assert all(len(part) == 0 for part in network.edge_features([None]))


def test_edge_features_sum_a_gradient_over_the_operator():
    network = made()
    inner = network.on(SYMBOLS)
    edge, a, b = network.edge_features(SYMBOLS)
    gradient = np.random.default_rng(0).normal(size=(len(SYMBOLS),) * 2)
    total = np.bincount(edge, gradient[a, b] + gradient[b, a], minlength=inner.edges)
    pattern = network.smoothing(SYMBOLS).toarray() != 0
    assert total.sum() == pytest.approx(gradient[pattern].sum())


# ------------------------------------------------------------------------------------------------ coverage


def modality(symbols):
    columns = [f"c{i}" for i in range(len(symbols))]
    return Modality("rna", pd.DataFrame(np.ones((2, len(symbols))), columns=columns), symbols=tuple(symbols))


def test_coverage_tells_what_is_lost_at_each_step():
    network = GeneNetwork.from_frame(pd.DataFrame({"source": ["A", "C", "E"], "target": ["B", "D", "F"]}))
    table = network.coverage(modality(["A", "B", "A", None, "X", "Y", "Z", "W", "C", "E"]))
    assert table["count"].tolist() == [10, 9, 5, 3]
    assert table["share"].tolist() == [1.0, 0.9, 0.5, 0.3]
    assert table["lost"].tolist() == [0, 1, 4, 2]
    assert table["reason"].tolist() == ["", "no gene symbol", "not in the network", "isolated"]
    assert table["examples"].tolist() == ["", "c3", "c4, c5, c6", "c8, c9"]


def test_mouse_symbols_ids_and_dates_are_told(caplog):
    network = GeneNetwork.from_frame(pd.DataFrame({"source": ["TP53"], "target": ["MDM2"]}))
    with caplog.at_level(logging.WARNING):
        network.coverage(modality(["Trp53", "Mdm2", "Cd4", "H2-K1"]))
    assert "0 of 4 symbols" in caplog.text and "like mouse genes" in caplog.text
    [ids] = network.notices(["ENSG00000141510", "ENSG00000135679"])
    assert "writes MDM2, TP53, the table ENSG00000135679" in ids
    [dates] = network.notices(["TP53", "MDM2", "2-Sep", "Mar-1", "2.31E+13", "SEPTIN2"])
    assert dates.startswith("3 symbols look like genes a spreadsheet turned into dates")
    assert network.notices(["TP53", None]) == network.notices([None]) == []


# ----------------------------------------------------------------------------------------------- real data


def test_the_default_network_has_the_counts_of_its_card():
    try:
        network = load_network("human-ppi")
    except FetchError as error:
        pytest.skip(f"not to be had here: {error}")
    assert (len(network.genes), network.edges) == (14_136, 111_770)
    assert (network.cleaned["duplicate"], network.cleaned["both_directions"]) == (16, 4)


def test_a_real_string_network_is_read():
    path = DATA / "ppi_string_v12" / "string_v12_ge700.tsv.gz"
    if not path.is_file():
        pytest.skip("no real data here")
    network = load_network(path, min_score=900)
    frame = pd.read_csv(path, sep="\t")
    pairs = {frozenset(p) for p in frame.loc[frame["combined_score"] >= 900, ["gene1", "gene2"]].to_numpy().tolist()}
    assert network.edges == len({pair for pair in pairs if len(pair) == 2})
