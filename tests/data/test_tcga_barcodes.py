"""TCGA barcodes: what a sample is of, and lengths that do not meet."""

import pandas as pd

from graphfuse.data.tcga_barcodes import (
    cut,
    is_barcode,
    kinds,
    mixed_between_tables,
    sample_types,
    torn_between_lengths,
)


def test_barcodes_of_any_length_and_separator():
    for name in ("TCGA-A1-B234", "tcga.a1.b234.01a", "TCGA_A1_B234_11A_11R_1234_07"):
        assert is_barcode(name)
    for name in ("TCGA-A1-B2345", "TCGA-A1", "P1", "XTCGA-A1-B234"):
        assert not is_barcode(name)
    assert list(cut(pd.Index(["tcga.a1.b234.01a"]), "tcga-sample")) == ["TCGA-A1-B234-01"]


def test_sample_types_and_what_they_are_of():
    names = ["TCGA-A1-B234-01A", "TCGA-A1-B235-06A", "TCGA.A1.B236.11A", "TCGA-A1-B237", "P1-11"]
    types = sample_types(names)
    assert dict(types) == {"01": 1, "06": 1, "11": 1}
    assert kinds(types) == {"tumour", "normal"} and kinds(["20"]) == {"control"}


def test_tables_of_different_kinds_are_told():
    assert mixed_between_tables({"rna": {"tumour"}, "clinical": set()}) == []
    assert mixed_between_tables({"rna": {"tumour"}, "meth": {"tumour"}}) == []
    [said] = mixed_between_tables({"rna": {"tumour"}, "meth": {"normal"}})
    assert "meth: normal; rna: tumour" in said


def test_a_barcode_that_begins_another():
    names = ["TCGA-A1-B234", "TCGA-A1-B234-01A", "TCGA-A1-B235-01A", "TCGA-A1-B235-11A"]
    assert torn_between_lengths(names) == ["TCGA-A1-B234"]
