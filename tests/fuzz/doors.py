"""One damaged input a seed, the public door that it is brought to, and what may come of it."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import logging
import os
import random
import signal
import sys
import tomllib
import traceback
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

import typer

from graphfuse.cli import main
from graphfuse.errors import GraphfuseError

from .mutate import spoiled_bytes, spoiled_shape, spoiled_table, toml
from .valid import CARD, MANIFEST, RECIPE, files

SECONDS = 20  # of a processor's time that an input may take; most take a twentieth of one
PATIENCE = 180  # seconds in all, on a machine that has other things to do


_command = cache(typer.main.get_command)  # made again at every call, it takes a third of the time


class TooLong(BaseException):
    """An input that took more than its time."""


@dataclass(frozen=True)
class Tried:
    """An input by its seed, what was called, and what is wrong with the answer (blank: none)."""

    seed: int
    call: str
    fault: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.call}\n{self.fault}"


def tried(seed: int, folder: Path) -> Tried:
    """Brings the input of this seed to its door, in an empty `folder`, and judges the answer."""
    source = random.Random(seed)
    content = dict(files())
    kind = source.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
    manifest, recipe, card = MANIFEST, RECIPE, CARD
    spoil = _KINDS[kind][1]
    content |= {
        "cohort.toml": toml(manifest).encode(),
        "recipe.toml": toml(recipe).encode(),
        "card.toml": toml(card).encode(),
    }
    call = spoil(content, source)
    _lay(content, folder)
    before = {path.name for path in folder.iterdir()}
    said = _read_folds(folder) if call == ["folds"] else called(call, folder)
    fault = said or _left_over(folder, before)
    return Tried(seed, f"{kind}: {' '.join(call)}", fault)


def _lay(content: dict[str, bytes], folder: Path) -> None:
    (folder / "folder").mkdir()
    for name, written in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(written)


# ---------------------------------------------------------------------------- what is spoiled, how


def _a_table(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A text table, spoiled by cells or by bytes, at check or at init."""
    tables = ("rna.csv", "meth.tsv", "about.csv", "about.csv", "labs.csv", "counts.csv", "map.tsv")
    name = source.choice(tables)
    spoil = spoiled_bytes if source.random() < 0.3 else spoiled_table
    content[name] = spoil(content[name], source)
    return source.choice((_CHECK, _CHECK, ["init", "rna.csv", "meth.tsv", "about.csv", *_TO]))


