"""The errors that graphfuse raises, and helpers that word messages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from threading import Lock

WARNED: set[tuple[str, str]] = set()  # (logger, message) of `warn_once` in this process
_warn_lock = Lock()


class GraphfuseError(Exception):
    """Base class of every error that graphfuse raises on purpose.

    Examples
    --------
    >>> from graphfuse import GraphfuseError, Recipe
    >>> try:
    ...     Recipe.named("multiplx")
    ... except GraphfuseError as error:
    ...     print(error)
    'multiplx': no such name in graphs/ (did you mean 'multiplex'?); a path to a .toml works too
    """


class InputError(GraphfuseError, ValueError):
    """An input cannot be used.

    The message names the file and the column, says what is wrong, and what to do. In the shell the
    exit code is 2.

    Examples
    --------
    >>> from graphfuse import InputError, Recipe
    >>> try:
    ...     Recipe(name="mine", net={"widht": 64})
    ... except InputError as error:
    ...     print(error)
    Recipe: [net] unknown key 'widht' (did you mean 'width'?)
    """


class FetchError(InputError):
    """A source of files could not be obtained or verified."""


class LeakError(GraphfuseError):
    """A request would let validation or test patients influence what is fitted."""


class Faults:
    """Gathers every fault of an input, so that one error names them all.

    Parameters
    ----------
    where : str
        The file or object, with which the message begins.

    Examples
    --------
    >>> faults = Faults("cohort.toml")
    >>> faults.add("[modality.rna] file: no such file 'rna.csv'; put it beside the manifest")
    >>> faults.stop()
    Traceback (most recent call last):
        ...
    graphfuse.errors.InputError: cohort.toml: [modality.rna] file: no such file 'rna.csv'; put it
    beside the manifest
    """

    def __init__(self, where: str):
        self.where = where
        self.messages: list[str] = []

    def add(self, fault: str) -> None:
        """Adds one fault: what is wrong, and the cure."""
        self.messages.append(fault)

    def stop(self) -> None:
        """Raise `InputError` with all faults if there are any."""
        if self.messages:
            raise self.error()

    def error(self) -> InputError:
        """All faults as one error."""
        if len(self.messages) == 1:
            return InputError(f"{self.where}: {self.messages[0]}")
        lines = "\n".join(f"  - {fault}" for fault in self.messages)
        return InputError(f"{self.where}: {len(self.messages)} things to correct\n{lines}")


def nearest(word: str, known: Iterable[str], limit: int = 20) -> str:
    """The end of a message about an unknown word.

    Parameters
    ----------
    word : str
        The unknown word.
    known : iterable of str
        The words that are allowed.
    limit : int
        How many of them are listed where none is close; 0 for a message without a list.

    Returns
    -------
    str
        The closest known word, whatever its case, or a list of known words.

    Examples
    --------
    >>> nearest("methh", ["rna", "meth"]), nearest("x", ["rna", "meth"])
    (" (did you mean 'meth'?)", ' (known: meth, rna)')
    """
    known = sorted(map(str, known))
    plain = {each.lower(): each for each in reversed(known)}
    close = get_close_matches(word.lower(), plain, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {plain[close[0]]!r}?)"
    return f" (known: {examples(known, limit) or 'none'})" if limit else ""


def examples(items: Iterable, limit: int = 3) -> str:
    """The first few items, and how many more there are.

    >>> examples(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    items = [str(item) for item in items]
    rest = f" and {len(items) - limit:,} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def counted(number: int, one: str, many: str | None = None) -> str:
    """'1 patient', '2,000 patients': a count and what is counted; `many` where an s at the end does
    not make the plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


FEW = 5  # patients; smaller numbers are not shown, so that nobody can be recognised by them


def few(patients: int) -> str:
    """A number of patients; `<5` where there are few."""
    return f"<{FEW}" if 0 < patients < FEW else f"{patients:,}"


def few_counted(patients: int, one: str, many: str | None = None) -> str:
    """As `counted`, with `few`: '<5 patients', '7 patients'."""
    words = counted(patients, one, many)
    return words if few(patients) == f"{patients:,}" else f"<{FEW} {many or one + 's'}"


def few_of(parts: Mapping[str, int], spare: str) -> dict[str, str]:
    """Numbers of patients that add up to a known total, so that no small one can be found by
    subtraction.

    Parameters
    ----------
    parts
        How many patients each part has.
    spare
        A part whose number may be withheld, such as the unlabelled.

    Returns
    -------
    dict of str
        As `few` writes them; the number of `spare` is withheld where another part has few. The
        total still gives them away where each such part has one patient and `spare` none.

    Examples
    --------
    >>> few_of({"case": 31, "control": 27, "unlabelled": 2}, spare="unlabelled")
    {'case': '31', 'control': '27', 'unlabelled': '<5'}
    >>> few_of({"case": 31, "rare": 3, "unlabelled": 9}, spare="unlabelled")
    {'case': '31', 'rare': '<5', 'unlabelled': 'some or none'}
    """
    words = {name: few(count) for name, count in parts.items()}
    if any(0 < count < FEW for name, count in parts.items() if name != spare):
        words[spare] = "some or none"
    return words


def warn_once(log: logging.Logger, message: str) -> None:
    """Logs a warning the first time that a process gives it; every fold, in its own thread, may
    have reason to."""
    with _warn_lock:
        is_new = (log.name, message) not in WARNED
        WARNED.add((log.name, message))
    if is_new:
        log.warning("%s", message)


def reason(error: Exception) -> str:
    """The first line of an error; with its kind, where it was not raised on purpose."""
    line = (str(error).strip().splitlines() or ["no reason given"])[0]
    return line if isinstance(error, GraphfuseError) else f"{type(error).__name__}: {line}"
