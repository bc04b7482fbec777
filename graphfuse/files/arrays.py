"""What an array of a saved model must be: its type, its shape and the range of its values."""

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
    return finite(values, sizes) or ("negative numbers" if (values < 0).any() else "")


def positive(values: np.ndarray, sizes: Sizes) -> str:
    """As `finite`, for numbers above 0."""
    return finite(values, sizes) or ("numbers that are not above 0" if (values <= 0).any() else "")


def not_zero(values: np.ndarray, sizes: Sizes) -> str:
    """As `finite`, for weights, of which a weight of 0 is none."""
    return finite(values, sizes) or ("weights of 0" if (values == 0).any() else "")


def at_most_finite(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with similarities, of which minus infinity is below all."""
    return "numbers without a value" if (~(values < np.inf)).any() else ""


def flags(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with truth values."""
    return "something else than 0 and 1" if (values > 1).any() else ""


def rising(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with numbers that stand in order."""
    wrong = finite(values, sizes)
    return wrong or ("not in rising order" if (np.diff(values) < 0).any() else "")


def strictly_rising(values: np.ndarray, sizes: Sizes) -> str:
    """What is wrong with whole numbers that stand in order, each once."""
    return "not in rising order" if (values[1:] <= values[:-1]).any() else ""


def places(size: str, least: int = 0) -> Rule:
    """The rule for places among so many; `least`: -1 where that stands for none."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        if not values.size or (values.min() >= least and values.max() < sizes[size]):
            return ""
        return f"places outside of {least} to {sizes[size] - 1:,}"

    return wrong


def chosen(size: str) -> Rule:
    """The rule for places among so many, in order, each once."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        return places(size)(values, sizes) or strictly_rising(values, sizes)

    return wrong


def offsets(size: str) -> Rule:
    """The rule for where the parts of a list of that size begin and end."""

    def wrong(values: np.ndarray, sizes: Sizes) -> str:
        ends = len(values) and values[0] == 0 and values[-1] == sizes[size]
        if ends and not (values[1:] < values[:-1]).any():
            return ""
        return f"not rising from 0 to {sizes[size]:,}"

    return wrong


class Array(NamedTuple):
    """An array of a saved model.

    `types`: numpy's, any of them. `shape`: sizes, or words for sizes that arrays share; a word
    stands for what the first array with it has. `rule`: what is wrong with its values.
    """

    types: tuple[str, ...]
    shape: tuple[int | str, ...]
    rule: Rule = finite


def check_shapes(
    arrays: Mapping[str, np.ndarray], expected: Mapping[str, Array], sizes: Sizes
) -> None:
    """Raises `ValueError` where arrays are not those expected, by name, type and shape; `sizes`
    grows by what they have in common."""
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
    """The shape in numbers; words that nothing has stood for yet stand for an array's own."""
    if len(shape) != len(own):
        return tuple(sizes.get(each, each) for each in shape)
    return tuple(
        sizes.setdefault(each, size) if isinstance(each, str) else each
        for each, size in zip(shape, own, strict=True)
    )
