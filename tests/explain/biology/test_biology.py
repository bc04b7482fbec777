"""What is known of the first genes: which tables there are, what is printed, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.explain.biology.biology import Biology, descriptions
from graphfuse.explain.biology.known_genes import KnownGenes
from graphfuse.graph.gene.network import GeneNetwork

GENES = pd.DataFrame({"id": [f"G{i:03d}" for i in range(200)], "rank": np.arange(1, 201)})
GENES = GENES.assign(score=np.linspace(1, 0.01, 200), modality="rna", degree=2)
FEATURES = GENES.assign(id="rna:" + GENES["id"])
NETWORK = GeneNetwork.from_frame(
    pd.DataFrame({"source": GENES["id"], "target": np.roll(GENES["id"], 1)})
)
FIRST = GENES["id"][:6].tolist()


def test_all_that_is_asked_for_is_made_and_printed():
    sets = {"planted": FIRST, "small": FIRST[:2], "others": GENES["id"][100:120].tolist()}
    known = KnownGenes.read(sets, [*FIRST, "G150", "unmeasured"])
    made = Biology.of(GENES, FEATURES, NETWORK, known)
    assert list(made.made()) == ["enrichment", "modules", "positive_control", "markers"]
    gene_sets, modules, markers = made.lines()
    assert gene_sets.startswith(
        "gene sets: 1 of 2 over-represented at q < 0.05 (1 have not 5 to 500 measured genes: not "
        "tested); strongest: planted (6 of the first 10 genes, 0.3 expected; p "
    )
    assert modules.startswith("modules: the largest joins 10 of the first 10 genes (matched p 0.00")
    head = "markers: 7 of 8 measured, 6 among the first 10 genes ("
    assert markers.startswith(head)
    assert "AUROC by rank 0.8" in markers


def test_without_a_request_or_a_network_nothing_is_made():
    made = Biology.of(GENES, FEATURES)
    assert made.made() == {} and made.lines() == []
    assert all(text.startswith("not made: ") for text in descriptions(made).values())
    assert descriptions(None) == descriptions(made)


def test_markers_may_be_features_where_no_column_has_a_gene():
    made = Biology.of(GENES[:0], FEATURES, NETWORK, KnownGenes.read(markers=["rna:G003"]))
    assert made.modules is None and made.markers["rank"].tolist() == [4]
    assert "1 among the first 10 features" in made.lines()[0]


def test_gene_sets_without_genes_and_markers_not_measured_are_refused():
    with pytest.raises(InputError, match="no column has a gene symbol, so none can be tested"):
        Biology.of(GENES[:0], FEATURES, None, KnownGenes({"a": ["G000"]}))
    with pytest.raises(InputError, match=r"none of 1 \(esr1\) is measured; write them as this"):
        Biology.of(GENES, FEATURES, None, KnownGenes.read(markers=["esr1"]))


def test_files_are_read_by_their_names(tmp_path):
    (tmp_path / "sets.gmt").write_text("planted\t\tG000\tG001\n")
    (tmp_path / "pam50.txt").write_text("G000\nG001\n")
    known = KnownGenes.read(tmp_path / "sets.gmt", tmp_path / "pam50.txt")
    assert known.gene_sets == {"planted": ("G000", "G001")}
    assert known.markers == ("G000", "G001") and known.marker_name == "pam50"
