"""Alias tables: what is renamed, what is left, and how files of many kinds are read."""

import gzip

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.gene.aliases import NO_ALIASES, Aliases, renamed

PAIRS = [
    ("MLL", "KMT2A"),
    ("HRX", "KMT2A"),
    ("P53", "TP53"),
    ("BAF", "BANF1"),
    ("BAF", "SMARCA4"),
    ("TP53", "CELL"),
]


@pytest.fixture(name="table")
def _table():
    return Aliases.of(PAIRS, "made")


def test_what_is_renamed_and_what_is_left(table):
    found = table.apply(["MLL", None, "TP53", "BAF", "NEW", " P53 ", "mll"])
    assert found.names == ("KMT2A", None, "TP53", "BAF", "NEW", "TP53", "mll")
    assert (
        found.changed == {"MLL": "KMT2A", "P53": "TP53"}
        and found.ambiguous == ("BAF",)
        and found.known == ()
    )
    assert table.apply(found.names).names == found.names  # twice is once
    assert (
        "TP53" not in table.table and "TP53" in table.symbols
    )  # a symbol is never another's alias


def test_what_the_network_knows_is_left(table):
    found = table.apply(["MLL", "HRX", "BAF"], known={"MLL", "BAF"})
    assert found.names == ("MLL", "KMT2A", "BAF")
    assert found.known == ("MLL",) and found.ambiguous == ()


def test_two_nodes_of_a_network_stay_two_unless_one_is_an_id(table):
    assert table.nodes(["MLL", "KMT2A", "P53"]).names == ("MLL", "KMT2A", "TP53")
    assert table.nodes(["MLL", "HRX"]).names == ("KMT2A", "KMT2A")  # two former names of one gene
    ids = Aliases.of([("ENSG00000118058.22", "KMT2A")])
    assert ids.nodes(["ENSG00000118058.5", "KMT2A"]).names == ("KMT2A", "KMT2A")


def test_versions_and_taxa_do_not_matter():
    table = Aliases.of([("9606.ENSP00000269305", "TP53"), ("ENSG00000141510.17", "TP53")])
    assert table.apply(["ENSP00000269305.4", "ENSG00000141510", "ENSG00000000003.1"]).names == (
        "TP53",
        "TP53",
        "ENSG00000000003",
    )
    assert NO_ALIASES.apply(["ENSG00000141510.17", "MLL"]).names == ("ENSG00000141510", "MLL")


@pytest.mark.parametrize(
    "text",
    [
        "name,symbol\nMLL,KMT2A\nHRX,KMT2A\nP53,TP53\n",
        "MLL\tKMT2A\nHRX\tKMT2A\nP53\tTP53\n",
        "MLL KMT2A\nHRX KMT2A\nP53 TP53\n",
        "symbol;alias\nKMT2A;MLL\nKMT2A;HRX\nTP53;P53\n",
        (
            "Approved symbol\tApproved name\tPrevious symbols\nKMT2A\tlysine "
            "methyltransferase\tMLL, HRX\nTP53\ttumor\tP53\n"
        ),
        'hgnc_id,symbol,alias\nHGNC:1,KMT2A,"MLL|HRX"\nHGNC:2,TP53,P53\nHGNC:3,A1BG,\n',
        (
            "#alias\tpreferred_name\tannotation\nMLL\tKMT2A\tthe \"5' "
            'end\nHRX\tKMT2A\t"\nP53\tTP53\tx\n'
        ),
        "\ufeffname,symbol\r\nMLL,KMT2A\r\nHRX,KMT2A\r\n-,NONE\r\nP53,TP53\r\n",
    ],
)
def test_tables_of_many_kinds_are_one(tmp_path, text):
    (tmp_path / "aliases.txt").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "aliases.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    for name in ("aliases.txt", "aliases.tsv.gz"):
        found = Aliases.read(tmp_path / name)
        assert (
            found.table == {"MLL": "KMT2A", "HRX": "KMT2A", "P53": "TP53"} and found.title == name
        )


