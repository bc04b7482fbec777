"""The figures of a report: SVG to set into a page."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.report.dot_plot import (
    ROW,
    Dot,
    axis_limits,
    draw_dot,
    draw_interval,
    draw_note,
    draw_own_note,
    label_width,
    longest_note,
    near,
    plain_ticks,
    row_axes,
    row_heights,
)
from graphfuse.report.svg import (
    ACCENT,
    AXIS_LABEL,
    DASHED,
    HEADING,
    INK,
    LETTER,
    MUTED,
    SMALL_LABEL,
    canvas,
    clip,
    panel,
    unknown,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3  # panels side by side
_FOREST = 9.9  # inches, the width of a forest plot
_GAP = 0.15  # inches between its panels
_DOTTED = (0, (3, 3))
_PANEL_ALONE = (3.9, 2.6, 0.62, 0.5)  # inches wide and high, and the room at the left and below
_PANEL = (2.45, 1.75, 0.55, 0.72)  # the same beside others


# ------------------------------------------------------------------------------------- rows of dots


def forest(
    panels: dict[str, Sequence[Dot]], name: str, title: str, unbounded: Collection[str] = ()
) -> str:
    """A forest plot: dots with intervals, one panel a metric, notes at the right; hollow rows
    are drawn apart, below.

    Parameters
    ----------
    panels : dict of str to sequence of Dot
        Metric → rows in the order drawn, the same rows in each.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.
    unbounded : collection of str
        The metrics of which a row far out of the others is cut off, with an arrow at the edge.

    Returns
    -------
    str
        SVG.
    """
    first = next(iter(panels.values()))
    heights = row_heights(first)
    labels = label_width(first)
    longest = max(longest_note(dots) for dots in panels.values())
    notes = max(0.55, 0.1 + LETTER * longest)
    gaps = _GAP * (len(panels) - 1)
    room = _FOREST - labels - notes * len(panels) - gaps
    wide = room / len(panels)
    high = 0.56 + ROW * (heights[-1] + 1.4)
    with canvas(_FOREST, high, name, title) as drawn:
        for place, (metric, dots) in enumerate(panels.items()):
            left = labels + place * (wide + notes + _GAP)
            is_first = place == 0
            axes = row_axes(drawn.figure, left, wide, dots, heights, (0.3, 0.26), is_first)
            _forest_panel(axes, dots, heights, metric in unbounded)
            axes.set_title(metric, **HEADING, pad=7)
    return drawn.svg


def _forest_panel(axes: Axes, dots: Sequence[Dot], heights: np.ndarray, is_cut: bool) -> None:
    """The dots of one metric, with a line at the value of those that stand out; `is_cut`: whether
    what lies far out is left outside, with an arrow at the edge."""
    within = near(dots) if is_cut else dots
    axes.set_xlim(*axis_limits(within))
    plain_ticks(axes)
    for dot in dots:
        if dot.strong and not unknown(dot.value):
            axes.axvline(dot.value, color=ACCENT, lw=0.8, ls=_DOTTED, zorder=1)
    for dot, y in zip(dots, heights):
        draw_dot(axes, dot, y)
        _arrow(axes, dot, y)
        draw_own_note(axes, dot, y)


def _arrow(axes: Axes, dot: Dot, y: float) -> None:
    """An arrow at the edge beyond which a dot lies; nothing where it lies inside."""
    if unknown(dot.value):
        return
    low, high = axes.get_xlim()
    style = {"color": MUTED, "ms": 5.2, "clip_on": False}
    if dot.value < low:
        axes.plot([low], [y], "<", **style)
    elif dot.value > high:
        axes.plot([high], [y], ">", **style)


def ranks(dots: Sequence[Dot], name: str, title: str) -> str:
    """Mean ranks with intervals on a log axis, rank 1 at the left; notes are at the right.

    Parameters
    ----------
    dots : sequence of Dot
        Rows in the order drawn, of ranks from 1.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.

    Returns
    -------
    str
        SVG.
    """
    heights = np.arange(len(dots), dtype=float)
    labels = label_width(dots)
    notes = longest_note(dots) * LETTER * 0.95 + 0.2
    with canvas(max(5.2, labels + notes + 2), 0.5 + ROW * (len(dots) + 0.2), name, title) as drawn:
        wide = drawn.figure.get_figwidth() - labels - notes
        axes = row_axes(drawn.figure, labels, wide, dots, heights, (0.04, 0.43))
        _rank_axis(axes, dots, wide)
        for dot, y in zip(dots, heights):
            draw_dot(axes, dot, y)
            draw_note(axes, clip(dot.note, 20), y, **SMALL_LABEL)
    return drawn.svg


def _rank_axis(axes: Axes, dots: Sequence[Dot], wide: float) -> None:
    """A log axis of ranks, `wide` inches, with as many round ticks as have room."""
    numbers = [dot.value for dot in dots] + [dot.high for dot in dots]
    known = [number for number in numbers if not unknown(number)]
    last = max([2.0, *known])
    start, end = 0.85, last * 1.15
    axes.set_xscale("log")
    axes.set_xlim(start, end)
    decade = wide / math.log10(end / start)  # inches
    steps = (1, 2, 5)
    if decade < 0.9:
        steps = (1,)
    elif decade < 1.9:
        steps = (1, 3)
    round_ranks = [digit * 10**power for power in range(8) for digit in steps]
    ticks = [rank for rank in round_ranks if rank <= end]
    axes.set_xticks(ticks, [f"{rank:,}" for rank in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("rank among all (1 = strongest; log scale)", **AXIS_LABEL)


def bars(dots: Sequence[Dot], name: str, title: str, axis: str) -> str:
    """Bars from 0 with intervals, their notes at the right.

    Parameters
    ----------
    dots : sequence of Dot
        Rows in the order drawn.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.
    axis : str
        What is measured, with its unit.

    Returns
    -------
    str
        SVG.
    """
    heights = np.arange(len(dots), dtype=float)
    labels = label_width(dots)
    notes = 0.2 + LETTER * longest_note(dots)
    high = 0.55 + ROW * (len(dots) + 0.4)
    with canvas(max(7.2, labels + notes + 2.5), high, name, title) as drawn:
        wide = drawn.figure.get_figwidth() - labels - notes
        axes = row_axes(drawn.figure, labels, wide, dots, heights, (0.04, 0.46))
        low, high = axis_limits([*dots, Dot("", 0.0)])
        axes.set_xlim(low, high)
        axes.axvline(0, color=INK, lw=1)
        for dot, y in zip(dots, heights):
            if not unknown(dot.value):
                axes.barh(y, dot.value, 0.52, color=ACCENT, alpha=0.35, lw=0)
            if dot.has_interval:
                draw_interval(axes, dot, y, INK, 1.4)
            draw_note(axes, clip(dot.note), y, color=INK)
        axes.set_xlabel(clip(axis, 80), **AXIS_LABEL)
    return drawn.svg


# ---------------------------------------------------------------------------------- decision curves


def benefit(curves: Mapping[str, pd.DataFrame], name: str, title: str) -> str:
    """Decision curves, a panel a class: net benefit of the model with its band, of treating all
    (dashed) and of treating none (the line at 0) against the threshold.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        Class → table as of `evaluate.probability_curves.decision_curve`.
    name : str
        Makes the ids of the SVG unique in a page.
    title : str
        What is read out instead of the figure.

    Returns
    -------
    str
        SVG.
    """
    columns = min(_COLUMNS, len(curves))
    lines = math.ceil(len(curves) / _COLUMNS)
    wide, high, left, below = _PANEL_ALONE if columns == 1 else _PANEL
    across, down = wide + left, high + below
    with canvas(columns * across + 0.1, lines * down + 0.1, name, title) as drawn:
        for place, (label, curve) in enumerate(curves.items()):
            line, column = divmod(place, _COLUMNS)
            start = left + column * across
            bottom = (lines - 1 - line) * down + 0.5
            axes = panel(drawn.figure, start, bottom, wide, high - 0.2)
            _benefit(axes, curve)
            axes.set_title(clip(label, 24), **HEADING, pad=5)
            axes.set_xlabel("threshold", **SMALL_LABEL)
            if column == 0:
                axes.set_ylabel("net benefit", **SMALL_LABEL)
    return drawn.svg


def _benefit(axes: Axes, curve: pd.DataFrame) -> None:
    """One decision curve with its references."""
    threshold = curve["threshold"]
    low, high = curve["model_lo"], curve["model_hi"]
    axes.fill_between(threshold, low, high, color=ACCENT, alpha=0.16, lw=0)
    axes.axhline(0, color=INK, lw=1)
    axes.plot(threshold, curve["all"], color=MUTED, lw=1.2, ls=DASHED)
    axes.plot(threshold, curve["model"], color=ACCENT, lw=1.8)
    shown = curve[["model", "model_hi", "all"]]
    most = max(float(shown.max().max()), 0.02)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.25 * most, 1.08 * most)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
