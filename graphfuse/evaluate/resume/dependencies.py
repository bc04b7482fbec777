"""Hashes of all that the results of a study depend on, by which its finished parts are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.provenance import network_hash, packages
from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import Recipe


@dataclass(frozen=True)
class Beside:
    """What is done beside the net and its baselines: the `graph_ablation`; a net for every subset
    of `modalities`, and the net's additive projection (in repeat 0, as it takes many
    predictions)."""

    graph_ablation: bool = False
    modalities: bool = False


NOTHING_BESIDE = Beside()


def dependencies(
    cohort: Cohort,
    target: str,
    recipe: Recipe,
    network: GeneNetwork | None,
    seed: int,
    beside: Beside,
    keeps: str | None = None,
) -> dict[str, str]:
    """sha256 of what the results depend on, but for the folds and the device.

    Parameters
    ----------
    cohort : Cohort
        As it is trained on.
    target : str
        The outcome's name.
    recipe : Recipe
        The files that it names count by what they hold.
    network : GeneNetwork or None
        The gene network, however it was given.
    seed : int
        Of everything drawn by chance.
    beside : Beside
        What is done beside the net.
    keeps : str or None
        The group that inner folds must not part.

    Returns
    -------
    dict of str to str
        By what it is: `data`, `columns`, `groups`, `recipe`, `files`, `network`, `settings`,
        `packages`, `code`.
    """
    settings = {"target": target, "seed": seed, "keeps": keeps, **asdict(beside)}
    columns = {}
    for m in cohort.modalities.values():
        columns[m.name] = [m.kind, m.values, m.entity, m.symbols, m.types, m.transform, m.levels]
    groups = {name: list(values) for name, values in cohort.groups.items()}
    contents = {name: file_sha256(Path(name)) for name in named_files(recipe)}
    return {
        "data": cohort.digest(),
        "columns": _hash(columns),
        "groups": _hash(groups),
        "recipe": _hash(recipe.model_dump(mode="json")),
        "files": _hash(contents),
        "network": network_hash(network),
        "settings": _hash(settings),
        "packages": _hash(packages()),
        "code": code_hash(),
    }


def _hash(value: object) -> str:
    return text_sha256(json.dumps(value, sort_keys=True, default=str))


def named_files(recipe: Recipe) -> list[str]:
    """The files that a recipe names, which are there."""
    values = recipe.model_dump(mode="json")
    return sorted(set(_files(values)))


def _files(value: object) -> Iterator[str]:
    """The files that a recipe names: tables, and parts of one's own as `file.py:Class`."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _files(each)
    elif isinstance(value, str):
        file, _, _ = value.rpartition(":")
        yield from (name for name in (value, file) if name and Path(name).is_file())


def code_hash() -> str:
    """sha256 over the package's own source files, so that parts made by other code are not used."""
    home = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        name = path.relative_to(home)
        if name.parts[0] not in ("report", "cli"):
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def in_words(differing: Sequence[str]) -> str:
    """What differs, in words."""
    words = {
        "data": "the data",
        "columns": "what the columns are",
        "groups": "the groups",
        "recipe": "the recipe",
        "files": "files that the recipe names",
        "network": "the gene network",
        "settings": "target, seed or options",
        "packages": "versions of packages",
        "code": "graphfuse's own code",
        "folds": "the folds",
        "device": "the device",
    }
    return ", ".join(words.get(name, name) for name in differing)
