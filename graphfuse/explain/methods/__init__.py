"""Ranking methods, after `graphfuse.explain.method`. A file here is a method."""

from __future__ import annotations

import pkgutil

DEFAULT = "integrated-gradients"


def available() -> list[str]:
    """Names of the methods in this folder, sorted: those of their files, with dashes."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))
