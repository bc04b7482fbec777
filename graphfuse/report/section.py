"""Sections of a report on held-out predictions: their interface, and those that a run has.

A section is a module of `graphfuse.report.sections`, which is its registration, and a template of
its name beside it. The module says:

`SHOWS`
    What a reader misses where there are no predictions, such as "the confusion matrix"; blank where
    another section already says it.
`BESIDE`
    Whether it is a narrow figure that may be placed beside the next one.
`content(run)`
    What its template shows under the name `content`; `None` where there is nothing to show.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from graphfuse.errors import GraphfuseError, nearest
from graphfuse.report.formatting import listed
from graphfuse.report.run_files import Run
from graphfuse.report.sections import available


@dataclass(frozen=True)
class Section:
    """A section as the page has it: the file of its template, and what that shows."""

    template: str
    content: Any
    beside: bool


def made(run: Run) -> list[list[Section]]:
    """The sections of the run's kind of outcome that have something to show, in order; those of one
    list are placed side by side, and any other has a list to itself.

    There are none without predictions. Raises `GraphfuseError` where the kind of outcome names a
    section that there is not, and `InputError` for predictions that are none.
    """
    if run.predictions.empty:
        return []
    sections: list[Section] = []
    for name in run.record.task.sections:
        module = _module(name)
        content = module.content(run)
        if content is not None:
            sections.append(Section(f"sections/{name}.html.jinja", content, module.BESIDE))
    rows: list[list[Section]] = []
    for each in sections:
        if rows and each.beside and rows[-1][-1].beside:
            rows[-1].append(each)
        else:
            rows.append([each])
    return rows


def missed(run: Run) -> str:
    """What the sections of a run without predictions would show, in words, as "the confusion matrix
    and calibration"; blank where there are predictions."""
    if not run.predictions.empty:
        return ""
    modules = [_module(name) for name in run.record.task.sections]
    return listed([module.SHOWS for module in modules if module.SHOWS])


def _module(name: str) -> ModuleType:
    if name not in available():
        known = ", ".join(available())
        raise GraphfuseError(
            f"a report has no section {name!r}{nearest(name, available())}; there are {known}: "
            "add a file to graphfuse/report/sections"
        )
    return importlib.import_module(f"graphfuse.report.sections.{name}")
