"""The result of subtype discovery, as a value and as a folder of tables."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.safe_csv import safe_csv
from graphfuse.errors import few
from graphfuse.files.atomic_write import Kind, whole_folder, write_json
from graphfuse.files.hashes import text_sha256
from graphfuse.schema import SCHEMA, Recipe
from graphfuse.subtypes.associations import Association, Separation
from graphfuse.subtypes.number_choice import RULE, Choice
from graphfuse.subtypes.outcome_differences import Difference
from graphfuse.subtypes.stability import SHARE

_TABLES = ("subtypes.csv", "stability.csv", "contribution.csv", "survival.csv")
SUBTYPES = Kind.of("folder of subtypes", "subtypes.json", *_TABLES, "report.html")


@dataclass(frozen=True, eq=False)
class Subtypes:
    """Clusters of patients, their stability, and their association with modalities and outcomes.

    `graphfuse.subtype` returns it. `contribution`, `survival`, `association` and `differences` are
    empty where there is a single cluster.

    Attributes
    ----------
    cohort : str
        Name of the cohort.
    patients : pd.Index
        Ids of the N patients of the cohort.
    modalities : tuple of str
        Modalities of the layer on which patients were clustered.
    labels : np.ndarray
        int `[N]`: cluster of each patient, 0 for the largest; -1 for a patient who has no modality
        of the layer, or no edge in it.
    confidence : np.ndarray
        float `[N]` in 0 … 1: share of the subsamples with the patient in which it stays with its
        cluster; NaN without a cluster, and where there is a single cluster.
    table : pd.DataFrame
        One row per number of clusters that was tried: its stability and cohesion, those of data
        without clusters, and whether it is stable.
    choice : Choice
        The number of clusters, and why it was chosen.
    clusters : pd.DataFrame
        One row per cluster: its patients, Jaccard index over the subsamples, and cohesion.
    contribution : pd.DataFrame
        One row per modality: mutual information of its own clusters with these.
    survival : dict of str to Separation
        Survival outcome → survival by cluster.
    association : dict of str to Association
        Class outcome → agreement of its classes with the clusters.
    about : dict
        Parameters, recipe and hashes of the data that the clusters were made of.
    differences : dict of str to Difference
        Outcome that has an order → its values by cluster.

    Examples
    --------
    >>> from graphfuse.data.synth import planted
    >>> from graphfuse.subtypes.discover import subtypes
    >>> cohort = planted(60, {"rna": 40}, effect=3.0).cohort
    >>> result = subtypes(cohort, layer="rna", clusters=2, resamples=5, nulls=0)
    >>> result.count, len(result.labels)
    (2, 60)
    """

    cohort: str
    patients: pd.Index
    modalities: tuple[str, ...]
    labels: np.ndarray
    confidence: np.ndarray
    table: pd.DataFrame
    choice: Choice
    clusters: pd.DataFrame
    contribution: pd.DataFrame
    survival: dict[str, Separation]
    association: dict[str, Association]
    about: dict[str, Any]
    differences: dict[str, Difference] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return self.choice.clusters

    def frame(self) -> pd.DataFrame:
        """The cluster of every patient.

        Returns
        -------
        pd.DataFrame
            `[N]` rows of `patient`, `cluster` (missing where there is none) and `confidence`.
        """
        cluster = pd.array(self.labels, dtype="Int64")
        cluster[self.labels < 0] = pd.NA
        return pd.DataFrame(
            {"patient": self.patients, "cluster": cluster, "confidence": self.confidence}
        )

    def save(self, folder: str | Path) -> Path:
        """Writes the tables and `subtypes.json` into a new folder, all of them or none.

        Parameters
        ----------
        folder : str or Path
            A folder that does not exist or is empty, or one that holds subtypes of the same data.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            Where the folder holds anything else.
        """
        with whole_folder(folder, SUBTYPES) as part:
            self.write(part)
        return Path(folder)

    def write(self, folder: str | Path) -> None:
        """Writes the tables and `subtypes.json` into an existing folder.

        The tables are `subtypes.csv`, `stability.csv`, `contribution.csv`, and `survival.csv` where
        there is survival.

        Parameters
        ----------
        folder : str or Path
        """
        folder = Path(folder)
        safe_csv(self.frame(), folder / "subtypes.csv")
        safe_csv(self.table, folder / "stability.csv")
        safe_csv(self.contribution, folder / "contribution.csv")
        curves = [s.curves.assign(outcome=name) for name, s in self.survival.items()]
        if curves:
            table = pd.concat(curves, ignore_index=True)
            others = [column for column in table if column != "outcome"]
            safe_csv(table[["outcome", *others]], folder / "survival.csv")
        write_json(folder / "subtypes.json", self.describe())

    def describe(self) -> dict[str, Any]:
        """Everything but the patients, as JSON: the content of `subtypes.json`.

        Returns
        -------
        dict
            Missing and infinite numbers are None.
        """
        described = {
            "schema": SCHEMA,
            "cohort": self.cohort,
            "verdict": self.verdict,
            "choice": asdict(self.choice),
            "rule": RULE,
            "patients": len(self.patients),
            "in_no_cluster": self._without_cluster(),
            "modalities": list(self.modalities),
            "clusters": self.clusters.to_dict("records"),
            "candidates": self.table.to_dict("records"),
            "contribution": self.contribution.to_dict("records"),
        }
        described["survival"] = {n: _survival_json(each) for n, each in self.survival.items()}
        described["classes"] = {n: _classes_json(each) for n, each in self.association.items()}
        if self.differences:
            described["numbers"] = {n: _number_json(each) for n, each in self.differences.items()}
        return plain(described | self.about)

    @property
    def verdict(self) -> str:
        """Whether there are stable subtypes, in words, such as "3 stable clusters"."""
        if self.choice.by_stability is None and not self.choice.given:
            return "no stable subtypes"
        adjective = "stable" if self.choice.stable else "unstable"
        return f"{self.count} {adjective} clusters"

    def __repr__(self) -> str:
        parameters = self.about["parameters"]
        layer, method = parameters["layer"], parameters["method"]
        lines = [
            f"Subtypes({self.cohort}, layer {layer}, {method}: {self.verdict})",
            f"  {self.choice.why}",
            f"  clusters of {self._sizes()}",
        ]
        if self.count > 1:
            lines += self._quality_lines()
        return "\n".join([*lines, *self._outcome_lines()])

    def _sizes(self) -> str:
        sizes = ", ".join(few(n) for n in self.clusters["patients"])
        left_out = self._without_cluster()
        others = f"; {few(left_out)} in none" if left_out else ""
        return f"{sizes} patients{others}"

    def _without_cluster(self) -> int:
        """How many patients are in no cluster."""
        return int((self.labels < 0).sum())

    def _quality_lines(self) -> list[str]:
        """Stability of the clusters, and the modalities' contribution where it is known."""
        row = self.table.set_index("clusters").loc[self.count]
        spread = f"{row['stability_lo']:.2f}-{row['stability_hi']:.2f}"
        stability = f"  stability {row['stability']:.2f} ({spread})"
        if np.isfinite(row["null_stability"]):
            stability += f", {row['null_stability']:.2f} without clusters"
        known = self.contribution[np.isfinite(self.contribution["nmi"].astype(float))]
        if known.empty:
            return [stability]
        shares = ", ".join(f"{row.modality} {row.nmi:.2f}" for row in known.itertuples())
        return [stability, f"  NMI with the clusters of {shares}"]

    def _outcome_lines(self) -> list[str]:
        """A line for each outcome with which the clusters were compared."""
        lines = []
        for name, each in self.survival.items():
            test = f"chi2 {each.test.statistic:.2f}, df {each.test.df}, p {each.test.p:.2g}"
            lines.append(f"  survival {name}: log-rank {test}")
        for name, each in self.association.items():
            lines.append(f"  class {name}: NMI {each.nmi:.2f}, ARI {each.ari:.2f}")
        for name, each in self.differences.items():
            test = f"H {each.statistic:.2f}, df {each.df}, p {each.p:.2g}"
            lines.append(f"  number {name}: Kruskal-Wallis {test}")
        return lines


