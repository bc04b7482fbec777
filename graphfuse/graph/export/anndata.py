"""A built graph as AnnData and MuData, and neighbour lists back from them: `obsp` for patients,
`varp` for genes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.errors import InputError, examples, nearest
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.anndata_scores import RESULT, rank_genes_groups, ranked_var
from graphfuse.graph.export.hetero import feature_genes
from graphfuse.graph.export.tables import outcome_column, patient_nodes
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


GENES = "genes"


def to_anndata(graph: CohortGraph, modality: str | None = None) -> AnnData:
    """Converts one modality to AnnData, with all patients.

    Parameters
    ----------
    graph : CohortGraph
    modality : str, optional
        By default the first.

    Returns
    -------
    anndata.AnnData
        `X` float `[N, F]`, standardised columns; `obs` outcomes, groups and presence; `var` with
        `gene`; `obsp[layer]` csr `[N, N]` and `varp["genes"]` csr `[F, F]`, the gene network
        between columns, row = receiver in both; `uns["graphfuse"]` names the cohort, the layers and
        the network. A graph that carries a ranking has it in `var`, and class by class in
        `uns["rank_genes_groups"]`, which scanpy draws (see `anndata_scores.rank_genes_groups`).

    Raises
    ------
    InputError
        For unknown modalities, and where the graph has no tables.
    """
    if modality is None:
        modality = next(iter(graph.features), None)
    if modality not in graph.features:
        raise InputError(
            f"the graph has no table {modality!r}{nearest(str(modality), graph.features)}"
        )
    adata = _table(graph, modality, np.arange(len(graph.cohort)))
    adata.obs = _obs(graph)
    _add_scores(adata, graph, modality)
    for name, lists in graph.layers.items():
        adata.obsp[_key(name)] = connectivities(lists, len(lists))
    adata.uns["graphfuse"] = _about(graph)
    return adata


def to_mudata(graph: CohortGraph) -> MuData:
    """Every modality as an AnnData of the patients who have it, in one MuData.

    `mdata[m].obsp[m]` holds the layer of modality m among its patients, `mdata.obsp` every other
    layer (shared ones) among all; `mdata[m].varp["genes"]` the gene network between its columns;
    `mdata.obs` outcomes and groups, in the graph's order; a patient without a modality is not in
    it, as `mdata.obsm[m]` says. Patients without any modality cannot stand in a MuData:
    `uns["graphfuse"]["left_out"]` names them. Columns are named `modality:column`, as in rankings:
    one gene may stand in two tables; `var["column"]` has the bare name.

    Parameters
    ----------
    graph : CohortGraph

    Returns
    -------
    mudata.MuData

    Raises
    ------
    InputError
        Where the graph has no table.
    """
    import mudata

    if not graph.features:
        raise InputError(
            "the graph has no table, so there is nothing for a MuData to hold; use "
            "to_networkx or to_hetero"
        )
    count = len(graph.cohort)
    parts = {_key(name): _part(graph, name) for name in graph.features}
    in_any = np.any([_present(graph, name) for name in graph.features], axis=0)
    obs = _obs(graph)
    ids = obs.index[in_any]
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.MuData(parts)
        if not mdata.obs_names.equals(ids):
            mdata = mdata[ids].copy()
    mdata.obs = obs[in_any]
    for name, lists in graph.layers.items():
        if not _is_own_layer(graph, name):
            among_all = connectivities(lists, count)
            mdata.obsp[_key(name)] = among_all[in_any][:, in_any]
    left_out = obs.index[~in_any].to_numpy(str)
    mdata.uns["graphfuse"] = _about(graph) | {"left_out": left_out}
    return mdata


def _part(graph: CohortGraph, modality: str) -> AnnData:
    """A modality of a MuData, its columns named `modality:column`, with its own layer."""
    rows = np.flatnonzero(_present(graph, modality))
    part = _table(graph, modality, rows)
    part.var["column"] = part.var_names.to_numpy()
    part.var_names = f"{modality}:" + part.var_names
    if graph.scores is not None:  # what scanpy groups by has to stand in the part itself
        part.obs = _obs(graph)[[_groupby(graph)]].iloc[rows]
        _add_scores(part, graph, modality)
    if _is_own_layer(graph, modality):
        among_all = connectivities(graph.layers[modality], len(graph.cohort))
        part.obsp[_key(modality)] = among_all[rows][:, rows]
    return part


def _add_scores(adata: AnnData, graph: CohortGraph, modality: str) -> None:
    """Adds the ranking that a graph carries, where it does."""
    if graph.scores is None:
        return
    shown = ranked_var(graph.scores, modality).set_axis(adata.var_names)
    adata.var = pd.concat([adata.var, shown], axis=1)
    groupby = _groupby(graph)
    adata.uns[RESULT] = rank_genes_groups(graph.scores, modality, adata.var_names, groupby)


def _groupby(graph: CohortGraph) -> str:
    """The column of `obs` that holds the outcome that is ranked."""
    return _key(outcome_column(graph.scores.target))


def _is_own_layer(graph: CohortGraph, name: str) -> bool:
    """Whether a layer is that of a modality, among the patients who have it."""
    if name not in graph.layers or name not in graph.features:
        return False
    rows = np.flatnonzero(_present(graph, name))
    return _within(graph.layers[name], rows)


def write_h5mu(mdata: MuData, path: str | Path) -> None:
    """Writes `mdata` as an h5mu file, alike under every version of mudata."""
    import mudata

    with mudata.set_options(pull_on_update=False):
        mdata.write_h5mu(path)


def connectivities(lists: Neighbours, senders: int | None = None) -> sparse.csr_matrix:
    """Weights of a layer's messages.

    Parameters
    ----------
    lists : Neighbours
    senders : int, optional
        How many columns; by default those of `lists`.

    Returns
    -------
    sparse.csr_matrix
        float64 `[N, senders]`: row = receiver, column = sender.
    """
    shape = (len(lists), senders or lists.senders)
    return sparse.csr_matrix((lists.weight, lists.index, lists.offsets), shape=shape)


def gene_connectivities(network: GeneNetwork, symbols: list[str | None]) -> sparse.csr_matrix:
    """float64 csr `[F, F]`: weights of the gene network between columns that measure its genes, row
    = receiver (both ways where undirected). Columns of the same gene are not joined."""
    edge, a, b = network.edge_features(symbols)
    measured = network.on(symbols)
    both_ways = measured.source != measured.target  # a loop's pairs go both ways already
    if network.directed:
        both_ways = np.zeros_like(both_ways)
    back = both_ways[edge]
    rows = np.concatenate([b, a[back]])
    columns = np.concatenate([a, b[back]])
    edges = np.concatenate([edge, edge[back]])
    shape = (len(symbols), len(symbols))
    return sparse.csr_matrix((measured.weight[edges], (rows, columns)), shape=shape)


def _table(graph: CohortGraph, modality: str, rows: np.ndarray) -> AnnData:
    """A modality's columns and its gene network for the patients at `rows`."""
    from anndata import AnnData

    columns = pd.Series(graph.feature_names[modality], dtype=object).astype(str)
    again = columns.groupby(columns).cumcount()
    number = (again + 1).astype(str)
    numbered = columns + "#" + number
    unique = np.where(again > 0, numbered, columns)
    var = pd.DataFrame(index=pd.Index(unique, dtype=object))
    genes = feature_genes(graph, modality)
    if any(genes):
        var["gene"] = pd.Categorical(genes)
    patients = graph.cohort.patients.astype(str)
    ids = pd.Index(patients[rows], dtype=object)
    values = np.array(graph.features[modality][rows])
    adata = AnnData(X=values, obs=pd.DataFrame(index=ids), var=var)
    if graph.network is not None and any(genes):
        adata.varp[GENES] = gene_connectivities(graph.network, genes)
    return adata


