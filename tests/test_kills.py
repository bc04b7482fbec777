"""SIGKILL at random moments of train, run, build and bench: the old output whole, the next command
goes on to the same bits, and nothing is left that it does not sweep."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from graphfuse.data.synth import planted
from graphfuse.files.working_folders import recover

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")

MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "subtype.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
[modality.meth]
file = "meth.csv"
kind = "omics"
"""
RECIPE = 'name = "quick"\n[net]\nwidth = 4\n[train]\nepochs = 3\nseeds = 1\n'
FIT = ("clinic.toml", "--no-ledger", "-r", "quick.toml", "--cv", "2x1", "-o")
BENCH = ("bench", "clinic.toml", "--no-ledger", "-r", "quick.toml", "--cv", "2x1", "-o")
COMMANDS = {
    "train": ("train", *FIT, "out", "--resume"),
    "run": ("run", *FIT, "out", "--resume"),
    "build": ("build", "clinic.toml", "-r", "quick.toml", "-o", "out"),
    "bench": (*BENCH, "out"),
}
MARKED = {"predictions.csv", "gene_edges.csv", "results.csv"}  # one of them in each old output
OLD = b"old"
TIMED = {"run.json", "report.html", "timings.csv", "bench.html", "bench.md", "bench.json"}
STARTER = """
import importlib, json, os, pkgutil, sys
import graphfuse, jinja2, matplotlib.backends.backend_svg, mudata, pyarrow.parquet
import safetensors.numpy, sklearn.ensemble, torch_geometric.data
for module in pkgutil.walk_packages(graphfuse.__path__, "graphfuse."):
    importlib.import_module(module.name)
from graphfuse.cli import main
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(asked["folder"])
        heard = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(heard, 1)
        os.dup2(heard, 2)
        sys.stdout = sys.stderr = os.fdopen(heard, "w", buffering=1)
        sys.argv = ["graphfuse", *asked["arguments"]]
        try:
            main()
        except SystemExit as end:
            os._exit(end.code or 0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass
class Shell:
    """Starts commands as processes of their own, from one that has imported what they need."""

    process: subprocess.Popen
    log: Path

    def begin(self, folder: Path, arguments: tuple[str, ...]) -> int:
        """Starts a command; gives its process."""
        self.log.write_text("")
        asked = {"folder": str(folder), "arguments": arguments, "log": str(self.log)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self) -> int:
        """Waits for it; gives its exit code."""
        return int(self.process.stdout.readline())

    def lines(self) -> int:
        return self.log.read_text(errors="replace").count("\n")

    def is_near_its_end(self) -> bool:
        """Whether only files are left to write: a command that goes on says fewer lines."""
        said = self.log.read_text(errors="replace")
        return "graph of" in said or "1 of 1: " in said

    def call(self, folder: Path, arguments: tuple[str, ...]) -> None:
        self.begin(folder, arguments)
        assert self.end() == 0, self.log.read_text()


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", STARTER], **pipes)
    yield Shell(process, tmp_path_factory.mktemp("log") / "log.txt")
    process.stdin.close()
    process.wait()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clinic")
    truth = planted(40, {"rna": 10, "meth": 8}, carriers=4, effect=1.5, seed=6)
    for modality in truth.cohort.modalities.values():
        modality.table.to_csv(folder / f"{modality.name}.csv")
    outcome, ids = truth.cohort.outcome(), truth.cohort.patients
    labels = [outcome.classes[value] for value in outcome.values]
    pd.Series(labels, ids, name="subtype").to_csv(folder / "subtype.csv")
    (folder / "clinic.toml").write_text(MANIFEST)
    (folder / "quick.toml").write_text(RECIPE)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What stands in an output, but for a bench's parts, which only grow."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        str(name): path.read_bytes() for name, path in found.items() if name.parts[0] != "parts"
    }


def numbers(found: dict[str, bytes]) -> dict[str, bytes]:
    """Of an output's files, what does not tell of times."""
    kept = {name: content for name, content in found.items() if Path(name).name not in TIMED}
    kept.pop("graph/graph.h5mu", None)  # holds the times of its making
    kept.pop("graph.h5mu", None)
    if "metrics.json" in kept:
        metrics = json.loads(kept["metrics.json"])
        for kind in ("models", "variants"):
            for row in metrics[kind].values():
                del row["fit_seconds"]
        kept["metrics.json"] = json.dumps(metrics).encode()
    if "scores.csv" in kept:
        kept["scores.csv"] = b""
    return kept


