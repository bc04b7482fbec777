"""A recipe's files: found beside it or in the working folder, and known by their whole path from
then on."""

import json
from pathlib import Path

import pytest

from graphfuse import api
from graphfuse.errors import InputError
from graphfuse.files.toml import parse
from graphfuse.graph.layers.factory import layer_specs
from graphfuse.schema import LayerSpec, Recipe

PART = '''
import torch
from graphfuse.nn.slots import Encode, Fuse, Propagate


class Mean(Fuse):
    """The mean of what is there."""

    def __init__(self, dim, modalities):
        super().__init__()

    def forward(self, h, present):
        return h.mean(2).sum(1) / present.sum(1, keepdim=True).clamp(min=1)
'''
RECIPE = """
name = "mine"
[net]
encode = { default = "table", rna = "part.py:Mean" }
propagate = "pyg:SAGEConv"
fuse = "part.py:Mean"
[search]
encode = ["table", "part.py:Mean"]
fuse = ["gated", "part.py:Mean"]
propagate = []
"""


@pytest.fixture
def lab(tmp_path):
    """A folder with a recipe and a part, and an empty one."""
    for name in ("lab", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "lab" / "part.py").write_text(PART)
    (tmp_path / "lab" / "mine.toml").write_text(RECIPE)
    return tmp_path / "lab"


def test_parts_of_ones_own_are_found_beside_the_recipe(lab, monkeypatch):
    monkeypatch.chdir(lab.parent / "elsewhere")
    found, whole = Recipe.named(lab / "mine.toml"), f"{lab.resolve() / 'part.py'}:Mean"
    assert (
        found.net.fuse
        == found.net.encode["rna"]
        == found.search.fuse[1]
        == found.search.encode[1]
        == whole
    )
    assert (found.net.encode["default"], found.net.propagate, found.net.head) == (
        "table",
        "pyg:SAGEConv",
        "class",
    )
    assert found.search.fuse[0] == "gated" and found.located() == found


def test_parts_of_ones_own_are_found_in_the_working_folder(lab, monkeypatch):
    monkeypatch.chdir(lab)
    recipe = Recipe.model_validate(
        {"name": "r", "net": {"fuse": "part.py:Mean", "encode": "part.py:Mean"}}
    )
    assert (
        recipe.located().net.fuse
        == recipe.located().net.encode
        == f"{lab.resolve() / 'part.py'}:Mean"
    )


def test_a_part_that_is_nowhere_is_told_with_the_recipe_that_asks_for_it(lab, monkeypatch):
    (lab / "part.py").unlink()
    with pytest.raises(InputError) as caught:
        Recipe.named(lab / "mine.toml")
    said = str(caught.value)
    assert said.startswith("recipe 'mine': 4 things to correct")
    for where in ("[net] encode.rna = ", "[net] fuse = ", "[search] encode = ", "[search] fuse = "):
        assert (
            f"{where}'part.py:Mean': no such file in the working folder or beside the recipe"
            in said
        )


@pytest.mark.usefixtures("few_trees")
def test_a_run_with_a_part_of_ones_own_is_used_from_anywhere(small, lab, monkeypatch):
    monkeypatch.chdir(lab)
    made = {
        "name": "r",
        "net": {"fuse": "part.py:Mean", "width": 4},
        "train": {"epochs": 2, "seeds": 1},
    }
    cohort = small.cohort.take(range(40))
    recipe = Recipe.model_validate(made)
    asked = {"ranked": False, "cv": (2, 1), "ledger": False, "device": "cpu"}
    report, _ = api.save_run(lab / "run", cohort, recipe, **asked)
    monkeypatch.chdir(lab.parent / "elsewhere")
    assert report.record.recipe["net"]["fuse"] == f"{lab.resolve() / 'part.py'}:Mean"
    patients = cohort.take(range(3))
    assert len(api.predict(lab / "run", patients, allow_parts=[lab / "part.py"])) == 3


# ------------------------------------------------------------------ written out and read back

GRAPHS = Path(__file__).parents[2] / "graphs"
MODALITIES = ("rna", "meth")
# Every key of a recipe with a value other than its default.
OTHER = {
    "patient": {
        "similarity": "gower", "space": "raw", "neighbours": 3, "rule": "mutual", "radius": 0.5,
        "weight": "similarity", "layers": ["rna", "shared"], "control": "rewired", "gate": 0.5,
        "layer": {"mine": {"of": ["meth"]}},
    },
    "gene": {
        "network": "human-ppi", "min_score": 0.7, "required": True, "control": "random",
        "aliases": "names.csv",
    },
    "net": {
        "encode": {"default": "mlp", "rna": "table"}, "propagate": "gcn", "fuse": "concat",
        "head": "part.py:Head", "start": "none", "width": 8, "rounds": 2, "bridge": "linear",
    },
    "train": {
        "epochs": 7, "stop": "last", "seeds": 2, "learning_rate": [1e-3, 1e-2],
        "weight_decay": 1, "dropout": 0.1, "modality_dropout": 0.2, "memory_gb": 1, "amp": True,
        "compile": True,
    },
    "prepare": {"steps": {
        "rna": ["impute", "scale"], "default": [{"step": "select", "options": {"top": 3}}],
    }},
    "select": {"top": 20, "scale": "range"},
    "concepts": {
        "planes": 4, "quantile": 0.5, "codes": 4, "components": 8, "edges": "nearest",
        "neighbours": 3, "missing": "impute", "baseline": "zero", "epochs": 3,
    },
    "signalling": {
        "kinds": {"tran": ["rna"], "prot": ["meth"]}, "links": [("tran", "prot")],
        "interact": "tran", "identity": "none", "table": "vectors.csv", "pathways": "sets.gmt",
        "direction": "forward", "genes": 9,
    },
    "pathways": {"sets": "sets.gmt", "least": 2, "most": 9, "control": "random"},
    "search": {"fuse": ["sum"], "encode": ["mlp"], "propagate": ["none"]},
}  # fmt: skip
LAYER = {
    "of": ["meth"], "combine": "snf", "edges": "family.csv", "similarity": "euclidean",
    "space": "raw", "neighbours": 2, "rule": "radius", "radius": 0.4, "weight": "one",
}  # fmt: skip
# What a value asks of other keys.
ALONG = {
    ("patient", "gate"): {"net": {"start": "none"}},
    ("patient", "rule"): {},
    ("signalling", "table"): {"signalling": {"identity": "table"}},
}


