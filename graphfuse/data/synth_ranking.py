"""Synthetic cohorts by which rankings are judged: the effect of every column is known."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from graphfuse.data.cohort import Cohort
from graphfuse.data.ranking_roles import RankingRoles, RoleCounts

HUB_DEGREE, LEAF_DEGREE = 12, 2  # expected degrees of genes in the network
SHARES = {"rna": 0.5, "meth": 0.3, "protein": 0.2}
CLASSES = {False: "class0", True: "class1"}


@dataclass(frozen=True, eq=False)
class PlantedRanking:
    """A synthetic cohort and the effect of each of its columns on the label.

    Parameters
    ----------
    cohort : Cohort
        The patients, with the outcome "subtype" of two classes.
    effects : Series
        Each column's coefficient in the logit of the second class, by `modality:column`; 0 for
        columns without an effect of their own.
    roles : Series
        Each column's role, alike: `block` and `null block` (members of a correlated block with
        and without an effect), `single` (causal, correlated with its decoy alone), `decoy`
        (correlated with a single column, no effect), `partner` and `suppressor` (both causal; the
        suppressor is independent of the label unless its partner is known), `noise`.
    groups : tuple of tuple of str
        The correlated blocks, by ids of their columns.
    causal_groups : tuple of tuple of str
        Those of them with a causal member.
    network : DataFrame
        The gene network, with columns source, target and score. In each role, every second gene has
        many neighbours and the others have few. The label does not depend on it.
    edges : tuple of (str, str)
        The edges of the network between two causal genes.
    modality_order : tuple of str
        The modalities from the largest to the smallest share of the logit's variance.
    logits : Series
        The logit by which each patient's label was drawn.
    """

    cohort: Cohort
    effects: pd.Series
    roles: pd.Series
    groups: tuple[tuple[str, ...], ...]
    causal_groups: tuple[tuple[str, ...], ...]
    network: pd.DataFrame
    edges: tuple[tuple[str, str], ...]
    modality_order: tuple[str, ...]
    logits: pd.Series

    @property
    def causal(self) -> tuple[str, ...]:
        """Ids of the columns with an effect of their own."""
        return tuple(self.effects.index[self.effects != 0])


def planted_ranking(
    patients: int = 300,
    shares: Mapping[str, float] | None = None,
    *,
    columns: int = 200,
    counts: RoleCounts | None = None,
    oracle: float = 0.95,
    missing: Mapping[str, float] | None = None,
    seed: int = 0,
) -> PlantedRanking:
    """A synthetic cohort whose labels are drawn from a known logit, linear in some columns.

    All modalities measure the same genes, which have the same role in each, with effects of random
    signs. In a modality's part of the logit, each single, block and pair of a suppressor and its
    partner has the same variance. A modality's columns depend on the seed and its name alone, not
    on other modalities or their order.

    Parameters
    ----------
    patients : int
        The number of patients, N.
    shares : mapping of str to float, optional
        Modality → share of the logit's variance (default rna .5, meth .3, protein .2).
    columns : int
        The number of columns of each modality; they are genes `G000001`, ….
    counts : RoleCounts, optional
        How many columns of each modality have which role.
    oracle : float
        The AUROC of the logit itself, in the population.
    missing : mapping of str to float, optional
        Modality → share of patients without it. Their labels depend on it all the same.
    seed : int
        The seed of all random numbers.

    Returns
    -------
    PlantedRanking

    Raises
    ------
    ValueError
        Where the roles need more columns than there are.

    Examples
    --------
    >>> truth = planted_ranking(60, {"rna": 1.0}, columns=60, seed=1)
    >>> truth.cohort
    Cohort(planted-ranking: 60 patients)
      Modality(rna: omics, 60 of 60 patients, 60 columns, 60 columns with a gene)
      Outcome(subtype: class; class0 ..., class1 ...; unlabelled 0)
    >>> truth.roles.value_counts()[["block", "single", "suppressor"]].tolist()
    [20, 2, 1]
    """
    shares, missing = dict(shares or SHARES), missing or {}
    roles = RankingRoles.at_random(_rng(seed, "roles"), counts or RoleCounts(), columns)
    ids = _names("P", patients).rename("patient")
    genes = _names("G", columns)
    unit = logit_sd(oracle) / np.sqrt(sum(shares.values()) * roles.counts.units)
    tables, effects, parts = {}, {}, {}
    for name, share in shares.items():
        rng = _rng(seed, name)
        values = roles.values(rng, patients)  # [N, columns]
        own = unit * np.sqrt(share) * roles.effects(rng)
        table = pd.DataFrame(values, ids, genes)
        tables[name] = _with_absent(rng, table, missing.get(name, 0.0))
        effects[name] = pd.Series(own, genes)
        parts[name] = values @ own
    parts = pd.DataFrame(parts, ids).sort_index(axis=1)  # alike in any order of modalities
    logits = parts.sum(axis=1)
    network = _network(seed, roles, genes)
    by_gene = pd.Series(roles.names(), genes)
    return PlantedRanking(
        cohort=_cohort(tables, _labels(seed, logits)),
        effects=_by_id(effects),
        roles=_by_id(dict.fromkeys(shares, by_gene)),
        groups=_groups(roles.blocks, genes, shares),
        causal_groups=_groups(roles.causal_blocks, genes, shares),
        network=network,
        edges=_edges_within(network, genes[own != 0]),
        modality_order=tuple(sorted(shares, key=shares.get, reverse=True)),
        logits=logits,
    )


def logit_sd(auroc: float) -> float:
    """The standard deviation of normally distributed logits by which labels are drawn, so that the
    logits have this AUROC.

    Parameters
    ----------
    auroc : float
        Between .5 and 1.

    Returns
    -------
    float

    Examples
    --------
    >>> round(logit_sd(0.95), 2)
    4.1
    """
    grid = np.linspace(-8, 8, 4001)
    density = np.exp(-(grid**2) / 2)

    def excess(sd: float) -> float:
        second = density * expit(sd * grid)
        first = density * expit(-sd * grid)
        below = np.cumsum(first) - first / 2  # half of the ties
        return second @ below / (second.sum() * first.sum()) - auroc

    return brentq(excess, 1e-6, 200.0)


def _rng(seed: int, name: str) -> np.random.Generator:
    """The generator of one part of a cohort."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _names(letter: str, count: int) -> pd.Index:
    """Names of a letter and six digits, numbered from 1 on."""
    return pd.Index([f"{letter}{number:06d}" for number in range(1, count + 1)])


