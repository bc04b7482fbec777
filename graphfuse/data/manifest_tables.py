"""The tables that a manifest names, each read as the manifest declares."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data.read import read_table
from graphfuse.data.records.series import read_series
from graphfuse.errors import nearest
from graphfuse.schema import Manifest, ModalitySpec


def files_not_there(manifest: Manifest, folder: Path) -> list[str]:
    """A fault for each file that the manifest names and the folder does not have.

    Parameters
    ----------
    manifest
        It names the files.
    folder
        The folder of its files.
    """
    sections = {
        "modality": manifest.modality,
        "outcome": manifest.outcome,
        "groups": manifest.groups,
    }
    faults = []
    for section, specs in sections.items():
        for name, spec in specs.items():
            if spec.file and not (folder / spec.file).is_file():
                fault = _no_file(spec.file, folder, manifest.how_to_get)
                faults.append(f"[{section}.{name}] {fault}")
    return faults


def _no_file(file: str, folder: Path, how_to_get: str) -> str:
    """The fault of a file that is not there, and the cure."""
    there = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    meant = nearest(file, there) if len(there) < 50 else ""
    cure = how_to_get or "put it there, or correct file"
    return f"file: no such file {file!r} in {folder}{meant}; {cure}"


def table_of(
    manifest: Manifest,
    path: Path,
    columns: list[str] | None,
    spec: ModalitySpec | None = None,
    modality: str | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """One table, indexed by the ids as the file has them.

    Parameters
    ----------
    manifest
        It declares the column of ids.
    path
        A file that is there.
    columns
        Which columns to read; None: all.
    spec
        How the table of a modality is to be read; None for outcomes and groups, whose values are
        read as they are written.
    modality
        Of an outcome or group: the part of the file that holds it.

    Returns
    -------
    table : DataFrame
        Patients × columns.
    notices : list of str
        About measurements repeated in time.

    Raises
    ------
    InputError
        Where the file cannot be read so.
    """
    ids = manifest.patients.id
    if spec is None:
        options = {"id_column": ids, "modality": modality, "as_text": True}
        return read_table(path, columns=columns, **options), []
    if spec.orient == "patients-in-columns":
        ids = None
    if spec.series is not None:
        return read_series(path, spec.series, columns, ids)
    table = read_table(
        path,
        columns=columns,
        id_column=ids,
        modality=spec.modality,
        orient=spec.orient,
        layer=spec.layer,
        as_text=spec.kind == "ehr",
    )
    return table, []
