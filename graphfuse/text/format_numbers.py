"""Numbers as they are written for people, whatever their size."""

from __future__ import annotations

import math

LONGEST = 6  # zeros before or behind the point, beyond which a power of ten is written


def significant(value: float, digits: int = 3, like: float | None = None) -> str:
    """A finite number with at least so many significant digits, or with as many decimals as a
    number `like` another has.

    >>> [significant(each) for each in (12.345, -0.00031, 45_600.4, 2e-9, 0)]
    ['12.3', '-0.000310', '45,600', '2.00e-09', '0.00']
    >>> significant(0.0314, like=-1.31), significant(0, like=2e-9)
    ('0.03', '0')
    """
    rounded = f"{value if like is None else like:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2])
    if abs(exponent) > LONGEST:
        if value == 0:
            return "0"
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    return text if any(digit in text for digit in "123456789") else text.removeprefix("-")


def decimals(values: list[float]) -> int:
    """With how many decimals values are written side by side, so that about three digits tell them
    apart.

    >>> decimals([40.2, 58.1]), decimals([0.0011, 0.0024]), decimals([3.0, 3.0])
    (1, 5, 2)
    """
    spread = max(values) - min(values)
    if spread <= 0:
        return 2
    return min(max(2 - math.floor(math.log10(spread)), 0), 2 * LONGEST)
