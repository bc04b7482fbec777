"""Every name that users are handed has a docstring in numpydoc's form, and examples run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest
from torch import nn

import graphfuse
from graphfuse.nn.registry import SLOTS
from graphfuse.task.kind_interface import Kind
from graphfuse.task.task import Task

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("notebooks/*.ipynb"))]
IMPORT = re.compile(r"from (graphfuse[\w.]*) import ([\w, ]+)")
DOTTED = re.compile(r"\b(?:graphfuse|gf)(?:\.[A-Za-z_]\w*)+")
TRAINS = re.compile(r"(>>>|\.\.\.) .*(gf\.train|gf\.plan|\.fit)\(")
HEADING = re.compile(r"^(?P<title>[A-Z][A-Za-z ]+)\n-+$", re.MULTILINE)


# ------------------------------------------------------------------------- what users are handed


def named(dotted: str):
    """The object of a dotted name, such as `graphfuse.nn.slots.Fuse`; `None` where there is no such
    thing."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            found = getattr(found, name, None)
        return found
    return None


def named_on_pages() -> list[str]:
    """Dotted names of what the pages import, or name as `graphfuse.x.y`."""
    names = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        names |= {re.sub(r"^gf\b", "graphfuse", name) for name in DOTTED.findall(text)}
        for module, imported in IMPORT.findall(text):
            names |= {f"{module}.{name.strip()}" for name in imported.split(",")}
    return sorted(names)


def is_ours(thing) -> bool:
    """Whether `thing` is a class or a function of the package."""
    is_documented = inspect.isclass(thing) or inspect.isfunction(thing)
    return is_documented and thing.__module__.startswith("graphfuse")


def handed_out() -> dict[str, object]:
    """Name -> class or function: those of `graphfuse`, those that the pages name, and the classes
    from which parts and kinds of outcome are derived."""
    things = [getattr(graphfuse, name) for name in graphfuse.__all__]
    things += [named(name) for name in named_on_pages()]
    things += [*SLOTS.values(), Kind, Task]
    return {f"{each.__module__}.{each.__qualname__}": each for each in things if is_ours(each)}


def members(name: str, cls: type) -> dict[str, object]:
    """Name -> public method or property that the package defines for a class."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("graphfuse"):
            found |= {key: value for key, value in vars(base).items() if not key.startswith("_")}
    kinds = (property, classmethod, staticmethod)
    return {
        f"{name}.{key}": value
        for key, value in found.items()
        if isinstance(value, kinds) or inspect.isfunction(value)
    }


def everything() -> dict[str, object]:
    """Name -> all that must have a docstring."""
    found = handed_out()
    for name, thing in list(found.items()):
        if inspect.isclass(thing):
            found |= members(name, thing)
    return dict(sorted(found.items()))


# ------------------------------------------------------------------------- what a docstring holds


def sections(text: str) -> dict[str, str]:
    """Title -> body of each section of a docstring; its summary and prose stand under ''."""
    parts = HEADING.split(text)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(body: str) -> set[str]:
    """Names that a section such as Parameters describes: `a, b : float` describes two."""
    entries = [line for line in body.splitlines() if line and not line[0].isspace()]
    names = [name for entry in entries for name in entry.split(" :")[0].split(",")]
    return {name.strip().lstrip("*") for name in names}


def arguments(thing) -> list[str]:
    """Names of the arguments that callers give to a class or function."""
    if getattr(thing, "__init__", None) is nn.Module.__init__:
        return []
    names = inspect.signature(thing).parameters
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def gives_something(function) -> bool:
    """Whether a function says that it returns something; one that says nothing may."""
    returned = inspect.signature(function).return_annotation
    return returned not in (None, "None", "NoReturn")


def lacking(thing) -> list[str]:
    """What the docstring of a class, function, method or property lacks."""
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    text = inspect.getdoc(thing)
    if not text:
        return ["a docstring"]
    found = sections(text)
    summary = found[""].split("\n\n")[0].strip()
    lacks = [] if summary.endswith(".") else ["a full stop after its first sentence"]
    is_class = inspect.isclass(thing)
    is_error = is_class and issubclass(thing, Exception)
    if is_error or isinstance(thing, property):
        return lacks
    told = described(found.get("Parameters", "") + "\n" + found.get("Other Parameters", ""))
    if is_class:
        told |= described(found.get("Attributes", ""))
    lacks += [f"parameter {name}" for name in arguments(thing) if name not in told]
    if not is_class and gives_something(thing) and not {"Returns", "Yields"} & set(found):
        lacks.append("Returns")
    return lacks


EVERYTHING = everything()


def test_what_is_found_lacking():
    def bare(rows, *columns) -> int:
        """No stop"""

    def whole(rows, *columns) -> int:
        """Count the cells.

        Parameters
        ----------
        rows, *columns : int
            How many there are.

        Returns
        -------
        int
        """

    assert lacking(bare) == [
        "a full stop after its first sentence",
        "parameter rows",
        "parameter columns",
        "Returns",
    ]
    assert not lacking(whole)
    assert lacking(lambda rows: None) == ["a docstring"]


def test_all_that_users_are_handed_is_looked_at():
    names = {name.rpartition(".")[2] for name in handed_out()}
    assert set(graphfuse.__all__) <= names
    assert {"Encode", "Propagate", "Fuse", "Head", "Step", "Method", "Task"} <= names
    assert "graphfuse.data.cohort.Cohort.take" in EVERYTHING


@pytest.mark.parametrize("name", EVERYTHING)
def test_docstring(name):
    lacks = lacking(EVERYTHING[name])
    assert not lacks, f"{name} lacks {', '.join(lacks)}"


# ---------------------------------------------------------------------------- examples that run


def modules_with_examples() -> list[str]:
    """Names of the modules that hold an example."""
    package = Path(graphfuse.__file__).parent
    names = [
        path.relative_to(package.parent).with_suffix("").as_posix().replace("/", ".")
        for path in sorted(package.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]
    return [name.removesuffix(".__init__") for name in names]


def slow_where_it_trains(name: str) -> object:
    """The name as a parameter; slow where an example trains a model."""
    source = Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
    marks = [pytest.mark.slow] if TRAINS.search(source) else []
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", map(slow_where_it_trains, modules_with_examples()))
def test_examples_run(name, tmp_path, monkeypatch):
    """Each module's examples give what they show, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert not doctest.testmod(module, optionflags=flags).failed


@pytest.mark.parametrize("name", modules_with_examples())
def test_no_example_is_left_out(name):
    source = Path(importlib.import_module(name).__file__).read_text(encoding="utf-8")
    assert "doctest: +SKIP" not in source
