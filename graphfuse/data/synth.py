"""Cohorts with planted truth: known genes, edges, modality weights, missing modalities, batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class Planted:
    """A made cohort and the truth in it.

    `features`: ids (`modality:column`) that carry the label; `genes`: their symbols; `network`: the
    planted gene network as source/target/score rows; `edges`: those of its edges that join two
    planted genes.
    """

    cohort: Cohort
    features: tuple[str, ...]
    genes: tuple[str, ...]
    network: pd.DataFrame
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class _Design:
    """Who is of which class, by how much a patient's site shifts all columns, which columns tell
    the class."""

    labels: np.ndarray
    classes: int
    site_shifts: np.ndarray
    carriers: list[int]

    def values(self, rng: np.random.Generator, width: int, strength: float) -> np.ndarray:
        """One modality `[N, width]`: noise, and in the carriers the class."""
        noise = rng.normal(size=(len(self.labels), width))
        values = noise + self.site_shifts[:, None]
        shifts = _shifts(rng, self.classes, len(self.carriers))
        values[:, self.carriers] += strength * shifts[self.labels]
        return values


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
    """A cohort in which some columns of each modality shift their mean by class; the rest is noise.

    Parameters
    ----------
    patients : int
        How many patients, N.
    columns : mapping of str to int, optional
        Modality → number of columns (default rna 200, meth 100); columns are genes `G0001`, ….
    classes : int
        How many classes, of equal size.
    carriers : int
        How many columns of each modality carry the label.
    effect : float
        Size of a carrier's shift between classes, in standard deviations of the noise.
    weights : mapping of str to float, optional
        Modality → factor of `effect` (default 1; 0 makes the modality noise).
    on_network : bool
        Whether planted genes form a connected module of the network and share a latent signal.
    missing : mapping of str to float, optional
        Modality → share of patients without it.
    unlabelled : float
        Share of patients without a label.
    batch_shift : float
        Shift of all columns between two sites, in standard deviations of the noise.
    seed : int
        Of the random numbers.

    Returns
    -------
    Planted
    """
    rng = np.random.default_rng(seed)
    columns = dict(columns or {"rna": 200, "meth": 100})
    weights, missing = weights or {}, missing or {}
    labels = rng.permutation(np.arange(patients) % classes)
    site = rng.integers(0, 2, patients)
    ids = pd.Index(_names("P", patients, first=0), name="patient")
    genes = _names("G", max(columns.values()), first=1)
    chosen = _carriers(rng, columns, carriers)
    carrying = [genes[position] for position in chosen]
    design = _Design(labels, classes, batch_shift * site, chosen)
    tables, features = {}, []
    for name, width in columns.items():
        strength = effect * weights.get(name, 1.0)
        values = design.values(rng, width, strength)
        absent = _some(rng, patients, missing.get(name, 0.0))
        tables[name] = pd.DataFrame(values, index=ids, columns=genes[:width])[~absent]
        if strength:
            features += [f"{name}:{gene}" for gene in carrying]
    outcome = _outcome(rng, pd.Series(labels, index=ids, name="subtype"), unlabelled)
    network = _network(rng, genes, carrying if on_network else [])
    edges = _edges_within(network, carrying)
    cohort = _cohort(tables, outcome, site)
    return Planted(cohort, tuple(features), tuple(sorted(carrying)), network, edges)


def _names(letter: str, count: int, first: int) -> list[str]:
    """So many names: a letter and four digits, from this number on."""
    return [f"{letter}{number:04d}" for number in range(first, first + count)]


def _carriers(rng: np.random.Generator, columns: Mapping[str, int], count: int) -> list[int]:
    """Positions of at most so many columns that every modality has, drawn at random, in order."""
    width = min(columns.values())
    return sorted(rng.choice(width, min(count, width), replace=False))


def _some(rng: np.random.Generator, patients: int, share: float) -> np.ndarray:
    """bool `[patients]`: about this share of them, drawn at random."""
    return rng.random(patients) < share


def _outcome(rng: np.random.Generator, labels: pd.Series, unlabelled: float) -> pd.Series:
    """Names of classes for their numbers, missing for a share of the patients."""
    outcome = labels.map("class{}".format)
    outcome[_some(rng, len(labels), unlabelled)] = pd.NA
    return outcome


def _cohort(tables: dict[str, pd.DataFrame], outcome: pd.Series, site: np.ndarray) -> Cohort:
    """The cohort of these tables, whose columns are genes under their own names."""
    symbols = {name: dict(zip(table, table, strict=True)) for name, table in tables.items()}
    sites = pd.Series([f"site{number}" for number in site], index=outcome.index)
    return Cohort.from_frames(
        tables, outcome, name="planted", symbols=symbols, groups={"site": sites}
    )


def _edges_within(network: pd.DataFrame, genes: list[str]) -> tuple[tuple[str, str], ...]:
    """The edges of the network that join two of the genes."""
    inside = network["source"].isin(genes) & network["target"].isin(genes)
    edges = network[inside]
    return tuple(zip(edges["source"], edges["target"], strict=True))


def _shifts(rng: np.random.Generator, classes: int, carriers: int) -> np.ndarray:
    """Mean of each carrier in each class `[K, carriers]`: random signs, spread of 1 between the
    extreme classes."""
    means = np.linspace(-0.5, 0.5, classes)[:, None]
    shifts = rng.permuted(np.tile(means, (1, carriers)), axis=0)
    if classes > 2:
        return shifts
    signs = np.array([[-1.0], [1.0]])
    return np.abs(shifts[:1]) * signs * rng.choice([-1, 1], carriers)


def _network(rng: np.random.Generator, genes: list[str], module: list[str]) -> pd.DataFrame:
    """A sparse random network (mean degree 4) in which `module` is a ring with chords."""
    drawn = rng.integers(0, len(genes), (2 * len(genes), 2))
    pairs = [(genes[a], genes[b]) for a, b in drawn if a != b]
    pairs += zip(module, module[2:], strict=False)
    if len(module) > 2:
        pairs += zip(module, module[1:] + module[:1], strict=True)
    edges = {tuple(sorted(pair)) for pair in pairs}
    return pd.DataFrame(sorted(edges), columns=["source", "target"]).assign(score=1.0)
