"""How a run directory names files outside of it: by shipped name, or by their place relative to it,
never by an absolute path.

A file that no short way leads to (nothing but the root is above both) is named by its bare name:
the way there would spell out an absolute path.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from graphfuse.files.toml import shipped_folder


def reference(path: str | Path, folder: Path, home: str) -> str:
    """What a run directory calls a file.

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
    if _shared(start, path).parent == _shared(start, path):
        return path.name
    return Path(os.path.relpath(path, start)).as_posix()


def referenced(name: str, folder: Path) -> Path | None:
    """The file that a run directory calls by `name`, or `None` where it is not there.

    Looked for relative to the run directory; by its bare name also in the working folder. What is
    no regular file is not there, nor what an absolute path or one by the root leads to.
    """
    way = PurePosixPath(name)
    strange = not name or way.is_absolute() or "\\" in name or ":" in name or "\0" in name
    if strange:
        return None
    start = Path(folder).resolve()
    path = Path(os.path.normpath(start / way))
    if _shared(start, path).parent != _shared(start, path) and path.is_file():
        return path
    here = Path.cwd() / way.name
    return here if here.is_file() else None


def _shared(one: Path, other: Path) -> Path:
    """The deepest folder above both; the root where there is no other, or they have no root in
    common."""
    try:
        return Path(os.path.commonpath([one, other]))
    except ValueError:
        return Path(one.anchor)
