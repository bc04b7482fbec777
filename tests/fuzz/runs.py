"""Run directories spoiled by a seed, with and without the seal made again, at commands that read
them."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load, save

import graphfuse as gf
from graphfuse import api
from graphfuse.files.hashes import text_sha256

from .doors import Tried, called
from .mutate import NUMBERS, WORDS, spoiled_bytes, spoiled_shape, spoiled_table, spoiled_value
from .valid import GENES

Files = dict[str, bytes]
MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "about.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
entity = "gene"
values = "z-score"
[modality.about]
file = "about.csv"
kind = "ehr"
columns = ["age", "sex", "stage"]
types = { stage = "ordinal" }
"""
RECIPES = {
    "one": {
        "patient": {
            "weight": "similarity",
            "layers": ["rna", "shared", "kin"],
            "layer": {
                "kin": {"edges": "kin.csv"},
                "shared": {"similarity": "euclidean", "rule": "mutual"},
            },
        },
        "gene": {"network": "edges.csv"},
        "pathways": {"sets": "sets.gmt", "least": 2},
        "net": {"width": 4, "encode": {"default": "table", "gene": "network"}, "fuse": "stack"},
    },
    "two": {
        "patient": {"layers": ["snf", "about"], "neighbours": 4, "layer": {"about": {
            "similarity": "gower", "rule": "mean-degree"}}},
        "gene": {"network": "edges.csv"},
        "concepts": {"planes": 2, "codes": 3, "components": 3, "epochs": 2, "edges": "nearest"},
        "signalling": {"kinds": {"tran": ["rna"]}, "interact": "tran", "links": []},
        "net": {"width": 4, "propagate": "attention", "bridge": "linear", "rounds": 2},
        "prepare": {"steps": ["impute", "select", "scale"]},
    },
}  # fmt: skip
LAIR = "graphfuse-lair-"
COMMANDS = (
    ["predict", "run", "other/new.toml", "-o", "calls.csv"],
    ["predict", "run", "cohort.toml", "-o", "calls.csv", "--allow-shift"],
    ["score", "run", "other/new.toml", "-o", "scored"],
    ["rank", "run"],
    ["rank", "run", "cohort.toml", "--network", "edges.csv"],
)


@cache
def cohort_files() -> Files:
    """Two cohorts of the same columns, a network, gene sets and kin."""
    draw = np.random.default_rng(11)
    made = {"cohort.toml": MANIFEST.encode(), "other/new.toml": MANIFEST.encode()}
    for folder, count in (("", 30), ("other/", 14)):
        ids = [f"{folder[:1] or 'P'}{number:02d}" for number in range(count)]
        labels = np.arange(count) % 2
        rna = draw.normal(size=(count, 8)) + labels[:, None] * (np.arange(8) < 3)
        frame = pd.DataFrame(rna.round(3), ids, GENES).rename_axis("patient")
        frame[frame.index < ids[3]] = np.nan
        about = pd.DataFrame(
            {
                "subtype": np.where(labels, "wild", "calm"),
                "age": draw.integers(30, 80, count),
                "sex": np.where(np.arange(count) % 3, "f", "m"),
                "stage": np.array(["I", "II", "III"])[np.arange(count) % 3],
            },
            pd.Index(ids, name="patient"),
        )
        made[f"{folder}rna.csv"] = frame.to_csv().encode()
        made[f"{folder}about.csv"] = about.to_csv().encode()
    pairs = [(one, other) for one in GENES for other in GENES if one < other][:14]
    made["edges.csv"] = "\n".join(["source,target", *map(",".join, pairs)]).encode()
    made["sets.gmt"] = b"ONE\tx\tTP53\tEGFR\tKRAS\nTWO\tx\tMYC\tESR1\tKRAS\n"
    made["kin.csv"] = b"source,target\nP04,P05\nP06,P07\nP08,P09\no05,P10\n"
    return made


@cache
def run_files(name: str) -> Files:
    """The files of a run directory of that recipe, ranked, by path; trained with absolute paths, in
    a folder whose name begins with `LAIR`."""
    made = {"name": name, **RECIPES[name], "train": {"epochs": 1, "seeds": 1}}
    with tempfile.TemporaryDirectory(prefix=LAIR) as folder:
        place = Path(folder)
        lay(cohort_files(), place)
        for section, key in (("pathways", "sets"), ("gene", "network")):
            if section in made:
                made[section] = made[section] | {key: str(place / made[section][key])}
        layers = made["patient"]["layer"]
        kin = {"kin": {"edges": str(place / "kin.csv")}} if "kin" in layers else {}
        made["patient"] = made["patient"] | {"layer": layers | kin}
        recipe = gf.Recipe.model_validate(made)
        cohort = api.load(place / "cohort.toml")
        run = place / "run"
        api.save_run(run, cohort, recipe, ranked=True, cv=(2, 1), ledger=False, device="cpu")
        paths = [path for path in sorted(run.rglob("*")) if path.is_file()]
        return {f"run/{path.relative_to(run)}": path.read_bytes() for path in paths}


