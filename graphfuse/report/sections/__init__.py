"""Sections of a report on held-out predictions, with the interface in
`graphfuse.report.section`. A file here is a section, with a template of its name beside it; a kind
of outcome names those that it has."""

from __future__ import annotations

import pkgutil


def available() -> list[str]:
    """Names of the sections in this folder, sorted: those of their files."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
