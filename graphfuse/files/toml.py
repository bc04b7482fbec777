"""TOML files, found by name and read as shapes, with errors a person can act on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from graphfuse.errors import Faults, InputError, nearest

Shaped = TypeVar("Shaped", bound=BaseModel)
_PACKAGE = Path(__file__).parents[1]
DEEPEST = 20  # tables and lists of a TOML file in each other
_SHOWN = 200  # characters of a value in a message


def resolve(name: str | Path, folder: str) -> Path:
    """Path of a TOML file given as a path, or by name in the working folder's or the package's
    `folder`.

    Raises `InputError` that lists the known names.
    """
    name = Path(name)
    if name.suffix == ".toml":
        if name.is_file():
            return name
        raise InputError(
            f"{name}: no such file; give a path to a .toml file or a name in {folder}/"
        )
    homes = [Path.cwd() / folder, *shipped_folder(folder)]
    for home in homes:
        if (home / f"{name}.toml").is_file():
            return home / f"{name}.toml"
    if folder == "data_manifests" and name.is_file():
        raise InputError(
            f"{name}: this is a table, no manifest; `graphfuse init {name}` drafts its manifest"
        )
    known = {path.stem for home in homes for path in home.glob("*.toml")}
    raise InputError(
        f"{str(name)!r}: no such name in {folder}/{nearest(str(name), known)}; a path to a "
        ".toml works too"
    )


def shipped_folder(folder: str) -> tuple[Path, Path]:
    """Where files that ship with the package may be: in an installed one, and in its sources."""
    return _PACKAGE / "shipped" / folder, _PACKAGE.parent / folder


def located(name: str | Path, folders: Iterable[Path], home: str | None = None) -> str:
    """The absolute path of a file in the first of `folders` that has it, or the name as it is.

    With `home`, also the path of `home/NAME.toml`: a file of one's own that is called by its name.
    """
    for folder in folders:
        places = [folder / name]
        if home is not None:
            places.append(folder / home / f"{name}.toml")
        for place in places:
            if place.is_file():
                return str(place.resolve())
    return str(name)


def read_toml(path: Path, shape: type[Shaped]) -> Shaped:
    """The file at `path` as `shape`; raises `InputError` with every fault, each with its key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except RecursionError:
        raise InputError(f"{path}: not valid TOML: its brackets are nested too deeply") from None
    except ValueError as error:  # of TOML, of UTF-8, or of a number with thousands of digits
        raise InputError(f"{path}: not valid TOML: {error}") from None
    if _is_deeper(table, DEEPEST):
        raise InputError(
            f"{path}: tables and lists are nested more than {DEEPEST} deep; no key of ours is"
        )
    return parse(table, shape, str(path))


def _is_deeper(table, most: int) -> bool:
    """Whether tables and lists stand in each other more than `most` deep."""
    level = [table]
    for _ in range(most):
        inside = [value.values() if isinstance(value, dict) else value for value in level]
        level = [value for each in inside for value in each if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def parse(table: dict, shape: type[Shaped], where: str) -> Shaped:
    """`table` as `shape`; raises `InputError` with every fault, each with its key. A number in
    quotes is a fault too."""
    faults = Faults(where)
    try:
        made = shape.model_validate(table)
    except ValidationError as error:
        raise refused(error, table, shape, where) from None
    for place, given, wanted in _turned(table, made):
        cure = "; write it without quotes" if isinstance(given, str) else ""
        faults.add(f"{_said(place)}: expected {_NUMBERS[type(wanted)]} (got {given!r}){cure}")
    faults.stop()
    return made


def refused(error: ValidationError, table: dict, shape: type[BaseModel], where: str) -> InputError:
    """Pydantic's error on a table, in a person's words: every fault with its key."""
    faults = Faults(where)
    for fault in _once_each(error.errors(), table):
        faults.add(_explain(fault, shape))
    return faults.error()


def _explain(fault: dict, shape: type[BaseModel]) -> str:
    """One pydantic fault in a person's words."""
    *parents, key = fault["loc"] or ("",)
    where = f"[{'.'.join(map(_step, parents))}] " if parents else ""
    if fault["type"] == "extra_forbidden":
        shown = str(key)[:_SHOWN]
        return f"{where}unknown key {shown!r}{nearest(shown, _known_keys(shape, parents))}"
    if fault["type"] == "missing":
        return f"{where}{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"] or (fault["type"] == "value_error" and message.startswith("[")):
        return message  # which says itself where
    place = _said(fault["loc"])
    if fault["type"] == "value_error":
        return f"{place}: {message}"
    given = repr(fault["input"])
    shown = given if len(given) <= _SHOWN else f"{given[:_SHOWN]} …"
    return f"{place}: {message} (got {shown})"


