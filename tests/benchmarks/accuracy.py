"""One unchanged default recipe beside baselines on three real cohorts: where it stands, and
whether it is below any baseline.

    python tests/benchmarks/accuracy.py [--only rosmap,covid,tcga-brca] [--cv 5x5] [--data FOLDER]
    [--recipe multiplex]

Everything is fitted inside the training patients of each fold. A baseline is "above" where the net
is below it by more than the larger of .01 and one standard error of the difference, corrected for
overlapping training sets (Nadeau and Bengio 2003).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # small matrices: more threads cost more than they gain

import cohorts
from scipy import stats

import graphfuse as gf
from graphfuse.evaluate.run_results import Report
from graphfuse.evaluate.score_lines import score_lines
from graphfuse.schema import Recipe
from graphs import machine

# cohort → its headline metrics and the bars that issue 4 sets
COHORTS = {
    "rosmap": {"accuracy": 0.80, "auroc": 0.89},
    "covid": {"auroc": 0.83},
    "tcga-brca": {"macro_f1": 0.785},
}
LEAST = 0.01


def load(name: str, data: Path) -> gf.Cohort:
    return cohorts.tcga_brca() if name == "tcga-brca" else getattr(cohorts, name)(data)


def against(report: Report, metric: str) -> list[str]:
    """The net's difference to every baseline in this metric, one line each."""
    folds = len(report.replicas)
    lines = [
        f"  {'graphfuse less …, ' + metric:<34}{'difference':>12}{'95 % interval':>20}{'SE':>8}"
    ]
    for pair in report.metrics.comparisons:
        if (pair.a, pair.metric) != ("graphfuse", metric) or pair.b not in report.metrics.models:
            continue
        low, high = pair.ci95
        error = (high - pair.difference) / stats.t.ppf(0.975, folds - 1)
        below = "  ABOVE THE NET" if pair.difference < -max(LEAST, error) else ""
        lines.append(
            "  "
            f"{pair.b:<34}{pair.difference:>+12.3f}"
            f"{f'({low:+.3f} to {high:+.3f})':>20}{error:>8.3f}{below}"
        )
    return lines


def measured(name: str, cohort: gf.Cohort, recipe: Recipe, cv: tuple[int, int]) -> None:
    began = time.perf_counter()
    report = gf.train(cohort, recipe, cv=cv, ledger=False)  # which `honest.toml` has
    print(
        f"{name}: {len(cohort)} patients, {cv[0]}x{cv[1]} CV, {time.perf_counter() - began:.0f} s"
    )
    print("\n".join(score_lines(report.metrics)))
    for metric, bar in COHORTS[name].items():
        mean = report.metrics.models["graphfuse"][metric].mean
        print(f"  {metric} {mean:.3f}: {'at or over' if mean >= bar else 'UNDER'} the bar of {bar}")
        print("\n".join(against(report, metric)))
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=cohorts.DATA, help="the folder of shared data")
    parser.add_argument("--only", default=",".join(COHORTS), help="cohorts to run, by comma")
    parser.add_argument("--cv", default="5x5", help="FOLDSxREPEATS")
    parser.add_argument("--recipe", default="multiplex", help="a recipe's name or file")
    options = parser.parse_args()
    cv = tuple(int(part) for part in options.cv.split("x"))
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(COHORTS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not among {', '.join(COHORTS)}")
    print(machine())
    for name in chosen:
        measured(name, load(name, options.data), Recipe.named(options.recipe), cv)


if __name__ == "__main__":
    main()