def test_strings_own_alias_file_is_read_by_its_best_source(tmp_path):
    path = tmp_path / "9606.protein.aliases.v12.0.txt"
    rows = [
        "9606.ENSP00000269305\tP04637\tUniProt_AC",
        "9606.ENSP00000269305\tTP53\tEnsembl_HGNC_symbol",
    ]
    rows += [
        "9606.ENSP00000269305\tLFS1\tUniProt_GN_Name",
        "9606.ENSP00000258149\tMDM2\tEnsembl_HGNC_symbol",
    ]
    path.write_text("\n".join(["#string_protein_id\talias\tsource", *rows]) + "\n")
    assert Aliases.read(path).table == {"ENSP00000269305": "TP53", "ENSP00000258149": "MDM2"}
    path.write_text("#string_protein_id\talias\tsource\n9606.ENSP00000269305\tP04637\tUniProt_AC\n")
    with pytest.raises(
        InputError, match="none of its sources names symbols .UniProt_AC.; take protein.info"
    ):
        Aliases.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nMLL\n", "it has one column"),
        ("", "it is empty"),
        ("<html><body>", "a web page"),
        ("name,symbol\n,KMT2A\nMLL,\n", "no row has a name and a symbol"),
    ],
)
def test_a_bad_table_gets_one_clear_message(tmp_path, text, said):
    (tmp_path / "aliases.csv").write_text(text)
    with pytest.raises(InputError, match=said) as raised:
        Aliases.read(tmp_path / "aliases.csv")
    assert "aliases.csv" in str(raised.value) and "\n" not in str(raised.value)
    with pytest.raises(InputError, match="no such alias table"):
        Aliases.read(tmp_path / "absent.csv")


# ------------------------------------------------------------------------------------------ cohorts


def cohort(**symbols):
    tables = {
        name: pd.DataFrame(
            np.ones((3, len(genes))),
            index=list("abc"),
            columns=[f"{name}{i}" for i in range(len(genes))],
        )
        for name, genes in symbols.items()
    }
    maps = {
        n: {c: s for c, s in zip(tables[n].columns, genes, strict=True) if s}
        for n, genes in symbols.items()
    }
    return Cohort.from_frames(tables, symbols=maps)


def test_a_cohort_is_renamed_and_told_and_the_rest_of_it_stays(table):
    given = cohort(rna=["MLL", "BAF", None, "X"], meth=["KMT2A", "HRX"], mirna=[None, None])
    made, notices = renamed(given, table)
    assert made.modalities["rna"].symbols == ("KMT2A", "BAF", None, "X")
    assert made.modalities["meth"].symbols == ("KMT2A", "KMT2A")
    assert made.modalities["mirna"] is given.modalities["mirna"] and made.digest() == given.digest()
    assert notices == [
        (
            "made on rna: 1 symbols renamed (MLL is KMT2A); 1 stand for more than one symbol "
            "and are left (BAF)"
        ),
        "made on meth: 1 symbols renamed (HRX is KMT2A)",
    ]
    assert given.modalities["rna"].symbols[0] == "MLL"
    again, _ = renamed(made, table)
    assert again is made
    kept, notices = renamed(given, table, known=["MLL"])
    assert (
        kept.modalities["rna"].symbols[0] == "MLL"
        and "genes of the network themselves" in notices[0]
    )


def test_without_a_table_only_versions_go():
    given = cohort(rna=["ENSG00000141510.17", "TP53"])
    made, notices = renamed(given)
    assert made.modalities["rna"].symbols == ("ENSG00000141510", "TP53") and not notices
    assert renamed(made)[0] is made


def test_dates_are_never_guessed():
    made, _ = renamed(
        cohort(rna=["2-Sep", "1-Mar", "SEPT1", "MARCH1"]), Aliases.of([("SEPT2", "SEPTIN2")])
    )
    assert made.modalities["rna"].symbols == ("2-Sep", "1-Mar", "SEPT1", "MARCH1")
    said, _ = renamed(made, Aliases.of([("2-Sep", "SEPTIN2")]))  # unless the user says so
    assert said.modalities["rna"].symbols[0] == "SEPTIN2"
