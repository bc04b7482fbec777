"""What the fits of a training cost, in two worktrees in turn: CPU seconds and peak memory.

    python tests/benchmarks/fits.py --old PATH --new PATH [--only demo,tall] [--times 1]

Every case runs in a process of its own, on one core and one thread: `demo`, the README's training
with all controls; `tall`, a model of 4,000 patients with three tables of 500 columns; `many`, one
without a linear start of 30,000 patients (which older versions refuse).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def demo() -> None:
    """TCGA-BRCA, 769 patients, 5 folds, all controls."""
    import graphfuse as gf

    gf.train("tcga-brca", cv=(5, 1))


def tall() -> None:
    """4,000 patients × 3 tables × 500 columns, one model."""
    import graphfuse as gf
    from graphfuse.data.synth import planted

    columns = {"rna": 500, "meth": 500, "mirna": 500}
    gf.FusionModel(seed=0).fit(planted(4000, columns, seed=0).cohort)


def many() -> None:
    """30,000 patients × 50 columns, one model without a linear start."""
    import graphfuse as gf
    from graphfuse.data.synth import planted

    recipe = gf.Recipe.named("multiplex")
    net = recipe.net.model_copy(update={"start": "none"})
    cohort = planted(30_000, {"rna": 50}, seed=0).cohort
    gf.FusionModel(recipe.model_copy(update={"net": net})).fit(cohort)


CASES = {"demo": demo, "tall": tall, "many": many}


def within(name: str) -> None:
    """Runs a case in this process and prints what it took."""
    wall = time.perf_counter()
    CASES[name]()
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {
        "cpu": used.ru_utime + used.ru_stime,
        "wall": time.perf_counter() - wall,
        "peak": used.ru_maxrss / 1e6,
    }
    print(json.dumps(took))


def measured(name: str, worktree: Path, core: int) -> dict[str, float] | None:
    """CPU and wall seconds and peak GB of a case with the package of a worktree; `None` where it
    fails there."""
    command = ["taskset", "-c", str(core), sys.executable, __file__, "--within", name]
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(worktree)}
    done = subprocess.run(command, cwd=worktree, env=environment, capture_output=True, text=True)
    if done.returncode:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def least(found: list[dict[str, float]], what: str) -> float:
    """The smallest over runs: others' work only adds."""
    return min(each[what] for each in found)


def main() -> None:
    """Prints a line for every case."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--old", type=Path)
    asked.add_argument("--new", type=Path)
    asked.add_argument("--only", default=",".join(CASES))
    asked.add_argument("--times", type=int, default=1)
    asked.add_argument("--core", type=int, default=0)
    asked.add_argument("--within")
    given = asked.parse_args()
    if given.within:
        within(given.within)
        return
    print(f"{'case':<8}{'CPU s':>18}{'ratio':>8}{'peak GB':>18}{'ratio':>8}")
    for name in given.only.split(","):
        runs = {"old": [], "new": []}
        for _ in range(given.times):
            for which, found in runs.items():
                took = measured(name, getattr(given, which).resolve(), given.core)
                found += [] if took is None else [took]
        line = f"{name:<8}"
        for what in ("cpu", "peak"):
            old, new = (least(found, what) if found else float("nan") for found in runs.values())
            line += f"{old:>9.1f}{new:>9.1f}{new / old:>8.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
