"""Coverage: what a network can use of a cohort, what is lost and why, and names that look wrong."""

import logging

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.coverage import by_reason, by_step_with_warnings, cover, suspicions
from graphfuse.graph.gene.network import GeneNetwork

PAIR = GeneNetwork.from_frame(pd.DataFrame({"source": ["TP53"], "target": ["MDM2"]}), "pair")


def modality(symbols):
    columns = [f"c{i}" for i in range(len(symbols))]
    return Modality(
        "rna", pd.DataFrame(np.ones((2, len(symbols))), columns=columns), symbols=tuple(symbols)
    )


def test_coverage_tells_what_is_lost_at_each_step():
    network = GeneNetwork.from_frame(
        pd.DataFrame({"source": ["A", "C", "E"], "target": ["B", "D", "F"]})
    )
    table = by_step_with_warnings(
        network, modality(["A", "B", "A", None, "X", "Y", "Z", "W", "C", "E"])
    )
    assert table["count"].tolist() == [10, 9, 5, 3]
    assert table["share"].tolist() == [1.0, 0.9, 0.5, 0.3]
    assert table["lost"].tolist() == [0, 1, 4, 2]
    assert table["reason"].tolist() == ["", "no gene symbol", "not in the network", "isolated"]
    assert table["examples"].tolist() == ["", "c3", "c4, c5, c6", "c8, c9"]


def test_mouse_symbols_ids_and_dates_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        by_step_with_warnings(PAIR, modality(["Trp53", "Mdm2", "Cd4", "H2-K1"]))
    assert "0 of 4 symbols" in caplog.text and "like mouse genes" in caplog.text
    [ids] = suspicions(PAIR, ["ENSG00000141510", "ENSG00000135679"])
    assert "writes MDM2, TP53, the table ENSG00000135679" in ids
    [dates] = suspicions(PAIR, ["TP53", "MDM2", "2-Sep", "Mar-1", "2.31E+13", "SEPTIN2"])
    assert (
        dates.startswith("3 gene symbols look like genes a spreadsheet turned into dates")
        and "MARCHF1 or MTARC1" in dates
    )
    [case] = suspicions(PAIR, ["tp53", "mdm2", "cd4"])
    assert "2 differ in case only (mdm2, tp53)" in case
    assert suspicions(PAIR, ["TP53", None]) == suspicions(PAIR, [None]) == []


def test_every_lost_column_has_one_reason():
    network = GeneNetwork.from_frame(
        pd.DataFrame({"source": ["TP53", "KMT2A"], "target": ["MDM2", "X"]})
    )
    table = Aliases.of(
        [("MLL", "KMT2A"), ("BAF", "BANF1"), ("BAF", "SMARCA4"), ("OLD", "ELSEWHERE")], "table.tsv"
    )
    symbols = [
        "TP53",
        "MDM2",
        "KMT2A",
        None,
        "MLL",
        "BAF",
        "2-Sep",
        "7157",
        "ENSG00000141510",
        "tp53",
        "SEPT2",
        "C1orf9",
        "OLD",
    ]
    lost = by_reason(network, modality(symbols), table).set_index("reason")
    assert lost["count"].to_dict() == {
        "no gene symbol": 1,
        "isolated among the measured genes": 1,
        "retired or another name: the alias table table.tsv would save it": 1,
        "stands for more than one symbol in the alias table": 1,
        "made a date or a number by a spreadsheet": 1,
        "an id, not a symbol: map it, by an alias table or by map = in the manifest": 2,
        "differs from a gene of the network in case only": 1,
        "a provisional or retired name: an alias table may save it": 2,
        "not in the network": 1,
    }
    assert lost["count"].sum() == len(symbols) - 2
    assert (
        lost.loc["a provisional or retired name: an alias table may save it", "examples"]
        == "c10: SEPT2, c11: C1orf9"
    )
    bare = by_reason(network, modality(["TP53", "MDM2"]))
    assert bare.empty and list(bare.columns) == ["reason", "count", "examples"]


def test_a_cohort_in_a_page():
    frame = pd.DataFrame(np.ones((2, 3)), index=["a", "b"], columns=["TP53", "MDM2", "MLL"])
    cohort = Cohort.from_frames(
        {"rna": frame, "other": frame[["MLL"]]}, symbols={"rna": {c: c for c in frame}}
    )
    found = cover(PAIR, cohort)
    assert found.steps["modality"].unique().tolist() == ["rna"] and found.lost["count"].sum() == 1
    text = str(found)
    assert text.splitlines() == [
        "gene network pair:",
        (
            "  rna: 3 columns measured, 3 with a gene symbol, 2 symbol in the network, 2 in an "
            "edge among measured genes"
        ),
        "    1 lost: not in the network (MLL)",
    ]
    assert "no modality has a gene symbol" in str(cover(PAIR, cohort.without("rna")))
