"""Parts and steps that there are none of are named before a cohort is read."""

from __future__ import annotations

import pytest

import graphfuse as gf
from graphfuse import api
from graphfuse.errors import InputError
from graphfuse.learn.recipe_parts import with_parts
from graphfuse.schema import Recipe

WRONG = {
    "net": {"fuse": "gatd", "encode": {"default": "tabel"}, "propagate": "pyg:SAGEConvv"},
    "search": {"fuse": ["late", "lat"]},
    "prepare": {"steps": {"default": ["impute", "scal"]}},
}


def test_every_fault_is_named_with_the_nearest_name():
    with pytest.raises(InputError) as caught:
        with_parts(Recipe(name="mine", **WRONG))
    for said in ("[net] fuse = 'gatd'", "'gated'", "[net] encode = 'tabel'", "'table'", "SAGEConvv",
                 "[search] fuse = 'lat'", "[prepare] steps: 'scal'", "'scale'"):  # fmt: skip
        assert said in str(caught.value)
    assert with_parts("multiplex") == Recipe.named("multiplex")


@pytest.mark.parametrize("named", ["train", "plan", "nulls", "run"])
def test_a_misspelled_fusion_is_said_before_the_cohort_is_read(named, tmp_path):
    recipe = Recipe(name="mine", net={"fuse": "gatd"})
    out = {"out": tmp_path / "run"} if named == "run" else {}
    with pytest.raises(InputError, match="did you mean 'gated'"):
        getattr(api, named)("no-such-cohort.toml", recipe=recipe, **out)
    with pytest.raises(InputError, match="did you mean 'gated'"):
        gf.FusionModel(recipe).fit("no-such-cohort.toml")