def read_files(name: str) -> Files:
    """Those of `run_files` that any command reads."""
    found = run_files(name).items()
    return {path: content for path, content in found if not path.startswith("run/graph/")}


def lay(content: Files, folder: Path) -> None:
    """Writes files into a folder."""
    for name, written in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(written)


def tried(seed: int, folder: Path) -> Tried:
    """Brings the run directory of this seed to a command, in an empty `folder`, and judges."""
    source = random.Random(seed)
    content = read_files(source.choice(list(RECIPES)))
    spoil = source.choices(_WAYS, _WEIGHTS)[0]
    told = spoil(content, source)
    lay(cohort_files() | content, folder)
    command = source.choices(COMMANDS, (6, 4, 3, 0.5, 0.5))[0]  # a ranking takes longest
    fault = called([*command, "--quiet"], folder) or not_finite(folder)
    return Tried(seed, f"{spoil.__name__[1:]} {told}: {' '.join(command)}", fault)


def not_finite(folder: Path) -> str:
    """What is wrong with the numbers that a command wrote, which must be there."""
    calls = folder / "calls.csv"
    if calls.is_file():
        table = pd.read_csv(calls)
        chances = table.filter(regex="^p_").to_numpy(float)
        if not (np.isfinite(chances).all() and np.allclose(chances.sum(1), 1)):
            return f"probabilities of no number:\n{table}"
    for path in (folder / "scored").rglob("*.json"):
        if {"NaN", "Infinity"} & set(path.read_text().replace("-", " ").replace(",", " ").split()):
            return f"{path.name} holds what is no number"
    return ""


# ---------------------------------------------------------------------------------- what is spoiled


def _model(content: Files, source: random.Random) -> str:
    """The folder of one of the models."""
    found = sorted(name.removesuffix("/model.json") for name in content if "/model.json" in name)
    return source.choice([found[-1], *found])


def _seal(content: Files, model: str, table: dict) -> None:
    """Writes a model's description, sealed for the arrays that are there."""
    from hashlib import sha256

    plain = {key: value for key, value in table.items() if key != "sha256"}
    plain = json.loads(json.dumps(plain))
    tensors = sha256(content[f"{model}/model.safetensors"]).hexdigest()
    sealed = plain | {"sha256": text_sha256(json.dumps(plain) + tensors)}
    content[f"{model}/model.json"] = json.dumps(sealed).encode("utf-8", "replace")


def _bytes(content: Files, source: random.Random) -> str:
    name = source.choice(sorted(content))
    content[name] = spoiled_bytes(content[name], source)
    return name


def _keys(content: Files, source: random.Random) -> str:
    """Keys of a model's description, sealed anew."""
    model = _model(content, source)
    table = spoiled_shape(json.loads(content[f"{model}/model.json"]), source)
    _seal(content, model, table)
    return model


def _a_value(content: Files, source: random.Random) -> str:
    """One value of a model's description, as near or as far as may be, sealed anew."""
    model = _model(content, source)
    table = json.loads(content[f"{model}/model.json"])
    said = _leaf(table, source)
    _seal(content, model, table)
    return f"{model} {said}"


def _leaf(table: dict, source: random.Random) -> str:
    """Changes one leaf of a tree of tables and lists; gives where, and to what."""
    place, path = table, []
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if inner and source.random() < 0.8:
            key = source.choice(inner)
            place, path = place[key], [*path, key]
            continue
        key = source.choice(keys)
        place[key] = _other(place[key], source)
        return f"{'.'.join(map(str, [*path, key]))} = {str(place[key])[:60]!r}"


def _other(value, source: random.Random):
    """A value like this one, or of another kind."""
    if isinstance(value, bool):
        return source.choice([not value, int(value), None, str(value)])
    if isinstance(value, int | float) and source.random() < 0.6:
        return source.choice(
            [value + 1, value - 1, -value, value * 2, 0, -1, 1e300, 10**9, True, str(value), None]
        )
    if isinstance(value, str) and source.random() < 0.6:
        return source.choice([value + "x", "", value.upper(), source.choice(WORDS), "../../x"])
    return spoiled_value(value, source)


