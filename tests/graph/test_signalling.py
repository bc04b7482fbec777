"""The signalling graph: its counts (G1), what it is filled with (G2), what its relations carry, and
gene sets."""

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data import memory
from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError
from graphfuse.graph import controls
from graphfuse.graph.gene.gene_sets import read_gmt
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.path_values import edge_contributions, path_values
from graphfuse.graph.gene.typed_gene_graph import Template, kinds_auto, kinds_of
from graphfuse.schema import SignallingSection

THREE = {"meth": "meth", "rna": "tran", "rppa": "prot"}
SYMBOLS = {
    "meth": ["A", "A", "B", None, "C"],
    "rna": ["C", "A", "B", "D", "Z"],
    "rppa": ["A", "B", "B"],
}
PAIRS = [("A", "B", 1.0), ("B", "C", 0.5), ("C", "D", 2.0), ("D", "E", 1.0), ("A", "C", 1.0)]


def network(pairs=PAIRS, directed=False):
    return GeneNetwork.from_frame(
        pd.DataFrame(pairs, columns=["source", "target", "score"]), "made", directed=directed
    )


def template(section=None, directed=False, **changes):
    section = section or SignallingSection(**changes)
    return Template.build(SYMBOLS, network(directed=directed), section, THREE)


def tables(patients=6, seed=0):
    rng = np.random.default_rng(seed)
    return {m: rng.normal(size=(patients, len(symbols))) for m, symbols in SYMBOLS.items()}


# ---------------------------------------------------------------------------------------- G1 counts


def big(genes, pairs, directed=False):
    """A network of exactly so many genes and edges, none isolated."""
    rng = np.random.default_rng(0)
    names = np.array([f"G{i:04d}" for i in range(genes)])
    ring = {tuple(sorted((i, (i + 1) % genes))) for i in range(genes)}
    while len(ring) < pairs:
        drawn = np.sort(rng.integers(0, genes, (pairs, 2)), axis=1)
        ring |= {(int(a), int(b)) for a, b in drawn[: pairs - len(ring)] if a != b}
    ends = np.array(sorted(ring))
    frame = pd.DataFrame({"source": names[ends[:, 0]], "target": names[ends[:, 1]]})
    return names, GeneNetwork.from_frame(frame, "big", directed=directed)


def test_the_published_graph_has_its_published_counts():
    names, net = big(2121, 19_412)
    symbols = {"meth": names, "rna": names, "rppa": names[:200]}
    graph = Template.build(symbols, net, SignallingSection(), THREE)
    assert (len(net.genes), net.edges) == (2121, 19_412)
    assert (len(graph), len(graph.nodes), graph.edges) == (6363, 6363, 47_308)
    assert graph.counts() == {
        "meth": 2121,
        "prot": 2121,
        "tran": 2121,
        "meth-regulates-tran": 2121,
        "tran-rev_regulates-meth": 2121,
        "tran-translates-prot": 2121,
        "prot-rev_translates-tran": 2121,
        "prot-interacts-prot": 38_824,
    }
    assert "6,363 nodes" in repr(graph) and "47,308 directed edges" in repr(graph)


@pytest.mark.parametrize("kinds", [1, 2, 3, 4])
def test_genes_times_kinds_are_the_nodes_and_links_join_the_kinds_of_a_gene(kinds):
    names, net = big(30, 60)
    chain = [f"kind{i}" for i in range(kinds)]
    links = list(pairwise(chain))
    section = SignallingSection(kinds={k: [k] for k in chain}, links=links, interact=chain[-1])
    for direction, ways in (("both", 2), ("forward", 1)):
        directed = section.model_copy(update={"direction": direction})
        graph = Template.build(
            dict.fromkeys(chain, names), net, directed, dict(zip(chain, chain, strict=True))
        )
        assert len(graph) == kinds * 30 and graph.edges == ways * (kinds - 1) * 30 + 120


