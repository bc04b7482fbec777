"""The figures of a report: SVG to set into a page, the same bytes for the same numbers.

Colours are written as CSS variables (with a fallback), so that a page decides on light and dark; text stays text.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, ACCENT, CARD = "#1d2126", "#626a73", "#d5d9de", "#0b6a88", "#fffffe"
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent", CARD: "card"}
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.id": None,
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.unicode_minus": True,
    "path.simplify": False,
}
_ROW = 0.262  # inches a row
_LETTER = 0.083  # inches a letter, at most
_LONGEST = 30


@dataclass(frozen=True)
class Dot:
    """A row of a dot plot: a value and its interval (`None` where unknown), a note beside it, drawn `strong` or `hollow`."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    strong: bool = False
    hollow: bool = False


def forest(panels: dict[str, Sequence[Dot]], name: str, title: str) -> str:
    """SVG of dots with intervals, one panel a metric, rows in the order given; hollow rows stand apart, below.

    `panels`: metric → rows, the same rows in each. `name` makes the ids of the SVG unique in a page.
    """
    first = next(iter(panels.values()))
    heights = _heights(first)
    gutter, value, wide = _gutter(first), 0.55, 9.9
    each = (wide - gutter - value * len(panels) - 0.15 * (len(panels) - 1)) / len(panels)
    with _figure(wide, 0.56 + _ROW * (heights[-1] + 1.4), name, title) as drawn:
        for number, (metric, dots) in enumerate(panels.items()):
            left = gutter + number * (each + value + 0.15)
            axes = _rows(drawn.figure, left, each, dots, heights, (0.3, 0.26), labelled=number == 0)
            axes.set_xlim(*_limits(dots))
            axes.set_title(metric, loc="left", fontsize=9.5, color=INK, fontweight="bold", pad=7)
            for ours in (dot.value for dot in dots if dot.strong and not _unknown(dot.value)):
                axes.axvline(ours, color=ACCENT, lw=0.8, ls=(0, (3, 3)), zorder=1)
            for dot, y in zip(dots, heights):
                _dot(axes, dot, y)
                axes.annotate(
                    "–" if _unknown(dot.value) else f"{dot.value:.3f}".replace("-", "−"),
                    (1, y), (8, 0), ("axes fraction", "data"), "offset points",
                    va="center", color=ACCENT if dot.strong else INK, fontweight="bold" if dot.strong else "normal",
                )  # fmt: skip
    return drawn.svg


def ranks(dots: Sequence[Dot], name: str, title: str) -> str:
    """SVG of mean ranks with intervals on a log axis, rank 1 at the left; notes stand at the right."""
    heights = np.arange(len(dots), dtype=float)
    gutter, notes = _gutter(dots), max((len(dot.note) for dot in dots), default=0) * _LETTER * 0.95 + 0.2
    with _figure(max(5.2, gutter + notes + 2), 0.5 + _ROW * (len(dots) + 0.2), name, title) as drawn:
        wide = drawn.figure.get_figwidth() - gutter - notes
        axes = _rows(drawn.figure, gutter, wide, dots, heights, (0.04, 0.43))
        last = max([2.0, *(x for dot in dots for x in (dot.value, dot.high) if not _unknown(x))])
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
                _clip(dot.note, 20), (1, y), (8, 0), ("axes fraction", "data"), "offset points",
                va="center", color=MUTED, fontsize=8.5,
            )  # fmt: skip
    return drawn.svg


@dataclass(frozen=True)
class Bin:
    """Patients whose stated confidence lies together: its mean, the share called right with an interval, how many."""

    confidence: float
    right: float
    low: float
    high: float
    share: float


def reliability(bins: Sequence[Bin], chance: float, name: str, title: str) -> str:
    """SVG of the share called right against the confidence stated, with the diagonal of an honest model, and how many
    patients stand at each confidence below; the axis starts at `chance` (1 / classes)."""
    with _figure(5.0, 4.6, name, title) as drawn:
        start = math.floor(chance * 10) / 10
        axes = _panel(drawn.figure, 0.62, 1.35, 4.2, 3.1)
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)))
        for each in bins:
            axes.plot([each.confidence] * 2, [each.low, each.high], color=ACCENT, lw=1.4, solid_capstyle="butt")
        axes.plot([b.confidence for b in bins], [b.right for b in bins], "o-", color=ACCENT, ms=5.5, lw=0.8)
        axes.set(xlim=(start, 1.01), ylim=(0, 1.02), xticklabels=[])
        axes.set_ylabel("share called right", color=MUTED, fontsize=9)
        below = _panel(drawn.figure, 0.62, 0.52, 4.2, 0.65)
        below.bar([b.confidence for b in bins], [100 * b.share for b in bins], 0.05, color=ACCENT)
        below.set(xlim=(start, 1.01))
        below.set_ylabel("% of\npatients", color=MUTED, fontsize=8.5)
        below.set_xlabel("confidence stated (probability of the class called)", color=MUTED, fontsize=9)
        below.set_ylim(0, max([10, *(110 * b.share for b in bins)]))
    return drawn.svg


