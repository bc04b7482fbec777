"""A run directory of a stranger runs, requests, reads and writes nothing outside of it."""

from __future__ import annotations

import json
import os
import shutil
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from graphfuse import api
from graphfuse.data.synth import planted
from graphfuse.files.hashes import file_sha256
from graphfuse.learn.save.seal import sealed

pytestmark = pytest.mark.usefixtures("few_trees")
MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "subtype.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
entity = "gene"
"""
PART = """from pathlib import Path
from graphfuse.nn.slots import Fuse
Path({mark!r}).touch()

class Mean(Fuse):
    def __init__(self, dim, modalities):
        super().__init__()

    def forward(self, h, present):
        return h.mean(2).mean(1)
"""
RECIPE = """name = "quick"
[net]
width = 4
fuse = "{fuse}"
[gene]
network = "net.csv"
[train]
epochs = 1
seeds = 1
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with a cohort, a network, and two runs of it: `plain`, and `own`, with a part that
    leaves a mark wherever it is run."""
    folder = tmp_path_factory.mktemp("lab")
    truth = planted(40, {"rna": 16}, effect=2.0, seed=5)
    (truth.cohort.modalities["rna"].table + 9).to_csv(folder / "rna.csv")
    outcome = truth.cohort.outcome()
    labels = np.asarray(outcome.classes)[outcome.values]
    pd.Series(labels, truth.cohort.patients, name="subtype").to_csv(folder / "subtype.csv")
    truth.network.to_csv(folder / "net.csv", index=False)
    (folder / "cohort.toml").write_text(MANIFEST)
    other = folder / "other"
    other.mkdir()
    fresh = planted(70, {"rna": 16}, effect=2.0, seed=5).cohort.take(range(40, 70))
    ids = [f"new{number}" for number in range(30)]
    (fresh.modalities["rna"].table + 9).set_axis(ids).rename_axis("patient").to_csv(
        other / "rna.csv"
    )
    codes = fresh.outcome().values
    pd.Series(labels[:30] if codes is None else np.asarray(outcome.classes)[codes], ids,
              name="subtype").rename_axis("patient").to_csv(other / "subtype.csv")  # fmt: skip
    (other / "new.toml").write_text(MANIFEST.replace("clinic", "elsewhere"))
    (folder / "part.py").write_text(PART.format(mark=str(folder / "mark")))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, fuse in (("plain", "gated"), ("own", "part.py:Mean")):
            (folder / f"{name}.toml").write_text(RECIPE.format(fuse=fuse))
            api.save_run(
                Path("runs") / name, api.load("cohort.toml"), f"{name}.toml", ranked=False,
                cv=(2, 1), ledger=False, device="cpu",
            )  # fmt: skip
    (folder / "mark").unlink()
    return folder


@pytest.fixture
def here(lab, tmp_path):
    """A copy of the lab that a test may spoil; its part leaves its mark in the lab."""
    (lab / "mark").unlink(missing_ok=True)
    shutil.copytree(lab, tmp_path / "lab")
    yield tmp_path / "lab"
    assert not (lab / "mark").exists()


@pytest.fixture
def beacon(monkeypatch, tmp_path):
    """A server on loopback, where also packages are looked for: its address, and what it was asked
    for. Others who knock at the port by chance do not count."""
    asked, word = [], f"/{uuid4().hex}"

    class Heard(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.extend([self.path] if word in self.path else [])
            self.send_error(404)

        def log_message(self, *_):
            """Nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Heard)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}{word}"
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setenv("GRAPHFUSE_CACHE", str(tmp_path / "cache"))
    yield address, asked
    server.shutdown()
    server.server_close()


COMMANDS = {
    "predict": ("predict", "RUN", "other/new.toml", "-o", "calls.csv"),
    "score": ("score", "RUN", "other/new.toml", "-o", "scored"),
    "rank": ("rank", "RUN"),
}


def called(shell, folder, command: str, run: str, *more: str):
    """What a command says of a run."""
    words = [run if word == "RUN" else word for word in COMMANDS[command]]
    return shell(folder, *words, "-q", *more)


