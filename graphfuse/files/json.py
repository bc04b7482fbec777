"""JSON files read strictly: others may have written them, and damage gives one clear message."""

from __future__ import annotations

import json
import math
from pathlib import Path

from graphfuse.errors import InputError

MOST_BYTES = 10**9
DEEPEST = 32  # tables and lists inside one another; those of graphfuse's files take ten


def damaged(path: Path | str, why: str, what: str = "damaged") -> InputError:
    """The one message of a damaged file: what is wrong, and the cure."""
    return InputError(f"{path}: {what}: {why}; copy it again, or train again")


def read_json(path: Path, what: str = "damaged") -> dict:
    """The table of a JSON file.

    Parameters
    ----------
    path : Path
        The file; its size is bounded.
    what : str
        How a message begins, such as "damaged model".

    Returns
    -------
    dict
        With finite numbers only, and every key once in its table.

    Raises
    ------
    InputError
        Where the file cannot be read, or is not valid.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"{size:,} bytes are more than such a file takes")
        table = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        if not isinstance(table, dict):
            raise ValueError(f"expected a table of keys (got a {type(table).__name__})")
        _check_depth(table)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except RecursionError:
        raise damaged(path, "its brackets are nested too deeply", what) from None
    except ValueError as error:
        raise damaged(path, f"not valid JSON: {error}", what) from None
    return table


def _once_each(pairs: list[tuple]) -> dict:
    """The pairs as a table; raises `ValueError` where a key appears twice."""
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} appears twice in one table")
    return table


def _no_number(word: str) -> float:
    """Raises `ValueError` for NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    """The number; raises `ValueError` where it is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _check_depth(table: dict) -> None:
    """Raises `ValueError` where tables and lists are nested too deeply."""
    level = [table]
    for _ in range(DEEPEST):
        inside = [list(each.values()) if isinstance(each, dict) else each for each in level]
        level = [one for each in inside for one in each if isinstance(one, dict | list)]
        if not level:
            return
    raise ValueError("its brackets are nested too deeply")
