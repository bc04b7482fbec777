"""Ordinal scales with a known order: stages, TNM classes, grades, words for how much or how often.

`places` gives each level its place, or None where the order of the words is unknown. The order is
never alphabetical by default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from graphfuse.text.parse_numbers import number_of, shape_of

Place = tuple

_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_ROMAN = {numeral: number for number, numeral in enumerate(_NUMERALS, start=1)}
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
_TNM_CATEGORIES = {"a": 0.3, "is": 0.6}  # between 0 and 1
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
    """Each word's place on a scale that holds them all.

    Parameters
    ----------
    words : iterable of str
        The levels of a column.
    guessing : bool
        Only unmistakable scales (stages, TNM, grades, none to severe, low to high), for columns
        that are not declared ordinal.

    Returns
    -------
    dict of str to tuple, or None
        Tuples that sort as the words do; None where no scale holds all words.

    Examples
    --------
    >>> place_of = places(["severe", "none", "mild"])
    >>> sorted(place_of, key=place_of.get)
    ['none', 'mild', 'severe']
    >>> places(["red", "green"]) is None
    True
    """
    words = list(dict.fromkeys(words))
    plain = [_UNDERSCORE.sub(" ", word.lower()) for word in words]
    for scale in _GUESSED if guessing else _SCALES:
        on_scale = scale(plain)
        if on_scale is not None and None not in on_scale:
            return dict(zip(words, on_scale, strict=True))
    return None


def in_order(words: Iterable[str]) -> list[str] | None:
    """The words in the order of their scale.

    Parameters
    ----------
    words : iterable of str
        The levels of a column.

    Returns
    -------
    list of str or None
        None where no scale holds all words, or two of them share a place.
    """
    place_of = places(words)
    if place_of is None or len(set(place_of.values())) < len(place_of):
        return None
    return sorted(place_of, key=place_of.get)


# ------------------------------------------------- the scales: words → places, None if not on it


def _plain_numbers(words: list[str]) -> list[Place | None]:
    """Numbers by their value."""
    return [(number_of(word),) if shape_of(word) == "number" else None for word in words]


def _worded(scale: tuple[tuple[str, ...], ...]) -> Callable:
    """A scale of words, the lowest first, each with its synonyms."""
    place_of: dict[str, Place] = {}
    for place, synonyms in enumerate(scale):
        place_of |= dict.fromkeys(synonyms, (place,))

    def find(words: list[str]) -> list[Place | None]:
        return [place_of.get(word, place_of.get(_SUFFIX.sub("", word))) for word in words]

    return find


def _tnm(words: list[str]) -> list[Place | None]:
    """T, N or M: T0, Ta, Tis, T1mi, T1, T1a, T1b …; N0, N0 (i-), N0 (i+), N1mi, N1 …"""
    parts = [_TNM.fullmatch(word) for word in words]
    if None in parts or len({part[2] for part in parts}) > 1:
        return [None]
    return [_tnm_place(*part.groups()[2:]) for part in parts]


def _tnm_place(category: str, letter: str | None, digit: str | None, cells: str | None) -> Place:
    """The place of `1` `a` `2` `i+`, as in N1a2 (i+), among others of T, N or M."""
    number = _TNM_CATEGORIES[category] if category in _TNM_CATEGORIES else float(category)
    rank = -1 if letter == "mi" else _letter_rank(letter)
    return (number, rank, int(digit or 0), _CELLS_FOUND.get(cells, 0))


def _letter_rank(letter: str | None) -> int:
    """Letters in their order; no letter comes first."""
    return ord(letter) if letter else 0


def _numbered(words: list[str], prefixes: tuple[str, ...] | None = None) -> list[Place | None]:
    """One prefix and a number, Arabic or Roman: Stage 0, I, IA, IB, IS, II …; G1; NYHA III."""
    parts = [_NUMBERED.fullmatch(word) for word in words]
    if None in parts or len({(part[1] or "").strip() for part in parts}) > 1:
        return [None]
    prefix = (parts[0][1] or "").strip()
    numerals = [part[2] for part in parts]
    has_arabic = any(numeral.isdigit() and numeral != "0" for numeral in numerals)
    has_roman = any(numeral in _ROMAN for numeral in numerals)
    is_bare_roman = not prefix and not has_arabic
    if prefixes is not None and not is_bare_roman and prefix.split(" ")[-1] not in prefixes:
        return [None]
    are_readable = all(numeral.isdigit() or _is_roman(numeral) for numeral in numerals)
    if (has_arabic and has_roman) or not are_readable:
        return [None]
    return [_number_place(part[2], part[3], part[4]) for part in parts]


def _is_roman(number: str) -> bool:
    """Whether a numeral is Roman; stage IS counts too."""
    return number in _ROMAN or number == "is"


def _number_place(number: str, letter: str | None, digit: str | None) -> Place:
    """The place of a number, letter and digit; stage IS is among stages I, 0is among stages 0."""
    if number == "is":
        number, letter = "i", "is"
    value = int(number) if number.isdigit() else _ROMAN[number]
    rank = 200 if letter == "is" else _letter_rank(letter)
    return (value, rank, int(digit or 0))


def _guessed_numbered(words: list[str]) -> list[Place | None]:
    """As `_numbered`, only with prefixes that are unmistakable."""
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
    ranges = []
    for part in parts:
        place = 0
        if part[1] in ("<", "<=", "≤", "under", "up to"):
            place -= 1
        if part[4] or part[1] in (">", ">=", "≥", "over"):
            place += 1
        ranges.append((float(part[2]), place))
    return ranges


_WORDED = tuple(map(_worded, (_SEVERITY, _LEVEL, *_OTHER_WORDS)))
_GUESSED = (_tnm, _guessed_numbered, *_WORDED[:2])
_SCALES = (_plain_numbers, _tnm, _numbered, *_WORDED, _lettered, _ranges)