def one_key(section, key):
    """A recipe in which this key alone has another value, and what the value needs."""
    table = {"name": "one", section: {key: OTHER[section][key]}}
    for other, needed in ALONG.get((section, key), {}).items():
        table[other] = {**table.get(other, {}), **needed}
    if section == "pathways":
        table[section] = {"sets": "sets.gmt", **table[section]}
    return parse(table, Recipe, "one.toml")


def layer_recipe(name, **keys):
    radius = {"radius": 0.3} if keys.get("rule") == "radius" and "radius" not in keys else {}
    return Recipe.model_validate({"name": "one", "patient": {"layer": {name: {**keys, **radius}}}})


def recipes():
    """Every shipped recipe, and one for every key that there is."""
    for path in sorted(GRAPHS.glob("*.toml")):
        yield path.stem, Recipe.named(path)
    for section, keys in OTHER.items():
        for key in keys:
            yield f"[{section}] {key}", one_key(section, key)
    for key, value in LAYER.items():
        yield f"[patient.layer.mine] {key}", layer_recipe("mine", **{key: value})
        yield f"[patient.layer.snf] {key}", layer_recipe("snf", **{key: value})
    yield "edges alone", layer_recipe("kin", edges="family.csv")
    yield "edges and weight", layer_recipe("kin", edges="family.csv", weight="one", of="rna")


RECIPES = dict(recipes())


def test_every_key_of_a_recipe_has_another_value_here():
    for section, field in Recipe.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        shape = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
        if shape is not None:
            assert set(OTHER[section]) == set(shape.model_fields), section
    assert set(LAYER) == set(LayerSpec.model_fields)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
@pytest.mark.parametrize("how", ["python", "json"])
def test_a_recipe_written_out_and_read_back_is_the_same_recipe(recipe, how):
    written = recipe.model_dump(mode=how)
    if how == "json":
        written = json.loads(json.dumps(written, allow_nan=False))
    again = Recipe.model_validate(written)
    assert again == recipe and again.model_dump() == recipe.model_dump()
    assert layers_of(again) == layers_of(recipe)
    assert layers_of(again.without("meth")) == layers_of(recipe.without("meth"))
    assert again.train.settings == recipe.train.settings


def layers_of(recipe):
    """The patient layers of a recipe, or the fault that it is told."""
    try:
        return layer_specs(recipe.patient, MODALITIES)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_numbers_of_a_recipe_are_finite(number):
    with pytest.raises(InputError, match=r"\[train\] weight_decay: .*finite number"):
        parse({"name": "r", "train": {"weight_decay": float(number)}}, Recipe, "r.toml")


def test_a_card_of_ones_own_is_known_by_its_path_from_then_on(tmp_path, monkeypatch):
    (tmp_path / "graphs" / "networks").mkdir(parents=True)
    card = tmp_path / "graphs" / "networks" / "mine.toml"
    card.write_text("")
    monkeypatch.chdir(tmp_path)
    asked = Recipe.model_validate({"name": "r", "gene": {"network": "mine"}})
    assert asked.located().gene.network == str(card.resolve())
    shipped = Recipe.model_validate({"name": "r", "gene": {"network": "human-ppi"}})
    assert shipped.located().gene.network == "human-ppi"


@pytest.mark.usefixtures("few_trees")
def test_a_layer_of_ones_own_edges_is_trained_ranked_and_used_from_anywhere(
    small, lab, monkeypatch
):
    cohort = small.cohort.take(range(40))
    ids = list(cohort.patients)
    pairs = [f"{a},{b}" for a, b in zip(ids, ids[1:] + ids[:1], strict=True)]
    (lab / "family.csv").write_text("\n".join(["source,target", *pairs]) + "\n")
    monkeypatch.chdir(lab)
    made = {
        "name": "kin",
        "patient": {"layers": ["family"], "layer": {"family": {"edges": "family.csv"}}},
        "net": {"width": 4},
        "train": {"epochs": 2, "seeds": 1},
    }
    recipe = Recipe.model_validate(made)
    report, _ = api.save_run(lab / "run", cohort, recipe, ranked=True, cv=(2, 1), ledger=False)
    monkeypatch.chdir(lab.parent / "elsewhere")
    layer = report.recipe.patient.layer["family"]
    assert layer.edges == str((lab / "family.csv").resolve())
    patients = cohort.take(range(3))
    assert len(api.predict(lab / "run", patients, allow_parts=[lab / "part.py"])) == 3