def test_nodes_stand_in_order_kind_by_kind():
    graph = template()
    assert graph.genes == ("A", "B", "C", "D") and graph.kinds == ("meth", "prot", "tran")
    assert graph.nodes == sorted(graph.nodes) and graph.nodes[graph.block("prot")][0] == (
        "prot",
        "A",
    )
    assert graph.slots == (("meth", "meth"), ("prot", "rppa"), ("tran", "rna"))


def test_genes_outside_the_network_go_and_isolated_ones_stay():
    graph = Template.build(
        {"rna": ["A", "E", "Z"]}, network(), SignallingSection(), {"rna": "tran"}
    )
    assert graph.genes == ("A", "E") and graph.relations["prot", "interacts", "prot"][0].size == 0
    alone = Template.build({"rna": ["A", "E", "Z"]}, None, SignallingSection(), {"rna": "tran"})
    assert alone.genes == ("A", "E", "Z") and alone.kinds == ("tran",) and alone.edges == 0


def test_a_directed_network_keeps_its_direction():
    pairs = {("A", "B"), ("B", "C"), ("C", "D"), ("A", "C")}
    forward = template(directed=True, direction="forward")
    source, target, _ = forward.relations["prot", "interacts", "prot"]
    assert {
        (forward.genes[a], forward.genes[b]) for a, b in zip(source, target, strict=True)
    } == pairs
    assert not any(verb.startswith("rev_") for _, verb, _ in forward.relations)
    both = template(directed=True)
    source, target, _ = both.relations["prot", "rev_interacts", "prot"]
    assert {(both.genes[b], both.genes[a]) for a, b in zip(source, target, strict=True)} == pairs


def test_order_of_columns_and_modalities_changes_nothing():
    turned = {m: list(reversed(symbols)) for m, symbols in reversed(SYMBOLS.items())}
    graph, other = (
        template(),
        Template.build(turned, network(), SignallingSection(), dict(reversed(THREE.items()))),
    )
    assert (
        graph.nodes == other.nodes
        and graph.slots == other.slots
        and graph.counts() == other.counts()
    )
    for relation, arrows in graph.relations.items():
        assert all(
            np.array_equal(a, b) for a, b in zip(arrows, other.relations[relation], strict=True)
        )


def test_to_hetero_holds_every_type():
    graph = template()
    data = graph.to_hetero()
    assert set(data.node_types) == set(graph.kinds) and set(data.edge_types) == set(graph.relations)
    assert data["prot"].symbol == list(graph.genes) and data.validate()
    ends = graph.edge_index()["prot", "interacts", "prot"]
    assert np.array_equal(data["prot", "interacts", "prot"].edge_index.numpy(), ends)


# ------------------------------------------------------------------------------------------ G2 fill


def test_what_is_filled_in_reads_back_as_the_tables():
    graph, given = template(), tables()
    given["meth"][0, 0] = np.nan  # one of gene A's two columns
    given["meth"][1, :2] = np.nan  # both
    given["rna"][2, 3] = np.nan
    present = np.ones((6, 3), bool)
    present[3, 1] = False
    values, mask = graph.fill(given, present)
    at = {node: p for p, node in enumerate(graph.nodes)}
    for slot, (kind, modality) in enumerate(graph.slots):
        for n in range(6):
            for (node, gene), p in at.items():
                cells = given[modality][n, [s == gene for s in SYMBOLS[modality]]]
                cells = cells[~np.isnan(cells)]
                there = node == kind and len(cells) and present[n, list(given).index(modality)]
                assert mask[n, slot, p] == bool(there)
                assert (
                    np.isclose(values[n, slot, p], cells.mean())
                    if there
                    else np.isnan(values[n, slot, p])
                )
    assert not mask[:, 1, at["prot", "C"]].any() and not mask[:, 1, at["prot", "D"]].any()


def test_what_stands_behind_the_mask_is_never_read():
    graph, present = template(), np.ones((6, 3), bool)
    present[2] = False
    given, other = tables(), tables()
    other["rna"][2] = 1e6
    assert np.array_equal(
        graph.fill(given, present)[0], graph.fill(other, present)[0], equal_nan=True
    )


