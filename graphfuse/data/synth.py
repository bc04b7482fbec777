"""Synthetic cohorts in which the features, genes and edges behind the label are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class Planted:
    """A synthetic cohort and the truth behind its label.

    Parameters
    ----------
    cohort : Cohort
        The patients, with the outcome "subtype" and the grouping "site".
    features : tuple of str
        Ids (`modality:column`) of the features that carry the label.
    genes : tuple of str
        The planted genes: symbols of the columns that carry the label, sorted.
    network : DataFrame
        The gene network, with columns source, target and score.
    edges : tuple of (str, str)
        The edges of the network between two planted genes.
    """

    cohort: Cohort
    features: tuple[str, ...]
    genes: tuple[str, ...]
    network: pd.DataFrame
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class _Design:
    """What the modalities of a synthetic cohort have in common.

    `labels` int `[N]`: each patient's class. `site_shifts` float `[N]`: by how much a patient's
    site shifts all columns. `genes`: the names of columns. `carriers`: positions of the columns
    that carry the label.
    """

    patients: pd.Index
    labels: np.ndarray
    classes: int
    site_shifts: np.ndarray
    genes: list[str]
    carriers: list[int]

    @property
    def planted_genes(self) -> list[str]:
        """The genes whose columns carry the label."""
        return [self.genes[position] for position in self.carriers]

    def table(
        self, rng: np.random.Generator, width: int, strength: float, missing: float
    ) -> pd.DataFrame:
        """One modality with this many columns, less a share of the patients: noise, with a shift by
        class in the columns that carry the label."""
        noise = rng.normal(size=(len(self.labels), width))
        values = noise + self.site_shifts[:, None]
        shifts = _shifts(rng, self.classes, len(self.carriers))
        values[:, self.carriers] += strength * shifts[self.labels]
        table = pd.DataFrame(values, index=self.patients, columns=self.genes[:width])
        is_absent = _some(rng, len(self.labels), missing)
        return table[~is_absent]


def planted(
    patients: int = 300,
    columns: Mapping[str, int] | None = None,
    *,
    classes: int = 2,
    carriers: int = 10,
    effect: float = 1.2,
    weights: Mapping[str, float] | None = None,
    on_network: bool = True,
    missing: Mapping[str, float] | None = None,
    unlabelled: float = 0.0,
    batch_shift: float = 0.0,
    seed: int = 0,
) -> Planted:
    """A synthetic cohort in which some columns shift their mean by class; the rest is noise.

    Parameters
    ----------
    patients : int
        The number of patients, N.
    columns : mapping of str to int, optional
        Modality → number of columns (default rna 200, meth 100); columns are genes `G0001`, ….
    classes : int
        The number of classes, of equal size.
    carriers : int
        The number of columns of each modality that carry the label.
    effect : float
        The shift of such a column between classes, in standard deviations of the noise.
    weights : mapping of str to float, optional
        Modality → factor of `effect` (default 1; 0 makes the modality noise).
    on_network : bool
        Whether the planted genes form a connected module of the gene network.
    missing : mapping of str to float, optional
        Modality → share of patients without it.
    unlabelled : float
        The share of patients without a label.
    batch_shift : float
        The shift of all columns between two sites, in standard deviations of the noise.
    seed : int
        The seed of all random numbers.

    Returns
    -------
    Planted
        The cohort, the features and genes that carry the label, and the gene network.

    Examples
    --------
    >>> truth = planted(60, {"rna": 30}, carriers=2, seed=1)
    >>> truth.cohort
    Cohort(planted: 60 patients)
      Modality(rna: omics, 60 of 60 patients, 30 columns, 30 columns with a gene)
      Outcome(subtype: class; class0 30, class1 30; unlabelled 0)
      Group(site: 2 values)
    >>> truth.features
    ('rna:G0002', 'rna:G0015')
    """
    rng = np.random.default_rng(seed)
    columns = dict(columns or {"rna": 200, "meth": 100})
    weights, missing = weights or {}, missing or {}
    labels = rng.permutation(np.arange(patients) % classes)
    site = rng.integers(0, 2, patients)
    ids = pd.Index(_names("P", patients, first=0), name="patient")
    genes = _names("G", max(columns.values()), first=1)
    positions = _carriers(rng, columns, carriers)
    design = _Design(ids, labels, classes, batch_shift * site, genes, positions)
    tables, features = {}, []
    for name, width in columns.items():
        strength = effect * weights.get(name, 1.0)
        tables[name] = design.table(rng, width, strength, missing.get(name, 0.0))
        if strength:
            features += [f"{name}:{gene}" for gene in design.planted_genes]
    outcome = _outcome(rng, pd.Series(labels, index=ids, name="subtype"), unlabelled)
    network = _network(rng, genes, design.planted_genes if on_network else [])
    edges = _edges_within(network, design.planted_genes)
    planted_genes = tuple(sorted(design.planted_genes))
    cohort = _cohort(tables, outcome, site)
    return Planted(cohort, tuple(features), planted_genes, network, edges)


def _names(letter: str, count: int, first: int) -> list[str]:
    """Names of a letter and four digits, numbered from `first` on."""
    return [f"{letter}{number:04d}" for number in range(first, first + count)]


def _carriers(rng: np.random.Generator, columns: Mapping[str, int], count: int) -> list[int]:
    """Positions of at most `count` columns that every modality has, drawn at random, in order."""
    width = min(columns.values())
    count = min(count, width)
    return sorted(rng.choice(width, count, replace=False))


def _some(rng: np.random.Generator, patients: int, share: float) -> np.ndarray:
    """bool `[patients]`: about this share of them, drawn at random."""
    return rng.random(patients) < share


def _outcome(rng: np.random.Generator, labels: pd.Series, unlabelled: float) -> pd.Series:
    """Names of classes for their numbers, missing for a share of the patients."""
    outcome = labels.map("class{}".format)
    outcome[_some(rng, len(labels), unlabelled)] = pd.NA
    return outcome


def _cohort(tables: dict[str, pd.DataFrame], outcome: pd.Series, site: np.ndarray) -> Cohort:
    """The cohort of these tables, whose columns are named by their genes."""
    symbols = {name: {gene: gene for gene in table} for name, table in tables.items()}
    sites = pd.Series([f"site{number}" for number in site], index=outcome.index)
    groups = {"site": sites}
    return Cohort.from_frames(tables, outcome, name="planted", symbols=symbols, groups=groups)


def _edges_within(network: pd.DataFrame, genes: list[str]) -> tuple[tuple[str, str], ...]:
    """The edges of the network that join two of the genes."""
    inside = network["source"].isin(genes) & network["target"].isin(genes)
    edges = network[inside]
    return tuple(zip(edges["source"], edges["target"], strict=True))


def _shifts(rng: np.random.Generator, classes: int, carriers: int) -> np.ndarray:
    """The mean of each carrying column in each class `[K, carriers]`: random signs, 1 between the
    extreme classes."""
    means = np.linspace(-0.5, 0.5, classes)[:, None]
    shifts = rng.permuted(np.tile(means, (1, carriers)), axis=0)
    if classes > 2:
        return shifts
    class_signs = np.array([[-1.0], [1.0]])
    column_signs = rng.choice([-1, 1], carriers)
    return np.abs(shifts[:1]) * class_signs * column_signs


def _network(rng: np.random.Generator, genes: list[str], module: list[str]) -> pd.DataFrame:
    """A sparse random network (mean degree 4) in which `module` is a ring with chords."""
    drawn = rng.integers(0, len(genes), (2 * len(genes), 2))
    pairs = [(genes[a], genes[b]) for a, b in drawn if a != b]
    pairs += zip(module, module[2:], strict=False)
    if len(module) > 2:
        following = module[1:] + module[:1]
        pairs += zip(module, following, strict=True)
    edges = sorted({tuple(sorted(pair)) for pair in pairs})
    return pd.DataFrame(edges, columns=["source", "target"]).assign(score=1.0)
