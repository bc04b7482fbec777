"""Edge lists: what is read from which file, and what cleaning leaves out."""

import gzip
import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.gene.edge_cleaning import tidy_symbol
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.network_files import load_network
from graphfuse.graph.gene.read_gene_edges import combined, read_gene_edges

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
    assert "1 of 4 edges are in one direction only" in caplog.text
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
    frame = read_gene_edges(path, "p", "q", ["x", "y"])
    assert frame["score"].tolist() == [pytest.approx(combined_by_loop([500, 500])), 0.0]
    assert read_gene_edges(path, "p", "q", "z")["score"].tolist() == [0.0, 900.0]
    with pytest.raises(InputError, match="no column 'w'"):
        read_gene_edges(path, "p", "q", ["x", "w"])


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
        ("x,y,z\n1,2,3\n4,5,6\n", "column 'x' holds numbers .*map them to gene symbols"),
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
        with pytest.raises(InputError, match="cannot be read as an edge list|null bytes"):
            load_network(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "absent.csv")


def test_a_text_gene_column_of_missing_names_is_blank(tmp_path):
    network = load_network(write(tmp_path, "source,target\nA,NA\nA,B\n"))
    assert (edges_of(network), network.cleaned["blank_symbol"]) == ([("A", "B", 1.0)], 1)


# ------------------------------------------------------------------- the lists people really have

PLAIN = [("A", "B", 1.0), ("A", "D", 1.0), ("B", "C", 1.0), ("C", "D", 1.0)]
SCORED = [("A", "B", 0.25), ("A", "D", 0.5), ("B", "C", 1.0), ("C", "D", 0.75)]
ROWS = [("A", "B"), ("B", "C"), ("C", "D"), ("D", "A")]


def rows(between="{a}\t{b}", values=("0.25", "1", "0.75", "0.5"), heading=None):
    lines = [between.format(a=a, b=b, v=v) for (a, b), v in zip(ROWS, values, strict=True)]
    return "\n".join([*([heading] if heading else []), *lines]) + "\n"


UNSCORED = {
    "flags are no score": rows("{a}\t{b}\t{v}\t1", "0110", "source\ttarget\tis_directed\tx"),
    "flags without a heading": rows("{a},{b},{v}", "0110"),
    "true and false": rows("{a},{b},{v}", ("True", "False") * 2, "source,target,is_stimulation"),
    "counts of papers": rows("{a},{b},{v}", "3152", "source,target,n_references"),
    "OmniPath": rows(
        "P1\tP2\t{a}\t{b}\t{v}", "0110",
        "source\ttarget\tsource_genesymbol\ttarget_genesymbol\tis_directed",
    ),
    "a relation between": rows("{a}\tactivates\t{b}"),
    "two relations between": "A binds B\nB activates C\nC binds D\nD activates A\n",
    "relation with heading": rows("{a},pp,{b}", heading="one,kind,other"),
    "a word behind": rows("{a},{b},binds", heading="one,other,kind"),
    "BioGRID": rows(
        "{v}\t{a}\t{b}\t-", "1234",
        "#BioGRID Interaction ID\tOfficial Symbol Interactor A\t"
        "Official Symbol Interactor B\tScore",
    ),
    "Pathway Commons": rows(
        "{a}\tcontrols\t{b}\tReactome",
        heading="PARTICIPANT_A\tINTERACTION_TYPE\tPARTICIPANT_B\tINTERACTION_DATA_SOURCE",
    ),
    "row names of R": '"from" "to"\n"1" "A" "B"\n"2" "B" "C"\n"3" "C" "D"\n"4" "D" "A"\n',
    "row names and commas": '"from","to"\n"1","A","B"\n"2","B","C"\n"3","C","D"\n"4","D","A"\n',
}  # fmt: skip
TABS, HEADING = "{a}\t{b}\t{v}", "source\ttarget\tscore"
WITH_SCORE = {
    "comments": "# made by x\n# version 1.2\n" + rows(TABS, heading=HEADING),
    "comments within": rows(TABS, heading=HEADING) + "# the end\n",
    "comments of as many words": "# two words\n" + rows("{a} {b} {v}"),
    "a comment as wide": "#made, by, x\n" + rows("{a},{b},{v}", heading="source,target,score"),
    "a heading behind #": "# a b c\n#gene1\tgene2\tscore\n" + rows("{a}\t{b}\t{v}"),
    "decimal commas": rows(
        "{a};{b};{v}", ("0,25", "1", "0,75", "0,5"), "source;target;score"
    ),
    "decimal commas, no heading": rows("{a};{b};{v}", ("0,25", "1,0", "0,75", "0,5")),
    "decimal commas and tabs": rows(
        "{a}\t{b}\t{v}", ("0,25", "1,00", "0,75", "0,50"), "source\ttarget\tweight"
    ),
    "quoted": rows('"{a}","{b}","{v}"', heading='"source","target","score"'),
    "quoted, blanks": rows('"{a}" "{b}" {v}', heading='"protein1" "protein2" "combined_score"'),
    "Excel's sep line": "sep=;\n" + rows("{a};{b};{v}", heading="source;target;score"),
    "aligned blanks": rows("{a}    {b}  {v}", heading="protein1  protein2  combined_score"),
    "Reactome FI": rows(
        "{a}\t{b}\tcatalyze, by; x\t->\t{v}",
        heading="Gene1\tGene2\tAnnotation\tDirection\tScore",
    ),
    "old Mac": rows(TABS, heading=HEADING).replace("\n", "\r"),
}  # fmt: skip


