"""Few labels, many patients: what the graph gains at 5, 10, 25 and 100 % of the labels.

    python tests/benchmarks/labels.py [--only tcga-brca,rosmap] [--repeats 4] [--out labels.svg]
    [--data FOLDER] [--quick]

In every fold, a stratified share of the training patients keeps its labels; the others stay,
unlabelled. The default recipe is set beside its control without graphs and beside baselines, all
fitted on the same patients and labels, scored on the same test patients. Another draw in each fold
and repeat. The folds are for reporting: nothing is chosen by what they show.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # small matrices: more threads cost more than they gain

import cohorts
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from paired_folds import corrected_interval

import graphfuse as gf
from graphfuse.evaluate.baselines import fit_baselines
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.learn import fold_data
from graphfuse.learn.bank.training import train
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.stratified_folds import stratified
from graphfuse.schema import Recipe
from graphfuse.task.registry import metrics_of
from graphs import machine

CLASS = metrics_of("class")

FOLDS = 5
SHARES = (0.05, 0.10, 0.25, 1.0)
BASELINES = ("no-graph", "early", "late", "single")
LINES = {
    "graphfuse": "#0b6a88",
    "no-graph": "#c06a1b",
    "early": "#626a73",
    "late": "#626a73",
    "single": "#626a73",
}
DASHES = {"early": "--", "late": ":", "single": "-."}


def drawn(codes: np.ndarray, share: float, seed: list[int]) -> np.ndarray:
    """`codes` with all but a random share of each class hidden (-1); one of each class stays at
    least."""
    rng, kept = np.random.default_rng(seed), np.full(len(codes), -1)
    for k in np.unique(codes[codes >= 0]):
        mine = np.flatnonzero(codes == k)
        keep = rng.permutation(mine)[: max(1, round(share * len(mine)))]
        kept[keep] = k
    return kept


def nets(
    crosses: list[PreparedFold], cohort: gf.Cohort, recipe: Recipe, seed: int
) -> list[gf.FusionModel]:
    """The recipe's net on every fold, all in one bank."""
    names, outcome = tuple(cohort.modalities), cohort.outcome()
    trained = train(
        [fold_data.fold_data(cross, names, recipe) for cross in crosses], recipe, seed, "cpu"
    )
    return [
        gf.FusionModel(recipe, seed=seed).adopt(
            Fitted.gather(cross, names, recipe, each), recipe, outcome
        )
        for cross, each in zip(crosses, trained)
    ]


def repeat_of(
    cohort: gf.Cohort, network, recipe: Recipe, share: float, repeat: int, folds: int
) -> list[dict]:
    """Scores of every model in the first `folds` folds of a repeat, one row each."""
    codes = cohort.outcome().values
    known = np.flatnonzero(codes >= 0)
    fold = np.full(len(codes), -1)
    fold[known] = stratified(codes[known], FOLDS, repeat)
    crosses, rows = [], []
    for k in range(folds):
        rest = np.flatnonzero(fold != k)
        shown = drawn(codes[rest], share, [repeat, k, round(100 * share)])
        outcome = replace(cohort.outcome().take(rest), values=shown)
        crosses.append(PreparedFold.fit(cohort.take(rest), outcome, recipe, network, repeat))
    tests = [cohort.take(np.flatnonzero(fold == k)) for k in range(folds)]
    probability = {
        "graphfuse": [
            model.predict_proba(t) for model, t in zip(nets(crosses, cohort, recipe, repeat), tests)
        ],
        "no-graph": [
            model.predict_proba(t)
            for model, t in zip(
                nets([cross.without_graphs() for cross in crosses], cohort, recipe, repeat), tests
            )
        ],
    }
    fitted = [
        fit_baselines(cross, cohort, cross.preparation.views(test))
        for cross, test in zip(crosses, tests)
    ]
    probability |= {
        name: [baselines[name].output for baselines in fitted]
        for name in ("early", "late", "single")
    }
    for name, found in probability.items():
        for k, (p, test) in enumerate(zip(found, tests)):
            rows.append(
                {
                    "share": share,
                    "repeat": repeat,
                    "fold": k,
                    "model": name,
                    **CLASS.scores(test.outcome().values, p),
                }
            )
    return rows


def measured(
    cohort: gf.Cohort, recipe: Recipe, shares: tuple[float, ...], repeats: int, folds: int
) -> pd.DataFrame:
    cohort, network, _ = gene_side(recipe, cohort)
    rows = []
    for share in shares:
        for repeat in range(repeats):
            began = time.perf_counter()
            rows += repeat_of(cohort, network, recipe, share, repeat, folds)
            print(
                f"  {share:.0%} of labels, repeat {repeat + 1} of {repeats}: "
                f"{time.perf_counter() - began:.0f} s",
                flush=True,
            )
    return pd.DataFrame(rows)