# ------------------------------------------------------------------------------- values along paths


def naive(graph, item, values):
    """Values along a path by loops: the weighted mean over senders that have one; NaN where there
    is none."""
    for relation in item.path:
        heard = np.full_like(values, np.nan)
        source, target, weight = graph.relations[relation]
        for gene in range(len(graph.genes)):
            edges = [e for e in np.flatnonzero(target == gene) if not np.isnan(values[source[e]])]
            if edges:
                heard[gene] = np.average(values[source[edges]], weights=weight[edges])
        values = heard
    return values


def along(items, table, patient):
    """The values of every item, by its steps."""
    found = []
    for item in items:
        found.append(
            item.step
            @ (table[item.modality][patient] if item.previous < 0 else found[item.previous])
        )
    return found


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("direction", ["both", "forward"])
def test_relations_carry_the_mean_over_whoever_is_measured(directed, direction):
    graph, given = template(directed=directed, direction=direction), tables(1)
    items = path_values(graph)
    values, _ = graph.fill(given, np.ones((1, 3), bool))
    for item, found in zip(items, along(items, given, 0), strict=True):
        kind, slot = next((k, s) for s, (k, m) in enumerate(graph.slots) if m == item.modality)
        expected = naive(graph, item, values[0, slot, graph.block(kind)])
        assert np.array_equal(item.known, ~np.isnan(expected))
        assert np.allclose(found, np.nan_to_num(expected))
    paths = {(item.modality, *(verb for _, verb, _ in item.path)) for item in items}
    assert {
        ("rna", "translates", "interacts"),
        ("rppa", "interacts", "interacts"),
        ("meth", "regulates"),
    } <= paths
    assert (
        not {("meth", "regulates", "rev_regulates"), ("rppa", "interacts", "rev_interacts")} & paths
    )
    assert (("rppa", "rev_translates") in paths) == (direction == "both")


def test_the_network_carries_transcripts_where_no_protein_is_measured():
    graph = Template.build({"rna": SYMBOLS["rna"]}, network(), SignallingSection(), {"rna": "tran"})
    assert graph.kinds == ("prot", "tran") and "prot (inferred)" in repr(graph)
    assert [[verb for _, verb, _ in item.path] for item in path_values(graph)] == [
        [],
        ["translates"],
        ["translates", "interacts"],
    ]


@pytest.mark.parametrize("control", ["none", "identity", "empty"])
@pytest.mark.parametrize("directed", [False, True])
def test_what_edges_add_sums_to_what_arrives(directed, control):
    net, given = controls.control(control, network(directed=directed), seed=0), tables(4)
    graph = Template.build(SYMBOLS, net, SignallingSection(), THREE)
    items = path_values(graph)
    values = [np.stack(v) for v in zip(*(along(items, given, n) for n in range(4)), strict=True)]
    rng = np.random.default_rng(1)
    for chosen, item in enumerate(items):
        gradients = [np.zeros((2, *v.shape)) for v in values]
        gradients[chosen] = rng.normal(size=(2, *values[chosen].shape))
        arrives = (gradients[chosen] * values[chosen]).sum((1, 2))
        frame, score = edge_contributions(graph, items, values, gradients)
        assert np.allclose(score.sum(1), len(item.path) * arrives)
        for relation in graph.relations:
            mine = score[:, (frame["relation"] == "-".join(relation)).to_numpy()].sum(1)
            assert np.allclose(mine, item.path.count(relation) * arrives)


def test_under_the_identity_control_every_protein_hears_itself():
    graph = Template.build(
        SYMBOLS, controls.control("identity", network(), seed=0), SignallingSection(), THREE
    )
    assert (
        graph.listed(("prot", "interacts", "prot"))
        == len(graph.relations["prot", "interacts", "prot"][0])
        == 4
    )
    heard = next(
        item
        for item in path_values(graph)
        if item.modality == "rppa" and item.path[:1] == (("prot", "interacts", "prot"),)
    )
    assert np.array_equal(heard.step.toarray(), np.diag(heard.known.astype(float)))


