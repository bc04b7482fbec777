"""Whether every part and step that a recipe names is there, before anything is read or fitted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphfuse.data.prepare.step import step
from graphfuse.errors import Faults, InputError
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

_SEARCHED = ("encode", "propagate", "fuse")


def with_parts(recipe: Recipe | str | Path) -> Recipe:
    """A recipe whose parts and steps are all there.

    Parameters
    ----------
    recipe : Recipe, str or Path
        As in `train`.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        With every part and step that there is none of, and the nearest known name.

    Examples
    --------
    >>> with_parts(Recipe(name="mine", net={"fuse": "gatd"}))
    Traceback (most recent call last):
        ...
    graphfuse.errors.InputError: recipe 'mine': [net] fuse = 'gatd': no such part (did you mean
    'gated'?); or give file.py:Class
    """
    recipe = Recipe.of(recipe)
    faults = Faults(f"recipe {recipe.name!r}")
    for section, slot, name in _named(recipe):
        try:
            part(slot, name)
        except InputError as error:
            faults.add(f"[{section}] {error}")
    for name in sorted(recipe.prepare.named):
        try:
            step(name)
        except InputError as error:
            faults.add(str(error))
    faults.stop()
    return recipe


def _named(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Section, slot and name of every part that a recipe names."""
    encode = recipe.net.encode
    encoders = encode.values() if isinstance(encode, dict) else [encode]
    for name in dict.fromkeys(encoders):
        yield "net", "encode", name
    for slot in ("propagate", "fuse", "head"):
        yield "net", slot, getattr(recipe.net, slot)
    for slot in _SEARCHED if recipe.search is not None else ():
        for name in getattr(recipe.search, slot):
            yield "search", slot, name