def _a_format(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A table in another format, its bytes spoiled."""
    name = source.choice(("rna.parquet", "rna.npz", "rna.npy", "rna.h5ad", "rna.csv.gz"))
    import gzip

    content["rna.csv.gz"] = gzip.compress(content["rna.csv"], mtime=0)
    other = "rna.ids.txt" if name == "rna.npy" and source.random() < 0.3 else name
    content[other] = spoiled_bytes(content[other], source)
    changed = MANIFEST | {"modality": MANIFEST["modality"] | {"rna": {**_RNA, "file": name}}}
    content["cohort.toml"] = toml(changed).encode()
    return source.choice((_CHECK, ["init", name, "about.csv", *_TO]))


def _a_manifest(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A manifest, spoiled by its keys or by its bytes."""
    content["cohort.toml"] = _spoiled_toml(MANIFEST, source)
    return source.choice((_CHECK, _CHECK, ["fetch", "cohort.toml"]))


def _a_recipe(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A recipe or one of its files, at check or at build."""
    if source.random() < 0.7:
        content["recipe.toml"] = _spoiled_toml(RECIPE, source)
    else:
        name = source.choice(("aliases.csv", "family.csv", "sets.gmt", "edges.csv"))
        content[name] = spoiled_bytes(content[name], source)
    checked = [*_CHECK, "--recipe", "recipe.toml"]
    built = ["build", "cohort.toml", "--recipe", "recipe.toml", "-o", "out"]
    return source.choice((checked, checked, checked, built))


def _a_network(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A network: a card, or an edge list spoiled by cells or bytes."""
    how = source.random()
    if how < 0.4:
        content["card.toml"] = _spoiled_toml(CARD, source)
    elif how < 0.8:
        content["edges.csv"] = spoiled_table(content["edges.csv"], source)
    else:
        content["edges.csv"] = spoiled_bytes(content["edges.csv"], source)
    network = "card.toml" if how < 0.4 else "edges.csv"
    return [*_CHECK, "--network", network]


def _some_folds(content: dict[str, bytes], source: random.Random) -> list[str]:
    spoil = spoiled_bytes if source.random() < 0.3 else spoiled_table
    content["folds.csv"] = spoil(content["folds.csv"], source)
    return source.choice((["folds"],) * 4 + (["audit", "cohort.toml", "--folds", "folds.csv"],))


def _a_command(content: dict[str, bytes], source: random.Random) -> list[str]:
    """A command line with words that do not belong there."""
    from .mutate import NUMBERS, WORDS

    words = [*WORDS, *map(str, NUMBERS), "--cv", "--target", "-o", "--seed", "--device", "--folds"]
    words = [word for word in words if "\0" not in word]
    verb = source.choice(("check", "build", "train", "rank", "predict", "init", "score"))
    named = source.choice(([], ["cohort.toml"], ["folder"], ["folder", "cohort.toml"]))
    more = [source.choice(words) for _ in range(source.randrange(1, 4))]
    return [verb, *named, *more]


def _spoiled_toml(table: dict, source: random.Random) -> bytes:
    if source.random() < 0.75:
        return toml(spoiled_shape(table, source)).encode("utf-8", "replace")
    return spoiled_bytes(toml(table).encode(), source)


_CHECK = ["check", "cohort.toml"]
_TO = ["-o", "draft.toml"]
_ALLOWED = (0, 2)  # exit codes
_RNA = MANIFEST["modality"]["rna"]
_KINDS = {
    "table": (36, _a_table),
    "format": (9, _a_format),
    "manifest": (20, _a_manifest),
    "recipe": (14, _a_recipe),
    "network": (12, _a_network),
    "folds": (7, _some_folds),
    "command": (6, _a_command),
}


# -------------------------------------------------------------------------------- what comes of it


def called(arguments: list[str], folder: Path) -> str:
    """What is wrong with the answer of the shell's command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    code, wrong = 0, ""
    with (
        _within(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch("typer.main.get_command", _command),
    ):
        argv, sys.argv = sys.argv, ["graphfuse", *arguments]
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        except (Exception, TooLong):
            wrong = traceback.format_exc()
        finally:
            sys.argv = argv
    if wrong:
        return wrong
    said = err.getvalue()
    if code not in _ALLOWED:
        return f"exit code {code}\n{said}"
    if "Traceback" in said or "Warning:" in said:
        return f"more than a message on the terminal\n{said}"
    usage = "Usage:" in said or said.startswith("Error: ")  # what click says of a command line
    messages = [line for line in said.splitlines() if line.startswith("graphfuse: ")]
    if code == 2 and len(messages) != 1 and not usage:
        return f"exit code 2 without one message\n{said}\n{out.getvalue()[-300:]}"
    return _is_drafted(folder, arguments) if code == 0 else ""


def _is_drafted(folder: Path, arguments: list[str]) -> str:
    """What is wrong with the draft that init wrote."""
    if arguments[0] != "init" or not (folder / "draft.toml").is_file():
        return ""
    try:
        tomllib.loads((folder / "draft.toml").read_text("utf-8"))
    except ValueError as error:
        return f"init drafted what is no TOML: {error}"
    return called(["check", "draft.toml"], folder)


def _read_folds(folder: Path) -> str:
    """What is wrong with the answer to a folds file."""
    import numpy as np
    import pandas as pd

    from graphfuse.evaluate.folds import read_folds, splits

    from .valid import PATIENTS

    codes = np.arange(len(PATIENTS)) % 2
    with _within(folder):
        try:
            table = read_folds(folder / "folds.csv", pd.Index(PATIENTS), codes >= 0)
            splits(table, codes >= 0)
        except GraphfuseError:
            return ""
        except (Exception, TooLong):
            return traceback.format_exc()
    return ""


def _left_over(folder: Path, before: set[str]) -> str:
    """What a command left half written."""
    new = {path.name for path in folder.iterdir()} - before
    hidden = sorted(name for name in new if name.startswith("."))
    return f"left behind: {hidden}" if hidden else ""


@contextlib.contextmanager
def _within(folder: Path):
    """Works in `folder`, for a limited time; afterwards all is as it was."""

    def stop(number, frame):
        raise TooLong(f"more than {SECONDS} seconds of work, or {PATIENCE} in all")

    home = Path.cwd()
    handlers = {kind: signal.signal(kind, stop) for kind in (signal.SIGALRM, signal.SIGPROF)}
    root, own = logging.getLogger(), logging.getLogger("graphfuse")
    logs = root.handlers[:], root.level, own.level
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    # No signal reaches a library in C that loops for ever: then the process ends, and says where.
    faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
    os.chdir(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            for hidden in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
                warnings.simplefilter("ignore", hidden)  # as Python does outside of tests
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)
        os.chdir(home)
        root.handlers[:] = logs[0]
        root.setLevel(logs[1])
        own.setLevel(logs[2])