def wide(found: pd.DataFrame, share: float, metric: str) -> pd.DataFrame:
    """One row a fit, one column a model."""
    mine = found[found["share"] == share]
    return mine.pivot(index=["repeat", "fold"], columns="model", values=metric)


def against(table: pd.DataFrame, baseline: str) -> tuple[float, float, float]:
    """The net's mean difference to a baseline and its corrected interval (NaN for a single fit)."""
    ours, theirs = table["graphfuse"].to_numpy(), table[baseline].to_numpy()
    differences = ours - theirs
    if len(differences) < 2:
        return float(differences.mean()), np.nan, np.nan
    low, high = corrected_interval(differences, 1 / (FOLDS - 1))
    return float(differences.mean()), low, high


def said(difference: float, low: float, high: float) -> str:
    return f"{difference:+.3f}" + ("" if np.isnan(low) else f" ({low:+.3f} to {high:+.3f})")


def shown(found: pd.DataFrame, metric: str = "macro_f1") -> None:
    """Means, differences and how often the graph gains, by share of labels."""
    print(f"  {metric:<8}" + "".join(f"{name:>11}" for name in ("graphfuse", *BASELINES)))
    for share in found["share"].unique():
        table = wide(found, share, metric)
        print(
            f"  {share:>7.0%} "
            + "".join(f"{table[name].mean():>11.3f}" for name in ("graphfuse", *BASELINES))
        )
    for share in found["share"].unique():
        table = wide(found, share, metric)
        gain = table["graphfuse"] - table["no-graph"]
        print(
            f"  {share:>7.0%} graphfuse less "
            + "; ".join(f"{baseline} {said(*against(table, baseline))}" for baseline in BASELINES)
        )
        print(
            f"          the graph gains in {(gain > 0).mean():.0%} of {len(gain)} fits, "
            f"loses in {(gain < 0).mean():.0%}"
        )


def figure(found: dict[str, pd.DataFrame], path: Path) -> None:
    """Macro-F1 by share of labels, and below it what the graph adds, with its corrected
    interval."""
    drawing = Figure((4.6 * len(found), 5.6), layout="constrained")
    panels = drawing.subplots(2, len(found), squeeze=False, sharex=True, height_ratios=(2, 1))
    for (name, table), (above, below) in zip(found.items(), panels.T):
        shares = table["share"].unique()
        for model, colour in LINES.items():
            means = [wide(table, s, "macro_f1")[model].mean() for s in shares]
            above.plot(
                100 * shares,
                means,
                DASHES.get(model, "-"),
                marker="o",
                ms=4,
                color=colour,
                label=model,
            )
        gains = np.array([against(wide(table, s, "macro_f1"), "no-graph") for s in shares])
        below.vlines(100 * shares, gains[:, 1], gains[:, 2], color=LINES["graphfuse"])
        below.plot(100 * shares, gains[:, 0], "o", color=LINES["graphfuse"])
        below.axhline(0, color="#626a73", lw=0.8)
        above.set(title=name, xscale="log", ylabel="macro-F1")
        below.set(xlabel="% of training labels", ylabel="graph less no graph")
        below.set_xticks(100 * shares, [f"{100 * s:g}" for s in shares])
        below.set_xticks([], minor=True)
    panels[0, 0].legend(frameon=False)
    drawing.savefig(path)
    print(f"{path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=cohorts.DATA, help="the folder of shared data")
    parser.add_argument("--only", default="tcga-brca,rosmap", help="cohorts to run, by comma")
    parser.add_argument("--repeats", type=int, default=4, help="of five folds each")
    parser.add_argument(
        "--shares", default=",".join(map(str, SHARES)), help="of the labels, by comma"
    )
    parser.add_argument("--recipe", default="multiplex", help="a recipe's name or file")
    parser.add_argument(
        "--out", type=Path, default=Path("labels.svg"), help="the figure; its suffix is its format"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one fold, 5 and 100 %%: a check that it runs, not a measurement",
    )
    options = parser.parse_args()
    load = {"tcga-brca": cohorts.tcga_brca, "rosmap": lambda: cohorts.rosmap(options.data)}
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(load):
        parser.error(f"--only: {', '.join(sorted(unknown))} not among {', '.join(load)}")
    given = tuple(float(share) for share in options.shares.split(","))
    repeats, folds, shares = (
        (1, 1, (SHARES[0], SHARES[-1])) if options.quick else (options.repeats, FOLDS, given)
    )
    print(machine())
    found = {}
    for name in chosen:
        cohort = load[name]()
        print(f"{name}: {len(cohort)} patients, {repeats} x {folds} fits at each share of labels")
        found[name] = measured(cohort, Recipe.named(options.recipe), shares, repeats, folds)
        shown(found[name])
    figure(found, options.out)


if __name__ == "__main__":
    main()
