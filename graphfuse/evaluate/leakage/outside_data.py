"""Tables and labels of held-out patients that a pipeline reaches past the cohort it is given: in
globals, closures, default arguments and attributes of its own code."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import examples
from graphfuse.evaluate.leakage.patient_data import PatientData, is_table

_PACKAGE = str(Path(__file__).parents[2]) + os.sep
_LIBRARIES = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
_OTHERS = (_PACKAGE, *_LIBRARIES)  # whose code is not the user's
_MOST = 20_000  # objects that are looked at
_LONG = 1_000  # items of a container that are looked at


@dataclass(frozen=True, eq=False)
class Place:
    """Where a value is kept: its name in words, and how another is put there."""

    name: str
    value: object
    put: Callable[[object], None]


@dataclass(frozen=True, eq=False)
class OutsideData:
    """Places past the cohort at which a pipeline's code finds data of held-out patients.

    Attributes
    ----------
    places : dict of str to list of Place
        "values" and "labels".
    data : PatientData
        How such data is recognised and changed.
    """

    places: dict[str, list[Place]]
    data: PatientData

    @classmethod
    def reached(cls, fit: Callable, cohort: Cohort, held_out: np.ndarray) -> OutsideData:
        """All that `fit` and the code it calls can reach, as far as that is written in Python and
        is no library's."""
        data = PatientData(cohort, held_out)
        places = {"values": [], "labels": []}
        for place, held in _places(fit, data):
            for what in held:
                places[what].append(place)
        return cls(places, data)

    def names(self, what: str) -> str:
        """The places of values or labels, in words; '' where there are none."""
        names = dict.fromkeys(place.name for place in self.places.get(what, ()))
        return examples(names) if names else ""

    @contextmanager
    def changed(self, what: str, seed: int) -> Iterator[None]:
        """Puts other values, or labels, of held-out patients in every place, and the old ones back
        at the end."""
        others: dict[int, object] = {}  # one and the same object stays one
        places = self.places[what]
        for place in places:
            if id(place.value) not in others:
                others[id(place.value)] = self.data.changed(place.value, what, seed)
        try:
            for place in places:
                place.put(others[id(place.value)])
            yield
        finally:
            for place in places:
                place.put(place.value)


# ------------------------------------------------------------------------ what code can reach


def _places(fit: Callable, data: PatientData) -> Iterator[tuple[Place, set[str]]]:
    """Every place reached from `fit` that holds patients' data, and what of theirs."""
    waiting: list[object] = [fit]
    seen: dict[int, object] = {}  # keeps each alive, so that no id is given twice
    while waiting and len(seen) < _MOST:
        owner = waiting.pop()
        if id(owner) in seen:
            continue
        seen[id(owner)] = owner
        for place in _inside(owner):
            held = data.held_in(place.value)
            if held and place.name:
                yield place, held
            if not is_table(place.value):
                waiting.append(place.value)


def _inside(owner: object) -> list[Place]:
    """What an object holds, as far as code that has the object uses it."""
    if isinstance(owner, types.FunctionType):
        is_own = _is_own(owner.__module__, owner.__code__.co_filename)
        return _of_function(owner) if is_own else []
    if isinstance(owner, types.MethodType):
        return [_fixed(owner.__self__), _fixed(owner.__func__)]
    if isinstance(owner, functools.partial):
        return _of_partial(owner)
    if isinstance(owner, property):
        return [_fixed(each) for each in (owner.fget, owner.fset)]
    if isinstance(owner, staticmethod | classmethod):
        return [_fixed(owner.__func__)]
    if isinstance(owner, type):
        return _of_class(owner) if _is_own(owner.__module__) else []
    if isinstance(owner, dict | list | tuple | set | frozenset):
        return _of_container(owner)
    if isinstance(owner, types.ModuleType) or not hasattr(owner, "__dict__"):
        return []
    return [_fixed(type(owner)), *_entries(vars(owner), "attribute")]


def _fixed(value: object) -> Place:
    """A value that is looked into and stays where it is."""
    return Place("", value, lambda other: None)


def _entries(holder: dict, kind: str, names: set[str] | None = None) -> list[Place]:
    """The items of a dict, or those of these names, which can be replaced."""
    places = []
    for key, value in list(holder.items()):
        if isinstance(key, str) and (names is None or key in names):
            put = functools.partial(holder.__setitem__, key)
            places.append(Place(f"{kind} {key!r}", value, put))
    return places


def _of_function(function: types.FunctionType) -> list[Place]:
    """Closure, default arguments, and the globals and modules' attributes that its code names."""
    places = _entries(vars(function), "attribute")
    places += _of_closure(function)
    if function.__defaults__:
        put = functools.partial(setattr, function, "__defaults__")
        places.append(Place("default arguments", function.__defaults__, put))
    places += _entries(function.__kwdefaults__ or {}, "default argument")
    names = _names(function.__code__)
    used = _entries(function.__globals__, "global", names)
    modules = [sys.modules.get(name) for name in names]
    modules += [place.value for place in used]
    for module in modules:
        if isinstance(module, types.ModuleType) and _is_own(module.__name__):
            used += _entries(vars(module), "global", names)
    return places + used


def _of_closure(function: types.FunctionType) -> list[Place]:
    """Variables of the functions around it."""
    places = []
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        put = functools.partial(setattr, cell, "cell_contents")
        try:
            places.append(Place(f"closure {name!r}", cell.cell_contents, put))
        except ValueError:  # a cell that is not filled yet
            continue
    return places


def _names(code: types.CodeType) -> set[str]:
    """Names that a piece of code, or code inside it, looks up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _of_partial(partial: functools.partial) -> list[Place]:
    """The function and the arguments that are bound to it."""

    def put(arguments: tuple) -> None:
        partial.__setstate__((partial.func, arguments, partial.keywords, vars(partial)))

    bound = Place("arguments of a partial", partial.args, put)
    return [_fixed(partial.func), bound, *_entries(partial.keywords, "argument")]


def _of_class(owner: type) -> list[Place]:
    """Methods and attributes of a class, and its bases."""
    places = [_fixed(base) for base in owner.__bases__]
    for name, value in vars(owner).items():
        if not name.startswith("__") or callable(value):
            put = functools.partial(setattr, owner, name)
            places.append(Place(f"attribute {name!r}", value, put))
    return places


def _of_container(owner: dict | list | tuple | set | frozenset) -> list[Place]:
    """The items of a container that is not long."""
    if len(owner) > _LONG:
        return []
    if isinstance(owner, dict):
        items = owner.items()
    elif isinstance(owner, list):
        items = enumerate(owner)
    else:
        return [_fixed(each) for each in owner]
    return [
        Place(f"item {key!r}", value, functools.partial(owner.__setitem__, key))
        for key, value in items
    ]


def _is_own(module: str | None, path: str | None = None) -> bool:
    """Whether code is the user's: neither Python's, nor a library's, nor this package's."""
    name = module or ""
    if name == "__main__":
        return True
    if name.partition(".")[0] in sys.stdlib_module_names:
        return False
    path = path or getattr(sys.modules.get(name), "__file__", None)
    return path is not None and not path.startswith(_OTHERS)
