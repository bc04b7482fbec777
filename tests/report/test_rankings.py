"""Rankings, gates and provenance as a report shows them."""

import json
import tomllib

import numpy as np
import pandas as pd

from graphfuse.report import provenance, rankings


def test_ids_in_notices_are_blotted_out_whole():
    found = provenance.without_ids(
        ["P-0001, P-0001-B and XP-0001 differ", "7 columns"], ["P-0001", "P-0001-B", "7"]
    )
    assert found == ["[a patient], [a patient] and XP-0001 differ", "7 columns"]


def test_the_recipe_reads_back_as_toml(run):
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    assert tomllib.loads(provenance.toml_text(recipe)) == recipe | {"select": {}}


def test_times_in_words():
    assert [provenance.duration(s) for s in (0.42, 31, 200, 7500)] == [
        "0.4 s",
        "31 s",
        "3 min 20 s",
        "2 h 5 min",
    ]


def test_rows_that_score_nothing_are_no_markers(run):
    table = pd.read_csv(run / "rankings" / "genes.csv").fillna({"gene": "", "modality": ""})
    assert [m.name for m in rankings.markers(table, 3)] == ["ESR1", "FOXA1", "GATA3"]
    assert rankings.markers(table.assign(score=0.0)) == [] == rankings.dots(table.assign(score=0.0))


def test_steadiness_counts_who_stays_in_front():
    table = pd.DataFrame({
        "kind": "gene", "id": [f"g{i}" for i in range(500)], "gene": "", "modality": "rna",
        "score": np.linspace(1, 0.1, 500),
        "rank_lo": 1.0, "rank_hi": [100.0] * 15 + [101.0] * 484 + [480.0],
    })  # fmt: skip
    assert "Of the first 20 genes, 15 stay among the first 100 (of 500)" in rankings.stability(
        table, "genes"
    )
    assert "from 1 to 101" in rankings.stability(table, "genes")
    assert rankings.stability(table.head(80), "genes") == ""


def test_a_gene_names_the_column_that_stands_alone_where_it_has_another_name(run):
    table = pd.read_csv(run / "rankings" / "genes.csv").fillna({"gene": "", "modality": ""}).head(2)
    table = table.assign(marginal=0.8, marginal_lo=0.7, marginal_hi=0.9, effect=-1.0)
    table = table.assign(marginal_class="B", modality=["rna", "rna+meth"])
    named = table.assign(marginal_column=["rna:ESR1", "meth:FOXA1"])
    alone = [marker.alone for marker in rankings.markers(named)]
    assert alone == [
        "0.80 (0.70 to 0.90), lower in B",
        "0.80 (0.70 to 0.90), lower in B; meth:FOXA1",
    ]
    assert rankings.markers(table)[1].alone == "0.80 (0.70 to 0.90), lower in B"