def _obs(graph: CohortGraph) -> pd.DataFrame:
    """Outcomes, groups and presence of every patient, text as categories."""
    obs = patient_nodes(graph).set_index("patient")
    obs.index = pd.Index(obs.index, dtype=object)
    words = obs.select_dtypes("object").columns
    obs[words] = obs[words].astype("category")
    return obs.rename(columns=_key)


def _about(graph: CohortGraph) -> dict:
    """The names of the cohort, its layers and its network."""
    layers = [_key(name) for name in graph.layers]
    about = {"cohort": graph.cohort.name, "layers": np.array(layers, dtype=str)}
    if graph.network is not None:
        about |= {"network": graph.network.name, "directed": graph.network.directed}
    return about


def _key(name: str) -> str:
    """A name that HDF5 does not take for a path."""
    return str(name).replace("/", "∕")


def _present(graph: CohortGraph, name: str) -> np.ndarray:
    """bool `[N]`: who has a modality; everyone, where it is not the cohort's."""
    owner = graph.cohort.modalities.get(name)
    return np.ones(len(graph.cohort), bool) if owner is None else owner.present


def _within(lists: Neighbours, rows: np.ndarray) -> bool:
    """Whether all edges run between the patients at `rows`."""
    inside = np.zeros(max(len(lists), lists.senders), bool)
    inside[rows] = True
    return bool(inside[lists.index].all() and inside[lists.receivers].all())


