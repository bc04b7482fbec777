"""Whether an event was seen: words of a status column, and those that nobody can know."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples, few_counted
from graphfuse.text.cell_words import as_word, folded, unknown_words, words_of

_CODED = re.compile(r"([0-9])\s*:\s*(.+)")
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
    """bool `[N]`: who had the event, and whose status is known; and notices.

    A status is the event where it is written as `value`, whatever its case; of '1:DECEASED' the
    code or the word is enough. Raises `InputError` where nobody had it.
    """
    status = words_of(column)
    wanted = _forms(as_word(value))
    known = status.notna()
    had = known & status.map(lambda word: bool(_forms(str(word)) & wanted))
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
    coded = _CODED.fullmatch(word)
    parts = (word, *coded.groups()) if coded else (word,)
    return {folded(part) for part in parts}


def _unknown(column: pd.Series, status: pd.Series) -> list[str]:
    """A notice for words that say nothing of the patient's status."""
    words = unknown_words(column, status)
    if not words:
        return []
    return [
        f"{few_counted(len(words), 'patient has', 'patients have')} a status like "
        f"{examples(map(repr, sorted(set(words))))}: unknown, which is neither an event nor "
        "censored"
    ]


def _spellings(events: pd.Series) -> list[str]:
    ways = sorted(set(events))
    if len(ways) < 2:
        return []
    return [f"the event is written in {len(ways)} ways ({examples(map(repr, ways))}): all count"]


def _others(status: pd.Series, had: pd.Series, value: str) -> list[str]:
    """Notices for words that count as censored and do not say so, and for an event that seems to be
    the wrong way round."""
    left = status[~had].dropna()
    others = sorted(set(left))
    strange = [word for word in others if not _forms(word) & _CENSORED]
    happened = [word for word in others if _forms(word) & _HAPPENED]
    notices = []
    if happened and _forms(as_word(value)) & (_CENSORED - _CODES):
        notices.append(
            f"the event is {value!r}, while {examples(map(repr, happened))} counts as censored: is "
            "the event's value the wrong way round?"
        )
    elif strange and (len(others) > 1 or happened):
        count = int(left.isin(strange).sum())
        notices.append(
            f"{few_counted(count, 'patient')} whose status is "
            f"{examples(map(repr, strange))} count as censored, as "
            f"the event is {value!r}; make them blank where that is not meant"
        )
    return notices
