"""Class labels as an outcome: which cells mean the same class, and which mean none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, InputError, examples, few, few_counted
from graphfuse.task.label_arrays import FromLabels
from graphfuse.task.outcome import Outcome
from graphfuse.text.cell_words import as_word, spelt, unknown_words, words_of, written_alike
from graphfuse.text.id_spelling import padding

MANY = 20  # different values, beyond which hardly a column is a class


def class_outcome(
    labels: pd.Series,
    patients: pd.Index,
    names: Mapping[str, str] | None = None,
    derived_from: tuple[str, ...] = (),
) -> tuple[Outcome, list[str]]:
    """A class outcome from labels indexed by patient, and notices.

    Labels are compared as `as_word` writes them. Words for unknown are no class, unless `names`,
    which maps the values as written to class names, has them. Raises `InputError` for values that
    `names` lacks, for labels that differ only in case and the like, and for numbers that are no
    classes.
    """
    where = f"outcome {labels.name!r}"
    cells = labels.set_axis(labels.index.map(str)).reindex(patients).astype(object)
    found = _named(cells, names, where) if names else words_of(cells)
    alike = written_alike(found.dropna())
    if alike:
        raise InputError(
            f"{where}: labels differ only in case, or in underscores or letters that look alike "
            f"({examples(alike)}); write them alike"
        )
    said = "" if names else looks_like_number(found)
    if said:
        raise InputError(
            f"{where}: looks like a number, not a class: {said}; make classes of it (pd.cut), or "
            'declare kind = "number"'
        )
    notices = [*_unlabelled(cells, found), *_merged(cells, found), *_padded(found)]
    there = set(found.dropna())
    order = dict.fromkeys(names.values()) if names else sorted(there)
    classes = tuple(name for name in order if name in there)
    codes = found.map({name: code for code, name in enumerate(classes)})
    values = codes.fillna(-1).astype("int64").to_numpy()
    name = str(labels.name or "outcome")
    return Outcome(name, "class", values, classes, derived_from=tuple(derived_from)), notices


def looks_like_number(labels: pd.Series) -> str:
    """What speaks against labels being classes: fractions or hardly repeated values; '' where
    nothing does.

    Parameters
    ----------
    labels
        Labels as written, of numbers or text.
    """
    known = labels.dropna()
    distinct = known.nunique()
    hardly_repeat = distinct > 0.5 * len(known)
    values = pd.to_numeric(known.astype(str), errors="coerce")
    fractions = values.notna().all() and bool((values % 1 != 0).any())
    many = distinct > MANY
    if (fractions and (many or hardly_repeat)) or (many and hardly_repeat):
        return (
            f"{distinct:,} different values for {few_counted(len(known), 'patient')} "
            f"({examples(known.iloc[:3])})"
        )
    return ""


def _named(cells: pd.Series, names: Mapping[str, str], where: str) -> pd.Series:
    """Each cell's class name: by the value as written, else as `as_word` writes it."""
    as_written = {spelt(value): name for value, name in reversed(names.items())}
    by_word = {as_word(value): name for value, name in reversed(names.items())}

    def name_of(cell):
        return as_written.get(spelt(str(cell)), by_word.get(as_word(cell), np.nan))

    found = cells.map(name_of, na_action="ignore").astype(object)
    left = words_of(cells[found.isna()]).dropna()
    if len(left):
        raise InputError(
            f"{where}: values {examples(sorted(set(left)))} are not among labels = {dict(names)}"
        )
    return found


def _unlabelled(cells: pd.Series, found: pd.Series) -> list[str]:
    """A notice for words that count as no label."""
    words = unknown_words(cells, found)
    if not words:
        return []
    shown = examples(map(repr, sorted(set(words))))
    return [
        f"{few_counted(len(words), 'patient is', 'patients are')} unlabelled, as {shown} says that "
        "the class is unknown; name it in labels = { … } where it is a class"
    ]


def _merged(cells: pd.Series, found: pd.Series) -> list[str]:
    """A notice for classes that the file writes in more than one way."""
    known = found.notna()
    written = cells[known].map(str).str.strip()
    ways = written.groupby(found[known].to_numpy()).nunique()
    several = sorted(ways[ways > 1].index)
    named_twice = written.groupby(written.map(as_word)).nunique() > 1
    if not several or not named_twice.any():
        return []
    return [
        f"labels written in more than one way (blanks or characters that cannot be seen, 1.0 for "
        f"1, TRUE for True) are one class: {examples(map(repr, several))}"
    ]


def _padded(found: pd.Series) -> list[str]:
    """A notice for classes that differ only in how their numbers are written."""
    classes = pd.Index(sorted(set(found.dropna())), dtype=object)
    same_number = classes[classes.map(padding).duplicated(keep=False)]
    if not len(same_number):
        return []
    return [
        f"labels differ only in how numbers or separators are written "
        f"({examples(map(repr, same_number))}); taken for different classes: write them alike "
        "where they are one"
    ]


class ClassLabels(FromLabels):
    """Labels given as an array as the classes called `names`."""

    names: tuple[str, ...]

    @classmethod
    def labels(cls, given: np.ndarray) -> np.ndarray:
        from sklearn.utils.multiclass import check_classification_targets

        try:
            check_classification_targets(given)
        except ValueError as error:
            raise ValueError(f'{error} Numbers are learned with kind="number"') from None
        return given

    @classmethod
    def from_labels(cls, labels: np.ndarray, name: str) -> tuple[Outcome, np.ndarray]:
        classes, codes = np.unique(labels, return_inverse=True)
        names = tuple(map(str, classes))
        return Outcome(name, cls.kind, codes.astype(np.int64), names), classes

    def label_warning(self, labels: np.ndarray, outcome: Outcome) -> str:
        """Of labels with the names of the outcome's classes that are not those of the same
        patients, as labels in the order of a table are not in that of the cohort; -1 among the
        outcome's own codes is nobody's class."""
        unknown = labels == -1
        if unknown.any() and np.array_equal(unknown, ~outcome.known):
            raise InputError(
                f"y: -1 is no class but stands for patients without {outcome.name!r}; leave their "
                "rows out, or leave y out: they then take part unlabelled"
            )
        words = labels.astype(str)
        own = np.asarray(self.names)[outcome.values]
        if not set(words) <= set(self.names) or not (own != words)[outcome.known].any():
            return ""
        return (
            f"y: is not the outcome {outcome.name!r} of the same patients; where it should be, "
            "give labels in the order of cohort.patients"
        )

    def values_of(self, labels: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """Codes."""
        is_of = labels[:, None] == np.asarray(self.names if classes is None else classes)
        return np.where(is_of.any(1), is_of.argmax(1), -1)

    def attributes(self, classes: np.ndarray | None) -> dict[str, np.ndarray]:
        return {"classes_": np.asarray(self.names) if classes is None else classes}


def in_total(called: np.ndarray) -> str:
    """How many patients were called what; no total where it would tell the number of a class with
    few."""
    counts = pd.Series(called).value_counts()
    each = ", ".join(f"{name} {few(count)}" for name, count in counts.items())
    shown = int(counts[counts >= FEW].sum())
    if shown == len(called):
        total = f"{shown:,}"
    elif shown:
        total = f"more than {shown:,}"
    else:
        total = few(len(called)) if len(called) < FEW else f"{FEW} or more"
    return f"{total} patients called ({each})"
