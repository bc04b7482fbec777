"""Numbers formatted for people, whatever their size."""

from __future__ import annotations

import math

LONGEST = 6  # zeros before or behind the point, beyond which a power of ten is written


def significant(value: float, digits: int = 3, like: float | None = None) -> str:
    """A finite number with at least so many significant digits, or with as many decimals as the
    number `like` has.

    >>> [significant(each) for each in (12.345, -0.00031, 45_600.4, 2e-9, 0)]
    ['12.3', '-0.000310', '45,600', '2.00e-09', '0.00']
    >>> significant(0.0314, like=-1.31), significant(0, like=2e-9)
    ('0.03', '0')
    """
    scale = value if like is None else like
    rounded = f"{scale:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2])
    if abs(exponent) > LONGEST:
        if value == 0:
            return "0"
        return f"{value:.{digits - 1}e}"
    shown = max(digits - 1 - exponent, 0)
    text = f"{value:,.{shown}f}"
    is_zero = not any(digit in text for digit in "123456789")
    return text.removeprefix("-") if is_zero else text


def decimals(values: list[float]) -> int:
    """How many decimals values written side by side need, so that they differ in about three
    digits.

    >>> decimals([40.2, 58.1]), decimals([0.0011, 0.0024]), decimals([3.0, 3.0])
    (1, 5, 2)
    """
    spread = max(values) - min(values)
    if spread <= 0:
        return 2
    magnitude = math.floor(math.log10(spread))
    return min(max(2 - magnitude, 0), 2 * LONGEST)