# ----------------------------------------------------------------------------------------- and back


def from_anndata(adata: AnnData, patients: pd.Index | None = None) -> dict[str, Neighbours]:
    """Converts every matrix of `obsp` to neighbour lists.

    Parameters
    ----------
    adata : anndata.AnnData
        In its `obsp`, row = receiver and column = sender; entries that are not stored or 0 are no
        edges.
    patients : pd.Index, optional
        Whose lists they are, in their order; by default those of `adata`.

    Returns
    -------
    dict of str to Neighbours

    Raises
    ------
    InputError
        For weights that are not finite, and for edges of patients who are not in `patients`.
    """
    patients = adata.obs_names if patients is None else patients
    all_ids = pd.Index(patients.astype(str))
    place = all_ids.get_indexer(adata.obs_names.astype(str))
    layers = {}
    for name, matrix in adata.obsp.items():
        layers[str(name)] = _lists(matrix, place, len(patients), str(name))
    return layers


def from_mudata(mdata: MuData, patients: pd.Index | None = None) -> dict[str, Neighbours]:
    """Converts every `obsp` of a MuData and of its modalities to neighbour lists.

    Parameters
    ----------
    mdata : mudata.MuData
    patients : pd.Index, optional
        Whose lists they are, in their order; by default those of `mdata`.

    Returns
    -------
    dict of str to Neighbours
        A modality's matrix keeps its name where no other has it, else it is `modality:name`.

    Raises
    ------
    InputError
        As `from_anndata`.
    """
    patients = mdata.obs_names if patients is None else patients
    layers = from_anndata(mdata, patients)
    parts = []
    for key, adata in mdata.mod.items():
        parts += [(key, name, lists) for name, lists in from_anndata(adata, patients).items()]
    names = [*layers, *(name for _, name, _ in parts)]
    for key, name, lists in parts:
        is_own = name == key and name not in mdata.obsp
        title = name if names.count(name) == 1 or is_own else f"{key}:{name}"
        layers[title] = lists
    return layers


def _lists(matrix, place: np.ndarray, count: int, name: str) -> Neighbours:
    """A matrix of `obsp` as neighbour lists; `place` int `[n]`: the position of each of its rows
    among `count` patients, -1 for none."""
    edges = sparse.coo_matrix(matrix)
    infinite = int((~np.isfinite(edges.data)).sum())
    if infinite:
        raise InputError(f"obsp[{name!r}]: {infinite:,} weights are not finite; remove those edges")
    ends = np.concatenate([edges.row, edges.col])
    unknown = np.unique(ends[place[ends] < 0])
    if len(unknown):
        raise InputError(
            f"obsp[{name!r}]: rows {examples(unknown)} are none of the patients; take them "
            "out, or add the patients"
        )
    receiver, sender = place[edges.row], place[edges.col]
    return Neighbours.from_edges(receiver, sender, edges.data.astype(float), count, count)
