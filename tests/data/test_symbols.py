"""Gene symbols of columns."""

import pytest

from graphfuse.data.genes.symbols import gene_symbols
from graphfuse.errors import InputError
from graphfuse.schema import ModalitySpec


def spec(**keys):
    return ModalitySpec(file="x.csv", kind="omics", **keys)


def test_by_name_by_pattern_or_none():
    columns = ["HLA_F_3134", "TP53_7157", "odd"]
    assert gene_symbols(columns, spec(entity="gene")) == tuple(columns)
    assert gene_symbols(columns, spec(entity="mirna")) == (None, None, None)
    assert gene_symbols(columns, spec(symbol="^(.+)_[0-9]+$")) == ("HLA_F", "TP53", None)
    assert gene_symbols(["TP53"], spec(symbol="^TP5")) == ("TP5",)
    with pytest.raises(InputError, match="yields no gene symbol"):
        gene_symbols(columns, spec(symbol="^nothing(.)"))


def test_by_table(tmp_path):
    (tmp_path / "map.tsv").write_text("id\tname\nENSG01.3\tTP53\n")
    got = gene_symbols(
        ["ENSG01.9", "ENSG02"], spec(ids="ensembl", map="map.tsv"), tmp_path / "map.tsv"
    )
    assert got == ("TP53", None)


def mapped(tmp_path, text, columns, notices=None):
    table = tmp_path / "mart.tsv"
    table.write_text(text)
    return gene_symbols(columns, spec(ids="ensembl", map="mart.tsv"), table, notices)


MART = """Gene stable ID\tTranscript stable ID\tGene name
ENSG00000146648\tENST1\tEGFR
ENSG00000146648\tENST2\tEGFR
ENSG00000136997\tENST3\tMYC
ENSG00000999999\tENST4\t
ENSG00000111111\tENST5\tAAA
ENSG00000111111\tENST6\tBBB
"""
COLUMNS = ["ENSG00000146648.12", "ENSG00000136997", "ENSG00000999999", "ENSG00000111111.2"]


def test_a_table_of_biomart_repeats_rows_and_leaves_symbols_blank(tmp_path):
    notices = []
    assert mapped(tmp_path, MART, COLUMNS, notices) == ("EGFR", "MYC", None, None)
    assert len(notices) == 1 and "ENSG00000111111.2: AAA, BBB" in notices[0]
    quiet = []
    mapped(tmp_path, MART, COLUMNS[:3], quiet)
    assert quiet == []  # no column of the modality has two symbols


@pytest.mark.parametrize(
    "text, said",
    [
        ("ENSG00000146648\tEGFR\nENSG00000136997\tMYC\n", "no heading"),
        ("id\ttranscript\tdescription\nENSG00000146648\tENST1\tx\n", "which column"),
        ("id\tHGNC symbol\tGene name\nENSG00000146648\tA\tB\n", "which column"),
        ("id\tentrez\nENSG00000146648\t1956\nENSG00000136997\t4609\n", "holds numbers"),
        ("id\tname\nENSG00000000001\tX\n", "yields no gene symbol"),
        ("id\t\x0b\nENSG00000000001\t\x0b\n", "yields no gene symbol"),
    ],
)
def test_tables_that_are_none_of_ids_and_symbols_are_refused(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        mapped(tmp_path, text, COLUMNS)


def test_patterns_of_depmap_and_tcga():
    depmap = spec(symbol=r"^(.+?) \(\d+\)$")
    assert gene_symbols(["NKX2-1 (7080)", "EGFR (1956)"], depmap) == ("NKX2-1", "EGFR")
    tcga = spec(symbol=r"^(.+)\|\d+$")
    assert gene_symbols(["?|100130426", "A1BG|1"], tcga) == (None, "A1BG")
