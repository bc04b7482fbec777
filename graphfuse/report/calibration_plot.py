"""Figures of predictions against what was observed: SVG to set into a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphfuse.evaluate.predicted_and_observed import Observed
from graphfuse.evaluate.probability_curves import Bin
from graphfuse.report.formatting import number
from graphfuse.report.svg import (
    ACCENT,
    AXIS_LABEL,
    DASHED,
    LETTER,
    MUTED,
    SMALL_LABEL,
    canvas,
    clip,
    panel,
    unknown,
)
from graphfuse.text.format_numbers import decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIAGONAL = {"color": MUTED, "lw": 1, "ls": DASHED}
_UPRIGHT = {"color": ACCENT, "lw": 1.4, "solid_capstyle": "butt"}
_JOINED = {"color": ACCENT, "ms": 5.5, "lw": 0.8}


def reliability(bins: Sequence[Bin], chance: float, name: str, title: str) -> str:
    """The share predicted correctly against the confidence, with the diagonal of perfect
    calibration, and how many patients have each confidence below.

    Parameters
    ----------
    bins : sequence of Bin
        Patients by their confidence.
    chance : float
        1 / classes, where the axis starts.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.

    Returns
    -------
    str
        SVG.
    """
    start = math.floor(chance * 10) / 10
    with canvas(5.0, 4.6, name, title) as drawn:
        above = panel(drawn.figure, 0.62, 1.35, 4.2, 3.1)
        below = panel(drawn.figure, 0.62, 0.52, 4.2, 0.65)
        _right_by_confidence(above, bins)
        _share_by_confidence(below, bins)
        above.set_xlim(start, 1.01)
        below.set_xlim(start, 1.01)
    return drawn.svg


def _right_by_confidence(axes: Axes, bins: Sequence[Bin]) -> None:
    """The share predicted correctly at each confidence, with its interval and the diagonal."""
    axes.plot([0, 1], [0, 1], **_DIAGONAL)
    for each in bins:
        _upright(axes, each.confidence, each.low, each.high)
    confidences = [each.confidence for each in bins]
    right = [each.right for each in bins]
    axes.plot(confidences, right, "o-", **_JOINED)
    axes.set(ylim=(0, 1.02), xticklabels=[])
    axes.set_ylabel("share predicted correctly", **AXIS_LABEL)


def _share_by_confidence(axes: Axes, bins: Sequence[Bin]) -> None:
    """The per cents of patients at each confidence, as bars."""
    confidences = [each.confidence for each in bins]
    per_cents = [100 * each.share for each in bins]
    axes.bar(confidences, per_cents, 0.05, color=ACCENT)
    axes.set_ylabel("% of\npatients", **SMALL_LABEL)
    axes.set_xlabel("confidence (probability of the predicted class)", **AXIS_LABEL)
    highest = max([10, *(110 * each.share for each in bins)])
    axes.set_ylim(0, highest)


def _upright(axes: Axes, x: float, low: float, high: float) -> None:
    """An interval as an upright line at `x`."""
    axes.plot([x, x], [low, high], **_UPRIGHT)


def agreement(groups: Sequence[Observed], outcome: str, name: str, title: str) -> str:
    """The mean observed of each group of patients against the mean predicted, with the diagonal of
    perfect calibration.

    Parameters
    ----------
    groups : sequence of Observed
        Patients by what was predicted of them.
    outcome : str
        What is predicted.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.

    Returns
    -------
    str
        SVG.
    """
    low, high = _range_of(groups)
    ticks, texts = _shared_ticks(low, high)
    predicted = [group.predicted for group in groups]
    observed = [group.mean for group in groups]
    left = 0.45 + LETTER * max(map(len, texts))
    with canvas(left + 4.3, 4.6, name, title) as drawn:
        axes = panel(drawn.figure, left, 0.75, 4.2, 3.7)
        axes.plot([low, high], [low, high], **_DIAGONAL)
        for group in groups:
            if not (unknown(group.low) or unknown(group.high)):
                _upright(axes, group.predicted, group.low, group.high)
        axes.plot(predicted, observed, "o-", **_JOINED)
        axes.set(xlim=(low, high), ylim=(low, high))
        axes.set_xticks(ticks, texts)
        axes.set_yticks(ticks, texts)
        axes.set_xlabel(f"{clip(outcome)} predicted, mean of a group", **AXIS_LABEL)
        axes.set_ylabel(f"{clip(outcome)} observed, mean", **AXIS_LABEL)
    return drawn.svg


def _range_of(groups: Sequence[Observed]) -> tuple[float, float]:
    """Where both axes begin and end, with some room around all means and intervals."""
    ends: list[float] = []
    for group in groups:
        ends += [group.predicted, group.mean]
        ends += [end for end in (group.low, group.high) if not unknown(end)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _shared_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Round numbers from `low` to `high`, and as they are written."""
    from matplotlib.ticker import MaxNLocator

    round_numbers = MaxNLocator(5).tick_values(low, high)
    ticks = [each for each in round_numbers if low <= each <= high]
    needed = decimals(ticks)
    digits = needed - 1 if needed else 0
    return ticks, [number(each, digits) for each in ticks]
