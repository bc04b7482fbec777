"""Fusions of class probabilities are refused where the outcome has none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from graphfuse.errors import InputError
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.schema import Recipe
from graphfuse.task.registry import kind_of

NUMBERS = SimpleNamespace(kind="number", gives_probabilities=False)
GRAPHS = Path(__file__).parents[2] / "graphs"
OF_DECISIONS = {"hybrid", "late-stack", "moadln", "mogonet"}
OWN = """
import torch
from graphfuse.nn.slots import Fuse

class Mean(Fuse):
    level, apart, of_probabilities = "decision", True, False

    def __init__(self, dim, modalities):
        super().__init__()

    def forward(self, h, present):
        here = present / present.sum(1, keepdim=True).clamp(min=1)
        return (torch.where(present[..., None] > 0, h, 0.0) * here[..., None]).sum(1)

class Unsaid(Mean):
    of_probabilities = True
"""


def recipe_with(fuse: str) -> Recipe:
    return Recipe.model_validate({"name": "mine", "net": {"fuse": fuse}})


def test_shipped_recipes_are_refused_where_they_fuse_decisions():
    refused = set()
    for path in GRAPHS.glob("*.toml"):
        name = path.stem
        require_fusion(Recipe.named(name), kind_of("class")(("a", "b")))
        try:
            require_fusion(Recipe.named(name), NUMBERS)
        except InputError:
            refused.add(name)
    assert refused == OF_DECISIONS


@pytest.mark.parametrize("fuse", ["late", "stack", "weighted", "hybrid", "label_tensor"])
def test_the_refusal_says_which_part_and_which_ones_would_do(fuse):
    with pytest.raises(InputError) as caught:
        require_fusion(recipe_with(fuse), NUMBERS)
    said = str(caught.value)
    assert said.startswith(f"recipe 'mine': [net] fuse = '{fuse}' combines the class probabilities")
    assert "kind 'number' has none; take" in said and said.endswith(", gated, sum")
    assert f" {fuse}," not in said


def test_a_part_of_ones_own_says_itself_what_it_combines(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    require_fusion(recipe_with(f"{tmp_path}/own.py:Mean"), NUMBERS)
    with pytest.raises(InputError, match="own.py:Unsaid' combines the class probabilities"):
        require_fusion(recipe_with(f"{tmp_path}/own.py:Unsaid"), NUMBERS)
