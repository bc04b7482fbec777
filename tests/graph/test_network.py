"""Gene networks: cards, one's own STRING download, renaming, and the operators against naive
loops."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import FetchError, InputError
from graphfuse.graph.controls import identity
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.network_files import load_network

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
    frame = pd.DataFrame(
        {"source": ends[:, 0], "target": ends[:, 1], "score": rng.random(edges) + 0.1}
    )
    return GeneNetwork.from_frame(frame, directed=directed)


# Shared genes (G01 three times, G03 twice), no gene, an unknown gene, and genes left isolated.
SYMBOLS = [
    "G05",
    "G01",
    None,
    "G03",
    "G01",
    "NOPE",
    "G00",
    "G03",
    "G07",
    "G02",
    "G01",
    "G11",
    "G09",
]


def test_row_order_and_direction_do_not_matter():
    network = made()
    frame = network.to_frame().rename(columns={"weight": "score"})
    turned = frame.rename(columns={"source": "target", "target": "source"}).sample(
        frac=1, random_state=0
    )
    assert edges_of(GeneNetwork.from_frame(turned)) == edges_of(network)


# -------------------------------------------------------------------------------------------- cards


def card(folder, extra="", text="a,b,s\nA,B,0.9\nB,C,0.4\nC,D,0.6\n"):
    write(folder, text)
    return write(folder, CARD + extra, "made.toml")


@pytest.mark.parametrize("scores", [["0.9", "0.2"], [0.9, "high"], pd.Categorical(["0.9", "0.2"])])
def test_scores_that_are_text_are_refused_and_missing_ones_left_out(scores):
    ends = {"source": ["A", "B"], "target": ["B", "C"]}
    with pytest.raises(InputError, match=r"network 'ppi': column score holds str in .* of 2 rows"):
        GeneNetwork.from_frame(pd.DataFrame({**ends, "score": scores}), "ppi")
    some = pd.DataFrame({**ends, "score": pd.Series([0.9, None], dtype=object)})
    assert GeneNetwork.from_frame(some).cleaned["missing_weight"] == 1


def test_a_card_beside_its_file(tmp_path):
    network = load_network(card(tmp_path, "[expect]\nnodes = 4\nedges = 2\n"))
    assert (network.name, network.edges, network.about["min_score"]) == ("made", 2, 0.5)
    assert (
        load_network(tmp_path / "made.toml", min_score=0.3).edges == 3
    )  # another cut: [expect] does not speak


def test_a_card_with_a_folder_as_source(tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "a,b,s\nA,B,0.9\n")
    path = write(
        tmp_path, CARD.replace("[edges]", '[[source]]\npath = "folder"\n[edges]'), "made.toml"
    )
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
    assert "nodes: expected 5, got 4" in str(raised.value) and "edges: expected 9, got 2" in str(
        raised.value
    )


def test_columns_that_are_not_there_are_all_named(tmp_path):
    with pytest.raises(InputError) as raised:
        load_network(card(tmp_path, text="aa,bb,s\nA,B,0.9\n"))
    assert "no column 'a'" in str(raised.value) and "no column 'b'" in str(raised.value)


# ---------------------------------------------------------------------------------------- operators


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
    assert edges_of(inner) == [
        edge for edge in edges_of(network) if edge[0] in SYMBOLS and edge[1] in SYMBOLS
    ]
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
    louder = GeneNetwork(
        network.name, network.genes, network.source, network.target, network.weight * 1000
    )
    np.testing.assert_allclose(
        louder.smoothing(SYMBOLS).toarray(), network.smoothing(SYMBOLS).toarray(), rtol=1e-12
    )
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


# ---------------------------------------------------------------------------------- names and loops


def test_renaming_joins_names_of_one_gene_and_keeps_the_rest():
    frame = pd.DataFrame(
        {
            "source": ["MLL", "HRX", "MLL", "B"],
            "target": ["B", "B", "HRX", "C"],
            "score": [0.5, 0.9, 0.4, 0.3],
        }
    )
    network = GeneNetwork.from_frame(frame, "old")
    made = network.renamed(
        Aliases.of([("MLL", "KMT2A"), ("HRX", "KMT2A"), ("B", "X"), ("B", "Y")], "table")
    )
    assert made.genes == ("B", "C", "KMT2A") and edges_of(made) == [
        ("B", "C", 0.3),
        ("B", "KMT2A", 0.9),
    ]
    assert (made.cleaned["self_loop"], made.cleaned["duplicate"]) == (1, 0 + 1)
    assert (made.about["renamed"], made.about["ambiguous"], made.about["aliases"]) == (
        2,
        1,
        "table",
    )
    assert made.renamed(Aliases.of([("MLL", "KMT2A")])) is made
    assert network.renamed(Aliases.of([("Q", "R")])) is network


def test_renaming_keeps_isolated_genes_and_directions():
    network = made(directed=True).on(["G00", "G01", "G05", "G09"])
    table = Aliases.of([(gene, f"N{gene[1:]}") for gene in network.genes])
    new = network.renamed(table)
    assert new.genes == tuple(f"N{gene[1:]}" for gene in network.genes) and new.directed
    np.testing.assert_array_equal(new.adjacency().toarray(), network.adjacency().toarray())
    lone = network.on(["G00"]).renamed(table)
    assert lone.genes == ("N00",) and lone.edges == 0


@pytest.mark.parametrize("directed", [False, True])
def test_under_identity_every_operator_is_sane(directed):
    network = identity(made(directed=directed))
    count = len(network.genes)
    np.testing.assert_array_equal(network.adjacency().toarray(), np.eye(count))
    np.testing.assert_array_equal(network.degree, np.ones(count))
    assert edges_of(network) == [(gene, gene, 1.0) for gene in network.genes]
    assert edges_of(network.on(SYMBOLS)) == [
        (gene, gene, 1.0) for gene in network.genes if gene in SYMBOLS
    ]
    operator = network.smoothing(SYMBOLS).toarray()
    same = [[float(a == b and a in network.genes) for b in SYMBOLS] for a in SYMBOLS]
    np.testing.assert_allclose(
        operator, np.array(same) / np.maximum(np.sum(same, 1, keepdims=True), 1), rtol=1e-12
    )
    edge, a, b = network.edge_features(SYMBOLS)
    gradient = np.random.default_rng(0).normal(size=operator.shape)
    total = np.bincount(edge, gradient[b, a], minlength=network.on(SYMBOLS).edges)
    assert total.sum() == pytest.approx(gradient[operator != 0].sum())


# --------------------------------------------------------------------------------- one's own STRING

INFO = """#string_protein_id\tpreferred_name\tprotein_size\tannotation
9606.ENSP00000269305\tTP53\t393\tCellular tumor antigen p53; the "guardian
9606.ENSP00000258149\tMDM2\t491\t"E3 ligase
9606.ENSP00000000001\tKMT2A\t1\tx
9606.ENSP00000000002\tKMT2A\t1\tanother protein of the same gene
9606.ENSP00000000003\tENSP00000000003\t1\twithout a name
"""
CHANNELS = [
    "neighborhood",
    "fusion",
    "cooccurence",
    "coexpression",
    "experimental",
    "database",
    "textmining",
]
P53, MDM2, KMT, MLL, BARE, UNKNOWN = (
    f"9606.ENSP{n:011d}" for n in (269305, 258149, 1, 2, 3, 4)
)  # fmt: skip
LINKS = [  # ends, channels as above, combined
    (P53, MDM2, [0, 0, 0, 62, 900, 900, 990], 999),
    (P53, KMT, [0, 0, 0, 0, 300, 0, 800], 855),
    (MDM2, MLL, [0, 0, 0, 0, 800, 0, 0], 800),
    (MDM2, KMT, [0, 0, 0, 0, 720, 0, 0], 720),
    (KMT, MLL, [0, 0, 0, 0, 990, 0, 0], 990),
    (P53, BARE, [0, 0, 0, 0, 990, 0, 0], 990),
    (P53, UNKNOWN, [0, 0, 0, 0, 990, 0, 0], 990),
    (P53, MLL, [0, 0, 0, 0, 0, 0, 650], 650),
]


def download(folder, packed=True):
    """A download from STRING as its owner would have it: every edge in both directions, separated
    by blanks."""
    folder.mkdir(exist_ok=True)
    pairs = [
        row
        for a, b, channels, score in LINKS
        for row in ((a, b, channels, score), (b, a, channels, score))
    ]
    texts = {
        "protein.links": [
            "protein1 protein2 combined_score",
            *(f"{a} {b} {s}" for a, b, _, s in pairs),
        ],
        "protein.links.detailed": [
            " ".join(["protein1 protein2", *CHANNELS, "combined_score"]),
            *(" ".join(map(str, [a, b, *channels, s])) for a, b, channels, s in pairs),
        ],
        "protein.info": INFO.splitlines(),
    }
    for name, lines in texts.items():
        path, text = folder / f"9606.{name}.v12.0.txt", "\n".join(lines) + "\n"
        if packed:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text)


@pytest.mark.parametrize("packed", [True, False])
def test_ones_own_string_download_is_read(tmp_path, monkeypatch, packed):
    download(tmp_path / "string", packed)
    monkeypatch.chdir(tmp_path)
    network = load_network("string")
    assert edges_of(network) == [
        ("KMT2A", "MDM2", 800),
        ("KMT2A", "TP53", 855),
        ("MDM2", "TP53", 999),
    ]
    assert network.cleaned == {
        "blank_symbol": 0,
        "no_symbol": 4,
        "self_loop": 2,
        "missing_weight": 0,
        "nonpositive_weight": 0,
        "below_cut": 2,
        "duplicate": 2,
        "both_directions": 3,
    }
    assert network.about["licence"] == "CC BY 4.0" and network.about["min_score"] == 700
    assert load_network("string", min_score=900).genes == ("MDM2", "TP53")


def test_string_without_text_mining(tmp_path, monkeypatch):
    download(tmp_path / "string")
    monkeypatch.chdir(tmp_path)
    network = load_network("string-no-text")
    left = 1.0
    for score in (62, 900, 900):
        left *= 1 - (score / 1000 - 0.041) / (1 - 0.041)
    strong = 1000 * (1 - left * (1 - 0.041))
    assert edges_of(network) == [
        ("KMT2A", "MDM2", pytest.approx(800)),
        ("MDM2", "TP53", pytest.approx(strong)),
    ]


def test_a_string_download_that_is_not_there_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FetchError) as raised:
        load_network("string")
    said = str(raised.value)
    assert "9606.protein.links.v12.0.txt.gz, 9606.protein.info.v12.0.txt.gz not found in" in said
    assert (
        str(tmp_path / "string") in said
        and "https://string-db.org/cgi/download" in said
        and "\n" not in said
    )
    download(tmp_path / "string")
    (tmp_path / "string" / "9606.protein.info.v12.0.txt.gz").unlink()
    with pytest.raises(FetchError, match=r"'string': 9606.protein.info.v12.0.txt.gz not found"):
        load_network("string")


def test_a_table_of_other_ids_stops(tmp_path, monkeypatch):
    download(tmp_path / "string", packed=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "string" / "9606.protein.info.v12.0.txt").write_text(
        "#string_protein_id\tpreferred_name\n10090.Q1\tTrp53\n"
    )
    with pytest.raises(InputError, match="names none of 6 ids .ENSP00000000001"):
        load_network("string")


ENSEMBL = """name = "made"
[edges]
file = "edges.csv"
source = "a"
target = "b"
ids = "ensembl"
"""


def test_a_card_of_ensembl_ids(tmp_path):
    write(
        tmp_path,
        "a,b\nENSG00000141510.17,ENSG00000135679.24\nENSG00000135679.3,ENSG00000118058.1\n",
    )
    path = write(tmp_path, ENSEMBL, "made.toml")
    assert load_network(path).genes == ("ENSG00000118058", "ENSG00000135679", "ENSG00000141510")
    write(tmp_path, "ENSG00000141510,TP53\nENSG00000135679.1,MDM2\n", "names.csv")
    named = load_network(write(tmp_path, ENSEMBL + 'aliases = "names.csv"\n', "made.toml"))
    assert edges_of(named) == [("MDM2", "TP53", 1.0)] and named.cleaned["no_symbol"] == 1
    assert named.about["aliases"] == "names.csv"
    write(tmp_path, "a,b\nTP53,MDM2\n")
    with pytest.raises(InputError, match='ids = "ensembl", but the names are TP53, MDM2'):
        load_network(write(tmp_path, ENSEMBL, "made.toml"))


def test_a_card_of_symbols_with_an_alias_table(tmp_path):
    write(tmp_path, "a,b\nMLL,TP53\nOLD,MDM2\nMDM2,NEW\n")
    write(tmp_path, "MLL,KMT2A\nOLD,NEW\n", "names.csv")
    text = ENSEMBL.replace('ids = "ensembl"', 'aliases = "names.csv"')
    assert edges_of(load_network(write(tmp_path, text, "made.toml"))) == [
        ("KMT2A", "TP53", 1.0),
        ("MDM2", "NEW", 1.0),
        ("MDM2", "OLD", 1.0),  # two genes of the network stay two
    ]


# ---------------------------------------------------------------------------------------- real data


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
    pairs = {
        frozenset(p)
        for p in frame.loc[frame["combined_score"] >= 900, ["gene1", "gene2"]].to_numpy().tolist()
    }
    assert network.edges == len({pair for pair in pairs if len(pair) == 2})