def _array(content: Files, source: random.Random) -> str:
    """An array of a model, sealed anew."""
    model = _model(content, source)
    arrays = load(content[f"{model}/model.safetensors"])
    name = source.choice(sorted(arrays))
    way = source.choice(_TO_ARRAYS)
    with np.errstate(all="ignore"):
        way(arrays, name, source)
    content[f"{model}/model.safetensors"] = save(
        {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    )
    _seal(content, model, json.loads(content[f"{model}/model.json"]))
    return f"{model} {name} {way.__name__}"


def _swapped_files(content: Files, source: random.Random) -> str:
    """Files that change places, are doubled, or are gone."""
    names = sorted(content)
    one, other = source.sample(names, 2)
    if source.random() < 0.5:
        alike = [name for name in names if name.rpartition("/")[2] == one.rpartition("/")[2]]
        other = source.choice(alike)
    way = source.choice(("swap", "copy", "remove", "folder"))
    if way == "swap":
        content[one], content[other] = content[other], content[one]
    elif way == "copy":
        content[one] = content[other]
    elif way == "remove":
        del content[one]
    else:
        start = one.rpartition("/")[0] + "/"
        for name in [name for name in names if name.startswith(start) and start != "run/"]:
            del content[name]
    return f"{way} {one} {other}"


def _table(content: Files, source: random.Random) -> str:
    name = source.choice(sorted(name for name in content if name.endswith(".csv")))
    content[name] = spoiled_table(content[name], source)
    return name


def _json(content: Files, source: random.Random) -> str:
    """A JSON file that has no seal."""
    names = [name for name in content if name.endswith(".json") and "model" not in name]
    name = source.choice(sorted(names))
    table = json.loads(content[name])
    said = ""
    if source.random() < 0.6:
        said = _leaf(table, source)
    else:
        table = spoiled_shape(table, source)
    content[name] = json.dumps(table).encode("utf-8", "replace")
    return f"{name} {said}"


def _header(content: Files, source: random.Random) -> str:
    """The header of a file of arrays: a length, a shape or an offset that is not so."""
    model = _model(content, source)
    name = f"{model}/model.safetensors"
    whole = content[name]
    length = int.from_bytes(whole[:8], "little")
    if source.random() < 0.4:
        size = source.choice((0, 1, length + 1, 2**31, 2**60, 2**64 - 1))
        content[name] = size.to_bytes(8, "little") + whole[8:]
    else:
        header = json.loads(whole[8 : 8 + length])
        _leaf(header, source)
        written = json.dumps(header).encode("utf-8", "replace")
        content[name] = len(written).to_bytes(8, "little") + written + whole[8 + length :]
    _seal(content, model, json.loads(content[f"{model}/model.json"]))
    return model


# --------------------------------------------------------------------------------------- to arrays

Arrays = dict[str, np.ndarray]


def _one(arrays: Arrays, name: str, source: random.Random) -> None:
    """Some of its numbers are others."""
    array = arrays[name].copy()
    flat = array.reshape(-1)
    number = source.choice([*NUMBERS, 7, -7, 255, 1e30, -1e30])
    for _ in range(source.choice((1, 1, 3))):
        if flat.size:
            _put(flat, source.randrange(flat.size), number)
    arrays[name] = array


def _all(arrays: Arrays, name: str, source: random.Random) -> None:
    array = arrays[name].copy()
    _put(array.reshape(-1), slice(None), source.choice(NUMBERS))
    arrays[name] = array


def _put(flat: np.ndarray, place, number) -> None:
    try:
        flat[place] = number
    except (OverflowError, ValueError):  # what an integer cannot hold
        flat[place] = np.iinfo(flat.dtype).max if flat.dtype.kind in "iu" else np.inf


def _scaled(arrays: Arrays, name: str, source: random.Random) -> None:
    factor = source.choice((-1, 0, 2, 1e10, 1e30, 1e200))
    arrays[name] = (arrays[name].astype(float) * factor).astype(arrays[name].dtype)


def _permuted(arrays: Arrays, name: str, source: random.Random) -> None:
    array = arrays[name]
    if array.ndim:
        draw = np.random.default_rng(source.randrange(2**32))
        arrays[name] = draw.permutation(array, axis=source.randrange(array.ndim))


def _reshaped(arrays: Arrays, name: str, source: random.Random) -> None:
    array = arrays[name]
    ways = [array.reshape(-1), array[None]]
    if array.ndim:
        ways += [array.T, array[:0], array[:-1], array[..., :-1]]
        ways += [np.concatenate([array, array]), np.concatenate([array, array[:1]])]
    arrays[name] = source.choice(ways)


def _retyped(arrays: Arrays, name: str, source: random.Random) -> None:
    kind = source.choice(("f4", "f8", "f2", "i8", "i4", "u1", "i1", "u8", "?"))
    arrays[name] = arrays[name].astype(kind)


def _gone(arrays: Arrays, name: str, source: random.Random) -> None:
    del arrays[name]


def _renamed(arrays: Arrays, name: str, source: random.Random) -> None:
    array = arrays.pop(name) if source.random() < 0.5 else arrays[name]
    start = name.rpartition("/")[0]
    new = source.choice(
        [f"{name}x", f"{start}/x", "net7/states", "../x", "x" * 300, "tables//mean"]
    )
    arrays[new] = array


def _exchanged(arrays: Arrays, name: str, source: random.Random) -> None:
    alike = [key for key, value in arrays.items() if value.shape == arrays[name].shape]
    other = source.choice(alike if source.random() < 0.7 else sorted(arrays))
    arrays[name], arrays[other] = arrays[other], arrays[name]


_TO_ARRAYS: tuple[Callable, ...] = (
    _one, _one, _one, _all, _all, _scaled, _scaled, _permuted, _permuted, _reshaped, _reshaped,
    _retyped, _gone, _renamed, _exchanged, _exchanged,
)  # fmt: skip
_WAYS = (_bytes, _keys, _a_value, _array, _swapped_files, _table, _json, _header)
_WEIGHTS = (10, 14, 20, 34, 6, 8, 14, 4)
