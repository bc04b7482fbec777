"""One family of errors: what is wrong, where, and the cure; and the words that messages share."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from threading import Lock

WARNED: set[tuple[str, str]] = set()  # (logger, message) of `warn_once` in this process
_warn_lock = Lock()


class GraphfuseError(Exception):
    """Base of every error graphfuse raises on purpose."""


class InputError(GraphfuseError, ValueError):
    """An input is not usable; the message names file, column and cure (exit code 2 in the
    shell)."""


class FetchError(InputError):
    """A source could not be obtained or verified."""


class LeakError(GraphfuseError):
    """A request would let held-out patients influence what is fitted."""


class Faults:
    """Gathers every fault of an input, then speaks once.

    >>> faults = Faults("cohort.toml")
    >>> faults.add("[modality.rna] file: no such file 'rna.csv'; put it beside the manifest")
    >>> faults.stop()
    Traceback (most recent call last):
        ...
    graphfuse.errors.InputError: cohort.toml: [modality.rna] file: no such file 'rna.csv'; ...
    """

    def __init__(self, where: str):
        self.where = where
        self.messages: list[str] = []

    def add(self, fault: str) -> None:
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
        return InputError(f"{self.where}: {len(self.messages)} things to mend\n{lines}")


def nearest(word: str, known: Iterable[str], limit: int = 20) -> str:
    """' (did you mean …?)' for the closest known word, whatever its case, or the first `limit` of
    all when none is close."""
    known = sorted(map(str, known))
    plain = {each.lower(): each for each in reversed(known)}
    close = get_close_matches(word.lower(), plain, n=1, cutoff=0.5)
    return (
        f" (did you mean {plain[close[0]]!r}?)"
        if close
        else f" (known: {examples(known, limit) or 'none'})"
    )


def examples(items: Iterable, limit: int = 3) -> str:
    """The first few items, and how many more there are."""
    items = [str(item) for item in items]
    rest = f" and {len(items) - limit:,} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def counted(number: int, one: str, many: str | None = None) -> str:
    """'1 patient', '2,000 patients': a count and what is counted; `many` where an s at the end does
    not make the plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


FEW = 5  # patients below which no exact number is said


def few(patients: int) -> str:
    """A number of patients; `<5` where there are few."""
    return f"<{FEW}" if 0 < patients < FEW else f"{patients:,}"


def few_counted(patients: int, one: str, many: str | None = None) -> str:
    """As `counted`, with `few`: '<5 patients', '7 patients'."""
    words = counted(patients, one, many)
    return words if few(patients) == f"{patients:,}" else f"<{FEW} {many or one + 's'}"


def few_of(parts: Mapping[str, int], spare: str) -> dict[str, str]:
    """Numbers of patients that add up to a known total, so that no small one can be told by
    subtraction.

    Parameters
    ----------
    parts
        How many patients each part has.
    spare
        A part that says nothing of its patients, such as the unlabelled.

    Returns
    -------
    dict of str
        As `few` says them; of `spare`, nothing where another part has few. Only where each of those
        has one patient and `spare` none does the total still tell.

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
    """A warning that a process gives once, though every fold, in its own thread, would have reason
    to."""
    with _warn_lock:
        is_new = (log.name, message) not in WARNED
        WARNED.add((log.name, message))
    if is_new:
        log.warning("%s", message)


def reason(error: Exception) -> str:
    """The first line of an error; with its kind, where it was not raised on purpose."""
    line = (str(error).strip().splitlines() or ["no reason given"])[0]
    return line if isinstance(error, GraphfuseError) else f"{type(error).__name__}: {line}"
