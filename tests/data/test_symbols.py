"""Gene symbols of columns."""

import pytest

from graphfuse.data.symbols import gene_symbols, turned_into_dates
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


def test_dates_made_of_genes():
    assert turned_into_dates(
        ["2-Sep", "MAR-1", "43891", "2.31E+13", "SEPT2", "TP53", "MARCH1"]
    ) == [
        "2-Sep",
        "MAR-1",
        "43891",
        "2.31E+13",
    ]
