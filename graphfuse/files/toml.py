"""TOML files: looked up by name, read as pydantic shapes, with errors that say what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from graphfuse.errors import Faults, InputError, nearest

Shaped = TypeVar("Shaped", bound=BaseModel)
_PACKAGE = Path(__file__).parents[1]
DEEPEST = 20  # how deeply tables and lists of a TOML file may be nested
_SHOWN = 200  # characters of a value in a message


def resolve(name: str | Path, folder: str) -> Path:
    """The path of a TOML file that is given as a path or by its name.

    Parameters
    ----------
    name : str or Path
        A path to a .toml, or a name in `folder`.
    folder : str
        The folder of such files, in the working folder and in the package.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Where there is no such file; it lists the known names.
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
        path = home / f"{name}.toml"
        if path.is_file():
            return path
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
    """The folders of files that ship with the package: in an installed one, and in its sources."""
    return _PACKAGE / "shipped" / folder, _PACKAGE.parent / folder


def located(name: str | Path, folders: Iterable[Path], home: str | None = None) -> str:
    """The absolute path of a file in the first of `folders` that has it, or the name as it is.

    With `home`, also the path of `home/NAME.toml`: a user's file that goes by its name.
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
    """Whether tables and lists are nested more than `most` deep."""
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
    for place, given, value in _converted(table, made):
        cure = "; write it without quotes" if isinstance(given, str) else ""
        expected = _NUMBERS[type(value)]
        faults.add(f"{_key_in_words(place)}: expected {expected} (got {given!r}){cure}")
    faults.stop()
    return made


def refused(error: ValidationError, table: dict, shape: type[BaseModel], where: str) -> InputError:
    """Pydantic's error on a table in plain words: every fault with its key."""
    faults = Faults(where)
    for fault in _once_each(error.errors(), table):
        faults.add(_explain(fault, shape))
    return faults.error()


def _explain(fault: dict, shape: type[BaseModel]) -> str:
    """One pydantic fault in plain words."""
    *parents, key = fault["loc"] or ("",)
    table = ".".join(map(_step, parents))
    where = f"[{table}] " if parents else ""
    if fault["type"] == "extra_forbidden":
        shown = str(key)[:_SHOWN]
        return f"{where}unknown key {shown!r}{nearest(shown, _known_keys(shape, parents))}"
    if fault["type"] == "missing":
        return f"{where}{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    names_its_place = fault["type"] == "value_error" and message.startswith("[")
    if not fault["loc"] or names_its_place:
        return message
    place = _key_in_words(fault["loc"])
    if fault["type"] == "value_error":
        return f"{place}: {message}"
    return f"{place}: {message} (got {_cut(repr(fault['input']))})"


def _cut(text: str) -> str:
    """The beginning of a text that is too long for a message."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _key_in_words(place: tuple) -> str:
    """A place in a TOML file: ("train", "epochs") is '[train] epochs', a list's second item
    '[train] rates[1]'."""
    last_name = max((at for at, step in enumerate(place) if isinstance(step, str)), default=0)
    *parents, key = map(_step, place[: last_name + 1])
    table = ".".join(parents)
    where = f"[{table}] " if parents else ""
    items = "".join(f"[{step}]" for step in place[last_name + 1 :])
    return f"{where}{key}{items}"


def _step(step) -> str:
    """A key as it is written; in quotes where blanks or hidden characters could not be seen."""
    text = str(step)
    is_visible = text.strip() == text != "" and text.isprintable()
    return _cut(text if is_visible else repr(text))


# The ends of pydantic's types of faults where a value is not of the kind at all.
_OF_KIND = ("_type", "_parsing", "literal_error")


def _once_each(faults: list[dict], table: dict) -> list[dict]:
    """One fault for each place of the file.

    Where a key takes values of several kinds, pydantic gives a fault for each kind. Kept are those
    of the kind that was given; where it is none of them, all are joined.
    """
    places: dict[tuple, list[dict]] = {}
    for fault in faults:
        written, stop = _written_part(fault["loc"], table)
        if fault["type"] == "missing":
            written = fault["loc"]
        place = written
        if stop < len(fault["loc"]):
            place = fault["loc"][:stop]
        places.setdefault(place, []).append({**fault, "loc": written})
    kept = []
    for here in places.values():
        deepest = max(len(fault["loc"]) for fault in here)
        here = [fault for fault in here if len(fault["loc"]) == deepest]
        here = [fault for fault in here if not fault["type"].endswith(_OF_KIND)] or here
        several = len({fault["loc"] for fault in here}) > 1
        kept += here if several else [_joined(here)]
    return kept


def _written_part(loc: tuple, table: dict) -> tuple[tuple, int]:
    """The steps of a fault's path that the file has, without pydantic's names of kinds, and the
    position of the first step that it does not have."""
    written, stop, value = [], len(loc), table
    for position, step in enumerate(loc):
        if _has(value, step):
            written.append(step)
            value = value[step]
        else:
            stop = min(stop, position)
    return tuple(written), stop


def _has(value, step) -> bool:
    """Whether a table has this key, or a list this position."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and step in range(len(value))


def _joined(faults: list[dict]) -> dict:
    """The faults of one place as one."""
    first, *others = dict.fromkeys(fault["msg"] for fault in faults)
    alternatives = [message.removeprefix("Input should be ") for message in others]
    return {**faults[0], "msg": ", or ".join([first, *alternatives])}


_NUMBERS = {bool: "true or false", int: "a whole number", float: "a number"}


def _converted(given, made, place: tuple = ()) -> Iterator[tuple]:
    """(place, given, made) wherever pydantic took text or a truth value for a number, or a number
    for a truth value."""
    if isinstance(given, dict) and isinstance(made, BaseModel | dict):
        fields = dict(made)
        for key in given:
            if key in fields:
                yield from _converted(given[key], fields[key], (*place, key))
    elif isinstance(given, list) and isinstance(made, list | tuple):
        for number, (one, other) in enumerate(zip(given, made, strict=False)):
            yield from _converted(one, other, (*place, number))
    elif _is_conversion(given, made):
        yield place, given, made


def _is_conversion(given, made) -> bool:
    """Whether text or a truth value became a number, or a number a truth value."""
    kinds = {type(given), type(made)}
    return type(made) in _NUMBERS and len(kinds) == 2 and not kinds.isdisjoint((bool, str))


def _known_keys(shape: type[BaseModel], parents: list) -> set[str]:
    """The keys allowed at a fault's place, by walking the shapes along its path."""
    for step in parents:
        field = shape.model_fields.get(str(step)) if isinstance(shape, type) else None
        if field is None:
            continue  # a free name in a table of tables, or an index of a list: the same shape
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in inner:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                shape = kind
                break
    return set(shape.model_fields)
