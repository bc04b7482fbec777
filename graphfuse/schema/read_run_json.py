"""JSON files of run directories read as their shapes; others may have written them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from graphfuse.errors import InputError
from graphfuse.files.json import damaged, read_json
from graphfuse.files.toml import parse
from graphfuse.schema.base import SCHEMA

Shaped = TypeVar("Shaped", bound=BaseModel)
MOST_SHOWN = 300  # letters of a fault, which may quote the file


def read_shape(path: Path, shape: type[Shaped], what: str = "damaged") -> Shaped:
    """A JSON file as its shape; raises `InputError` that begins with `what` where it is damaged, or
    of another schema."""
    return shaped(read_schema(path, what), shape, path, what)


def read_schema(path: Path, what: str = "damaged") -> dict:
    """A JSON file whose `schema` is the one that this version reads, as a table."""
    table = read_json(path, what)
    schema = table.get("schema")
    if type(schema) is not int or schema < 1:
        fault = "it has no schema" if schema is None else f"schema {schema!r} never was one"
        raise damaged(path, fault[:MOST_SHOWN], what)
    if schema > SCHEMA:
        raise InputError(
            f"{path}: schema {schema} is newer than this graphfuse reads ({SCHEMA}); update it"
        )
    return table


def shaped(table: dict, shape: type[Shaped], path: Path, what: str = "damaged") -> Shaped:
    """A table of the file at `path` as its shape; the message has its first fault."""
    try:
        return parse(table, shape, path.name)
    except InputError as error:
        first, *more = str(error).splitlines()
        fault = first.removeprefix(f"{path.name}: ")
        if more:
            fault = more[0].removeprefix("  - ")
        raise damaged(path, fault[:MOST_SHOWN], what) from None
