"""Names of files outside a run directory: a shipped name or a relative path, never an absolute one.

A file that has only the root above it in common with the run directory goes by its bare name: a
relative path would spell out an absolute one.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from graphfuse.files.toml import shipped_folder


def reference(path: str | Path, folder: Path, home: str) -> str:
    """The name by which a run directory refers to a file.

    Parameters
    ----------
    path : str or Path
        An absolute path; anything else is a name already, and stays.
    folder : Path
        The run directory.
    home : str
        Folder of shipped files of that kind, such as "data_manifests".

    Returns
    -------
    str
        A shipped name, a relative path with forward slashes, or a bare file name.
    """
    path = Path(path)
    if not path.is_absolute():
        return str(path)
    if path.suffix == ".toml" and path.parent in shipped_folder(home):
        return path.stem
    start = Path(folder).resolve()
    shared = _shared(start, path)
    if shared.parent == shared:
        return path.name
    return Path(os.path.relpath(path, start)).as_posix()


def referenced(name: str, folder: Path) -> Path | None:
    """The file to which a run directory refers by `name`, or `None` where it is not there.

    It is looked for relative to the run directory, and by its bare name in the working folder.
    Absolute paths, and paths by way of the root, lead nowhere; only regular files count.
    """
    relative = PurePosixPath(name)
    if not name or relative.is_absolute() or any(mark in name for mark in "\\:\0"):
        return None
    start = Path(folder).resolve()
    path = Path(os.path.normpath(start / relative))
    shared = _shared(start, path)
    if shared.parent != shared and path.is_file():
        return path
    here = Path.cwd() / relative.name
    return here if here.is_file() else None


def _shared(one: Path, other: Path) -> Path:
    """The deepest folder above both; the root where there is no other, or they have no root in
    common."""
    try:
        return Path(os.path.commonpath([one, other]))
    except ValueError:
        return Path(one.anchor)
