"""`PatientGraph`: the graphs of a whole cohort, with every export."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.anndata import to_anndata, to_mudata
from graphfuse.graph.export.hetero import to_hetero
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.graph.export.page.html import write_picture
from graphfuse.graph.export.read_folder import read_graph
from graphfuse.graph.export.tables import to_frames
from graphfuse.graph.export.write_folder import write
from graphfuse.graph.scores_on_graph import Ranked, scores_on
from graphfuse.schema.check_arguments import Seed, checked


@checked
@dataclass(frozen=True, eq=False, repr=False)
class PatientGraph(CohortGraph):
    """The graphs of a whole cohort, to look at and to take to other programs.

    `graphfuse.build` makes it. Training does not use it: it fits graphs of its own in every fold.

    Parameters
    ----------
    cohort : Cohort
        N patients.
    layers : dict of str to Neighbours
        Name → neighbour lists among all patients.
    network : GeneNetwork or None
        The gene network on the genes measured.
    features : dict of str to np.ndarray
        Modality → standardised columns, float64 `[N, F]`.
    feature_names : dict of str to list of str
        Modality → the names of these columns.
    signalling : Template, optional
        The typed graph of genes' nodes, where the recipe has one.
    about : dict of str to dict
        Layer name → how it was made (rule, thresholds, search and its recall).
    scores : GraphScores, optional
        Scores of a ranking on columns, genes and edges: `with_ranking` gives them.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(40, {"rna": 50, "meth": 60}, on_network=False).cohort
    >>> graph = gf.build(cohort, gf.Recipe.named("multiplex"))
    >>> sorted(graph.layers)
    ['meth', 'rna']
    >>> graph.layers["rna"]
    Neighbours(40 receivers, 40 senders, 400 edges)
    """

    @classmethod
    def of(cls, graph: CohortGraph) -> PatientGraph:
        """Give a `CohortGraph` the methods of this class.

        Parameters
        ----------
        graph : CohortGraph
            As it is fitted or read.

        Returns
        -------
        PatientGraph
            The same parts, not copied.
        """
        return cls(**{each.name: getattr(graph, each.name) for each in fields(CohortGraph)})

    @classmethod
    def read(cls, folder: str | Path) -> PatientGraph:
        """Read the graph that `write` put into a folder.

        Parameters
        ----------
        folder : str or Path
            A folder of `write`, or `graph/` of a run.

        Returns
        -------
        PatientGraph
            With every node, edge and weight as it was.

        Raises
        ------
        InputError
            Where files are missing or damaged.
        """
        return cls.of(read_graph(folder))

    def with_ranking(self, ranking: Ranked) -> PatientGraph:
        """Return the same graph with the scores of a ranking, which every export then carries.

        Parameters
        ----------
        ranking : graphfuse.Ranking
            Of the same cohort and gene network.

        Returns
        -------
        PatientGraph
            Scores are columns of `var` and, class by class, `uns["rank_genes_groups"]` in AnnData,
            attributes of genes and edges in networkx and GraphML, tensors of nodes, edges and
            columns in a HeteroData, and columns of the tables of `to_frames`.

        Raises
        ------
        InputError
            Where the ranking is of other columns, another outcome, another gene network or other
            patients than the graph.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 8}, carriers=2, effect=4.0).cohort
        >>> recipe = gf.Recipe(name="plain")
        >>> ranking = gf.rank(gf.train(cohort, recipe, cv=(2, 1), ledger=False))
        >>> adata = gf.build(cohort, recipe).with_ranking(ranking).to_anndata("rna")
        >>> adata.var["rank"].idxmin() == ranking.nodes["id"][0].removeprefix("rna:")
        True
        >>> adata.uns["rank_genes_groups"]["names"].dtype.names == cohort.outcome().classes
        True
        """
        return replace(self, scores=scores_on(self, ranking))

    def to_hetero(self, dtype: str = "float32"):
        """Convert to PyTorch Geometric.

        Parameters
        ----------
        dtype : str
            Type of features and weights, as numpy names it.

        Returns
        -------
        torch_geometric.data.HeteroData
            Patients, genes and every kind of edge, from sender to receiver.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> graph = gf.build(planted(40, {"rna": 50}).cohort, gf.Recipe(name="plain"))
        >>> graph.to_hetero()["patient"].x.shape
        torch.Size([40, 50])
        """
        return to_hetero(self, dtype)

    def to_networkx(self, layer: str | None = None):
        """Convert one layer, the gene network, or everything to networkx.

        Parameters
        ----------
        layer : str, optional
            A patient layer, or `"genes"` for the gene network. By default everything.

        Returns
        -------
        networkx.DiGraph, networkx.Graph or networkx.MultiDiGraph
            A DiGraph of patients, from sender to receiver; for `"genes"` a Graph, or a DiGraph
            where the network is directed; without `layer` a MultiDiGraph.

        Raises
        ------
        InputError
            For unknown layers.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> graph = gf.build(planted(40, {"rna": 50}).cohort, gf.Recipe(name="plain"))
        >>> print(graph.to_networkx("rna"))
        DiGraph with 40 nodes and 400 edges
        """
        return to_networkx(self, layer)

    def to_anndata(self, modality: str | None = None):
        """Convert one modality to AnnData.

        Parameters
        ----------
        modality : str, optional
            By default the first.

        Returns
        -------
        anndata.AnnData
            Standardised columns in `X`, outcomes and groups in `obs`, every layer in `obsp`.

        Raises
        ------
        InputError
            For unknown modalities, and where the graph has no tables.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> graph = gf.build(planted(40, {"rna": 50}).cohort, gf.Recipe(name="plain"))
        >>> graph.to_anndata("rna").shape
        (40, 50)
        """
        return to_anndata(self, modality)

    def to_mudata(self):
        """Convert all modalities to MuData.

        Returns
        -------
        mudata.MuData
            One AnnData per modality of the patients who have it, its own layer in `obsp` and the
            gene network in `varp`; layers of several modalities are in the MuData's `obsp`.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 50, "meth": 60}).cohort
        >>> graph = gf.build(cohort, gf.Recipe(name="plain"))
        >>> sorted(graph.to_mudata().mod)
        ['meth', 'rna']
        """
        return to_mudata(self)

    def to_html(self, path: str | Path, seed: Seed = 0) -> str:
        """Write one page that opens offline: layers to switch, patients by outcome, search.

        Parameters
        ----------
        path : str or Path
            The file to write.
        seed : int
            Of the patients drawn where there are too many, and of their places.

        Returns
        -------
        str
            Which patients, genes and edges the page shows.
        """
        return write_picture(self, path, seed)

    def to_frames(self) -> dict:
        """Convert nodes and edges to pandas.

        Returns
        -------
        dict of str to pd.DataFrame
            `patient_nodes` (patient, outcomes, groups, has_<modality>), `patient_edges` (source,
            target, layer, weight; messages go from source to target), `gene_nodes` (gene, degree)
            and `gene_edges` (source, target, weight); with a ranking, scores beside them.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> graph = gf.build(planted(40, {"rna": 50}).cohort, gf.Recipe(name="plain"))
        >>> graph.to_frames()["patient_edges"].columns.tolist()
        ['source', 'target', 'layer', 'weight']
        """
        return to_frames(self)

    def write(self, folder: str | Path) -> Path:
        """Write every format into a folder, with a README that explains the files.

        Parameters
        ----------
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

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> graph = gf.build(planted(40, {"rna": 50}).cohort, gf.Recipe(name="plain"))
        >>> folder = graph.write("graph")
        >>> gf.PatientGraph.read(folder).layers["rna"].edges
        400
        """
        return write(self, folder)
