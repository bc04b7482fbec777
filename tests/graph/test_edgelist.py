"""Edge lists: what is read from which file, and what cleaning leaves out."""

import gzip
import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.edge_cleaning import tidy_symbol
from graphfuse.graph.edgelist import combined, read_edges
from graphfuse.graph.network import GeneNetwork
from graphfuse.graph.network_files import load_network

DIRTY = """source,target,score
B,A,0.9
A,B,0.7
A,B,0.8
C,C,0.9
 C ,D,0.6
D,E,
E,F,-0.4
E,F,0
,F,0.9
F,  ,0.9
F,G,0.2
G,H,0.5
"""


def write(folder, text, name="edges.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def edges_of(network):
    return [tuple(row) for row in network.to_frame().itertuples(index=False)]


# ----------------------------------------------------------------------------------------- cleaning


def test_a_dirty_list_is_cleaned_with_counts(tmp_path):
    network = load_network(write(tmp_path, DIRTY), min_score=0.5)
    assert network.genes == ("A", "B", "C", "D", "G", "H")
    assert edges_of(network) == [("A", "B", 0.9), ("C", "D", 0.6), ("G", "H", 0.5)]
    assert network.cleaned == {
        "blank_symbol": 2,
        "no_symbol": 0,
        "self_loop": 1,
        "missing_weight": 1,
        "nonpositive_weight": 2,
        "below_cut": 1,
        "duplicate": 1,
        "both_directions": 1,
    }
    assert network.edges + sum(network.cleaned.values()) == DIRTY.count("\n") - 1
    assert repr(network) == "GeneNetwork(edges.csv: 6 genes, 3 edges)"


def test_a_directed_network_keeps_both_directions():
    frame = pd.DataFrame(
        {"source": ["B", "A", "A"], "target": ["A", "B", "B"], "score": [0.9, 0.7, 0.8]}
    )
    network = GeneNetwork.from_frame(frame, directed=True)
    assert edges_of(network) == [("A", "B", 0.8), ("B", "A", 0.9)]
    assert (network.cleaned["duplicate"], network.cleaned["both_directions"]) == (1, 0)


def test_case_is_kept_and_ensembl_versions_go():
    frame = pd.DataFrame({"source": ["ENSG00000141510.12", "Trp53"], "target": ["TP53", "TRP53.1"]})
    assert GeneNetwork.from_frame(frame).genes == ("ENSG00000141510", "TP53", "TRP53.1", "Trp53")


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        (" TP53 ", "TP53"),
        ("ENSG00000141510.17", "ENSG00000141510"),
        ("9606.ENSP00000269305", "ENSP00000269305"),
        ("9606.ENSP00000269305.4", "ENSP00000269305"),
        ("ENSMUSG00000059552.14", "ENSMUSG00000059552"),
        ("ENSG00000182378.15_PAR_Y", "ENSG00000182378"),
        ("4932.YPR073C", "4932.YPR073C"),
        ("RP11-34P13.7", "RP11-34P13.7"),
        ("HLA-A", "HLA-A"),
    ],
)
def test_a_name_loses_what_is_not_its_own(name, tidy):
    assert tidy_symbol(name) == tidy and tidy_symbol(tidy) == tidy


def test_one_way_edges_in_a_list_of_both_ways_are_told(caplog):
    both = [("A", "B"), ("B", "A"), ("B", "C"), ("C", "B"), ("C", "D"), ("D", "C")]
    frame = pd.DataFrame([*both, ("D", "E")], columns=["source", "target"])
    with caplog.at_level(logging.WARNING):
        network = GeneNetwork.from_frame(frame)
    assert (network.edges, network.about["one_way"], network.cleaned["both_directions"]) == (
        4,
        1,
        3,
    )
    assert "1 of 4 edges stand in one direction only" in caplog.text
    caplog.clear()
    GeneNetwork.from_frame(frame[:6])
    GeneNetwork.from_frame(frame[:3])
    assert not caplog.messages


def test_names_without_a_symbol_are_counted():
    frame = pd.DataFrame({"source": ["p1", "p1", "p2", ""], "target": ["p2", "p3", "p4", "p1"]})
    symbols = {"p1": "A", "p2": "B", "p4": "B"}
    network = GeneNetwork.from_frame(
        frame, symbols=lambda names: [symbols.get(name) for name in names]
    )
    assert edges_of(network) == [("A", "B", 1.0)]
    assert (
        network.cleaned["blank_symbol"]
        == network.cleaned["no_symbol"]
        == network.cleaned["self_loop"]
        == 1
    )


def test_only_useless_edges_stop():
    frame = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"]})
    for score in ([float("nan"), float("inf")], [-1.0, 0.0], [float("-inf"), float("nan")]):
        with pytest.raises(InputError, match="none of 2 edges is left"):
            GeneNetwork.from_frame(frame.assign(score=score))
    with pytest.raises(InputError, match="none of 2 edges is left .no_symbol 2"):
        GeneNetwork.from_frame(frame, symbols=lambda names: [None] * len(names))


# ----------------------------------------------------------------------------------- several scores


def combined_by_loop(row, prior=0.041):
    """STRING's own way, one pair at a time, on a scale of 0 to 1,000."""
    left = 1.0
    for score in row:
        left *= 1 - (max(score / 1000, prior) - prior) / (1 - prior)
    return 1000 * ((1 - left) * (1 - prior) + prior)