def test_an_edge_adds_gradient_times_weight_times_value():
    graph, given = template(), tables(4)
    items = path_values(graph)
    values = [np.stack(v) for v in zip(*(along(items, given, n) for n in range(4)), strict=True)]
    at = next(
        i
        for i, x in enumerate(items)
        if x.modality == "rppa" and [v for _, v, _ in x.path] == ["interacts"]
    )
    gradients = [np.zeros((1, *v.shape)) for v in values]
    gradients[at] = np.random.default_rng(2).normal(size=gradients[at].shape)
    frame, score = edge_contributions(graph, items, values, gradients)
    b, c = graph.genes.index("B"), graph.genes.index("C")
    (row,) = np.flatnonzero((frame["source"] == "B") & (frame["target"] == "C"))
    assert frame["relation"][row] == "prot-interacts-prot"
    step, own = items[at].step, values[items[at].previous]
    assert step[b, c] == 0 and np.isclose(
        step[c, b], 0.5 / 1.5
    )  # C is not measured; of B (.5) and A (1) C hears the mean
    assert np.isclose(score[0, row], (gradients[at][0, :, c] * own[:, b]).sum() / 3)
    assert len(frame) == 4 * 4 + 4  # links in both directions, and every interaction once


# --------------------------------------------------------------------------------- kinds and faults


def cohort(**modalities):
    index = pd.Index(["P1", "P2"], name="patient")
    found = {}
    for name, (values, entity, symbols) in modalities.items():
        table = pd.DataFrame(np.ones((2, 2)), index=index, columns=["A", "B"])
        found[name] = Modality(name, table, values=values, entity=entity, symbols=symbols)
    return Cohort("made", index, found)


def test_kinds_follow_what_the_manifest_declares():
    made = cohort(
        rna=("log", "gene", ("A", "B")),
        cpg=("beta", "cpg", ("A", None)),
        promoter=("m-value", "gene", ("A", "B")),
        rppa=("z-score", "protein", ("A", "B")),
        mutation=("binary", "gene", ("A", "B")),
        image=("mixed", "none", (None, None)),
    )
    assert kinds_auto(made) == {
        "rna": "tran",
        "cpg": "meth",
        "promoter": "meth",
        "rppa": "prot",
        "mutation": "tran",
    }
    assert kinds_of(SignallingSection(), made) == kinds_auto(made)
    own = SignallingSection(kinds={"cnv": ["mutation"], "tran": ["rna"]})
    assert kinds_of(own, made) == {"mutation": "cnv", "rna": "tran"}


def test_faults_of_the_kinds_are_told_at_once():
    made = cohort(rna=("log", "gene", ("A", "B")), image=("mixed", "none", (None, None)))
    section = SignallingSection(kinds={"tran": ["rna", "rma", "image"], "prot": ["rna"]})
    with pytest.raises(InputError) as told:
        kinds_of(section, made)
    for said in (
        "did you mean 'rna'",
        "'image', none of whose columns has a gene symbol",
        "under 'tran' and 'prot'",
    ):
        assert said in str(told.value)
    with pytest.raises(InputError, match="no column has a gene symbol"):
        kinds_of(SignallingSection(), cohort(image=("mixed", "none", (None, None))))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"links": [("meth", "trna")]}, "did you mean 'tran'"),
        ({"links": [("tran", "tran")]}, "joins 'tran' with itself"),
        ({"interact": "phospho"}, "interact = 'phospho': no modality has that kind"),
    ],
)
def test_links_and_the_kind_that_interacts_must_meet(changes, said):
    with pytest.raises(InputError, match=said):
        Template.build(
            {"rna": ["A", "B"]}, network(), SignallingSection(**changes), {"rna": "tran"}
        )


