"""What columns are called: symbols found however they are written, ids told, nothing made up."""

import re

import pytest

from graphfuse.data.genes.feature_types import counted_through, mouse_symbols, named

GENES = ["TP53", "ESR1", "HLA-A", "C1orf112", "MYC", "KRT5", "EGFR", "BRCA1", "GATA3", "MKI67"]
GENES += ["ERBB2", "FOXA1", "PTEN", "AKT1", "CDH1", "RB1", "ATM", "JAK2", "APC", "MET"]
MICE = ["Trp53", "Esr1", "Myc", "Krt5", "Egfr", "Brca1", "Gata3", "Mki67", "Actb", "Gapdh"]
MICE += ["Cd8a", "Foxp3", "1700001C02Rik", "Gm1234", "mt-Nd1", "Erbb2", "Foxa1", "Pten", "Apc"]
MICE += ["Met", "Jak2"]


def ensembl(i):
    return f"ENSG{i:011d}"


@pytest.mark.parametrize(
    "written",
    [
        lambda gene, i: f"{gene} ({1000 + i})",
        lambda gene, i: f"{gene} ({ensembl(i)})",
        lambda gene, i: f"{gene}..{1000 + i}.",
        lambda gene, i: f"{ensembl(i)}.{i % 9}|{gene}",
        lambda gene, i: f"{ensembl(i)}_{gene}",
        lambda gene, i: f"{gene}_{ensembl(i)}",
        lambda gene, i: f"{gene}|{ensembl(i)}.4",
        lambda gene, i: f"{gene}|{1000 + i}",
        lambda gene, i: f"{1000 + i}|{gene}",
        lambda gene, i: f"{gene}_{1000 + i}",
    ],
)
def test_a_symbol_beside_an_id_is_found(written):
    columns = [written(gene, i) for i, gene in enumerate(GENES)]
    found = named(columns)
    assert found.entity == "gene"
    assert [re.search(found.symbol, column)[1] for column in columns] == GENES


def test_a_gene_without_a_symbol_does_not_hide_the_others():
    assert (
        named([f"{gene}|{i}" for i, gene in enumerate([*GENES, "?"])]).symbol == r"^([^|]+)\|\d+$"
    )


def test_antibodies_name_their_gene():
    found = named([f"{gene}|{gene.title()}_pS{i}" for i, gene in enumerate(GENES)], "rppa")
    assert (found.entity, found.symbol) == ("protein", r"^([^|]+)\|[^|]+$")


@pytest.mark.parametrize(
    ("columns", "entity", "remark"),
    [
        (GENES, "gene", ""),
        (GENES[:4], "gene", ""),
        ([f"cg{i:08d}" for i in range(9)], "cpg", ""),
        ([f"hsa-mir-{i}" for i in range(9)], "mirna", ""),
        ([ensembl(i) for i in range(9)], "none", "Ensembl ids"),
        ([f"ENST{i:011d}.1" for i in range(9)], "none", "Transcripts"),
        ([f"{200000 + 37 * i}_s_at" for i in range(9)], "none", "Probes"),
        ([f"ILMN_{1651199 + 977 * i}" for i in range(9)], "none", "Probes"),
        ([f"A_23_P{100001 + 17 * i}" for i in range(9)], "none", "Probes"),
        ([str(7157 + 311 * i**2) for i in range(9)], "none", "Entrez"),
        (["P04637", "Q9Y6K9", "A0A024R161", "P38398-2", "O15350;P04637"], "protein", "UniProt"),
        (MICE, "gene", "mouse"),
        ([f"{gene} ({i})" for i, gene in enumerate(MICE)], "gene", "mouse"),
        ([f"f{i}" for i in range(30)], "none", ""),
        ([str(i) for i in range(30)], "none", ""),
        ([f"glucose_{i}" for i in range(30)], "none", ""),
        (["Age", "Weight", "Height", "Lactate"], "none", ""),
        (["alanine", "betaine", "3-hydroxybutyrate", "citrate"], "none", ""),
    ],
)
def test_kinds_of_columns(columns, entity, remark):
    found = named(columns)
    assert (
        found.entity == entity and (remark in found.remark) and bool(remark) == bool(found.remark)
    )


def test_columns_that_are_only_counted_through():
    assert counted_through([f"f{i}" for i in range(50)], "x")
    assert counted_through(GENES, "image_features") and not counted_through(GENES, "rna")


def test_mouse_symbols_are_most_or_none():
    assert len(mouse_symbols(MICE)) >= len(MICE) - 1 and mouse_symbols(GENES) == []
