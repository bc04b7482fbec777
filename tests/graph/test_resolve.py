"""The gene slot: the network on the genes measured, names brought together, and when it switches
off."""

import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import FetchError, InputError
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_cohort, gene_coverage, gene_network
from graphfuse.schema import GeneSection, Recipe

CHAIN = GeneNetwork.from_frame(
    pd.DataFrame({"source": ["TP53", "MDM2", "KMT2A"], "target": ["MDM2", "KMT2A", "MEN1"]}),
    "chain",
)


def cohort(symbols, **others):
    tables, maps = {}, {}
    for name, genes in {"rna": symbols, **others}.items():
        columns = [f"{name}{i}" for i in range(len(genes))]
        tables[name] = pd.DataFrame(np.ones((2, len(genes))), index=["a", "b"], columns=columns)
        maps[name] = {c: s for c, s in zip(columns, genes, strict=True) if s}
    return Cohort.from_frames(tables, symbols=maps)


def recipe(**keys):
    return Recipe(name="made", gene=GeneSection(**keys))


def genes_of(network):
    return [tuple(pair) for pair in network.to_frame()[["source", "target"]].to_numpy().tolist()]


def test_the_network_is_cut_to_the_genes_measured():
    network, notices = gene_network(recipe(), cohort(["TP53", "MDM2", "X", None]), CHAIN)
    assert network.genes == ("MDM2", "TP53") and network.edges == 1 and not notices
    assert gene_network(recipe(), cohort(["TP53"])) == (None, [])


def test_aliases_bring_cohort_and_network_together(tmp_path):
    table = tmp_path / "aliases.tsv"
    table.write_text("MLL\tKMT2A\nP53\tTP53\nBAF\tBANF1\nBAF\tSMARCA4\n")
    given, asked = cohort(["P53", "MDM2", "BAF"], meth=["MLL", "TP53"]), recipe(aliases=str(table))
    network, _ = gene_network(asked, given, CHAIN)
    assert genes_of(network) == [("KMT2A", "MDM2"), ("MDM2", "TP53")]
    made, notices = gene_cohort(asked, given, network)
    assert made.modalities["rna"].symbols == ("TP53", "MDM2", "BAF")
    assert made.modalities["meth"].symbols == ("KMT2A", "TP53")
    assert [n.split(":")[0] for n in notices] == ["aliases.tsv on rna", "aliases.tsv on meth"]
    again, _ = gene_network(asked, made, CHAIN)
    assert genes_of(again) == genes_of(network) and gene_cohort(asked, made, again)[0] is made


def test_an_old_network_meets_a_new_cohort(tmp_path):
    table = tmp_path / "aliases.tsv"
    table.write_text("MLL\tKMT2A\n")
    old = GeneNetwork.from_frame(pd.DataFrame({"source": ["MLL"], "target": ["MEN1"]}), "old")
    for symbols in (["KMT2A", "MEN1"], ["MLL", "MEN1"]):
        given = cohort(symbols)
        network, _ = gene_network(recipe(aliases=str(table)), given, old)
        made, _ = gene_cohort(recipe(aliases=str(table)), given, network)
        assert genes_of(network) == [("KMT2A", "MEN1")] and made.modalities["rna"].symbols == (
            "KMT2A",
            "MEN1",
        )


def test_a_gene_that_the_network_has_is_never_renamed(tmp_path):
    table = tmp_path / "aliases.tsv"
    table.write_text("MDM2\tTP53\n")  # wrong, and the network has both
    given = cohort(["TP53", "MDM2"])
    network, _ = gene_network(recipe(aliases=str(table)), given, CHAIN)
    assert genes_of(network) == [("MDM2", "TP53")]
    assert gene_cohort(recipe(aliases=str(table)), given, network)[0] is given


def test_ensembl_versions_do_not_matter():
    ids = ["ENSG00000141510", "ENSG00000135679"]
    network = GeneNetwork.from_frame(
        pd.DataFrame({"source": [f"{ids[0]}.17"], "target": [f"{ids[1]}.2"]})
    )
    given = cohort([f"{ids[0]}.3", ids[1]])
    made, _ = gene_network(recipe(), given, network)
    assert made.edges == 1
    assert gene_cohort(recipe(), given, made)[0].modalities["rna"].symbols == tuple(ids)


def test_a_missing_alias_table_stops():
    with pytest.raises(InputError, match="nowhere.tsv: no such alias table"):
        gene_network(recipe(aliases="nowhere.tsv"), cohort(["TP53"]), CHAIN)


def test_too_few_genes_switch_it_off_or_stop(caplog):
    mouse = cohort(["Trp53", "Mdm2", "Kmt2a", "Men1"])
    with pytest.raises(
        InputError, match=r"0.0% of the 4 gene columns have an edge.*like mouse genes"
    ):
        gene_network(recipe(), mouse, CHAIN)


def test_a_network_that_cannot_be_had(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        network, [notice] = gene_network(recipe(network="string"), cohort(["TP53"]))
    assert (
        network is None
        and "goes without it" in notice
        and "string-db.org" in notice
        and notice in caplog.text
    )
    for asked, given in ((recipe(network="string", required=True), None), (recipe(), "string")):
        with pytest.raises(FetchError, match="string-db.org"):
            gene_network(asked, cohort(["TP53"]), given)


@pytest.mark.parametrize("kind", ["none", "rewired", "random", "identity", "empty"])
def test_a_control_is_one_flag_and_seeded(kind):
    made = [
        gene_network(recipe(control=kind), cohort(["TP53", "MDM2", "KMT2A", "MEN1"]), CHAIN, 3)[0]
        for _ in "ab"
    ]
    assert made[0].to_frame().equals(made[1].to_frame()) and made[0].genes == (
        "KMT2A",
        "MDM2",
        "MEN1",
        "TP53",
    )
    assert made[0].edges == {"none": 3, "rewired": 3, "random": 3, "identity": 4, "empty": 0}[kind]


def test_coverage_before_anything_is_trained(tmp_path):
    (tmp_path / "aliases.tsv").write_text("MLL\tKMT2A\n")
    given = cohort(["TP53", "MDM2", "MLL", "SEPT2", None])
    bare = gene_coverage(recipe(), given, CHAIN)
    helped = gene_coverage(recipe(aliases=str(tmp_path / "aliases.tsv")), given, CHAIN)
    assert bare.steps["count"].tolist() == [5, 4, 2, 2] and helped.steps["count"].tolist() == [
        5,
        4,
        3,
        3,
    ]
    assert "1 symbols renamed (MLL is KMT2A)" in str(helped) and "may save it (rna3: SEPT2)" in str(
        bare
    )
    assert gene_coverage(recipe(), given) is None
