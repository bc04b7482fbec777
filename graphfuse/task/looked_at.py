"""What pictures and audits of a cohort ask of an outcome, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import numpy as np

from graphfuse.errors import examples


class Categories(NamedTuple):
    """How sentences speak of the categories of a kind of outcome; by default, of classes.

    Attributes
    ----------
    one : str
        What a group holds in which only one of them is.
    several : str
        Of what patients must be for more than one to be there.
    every : str
        All of them.
    known : str
        How an outcome is known where they can be told apart.
    """

    one: str = "one class only"
    several: str = "several classes"
    every: str = "all classes"
    known: str = "known in two classes"


class LookedAt:
    """An outcome in pictures and audits; `categories` are those of `Kind.categories`."""

    #: Whether each patient is of one of the outcome's own classes.
    has_classes: ClassVar[bool] = False
    #: Whether it is a time until an event, by which clusters may be told apart.
    has_times: ClassVar[bool] = False
    categories_in_words: ClassVar[Categories] = Categories()

    def coloured(self, target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        """What patients are coloured by: what is added to the outcome's name → values `[N]`, and
        their names.

        Values are codes, -1 where unknown, or, where there are no names, numbers.
        """
        return {"": (target.values, ())}

    def in_order(self, target) -> np.ndarray | None:
        """The outcome's values `[N]` where they have an order in which they may be cut into levels;
        `None` where they have none."""
        return None

    def told_apart(self, names: Iterable[str]) -> str:
        """What a column tells that tells these categories from the others."""
        return f"{examples(map(repr, names))} from the rest"

    def restated(self, target, column: np.ndarray) -> bool:
        """Whether a column `[N]` of numbers, which tells the categories of patients with a target
        `[N]` apart without an error, says nothing else: it is the outcome itself."""
        return len(np.unique(column)) <= len(self.categories(target)[1])
