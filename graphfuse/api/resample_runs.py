"""The resamples of a run, fitted by its recipe as it is found from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.file_references import referenced
from graphfuse.learn.custom_parts import bare_name
from graphfuse.schema import Recipe
from graphfuse.schema.rename_recipe_files import NETWORKS, with_files


def found_recipe(recipe: Recipe, folder: Path, allow_parts: Iterable[str | Path]) -> Recipe:
    """The recipe of a run directory with every file that it names as it is found from here.

    Parameters
    ----------
    recipe : Recipe
        As `run.json` has it.
    folder : Path
        The run directory.
    allow_parts : iterable of str or Path
        Python files whose parts may be run; no others are.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        Where a file is not here, or a custom part's is not allowed.
    """
    allowed = [allow_parts] if isinstance(allow_parts, str | Path) else allow_parts
    by_name = {path.name: path.resolve() for path in map(Path, allowed)}

    def file(name: str, home: str | None) -> str:
        is_shipped = Path(name).name == name and "." not in name
        if home == NETWORKS or is_shipped:  # networks are given by themselves
            return name
        return str(_found(name, folder))

    return with_files(recipe, file, _allowed(by_name))


def _found(name: str, folder: Path) -> Path:
    """A file that the run names. Raises `InputError` where it is not here."""
    path = referenced(name, folder)
    if path is None:
        raise InputError(
            f"{folder}: resamples are fitted anew, and its recipe's file {name!r} is not to be "
            "found from here; put it into the working folder"
        )
    return path


def _allowed(by_name: dict[str, Path]) -> Callable[[str, str], str]:
    """From a custom part's key and name to its name in the file that is allowed."""

    def part(where: str, name: str) -> str:
        file, _, symbol = bare_name(name).rpartition(":")
        if file not in by_name:
            raise InputError(
                f"resamples are fitted anew with {where} = {name!r}; allow it by --allow-part "
                f"{file} (Python: allow_parts=[{file!r}])"
            )
        return f"{by_name[file]}:{symbol}"

    return part
