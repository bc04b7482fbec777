"""A recipe's files: found beside it or in the working folder, and known by their whole path from
then on."""

import pytest

from graphfuse import api
from graphfuse.errors import InputError
from graphfuse.schema import Recipe

PART = '''
import torch
from graphfuse.nn.parts import Encode, Fuse, Propagate


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
    assert said.startswith("recipe 'mine': 4 things to mend")
    for where in ("[net] encode.rna = ", "[net] fuse = ", "[search] encode = ", "[search] fuse = "):
        assert (
            f"{where}'part.py:Mean': no such file in the working folder or beside the recipe"
            in said
        )


def test_a_run_with_a_part_of_ones_own_is_used_from_anywhere(small, lab, monkeypatch):
    monkeypatch.chdir(lab)
    made = {
        "name": "r",
        "net": {"fuse": "part.py:Mean", "width": 4},
        "train": {"epochs": 2, "seeds": 1},
    }
    cohort = small.cohort.take(range(40))
    report, _ = api.save_run(
        lab / "run", cohort, Recipe.model_validate(made), ranked=False, cv=(2, 1), device="cpu"
    )
    monkeypatch.chdir(lab.parent / "elsewhere")
    assert report.record.recipe["net"]["fuse"] == f"{lab.resolve() / 'part.py'}:Mean"
    assert len(api.predict(lab / "run", cohort.take(range(3)))) == 3
