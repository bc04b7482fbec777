"""The same recipe with other names for the files that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from graphfuse.schema.base import Shape
from graphfuse.schema.prepare import StepSpec

Named = TypeVar("Named", bound=Shape)  # a recipe, whose module imports this one
NETWORKS = "graphs/networks"  # where network cards are called by their names
GENE_SETS = "graphs/gene_sets"  # where cards of gene sets are


def with_files(
    recipe: Named,
    file: Callable[[str, str | None], str],
    part: Callable[[str, str], str],
) -> Named:
    """The same recipe with other names for its files.

    Parameters
    ----------
    recipe : Recipe
        The recipe, which stays as it is.
    file : callable
        From a file's name, and the folder where such files are called by a bare name (or `None`),
        to its new name.
    part : callable
        From the key of a custom part, and its `file.py:Class`, to the part's new name.

    Returns
    -------
    Recipe
        The renamed copy.
    """

    def files(section: Shape, *keys: str, home: str | None = None) -> Shape:
        renamed = {}
        for key in keys:
            name = getattr(section, key)
            if name is not None:
                renamed[key] = file(name, home)
        return section.model_copy(update=renamed)

    def parts(table: str, section: Shape, *keys: str) -> Shape:
        renamed = {}
        for key in keys:
            renamed[key] = _parts(getattr(section, key), f"[{table}] {key}", part)
        return section.model_copy(update=renamed)

    layers = {name: files(spec, "edges") for name, spec in recipe.patient.layer.items()}
    gene = files(recipe.gene, "aliases")
    changed = {
        "patient": recipe.patient.model_copy(update={"layer": layers}),
        "gene": files(gene, "network", home=NETWORKS),
        "net": parts("net", recipe.net, "encode", "propagate", "fuse", "head"),
        "prepare": parts("prepare", recipe.prepare, "steps"),
    }
    if recipe.signalling is not None:
        with_table = files(recipe.signalling, "table")
        changed["signalling"] = files(with_table, "pathways", home=GENE_SETS)
    if recipe.pathways is not None:
        changed["pathways"] = files(recipe.pathways, "sets", home=GENE_SETS)
    if recipe.search is not None:
        changed["search"] = parts("search", recipe.search, "encode", "propagate", "fuse")
    return recipe.model_copy(update=changed)


def _parts(named, where: str, part: Callable[[str, str], str]):
    """Names of parts and steps (one, a list, or by channel), custom ones renamed."""
    if isinstance(named, StepSpec):
        return named.model_copy(update={"step": _parts(named.step, where, part)})
    if isinstance(named, dict):
        return {key: _parts(name, f"{where}.{key}", part) for key, name in named.items()}
    if not isinstance(named, str):
        return [_parts(name, where, part) for name in named]
    is_custom = named.rpartition(":")[0].endswith(".py")
    return part(where, named) if is_custom else named