@pytest.mark.parametrize("text", UNSCORED.values(), ids=list(UNSCORED))
def test_lists_without_a_score(tmp_path, text):
    assert edges_of(load_network(write(tmp_path, text, "list.txt"))) == PLAIN


@pytest.mark.parametrize("text", WITH_SCORE.values(), ids=list(WITH_SCORE))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_with_a_score(tmp_path, text, encoding):
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode(encoding))
    assert edges_of(load_network(path)) == SCORED


def test_sif_has_a_relation_and_any_number_of_targets(tmp_path):
    for blank in "\t", " ":
        lines = ["# comment", "A pp B D", "B activates C", "alone", "C pp D", "C pp C"]
        text = "\n".join(lines).replace(" ", blank) + "\n"
        network = load_network(write(tmp_path, text, "net.sif"))
        assert edges_of(network) == PLAIN and network.cleaned["self_loop"] == 1
    with pytest.raises(InputError, match="a SIF file has a source, a relation, targets"):
        load_network(write(tmp_path, "A B\nB C\n", "net.sif"))


def test_genes_of_two_letters_that_repeat_are_no_relation(tmp_path):
    text = "A,HUB,0.5\nB,HUB,0.25\nC,HUB,1\nD,HUB,0.75\n"
    assert len(edges_of(load_network(write(tmp_path, text)))) == 4
    text = "HUB,A,x\nHUB,B,y\nHUB,C,x\nHUB,D,x\n"
    assert ("D", "HUB", 1.0) in edges_of(load_network(write(tmp_path, text)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,target\n7157,4609\n1956,999\n", "'source' holds numbers .*Entrez ids maybe"),
        ("TP53_HUMAN\t7157\tMYC_HUMAN\t4609\t0.7\n" * 3, "'column 2' holds numbers"),
        ("source;target;score\nA;B;1,5\nB;C;1.5\n", "decimal comma in some"),
        ("source,target,score\nA,B,1\nB,C\n", "1 of 2 rows do not have 3 cells"),
        ("source target score\n" + "A B 1\n" * 40 + "B C\n", "1 of 41 rows do not have 3 cells"),
        ("source target\n" + "A B\n" * 40 + "B C D\n", "1 of 41 rows do not have 2 cells"),
        ("source,target,score,more,and,more", "none of 0 edges is left"),
        ("uniprotkb:P1\tuniprotkb:P2\t-\nuniprotkb:P1\tuniprotkb:P3\t-\n", "PSI-MI TAB"),
        ("# only\n# comments\n", "every line is a comment"),
    ],
)
def test_what_is_no_list_of_symbols_says_the_cure(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_network(write(tmp_path, text))


def test_which_columns_are_read_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    load_network(write(tmp_path, UNSCORED["flags are no score"]))
    assert "none as score: every edge weighs 1" in caplog.text
