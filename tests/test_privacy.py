"""Where patients' ids go: every file that every command writes is searched for every id, and those
that hold one are the ones that README lists; no id and no small number is printed."""

import base64
import fnmatch
import gzip
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from graphfuse.data.synth import planted

pytestmark = pytest.mark.usefixtures("few_trees")
ROOT = Path(__file__).parents[1]
COUNT, RARE = 48, 3
IDS = [f"QXV{number:03d}ZJK" for number in range(COUNT)]
NEW = [f"WYH{number:03d}ZJK" for number in range(COUNT)]
BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}")
ANY_ID = re.compile(rb"(QXV|WYH)\d{3}ZJK")

MANIFEST = """name = "{name}"
[outcome.subtype]
kind = "class"
file = "about.csv"
column = "subtype"
[outcome.rare]
kind = "class"
file = "about.csv"
column = "rare"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "z-score"
entity = "gene"
[modality.meth]
file = "meth.csv"
kind = "omics"
values = "m-value"
[groups]
site = {{ file = "about.csv", column = "site" }}
"""
RECIPE = """name = "quick"
[patient]
neighbours = 3
[gene]
network = "edges.csv"
[net]
width = 4
[train]
epochs = 2
seeds = 1
"""
COMMANDS = {
    "init": "init here/rna.csv here/about.csv -o drafted.toml",
    "check": "check here/m.toml --recipe quick.toml --cv 2x1",
    "check rare": "check here/m.toml --target rare",
    "plan": "plan here/m.toml --recipe quick.toml --cv 2x1 --no-ledger",
    "audit": "audit here/m.toml --folds folds.csv",
    "audit twins": "audit twins/m.toml -o findings.csv",
    "build": "build here/m.toml --recipe quick.toml -o graphs",
    "train": "train here/m.toml --recipe quick.toml --cv 2x1 --no-ledger -o trained",
    "run": "run here/m.toml --recipe quick.toml --cv 2x1 --no-ledger -o run",
    "rank": "rank trained --top 3",
    "predict": "predict run there/m.toml -o new/predictions.csv",
    "predict few": "predict run few/m.toml -o few/predictions.csv",
    "predict known": "predict run here/m.toml -o known/predictions.csv",
    "score": "score run there/m.toml",
    "subtype": "subtype here/m.toml --recipe quick.toml --layer rna -k 2 --resamples 2 -o subtypes",
    "bench": "bench here/m.toml --recipe quick.toml --cv 2x1 --no-ledger -o bench",
    "nulls": "nulls here/m.toml --recipe quick.toml --cv 2x1 -o nulls.csv",
    "fetch": "fetch here/m.toml",
    "a fault": "train broken/m.toml --recipe quick.toml -o broken-run",
    "a leak": "score run here/m.toml",
}
REFUSED = ("a fault", "a leak")