@dataclass
class Trial:
    """A command in a folder of its own, with what was there before and what it makes."""

    shell: Shell
    folder: Path
    arguments: tuple[str, ...]
    old: dict[str, bytes]
    new: dict[str, bytes]
    lines: int
    seconds: float

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def kill(self, chance: random.Random) -> bool:
        """Kills the command at a random moment of its life; whether it was alive then."""
        process, began = self.shell.begin(self.folder, self.arguments), time.monotonic()
        moment, line = chance.uniform(0, self.seconds), chance.randrange(self.lines + 1)
        is_timed = chance.random() < 0.5  # else by what it has said

        def is_time() -> bool:
            if is_timed:
                return time.monotonic() - began > moment
            return self.shell.lines() >= line or self.shell.is_near_its_end()

        while alive(process) and not is_time():
            time.sleep(0.002)
        if not is_timed:
            time.sleep(chance.uniform(0, 2 * self.seconds / (self.lines + 1)))
        if alive(process):
            os.kill(process, signal.SIGKILL)
        was_killed = self.shell.end() == -signal.SIGKILL
        if not was_killed:  # it takes less by now than the first of its kind
            self.seconds = min(self.seconds, time.monotonic() - began)
        return was_killed

    def check(self, was_killed: bool) -> None:
        """The output is the old one or the new one, whole; what is beside it is private."""
        hidden = [path for path in self.folder.iterdir() if path.name.startswith(".")]
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in hidden)
        assert {path.name for path in hidden} <= {".out.graphfuse-work", ".out.resume"}
        found = files(recover(self.out))
        if not was_killed or found != self.old:
            assert numbers(found) == self.new
            self.put_old()

    def put_old(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        for name, content in self.old.items():
            path = self.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if "bench" in self.arguments:
            (self.out / "parts").mkdir()

    def finish(self) -> None:
        """The next command, which nobody kills, makes what it always makes, and sweeps."""
        self.shell.call(self.folder, self.arguments)
        assert numbers(files(self.out)) == self.new
        assert list(self.folder.rglob(".*")) == []


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        said = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return said.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module", params=COMMANDS)
def trial(request, shell, clinic, tmp_path_factory) -> Trial:
    made, folder = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp(request.param)
    for path in clinic.iterdir():
        shutil.copy(path, made)
        shutil.copy(path, folder)
    arguments, began = COMMANDS[request.param], time.monotonic()
    shell.call(made, arguments)
    seconds, new = time.monotonic() - began, files(made / "out")
    old = {name: OLD if name in MARKED else content for name, content in new.items()}
    found = Trial(shell, folder, arguments, old, numbers(new), shell.lines(), seconds)
    found.put_old()
    return found


def killed(trial: Trial, count: int, seed: int) -> None:
    chance, kills = random.Random(seed), 0
    for _ in range(10 * count):  # one that goes on from parts often ends before its moment comes
        if kills == count:
            break
        was_killed = trial.kill(chance)
        kills += was_killed
        trial.check(was_killed)
    assert kills == count
    trial.finish()
    trial.put_old()


@pytest.mark.slow
def test_killed_five_times(trial):
    killed(trial, 5, seed=len(trial.arguments))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(5))
def test_killed_ten_times(trial, seed):
    killed(trial, 10, seed)


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["train"], indirect=True)
def test_sigterm_ends_in_order_and_keeps_what_was_finished(trial):
    process = trial.shell.begin(trial.folder, trial.arguments[:-1])  # without --resume
    while "no-graph" not in trial.shell.log.read_text():
        assert alive(process), trial.shell.log.read_text()
        time.sleep(0.01)
    os.kill(process, signal.SIGTERM)
    assert trial.shell.end() == 143
    said = trial.shell.log.read_text().splitlines()[-1]
    assert said.startswith("graphfuse: stopped; the same command with --resume continues from ")
    assert [name for name in os.listdir(trial.folder) if name.startswith(".")] == [".out.resume"]
    assert files(trial.out) == trial.old
    trial.finish()
    assert "resumed: " in trial.shell.log.read_text()
