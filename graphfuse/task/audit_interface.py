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
    #: Whether it is a time until an event, in which clusters may differ.
    has_times: ClassVar[bool] = False
    category_words: ClassVar[CategoryWords] = CategoryWords()

    def coloured(self, target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        """What patients are coloured by in pictures of graphs.

        Parameters
        ----------
        target : Target
            Of N patients.

        Returns
        -------
        dict of str to (np.ndarray, tuple of str)
            What is appended to the outcome's name → values `[N]`, and their names. Values are
            codes, -1 where unknown; where there are no names, numbers.
        """
        return {"": (target.values, ())}

    def in_order(self, target) -> np.ndarray | None:
        """The outcome's values, where they have an order and may be cut into levels.

        Parameters
        ----------
        target : Target
            Of N patients.

        Returns
        -------
        np.ndarray or None
            `[N]`; None where values have no order.
        """
        return None

    def distinguished(self, names: Iterable[str]) -> str:
        """Says what a column tells apart that separates some categories from the others.

        Parameters
        ----------
        names : iterable of str
            These categories.

        Returns
        -------
        str
        """
        return f"{examples(map(repr, names))} from the rest"

    def restated(self, target, column: np.ndarray) -> bool:
        """Whether a column that separates the categories without error is the outcome itself.

        Parameters
        ----------
        target : Target
            Of N patients, all of them known.
        column : np.ndarray
            Numbers `[N]`.

        Returns
        -------
        bool
        """
        return len(np.unique(column)) <= len(self.categories(target)[1])
