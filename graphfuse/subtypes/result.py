"""What subtype discovery found, as a value and as a folder of tables."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import few
from graphfuse.files.atomic_write import Kind, whole_folder, write_json
from graphfuse.files.hashes import text_sha256
from graphfuse.schema import SCHEMA, Recipe
from graphfuse.subtypes.associations import Association, Separation
from graphfuse.subtypes.ordered_differences import Difference
from graphfuse.subtypes.stability import RULE, SHARE, Choice

_TABLES = ("subtypes.csv", "stability.csv", "contribution.csv", "survival.csv")
SUBTYPES = Kind.of("folder of subtypes", "subtypes.json", *_TABLES, "report.html")


@dataclass(frozen=True, eq=False)
class Subtypes:
    """Clusters of N patients, how steady they are, and what they say of modalities and outcomes.

    `labels` int `[N]`: cluster, 0 for the largest; -1 for a patient who is in no modality of the
    layer, or has no edge there; `confidence` float `[N]`: share of the subsamples with the patient
    in which it stays with its cluster; `table`: one row per number of clusters; `choice`: which and
    why; `clusters`: one row per cluster. `contribution`, `survival` and `association`: see
    `separation`, `differences`: see there; empty where there is one cluster. `about`: how it was
    made.
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
        """`patient, cluster, confidence` of every patient; cluster is missing where there is
        none."""
        cluster = pd.array(self.labels, dtype="Int64")
        cluster[self.labels < 0] = pd.NA
        return pd.DataFrame(
            {"patient": self.patients, "cluster": cluster, "confidence": self.confidence}
        )

    def save(self, folder: str | Path) -> Path:
        """The tables in a folder, whole or not at all."""
        with whole_folder(folder, SUBTYPES) as part:
            self.write(part)
        return Path(folder)

    def write(self, folder: str | Path) -> None:
        """subtypes.csv, stability.csv, contribution.csv, survival.csv and subtypes.json into an
        existing folder."""
        folder = Path(folder)
        safe_csv(self.frame(), folder / "subtypes.csv")
        safe_csv(self.table, folder / "stability.csv")
        safe_csv(self.contribution, folder / "contribution.csv")
        curves = [s.curves.assign(outcome=name) for name, s in self.survival.items()]
        if curves:
            table = pd.concat(curves, ignore_index=True)
            safe_csv(
                table[["outcome", *(c for c in table if c != "outcome")]], folder / "survival.csv"
            )
        write_json(folder / "subtypes.json", self.describe())

    def describe(self) -> dict[str, Any]:
        """All but the patients, as JSON (`subtypes.json`); what is missing or infinite is
        `null`."""
        tests = {
            name: {
                "log_rank": s.test.statistic, "df": s.test.df, "p": s.test.p, "p_holm": s.p_holm,
                "clusters": s.groups.to_dict("records"),
            } for name, s in self.survival.items()
        }  # fmt: skip
        classes = {
            name: {
                "nmi": a.nmi, "ari": a.ari, "derived_from": list(a.derived_from),
                "classes": list(a.counts),
                "counts": a.counts.to_numpy().tolist(),
            } for name, a in self.association.items()
        }  # fmt: skip
        numbers = {
            name: {
                "kruskal_wallis": d.statistic, "df": d.df, "p": d.p, "p_holm": d.p_holm,
                "derived_from": list(d.derived_from), "clusters": d.groups.to_dict("records"),
            } for name, d in self.differences.items()
        }  # fmt: skip
        return plain({
            "schema": SCHEMA, "cohort": self.cohort, "verdict": self.verdict,
            "choice": asdict(self.choice), "rule": RULE,
            "patients": len(self.patients), "in_no_cluster": int((self.labels < 0).sum()),
            "modalities": list(self.modalities),
            "clusters": self.clusters.to_dict("records"),
            "candidates": self.table.to_dict("records"),
            "contribution": self.contribution.to_dict("records"), "survival": tests,
            "classes": classes, **({"numbers": numbers} if numbers else {}), **self.about,
        })  # fmt: skip

    @property
    def verdict(self) -> str:
        """Whether there are stable subtypes, in words."""
        if self.choice.by_stability is None and not self.choice.given:
            return "no stable subtypes"
        return f"{self.count} {'stable' if self.choice.stable else 'unstable'} clusters"

    def __repr__(self) -> str:
        asked = self.about["parameters"]
        lines = [
            f"Subtypes({self.cohort}, layer {asked['layer']}, {asked['method']}: {self.verdict})",
            f"  {self.choice.why}",
        ]
        lines.append(
            "  clusters of "
            + ", ".join(few(n) for n in self.clusters["patients"])
            + " patients"
            + self._left_out()
        )
        if self.count > 1:
            row = self.table.set_index("clusters").loc[self.count]
            chance = (
                f", {row['null_stability']:.2f} without clusters"
                if np.isfinite(row["null_stability"])
                else ""
            )
            lines.append(
                f"  stability {row['stability']:.2f} "
                f"({row['stability_lo']:.2f}-{row['stability_hi']:.2f}){chance}"
            )
            shares = ", ".join(
                f"{r.modality} {r.nmi:.2f}"
                for r in self.contribution.itertuples()
                if np.isfinite(r.nmi)
            )
            lines += [f"  NMI with the clusters of {shares}"] if shares else []
        for name, s in self.survival.items():
            lines.append(
                f"  survival {name}: log-rank chi2 {s.test.statistic:.2f}, df {s.test.df}, "
                f"p {s.test.p:.2g}"
            )
        lines += [
            f"  class {name}: NMI {a.nmi:.2f}, ARI {a.ari:.2f}"
            for name, a in self.association.items()
        ]
        lines += [
            f"  number {name}: Kruskal-Wallis H {d.statistic:.2f}, df {d.df}, p {d.p:.2g}"
            for name, d in self.differences.items()
        ]
        return "\n".join(lines)

    def _left_out(self) -> str:
        out = int((self.labels < 0).sum())
        return f"; {few(out)} in none" if out else ""


def provenance(cohort: Cohort, recipe: Recipe, asked: dict[str, Any]) -> dict[str, Any]:
    """How a partition was made: parameters, recipe, and sha256 of the recipe and of the data."""
    made = recipe.model_dump(mode="json")
    digest = text_sha256(json.dumps(made, sort_keys=True))
    hashes = {
        "recipe": digest,
        "data": cohort.digest(),
        "manifest": cohort.about.get("manifest_sha256", ""),
    }
    return {"parameters": asked | {"subsample": SHARE}, "hashes": hashes, "recipe": made}


def plain(value: Any) -> Any:
    """Numbers and text that JSON knows; what is not finite becomes `None`."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