def lay(folder, ids, seed, rows=COUNT):
    """Tables and a manifest of patients with these ids; three are of a rare class, four of a small
    site, one lacks a table."""
    folder.mkdir()
    truth = planted(COUNT, {"rna": 20, "meth": 12}, carriers=5, effect=2.0, seed=seed)
    outcome = truth.cohort.outcome()
    keep = np.arange(COUNT)[:rows]
    for modality in truth.cohort.modalities.values():
        table = modality.table.set_axis(pd.Index(ids, name="id"), axis=0).iloc[keep]
        table.iloc[1 if modality.name == "meth" else 0 :].to_csv(folder / f"{modality.name}.csv")
    about = {
        "subtype": np.asarray(outcome.classes)[outcome.values],
        "rare": np.where(np.arange(COUNT) < RARE, "scarce", "usual"),
        "site": np.where(np.arange(COUNT) < 4, "small", "large"),
    }
    pd.DataFrame(about, pd.Index(ids, name="id")).iloc[keep].to_csv(folder / "about.csv")
    (folder / "m.toml").write_text(MANIFEST.format(name=folder.name))
    return truth


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("private")
    truth = lay(folder / "here", IDS, 5)
    lay(folder / "there", NEW, 6)
    lay(folder / "few", NEW, 7, rows=3)
    lay(folder / "broken", IDS, 5)
    lay(folder / "twins", IDS, 8)
    twins = pd.read_csv(folder / "twins" / "rna.csv", index_col=0)
    twins.iloc[10:15] = twins.iloc[20:25].to_numpy()
    twins.to_csv(folder / "twins" / "rna.csv")
    truth.network.to_csv(folder / "edges.csv", index=False)
    (folder / "quick.toml").write_text(RECIPE)
    folds = pd.DataFrame({"patient": IDS, "fold": np.arange(COUNT) % 2})
    folds.to_csv(folder / "folds.csv", index=False)
    broken = pd.read_csv(folder / "broken" / "rna.csv", dtype=str)
    broken = pd.concat([broken, broken.iloc[:2]])  # two patients twice
    broken.iloc[3, 1] = "abc"
    broken.to_csv(folder / "broken" / "rna.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def done(place, shell):
    """What each command printed; the given files are named in the last step."""
    given = {path for path in place.rglob("*") if path.is_file()}
    printed = {name: shell(place, *line.split()) for name, line in COMMANDS.items()}
    written = [path for path in place.rglob("*") if path.is_file() and path not in given]
    return printed, sorted(written)


def contents(path):
    """All bytes that a file may hold, unpacked where it packs them; text of two and four bytes a
    letter too."""
    content = path.read_bytes()
    yield content
    yield content.replace(b"\0", b"")
    for packed in BASE64.findall(content):
        yield base64.b64decode(packed[: len(packed) // 4 * 4])
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        yield pd.read_parquet(path).to_csv().encode()
    if path.suffix in (".h5mu", ".h5ad"):
        found = []
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.append(_cells(item)))
        yield b"\n".join(found)


def _cells(item):
    is_text = isinstance(item, h5py.Dataset) and item.dtype.kind in "OS"
    return b"\n".join(np.atleast_1d(item[()]).astype(bytes)) if is_text else b""


def documented():
    """Patterns of files in README's table, and what stands beside them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Before you share a run")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*`[^|]*) \|", section, re.M)
    return [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row)]


@pytest.mark.slow
def test_every_command_of_the_shell_is_gone_through(done):
    from graphfuse.cli import app

    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    tried = {line.split()[0] for line in COMMANDS.values()}
    # which read no patients, and one patient, whom it names as asked for
    assert names - tried == {"check-part", "explain"}
    printed, _ = done
    for name, result in printed.items():
        assert result.returncode == (2 if name in REFUSED else 0), (name, result.stderr)


@pytest.mark.slow
def test_files_with_ids_are_those_that_readme_lists(place, done):
    holding = {
        path.relative_to(place).as_posix()
        for path in done[1]
        if any(ANY_ID.search(content) for content in contents(path))
    }
    patterns = documented()
    unlisted = {
        name for name in holding if not any(fnmatch.fnmatch(f"/{name}", f"*/{p}") for p in patterns)
    }
    assert not unlisted
    idle = {p for p in patterns if not any(fnmatch.fnmatch(f"/{n}", f"*/{p}") for n in holding)}
    assert not idle


@pytest.mark.slow
def test_no_id_is_printed(done):
    for name, result in done[0].items():
        said = f"{result.stdout}\n{result.stderr}"
        assert not ANY_ID.search(said.encode()), (name, ANY_ID.search(said.encode()))


SMALL = re.compile(r"(?<![\w.,<-])[1-4] (?:of \d+ )?(?:labelled )?patients?\b|(?:scarce|small) \d")


@pytest.mark.slow
def test_no_small_number_of_patients_is_printed(done):
    for name, result in done[0].items():
        if name not in REFUSED:  # which count what is to be corrected
            said = f"{result.stdout}\n{result.stderr}"
            assert not SMALL.search(said), (name, SMALL.search(said)[0], said)
    check, few = done[0]["check"].stdout, done[0]["predict few"].stdout
    assert "scarce <5, usual 45; unlabelled some or none" in check
    assert "group site: 2 values, <5 to 44 patients each; some or none unknown" in check
    assert "<5 patients have rna" in check and few.startswith("<5 patients predicted (")
