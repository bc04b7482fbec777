"""Whether a fusion is possible for a kind of outcome."""

from __future__ import annotations

from graphfuse.errors import InputError
from graphfuse.nn.registry import available, part
from graphfuse.schema import Recipe
from graphfuse.task.task import Task


def require_fusion(recipe: Recipe, task: Task) -> None:
    """Raises an error for a fusion of class probabilities where the outcome has none.

    Parameters
    ----------
    recipe : Recipe
        Its `[net] fuse` is checked. Candidates of its `[search]` that are impossible are left out
        later.
    task : Task
        The kind of outcome that is predicted.

    Raises
    ------
    InputError
        Where the fusion is impossible.
    """
    name = recipe.net.fuse
    if task.gives_probabilities or not _takes_probabilities(name):
        return
    others = [each for each in available("fuse") if not _takes_probabilities(each)]
    raise InputError(
        f"recipe {recipe.name!r}: [net] fuse = {name!r} combines the class probabilities of the "
        f"modalities, and an outcome of kind {task.kind!r} has none; take a recipe whose fusion is "
        f"of embeddings: {', '.join(others)}"
    )


def _takes_probabilities(name: str) -> bool:
    fuse = part("fuse", name)
    return fuse.level != "embedding" and fuse.of_probabilities
