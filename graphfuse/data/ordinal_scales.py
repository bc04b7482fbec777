"""Scales whose order is known: stages, TNM classes, grades, words for how much or how often.

`places` gives each level its place, or None where the order of these words is not known here. It is
never made up from the alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from graphfuse.text.numbers import number_of, shape_of

Place = tuple

_ROMAN = {
    "i": 1,
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "v": 5,
    "vi": 6,
    "vii": 7,
    "viii": 8,
    "ix": 9,
    "x": 10,
}
_SEVERITY = (
    ("none", "absent", "nil"), ("minimal", "trace", "very mild"), ("mild", "slight"),
    ("mild to moderate", "mild-moderate"), ("moderate",),
    ("moderate to severe", "moderate-severe"), ("severe",), ("very severe",),
    ("critical", "life-threatening"), ("fatal",),
)  # fmt: skip
_LEVEL = (
    ("very low", "lowest"), ("low",), ("low-intermediate", "intermediate-low", "medium-low"),
    ("medium", "moderate", "intermediate", "average", "normal"),
    ("high-intermediate", "intermediate-high", "medium-high"), ("high",), ("very high", "highest"),
)  # fmt: skip
_OTHER_WORDS = (
    (("well", "well differentiated"), ("moderate", "moderately differentiated"),
     ("poor", "poorly differentiated"), ("undifferentiated", "anaplastic")),
    (("never",), ("rarely", "seldom", "rare"), ("sometimes", "occasionally", "occasional"),
     ("often", "frequently", "frequent"), ("usually",), ("always",)),
    (("very poor", "very bad"), ("poor", "bad"), ("fair", "acceptable"), ("good",),
     ("very good",), ("excellent",)),
    (("strongly disagree",), ("disagree",), ("neutral", "neither agree nor disagree"), ("agree",),
     ("strongly agree",)),
    (("very small", "tiny"), ("small",), ("medium",), ("large",), ("very large",)),
    (("early",), ("intermediate", "mid"), ("late",)),
    (("localized", "localised", "local"), ("regional", "locally advanced"),
     ("distant", "metastatic", "advanced")),
    (("underweight",), ("normal", "normal weight"), ("overweight",), ("obese",),
     ("severely obese", "morbidly obese")),
    (("primary",), ("secondary",), ("tertiary",)),
    (("-", "neg", "negative"), ("+/-", "±", "trace", "weak", "equivocal"),
     ("+", "1+", "(+)", "positive"), ("++", "2+"), ("+++", "3+"), ("++++", "4+")),
)  # fmt: skip
_UNDERSCORE = re.compile(r"(?<=[a-z])_|_(?=[a-z])")  # between numbers it is no blank
_SUFFIX = re.compile(r"[\s_-]+(grade|risk|level|dose|pain|expression|intensity)$")
_TNM = re.compile(
    r"(y?[cpar]{0,2})([tnm])\s*(0|[1-4]|is|a)\s*(mi|[a-d])?\s*([0-9])?\s*(?:\(([^)]*)\))?"
)
_CELLS_FOUND = {"i-": 1, "mol-": 2, "i+": 3, "mol+": 4}  # N0 (i+): isolated tumour cells
_NUMBERED = re.compile(r"([a-z][a-z' -]*?)??[\s-]*([0-9]{1,2}|[ivx]+|is)\s*(is|[a-d])?\s*([0-9])?")
_LETTERED = re.compile(r"([a-z][a-z' -]*?[\s-])?([a-f])")
_GUESSED_PREFIXES = ("stage", "grade", "g")
_RANGE = re.compile(
    r"(<=?|≤|>=?|≥|under|over|up to)?\s*([0-9]+(?:\.[0-9]+)?)"
    r"(?:\s*(?:-|–|to)\s*([0-9]+(?:\.[0-9]+)?))?\s*(\+|or more|and over)?"
    r"\s*(?:%|y|yrs?|years?|mm|cm)?"
)
_NOT_ASSESSED = re.compile(r"(stage\s*|[cpy]*[tnm]|g(rade\s*)?)x", re.IGNORECASE)


def is_assessed(word: str) -> bool:
    """False for TX, NX, GX, Stage X: not assessed, which has no place in an order."""
    return _NOT_ASSESSED.fullmatch(word) is None


def places(words: Iterable[str], guessing: bool = False) -> dict[str, Place] | None:
    """Each word's place on a scale that holds them all; None where no scale does.

    `guessing`: only scales that are hardly anything else (stages, TNM, grades, none to severe, low
    to high), for columns that nobody has called ordinal.

    >>> found = places(["severe", "none", "mild"])
    >>> sorted(found, key=found.get)
    ['none', 'mild', 'severe']
    >>> places(["red", "green"]) is None
    True
    """
    words = list(dict.fromkeys(words))
    for scale in _GUESSED if guessing else _SCALES:
        found = scale([_UNDERSCORE.sub(" ", word.lower()) for word in words])
        if found is not None and None not in found:
            return dict(zip(words, found, strict=True))
    return None


def in_order(words: Iterable[str]) -> list[str] | None:
    """The words in the order of their scale; None where there is none, or two share a place."""
    found = places(words)
    if found is None or len(set(found.values())) < len(found):
        return None
    return sorted(found, key=found.get)


# ------------------------------------------------- the scales: words → places, None if not on it


def _plain_numbers(words: list[str]) -> list[Place | None]:
    return [(number_of(word),) if shape_of(word) == "number" else None for word in words]


def _worded(scale: tuple[tuple[str, ...], ...]) -> Callable:
    """A scale of words, the lowest first, each with its synonyms."""
    at = {word: (place,) for place, synonyms in enumerate(scale) for word in synonyms}

    def find(words: list[str]) -> list[Place | None]:
        return [at.get(word, at.get(_SUFFIX.sub("", word))) for word in words]

    return find


def _tnm(words: list[str]) -> list[Place | None]:
    """T, N or M: T0, Ta, Tis, T1mi, T1, T1a, T1b …; N0, N0 (i-), N0 (i+), N1mi, N1 …"""
    parts = [_TNM.fullmatch(word) for word in words]
    if None in parts or len({part[2] for part in parts}) > 1:
        return [None]
    found = []
    for part in parts:
        number = {"a": 0.3, "is": 0.6}.get(part[3]) or float(part[3].replace("a", "0"))
        letter = {None: 0, "mi": -1}.get(part[4], ord((part[4] or "a")[0]))
        found.append((number, letter, int(part[5] or 0), _CELLS_FOUND.get(part[6], 0)))
    return found


def _numbered(words: list[str], prefixes: tuple[str, ...] | None = None) -> list[Place | None]:
    """One prefix and a number, Arabic or Roman: Stage 0, I, IA, IB, IS, II …; G1; NYHA III."""
    parts = [_NUMBERED.fullmatch(word) for word in words]
    if None in parts or len({(part[1] or "").strip() for part in parts}) > 1:
        return [None]
    prefix = (parts[0][1] or "").strip()
    arabic = any(part[2].isdigit() and part[2] != "0" for part in parts)
    roman = any(part[2] in _ROMAN for part in parts)
    if prefixes is not None and prefix.split(" ")[-1] not in prefixes and (prefix or arabic):
        return [None]
    if (arabic and roman) or not all(part[2].isdigit() or _is_roman(part[2]) for part in parts):
        return [None]
    return [_number_place(part[2], part[3], part[4]) for part in parts]


def _is_roman(number: str) -> bool:
    return number in _ROMAN or number == "is"


def _number_place(number: str, letter: str | None, digit: str | None) -> Place:
    """Stage IS lies among stages I, 0is among stages 0."""
    if number == "is":
        number, letter = "i", "is"
    value = int(number) if number.isdigit() else _ROMAN[number]
    return (value, {None: 0, "is": 200}.get(letter, ord((letter or "a")[0])), int(digit or 0))


def _guessed_numbered(words: list[str]) -> list[Place | None]:
    return _numbered(words, _GUESSED_PREFIXES)


def _lettered(words: list[str]) -> list[Place | None]:
    """One prefix and a letter: Child-Pugh A, B, C."""
    parts = [_LETTERED.fullmatch(word) for word in words]
    if None in parts or len({part[1] for part in parts}) > 1:
        return [None]
    return [(part[2],) for part in parts]


def _ranges(words: list[str]) -> list[Place | None]:
    """Ranges by their lower end: <40, 40-49, 50-59, 60+."""
    parts = [_RANGE.fullmatch(word) for word in words]
    if None in parts:
        return [None]
    found = []
    for part in parts:
        below = part[1] in ("<", "<=", "≤", "under", "up to")
        above = bool(part[4]) or part[1] in (">", ">=", "≥", "over")
        found.append((float(part[2]), int(above) - int(below)))
    return found


_GUESSED = (_tnm, _guessed_numbered, _worded(_SEVERITY), _worded(_LEVEL))
_SCALES = (
    _plain_numbers,
    _tnm,
    _numbered,
    *map(_worded, (_SEVERITY, _LEVEL, *_OTHER_WORDS)),
    _lettered,
    _ranges,
)
