"""The record of every evaluation on an external cohort."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.atomic_write import whole, write_json
from graphfuse.files.hashes import file_sha256
from graphfuse.schema import SCHEMA

log = logging.getLogger(__name__)


def sums_of(folder: Path) -> dict[str, str]:
    """sha256 of the files of an evaluation that are there."""
    names = ("predictions.csv", "metrics.json")
    return {name: file_sha256(folder / name) for name in names if (folder / name).is_file()}


def evaluations_in(folder: Path) -> list[dict]:
    """The evaluations on record in a folder; none where there is no folder yet."""
    try:
        return json.loads((folder / "record.json").read_text(encoding="utf-8"))["evaluations"]
    except FileNotFoundError:
        return []
    except (KeyError, json.JSONDecodeError):
        raise InputError(
            f"{folder / 'record.json'}: is no record of evaluations; give another folder with -o"
        ) from None


def write_record(folder: Path, cohort: str, evaluations: list[dict]) -> None:
    """Writes `record.json` anew, whole or not at all."""
    with whole(folder / "record.json") as part:
        write_json(part, {"schema": SCHEMA, "cohort": cohort, "evaluations": evaluations})
