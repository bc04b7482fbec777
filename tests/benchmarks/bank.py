"""The bank against the clock, on ROSMAP: 5x5 cross-validation beside scikit-learn, beside a loop,
and under a memory budget.

    python tests/benchmarks/bank.py [--quick] [--only ridge,loop,memory,gpu] [--data FOLDER]

Prints ratios of CPU seconds measured in one run, one thread for everybody; the machine may be doing
other things.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before anything counts its threads

import argparse
import ctypes
import gc
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import cohorts
import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy

import graphfuse as gf
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.bank.training import train
from graphfuse.learn.fold_data import FoldData, fold_data
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.linear.inner_folds import INNER_FOLDS
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.random_draws import mask_sources
from graphfuse.task.registry import metrics_of
from graphs import machine

CLASS = metrics_of("class")

torch.set_num_threads(1)
RECIPE = gf.Recipe.named(Path(gf.__file__).parents[1] / "graphs" / "multiplex.toml")
PATIENCE = 10
CS = np.logspace(-4, 1, 8)


def spent(work, *arguments, **named) -> tuple[float, object]:
    """CPU seconds of all threads, and what came out."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.process_time()
    found = work(*arguments, **named)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.process_time() - began, found


def set_to(recipe: gf.Recipe, **changes) -> gf.Recipe:
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=changes)})


class Folds:
    """The folds of `repeats` repeats of 5-fold cross-validation, and the patients trained on in
    each."""

    def __init__(self, cohort: gf.Cohort, repeats: int):
        self.cohort, self.outcome = cohort, cohort.outcome()
        folds = repeated(cohort.patients, self.outcome.values, 5, repeats, 0)
        found = splits(folds, self.outcome.known)
        self.repeats = [
            [(s.train, s.tested) for s in found if s.repeat == n] for n in range(repeats)
        ]

    def crosses(self, repeat: int) -> list[PreparedFold]:
        return [
            PreparedFold.fit(self.cohort.take(tr), self.outcome.take(tr), RECIPE, None, 0)
            for tr, _ in self.repeats[repeat]
        ]


# --------------------------------------------------------------------------- 1. beside scikit-learn


def ours(folds: Folds) -> np.ndarray:
    """Fits of the default recipe; accuracy and AUROC by fold."""
    found, names = [], tuple(folds.cohort.modalities)
    clock = dict.fromkeys(("linear models", "bank"), 0.0)
    for number, repeat in enumerate(folds.repeats):
        used, crosses = spent(folds.crosses, number)
        more, data = spent(lambda: [fold_data(cross, names, RECIPE) for cross in crosses])  # noqa: B023
        clock["linear models"] += used + more
        used, trained = spent(train, data, RECIPE, 0, "cpu")
        clock["bank"] += used
        for cross, each, (_, tested) in zip(crosses, trained, repeat, strict=True):
            fitted = Fitted.gather(cross, names, RECIPE, each)
            views = fitted.preparation.views(folds.cohort.take(tested))
            found.append(scored(folds, tested, fitted.output(views)))
    if len(found) > 1:
        print(
            "   "
            + ", ".join(f"{name} {seconds:.1f} CPU s" for name, seconds in clock.items())
            + " of"
        )
    return np.array(found)


def late_ridge(folds: Folds) -> np.ndarray:
    """A ridge regression for each modality, its penalty by inner cross-validation, probabilities
    averaged."""
    found = []
    tables = [m.table.to_numpy() for m in folds.cohort.modalities.values()]
    for repeat in folds.repeats:
        for training, tested in repeat:
            inner, said = StratifiedKFold(5, shuffle=True, random_state=0), []
            for x in tables:
                ridge = LogisticRegressionCV(Cs=CS, cv=inner, max_iter=2000, scoring="neg_log_loss")
                model = make_pipeline(StandardScaler(), ridge).fit(
                    x[training], folds.outcome.values[training]
                )
                said.append(model.predict_proba(x[tested]))
            found.append(scored(folds, tested, np.mean(said, 0)))
    return np.array(found)


def scored(folds: Folds, tested: np.ndarray, probability: np.ndarray) -> list[float]:
    found = CLASS.scores(folds.outcome.values[tested], probability)
    return [found["accuracy"], found["auroc"]]