def _survival_json(each: Separation) -> dict[str, Any]:
    return {
        "log_rank": each.test.statistic,
        "df": each.test.df,
        "p": each.test.p,
        "p_holm": each.p_holm,
        "clusters": each.groups.to_dict("records"),
    }


def _classes_json(each: Association) -> dict[str, Any]:
    return {
        "nmi": each.nmi,
        "ari": each.ari,
        "derived_from": list(each.derived_from),
        "classes": list(each.counts),
        "counts": each.counts.to_numpy().tolist(),
    }


def _number_json(each: Difference) -> dict[str, Any]:
    return {
        "kruskal_wallis": each.statistic,
        "df": each.df,
        "p": each.p,
        "p_holm": each.p_holm,
        "derived_from": list(each.derived_from),
        "clusters": each.groups.to_dict("records"),
    }


def provenance(cohort: Cohort, recipe: Recipe, parameters: dict[str, Any]) -> dict[str, Any]:
    """How a partition was made: parameters, recipe, and sha256 of the recipe and of the data."""
    recipe_json = recipe.model_dump(mode="json")
    hashes = {
        "recipe": text_sha256(json.dumps(recipe_json, sort_keys=True)),
        "data": cohort.digest(),
        "manifest": cohort.about.get("manifest_sha256", ""),
    }
    parameters = parameters | {"subsample": SHARE}
    return {"parameters": parameters, "hashes": hashes, "recipe": recipe_json}


def plain(value: Any) -> Any:
    """The value in types that JSON has; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
