"""Missing modalities: does training on everyone pay, and does a modality absent at test cost
anything?

    python tests/benchmarks/missing.py [--data FOLDER] [--only rosmap,diablo] [--cv 5x5] [--quick]

1. ROSMAP, of whose patients 60 % miss one random modality of three (drawn anew in each repeat): the
   default recipe trained on
   all training patients against the same trained on the complete 40 % of them, each scored on the
   test patients who have everything and on those who do not.
2. breast_tcga_diablo: trained on 150 patients with proteins, scored on 70 without, beside nets that
   never saw a protein.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # small matrices: more threads cost more than they gain

import numpy as np
import pandas as pd
from cohorts import DATA, diablo, rosmap, with_holes
from paired_folds import corrected_error, corrected_interval

import graphfuse as gf
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.task.registry import metrics_of
from graphs import machine

CLASS = metrics_of("class")

METRICS = ("accuracy", "macro_f1", "auroc")
SHARE = 0.6  # of the patients miss one modality
DRAWS = 200  # of the bootstrap over test patients


def fitted(train: gf.Cohort, seed: int = 0) -> gf.FusionModel:
    return gf.FusionModel("multiplex", seed=seed).fit(train)


def scored(model: gf.FusionModel, test: gf.Cohort) -> dict[str, float]:
    return CLASS.scores(test.outcome().values, model.predict_proba(test))


# ----------------------------------------------------------------------------------------- 1. holes


def holes(data: Path, folds: int, repeats: int) -> None:
    whole = rosmap(data)
    plan = repeated(whole.patients, whole.outcome().values, folds, repeats, seed=0)
    rows = []
    for repeat, _, tested, train in splits(plan, whole.outcome().known):
        cohort = with_holes(whole, SHARE, seed=repeat)
        complete = cohort.present.all(axis=1).to_numpy()
        models = {
            "union": fitted(cohort.take(train)),
            "complete": fitted(cohort.take(train[complete[train]])),
        }
        for who, mine in (
            ("complete", complete),
            ("incomplete", ~complete),
            ("all", complete | True),
        ):
            test = cohort.take(tested[mine[tested]])
            rows += [
                {"trained on": name, "scored on": who, **scored(model, test)}
                for name, model in models.items()
            ]
    found = pd.DataFrame(rows)
    print(
        f"1. ROSMAP, {len(whole)} patients, {SHARE:.0%} of whom miss one modality of three; "
        f"{folds}x{repeats} CV"
    )
    print(
        "   "
        f"{'scored on':<12}{'metric':<10}{'union':>8}{'complete':>10}"
        f"{'difference':>12}{'95 % interval':>20}{'SE':>8}"
    )
    for who, part in found.groupby("scored on", sort=False):
        for metric in METRICS:
            first, second = (
                part.loc[part["trained on"] == name, metric].to_numpy()
                for name in ("union", "complete")
            )
            print(
                "   "
                f"{who:<12}{metric:<10}{first.mean():>8.3f}{second.mean():>10.3f}"
                f"{_difference(first, second, folds)}"
            )


def _difference(first: np.ndarray, second: np.ndarray, folds: int) -> str:
    share, differences = 1 / (folds - 1), first - second
    low, high = corrected_interval(differences, share)
    interval = f"({low:+.3f} to {high:+.3f})"
    error = corrected_error(differences, share)
    return f"{differences.mean():>+12.3f}{interval:>20}{error:>8.3f}"


# ------------------------------------------------------------------------------------ 2. no protein


def no_protein(data: Path, seeds: int) -> None:
    train, test = diablo("train", data), diablo("test", data)
    sets = {"all three": (), "without protein": ("protein",)}
    sets |= {f"{m} alone": tuple(o for o in train.modalities if o != m) for m in ("mrna", "mirna")}
    rows, mean = {}, {}
    for name, left_out in sets.items():
        models = [fitted(train.without(*left_out), seed) for seed in range(seeds)]
        rows[name] = pd.DataFrame([scored(model, test) for model in models])
        mean[name] = np.mean([model.predict_proba(test) for model in models], 0)
    print(
        f"2. breast_tcga_diablo: trained on {len(train)}, scored on {len(test)} without "
        f"protein; mean ± sd of {seeds} seeds;"
        " below, of probabilities averaged over them, differences with bootstrap intervals "
        "over the patients"
    )
    print(f"   {'trained with':<20}" + "".join(f"{metric:>18}" for metric in METRICS))
    for name, table in rows.items():
        cells = (f"{table[m].mean():.3f} ± {table[m].std(ddof=0):.3f}" for m in METRICS)
        print(f"   {name:<20}" + "".join(f"{cell:>18}" for cell in cells))
    boot = bootstrapped(test.outcome().values, mean)
    for name in list(sets)[1:]:
        print(
            f"   all three less {name}: "
            + "; ".join(_paired(boot["all three"][m] - boot[name][m], m) for m in METRICS)
        )


def bootstrapped(codes: np.ndarray, probability: dict[str, np.ndarray]) -> dict[str, pd.DataFrame]:
    """Scores of each model, first on the patients as they are, then on as many drawn from them with
    replacement."""
    rng, found = np.random.default_rng(0), {name: [] for name in probability}
    for draw in range(DRAWS + 1):
        rows = rng.integers(0, len(codes), len(codes)) if draw else np.arange(len(codes))
        for name, p in probability.items():
            found[name].append(CLASS.scores(codes[rows], p[rows]))
    return {name: pd.DataFrame(table) for name, table in found.items()}


def _paired(difference: pd.Series, metric: str) -> str:
    low, high = np.quantile(difference[1:], [0.025, 0.975])
    return f"{metric} {difference[0]:+.3f} ({low:+.3f} to {high:+.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--only", default="rosmap,diablo", help="parts to run, by comma")
    parser.add_argument("--cv", default="5x5", help="FOLDSxREPEATS of the first part")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="3x1 CV and one seed: a check that it runs, not a measurement",
    )
    options = parser.parse_args()
    folds, repeats = (3, 1) if options.quick else (int(part) for part in options.cv.split("x"))
    parts = {"rosmap": lambda: holes(options.data, folds, repeats)}
    parts |= {"diablo": lambda: no_protein(options.data, 1 if options.quick else 5)}
    print(machine())
    for name in options.only.split(","):
        if name not in parts:
            parser.error(f"--only: {name!r} is not one of {', '.join(parts)}")
        began = time.perf_counter()
        parts[name]()
        print(f"   {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