def ridge(folds: Folds) -> None:
    fits = 5 * len(folds.repeats)
    print(
        f"1. {fits} fits of the default recipe, {RECIPE.train.seeds} seeds each, beside "
        "scikit-learn's late-fusion ridge"
    )
    short = Folds(folds.cohort, 1)
    short.repeats = [short.repeats[0][:1]]
    late_ridge(short), ours(short)  # what is loaded and allocated once
    for name, work in (("scikit-learn", late_ridge), ("graphfuse", ours)):
        seconds, found = spent(work, folds)
        base = seconds if name == "scikit-learn" else base  # noqa: F821
        accuracy, auroc = found.mean(0)
        print(
            f"   {name:<14}{seconds:>8.1f} CPU s{seconds / base:>8.2f} x    accuracy "
            f"{accuracy:.3f}, AUROC {auroc:.3f}"
        )


# -------------------------------------------------------------------------------------- 2. the loop


def alone(fold: FoldData, recipe: gf.Recipe, device: str = "cpu") -> tuple[int, float]:
    """The fold's first pass as it is usually written: one net after the other, torch's AdamW, no
    stacking; the epoch chosen and its loss."""
    nets, draws = [], []
    for seed in range(recipe.train.seeds):
        nets.append(initial_net(fold, seed).to(device))
        draws.append(mask_sources(fold.channels, seed))
    inputs, codes = to(fold.inputs, device), fold.target.values.to(device)
    steps = [optimiser(net, recipe) for net in nets]
    held = [torch.from_numpy(fold.inner == s % INNER_FOLDS).to(device) for s in range(len(nets))]
    curve, waited = [], 0
    while waited < PATIENCE and len(curve) <= recipe.train.epochs:
        with torch.no_grad():
            losses = [
                cross_entropy(net(inputs)[rows], codes[rows]).item()
                for net, rows in zip(nets, held, strict=True)
            ]
        curve.append(np.mean(losses))
        waited = 0 if curve[-1] <= min(curve) else waited + 1
        for net, step, draw, rows in zip(nets, steps, draws, held, strict=True):
            mask, kept = hidden(inputs.present.cpu(), net.width, draw, recipe)
            step.zero_grad()
            logits = net(inputs, mask.to(device), kept=kept.to(device))
            cross_entropy(logits[~rows], codes[~rows]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            step.step()
    return int(np.argmin(np.round(curve, 4))), min(curve)


def optimiser(net, recipe: gf.Recipe) -> torch.optim.Optimizer:
    gates = [p for name, p in net.named_parameters() if name.endswith("gate")]
    weights = [p for name, p in net.named_parameters() if not name.endswith("gate")]
    groups = [
        {"params": weights, "weight_decay": recipe.train.weight_decay},
        {"params": gates, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.train.learning_rate)


def hidden(
    present: torch.Tensor, width: int, draw: list[torch.Generator], recipe: gf.Recipe
) -> tuple[torch.Tensor, torch.Tensor]:
    dropout = recipe.train.dropout
    count = len(present)
    entries = torch.stack([torch.rand(count, width, generator=each) for each in draw], 1)
    mask = (entries >= dropout).float() / (1 - dropout)
    whole = torch.stack([torch.rand(count, generator=each) for each in draw], 1)
    kept = whole >= recipe.train.modality_dropout
    return mask, kept | ~(kept & present.bool()).any(1, keepdim=True)


def to(inputs, device: str):
    x = tuple(each.to(device, torch.float32) for each in inputs.x)
    rest = (
        getattr(inputs, name).to(device, torch.float32) for name in ("present", "start", "bias")
    )
    return type(inputs)(x, *rest, tuple(each.to(device, torch.float32) for each in inputs.lists))


def beside_loop(data: list[list[FoldData]], device: str) -> None:
    (
        alone(data[0][0], set_to(RECIPE, epochs=1), device),
        train(data[0][:1], set_to(RECIPE, epochs=1), 0, device),
    )
    looped, curves = spent(
        lambda: [alone(fold, RECIPE, device) for repeat in data for fold in repeat]
    )
    banked, trained = spent(
        lambda: [each for repeat in data for each in train(repeat, RECIPE, 0, device)]
    )
    differ = sum(epochs != each.epochs for (epochs, _), each in zip(curves, trained, strict=True))
    apart = max(
        abs(loss - min(each.curve)) for (_, loss), each in zip(curves, trained, strict=True)
    )
    print(f"   one after the other{looped:>8.1f} CPU s   (one pass of the two)")
    print(
        f"   bank               {banked:>8.1f} CPU s   {looped / banked:.2f} times less; "
        f"losses apart by {apart:.0e}"
    )
    print(f"   epochs chosen otherwise: {differ} of {len(curves)} fits")


def prepared(folds: Folds) -> list[list[FoldData]]:
    names = tuple(folds.cohort.modalities)
    return [
        [fold_data(cross, names, RECIPE) for cross in folds.crosses(n)]
        for n in range(len(folds.repeats))
    ]


def loop(folds: Folds) -> None:
    print(
        f"2. nets of {5 * len(folds.repeats)} fits on the CPU: a bank for each repeat, "
        "beside nets trained one by one"
    )
    beside_loop(prepared(folds), "cpu")


# ---------------------------------------------------------------------------------------- 3. memory


def memory(folds: Folds, seeds: int, options) -> None:
    if not Path("/proc/self/clear_refs").exists():
        print("3. memory: measured on Linux only")
        return
    print(
        f"3. peak memory of a bank of 5 folds x {seeds} seeds over what the process held "
        "before, in a process of its own"
    )
    for budget in (4.0, 0.5, 0.2):
        command = [
            sys.executable,
            __file__,
            "--child",
            json.dumps([seeds, budget]),
            "--data",
            str(options.data),
        ]
        took, used = json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[
                -1
            ]
        )
        print(
            f"   memory_gb = {budget:<6}{used:>8.2f} GB{'' if used <= budget else '  OVER'} "
            f"  {took:>6.1f} CPU s"
        )


def in_memory(folds: Folds, seeds: int, budget: float) -> tuple[float, float]:
    data = prepared(folds)[0]
    train(data, set_to(RECIPE, epochs=2, seeds=1), 0, "cpu")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is freed already counts for nobody
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark, from here on
    before = kilobytes("VmRSS")
    seconds, _ = spent(
        train, data, set_to(RECIPE, epochs=4, seeds=seeds, memory_gb=budget), 0, "cpu"
    )
    return seconds, (kilobytes("VmHWM") - before) / 1e6


def kilobytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


# ----------------------------------------------------------------------------------------- 4. a GPU


def gpu(folds: Folds, replicas: int) -> None:
    if not torch.cuda.is_available():
        print("4. GPU: none here")
        return
    print(f"4. {torch.cuda.get_device_name()}")
    data = prepared(folds)
    many = [fold for repeat in data for fold in repeat]
    for banks, what in ((data, "a bank for each repeat"), ([many], "one bank for all")):
        print(f"   {what}:")
        beside_loop(banks, "cuda")
    recipe = set_to(RECIPE, seeds=replicas // len(many), stop="last", memory_gb=16.0)
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    train(many, recipe, 0, "cuda")
    torch.cuda.synchronize()
    used = torch.cuda.max_memory_allocated() / 1e9
    size = f"{len(many)} folds x {recipe.train.seeds} seeds, {recipe.train.epochs} epochs"
    print(
        f"   {size}: {time.perf_counter() - began:.1f} s, {used:.2f} GB of "
        f"{recipe.train.memory_gb} allowed"
    )


# --------------------------------------------------------------------------------------------- main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="one repeat and few seeds: a check that it runs"
    )
    parser.add_argument("--only", default="ridge,loop,memory,gpu", help="parts to run, by comma")
    parser.add_argument("--data", type=Path, default=cohorts.DATA, help="the folder of shared data")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    cohort = cohorts.rosmap(options.data)
    if options.child:
        print(json.dumps(in_memory(Folds(cohort, 1), *json.loads(options.child))))
        return
    print(machine())
    folds = Folds(cohort, 1 if options.quick else 5)
    parts = {"ridge": lambda: ridge(folds), "loop": lambda: loop(folds)}
    parts |= {
        "memory": lambda: memory(folds, 20 if options.quick else 120, options),
        "gpu": lambda: gpu(folds, 600),
    }
    for name in options.only.split(","):
        if name not in parts:
            parser.error(f"--only: {name!r} is not one of {', '.join(parts)}")
        parts[name]()


if __name__ == "__main__":
    main()
