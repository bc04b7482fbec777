"""Names that a person gives to modalities, outcomes, groups and layers: they stand in paths and in
the columns of what is written, so some are refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator

LONGEST = 80  # characters; a file's name has 255 bytes, and may hold more than one name
_UNSAFE = '/\\:*?"<>|'
_PORTS = [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
_DEVICES = frozenset(["con", "prn", "aux", "nul", *_PORTS])
# Columns of tables with one row a patient, and the other kind of node in a graph.
TAKEN_BY_TABLES = frozenset(["patient", "repeat", "fold", "truth", "call", "flag", "gene"])
# Words of recipes and graphs in places where a modality's name may be.
TAKEN_BY_LAYERS = frozenset(["patient", "default", "each", "shared", "snf", "interacts"])


def name_fault(name: str, taken: Collection[str] = ()) -> str:
    """What is wrong with a name, with a cure; '' where nothing is.

    Parameters
    ----------
    name
        As its owner wrote it.
    taken
        Names in lower case that outputs use themselves.

    Returns
    -------
    str

    Examples
    --------
    >>> name_fault("rna-tumour")
    ''
    >>> name_fault("../x")
    "a name cannot hold '/'; rename it"
    """
    if not name.strip():
        return "a name cannot be blank; give it one"
    if name != name.strip():
        return "a name cannot begin or end with a blank; remove it"
    if len(name) > LONGEST:
        return f"a name has at most {LONGEST} characters (got {len(name):,}); shorten it"
    if any(_is_unseen(letter) for letter in name):
        return "a name cannot hold characters that cannot be seen; remove them"
    unsafe = next((letter for letter in name if letter in _UNSAFE), None)
    if unsafe is not None:
        return f"a name cannot hold {unsafe!r}; rename it"
    if name.startswith(".") or name.endswith("."):
        return "a name cannot begin or end with a dot; rename it"
    if name.split(".")[0].strip().lower() in _DEVICES:
        return "Windows keeps this name for a device; rename it"
    if name.lower() in taken:
        return f"graphfuse's own outputs use the name {name!r}; rename it"
    return ""


def usable_name(name: str, taken: Collection[str] = ()) -> str:
    """The name where it is allowed; otherwise one without the characters that are not.

    Parameters
    ----------
    name
        Such as the heading of a column.
    taken
        As in `name_fault`.

    Returns
    -------
    str

    Examples
    --------
    >>> usable_name("ER/PR status"), usable_name("patient", TAKEN_BY_TABLES)
    ('ER-PR status', 'patient-1')
    """
    if not name_fault(name, taken):
        return name
    letters = ["-" if letter in _UNSAFE or _is_unseen(letter) else letter for letter in name]
    plain = "".join(letters)[: LONGEST - 2].strip(" .-") or "name"
    return f"{plain.replace('.', '-')}-1" if name_fault(plain, taken) else plain


def _is_unseen(letter: str) -> bool:
    """Whether a character is a control, a mark without width, or a blank other than the plain
    one."""
    if letter == " ":
        return False
    kind = unicodedata.category(letter)
    return kind[0] == "Z" or kind in ("Cc", "Cf", "Cs", "Co", "Cn")


def _checked(taken: Collection[str] = ()) -> AfterValidator:
    """A validator for pydantic, which raises `ValueError` for names that are not allowed."""

    def check(name: str) -> str:
        fault = name_fault(name, taken)
        if fault:
            raise ValueError(fault)
        return name

    return AfterValidator(check)


Name = Annotated[str, _checked()]
ModalityName = Annotated[str, _checked(TAKEN_BY_LAYERS)]
ColumnName = Annotated[str, _checked(TAKEN_BY_TABLES)]  # of outcomes, groups and kinds of nodes
