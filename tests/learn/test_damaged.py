"""Models that were changed and sealed anew: refused in one message that says what is wrong."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from graphfuse.errors import InputError
from graphfuse.files.json import read_json
from graphfuse.learn.model import FusionModel
from graphfuse.learn.save.seal import sealed

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.fixture
def one(tmp_path):
    shutil.copytree(GOLDEN / "one" / "run" / "model", tmp_path / "one")
    return tmp_path / "one"


@pytest.fixture
def two(tmp_path):
    shutil.copytree(GOLDEN / "two" / "run" / "model", tmp_path / "two")
    return tmp_path / "two"


def forged(folder: Path, change=None, arrays=None) -> None:
    """A model after `change(description)` and `arrays(arrays)`, sealed anew."""
    tensors = folder / "model.safetensors"
    table = json.loads((folder / "model.json").read_text())
    table.pop("sha256")
    if change is not None:
        change(table)
    if arrays is not None:
        found = load_file(tensors)
        arrays(found)
        save_file({key: np.ascontiguousarray(value) for key, value in found.items()}, tensors)
    (folder / "model.json").write_text(json.dumps(sealed(table, tensors)))


def refused(folder: Path, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        FusionModel.load(folder)
    assert "not as graphfuse wrote it" not in str(error.value)  # which is what nobody foresaw


def at(table, path: str):
    """The table or list in which a dotted path ends, and its last step."""
    *steps, last = path.split(".")
    for step in steps:
        table = table[int(step) if isinstance(table, list) else step]
    return table, int(last) if isinstance(table, list) else last


@pytest.mark.parametrize(
    ("schema", "said"),
    [(0, "schema 0 never was one"), (-1, "schema -1 never was"), (True, "schema True never was"),
     ("1", "schema '1' never was"), (1.0, "schema 1.0 never was"), (None, "it has no schema"),
     (2, "schema 2 is newer than this graphfuse reads")],
)  # fmt: skip
def test_another_schema_is_refused_with_its_reason(one, schema, said):
    forged(one, lambda table: table.update(schema=schema))
    refused(one, said)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("temperature", 0, "temperature"),
        ("temperature", -1.0, "temperature"),
        ("temperature", "1", "temperature"),
        ("depth", 2, "net layers .3. and depth .2. do not go together"),
        ("depth", True, "depth"),
        ("net.width", 4097, "width"),
        ("net.width", 0, "width"),
        ("net.classes", 3, "net classes .3. and those predicted .2."),
        ("net.rounds", 2, "of shape"),
        ("net.features.0", 10**7, "features of about"),
        ("net.fuse", "evil.py:Part", "no part that ships"),
        ("net.propagate", "pyg:MessagePassing", "no part that ships"),
        ("net.encode.0", "walk", "encoder of about names 'planes'"),
        ("seeds", 2, "seeds names 'net1/states', which is not there"),
        ("seeds", 10**8, "seeds names 'net99999999/states', which is not there"),
        ("net.rounds", 1000, "net0/states: of shape"),
        ("seed", -1, "seed"),
        ("classes", ["calm", "calm"], "appears twice"),
        ("classes", ["calm"], "classes"),
        ("modalities.rna.columns.0", "EGFR", "appears twice"),
        ("modalities.about.typed.0.kind", "text", "kind"),
        ("modalities.about.typed.1.levels", ["f"], "of shape"),
        ("layers.rna.senders", 29, "senders .29. and training patients"),
        ("layers.rna.name", "../../x", "its key"),
        ("layers.rna.spec.of", ["meth"], "layers of a modality"),
        ("layers.rna.spec.neighbours", 0, "neighbours"),
        ("layers.rna.control", "rewired", "do not go together"),
        ("layers.rna.kind", "given", "layers"),
        ("layers.kin.spec.edges", "/etc/passwd", "no bare file name"),
        ("recipe.pathways.sets", "../sets.gmt", "no bare name"),
        ("recipe.train.epochs", "many", "epochs"),
        ("signals.pathways.order", ["rna", "about"], "pathways order"),
        ("compared.rna", ["log", "square"], "compared"),
        ("compared.about", ["mixed", "none"], "are records"),
        ("control", "none at all", "control"),
        ("curve", None, "curve"),
    ],
)  # fmt: skip
def test_a_key_out_of_its_range_is_refused(one, path, value, said):
    def change(table):
        place, key = at(table, path)
        place[key] = value

    forged(one, change)
    refused(one, f"damaged model: .*{said}")


def keys(name: str) -> list[str]:
    return sorted(json.loads((GOLDEN / name / "run" / "model" / "model.json").read_text()))


@pytest.mark.parametrize("key", [key for key in keys("one") if key not in ("sha256", "schema")])
def test_a_missing_key_is_named(one, key):
    forged(one, lambda table: table.pop(key))
    said = "classes: two names or more" if key == "classes" else f"{key} is missing"
    refused(one, f"damaged model: {said}")


@pytest.mark.parametrize("folder", ["one", "two"])
def test_every_array_is_missed_and_one_too_many_is_told(folder, request):
    folder = request.getfixturevalue(folder)
    whole = load_file(folder / "model.safetensors")
    for name in [*whole][:: max(1, len(whole) // 40)]:
        save_file({key: each for key, each in whole.items() if key != name},
                  folder / "model.safetensors")  # fmt: skip
        forged(folder)
        refused(folder, "damaged model: ")
    for name in ("x", "net9/states", "layers/rna/x", "shift/rna/x", "net0/x"):
        save_file(whole | {name: np.zeros(1)}, folder / "model.safetensors")
        forged(folder)
        refused(folder, f"damaged model: it has an array {name!r}")


@pytest.mark.parametrize("folder", ["one", "two"])
def test_no_array_may_hold_what_is_no_number(folder, request):
    folder = request.getfixturevalue(folder)
    whole = load_file(folder / "model.safetensors")
    numbers = [name for name, each in whole.items() if each.dtype.kind == "f" and each.size]
    for name in numbers[::3]:
        spoiled = whole[name].copy()
        spoiled.reshape(-1)[-1] = np.nan
        save_file(whole | {name: spoiled}, folder / "model.safetensors")
        forged(folder)
        refused(folder, f"damaged model: .*{name.rpartition('/')[2]}")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("layers/rna/index", lambda a: a + 30, "places outside of 0 to 29"),
        ("layers/rna/index", lambda a: a - 30, "places outside"),
        ("layers/rna/offsets", lambda a: a[::-1], "not rising from 0"),
        ("layers/rna/weight", lambda a: a * 0, "weights of 0"),
        ("layers/kin/hashes", lambda a: a[::-1], "not in rising order"),
        ("tables/rna/owners", lambda a: a[::-1], "not the columns that are kept"),
        ("tables/rna/keep", lambda a: a * 0, "not in rising order"),
        ("tables/rna/factor", lambda a: -a - 1, "negative numbers"),
        ("tables/rna/mean", lambda a: a.astype("f4"), "of type float32"),
        ("tables/rna/slope", lambda a: a[:, :-1], "of shape"),
        ("tables/rna/memory", lambda a: a[:, :-1], "of shape"),
        ("tables/rna/smoothing_indices", lambda a: a + 8, "places outside"),
        ("tables/rna/smoothing_indptr", lambda a: a[:-1], "smoothing_indptr"),
        ("signals/pathways/place", lambda a: a + 100, "places outside of -1"),
        ("patterns", lambda a: a * 0, "the first is not that of all"),
        ("present", lambda a: a + 1, "something else than 0 and 1"),
        ("present", lambda a: a[:0], "of shape"),
        ("shift/rna/residuals", lambda a: a[::-1], "not in rising order"),
        ("net0/states", lambda a: a[..., :-1], "of shape"),
        ("net0/patient_gate", lambda a: a[:, :-1], "of shape"),
    ],
)  # fmt: skip
def test_an_array_out_of_its_range_is_refused(one, name, change, said):
    forged(one, arrays=lambda found: found.update({name: change(found[name])}))
    refused(one, f"damaged model: .*{said}")


@pytest.mark.parametrize("size", [0, 1, 2**31, 2**60, 2**64 - 1])
def test_a_header_longer_than_the_file_allocates_nothing(one, size):
    tensors = one / "model.safetensors"
    tensors.write_bytes(size.to_bytes(8, "little") + tensors.read_bytes()[8:])
    forged(one)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(one, "damaged model: no arrays can be read")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_width_that_no_array_has_allocates_nothing(one):
    def change(table):
        table["net"]["width"] = 4096

    forged(one, change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(one, "damaged model: net0/states: of shape")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": 1, "x": NaN}', "NaN is no number"),
        ('{"schema": 1, "x": -Infinity}', "-Infinity is no number"),
        ('{"schema": 1, "x": 1e999}', "too large a number"),
        ('{"schema": 1, "schema": 1}', "'schema' appears twice"),
        ('{"schema": ' + "[" * 5000, "nested too deeply"),
        ('{"schema": ' + "[" * 60 + "]" * 60 + "}", "nested too deeply"),
        ('{"schema": ' + "9" * 5000 + "}", "damaged"),
        ("[1]", "expected a table of keys"),
        ("", "not valid JSON"),
        ("\udce4", "not valid JSON"),
    ],
)  # fmt: skip
def test_what_json_would_let_pass_is_refused(one, text, said):
    (one / "model.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=said):
        read_json(one / "model.json")
    with pytest.raises(InputError, match=said):
        FusionModel.load(one)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kind", "survival", "of kind 'survival', of which no model is trained"),
        ("kind", "klass", "of kind 'klass'"),
        ("units", {"scale": 2.0}, "no units"),
        ("classes", [], "two names or more"),
        ("classes", ["one"], "two names or more"),
    ],
)
def test_what_is_predicted_must_be_said_as_it_is(one, key, value, said):
    forged(one, lambda table: table.__setitem__(key, value))
    refused(one, f"damaged model: .*{said}")
