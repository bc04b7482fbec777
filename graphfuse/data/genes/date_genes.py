"""Gene symbols that a spreadsheet made into dates or numbers: reported, never guessed back.

Excel reads SEPT2 as the second of September and MARCH1 as the first of March, and writes them as
its language and the cell's format have it: 2-Sep, Sep-02, 02. Sep, 2021-09-02, 44441. A clone such
as 2310009E13 becomes the number 2.31E+19.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta

from graphfuse.errors import examples

# How spreadsheets abbreviate or write the months: English, German, Dutch and Scandinavian words
# first; then the words that only French, Spanish, Italian and Portuguese have.
_NORTHERN = (
    "jan january januar", "feb february februar", "mar march mrz mär märz mrt mars",
    "apr april", "may mei maj", "jun june juni", "jul july juli", "aug august",
    "sep sept september", "oct october okt oktober", "nov november",
    "dec december dez dezember",
)  # fmt: skip
_ROMANCE = (
    "janv janvier ene enero gen gennaio janeiro", "fév févr février fev febrero febbraio",
    "marzo março", "avr avril abr abril aprile", "mai mayo mag maggio maio",
    "juin junio giu giugno",
    "juil juillet julio lug luglio", "août ago agosto", "set septembre septiembre settembre",
    "octobre octubre ott ottobre out outubro", "novembre noviembre novembro",
    "déc décembre dic diciembre dicembre dezembro",
)  # fmt: skip


def _numbered(words: tuple[str, ...]) -> dict[str, int]:
    """Each word of the twelve months → the number of its month."""
    number_of = {}
    for number, month in enumerate(words, start=1):
        number_of |= dict.fromkeys(month.split(), number)
    return number_of


# "SET-2", "AGO-2" and "MARS-1" are ways to write genes: words that are genes too count after the
# day only, as in "2-set".
_MONTH_FIRST = _numbered(_NORTHERN)
del _MONTH_FIRST["mars"]
_DAY_FIRST = _numbered(_NORTHERN) | _numbered(_ROMANCE)

_WORD = r"([^\W\d_]{3,10})\.?"
_YEAR = r"(\d{4}|\d{2})"
_CLOCK = r"([T ]00:00(:00)?)?"
_DAY_MONTH = re.compile(
    rf"^(\d{{1,2}})(?:st|nd|rd|th)?[-./ ]{{0,2}}{_WORD}([-./, ]{{1,2}}{_YEAR})?$"
)
_MONTH_DAY = re.compile(rf"^{_WORD}[-./ ]{{1,2}}(\d{{1,2}})([-./, ]{{1,2}}{_YEAR})?$")
_ISO = re.compile(rf"^(?:19|20)\d\d[-./](\d{{1,2}})[-./](\d{{1,2}}){_CLOCK}$")
_NUMBERS = re.compile(rf"^(\d{{1,2}})([/.-])(\d{{1,2}})\2{_YEAR}{_CLOCK}$")
_TWO_NUMBERS = re.compile(r"^(\d{1,2})/(\d{1,2})$")
_GERMAN_DAY = re.compile(r"^(\d{1,2})\. ?(\d{1,2})\.$")
_SERIAL = re.compile(r"^\d{5}(\.0+)?$")
_SCIENTIFIC = re.compile(r"^\d(\.\d+E[+.]?|E\+)\d{1,2}$", re.IGNORECASE)
_EPOCH = date(1899, 12, 30)  # day 0 of a spreadsheet
_CLONE = "a clone's id such as 2310009E13, whose digits are lost"
_FEW_NUMBERS = 0.2  # share of names that are numbers above which numbers are ids, not dates

_CURE = (
    "restore them from the source, or list them in an alias table; nothing was renamed, since "
    "1-Mar may be MARCHF1 or MTARC1"
)


def turned_into_dates(names: Iterable[str]) -> list[str]:
    """Names that look like genes a spreadsheet made into dates or numbers, in their order.

    A five-digit number counts where it is a spreadsheet's number for a day that reads like a gene,
    unless most names are numbers (as ids of Entrez are).

    Parameters
    ----------
    names
        Names of columns, or gene symbols.

    Returns
    -------
    list of str
        Those of `names`.

    Examples
    --------
    >>> turned_into_dates(["TP53", "2-Sep", "SEPT2", "MARCH1", "02.03.2021"])
    ['2-Sep', '02.03.2021']
    """
    names = list(names)
    with_digit = [name for name in names if any(letter.isdigit() for letter in name)]
    numbers = [name for name in with_digit if _SERIAL.match(name) or name.isdigit()]
    if len(numbers) > 1 and len(numbers) > _FEW_NUMBERS * len(names):
        # numbers are ids
        with_digit = [name for name in with_digit if not _SERIAL.match(name)]
    return [name for name in with_digit if _readings(name)]


def notice(symbols: Iterable[str]) -> str:
    """A notice of gene symbols that look like dates or numbers, with the cure; '' where there are
    none."""
    dates = turned_into_dates(symbols)
    if not dates:
        return ""
    return (
        f"{len(dates)} gene symbols look like genes a spreadsheet turned into dates "
        f"({in_words(dates)}); {_CURE}"
    )


def in_words(names: list[str]) -> str:
    """The first few such names, each with the gene that it may have been.

    Parameters
    ----------
    names
        The result of `turned_into_dates`.

    Returns
    -------
    str
        As in `2-Sep: SEPTIN2 (formerly SEPT2)`.
    """
    return examples([f"{name}: {_suggestion(name)}" for name in dict.fromkeys(names)])


def _suggestion(name: str) -> str:
    """The genes that a name may have been, joined by 'or'."""
    return " or ".join(dict.fromkeys(_readings(name)))


def _readings(name: str) -> list[str]:
    """What a name may have been before a spreadsheet took it for a date or number; empty for a
    symbol that is intact."""
    plain = unicodedata.normalize("NFC", name.strip())
    plain = re.sub(r"^X(?=\d)", "", plain)  # R writes an X before names that begin with a digit
    unsuffixed = re.sub(r"\.\d$", "", plain)  # pandas writes 1-Mar.1 for the second 1-Mar
    readings = _read(plain)
    if readings or unsuffixed == plain:
        return readings
    return _read(unsuffixed)


def _read(plain: str) -> list[str]:
    """The readings of a name without prefix and suffix."""
    if _SCIENTIFIC.match(plain):
        return [_CLONE]
    if _SERIAL.match(plain):
        day = _EPOCH + timedelta(days=int(plain[:5]))
        gene = _gene(day.month, day.day)
        return [gene] if gene and 2000 <= day.year <= 2040 else []
    genes = []
    for month, day in _month_and_day(plain):
        if month <= 12 and 1 <= day <= 31:
            genes.append(_gene(month, day))
    if not genes:
        return []
    return [gene for gene in genes if gene] or ["no gene that we know of"]


def _month_and_day(plain: str) -> list[tuple[int, int]]:
    """The (month, day) that a text may stand for: two where it could be either way round."""
    if match := _DAY_MONTH.match(plain):
        month = _DAY_FIRST.get(match[2].lower())
        return [] if month is None else [(month, int(match[1]))]
    if match := _MONTH_DAY.match(plain):
        month = _MONTH_FIRST.get(match[1].lower())
        if month is None or _is_a_name(match[1], match[2]):
            return []
        return [(month, int(match[2]))]
    if match := _ISO.match(plain):
        return [(int(match[1]), int(match[2]))]
    if match := _GERMAN_DAY.match(plain):
        return [(int(match[2]), int(match[1]))]
    if match := _NUMBERS.match(plain):
        return _either_way(match[1], match[3])
    if match := _TWO_NUMBERS.match(plain):
        return _either_way(match[1], match[2])
    return []


def _either_way(first: str, second: str) -> list[tuple[int, int]]:
    """(month, day) and (day, month) of two numbers."""
    one, other = int(first), int(second)
    return [(one, other), (other, one)]


def _is_a_name(word: str, number: str) -> bool:
    """Whether a name is one that people write: OCT-4, APR-1, SEPT-2 and MARCH-1 in capitals, while
    a spreadsheet writes Oct-04."""
    is_gene = word in ("OCT", "APR") or (word.isupper() and len(word) > 3)
    return is_gene and not number.startswith("0")


_GENE_OF_DAY = {  # (month, day) → the gene
    (4, 3): "ATRAID (formerly APR3)",
    (9, 15): "SELENOF (formerly SEP15)",
    (10, 1): "POU2F1 (OCT1)",
    (10, 2): "POU2F2 (OCT2)",
    (10, 3): "POU5F1 (OCT3)",
    (10, 4): "POU5F1 (OCT4)",
    (10, 6): "POU3F1 (OCT6)",
    (10, 11): "POU2F3 (OCT11)",
    (12, 1): "DELEC1 (formerly DEC1) or BHLHE40 (DEC1)",
    (12, 2): "BHLHE41 (DEC2)",
}


def _gene(month: int, day: int) -> str:
    """The genes whose names a spreadsheet takes for this day of this month; '' where none is."""
    if month == 3 and day <= 11:
        march = f"MARCHF{day} (formerly MARCH{day})"
        return f"{march} or MTARC{day} (formerly MARC{day})" if day <= 2 else march
    if month == 9 and day <= 14:
        return f"SEPTIN{day} (formerly SEPT{day})"
    return _GENE_OF_DAY.get((month, day), "")
