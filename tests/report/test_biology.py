"""Gene sets, modules and known markers in a report."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from graphfuse.explain.biology.biology import Biology
from graphfuse.explain.biology.known_genes import KnownGenes
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.report.biology import p_value
from graphfuse.report.run_page import write_report

pytestmark = pytest.mark.usefixtures("words_alone")


@pytest.fixture
def known_run(run, tmp_path):
    """A made run whose first genes are held against two gene sets and a list of markers."""
    folder = tmp_path / "known"
    shutil.copytree(run, folder)
    genes = pd.read_csv(folder / "rankings" / "genes.csv")
    ids = genes["id"].tolist()
    network = GeneNetwork.from_frame(pd.DataFrame({"source": ids[:1], "target": ids[1:2]}))
    sets = {"EVERYTHING": ids, "<script>": ids[:6]}
    made = Biology.of(genes, genes, network, KnownGenes(sets, [*ids[:3], "NOWHERE"], "pam50"))
    made.save(folder / "rankings")
    return folder


def test_what_is_known_is_shown_and_escaped(known_run):
    page = write_report(known_run).read_text(encoding="utf-8")
    for words in (
        "Known markers: pam50",
        "3 of 4 are measured",
        "ESR1 1, FOXA1 2, GATA3 3",
        "Gene sets among the first genes",
        "&lt;script&gt;",
        "of 2 gene sets tested are over-represented at q &lt; 0.05",
        "in the gene network",
    ):
        assert words in page
    assert "<script>" not in page


@pytest.mark.parametrize("q", [0.02, 1.0])
def test_a_list_by_knockoffs_may_be_empty_and_says_so(run, tmp_path, q):
    folder = tmp_path / "listed"
    shutil.copytree(run, folder)
    items = {"kind": ["feature", "group"], "id": ["rna:A", "rna:A +3"], "gene": "A"}
    table = pd.DataFrame(items | {"modality": "rna", "q": [1.0, q], "draws": 10})
    table.to_csv(folder / "rankings" / "knockoffs.csv", index=False)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "By Gaussian knockoffs (10 draws), at a false-discovery rate of 0.1: none of 1" in page
    assert ("1 of 1 groups (rna:A +3)." in page) == (q < 0.1)
    assert ("At this rate no list has fewer than 10 items, whatever the data" in page) == (q == 1)


def test_a_run_without_them_has_no_such_headings(run, tmp_path):
    folder = tmp_path / "plain"
    shutil.copytree(run, folder)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Known markers" not in page and "Gene sets among" not in page


def test_p_values_as_text():
    assert [p_value(value) for value in (1.0, 0.0099, 0.00099, 3.2e-9, float("nan"))] == [
        "1.00",
        "0.010",
        "1e-03",
        "3e-09",
        "–",
    ]
