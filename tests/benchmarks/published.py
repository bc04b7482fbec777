"""A published system as a recipe, beside its original: MOGONET on ROSMAP's own split.

    python tests/benchmarks/published.py [--data FOLDER] [--seeds 5] [--inner] [--recipe mogonet]

Trained on the 245 patients of the split's training part, to the last epoch, and scored on the other
106; nothing was chosen on those, though other settings have been scored too (the README beside this
file). Each seed is a net of its own, not an average of nets. The original's own code was run on the
same files, last epoch, 5 seeds: its numbers stand in `ORIGINAL`, those of its paper in `PAPER`.
`--inner` scores inner folds of the 245 instead, by which settings are chosen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from cohorts import DATA, rosmap
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import graphfuse as gf
from graphfuse.schema import Recipe

METRICS = ("accuracy", "F1", "AUROC")
ORIGINAL = ((0.806, 0.017), (0.796, 0.026), (0.872, 0.019))
PAPER = ((0.815, 0.023), (0.821, None), (0.874, 0.012))
BAR = (0.78, 0.84)  # of accuracy


def scored(truth: np.ndarray, probability: np.ndarray) -> list[float]:
    """Accuracy, F1 of the second class and AUROC of probabilities `[N, 2]`."""
    call = probability.argmax(1)
    return [
        accuracy_score(truth, call),
        f1_score(truth, call),
        roc_auc_score(truth, probability[:, 1]),
    ]


def by_seed(
    recipe: Recipe, train: gf.Cohort, test: gf.Cohort, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of Alzheimer's disease by each seed's net `[seeds, N]`, and who has it
    `[N]`."""
    whole = recipe.model_copy(update={"train": recipe.train.model_copy(update={"seeds": seeds})})
    model = gf.FusionModel(whole, device="cpu").fit(train)
    fitted = model.fitted_
    predictors = fitted.predictors(fitted.preparation.views(test)).numpy()
    probability = fitted.task.output(predictors, fitted.temperature)
    truth = np.asarray(test.outcome().classes)[test.outcome().values] == "AD"
    return probability[..., list(model.classes_).index("AD")], truth


def inside(recipe: Recipe, cohort: gf.Cohort, seeds: int, partitions: int = 2) -> np.ndarray:
    """Held-out log loss, accuracy and AUROC `[folds × seeds, 3]` over partitions of the cohort into
    five folds."""
    codes, found = cohort.outcome().values, []
    for number in range(partitions):
        for train, test in StratifiedKFold(5, shuffle=True, random_state=number).split(
            codes, codes
        ):
            sick, truth = by_seed(recipe, cohort.take(train), cohort.take(test), seeds)
            found += [
                [log_loss(truth, p), accuracy_score(truth, p > 0.5), roc_auc_score(truth, p)]
                for p in sick
            ]
    return np.array(found)


def row(name: str, cells) -> str:
    shown = (f"{mean:.3f}" + ("" if sd is None else f" ± {sd:.3f}") for mean, sd in cells)
    return f"{name:<36}" + "".join(f"{cell:>16}" for cell in shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", default="mogonet", help="a recipe's name or file")
    parser.add_argument(
        "--inner", action="store_true", help="score inner folds of the training part alone"
    )
    options = parser.parse_args()
    began, recipe = time.perf_counter(), Recipe.named(options.recipe)
    cohort = rosmap(options.data)
    part = np.asarray(cohort.groups["split"])
    train, test = cohort.take(part == "train"), cohort.take(part == "test")
    if options.inner:
        loss, accuracy, auroc = inside(recipe, train, options.seeds).mean(0)
        print(
            f"inner folds of 245 patients: loss {loss:.3f}, accuracy {accuracy:.3f}, AUROC "
            f"{auroc:.3f}"
        )
        return
    sick, truth = by_seed(recipe, train, test, options.seeds)
    found = np.array([scored(truth, np.stack([1 - p, p], 1)) for p in sick])
    print(
        f"ROSMAP, official split: 245 training patients, 106 test patients; {options.seeds} "
        "seeds, mean ± sd"
    )
    print(f"{'':<36}" + "".join(f"{metric:>16}" for metric in METRICS))
    print(row(f"{recipe.name} recipe", zip(found.mean(0), found.std(0, ddof=1))))
    print(row("MOGONET's own code, last epoch", ORIGINAL))
    print(row("MOGONET's paper", PAPER))
    low, high = BAR
    verdict = "inside" if low <= found[:, 0].mean() <= high else "OUTSIDE"
    print(
        f"accuracy by seed: {', '.join(f'{a:.3f}' for a in found[:, 0])}; the mean is "
        f"{verdict} {low} to {high}"
    )
    print(
        "one standard error of an accuracy of .8 on 106 patients is .039; "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
