"""The files that a command reads, so that it does not overwrite one of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.atomic_write import named_file
from graphfuse.files.toml import read_toml, resolve
from graphfuse.schema import Manifest


def output_file(out: Path, cohort: str | Path, others: Iterable[str | Path | None] = ()) -> Path:
    """A file that may be written, before any work is done for it.

    Parameters
    ----------
    out : Path
        The file to write.
    cohort : str or Path
        The manifest that is read, or its name.
    others : iterable of str, Path or None
        Other files that are read.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        Where it is empty, a folder, or one of the files that are read.
    """
    out = named_file(out)
    if out.exists():
        given = [Path(other) for other in others if other is not None]
        for path in [*manifest_files(cohort), *given]:
            if path.exists() and os.path.samefile(path, out):
                raise InputError(f"{out}: is read by this command; name another file with -o")
    return out


def manifest_files(cohort: str | Path) -> list[Path]:
    """A manifest and the files that it names beside it or in its local sources, whether they are
    there or not."""
    path = resolve(cohort, "data_manifests")
    try:
        manifest = read_toml(path, Manifest)
    except InputError:
        return [path]  # the error is raised again where the manifest is read
    sources = [path.parent / source.path for source in manifest.source if source.path is not None]
    names = list(_texts(manifest.model_dump(mode="json")))
    files = [path, *sources]
    for folder in (path.parent, *sources):
        files += [folder / name for name in names]
    return files


def _texts(value: object) -> Iterator[str]:
    """All texts in a value of JSON that may be a file's name."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str) and 0 < len(value) < 1_000 and "\0" not in value:
        yield value
