"""Rules for the arrays of a saved model: type, shape and range of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Sizes = dict[str, int]
Rule = Callable[[np.ndarray, Sizes], str]
FLOATS, SINGLES, PLACES, BITS = ("f8",), ("f4",), ("i4", "i8"), ("u1",)


def finite(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with numbers, blank where all are finite."""
    lost = int(np.count_nonzero(~np.isfinite(values)))
    return f"{lost:,} of its numbers are not finite" if lost else ""


def not_negative(values: np.ndarray, sizes: Sizes) -> str:
    """As `finite`, for numbers that are 0 or more."""
    negative = "negative numbers" if (values < 0).any() else ""
    return finite(values, sizes) or negative


def positive(values: np.ndarray, sizes: Sizes) -> str:
    """As `finite`, for numbers above 0."""
    too_small = "numbers that are not above 0" if (values <= 0).any() else ""
    return finite(values, sizes) or too_small


def not_zero(values: np.ndarray, sizes: Sizes) -> str:
    """As `finite`, for weights, which are not 0."""
    zero = "weights of 0" if (values == 0).any() else ""
    return finite(values, sizes) or zero


def at_most_finite(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with similarities, which may be minus infinity."""
    return "numbers without a value" if (~(values < np.inf)).any() else ""


def flags(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with truth values."""
    return "something else than 0 and 1" if (values > 1).any() else ""


def rising(values: np.ndarray, sizes: Sizes) -> str:
    """Rule for numbers that are in order.

    Parameters
    ----------
    values : array
        Of any shape.
    sizes : dict of str to int
        The sizes that words in shapes stand for.

    Returns
    -------
    str
        What is wrong with the values; '' where nothing is.

    Examples
    --------
    >>> rising(np.array([1.0, 1.0, 3.0]), {}), rising(np.array([2.0, 1.0]), {})
    ('', 'not in rising order')
    """
    falls = "not in rising order" if (np.diff(values) < 0).any() else ""
    return finite(values, sizes) or falls


def strictly_rising(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with whole numbers that are in order, each once."""
    return "not in rising order" if (values[1:] <= values[:-1]).any() else ""


def places(size: str, least: int = 0) -> Rule:
    """The rule for positions in a list of that size; `least`: -1 where that stands for none."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        if not values.size or (values.min() >= least and values.max() < sizes[size]):
            return ""
        return f"places outside of {least} to {sizes[size] - 1:,}"

    return wrong


def chosen(size: str) -> Rule:
    """The rule for positions in a list of that size, in order, each once."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        return places(size)(values, sizes) or strictly_rising(values, sizes)

    return wrong


def offsets(size: str) -> Rule:
    """The rule for offsets: where the parts of a list of that size begin and end."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        covers_all = len(values) and values[0] == 0 and values[-1] == sizes[size]
        if covers_all and not (values[1:] < values[:-1]).any():
            return ""
        return f"not rising from 0 to {sizes[size]:,}"

    return wrong


class Array(NamedTuple):
    """The declaration of an array of a saved model.

    Parameters
    ----------
    types : tuple of str
        Codes of numpy types without byte order, such as `("f8",)`; the array has one of them.
    shape : tuple of int or str
        Sizes, or words for sizes that arrays share; a word stands for the size that the first array
        with it has.
    rule : callable
        From the values and the sizes by word to a message about what is wrong with the values, ''
        where nothing is.

    Examples
    --------
    >>> mean = Array(FLOATS, ("columns",))
    >>> check_shapes({"mean": np.zeros(3)}, {"mean": mean}, {"columns": 4})
    Traceback (most recent call last):
        ...
    ValueError: mean: of shape (3,), not (4,)
    """

    types: tuple[str, ...]
    shape: tuple[int | str, ...]
    rule: Rule = finite


def check_shapes(
    arrays: Mapping[str, np.ndarray], expected: Mapping[str, Array], sizes: Sizes
) -> None:
    """Raises `ValueError` where arrays are not those expected, by name, type and shape.

    Parameters
    ----------
    arrays
        Those that were read, by name.
    expected
        Those that are needed, by name.
    sizes
        The sizes that words in shapes stand for; new words are added.
    """
    missing = [name for name in expected if name not in arrays]
    if missing:
        raise ValueError(f"it lacks the array {missing[0]!r}")
    for name, (types, shape, _) in expected.items():
        array = arrays[name]
        if array.dtype.str[1:] not in types:
            raise ValueError(f"{name}: of type {array.dtype}, not {' or '.join(types)}")
        wanted = _sized(shape, array.shape, sizes)
        if array.shape != wanted:
            raise ValueError(f"{name}: of shape {array.shape}, not {wanted}")


def check_values(
    arrays: Mapping[str, np.ndarray], expected: Mapping[str, Array], sizes: Sizes
) -> None:
    """Raises `ValueError` where an array's values break its rule."""
    for name, (_, _, rule) in expected.items():
        wrong = rule(arrays[name], sizes)
        if wrong:
            raise ValueError(f"{name}: {wrong}")


def _sized(shape: tuple[int | str, ...], own: tuple[int, ...], sizes: Sizes) -> tuple:
    """The shape in numbers; a new word stands for the size that the array has there."""
    if len(shape) != len(own):
        return tuple(sizes.get(each, each) for each in shape)
    for word, size in zip(shape, own, strict=True):
        if isinstance(word, str):
            sizes.setdefault(word, size)
    return tuple(sizes[each] if isinstance(each, str) else each for each in shape)