def refused(done, *said: str) -> None:
    """One message on the terminal, with these words, and exit code 2."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("graphfuse: ") == 1 and "Traceback" not in done.stderr, done.stderr
    for words in said:
        assert words in done.stderr, done.stderr


def changed(path: Path, change, seal: bool = False) -> None:
    """A JSON file after `change(table)`, sealed anew where it is a model's."""
    table = json.loads(path.read_text())
    change(table)
    if seal:
        table.pop("sha256")
        table = sealed(table, path.with_name("model.safetensors"))
    path.write_text(json.dumps(table))


def models(run: Path) -> list[Path]:
    return sorted(run.rglob("model.json"))


# ------------------------------------------------------------------------------- parts of one's own


@pytest.mark.parametrize("command", COMMANDS)
def test_a_part_of_ones_own_runs_only_where_it_is_allowed(here, shell, command):
    done = called(shell, here, command, "runs/own")
    refused(done, "part.py:Mean", file_sha256(here / "part.py"), "--allow-part part.py")
    (here / "elsewhere").mkdir()
    other = here / "elsewhere" / "part.py"
    other.write_text((here / "part.py").read_text() + "\n")
    done = called(shell, here, command, "runs/own", "--allow-part", str(other))
    refused(done, str(other), file_sha256(other), file_sha256(here / "part.py"))
    done = called(shell, here, command, "runs/own", "--allow-part", "absent.py")
    refused(done, "--allow-part absent.py: no such .py file")


@pytest.mark.parametrize("command", COMMANDS)
def test_allowed_it_runs(lab, shell, command, tmp_path):
    shutil.copytree(lab, tmp_path / "lab")
    done = called(shell, tmp_path / "lab", command, "runs/own", "--allow-part", "part.py")
    assert done.returncode == 0, done.stderr
    assert (lab / "mark").exists()


@pytest.mark.parametrize("slot", ["encode", "propagate", "fuse", "head"])
@pytest.mark.parametrize(
    "name", ["part.py:Mean", "ABSOLUTE", "../../part.py:Mean", "pyg:os.system"]
)
def test_a_name_in_a_model_is_no_code(here, shell, slot, name):
    name = name.replace("ABSOLUTE", f"{here / 'part.py'}:Mean")

    def change(table):
        table["net"][slot] = [name] if slot == "encode" else name

    for path in models(here / "runs" / "plain"):
        changed(path, change, seal=True)
    for command in COMMANDS:
        refused(called(shell, here, command, "runs/plain"), "is no part that ships")


@pytest.mark.parametrize("name", ["part.py:Mean", "../../part.py:Mean"])
def test_a_recipe_in_a_run_is_no_code(here, shell, name):
    def change(table):
        table["recipe"]["net"] |= {"fuse": name, "encode": name, "head": name, "propagate": name}

    changed(here / "runs" / "plain" / "run.json", change)
    for path in models(here / "runs" / "plain"):
        changed(path, change, seal=True)
    for command in COMMANDS:
        done = called(shell, here, command, "runs/plain")
        if "/" in name:
            refused(done, "which is no bare name")
        else:
            assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------ files and addresses


def stranger(address: str, folder: Path) -> None:
    """A manifest and a network card of a stranger's, whose files are to be fetched."""
    source = '[[source]]\n{}\nsha256 = "' + "0" * 64 + '"\n'
    for name, origin in (("web", f'url = "{address}/x.csv"'), ("pip", 'pypi = "nothing==1.0"')):
        text = MANIFEST.replace("[outcome", source.format(origin) + "[outcome", 1)
        (folder / f"{name}.toml").write_text(text)
        (folder / f"{name}-card.toml").write_text(
            f'name = "n"\nversion = "1"\n{source.format(origin)}[edges]\nfile = "x.csv"\n'
            'source = "a"\ntarget = "b"\n'
        )


@pytest.mark.parametrize(
    "named",
    ["ADDRESS/x.toml", "../web.toml", "../pip.toml", "/dev/zero", "ABSOLUTE", "../../pipe.toml",
     "//host/x.toml", "\\\\host\\x.toml", "", "../../../../../../../../../../../../etc/x.toml"],
)  # fmt: skip
def test_a_manifest_that_a_run_names_requests_nothing(here, shell, beacon, named):
    address, asked = beacon
    stranger(address, here / "runs")
    os.mkfifo(here / "pipe.toml")
    named = named.replace("ADDRESS", address).replace("ABSOLUTE", str(here / "cohort.toml"))
    changed(here / "runs" / "plain" / "run.json", lambda table: table.update(manifest=named))
    refused(called(shell, here, "rank", "runs/plain"), "graphfuse rank runs/plain COHORT")
    assert asked == []


