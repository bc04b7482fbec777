"""Steps of one's own from the recipe to a prediction: trained, saved, allowed, refused."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

import graphfuse as gf
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.resume.dependencies import named_files
from graphfuse.files.hashes import file_sha256
from graphfuse.files.toml import parse
from graphfuse.learn.custom_parts import check_part
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.recipe_steps import reads_target, steps_of
from graphfuse.learn.save.model_files import read_model
from graphfuse.learn.save.seal import sealed
from graphfuse.schema import Recipe
from tests.outcomes import learned

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
STEPS = ["impute", "quantile.py:Quantile", "scale", "select"]
MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "subtype.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
entity = "gene"
[modality.meth]
file = "meth.csv"
kind = "omics"
"""
RECIPE = """name = "quick"
[net]
width = 4
[train]
epochs = 2
seeds = 1
[select]
top = 12
[prepare.steps]
gene = ["impute", "quantile.py:Quantile", "scale", "select"]
"""


def quantile() -> str:
    """The step that CONTRIBUTING.md shows."""
    blocks = re.findall(r"^```python\n(.*?)^```", CONTRIBUTING.read_text("utf-8"), re.M | re.S)
    return next(block for block in blocks if "class Quantile" in block)


def quick(**more) -> Recipe:
    made = {"name": "quick", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
    return Recipe.model_validate(made | more)


def cohort(rows=range(60)):
    """Patients measured each on a scale of their own, with gaps; two lack `meth`."""
    made = planted(100, {"rna": 20, "meth": 15}, carriers=4, effect=2.0, seed=5).cohort.take(rows)
    draw, tables = np.random.default_rng(2), {}
    for name, modality in made.modalities.items():
        table = (modality.table + 9) * draw.uniform(0.5, 2, (len(made), 1))
        tables[name] = replace(modality, table=table.mask(draw.random(table.shape) < 0.05))
    tables["meth"].table.iloc[[1, 4]] = np.nan
    return replace(made, modalities=tables)


def lay(made, folder: Path, name: str) -> None:
    outcome = made.outcome()
    for modality in made.modalities.values():
        modality.table.to_csv(folder / f"{modality.name}.csv")
    labels = np.asarray(outcome.classes)[outcome.values]
    pd.Series(labels, made.patients, name="subtype").to_csv(folder / "subtype.csv")
    (folder / name).write_text(MANIFEST)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, shell, few_trees):
    """A folder with two cohorts, the step, and a run of it."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "other").mkdir()
    lay(cohort(), folder, "clinic.toml")
    lay(cohort(range(60, 90)), folder / "other", "new.toml")
    (folder / "quantile.py").write_text(quantile())
    (folder / "quick.toml").write_text(RECIPE)
    options = ("-r", "quick.toml", "--cv", "2x1", "--no-ledger", "-o", "run")
    done = shell(folder, "train", "clinic.toml", *options)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def model(lab):
    recipe = quick(prepare={"steps": STEPS}, select={"top": 9})
    with chdir(lab):
        return gf.FusionModel(recipe, device="cpu").fit(cohort())


@pytest.fixture
def saved(model, tmp_path):
    """A folder to which the model was saved."""
    model.save(tmp_path / "model")
    return tmp_path / "model"


def test_the_step_in_contributing_keeps_its_contract(lab):
    assert len(check_part(f"{lab / 'quantile.py'}:Quantile")) == 11


def test_through_the_shell_from_recipe_to_prediction(lab, shell, tmp_path):
    shutil.copytree(lab, tmp_path / "lab")
    here = tmp_path / "lab"
    commands = {
        "check": ("check", "clinic.toml", "-r", "quick.toml", "--cv", "2x1"),
        "rank": ("rank", "run", "--allow-part", "quantile.py"),
        "predict": ("predict", "run", "other/new.toml", "-o", "calls.csv", "--allow-part",
                    "quantile.py"),
        "score": ("score", "run", "other/new.toml", "-o", "scored", "--allow-part",
                  "quantile.py"),
    }  # fmt: skip
    for name, command in commands.items():
        done = shell(here, *command)
        assert done.returncode == 0, f"{name}: {done.stderr}"
    nodes = pd.read_csv(here / "run" / "rankings" / "nodes.csv")
    columns = [f"rna:{c}" for c in pd.read_csv(here / "rna.csv", index_col=0)]
    assert set(columns) <= set(nodes["id"]) and len(nodes) == 35  # every input column, once
    assert len(pd.read_csv(here / "calls.csv")) == 30
    assert not (lab / "run" / "model" / "model.json").read_text().count(str(lab))


@pytest.mark.parametrize("command", ["predict", "score", "rank"])
def test_a_step_of_ones_own_runs_only_where_it_is_allowed(lab, shell, tmp_path, command):
    shutil.copytree(lab, tmp_path / "lab")
    here = tmp_path / "lab"
    words = {"rank": ("rank", "run", "clinic.toml")}.get(
        command, (command, "run", "other/new.toml", "-o", "out")
    )
    done = shell(here, *words)
    assert done.returncode == 2 and done.stderr.count("graphfuse: ") == 1
    for word in ("quantile.py:Quantile", file_sha256(here / "quantile.py"), "--allow-part"):
        assert word in done.stderr
    (here / "quantile.py").write_text(quantile() + "\n")
    done = shell(here, *words, "--allow-part", "quantile.py")
    assert done.returncode == 2 and "give the file as it was then" in done.stderr


def test_a_model_is_loaded_and_says_the_same_of_one_as_of_many(model, saved, lab):
    new = cohort(range(60, 90))
    said = model.predict_proba(new, allow_shift=True)
    file = json.loads((saved / "model.json").read_text())
    assert named_files(model.recipe_) == [str((lab / "quantile.py").resolve())]
    step = file["modalities"]["rna"]["steps"][1]
    sha256 = file_sha256(lab / "quantile.py")
    own = {"file": "quantile.py", "symbol": "Quantile", "sha256": sha256}
    assert step == {"step": own, "about": {}}
    back = gf.FusionModel.load(saved, allow_parts=[lab / "quantile.py"])
    np.testing.assert_array_equal(back.predict_proba(new, allow_shift=True), said)
    alone = [back.predict_proba(new.take([row]), allow_shift=True) for row in range(len(new))]
    np.testing.assert_allclose(np.concatenate(alone), said, rtol=0, atol=1e-9)
    many = back.predict_proba(cohort(range(100)), allow_shift=True)
    assert np.isfinite(many).all() and back.flags(new) == model.flags(new)
    with pytest.raises(InputError, match="no code runs that was not allowed"):
        gf.FusionModel.load(saved)


def forged(folder: Path, change) -> None:
    """A model's description after `change(table)`, sealed anew."""
    table = json.loads((folder / "model.json").read_text())
    table.pop("sha256")
    change(table)
    (folder / "model.json").write_text(json.dumps(sealed(table, folder / "model.safetensors")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["steps"].pop(), "owners: of shape|nothing asks for|not the columns"),
        (lambda t: t.update(steps=[]), "damaged model: .*steps"),
        (lambda t: t.update(steps=None), "it lacks the array 'median'"),
        (lambda t: t["steps"].reverse(), "lacks the array 'steps/0/keep'"),
        (lambda t: t["steps"][0].update(step="quantile.py:Quantile"), "is no part that ships"),
        (lambda t: t["steps"][0].update(step="../impute"), "is no part that ships"),
        (lambda t: t["steps"][0].update(about={"x": 1}), "cannot be made of what is saved"),
        (lambda t: t["steps"][0].pop("about"), "about is missing"),
        (lambda t: t["columns"].pop(), "of shape"),
    ],
)
def test_a_model_whose_steps_are_not_as_saved_is_refused(saved, lab, change, said):
    forged(saved, lambda table: change(table["modalities"]["meth"]))
    with pytest.raises(InputError, match="damaged model") as error:
        read_model(saved, [lab / "quantile.py"])
    assert re.search(said, str(error.value)), error.value
    assert "not as graphfuse wrote it" not in str(error.value)


