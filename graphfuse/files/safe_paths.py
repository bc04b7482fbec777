"""Files inside a folder that others may have made: none leads out of it."""

from __future__ import annotations

from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.working_folders import recover


def inside(folder: Path, name: str) -> Path:
    """The path of a file or folder in a run directory, whether or not it is there; the directory is
    brought back where a process was killed while it took its place.

    Raises `InputError` where a link leads out of the folder, since what a run directory says would
    then be read from, or written to, somewhere else; and for pipes and devices, which would keep
    whoever reads them waiting.
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