def test_the_cohort_of_the_command_line_wins(here, shell, beacon):
    address, asked = beacon
    stranger(address, here / "runs")
    record = here / "runs" / "plain" / "run.json"
    changed(record, lambda table: table.update(manifest="../web.toml"))
    (here / "runs" / "plain").rename(here / "moved")
    done = shell(here, "rank", "moved", "cohort.toml", "--network", "net.csv", "-q")
    assert done.returncode == 0 and asked == [], done.stderr
    refused(shell(here, "rank", "moved", "other/new.toml", "-q"), "not, or no longer, those of")


@pytest.mark.parametrize("named", ["ADDRESS/x.csv", "../web-card.toml", "../pip-card.toml",
                                   "/dev/zero", "../../pipe.csv"])  # fmt: skip
@pytest.mark.parametrize("place", ["recipe", "given", "aliases"])
def test_a_network_that_a_run_names_requests_nothing(here, shell, beacon, named, place):
    address, asked = beacon
    stranger(address, here / "runs")
    os.mkfifo(here / "pipe.csv")
    named = named.replace("ADDRESS", address)

    def change(table):
        if place == "given":
            table["fitted"]["network"] = named
        else:
            table["recipe"]["gene"]["network" if place == "recipe" else place] = named

    changed(here / "runs" / "plain" / "run.json", change)
    refused(called(shell, here, "rank", "runs/plain"))
    assert asked == []


FILES = {
    "run.json": "score",
    "folds.csv": "predict",
    "metrics.json": "rank",
    "predictions.csv": "rank",
    "model/model.json": "predict",
    "model/model.safetensors": "score",
    "model/folds/r0f0/model.json": "rank",
}  # and a command that reads it


@pytest.mark.parametrize("name", FILES)
def test_a_link_that_leads_out_is_not_followed(here, shell, name):
    path = here / "runs" / "plain" / name
    path.rename(here / path.name)
    path.symlink_to(here / path.name)
    refused(called(shell, here, FILES[name], "runs/plain"), "is a link that leads out of")


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_among_its_files_keeps_nobody_waiting(here, shell, name):
    path = here / "runs" / "plain" / name
    path.unlink()
    os.mkfifo(path)
    done = called(shell, here, FILES[name], "runs/plain")
    assert done.returncode == 0 or not refused(done)


def test_nothing_is_written_through_a_link(here, shell):
    outside = here / "outside"
    outside.mkdir()
    (outside / "README.txt").write_text("mine")
    (here / "runs" / "plain" / "rankings").symlink_to(outside)
    refused(called(shell, here, "rank", "runs/plain"), "is a link that leads out of")
    assert [path.name for path in outside.iterdir()] == ["README.txt"]
    (here / "runs" / "plain" / "rankings").unlink()
    (here / "page.html").write_text("mine")
    (here / "runs" / "plain" / "report.html").unlink()
    (here / "runs" / "plain" / "report.html").symlink_to(here / "page.html")
    assert called(shell, here, "rank", "runs/plain").returncode == 0
    assert (here / "page.html").read_text() == "mine"


@pytest.mark.parametrize("fold", ["../../../x", "1e9", "-1", "0.5", "inf", "999999999"])
def test_names_of_folds_lead_nowhere(here, shell, fold):
    path = here / "runs" / "plain" / "folds.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[table["fold"] == "1", "fold"] = fold
    table.to_csv(path, index=False)
    refused(called(shell, here, "rank", "runs/plain"))


def test_what_it_says_of_itself_is_text_in_the_report(here, shell):
    word = "<script>alert(1)</script>"

    def change(table):
        table["notices"] = [word]
        table["device"] = table["cohort"] = table["created"] = word
        table["packages"][word] = word
        table["fitted"]["checks"] = [word]
        table["fitted"]["gates"][word] = {word: 0.5}
        table["recipe"]["title"] = word

    changed(here / "runs" / "plain" / "run.json", change)
    assert called(shell, here, "rank", "runs/plain").returncode == 0
    assert "<script>alert" not in (here / "runs" / "plain" / "report.html").read_text()
