"""Cohorts with a known truth, and closed-form ridge regressions cross-validated on them, for
simulations of what intervals and verdicts promise.

What is fitted is a stand-in for the package's ridge (`early`); folds, draws, intervals and verdicts
are the package's own.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from graphfuse.evaluate.fold_statistics import score_over_folds
from graphfuse.evaluate.patient_draws import TestPart, drawn_scores, over_repeats
from graphfuse.task.registry import metrics_of

SHOWN = ("accuracy", "macro_f1", "auroc")
ALL = metrics_of("class")
METRICS = replace(ALL, metrics=tuple(ALL[name] for name in SHOWN))
COLUMNS = 200
FRESH = 20_000  # patients on whom fold models show what they are worth
PENALTY = 200.0


@dataclass(frozen=True)
class Design:
    """How many patients, of which shares of classes, and how far 20 of 200 columns part these."""

    patients: int
    shares: tuple[float, ...]
    effect: float = 0.3

    def draw(self, patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Columns `[n, 200]` and classes `[n]`."""
        y = rng.choice(len(self.shares), patients, p=self.shares)
        means = np.zeros((len(self.shares), COLUMNS))
        means[:, :20] = np.random.default_rng(5).normal(size=(len(self.shares), 20)) * self.effect
        return means[y] + rng.normal(size=(patients, COLUMNS)), y


DESIGNS = {
    "90": Design(90, (0.5, 0.5)),
    "150 unbalanced": Design(150, (0.8, 0.2)),
    "300": Design(300, (0.5, 0.5)),
    "300 of five classes": Design(300, (0.2,) * 5),
}


class Ridge:
    """Least squares on one-hot classes with a ridge penalty, by the kernel of the patients."""

    def __init__(self, x: np.ndarray, y: np.ndarray, classes: int):
        one_hot = np.eye(classes)[y]
        self.centre, self.shares = x.mean(0), one_hot.mean(0)
        columns = x - self.centre
        kernel = columns @ columns.T + PENALTY * np.eye(len(x))
        self.slope = columns.T @ np.linalg.solve(kernel, one_hot - self.shares)

    def output(self, x: np.ndarray) -> np.ndarray:
        """Class probabilities `[n, K]`."""
        logits = 4 * ((x - self.centre) @ self.slope + self.shares)
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)


def splits(x: np.ndarray, y: np.ndarray, protocol: str, seed: int) -> list[list[tuple]]:
    """(training rows, test rows) of the folds of every repeat: "5x1", "5x5" or "hold-out"."""
    if protocol == "hold-out":
        parts = StratifiedShuffleSplit(1, test_size=0.3, random_state=seed)
        return [list(parts.split(x, y))]
    folds, repeats = map(int, protocol.split("x"))
    dealt = []
    for repeat in range(repeats):
        parts = StratifiedKFold(folds, shuffle=True, random_state=100 * seed + repeat)
        dealt.append(list(parts.split(x, y)))
    return dealt


def units_of(dealt: list[list[tuple]], patients: int) -> np.ndarray:
    """int `[N]`: everyone who is tested is drawn for themselves; -1 for the others."""
    tested = np.unique([row for parts in dealt for _, test in parts for row in test])
    units = np.full(patients, -1)
    units[tested] = np.arange(len(tested))
    return units


def misses(design: Design, protocol: str, seed: int, draws: int = 400) -> dict[str, tuple]:
    """Metric → (score less truth, half-width, whether the interval holds the truth) of a cohort;
    the truth is the mean score of the fold models themselves on fresh patients."""
    rng = np.random.default_rng([seed, design.patients, len(design.shares)])
    classes = len(design.shares)
    x, y = design.draw(design.patients, rng)
    fresh, fresh_y = design.draw(FRESH, rng)
    dealt = splits(x, y, protocol, seed)
    units = units_of(dealt, len(y))
    repeats, by_fold, truths = [], [], []
    for parts in dealt:
        tests = []
        for train, test in parts:
            model = Ridge(x[train], y[train], classes)
            part = TestPart(test, y[test], model.output(x[test]))
            tests.append(part)
            by_fold.append(METRICS.scores(part.y, part.output))
            truths.append(METRICS.scores(fresh_y, model.output(fresh)))
        trained = float(np.mean([len(train) for train, _ in parts]))
        repeats.append(drawn_scores({"early": tests}, units, METRICS, trained, draws))
    drawn = over_repeats(repeats)
    found = {}
    for name in SHOWN:
        values = np.array([scores[name] for scores in by_fold])
        truth = float(np.mean([scores[name] for scores in truths]))
        fewest = drawn.fewest["early"][name]
        score = score_over_folds(values, drawn.scores["early"][name], METRICS[name], fewest, drawn)
        low, high = score.ci95
        found[name] = (score.mean - truth, (high - low) / 2, low <= truth <= high)
    return found


def null_report(protocol: str, seed: int, patients: int = 100, others: int = 10, draws: int = 400):
    """The draws of eleven models that are alike: each is a ridge on columns of its own, which carry
    as much of the same signal."""
    rng = np.random.default_rng([seed, 7])
    y = rng.integers(0, 2, patients)
    signal = (2 * y - 1)[:, None] + 1.5 * rng.normal(size=(patients, 5))
    models = {}
    for number in range(1 + others):
        noise = rng.normal(size=(patients, 40))
        noise[:, :5] += 0.4 * signal
        models[f"model {number}"] = noise
    dealt = splits(y[:, None], y, protocol, seed)
    units = units_of(dealt, patients)
    repeats = []
    for parts in dealt:
        tests = {name: [] for name in models}
        for train, test in parts:
            for name, x in models.items():
                output = Ridge(x[train], y[train], 2).output(x[test])
                tests[name].append(TestPart(test, y[test], output))
        trained = float(np.mean([len(train) for train, _ in parts]))
        repeats.append(drawn_scores(tests, units, METRICS, trained, draws))
    return over_repeats(repeats)