def _said(place: tuple) -> str:
    """A place in a TOML file: ("train", "epochs") is '[train] epochs', a list's second item
    '[train] rates[1]'."""
    named = max((i for i, step in enumerate(place) if isinstance(step, str)), default=0)
    *parents, key = map(_step, place[: named + 1])
    where = f"[{'.'.join(parents)}] " if parents else ""
    return f"{where}{key}{''.join(f'[{step}]' for step in place[named + 1 :])}"


def _step(step) -> str:
    """A key as it is written, in quotes where that could not be seen, and not without end."""
    text = str(step)
    seen = text if text.strip() == text != "" and text.isprintable() else repr(text)
    return seen if len(seen) <= _SHOWN else f"{seen[:_SHOWN]} …"


_OF_KIND = (
    "_type",
    "_parsing",
    "literal_error",
)  # what pydantic says where a value is not of the kind at all


def _once_each(faults: list[dict], table: dict) -> list[dict]:
    """One fault a place. Where a key takes a value of several kinds pydantic says of each why it is
    not that; told is what is wrong with the kind that was given, or, where it is none of them, all
    that it could be."""
    places: dict[tuple, list[dict]] = {}
    for fault in faults:
        loc, stop = _real(fault["loc"], table)
        loc = fault["loc"] if fault["type"] == "missing" else loc
        places.setdefault(fault["loc"][:stop] if stop < len(fault["loc"]) else loc, []).append(
            {**fault, "loc": loc}
        )
    found = []
    for said in places.values():
        deepest = max(len(fault["loc"]) for fault in said)
        said = [fault for fault in said if len(fault["loc"]) == deepest]
        said = [fault for fault in said if not fault["type"].endswith(_OF_KIND)] or said
        found += said if len({fault["loc"] for fault in said}) > 1 else [_either(said)]
    return found


def _real(loc: tuple, table: dict) -> tuple[tuple, int]:
    """The steps of a fault's path that are keys and places of the file, less pydantic's names of
    kinds, and where the first of those stands."""
    real, stop, value = [], len(loc), table
    for number, step in enumerate(loc):
        inside = step in (
            value
            if isinstance(value, dict)
            else range(len(value))
            if isinstance(value, list)
            else ()
        )
        if inside:
            real, value = [*real, step], value[step]
        else:
            stop = min(stop, number)
    return tuple(real), stop


def _either(faults: list[dict]) -> dict:
    """The faults of one place as one."""
    messages = dict.fromkeys(fault["msg"] for fault in faults)
    first, *others = messages
    return {
        **faults[0],
        "msg": ", or ".join([first, *(other.removeprefix("Input should be ") for other in others)]),
    }


_NUMBERS = {bool: "true or false", int: "a whole number", float: "a number"}


def _turned(given, made, place: tuple = ()) -> Iterator[tuple]:
    """(place, given, made) wherever text or a truth value was taken for a number, or a number for a
    truth value."""
    if isinstance(given, dict) and isinstance(made, BaseModel | dict):
        of = dict(made) if isinstance(made, BaseModel) else made
        for key in (key for key in given if key in of):
            yield from _turned(given[key], of[key], (*place, key))
    elif isinstance(given, list) and isinstance(made, list | tuple):
        for number, (one, other) in enumerate(zip(given, made, strict=False)):
            yield from _turned(one, other, (*place, number))
    elif (
        type(made) in _NUMBERS
        and type(given) is not type(made)
        and {bool, str} & {type(given), type(made)}
    ):
        yield place, given, made


def _known_keys(shape: type[BaseModel], parents: list) -> set[str]:
    """Keys allowed where a fault stands, by walking the shapes along its path."""
    for step in parents:
        field = shape.model_fields.get(str(step)) if isinstance(shape, type) else None
        if field is None:
            # a free name inside a table of tables, or an index of a list: its shape is already in
            # hand
            continue
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        shape = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), shape)
    return set(shape.model_fields)