def test_a_network_that_would_carry_nothing_is_left_out_and_said_so(caplog):
    graph = Template.build(
        {"rna": ["A", "B"]}, network(), SignallingSection(links=[]), {"rna": "tran"}
    )
    assert graph.kinds == ("tran",) and not graph.relations and "carries nothing" in caplog.text
    lonely = Template.build(
        {"meth": ["A", "B"]}, network(), SignallingSection(), {"meth": "meth"}
    )  # proteins are two links off
    assert lonely.kinds == ("meth",) and [item.path for item in path_values(lonely)] == [()]


def test_a_kind_that_lost_its_modalities_may_still_be_linked():
    section = SignallingSection(
        kinds={"cnv": [], "tran": ["rna"]}, links=[("cnv", "tran")], interact="tran"
    )
    assert Template.build({"rna": ["A", "B"]}, network(), section, {"rna": "tran"}).kinds == (
        "tran",
    )


def test_no_gene_in_the_network_is_an_error():
    with pytest.raises(InputError, match="network 'made' holds"):
        Template.build({"rna": ["X", None]}, network(), SignallingSection(), {"rna": "tran"})


# ---------------------------------------------------------------------------------------- gene sets


def gmt(folder: Path, text: str, name: str = "sets.gmt") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["sets.gmt", "sets.gmt.gz"])
def test_gene_sets_are_read(tmp_path, name):
    path = gmt(tmp_path, "first\thttp://x\tB\tA\tB\t\n\nsecond\t\tC\tD\r\n", name)
    assert read_gmt(path) == {"first": ("A", "B"), "second": ("C", "D")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one, two, A, B\n", "lines 1: expected name"),
        ("one\tx\tA\none\tx\tB\n", "appear twice"),
        ("\n", "no gene set"),
        ("one\tx\n", "at least one gene"),
    ],
)
def test_files_that_are_no_gene_sets_say_so(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_gmt(gmt(tmp_path, text))


def test_gene_sets_that_unpack_to_more_than_memory_holds_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gmt.gz"
    path.write_bytes(gzip.compress(b"one\t\tA\n" * 1_000_000))
    monkeypatch.setattr(memory, "most_text", lambda: 2_000_000)
    with pytest.raises(InputError, match="memory"):
        read_gmt(path)


def test_broken_files_of_gene_sets_say_so(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_gmt(tmp_path / "none.gmt")
    (tmp_path / "cut.gmt").write_bytes(gzip.compress(b"one\tx\tA\n")[:-6])
    with pytest.raises(InputError, match="cannot be read"):
        read_gmt(tmp_path / "cut.gmt")


def test_pathways_are_edge_sets_and_a_relation_of_their_own(tmp_path):
    path = gmt(tmp_path, "abc\t\tA\tB\tC\ncd\t\tC\tD\tQ\nab\t\tA\tB\nlone\t\tA\tD\n")
    graph = template(SignallingSection(pathways=str(path)))
    source, target, _ = graph.relations["prot", "interacts", "prot"]
    named = {
        name: {graph.genes[source[e]] + graph.genes[target[e]] for e in edges}
        for name, edges in graph.pathways.items()
    }
    assert named == {"ab": {"AB"}, "abc": {"AB", "AC", "BC"}, "cd": {"CD"}}
    source, target, weight = graph.relations["prot", "shares_pathway", "prot"]
    got = {
        graph.genes[a] + graph.genes[b]: w for a, b, w in zip(source, target, weight, strict=True)
    }
    assert got == {"AB": 2, "BA": 2, "AC": 1, "CA": 1, "BC": 0.5, "CB": 0.5, "CD": 2, "DC": 2}
    assert any(item.path and item.path[-1][1] == "shares_pathway" for item in path_values(graph))


def test_pathways_of_other_genes_are_an_error(tmp_path):
    with pytest.raises(InputError, match="none of the 1 gene sets"):
        template(SignallingSection(pathways=str(gmt(tmp_path, "mouse\t\tTrp53\tBrca1\n"))))
