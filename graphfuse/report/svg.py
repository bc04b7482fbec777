"""Bare figures and how they become SVG inside a page: the same bytes for the same numbers.

Colours are written as CSS variables (with a fallback), so that a page decides on light and dark;
text stays text.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

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
_METADATA = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
AXIS_LABEL = {"color": MUTED, "fontsize": 9}  # styles that figures share
SMALL_LABEL = {"color": MUTED, "fontsize": 8.5}
HEADING = {"loc": "left", "fontsize": 9.5, "color": INK, "fontweight": "bold"}
DASHED = (0, (4, 3))
LETTER = 0.083  # inches a letter, at most
LONGEST = 30
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode: control characters, line separators


class Drawn:
    """A figure while it is drawn, its SVG afterwards."""

    figure: Figure
    svg: str


@contextmanager
def canvas(wide: float, high: float, name: str, title: str) -> Iterator[Drawn]:
    """A bare figure in inches under the module's settings; nothing of pyplot, nothing global left
    behind."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # a glyph that matplotlib's font lacks is the browser's to draw
        drawn = Drawn()
        drawn.figure = Figure((wide, high), facecolor="none")
        FigureCanvasSVG(drawn.figure)
        yield drawn
        page = io.StringIO()
        drawn.figure.savefig(page, format="svg", metadata={"Date": None})
    drawn.svg = _inline(page.getvalue(), name, title)


def _inline(svg: str, name: str, title: str) -> str:
    """`svg` for use inside an HTML page: no prologue, metadata or namespaces, ids made unique,
    colours as variables."""
    prologue = svg.index("<svg")
    svg = _METADATA.sub("", svg[prologue:])
    svg = re.sub(r"<[^>]+>", lambda tag: _tag(tag.group(), name), svg)
    box = re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1)
    wide = float(box) * 4 / 3
    label = escape(clip(title, 200), quote=True)
    opening = f'<svg role="img" aria-label="{label}" style="max-width:{wide:.0f}px"'
    rest = svg.removeprefix("<svg")
    rest = re.sub(r' (?:width|height)="[\d.]+pt"', "", rest, count=2)
    return f"{opening} {rest.strip()}"


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


def panel(figure: Figure, left: float, bottom: float, wide: float, high: float) -> Axes:
    """Quiet axes at a place in inches."""
    figure_wide, figure_high = figure.get_size_inches()
    across = (left / figure_wide, wide / figure_wide)
    up = (bottom / figure_high, high / figure_high)
    place = (across[0], up[0], across[1], up[1])
    axes = figure.add_axes(place, facecolor="none")
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("bottom",), color=LINE)
    axes.tick_params(colors=MUTED, length=0, labelsize=8.5, pad=5)
    axes.grid(color=LINE, lw=0.7)
    axes.set_axisbelow(True)
    return axes


def clip(text: str, longest: int = LONGEST) -> str:
    """`text` on one line without control characters, its end cut off where it is long."""
    letters = [" " if unicodedata.category(each) in _UNSEEN else each for each in str(text)]
    line = "".join(letters)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def unknown(value: float | None) -> bool:
    """Whether there is no such number."""
    return value is None or not math.isfinite(value)
