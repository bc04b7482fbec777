"""`graphfuse plan` against the trainings that it speaks of: time, memory and disk, predicted and
measured.

    python tests/benchmarks/plan.py [--only NAME,NAME] [--list]

Each cohort is planned in one process and trained in another, so that peaks are each one's own. The
coefficients of memory were tuned on the cohorts called `tuned`, and on no other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COHORTS = {
    # name: patients, columns, options; those that were tuned on first
    "tuned-small": (300, {"rna": 200, "meth": 100}, {}),
    "tuned-wide": (150, {"rna": 60_000}, {}),
    "tuned-mid": (1000, {"rna": 2000}, {}),
    "tuned-two": (1200, {"rna": 900, "meth": 500}, {"cv": (2, 1)}),
    "tuned-ledger": (600, {"rna": 300}, {"cv": (3, 2), "ledger": True}),
    "tuned-subsets": (240, {"rna": 300, "meth": 200}, {"cv": (3, 1), "modalities": True}),
    "tiny": (60, {"rna": 50}, {"cv": (5, 2), "ledger": True}),
    "wide": (110, {"rna": 25_000, "meth": 15_000}, {}),
    "three": (420, {"rna": 900, "meth": 600, "prot": 150}, {"missing": {"meth": 0.3}}),
    "repeats": (200, {"rna": 500}, {"cv": (5, 3), "ledger": True}),
    "mogonet": (350, {"rna": 400, "meth": 300}, {"recipe": "mogonet"}),
    "tall": (5000, {"rna": 60}, {"cv": (2, 1)}),
    "mid": (1500, {"rna": 800, "meth": 700}, {"cv": (2, 1)}),
    "widest": (90, {"rna": 60_000}, {"cv": (3, 1)}),
    "snf": (250, {"rna": 3000, "meth": 2000}, {"recipe": "snf"}),
}


def made(name: str):
    """The cohort, and the options of its training."""
    from graphfuse.data.synth import planted

    patients, columns, options = COHORTS[name]
    options = {"cv": (5, 1), "ledger": False} | options
    cohort = planted(patients, columns, missing=options.pop("missing", None), seed=11).cohort
    return cohort, options


def spent(work) -> dict:
    """Seconds by the clock and of all threads, and what came out."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "found": found,
    }


def planned(name: str) -> dict:
    """What is predicted, and what that took."""
    import graphfuse as gf

    cohort, options = made(name)
    took = spent(lambda: gf.plan(cohort, **options))
    found = took.pop("found")
    told = {"seconds": found.seconds, "cpu_seconds": found.cpu_seconds, "memory": found.memory}
    parts = {part: [round(x, 2) for x in each] for part, each in found.parts.items()}
    return told | {"disk": found.disk, "parts": parts, "probed": found.probed, "took": took}


def trained(name: str) -> dict:
    """What the training takes."""
    from graphfuse.api.train_runs import save_run

    cohort, options = made(name)
    recipe = options.pop("recipe", "multiplex")
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        took = spent(lambda: save_run(out, cohort, recipe, ranked=False, **options))
        disk = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        timings = json.loads((out / "run.json").read_text())["timings"]
    took.pop("found")
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {"memory": peak, "disk": disk, "timings": timings} | took


def apart(work: str, name: str) -> dict:
    """One of the two in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--within", work, "--only", name], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default=",".join(COHORTS))
    arguments.add_argument("--within", choices=("plan", "train"))
    given = arguments.parse_args()
    names = given.only.split(",")
    if given.within:
        print(json.dumps({"plan": planned, "train": trained}[given.within](names[0])))
        return
    for name in names:
        said, was = apart("plan", name), apart("train", name)
        print(
            f"{name:<12} cpu {said['cpu_seconds']:7.1f} / {was['cpu']:7.1f} s "
            f"({said['cpu_seconds'] / was['cpu']:.2f})  clock {said['seconds']:7.1f} / "
            f"{was['wall']:7.1f} s ({said['seconds'] / was['wall']:.2f})  memory "
            f"{said['memory'] / 1e9:.2f} / {was['memory'] / 1e9:.2f} GB "
            f"({said['memory'] / was['memory']:.2f})  disk {said['disk'] / 1e6:.1f} / "
            f"{was['disk'] / 1e6:.1f} MB ({said['disk'] / was['disk']:.2f})  "
            f"plan took {said['took']['cpu']:.1f} s of CPU "
            f"({said['took']['cpu'] / was['cpu']:.0%})",
            flush=True,
        )
        print("   ", said["parts"], said["probed"], was["timings"], flush=True)


if __name__ == "__main__":
    main()