# ------------------------------------------------------------------------------------------------- parts


class _Drawn:
    """A figure while it is drawn, its SVG afterwards."""

    figure: Figure
    svg: str


@contextmanager
def _figure(wide: float, high: float, name: str, title: str) -> Iterator[_Drawn]:
    """A bare figure in inches under the module's settings; nothing of pyplot, nothing global left behind."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that matplotlib's font lacks is the browser's to draw
        drawn = _Drawn()
        drawn.figure = Figure((wide, high), facecolor="none")
        FigureCanvasSVG(drawn.figure)
        yield drawn
        page = io.StringIO()
        drawn.figure.savefig(page, format="svg", metadata={"Date": None})
    drawn.svg = _inline(page.getvalue(), name, title)


def _inline(svg: str, name: str, title: str) -> str:
    """`svg` for use inside an HTML page: no prologue, metadata or namespaces, ids made unique, colours as variables."""
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<[^>]+>", lambda tag: _tag(tag.group(), name), svg)
    box = re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1)
    label = escape(_clip(title, 200), quote=True)
    opening = f'<svg role="img" aria-label="{label}" style="max-width:{float(box) * 4 / 3:.0f}px"'
    return opening + " " + re.sub(r' (?:width|height)="[\d.]+pt"', "", svg.removeprefix("<svg"), count=2).strip()


def _tag(tag: str, name: str) -> str:
    tag = re.sub(r' xmlns(:\w+)?="[^"]*"', "", tag).replace("xlink:href=", "href=")
    tag = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r"font: [^;\"]*?([\d.]+px)[^;\"]*", lambda m: _font(m.group()), tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, f"var(--{variable}, {colour})")
    return tag


def _font(rule: str) -> str:
    size = re.search(r"[\d.]+px", rule).group()
    return f"font-size: {size}" + ("; font-weight: 600" if "bold" in rule or "700" in rule else "")


def _panel(figure: Figure, left: float, bottom: float, wide: float, high: float) -> Axes:
    """Quiet axes at a place in inches."""
    size = figure.get_size_inches()
    axes = figure.add_axes((left / size[0], bottom / size[1], wide / size[0], high / size[1]), facecolor="none")
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("bottom",), color=LINE)
    axes.tick_params(colors=MUTED, length=0, labelsize=8.5, pad=5)
    axes.grid(color=LINE, lw=0.7)
    axes.set_axisbelow(True)
    return axes


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
    axes = _panel(figure, left, margins[1], wide, figure.get_figheight() - sum(margins))
    axes.grid(axis="y", visible=False)
    axes.set_ylim(heights[-1] + 0.7, -0.7)
    axes.set_yticks(heights, [_clip(dot.label) for dot in dots] if labelled else [])
    for text, dot in zip(axes.get_yticklabels(), dots):
        text.set(color=ACCENT if dot.strong else INK, fontsize=9.5, fontweight="bold" if dot.strong else "normal")
    return axes


def _dot(axes: Axes, dot: Dot, y: float) -> None:
    if _unknown(dot.value):
        return
    colour = ACCENT if dot.strong else INK
    if not (_unknown(dot.low) or _unknown(dot.high)):
        axes.plot([dot.low, dot.high], [y, y], color=colour, lw=2.2 if dot.strong else 1.4, solid_capstyle="butt")
    face = {"markerfacecolor": CARD} if dot.hollow else {}
    axes.plot([dot.value], [y], "o", color=colour, ms=6.5 if dot.strong else 5.2, **face)


def _heights(dots: Sequence[Dot]) -> np.ndarray:
    """Row positions; the first hollow row leaves a gap."""
    hollow = np.array([dot.hollow for dot in dots], bool)
    return np.arange(len(dots)) + 0.6 * (hollow & ~hollow.all())


def _limits(dots: Sequence[Dot]) -> tuple[float, float]:
    seen = [x for dot in dots for x in (dot.value, dot.low, dot.high) if not _unknown(x)] or [0.0, 1.0]
    pad = 0.04 * max(max(seen) - min(seen), 0.05)
    return min(seen) - pad, max(seen) + pad


def _gutter(dots: Sequence[Dot]) -> float:
    return 0.3 + _LETTER * max(len(_clip(dot.label)) for dot in dots)


def _clip(text: str, longest: int = _LONGEST) -> str:
    """`text` on one line without control characters, its end cut off where it is long."""
    text = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter for letter in str(text))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _unknown(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
