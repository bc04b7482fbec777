"""Class labels as an outcome: which cells mean the same class, and which mean none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, InputError, examples, few, few_counted
from graphfuse.task.from_label_array import FromLabels
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
    """Makes a class outcome of labels.

    Labels are compared as `as_word` writes them. Words for unknown are no class, unless `names` has
    them.

    Parameters
    ----------
    labels : pd.Series
        Labels by patient id, numbers or text; blank where a patient has none.
    patients : pd.Index
        The cohort's patients, in order.
    names : mapping of str to str, optional
        Label as written -> the class's name; classes then have its order, else that of the names.
    derived_from : tuple of str
        Modalities from which the labels were computed.

    Returns
    -------
    outcome : Outcome
    notices : list of str

    Raises
    ------
    InputError
        For labels that `names` lacks, that differ only in case and the like, or that are numbers
        rather than classes.
    """
    where = f"outcome {labels.name!r}"
    cells = labels.set_axis(labels.index.map(str)).reindex(patients).astype(object)
    class_of = _named(cells, names, where) if names else words_of(cells)  # name of each patient's
    _refuse_alike(class_of, where)
    if not names:
        _refuse_numbers(class_of, where)
    notices = _unlabelled_notice(cells, class_of)
    notices += _merged_notice(cells, class_of)
    notices += _padded_notice(class_of)
    present = set(class_of.dropna())
    order = dict.fromkeys(names.values()) if names else sorted(present)
    classes = tuple(name for name in order if name in present)
    codes = class_of.map({name: code for code, name in enumerate(classes)})
    values = codes.fillna(-1).astype("int64").to_numpy()
    name = str(labels.name or "outcome")
    return Outcome(name, "class", values, classes, derived_from=tuple(derived_from)), notices


def looks_like_number(labels: pd.Series) -> str:
    """Says why labels look like numbers rather than classes.

    Parameters
    ----------
    labels : pd.Series
        Labels as written, of numbers or text.

    Returns
    -------
    str
        Blank where there are few different values, or whole ones that repeat.
    """
    known = labels.dropna()
    distinct = known.nunique()
    values = pd.to_numeric(known.astype(str), errors="coerce")
    has_fractions = values.notna().all() and bool((values % 1 != 0).any())
    # Labels of classes may show one of these; two are signs of a number.
    signs = [has_fractions, distinct > MANY, distinct > 0.5 * len(known)]
    if sum(signs) < 2:
        return ""
    patients = few_counted(len(known), "patient")
    return f"{distinct:,} different values for {patients} ({examples(known.iloc[:3])})"


def _refuse_alike(class_of: pd.Series, where: str) -> None:
    """Raises `InputError` for classes whose names hardly differ."""
    alike = written_alike(class_of.dropna())
    if alike:
        raise InputError(
            f"{where}: labels differ only in case, or in underscores or letters that look alike "
            f"({examples(alike)}); write them alike"
        )


def _refuse_numbers(labels: pd.Series, where: str) -> None:
    """Raises `InputError` for labels that look like numbers."""
    why = looks_like_number(labels)
    if why:
        raise InputError(
            f"{where}: looks like a number, not a class: {why}; make classes of it (pd.cut), or "
            'declare kind = "number"'
        )


def _named(cells: pd.Series, names: Mapping[str, str], where: str) -> pd.Series:
    """Each cell's class name: by the value as written, else as `as_word` writes it."""
    as_written = {spelt(value): name for value, name in reversed(names.items())}
    by_word = {as_word(value): name for value, name in reversed(names.items())}

    def name_of(cell):
        return as_written.get(spelt(str(cell)), by_word.get(as_word(cell), np.nan))

    named = cells.map(name_of, na_action="ignore").astype(object)
    unnamed = words_of(cells[named.isna()]).dropna()
    if len(unnamed):
        shown = examples(sorted(set(unnamed)))
        raise InputError(f"{where}: values {shown} are not among labels = {dict(names)}")
    return named


def _unlabelled_notice(cells: pd.Series, class_of: pd.Series) -> list[str]:
    """A notice for words that count as no label."""
    words = unknown_words(cells, class_of)
    if not words:
        return []
    shown = examples(map(repr, sorted(set(words))))
    return [
        f"{few_counted(len(words), 'patient is', 'patients are')} unlabelled, as {shown} says that "
        "the class is unknown; name it in labels = { … } where it is a class"
    ]


def _merged_notice(cells: pd.Series, class_of: pd.Series) -> list[str]:
    """A notice for classes that the file writes in more than one way."""
    known = class_of.notna()
    written = cells[known].map(str).str.strip()
    ways_of_class = written.groupby(class_of[known].to_numpy()).nunique()
    several = sorted(ways_of_class[ways_of_class > 1].index)
    ways_of_word = written.groupby(written.map(as_word)).nunique()
    if not several or not (ways_of_word > 1).any():
        return []
    return [
        f"labels written in more than one way (blanks or characters that cannot be seen, 1.0 for "
        f"1, TRUE for True) are one class: {examples(map(repr, several))}"
    ]


def _padded_notice(class_of: pd.Series) -> list[str]:
    """A notice for classes that differ only in how their numbers are written."""
    classes = pd.Index(sorted(set(class_of.dropna())), dtype=object)
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
        if not set(words) <= set(self.names):
            return ""
        differs = np.asarray(self.names)[outcome.values] != words
        if not differs[outcome.known].any():
            return ""
        return (
            f"y: is not the outcome {outcome.name!r} of the same patients; where it should be, "
            "give labels in the order of cohort.patients"
        )

    def values_of(self, labels: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """The codes of the classes."""
        classes = np.asarray(self.names if classes is None else classes)
        is_of = labels[:, None] == classes  # [N, K]
        return np.where(is_of.any(1), is_of.argmax(1), -1)

    def attributes(self, classes: np.ndarray | None) -> dict[str, np.ndarray]:
        return {"classes_": np.asarray(self.names) if classes is None else classes}


def in_total(called: np.ndarray) -> str:
    """How many patients were called what, for a log.

    There is no exact total where it would tell the number of a class with few patients.
    """
    counts = pd.Series(called).value_counts()
    each = ", ".join(f"{name} {few(count)}" for name, count in counts.items())
    shown = int(counts[counts >= FEW].sum())
    if shown == len(called):
        total = f"{shown:,}"
    elif shown:
        total = f"more than {shown:,}"
    else:
        total = few(len(called)) if len(called) < FEW else f"{FEW} or more"
    return f"{total} patients predicted ({each})"
