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
    """A cohort in which `carriers` columns per modality shift their mean by class, the rest being
    noise.

    `columns`: modality → number of columns (default rna 200, meth 100; columns are genes `G0001`,
    …). `effect`: size of a carrier's shift between classes in standard deviations, times the
    modality's `weights` (default 1; 0 makes the modality noise). `on_network`: planted genes form a
    connected module of the network and share a latent signal. `missing`: modality → share of
    patients without it. `unlabelled`: share of patients without a label. `batch_shift`: shift of
    all columns between two sites, in standard deviations.
    """
    rng = np.random.default_rng(seed)
    columns = dict(columns or {"rna": 200, "meth": 100})
    weights, missing = weights or {}, missing or {}
    labels = rng.permutation(np.arange(patients) % classes)
    site = rng.integers(0, 2, patients)
    genes = [f"G{i:04d}" for i in range(1, max(columns.values()) + 1)]
    chosen = sorted(
        rng.choice(min(columns.values()), min(carriers, min(columns.values())), replace=False)
    )
    ids = pd.Index([f"P{i:04d}" for i in range(patients)], name="patient")
    tables, features = {}, []
    for name, width in columns.items():
        strength = effect * weights.get(name, 1.0)
        values = rng.normal(size=(patients, width)) + batch_shift * site[:, None]
        values[:, chosen] += strength * _shifts(rng, classes, len(chosen))[labels]
        tables[name] = pd.DataFrame(values, index=ids, columns=genes[:width])
        tables[name] = tables[name][rng.random(patients) >= missing.get(name, 0.0)]
        features += [f"{name}:{genes[c]}" for c in chosen] if strength else []
    outcome = pd.Series([f"class{c}" for c in labels], index=ids, name="subtype")
    outcome[rng.random(patients) < unlabelled] = pd.NA
    network = _network(rng, genes, [genes[c] for c in chosen] if on_network else [])
    cohort = Cohort.from_frames(
        tables, outcome, name="planted",
        symbols={name: {g: g for g in table.columns} for name, table in tables.items()},
        groups={"site": pd.Series([f"site{s}" for s in site], index=ids)},
    )  # fmt: skip
    carrying = {genes[c] for c in chosen}
    edges = tuple(
        (a, b)
        for a, b in zip(network["source"], network["target"], strict=True)
        if {a, b} <= carrying
    )
    return Planted(cohort, tuple(features), tuple(sorted(carrying)), network, edges)


def _shifts(rng: np.random.Generator, classes: int, carriers: int) -> np.ndarray:
    """Mean of each carrier in each class `[K, carriers]`: random signs, spread of 1 between the
    extreme classes."""
    shifts = rng.permuted(np.tile(np.linspace(-0.5, 0.5, classes)[:, None], (1, carriers)), axis=0)
    return (
        shifts
        if classes > 2
        else np.abs(shifts[:1]) * np.array([[-1.0], [1.0]]) * rng.choice([-1, 1], carriers)
    )


def _network(rng: np.random.Generator, genes: list[str], module: list[str]) -> pd.DataFrame:
    """A sparse random network (mean degree 4) in which `module` is a ring with chords."""
    count = 2 * len(genes)
    pairs = rng.integers(0, len(genes), (count, 2))
    pairs = {tuple(sorted((genes[a], genes[b]))) for a, b in pairs if a != b}
    ring = zip(module, module[1:] + module[:1], strict=True) if len(module) > 2 else []
    chords = zip(module, module[2:], strict=False)
    pairs |= {tuple(sorted(pair)) for pair in (*ring, *chords)}
    return pd.DataFrame(sorted(pairs), columns=["source", "target"]).assign(score=1.0)
