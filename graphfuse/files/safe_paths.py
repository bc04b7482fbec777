"""Paths inside a folder that others may have made: no link may lead out of it."""

from __future__ import annotations

from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.working_folders import recover


def inside(folder: Path, name: str) -> Path:
    """The path of a file or folder in a run directory, whether or not it is there; a directory is
    restored first where a process was killed while it replaced it.

    Raises `InputError` where a link leads out of the folder, since files elsewhere would be read or
    written; and for pipes and devices, which would block the reader.
    """
    folder = recover(Path(folder))
    path = folder / name
    try:
        leads_out = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        leads_out = True
    if leads_out:
        raise InputError(
            f"{path}: is a link that leads out of {folder}; a run directory holds its own files: "
            "copy what it points to into its place"
        )
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path}: is a pipe or a device, not a file; bring the file back")
    return path
