"""The real cohorts that the benchmarks stand on, from the folder of shared data (`--data`, default
`../shared/data`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import graphfuse as gf

ROOT = Path(__file__).parents[2]
PLACES = (ROOT / "shared" / "data", ROOT.parent / "shared" / "data")
DATA = next((place for place in PLACES if place.is_dir()), PLACES[-1])
# columns of the COVID records that are the outcome, or follow it
AFTER = [
    "COVID",
    "ICU_1",
    "APACHEII",
    "Mech_Ventilation",
    "Vent_free_days",
    "Hospital_free_days_45",
    "SOFA",
]


def rosmap(data: Path = DATA) -> gf.Cohort:
    """Alzheimer's disease against control, 351 patients, 3 × 200 features; group `split`: the
    benchmark's official one."""
    tables = {
        name: _table(data / "rosmap" / f"{name}.csv.gz")
        for name in ("mrna", "methylation", "mirna")
    }
    about = pd.read_csv(data / "rosmap" / "labels.csv", index_col="patient")
    groups = {"split": about["official_split"]}
    return gf.Cohort.from_frames(tables, about["diagnosis"], name="rosmap", groups=groups)


def covid(data: Path = DATA) -> gf.Cohort:
    """Intensive care or not, 128 hospital patients: proteins, metabolites, records without what is
    the outcome."""
    folder = data / "covid_omics_ehr"
    records = pd.read_csv(folder / "ehr.csv", index_col=0)
    labels = records["ICU_1"].map({0.0: "ward", 1.0: "icu"}).rename("icu")
    tables = {
        "proteins": _table(folder / "proteomics.csv.gz"),
        "metabolites": _table(folder / "metabolomics.csv.gz"),
        "ehr": records.drop(columns=["Albany_sampleID", *AFTER]),
    }
    return gf.Cohort.from_frames(tables, labels, name="covid-icu", ehr=["ehr"])


def diablo(part: str, data: Path = DATA) -> gf.Cohort:
    """Breast cancer subtypes, 150 patients in `train`, 70 in `test`, who have no proteins."""
    folder = data / "breast_tcga_diablo"
    names = ("mrna", "mirna", "protein") if part == "train" else ("mrna", "mirna")
    tables = {name: _table(folder / f"{part}_{name}.csv.gz") for name in names}
    labels = pd.read_csv(folder / f"{part}_subtype.csv", index_col=0)["subtype"]
    return gf.Cohort.from_frames(tables, labels, name=f"diablo-{part}")


def tcga_brca() -> gf.Cohort:
    """PAM50 subtypes of 769 patients: the default cohort, fetched once."""
    return gf.load("tcga-brca")


def with_holes(cohort: gf.Cohort, share: float, seed: int) -> gf.Cohort:
    """The cohort less one random modality of a random `share` of its patients."""
    rng = np.random.default_rng(seed)
    less = rng.permutation(len(cohort)) < round(share * len(cohort))
    missing = np.where(less, rng.integers(0, len(cohort.modalities), len(cohort)), -1)
    outcome = cohort.outcome()
    labels = pd.Series(
        np.asarray(outcome.classes)[outcome.values], cohort.patients, name=outcome.name
    ).where(outcome.known)
    tables = {m.name: m.table[missing != i] for i, m in enumerate(cohort.modalities.values())}
    return gf.Cohort.from_frames(tables, labels, name=cohort.name)


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, index_col=0)