def test_channels_are_combined_as_string_does():
    rows = np.array(
        [[0, 0, 900], [300, 400, 500], [41, 0, 0], [0, 0, 0], [999, 999, 999], [500, 0, 0]], float
    )
    found = combined(rows)
    expected = [0 if max(row) <= 41 else combined_by_loop(row) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == pytest.approx(900) and found[5] == pytest.approx(
        500
    )  # one channel alone is its own score
    np.testing.assert_allclose(combined(rows / 1000), found / 1000, rtol=1e-12)
    assert combined(np.array([[np.nan, 900.0]]))[0] == pytest.approx(900)
    assert combined(np.zeros((0, 3))).shape == (0,)


def test_columns_of_several_scores_are_read(tmp_path):
    path = write(tmp_path, "p q x y z\nA B 500 500 0\nB C 0 0 900\n", "list.txt")
    frame = read_edges(path, "p", "q", ["x", "y"])
    assert frame["score"].tolist() == [pytest.approx(combined_by_loop([500, 500])), 0.0]
    assert read_edges(path, "p", "q", "z")["score"].tolist() == [0.0, 900.0]
    with pytest.raises(InputError, match="no column 'w'"):
        read_edges(path, "p", "q", ["x", "w"])


def test_nothing_left_after_the_cut_says_how_many_there_were_and_the_range(tmp_path):
    path = write(tmp_path, DIRTY)
    with pytest.raises(
        InputError,
        match=r"none of 12 edges is left.*scores run from -0.4 to 0.9; lower min_score \(2\)",
    ):
        load_network(path, min_score=2)
    with pytest.raises(InputError, match="self_loop 1.*check the columns"):
        load_network(write(tmp_path, "source,target\nA,A\n"))
    with pytest.raises(InputError, match="the list is empty"):
        load_network(write(tmp_path, "source,target\n"))


def test_a_cut_needs_a_score(tmp_path):
    with pytest.raises(InputError, match="no score column"):
        load_network(write(tmp_path, "source,target\nA,B\n"), min_score=0.5)


def test_a_cut_on_another_scale_is_told(tmp_path, caplog):
    path = write(tmp_path, "protein1 protein2 combined_score\nA B 900\nB C 400\n", "string.txt")
    with caplog.at_level(logging.WARNING):
        assert load_network(path, min_score=0.7).edges == 2
    assert "min_score = 0.7 cuts nothing: scores run from 400 to 900" in caplog.text


# ------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    "text",
    [
        "source,target,score\nA,B,0.5\nB,C,1\n",
        "source;target;score\nA;B;0.5\nB;C;1\n",
        "#node1\tnode2\tcombined_score\nA\tB\t0.5\nB\tC\t1\n",
        "protein1 protein2 neighborhood combined_score\nA B 0 0.5\nB C 3 1\n",
        ",g1_symbol,g2_symbol,conn\n0,A,B,0.5\n29,B,C,1\n",
        "Weight,Target,Source\n0.5,B,A\n1,C,B\n",
        "one gene,other gene,how sure,note\nA,B,0.5,x\nB,C,1,y\n",
        "A,B,0.5\nB,C,1\n",
        "\ufeffsource,target,score\r\nA,B,0.5\r\nB,C,1\r\n",
        "\n\nsource,target,score\nA,B,0.5\n\nB,C,1\n",
    ],
)
def test_lists_of_many_kinds_are_one_network(tmp_path, text):
    expected = [("A", "B", 0.5), ("B", "C", 1.0)]
    assert edges_of(load_network(write(tmp_path, text, "list.txt"))) == expected
    with gzip.open(tmp_path / "list.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    assert edges_of(load_network(tmp_path / "list.tsv.gz")) == expected


def test_parquet_is_read(tmp_path):
    frame = pd.DataFrame(
        {"gene1": ["A", "B"], "gene2": ["B", "C"], "score": [0.5, 1.0]}, index=["x", "y"]
    )
    frame.to_parquet(tmp_path / "list.parquet")
    assert edges_of(load_network(str(tmp_path / "list.parquet"))) == [
        ("A", "B", 0.5),
        ("B", "C", 1.0),
    ]


@pytest.mark.parametrize(
    "text", ["from,to\nA,B\nB,C\n", "A\tB\nB\tC\n", "x,y,kind\nA,B,binds\nB,C,inhibits\n"]
)
def test_edges_without_a_score_weigh_one(tmp_path, text):
    assert edges_of(load_network(write(tmp_path, text))) == [("A", "B", 1.0), ("B", "C", 1.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source\nA\n", "expected two columns of gene symbols"),
        (
            "source,target,score\nA,B,high\nB,C,0.5\n",
            r"column 'score': 1 scores are no numbers \(high\)",
        ),
        ("x,y,z\n1,2,3\n4,5,6\n", "hold numbers"),
        ("<!DOCTYPE html><html></html>", "a web page"),
        ("", "it is empty"),
        ("source,target\nA,B\nC,D,E,F\n", "cannot be read as an edge list"),
    ],
)
def test_a_bad_list_gets_one_clear_message(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as raised:
        load_network(write(tmp_path, text))
    assert "edges.csv" in str(raised.value) and "\n" not in str(raised.value)


def test_broken_files_get_one_clear_message(tmp_path):
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"source,target\nA,B\n" * 99)[:30])
    (tmp_path / "bad.parquet").write_text("source,target\nA,B\n")
    (tmp_path / "bad.csv").write_bytes(b"PK\x03\x04\0\0\0binary")
    for name in ("bad.gz", "bad.parquet", "bad.csv"):
        with pytest.raises(InputError, match="cannot be read as an edge list"):
            load_network(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "absent.csv")


def test_a_text_gene_column_of_missing_names_is_blank(tmp_path):
    network = load_network(write(tmp_path, "source,target\nA,NA\nA,B\n"))
    assert (edges_of(network), network.cleaned["blank_symbol"]) == ([("A", "B", 1.0)], 1)
