"""What pictures and audits of a cohort ask of an outcome, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from graphfuse.errors import examples
from graphfuse.task.wording import CategoryWords


class Audited:
    """An outcome in pictures and audits; `categories` are those of `Kind.categories`."""

    #: Whether each patient is of one of the outcome's own classes.
    has_classes: ClassVar[bool] = False
    #: Whether it is a time until an event, by which clusters may be told apart.
    has_times: ClassVar[bool] = False
    category_words: ClassVar[CategoryWords] = CategoryWords()

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

    def distinguished(self, names: Iterable[str]) -> str:
        """What a column tells that tells these categories from the others."""
        return f"{examples(map(repr, names))} from the rest"

    def restated(self, target, column: np.ndarray) -> bool:
        """Whether a column `[N]` of numbers, which tells the categories of patients with a target
        `[N]` apart without an error, says nothing else: it is the outcome itself."""
        return len(np.unique(column)) <= len(self.categories(target)[1])
