"""Scores of a ranking on a graph: in every export the numbers of the ranking, at the right item,
and back from files; a ranking of something else is refused."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from graphfuse.api.build_graphs import graph_of
from graphfuse.errors import InputError
from graphfuse.graph.gene.typed_gene_graph import name_of
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.schema import Recipe
from tests.graph.rankings import ranking_of


@pytest.fixture
def ranking(built):
    return ranking_of(built)


@pytest.fixture
def ranked(built, ranking):
    return built.with_ranking(ranking)


def test_tables_have_the_scores_of_genes_and_edges(ranked, ranking):
    frames = ranked.to_frames()
    genes = frames["gene_nodes"].set_index("gene")["score"]
    assert genes.to_dict() == ranking.genes.set_index("id")["score"].to_dict()
    assert "q" not in frames["gene_nodes"] and "group" not in frames["gene_nodes"]  # all blank
    ends = ["source", "target"]
    edges = frames["gene_edges"].set_index(ends)["score"]
    assert edges.to_dict() == ranking.edges.set_index(ends)["score"].to_dict()
    edges = frames["patient_edges"]
    assert edges["score"].notna().sum() == len(ranked.layers)
    scored = edges[edges["score"].notna()]
    assert (scored["score"] == 0.5).all() and set(scored["target"]) == {"=cmd()"}  # of two repeats


def test_graphml_has_them_and_leaves_out_what_is_blank(ranked, ranking, tmp_path):
    read = nx.read_graphml(ranked.write(tmp_path / "g") / "graph.graphml")
    for gene in ranking.genes.itertuples():
        assert read.nodes[f"gene:{gene.id}"]["score"] == gene.score
        assert "q" not in read.nodes[f"gene:{gene.id}"]
    scores = {}
    for source, target, known in read.edges(data=True):
        scores.setdefault(known["layer"], []).append((source, target, known.get("score")))
    for edge in ranking.edges.itertuples():
        ends = (f"gene:{edge.source}", f"gene:{edge.target}")
        assert (*ends, edge.score) in scores["interacts"]
    assert [s for _, _, s in scores["rna"] if s is not None] == [0.5]
    assert "score" not in read.nodes["patient:P00"]


def test_networkx_has_them_in_every_layer(ranked, ranking):
    genes = ranked.to_networkx("genes")
    first = ranking.edges.iloc[0]
    assert genes.edges[first["source"], first["target"]]["score"] == first["score"]
    assert "layer" not in genes.edges[first["source"], first["target"]]
    everything = ranked.to_networkx()
    both_ways = [
        everything.edges[f"gene:{a}", f"gene:{b}", "interacts"]["score"]
        for a, b in (first[["source", "target"]], first[["target", "source"]])
    ]
    assert both_ways == [first["score"]] * 2


def test_hetero_has_them_on_nodes_edges_and_columns(ranked, ranking):
    data = ranked.to_hetero()
    count = len(data.feature_names)
    assert data.feature_score.tolist() == list(range(1, count + 1))
    assert data.feature_score_by_class.shape == (count, 2) and data.ranking["classes"][0] == "high"
    high, low = data.feature_sign_by_class.T
    assert (high == -low).all() and high[2] == -1
    by_gene = ranking.genes.set_index("id")["score"]
    assert data["gene"].score.tolist() == by_gene[data["gene"].symbol].tolist()
    store = data["gene", "interacts", "gene"]
    by_ends = ranking.edges.set_index(["source", "target"])["score"]
    symbol = data["gene"].symbol
    for source, target, score in zip(*store.edge_index.tolist(), store.score.tolist(), strict=True):
        assert score == by_ends[tuple(sorted([symbol[source], symbol[target]]))]
    store = data["patient", "rna", "patient"]
    scored = ~store.score.isnan()
    assert store.edge_index[1][scored].tolist() == [1] and store.score[scored].tolist() == [0.5]


def test_nodes_and_relations_of_a_signalling_graph_have_scores(small, network):
    graph = graph_of(small.cohort, Recipe.named("signalling"), network, 0)
    template = graph.signalling
    within = next(name for name in template.relations if name[0] != name[2])
    gene = template.genes[int(template.relations[within][0][0])]
    link = {"source": [gene], "target": [gene], "relation": [name_of(within)], "score": [0.7]}
    links, target = pd.DataFrame(link), small.cohort.outcome().name
    ranking = replace(ranking_of(graph, by_class=False), links=links, target=target)
    data = graph.with_ranking(ranking).to_hetero()
    by_ends = ranking.edges.set_index(["source", "target"])["score"].to_dict()
    by_column = ranking.nodes.set_index("id")["score"]
    for relation, (source, target, _) in template.relations.items():
        for score, one, other in zip(data[relation].score.tolist(), source, target, strict=True):
            ends = template.genes[one], template.genes[other]
            if relation[0] == relation[2]:
                assert score == by_ends.get(ends, by_ends.get(ends[::-1]))
            else:
                assert (score == 0.7) if (relation, ends[0]) == (within, gene) else np.isnan(score)
    for kind in template.kinds:
        columns = [pd.Series(np.nan, template.genes)]
        for slot, modality in template.slots:
            if slot == kind:
                own = small.cohort.modalities[modality]
                columns.append(pd.Series(by_column[own.feature_ids].to_numpy(), own.symbols))
        highest = pd.concat(columns).groupby(level=0).max().reindex(template.genes)
        np.testing.assert_array_equal(data[kind].score, highest)


def test_anndata_has_columns_and_groups_as_scanpy_writes_them(ranked, ranking):
    adata = ranked.to_anndata("meth")
    assert adata.var["score"].tolist() == [5, 6, 7]  # after four columns of rna
    assert adata.var["sign_class"].tolist() == ["high"] * 3 and "marginal" not in adata.var
    found = adata.uns["rank_genes_groups"]
    assert found["params"] == {
        "groupby": "risk", "reference": "rest", "method": "by-hand", "use_raw": False,
        "layer": None, "corr_method": "benjamini-hochberg",
    }  # fmt: skip
    assert set(found["params"]["groupby"].split()) <= set(adata.obs)
    for array in ("names", "scores", "logfoldchanges", "pvals", "pvals_adj"):
        assert found[array].dtype.names == ("high", "low") and found[array].shape == (3,)
    assert found["names"]["high"].tolist() == ["cg3", "cg1", "cg2"]
    assert found["scores"]["high"].tolist() == [7, 5, -6]  # from what raises it to what lowers it
    assert found["names"]["low"].tolist() == ["cg2", "cg1", "cg3"]
    assert found["logfoldchanges"]["high"].tolist() == [-7, -5, -6]
    by_id = ranking.nodes.set_index("id")
    wanted = by_id.loc[[f"meth:{name}" for name in found["names"]["high"]]]
    assert found["pvals"]["high"].tolist() == wanted["p"].tolist()
    assert found["pvals_adj"]["high"].tolist() == wanted["q"].tolist()


def test_a_number_has_one_group(built):
    adata = built.with_ranking(ranking_of(built, by_class=False)).to_anndata("rna")
    found = adata.uns["rank_genes_groups"]
    assert found["scores"].dtype.names == ("higher",) and found["params"]["reference"] == "lower"
    assert found["scores"]["higher"].tolist() == [4, 2, 1, -3]


def test_mudata_parts_can_be_drawn_by_themselves(ranked, tmp_path):
    import mudata

    ranked.write(tmp_path / "g")
    part = mudata.read(str(tmp_path / "g" / "graph.h5mu") + "/meth")
    found = part.uns["rank_genes_groups"]
    assert set(found["names"]["low"]) == set(part.var_names)
    assert set(part.obs[found["params"]["groupby"]].dropna()) == {"high", "low"}


def test_folders_give_the_scores_back(ranked, tmp_path):
    back = PatientGraph.read(ranked.write(tmp_path / "g")).scores
    told = (tmp_path / "g" / "README.txt").read_text()
    assert "scores of a ranking of risk by by-hand" in told
    assert (back.method, back.target) == ("by-hand", "risk")
    for name, columns in ranked.scores.columns.items():
        pd.testing.assert_frame_equal(back.columns[name], columns)
        for group, tables in ranked.scores.by_class.items():
            pd.testing.assert_frame_equal(back.by_class[group][name], tables[name])
    pd.testing.assert_frame_equal(back.genes, ranked.scores.genes)
    pd.testing.assert_frame_equal(back.edges, ranked.scores.edges)
    for layer, scores in ranked.scores.patient_edges.items():
        np.testing.assert_array_equal(back.patient_edges[layer], scores)
    again = PatientGraph.read(tmp_path / "g").write(tmp_path / "again")
    for name in ("hetero.json", "hetero.safetensors", "graph.graphml", "gene_edges.csv"):
        assert (again / name).read_bytes() == (tmp_path / "g" / name).read_bytes()


def test_a_graph_without_a_ranking_says_so(built, tmp_path):
    built.write(tmp_path / "g")
    assert "carries no scores" in (tmp_path / "g" / "README.txt").read_text()
    assert "rank_genes_groups" not in built.to_anndata("rna").uns
    assert PatientGraph.read(tmp_path / "g").scores is None


def test_a_directed_network_and_no_network(built):
    directed = replace(built, network=replace(built.network, directed=True))
    store = directed.with_ranking(ranking_of(directed)).to_hetero()["gene", "interacts", "gene"]
    assert len(store.score) == directed.network.edges
    alone = replace(built, network=None)
    assert "gene" not in alone.with_ranking(ranking_of(alone)).to_hetero().node_types


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: replace(r, target="riks"), "no such outcome (did you mean 'risk'?)"),
        (lambda r: replace(r, nodes=r.nodes[1:]), "1 of the graph's columns are not ranked"),
        (lambda r: replace(r, edges=r.edges.replace("A", "Q")), "ranked edges are not in the"),
        (
            lambda r: replace(r, patient_edges=r.patient_edges.replace("=cmd()", "X")),
            "not in the gra",
        ),
        (lambda r: replace(r, patient_edges=r.patient_edges.replace("rna", "snf")), "layers snf"),
        (
            lambda r: replace(r, nodes_by_class=r.nodes_by_class.replace("low", "mid")),
            "classes mid are none",
        ),
    ],
)
def test_a_ranking_of_something_else_is_refused(built, ranking, change, message):
    with pytest.raises(InputError) as caught:
        built.with_ranking(change(ranking))
    assert message in str(caught.value)


def test_a_table_is_no_ranking(built, ranking):
    with pytest.raises(InputError, match=r"expected a Ranking.*got DataFrame"):
        built.with_ranking(ranking.nodes)


def test_scanpy_draws_them(ranked, tmp_path):
    scanpy = pytest.importorskip("scanpy")
    import matplotlib.pyplot as plt
    import mudata

    ranked.write(tmp_path / "g")
    adata = mudata.read(str(tmp_path / "g" / "graph.h5mu") + "/rna")
    panels = scanpy.pl.rank_genes_groups(adata, show=False)
    assert [panel.get_title() for panel in panels] == ["high vs. rest", "low vs. rest"]
    shown = [text.get_text() for text in panels[0].texts]
    assert shown == [f"rna:{name}" for name in ("x_9", "b_2", "a_1", "c_3")]
    adata = adata[adata.obs["risk"].notna()].copy()  # scanpy's heatmaps need everyone's group
    scanpy.pl.rank_genes_groups_dotplot(adata, n_genes=2, show=False)
    scanpy.pl.rank_genes_groups_heatmap(adata, n_genes=2, show=False)
    scanpy.pl.rank_genes_groups_matrixplot(adata, n_genes=2, show=False)
    plt.close("all")
    table = scanpy.get.rank_genes_groups_df(adata, group="high")
    assert table["scores"].tolist() == [4, 2, 1, -3]
    scanpy.tl.rank_genes_groups(adata, "risk", key_added="own", use_raw=False)
    own = adata.uns["own"]
    assert set(own) == set(adata.uns["rank_genes_groups"])
    assert set(own["params"]) == set(adata.uns["rank_genes_groups"]["params"])
    assert stats.spearmanr(own["scores"]["high"], table["scores"]).statistic > 0