def test_the_usual_steps_are_saved_as_they_always_were(tmp_path):
    gf.FusionModel(quick(), device="cpu").fit(cohort()).save(tmp_path / "model")
    names = {
        name for name in load_file(tmp_path / "model" / "model.safetensors") if "/rna/" in name
    }
    own = {"median", "mean", "factor", "keep", "owners"}
    assert {f"tables/rna/{name}" for name in own} <= names
    assert not any("steps" in name for name in names)


def moved(modality, rows):
    """The modality, of which the patients after so many measure something else."""
    table = modality.table.copy()
    table.iloc[rows:] = 1e5
    return replace(modality, table=table)


def test_every_fit_sees_its_training_patients_alone(lab, monkeypatch):
    """Of inner folds too; what held-out patients measure changes no fitted number."""
    monkeypatch.chdir(lab)
    recipe, whole = quick(prepare={"steps": STEPS}), cohort()
    train = np.arange(40)
    changed = {name: moved(modality, 40) for name, modality in whole.modalities.items()}
    codes = whole.outcome().values
    fitted = []
    for made in (whole, replace(whole, modalities=changed), whole.take(range(50))):
        rows = train if len(made) == 60 else np.arange(50)
        preparation, _ = Preparation.fit(made.take(rows), learned(codes[rows]), recipe, None)
        fitted.append(preparation.pipelines["rna"].state()[0])
    one, same, other = fitted
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["steps/1/reference"], other["steps/1/reference"])


