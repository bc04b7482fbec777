"""The figures of a report: SVG to set into a page."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphfuse.evaluate.agreement import Observed
from graphfuse.evaluate.curves import Bin
from graphfuse.report.drawing import ACCENT, CARD, INK, LETTER, MUTED, canvas, clip, panel, unknown
from graphfuse.report.words import number
from graphfuse.text.digits import decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.262  # inches a row
_COLUMNS = 3  # panels side by side
_LONG = 5  # letters of a tick, of which many have room below a panel
_FAR = 4  # quartile ranges beyond the middle half, from where a score without bounds is cut off


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot: a value and its interval (`None` where unknown), a note beside it, drawn
    `strong` or `hollow`."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    strong: bool = False
    hollow: bool = False


def forest(
    panels: dict[str, Sequence[Dot]], name: str, title: str, unbounded: Collection[str] = ()
) -> str:
    """SVG of dots with intervals, one panel a metric, rows in the order given, with their notes at
    the right; hollow rows stand apart, below.

    `panels`: metric → rows, the same rows in each. `name` makes the ids of the SVG unique in a
    page. `unbounded`: the metrics of which a row far out of the others is cut off, with an arrow
    at the edge.
    """
    first = next(iter(panels.values()))
    heights = _heights(first)
    longest = max(len(dot.note) for dots in panels.values() for dot in dots)
    gutter, value, wide = _gutter(first), max(0.55, 0.1 + LETTER * longest), 9.9
    each = (wide - gutter - value * len(panels) - 0.15 * (len(panels) - 1)) / len(panels)
    with canvas(wide, 0.56 + _ROW * (heights[-1] + 1.4), name, title) as drawn:
        for number, (metric, dots) in enumerate(panels.items()):
            left = gutter + number * (each + value + 0.15)
            axes = _rows(drawn.figure, left, each, dots, heights, (0.3, 0.26), labelled=number == 0)
            low, high = _limits(_near(dots) if metric in unbounded else dots)
            axes.set_xlim(low, high)
            _plain_ticks(axes)
            axes.set_title(metric, loc="left", fontsize=9.5, color=INK, fontweight="bold", pad=7)
            for ours in (dot.value for dot in dots if dot.strong and not unknown(dot.value)):
                axes.axvline(ours, color=ACCENT, lw=0.8, ls=(0, (3, 3)), zorder=1)
            for dot, y in zip(dots, heights):
                _dot(axes, dot, y)
                if not unknown(dot.value) and not low <= dot.value <= high:
                    edge, arrow = (low, "<") if dot.value < low else (high, ">")
                    axes.plot([edge], [y], arrow, color=MUTED, ms=5.2, clip_on=False)
                axes.annotate(
                    dot.note or "–",
                    (1, y), (8, 0), ("axes fraction", "data"), "offset points",
                    va="center", color=ACCENT if dot.strong else INK,
                    fontweight="bold" if dot.strong else "normal",
                )  # fmt: skip
    return drawn.svg


def ranks(dots: Sequence[Dot], name: str, title: str) -> str:
    """SVG of mean ranks with intervals on a log axis, rank 1 at the left; notes stand at the
    right."""
    heights = np.arange(len(dots), dtype=float)
    gutter, notes = (
        _gutter(dots),
        max((len(dot.note) for dot in dots), default=0) * LETTER * 0.95 + 0.2,
    )
    with canvas(max(5.2, gutter + notes + 2), 0.5 + _ROW * (len(dots) + 0.2), name, title) as drawn:
        wide = drawn.figure.get_figwidth() - gutter - notes
        axes = _rows(drawn.figure, gutter, wide, dots, heights, (0.04, 0.43))
        last = max([2.0, *(x for dot in dots for x in (dot.value, dot.high) if not unknown(x))])
        axes.set_xscale("log")
        axes.set_xlim(0.85, last * 1.15)
        decade = wide / math.log10(last * 1.15 / 0.85)  # inches
        steps = (1,) if decade < 0.9 else (1, 3) if decade < 1.9 else (1, 2, 5)
        ticks = [t for t in (d * 10**p for p in range(8) for d in steps) if t <= last * 1.15]
        axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("rank among all (1 = strongest; log scale)", color=MUTED, fontsize=9)
        for dot, y in zip(dots, heights):
            _dot(axes, dot, y)
            axes.annotate(
                clip(dot.note, 20), (1, y), (8, 0), ("axes fraction", "data"), "offset points",
                va="center", color=MUTED, fontsize=8.5,
            )  # fmt: skip
    return drawn.svg


def reliability(bins: Sequence[Bin], chance: float, name: str, title: str) -> str:
    """SVG of the share called right against the confidence stated, with the diagonal of an honest
    model, and how many patients stand at each confidence below; the axis starts at `chance` (1 /
    classes)."""
    with canvas(5.0, 4.6, name, title) as drawn:
        start = math.floor(chance * 10) / 10
        axes = panel(drawn.figure, 0.62, 1.35, 4.2, 3.1)
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)))
        for each in bins:
            axes.plot(
                [each.confidence] * 2,
                [each.low, each.high],
                color=ACCENT,
                lw=1.4,
                solid_capstyle="butt",
            )
        axes.plot(
            [b.confidence for b in bins],
            [b.right for b in bins],
            "o-",
            color=ACCENT,
            ms=5.5,
            lw=0.8,
        )
        axes.set(xlim=(start, 1.01), ylim=(0, 1.02), xticklabels=[])
        axes.set_ylabel("share called right", color=MUTED, fontsize=9)
        below = panel(drawn.figure, 0.62, 0.52, 4.2, 0.65)
        below.bar([b.confidence for b in bins], [100 * b.share for b in bins], 0.05, color=ACCENT)
        below.set(xlim=(start, 1.01))
        below.set_ylabel("% of\npatients", color=MUTED, fontsize=8.5)
        below.set_xlabel(
            "confidence stated (probability of the class called)", color=MUTED, fontsize=9
        )
        below.set_ylim(0, max([10, *(110 * b.share for b in bins)]))
    return drawn.svg


def agreement(groups: Sequence[Observed], outcome: str, name: str, title: str) -> str:
    """SVG of the mean observed of each group of patients against the mean predicted, with the
    diagonal of an honest model; `outcome` names what is predicted."""
    from matplotlib.ticker import MaxNLocator

    ends = [each for group in groups for each in (group.low, group.high) if not unknown(each)]
    seen = [each for group in groups for each in (group.predicted, group.mean)] + ends
    room = 0.06 * (max(seen) - min(seen)) or 0.5
    low, high = min(seen) - room, max(seen) + room
    ticks = [each for each in MaxNLocator(5).tick_values(low, high) if low <= each <= high]
    texts = [number(each, decimals(ticks) - 1 if decimals(ticks) else 0) for each in ticks]
    left = 0.45 + LETTER * max(map(len, texts))
    with canvas(left + 4.3, 4.6, name, title) as drawn:
        axes = panel(drawn.figure, left, 0.75, 4.2, 3.7)
        axes.plot([low, high], [low, high], color=MUTED, lw=1, ls=(0, (4, 3)))
        for group in groups:
            if not (unknown(group.low) or unknown(group.high)):
                at = [group.predicted] * 2
                axes.plot(at, [group.low, group.high], color=ACCENT, lw=1.4, solid_capstyle="butt")
        places, means = [group.predicted for group in groups], [group.mean for group in groups]
        axes.plot(places, means, "o-", color=ACCENT, ms=5.5, lw=0.8)
        axes.set(xlim=(low, high), ylim=(low, high))
        axes.set_xticks(ticks, texts)
        axes.set_yticks(ticks, texts)
        axes.set_xlabel(f"{clip(outcome)} predicted, mean of a group", color=MUTED, fontsize=9)
        axes.set_ylabel(f"{clip(outcome)} observed, mean", color=MUTED, fontsize=9)
    return drawn.svg


def bars(dots: Sequence[Dot], name: str, title: str, axis: str) -> str:
    """SVG of bars from 0 with intervals, values written at the right; `axis` names what is
    measured."""
    heights = np.arange(len(dots), dtype=float)
    gutter, notes = _gutter(dots), 0.2 + LETTER * max((len(dot.note) for dot in dots), default=0)
    with canvas(
        max(7.2, gutter + notes + 2.5), 0.55 + _ROW * (len(dots) + 0.4), name, title
    ) as drawn:
        wide = drawn.figure.get_figwidth() - gutter - notes
        axes = _rows(drawn.figure, gutter, wide, dots, heights, (0.04, 0.46))
        low, high = _limits([*dots, Dot("", 0.0)])
        axes.set_xlim(low, high)
        axes.axvline(0, color=INK, lw=1)
        for dot, y in zip(dots, heights):
            if not unknown(dot.value):
                axes.barh(y, dot.value, 0.52, color=ACCENT, alpha=0.35, lw=0)
            if not (unknown(dot.low) or unknown(dot.high)):
                axes.plot([dot.low, dot.high], [y, y], color=INK, lw=1.4, solid_capstyle="butt")
            axes.annotate(
                clip(dot.note), (1, y), (8, 0), ("axes fraction", "data"), "offset points",
                va="center", color=INK
            )  # fmt: skip
        axes.set_xlabel(clip(axis, 80), color=MUTED, fontsize=9)
    return drawn.svg


def benefit(curves: Mapping[str, pd.DataFrame], name: str, title: str) -> str:
    """SVG of decision curves, a panel a class: net benefit of the model with its band, of treating
    all (dashed) and of treating none (the line at 0) against the threshold. Tables as of
    `evaluate.curves.decision_curve`."""
    columns, lines = min(_COLUMNS, len(curves)), math.ceil(len(curves) / _COLUMNS)
    each, high, left, below = (3.9, 2.6, 0.62, 0.5) if columns == 1 else (2.45, 1.75, 0.55, 0.72)
    with canvas(columns * (each + left) + 0.1, lines * (high + below) + 0.1, name, title) as drawn:
        for number, (label, curve) in enumerate(curves.items()):
            line, column = divmod(number, _COLUMNS)
            bottom = (lines - 1 - line) * (high + below) + 0.5
            axes = panel(drawn.figure, left + column * (each + left), bottom, each, high - 0.2)
            _benefit(axes, curve)
            axes.set_title(
                clip(label, 24), loc="left", fontsize=9.5, color=INK, fontweight="bold", pad=5
            )
            axes.set_xlabel("threshold", color=MUTED, fontsize=8.5)
            if column == 0:
                axes.set_ylabel("net benefit", color=MUTED, fontsize=8.5)
    return drawn.svg


def _benefit(axes: Axes, curve: pd.DataFrame) -> None:
    t = curve["threshold"]
    axes.fill_between(t, curve["model_lo"], curve["model_hi"], color=ACCENT, alpha=0.16, lw=0)
    axes.axhline(0, color=INK, lw=1)
    axes.plot(t, curve["all"], color=MUTED, lw=1.2, ls=(0, (4, 3)))
    axes.plot(t, curve["model"], color=ACCENT, lw=1.8)
    most = max(float(curve[["model", "model_hi", "all"]].max().max()), 0.02)
    axes.set(xlim=(0, 1), ylim=(-0.25 * most, 1.08 * most), xticks=[0, 0.25, 0.5, 0.75, 1])


# -------------------------------------------------------------------------------------------- parts


def _rows(
    figure: Figure,
    left: float,
    wide: float,
    dots: Sequence[Dot],
    heights: np.ndarray,
    margins: tuple[float, float],
    labelled: bool = True,
) -> Axes:
    """Axes with one row a dot, the first on top; `margins` above and below in inches."""
    axes = panel(figure, left, margins[1], wide, figure.get_figheight() - sum(margins))
    axes.grid(axis="y", visible=False)
    axes.set_ylim(heights[-1] + 0.7, -0.7)
    axes.set_yticks(heights, [clip(dot.label) for dot in dots] if labelled else [])
    for text, dot in zip(axes.get_yticklabels(), dots):
        text.set(
            color=ACCENT if dot.strong else INK,
            fontsize=9.5,
            fontweight="bold" if dot.strong else "normal",
        )
    return axes


def _dot(axes: Axes, dot: Dot, y: float) -> None:
    if unknown(dot.value):
        return
    colour = ACCENT if dot.strong else INK
    if not (unknown(dot.low) or unknown(dot.high)):
        axes.plot(
            [dot.low, dot.high],
            [y, y],
            color=colour,
            lw=2.2 if dot.strong else 1.4,
            solid_capstyle="butt",
        )
    face = {"markerfacecolor": CARD} if dot.hollow else {}
    axes.plot([dot.value], [y], "o", color=colour, ms=6.5 if dot.strong else 5.2, **face)


def _heights(dots: Sequence[Dot]) -> np.ndarray:
    """Row positions; the first hollow row leaves a gap."""
    hollow = np.array([dot.hollow for dot in dots], bool)
    return np.arange(len(dots)) + 0.6 * (hollow & ~hollow.all())


def _limits(dots: Sequence[Dot]) -> tuple[float, float]:
    """Where an axis begins and ends that shows all of these."""
    seen = [x for dot in dots for x in (dot.value, dot.low, dot.high) if not unknown(x)]
    seen = seen or [0.0, 1.0]
    least = min(0.05, max(map(abs, seen)) or 0.05)
    pad = 0.04 * max(max(seen) - min(seen), least)
    return min(seen) - pad, max(seen) + pad


def _near(dots: Sequence[Dot]) -> list[Dot]:
    """The dots that do not lie far out of the others, with intervals that do not reach there."""
    values = np.array([dot.value for dot in dots if not unknown(dot.value)])
    if not len(values):
        return []
    low, high = np.quantile(values, [0.25, 0.75])
    room = _FAR * max(high - low, 0.05 * np.abs(values).max())
    low, high = low - room, high + room
    near = [dot for dot in dots if not unknown(dot.value) and low <= dot.value <= high]
    return [
        replace(
            dot,
            low=dot.low if unknown(dot.low) else max(dot.low, low),
            high=dot.high if unknown(dot.high) else min(dot.high, high),
        )
        for dot in near
    ]


def _plain_ticks(axes: Axes) -> None:
    """Ticks below an axis written in full, and only a few where that makes them long."""
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    texts = axes.xaxis.get_major_formatter().format_ticks(axes.get_xticks())
    if max(map(len, texts)) > _LONG:
        axes.locator_params(axis="x", nbins=3)


def _gutter(dots: Sequence[Dot]) -> float:
    return 0.3 + LETTER * max(len(clip(dot.label)) for dot in dots)
