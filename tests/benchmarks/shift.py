"""Platform shift: how often a batch on another scale is found, and how often an intact one is.

    python tests/benchmarks/shift.py [--only tcga-brca,diablo,covid,made] [--draws 200]
    [--trainings 10] [--data FOLDER]

Patients are held out at random, the references fitted on the rest, and batches drawn of those held
out, as they are (false alarms) and changed in every table: standardised within the batch, natural
logarithms for base 2, powers of two, 1 added, columns exchanged. "Found" is told or refused for at
least one modality; beside it stands the modality that is found least. Of TCGA-BRCA, every tissue
source site is held out whole, too. Cohorts that are not there are left out; `made` always is.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cohorts
import numpy as np
import pandas as pd

import graphfuse as gf
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.data.shift.detect import ShiftReference
from graphfuse.errors import InputError
from tests.outcomes import learned

SIZES = (20, 100)
SMALLEST_SITE = 4  # patients


def standardised(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spread = np.nanstd(x, axis=0)
    return (x - np.nanmean(x, axis=0)) / np.where(spread > 0, spread, 1.0)


CHANGES = {
    "intact": lambda x, rng: x,
    "z-score": standardised,
    "ln for log2": lambda x, rng: x * np.log(2),
    "2^x": lambda x, rng: 2.0**x,
    "+ 1": lambda x, rng: x + 1,
    "columns exchanged": lambda x, rng: x[:, rng.permutation(x.shape[1])],
}


class Fitted:
    """The references of a cohort's tables of numbers, fitted on the patients at `rows`."""

    def __init__(self, cohort: gf.Cohort, rows: np.ndarray):
        training = cohort.take(rows)
        self.pipelines, self.references, self.numbers = {}, {}, {}
        for name, modality in training.modalities.items():
            if modality.kind == "ehr":
                continue
            pipeline = Pipeline.fit(modality, learned(np.full(len(rows), -1)))
            reference = ShiftReference.fit(pipeline.standardise(pipeline.numbers(modality)))
            self.pipelines[name], self.references[name] = pipeline, reference
            self.numbers[name] = pipeline.numbers(cohort.modalities[name])

    def compared(self, rows: np.ndarray, change, rng: np.random.Generator) -> dict:
        """Modality → how the changed batch of the patients at `rows` compares."""
        found = {}
        for name, reference in self.references.items():
            changed = change(self.numbers[name][rows], rng)
            found[name] = reference.compare(self.pipelines[name].standardise(changed))
        return found


def drawn(cohort: gf.Cohort, size: int, trainings: int, draws: int) -> list[dict]:
    """One row a batch, change and modality."""
    rows = []
    for training in range(trainings):
        rng = np.random.default_rng([training, size])
        order = rng.permutation(len(cohort))
        held = order[: max(size, len(cohort) // 5)]
        fitted = Fitted(cohort, np.sort(order[len(held) :]))
        for draw in range(draws // trainings):
            batch = rng.choice(held, size, replace=False)
            for kind, change in CHANGES.items():
                for name, shift in fitted.compared(batch, change, rng).items():
                    rows.append(described(kind, name, shift, (training, draw)))
    return rows


def sites(cohort: gf.Cohort, group: np.ndarray) -> list[dict]:
    """One row a site and modality, each held out whole."""
    rows = []
    for site in sorted(set(group)):
        mine = group == site
        if mine.sum() >= SMALLEST_SITE:
            fitted = Fitted(cohort, np.flatnonzero(~mine))
            compared = fitted.compared(np.flatnonzero(mine), CHANGES["intact"], None)
            rows += [described("whole sites", m, shift, site) for m, shift in compared.items()]
    return rows


def described(kind: str, modality: str, shift, batch) -> dict:
    return {
        "kind": kind,
        "modality": modality,
        "batch": batch,
        "told": shift.warned or shift.refused,
        "refused": shift.refused,
        "residual": shift.residual,
        "displacement": shift.displacement,
    }


def shown(rows: list[dict]) -> None:
    """Shares of batches told and refused by any modality, and by the one that is told least."""
    table = pd.DataFrame(rows)
    for kind, mine in table.groupby("kind", sort=False):
        batches = mine.groupby("batch")[["told", "refused"]].any()
        each = mine.groupby("modality")["told"].mean()
        statistics = defaultdict(str)
        for name in ("residual", "displacement"):
            low, high = mine[name].quantile([0.02, 0.98])
            statistics[name] = f"{low:6.2f} to {high:8.3g}"
        print(
            f"  {kind:<18} told {batches['told'].mean():6.1%}  refused "
            f"{batches['refused'].mean():6.1%}  least: {each.idxmin()} {each.min():6.1%}, most: "
            f"{each.idxmax()} {each.max():6.1%}  S {statistics['residual']}  displaced "
            f"{statistics['displacement']}",
            flush=True,
        )


def made() -> gf.Cohort:
    """Two tables of logarithms with levels and common factors of their own."""
    rng, tables = np.random.default_rng(0), {}
    ids = [f"M{number:03d}" for number in range(300)]
    for name, columns in (("rna", 400), ("protein", 60)):
        common = rng.normal(size=(300, 5)) @ rng.normal(size=(5, columns)) * 0.3
        values = rng.uniform(2, 12, columns) + common + 0.7 * rng.normal(size=(300, columns))
        tables[name] = pd.DataFrame(values, index=ids).add_prefix(f"{name}_")
    labels = pd.Series(["a", "b"] * 150, index=ids, name="kind")
    return gf.Cohort.from_frames(tables, labels, name="made")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=cohorts.DATA, help="the folder of shared data")
    parser.add_argument("--only", default="made,diablo,covid,tcga-brca", help="cohorts, by comma")
    parser.add_argument("--draws", type=int, default=200, help="batches of each size")
    parser.add_argument("--trainings", type=int, default=10, help="sets of training patients")
    options = parser.parse_args()
    load = {
        "made": made,
        "diablo": lambda: cohorts.diablo("train", options.data),
        "covid": lambda: cohorts.covid(options.data),
        "tcga-brca": cohorts.tcga_brca,
    }
    for name in options.only.split(","):
        try:
            cohort = load[name]()
        except (OSError, InputError) as error:
            print(f"{name}: not there ({type(error).__name__})")
            continue
        for size in SIZES:
            print(f"{name}: batches of {size}, {options.draws} of each kind")
            shown(drawn(cohort, size, options.trainings, options.draws))
        if name == "tcga-brca":
            print(f"{name}: tissue source sites of {SMALLEST_SITE} patients or more")
            shown(sites(cohort, cohort.patients.str[5:7].to_numpy()))


if __name__ == "__main__":
    main()
