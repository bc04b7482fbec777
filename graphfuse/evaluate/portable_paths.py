"""A run's record as it is written: without absolute paths of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from graphfuse.files.file_references import reference
from graphfuse.schema import Metrics, Recipe, RunRecord
from graphfuse.schema.rename_recipe_files import NETWORKS, with_files

MANIFESTS = "data_manifests"


def portable(record: RunRecord, folder: Path) -> RunRecord:
    """The record with every file called as `folder`, the run directory, calls it
    (`references.reference`)."""
    recipe = Recipe.model_validate(record.recipe)
    files = _files_of(record, recipe)

    def called(name: str, home: str | None) -> str:
        return reference(name, folder, home or "")

    def part(where: str, name: str) -> str:
        file, _, symbol = name.rpartition(":")
        return f"{called(file, None)}:{symbol}"

    changed: dict[str, Any] = {
        "recipe": with_files(recipe, called, part).model_dump(mode="json"),
        "notices": [without_folders(notice, files) for notice in record.notices],
        "protocol": _without_folders_in(record.protocol, files),
        "fitted": _without_folders_in(record.fitted, files),
    }
    if record.manifest is not None:
        changed["manifest"] = called(record.manifest, MANIFESTS)
    if "network" in record.fitted:
        changed["fitted"]["network"] = called(record.fitted["network"], NETWORKS)
    return record.model_copy(update=changed)


def portable_metrics(metrics: Metrics, record: RunRecord) -> Metrics:
    """The metrics of a run with no folder of this machine in what they say of the protocol."""
    files = _files_of(record, Recipe.model_validate(record.recipe))
    return metrics.model_copy(update={"protocol": _without_folders_in(metrics.protocol, files)})


def without_folders(text: str, files: Iterable[str]) -> str:
    """The text with these files called by their bare names, and paths in the folders of this
    machine that they, the working folder and the home are in cut to what is inside."""
    folders = {str(Path.cwd()), str(Path.home())}
    for file in files:
        if Path(file).is_absolute():
            folders.add(str(Path(file).parent))
    for folder in sorted(folders - {"/"}, key=len, reverse=True):
        text = text.replace(f"{folder}/", "")
        text = re.sub(rf"{re.escape(folder)}(?![\w.-])", ".", text)
    return text


def _without_folders_in(value: Any, files: list[str]) -> Any:
    """Tables and lists with their texts as `without_folders` has them."""
    if isinstance(value, str):
        return without_folders(value, files)
    if isinstance(value, dict):
        return {key: _without_folders_in(each, files) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders_in(each, files) for each in value]
    return value


def _files_of(record: RunRecord, recipe: Recipe) -> list[str]:
    """Every path that the record may speak of."""
    files = [record.manifest or "", record.fitted.get("network", "")]

    def file(name: str, home: str | None) -> str:
        files.append(name)
        return name

    def part(where: str, name: str) -> str:
        return file(name.rpartition(":")[0], None)

    with_files(recipe, file, part)
    return files