READER = """
import numpy as np
from dataclasses import dataclass
from graphfuse.data.prepare.step import Step

@dataclass(frozen=True, eq=False)
class Reader(Step):
    SEEN = []

    @classmethod
    def reads_target(cls):
        return {reads}

    @classmethod
    def fit(cls, table, context):
        name = str(np.random.default_rng().integers(2**60))
        np.save({folder!r} + "/" + name, context.learned.target.values)
        return cls()

    def apply(self, table):
        return table
"""


@pytest.mark.parametrize("reads", [True, False])
def test_a_step_that_reads_labels_is_fitted_anew_in_inner_folds(tmp_path, reads):
    seen = tmp_path / "seen"
    seen.mkdir()
    (tmp_path / "reader.py").write_text(READER.format(reads=reads, folder=str(seen)))
    steps = ["impute", f"{tmp_path / 'reader.py'}:Reader", "scale"]
    recipe, made = quick(prepare={"steps": steps}), cohort().without("meth")
    steps_of(recipe, made)  # the contract suite, which fits too
    assert reads_target(recipe, made) == reads
    for path in seen.iterdir():
        path.unlink()
    PreparedFold.fit(made, made.outcome(), recipe, None, 0)
    fits = [np.load(path) for path in seen.iterdir()]
    assert sorted(map(len, fits)) == ([48] * 5 + [60] if reads else [60])
    assert all((fit >= 0).all() == reads for fit in fits)


def test_what_a_recipe_asks_of_steps_that_are_not_there(lab, monkeypatch):
    made = cohort()
    with pytest.raises(InputError, match=r"\[prepare\] steps names 'rnaa' \(did you mean 'rna'"):
        steps_of(quick(prepare={"steps": {"rnaa": ["impute"]}}), made)
    with pytest.raises(InputError, match="'quantil': no such step.*or give file.py:Class"):
        steps_of(quick(prepare={"steps": ["quantil"]}), made)
    with pytest.raises(InputError, match=r"\[select\] top needs \"select\" among"):
        parse({"name": "r", "prepare": {"steps": ["scale"]}, "select": {"top": 3}}, Recipe, "r")
    with pytest.raises(InputError, match=r"\[select\] scale needs \"scale\" among"):
        ranged = {"name": "r", "prepare": {"steps": ["select"]}, "select": {"scale": "range"}}
        parse(ranged, Recipe, "r.toml")
    with pytest.raises(InputError, match=r"\[prepare\] steps = 'gone.py:Step': no such file"):
        quick(prepare={"steps": ["gone.py:Step"]}).located()
    monkeypatch.chdir(lab)
    (lab / "wrong.py").write_text(
        quantile().replace("self.reference[rank]", "table - table.mean()")
    )
    with pytest.raises(InputError, match="Quantile: a patient alone = in a batch"):
        steps_of(quick(prepare={"steps": ["impute", "wrong.py:Quantile"]}), made)


def test_check_refuses_a_step_that_is_not_there(lab, shell):
    (lab / "odd.toml").write_text(RECIPE.replace('"impute", ', '"imput", '))
    done = shell(lab, "check", "clinic.toml", "-r", "odd.toml", "--cv", "2x1")
    assert done.returncode == 2 and "'imput': no such step (did you mean 'impute'?)" in done.stderr


def test_the_first_name_of_a_modality_counts_most():
    steps = {
        "rna": ["impute"],
        "gene": ["impute", "scale"],
        "omics": ["scale"],
        "default": ["select"],
    }
    section = quick(prepare={"steps": steps}).prepare
    called = [("rna", "gene", "omics"), ("x", "gene", "omics"), ("x", "cpg", "omics"), ("x", "ehr")]
    said = [[spec.step for spec in section.of(*names)] for names in called]
    assert said == [["impute"], ["impute", "scale"], ["scale"], ["select"]]
    usual = ["impute", "scale", "select"]
    left = quick(prepare={"steps": {"rna": ["impute"]}}).without("rna").prepare
    assert [spec.step for spec in left.of("rna")] == usual


def test_subtypes_go_through_the_steps_too(lab, monkeypatch):
    from graphfuse.subtypes.resampled_layer import tables_of

    monkeypatch.chdir(lab)
    made = cohort()
    usual = tables_of(made, quick(select={"top": 10})).values["rna"]
    other = tables_of(made, quick(prepare={"steps": STEPS}, select={"top": 10})).values["rna"]
    assert usual.shape == other.shape == (60, 10) and not np.allclose(usual, other)
