"""Writing a built graph into a folder, in every format, with a README.txt that explains the
files."""

from __future__ import annotations

import logging
import textwrap
from pathlib import Path

import pandas as pd

from graphfuse.files.atomic_write import Kind, whole_folder
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.anndata import to_mudata, write_h5mu
from graphfuse.graph.export.graphml import write_graphml
from graphfuse.graph.export.hetero_files import save_hetero
from graphfuse.graph.export.page.html import write_picture
from graphfuse.graph.export.tables import TABLES, to_frames, write_tables

log = logging.getLogger(__name__)

MOST_EDGES = 1_000_000  # beyond, GraphML takes 3 GB to write, and hardly a program opens it
MOST_CELLS = 400_000_000  # patients × columns; beyond, a copy of the tables (3 GB) is no export

README = """What is in this folder
======================
Patient edges point from the neighbour (source) to the patient who receives its messages (target),
one kind per layer.
Cells of the CSV files that begin like a formula (= + - @ tab CR) have an apostrophe before them.
These files hold patient ids and outcomes, graph.html too: treat them as patient data.
{scores}

graph.html             the graph to look at, in any browser, offline: layers, outcomes, search;
{drawn}
patient_nodes.csv      one row per patient: outcomes, groups, and has_<modality> (whether it was
                       measured)
patient_edges.parquet  one row per patient edge: source, target, layer, weight
gene_nodes.csv         one row per gene of the network: gene, degree
gene_edges.csv         one row per gene edge: source, target, weight; {genes}
patient_nodes.parquet, gene_nodes.parquet, gene_edges.parquet
                       the same three tables with their types and no apostrophes
{graphml}
{h5mu}
hetero.safetensors     the tensors of a PyTorch Geometric HeteroData (features, presence, outcomes,
                       edges)
hetero.json            its names: patient ids, features, classes, node and edge types, and how each
                       patient layer was made (rule, thresholds, how neighbours were searched for,
                       and the recall where not exactly);
                       graphfuse.graph.convert.load_hetero(folder) reads both

graphfuse.graph.convert.read_graph(folder) gives the graph back, with every node, edge and weight as
it was.
"""
_GRAPHML = """\
graph.graphml          all of the above in one file for Cytoscape, Gephi, igraph or networkx; nodes
                       patient:ID and gene:SYMBOL with kind and name, edges with layer and weight;
                       an edge with symmetric = true goes both ways and is written once"""
GRAPH = Kind.of(
    "folder of a graph",
    "hetero.json",
    *("hetero.safetensors", "graph.html", "graph.graphml", "graph.h5mu"),
    "graph.gexf",  # which earlier versions wrote
    *(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")),
    "README.txt",
)
_H5MU = """\
graph.h5mu             the standardised tables, exact, as a MuData: one AnnData per modality of the
                       patients who have it, its own layer in .obsp, the gene network between its
                       columns in .varp["genes"], shared layers in the MuData's .obsp;
                       mudata.read_h5mu(path), or anndata by mudata.read(path + "/rna")"""


_NO_SCORES = "The graph carries no scores: it was built without a ranking."
_SCORES = """\
Genes and edges carry the scores of a ranking of {target} by {method}, as the columns of
rankings are called and explained in README.txt beside those; blank: not ranked. They are columns of
the tables and attributes in graph.graphml. Of an edge between patients, score is the mean over the
fold models whose layer has the edge. hetero.safetensors has them on genes and edges too, and of
every column as feature_score and feature_score_by_class (classes in hetero.json, "ranking").
In graph.h5mu they are columns of .var, and .uns["rank_genes_groups"] is as scanpy writes it:
scanpy.pl.rank_genes_groups(mudata.read(path + "/rna")) draws it. There, scores have their sign (0:
none), and logfoldchanges is the difference of means in the unit of the table: a log fold change
only where its values are logarithms."""


def write(graph: CohortGraph, folder: str | Path) -> Path:
    """Writes every export, or none, into a folder.

    GraphML is left out beyond `MOST_EDGES` edges, the MuData beyond `MOST_CELLS` cells or without a
    table; README.txt says so.

    Parameters
    ----------
    graph : CohortGraph
    folder : str or Path
        A new folder, or one of an older graph, which is replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Where the folder holds anything else than a graph.
    """
    with whole_folder(folder, GRAPH) as part:
        _write_all(graph, part)
    return Path(folder)


def _write_all(graph: CohortGraph, folder: Path) -> None:
    """All exports and their README.txt into a folder without any."""
    frames = to_frames(graph)
    directed = graph.network is not None and graph.network.directed
    write_tables(frames, folder)
    lines = {"graphml": _write_graphml(frames, folder, directed)}
    counts = (len(frames["patient_nodes"]), len(frames["gene_nodes"]))
    del frames
    lines["h5mu"] = _write_mudata(graph, folder)
    save_hetero(graph, folder)
    drawn = write_picture(graph, folder / "graph.html")
    lines["drawn"] = textwrap.fill(drawn, 96, initial_indent=" " * 23, subsequent_indent=" " * 23)
    lines["genes"] = (
        "it points from source to target" if directed else "it goes both ways and is written once"
    )
    lines["scores"] = _NO_SCORES
    if graph.scores is not None:
        lines["scores"] = _SCORES.format(target=graph.scores.target, method=graph.scores.method)
    (folder / "README.txt").write_text(README.format(**lines), encoding="utf-8")
    log.info("graph of %d patients and %d genes written", *counts)


def _write_graphml(frames: dict[str, pd.DataFrame], folder: Path, directed: bool) -> str:
    """Writes the GraphML unless it has too many edges; returns what README.txt says of it."""
    edges = len(frames["patient_edges"]) + len(frames["gene_edges"])
    if edges > MOST_EDGES:
        return _left_out("graph.graphml", f"{edges:,} edges are more than programs for it open")
    write_graphml(frames, folder / "graph.graphml", directed)
    return _GRAPHML


def _write_mudata(graph: CohortGraph, folder: Path) -> str:
    """Writes the MuData unless it is too large; returns what README.txt says of it."""
    cells = sum(table.size for table in graph.features.values())
    if not graph.features:
        return _left_out("graph.h5mu", "the graph has no table")
    if cells > MOST_CELLS:
        return _left_out("graph.h5mu", f"{cells:,} cells of the tables would only be copied")
    write_h5mu(to_mudata(graph), folder / "graph.h5mu")
    return _H5MU


def _left_out(name: str, why: str) -> str:
    return f"({name} is left out: {why})"
