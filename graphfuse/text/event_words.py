"""Words of a status column: whether the event was seen, and whether the status is known."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples, few_counted
from graphfuse.text.cell_words import as_word, folded, unknown_words, words_of

_CODE_AND_WORD = re.compile(r"([0-9])\s*:\s*(.+)")
_CENSORED = frozenset({
    "0", "false", "no", "n", "alive", "living", "censored", "no event", "event free",
    "disease free", "diseasefree", "progression free", "not progressed", "no recurrence",
    "lost to follow-up", "lost to follow up", "lost", "ltfu", "withdrawn", "ned",
})  # fmt: skip
_HAPPENED = frozenset({
    "1", "true", "yes", "y", "dead", "deceased", "died", "death", "expired", "event", "recurred",
    "relapsed", "relapse", "progressed", "progression", "recurred/progressed", "recurrence",
})  # fmt: skip
_CODES = frozenset({"0", "1", "true", "false", "yes", "no", "y", "n"})


def read_events(column: pd.Series, value: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Reads a status column.

    Parameters
    ----------
    column : pd.Series
        Words or numbers `[N]`.
    value : str
        The word for the event, whatever its case; of '1:DECEASED' the code or the word is enough.

    Returns
    -------
    had : bool array `[N]`
        Whether the event was seen.
    known : bool array `[N]`
        Whether the status is known.
    notices : list of str

    Raises
    ------
    InputError
        Where nobody had the event.
    """
    status = words_of(column)
    wanted = _forms(as_word(value))
    known = status.notna()
    is_event = [not _forms(str(word)).isdisjoint(wanted) for word in status]
    had = known & pd.Series(is_event, status.index, dtype=bool)
    if not had.any():
        values = sorted(set(status.dropna()))
        raise InputError(
            f"no patient has {column.name} = {value!r}: no events "
            f"(values: {examples(values, 5)}); correct event"
        )
    notices = [*_unknown(column, status), *_spellings(status[had]), *_others(status, had, value)]
    return had.to_numpy(bool), known.to_numpy(bool), notices


def _forms(word: str) -> set[str]:
    """The ways in which a status may be meant: '1:DECEASED' is 1, and deceased."""
    match = _CODE_AND_WORD.fullmatch(word)
    parts = [word, *match.groups()] if match else [word]
    return {folded(part) for part in parts}


def _unknown(column: pd.Series, status: pd.Series) -> list[str]:
    """A notice for words that say nothing of the patient's status."""
    words = unknown_words(column, status)
    if not words:
        return []
    who = few_counted(len(words), "patient has", "patients have")
    shown = examples(map(repr, sorted(set(words))))
    return [f"{who} a status like {shown}: unknown, which is neither an event nor censored"]


def _spellings(events: pd.Series) -> list[str]:
    """A notice where the event is written in several ways."""
    ways = sorted(set(events))
    if len(ways) < 2:
        return []
    return [f"the event is written in {len(ways)} ways ({examples(map(repr, ways))}): all count"]


def _others(status: pd.Series, had: pd.Series, value: str) -> list[str]:
    """Notices for words that count as censored and do not say so, and for an event that seems to be
    the wrong way round."""
    censored = status[~had].dropna()
    words = sorted(set(censored))
    unclear = [word for word in words if not _forms(word) & _CENSORED]
    happened = [word for word in words if _forms(word) & _HAPPENED]
    event_is_censoring = bool(_forms(as_word(value)) & (_CENSORED - _CODES))
    if happened and event_is_censoring:
        shown = examples(map(repr, happened))
        return [
            f"the event is {value!r}, while {shown} counts as censored: is the event's value the "
            "wrong way round?"
        ]
    if unclear and (len(words) > 1 or happened):
        who = few_counted(int(censored.isin(unclear).sum()), "patient")
        shown = examples(map(repr, unclear))
        return [
            f"{who} whose status is {shown} count as censored, as the event is {value!r}; make "
            "them blank where that is not meant"
        ]
    return []
