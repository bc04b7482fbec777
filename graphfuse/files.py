"""Files: TOML found by name and read as shapes with errors a person can act on; folders written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from graphfuse.errors import Faults, InputError, nearest

Shaped = TypeVar("Shaped", bound=BaseModel)
_HERE = Path(__file__).parent


def resolve(name: str | Path, folder: str) -> Path:
    """Path of a TOML file given as a path, or by name in the working folder's or the package's `folder`.

    Raises `InputError` that lists the known names.
    """
    name = Path(name)
    if name.suffix == ".toml":
        if name.is_file():
            return name
        raise InputError(f"{name}: no such file; give a path to a .toml file or a name in {folder}/")
    homes = [Path.cwd() / folder, _HERE / "shipped" / folder, _HERE.parent / folder]
    for home in homes:
        if (home / f"{name}.toml").is_file():
            return home / f"{name}.toml"
    known = {path.stem for home in homes for path in home.glob("*.toml")}
    raise InputError(f"{str(name)!r}: no such name in {folder}/{nearest(str(name), known)}; a path to a .toml works too")


def read_toml(path: Path, shape: type[Shaped]) -> Shaped:
    """The file at `path` as `shape`; raises `InputError` with every fault, each with its key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    return parse(table, shape, str(path))


def parse(table: dict, shape: type[Shaped], where: str) -> Shaped:
    """`table` as `shape`; raises `InputError` with every fault, each with its key."""
    try:
        return shape.model_validate(table)
    except ValidationError as error:
        faults = Faults(where)
        for fault in error.errors():
            faults.add(_explain(fault, table, shape))
        faults.stop()
        raise


def _explain(fault: dict, table: dict, shape: type[BaseModel]) -> str:
    """One pydantic fault in a person's words."""
    *parents, key = fault["loc"] or ("",)
    where = f"[{'.'.join(map(str, parents))}] " if parents else ""
    if fault["type"] == "extra_forbidden":
        return f"{where}unknown key {key!r}{nearest(str(key), _known_keys(shape, parents))}"
    if fault["type"] == "missing":
        return f"{where}{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"] or fault["type"] == "value_error":
        return f"{where}{key}: {message}" if fault["loc"] else message
    return f"{where}{key}: {message} (got {fault['input']!r})"


def _known_keys(shape: type[BaseModel], parents: list) -> set[str]:
    """Keys allowed where a fault stands, by walking the shapes along its path."""
    for step in parents:
        field = shape.model_fields.get(str(step)) if isinstance(shape, type) else None
        if field is None:
            continue  # a free name inside a table of tables, or an index of a list: its shape is already in hand
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        shape = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), shape)
    return set(shape.model_fields)


def write_json(path: Path, content: dict) -> None:
    """A JSON file; what JSON does not know is written as text."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + os.linesep, encoding="utf-8")


@contextmanager
def run_directory(folder: Path, mark: str = "run.json") -> Iterator[Path]:
    """A hidden folder beside `folder` that takes its place when the block ends well, and vanishes when it does not.

    Raises `InputError` where `folder` holds anything but an older one of its kind, known by the file `mark`.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / mark).is_file())):
        what = "run directory" if mark == "run.json" else f"folder of this kind (no {mark})"
        raise InputError(f"{folder}: is there already and is no {what}; give another with -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); give another with -o") from None
    part.chmod(0o755)
    try:
        yield part
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)) / "old"
            folder.rename(old)
            part.rename(folder)
            shutil.rmtree(old.parent)
        else:
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
