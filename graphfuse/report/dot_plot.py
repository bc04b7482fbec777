"""The rows of a dot plot: a value with its interval, a label at the left, a note at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graphfuse.report.svg import ACCENT, CARD, INK, LETTER, clip, panel, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.262  # inches a row
_LONG = 5  # letters of a tick, of which many have room below a panel
_FAR = 4  # quartile ranges beyond the middle half, from where a score without bounds is cut off


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot.

    Attributes
    ----------
    label : str
        What the row is called.
    value, low, high : float or None
        The value and the ends of its interval; `None` where unknown.
    note : str
        Written at the right of the row.
    strong : bool
        Whether the row stands out.
    hollow : bool
        Whether the dot is drawn as a ring.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    strong: bool = False
    hollow: bool = False

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return not (unknown(self.low) or unknown(self.high))


# ------------------------------------------------------------------------------------------- layout


def row_heights(dots: Sequence[Dot]) -> np.ndarray:
    """The places of rows on the y axis `[rows]`, one apart; the first hollow row leaves a gap."""
    hollow = np.array([dot.hollow for dot in dots], bool)
    gap = 0.6 * (hollow & ~hollow.all())
    return np.arange(len(dots)) + gap


def label_width(dots: Sequence[Dot]) -> float:
    """The room in inches that labels at the left need."""
    longest = max(len(clip(dot.label)) for dot in dots)
    return 0.3 + LETTER * longest


def longest_note(dots: Sequence[Dot]) -> int:
    """The letters of the longest note; 0 without rows."""
    return max((len(dot.note) for dot in dots), default=0)


def axis_limits(dots: Sequence[Dot]) -> tuple[float, float]:
    """Where an axis begins and ends that shows all of these, intervals included."""
    numbers: list[float | None] = []
    for dot in dots:
        numbers += [dot.value, dot.low, dot.high]
    known = [number for number in numbers if not unknown(number)] or [0.0, 1.0]
    start, end = min(known), max(known)
    largest = max(map(abs, known))
    least = min(0.05, largest or 0.05)
    pad = 0.04 * max(end - start, least)
    return start - pad, end + pad


def near(dots: Sequence[Dot]) -> list[Dot]:
    """The dots that do not lie far out of the others, with intervals that do not reach there."""
    known = [dot for dot in dots if not unknown(dot.value)]
    if not known:
        return []
    values = np.array([dot.value for dot in known])
    low, high = np.quantile(values, [0.25, 0.75])
    least = 0.05 * np.abs(values).max()
    room = _FAR * max(high - low, least)
    low -= room
    high += room
    within = [dot for dot in known if low <= dot.value <= high]
    return [_cut(dot, low, high) for dot in within]


def _cut(dot: Dot, low: float, high: float) -> Dot:
    """The dot, its interval cut off at `low` and `high`."""
    start, end = dot.low, dot.high
    if not unknown(start):
        start = max(start, low)
    if not unknown(end):
        end = min(end, high)
    return replace(dot, low=start, high=end)


# ------------------------------------------------------------------------------------------ drawing


def row_axes(
    figure: Figure,
    left: float,
    wide: float,
    dots: Sequence[Dot],
    heights: np.ndarray,
    margins: tuple[float, float],
    labelled: bool = True,
) -> Axes:
    """Axes with one row a dot, the first on top.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Where they are drawn.
    left, wide : float
        Where they begin and how wide they are, in inches.
    dots : sequence of Dot
        The rows.
    heights : numpy.ndarray
        The places of the rows on the y axis `[rows]`.
    margins : tuple of float
        The room above and below in inches.
    labelled : bool
        Whether the rows' labels are written at the left.

    Returns
    -------
    matplotlib.axes.Axes
    """
    high = figure.get_figheight() - sum(margins)
    axes = panel(figure, left, margins[1], wide, high)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(heights[-1] + 0.7, -0.7)
    labels = [clip(dot.label) for dot in dots]
    axes.set_yticks(heights, labels if labelled else [])
    for text, dot in zip(axes.get_yticklabels(), dots):
        text.set(color=_colour(dot), fontsize=9.5, fontweight=_weight(dot))
    return axes


def draw_dot(axes: Axes, dot: Dot, y: float) -> None:
    """A dot with its interval at the height `y`; nothing where its value is unknown."""
    if unknown(dot.value):
        return
    thick, size = (2.2, 6.5) if dot.strong else (1.4, 5.2)
    style = {"color": _colour(dot), "ms": size}
    if dot.hollow:
        style["markerfacecolor"] = CARD
    if dot.has_interval:
        draw_interval(axes, dot, y, _colour(dot), thick)
    axes.plot([dot.value], [y], "o", **style)


def draw_interval(axes: Axes, dot: Dot, y: float, colour: str, thick: float) -> None:
    """The interval of a dot as a line at the height `y`, so many points `thick`."""
    ends = [dot.low, dot.high]
    axes.plot(ends, [y, y], color=colour, lw=thick, solid_capstyle="butt")


def draw_note(axes: Axes, text: str, y: float, **style: object) -> None:
    """A text at the right of the axes, at the height `y`; `style` as of a text of matplotlib."""
    place, system = (1, y), ("axes fraction", "data")
    axes.annotate(text, place, (8, 0), system, "offset points", va="center", **style)


def draw_own_note(axes: Axes, dot: Dot, y: float) -> None:
    """A dot's own note at its right, a dash where it has none; in the colour of the dot."""
    style = {"color": _colour(dot), "fontweight": _weight(dot)}
    draw_note(axes, dot.note or "–", y, **style)


def plain_ticks(axes: Axes) -> None:
    """Ticks below an axis written in full, and only a few where that makes them long."""
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    texts = axes.xaxis.get_major_formatter().format_ticks(axes.get_xticks())
    if max(map(len, texts)) > _LONG:
        axes.locator_params(axis="x", nbins=3)


def _colour(dot: Dot) -> str:
    return ACCENT if dot.strong else INK


def _weight(dot: Dot) -> str:
    return "bold" if dot.strong else "normal"