def _by_id(by_modality: Mapping[str, pd.Series]) -> pd.Series:
    """Values by gene of each modality as one series by `modality:column`."""
    joined = pd.concat(by_modality)
    return joined.set_axis(joined.index.map(":".join))


def _groups(
    blocks: np.ndarray, genes: pd.Index, modalities: Mapping[str, float]
) -> tuple[tuple[str, ...], ...]:
    """The blocks of every modality by ids of their columns."""
    groups = []
    for modality in modalities:
        ids = f"{modality}:" + genes
        groups += [tuple(sorted(ids[block])) for block in blocks]
    return tuple(groups)


def _with_absent(rng: np.random.Generator, table: pd.DataFrame, share: float) -> pd.DataFrame:
    """The table less about this share of its patients."""
    is_present = rng.random(len(table)) >= share
    return table[is_present]


def _labels(seed: int, logits: pd.Series) -> pd.Series:
    """Classes drawn with the probabilities that these logits give."""
    is_second = _rng(seed, "labels").random(len(logits)) < expit(logits)
    return is_second.map(CLASSES).rename("subtype")


def _network(seed: int, roles: RankingRoles, genes: pd.Index) -> pd.DataFrame:
    """A random network of hubs and leaves, half of the genes of each role each."""
    import networkx as nx  # takes long to load

    role = pd.Series(roles.names())
    place_in_role = role.groupby(role).cumcount()
    expected = np.where(place_in_role % 2 == 0, HUB_DEGREE, LEAF_DEGREE)
    drawn_seed = int(_rng(seed, "network").integers(2**31))
    graph = nx.expected_degree_graph(expected, seed=drawn_seed, selfloops=False)
    edges = sorted((genes[a], genes[b]) for a, b in graph.edges)
    return pd.DataFrame(edges, columns=["source", "target"]).assign(score=1.0)


def _edges_within(network: pd.DataFrame, genes: pd.Index) -> tuple[tuple[str, str], ...]:
    """The edges of the network that join two of the genes."""
    is_inside = network[["source", "target"]].isin(genes).all(axis=1)
    edges = network[is_inside]
    return tuple(zip(edges["source"], edges["target"], strict=True))


def _cohort(tables: dict[str, pd.DataFrame], labels: pd.Series) -> Cohort:
    """The cohort of these tables, whose columns are named by their genes."""
    symbols = {name: {gene: gene for gene in table} for name, table in tables.items()}
    return Cohort.from_frames(tables, labels, name="planted-ranking", symbols=symbols)
