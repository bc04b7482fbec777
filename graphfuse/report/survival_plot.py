"""Survival curves as SVG for a page: steps per cluster, ticks for the censored, the same bytes for
the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from markupsafe import Markup

COLOURS = ("#0b6a88", "#c2571a", "#5b7f2b", "#7a4fa3", "#b3364b", "#3f5fb0", "#8a6d1d", "#2b8c7e")
_WIDE, _HIGH = 640, 340  # of the figure
_LEFT, _RIGHT, _TOP, _BELOW = 46, 16, 12, 40  # margins around the axes


def survival_figure(curves: pd.DataFrame, title: str, least: int = 5) -> Markup:
    """Kaplan-Meier curves of every cluster.

    Parameters
    ----------
    curves : pandas.DataFrame
        Columns as in `survival.csv`.
    title : str
        What is read out instead of the figure.
    least : int
        Curves are drawn as far as so many patients are at risk.

    Returns
    -------
    markupsafe.Markup
        SVG.
    """
    last = float(curves["time"].max()) or 1.0
    parts = [_axes(ticks(last), last)]
    for place, (cluster, curve) in enumerate(curves.groupby("cluster", sort=True)):
        colour = COLOURS[place % len(COLOURS)]
        shown = curve[curve["at_risk"] >= least]
        parts.append(_curve(shown, last, colour, f"cluster {cluster}"))
    label = escape(title, quote=True)
    opening = f'<svg role="img" aria-label="{label}" style="max-width:760px"'
    box = f'viewBox="0 0 {_WIDE} {_HIGH}"'
    return Markup(f"{opening} {box}>{''.join(parts)}</svg>")


def at_risk(curve: pd.DataFrame, moments: Sequence[float]) -> list[int]:
    """How many patients of one curve are followed up to each moment or beyond.

    Parameters
    ----------
    curve : pandas.DataFrame
        Its `time`, rising, and how many are `at_risk` then.
    moments : sequence of float
        In the unit of `time`.

    Returns
    -------
    list of int
        0 after the last time.
    """
    times = curve["time"].to_numpy()
    places = np.searchsorted(times, np.asarray(moments, float), side="left")
    followed = [*curve["at_risk"], 0]
    return [int(followed[place]) for place in places]


def ticks(last: float, most: int = 6) -> list[float]:
    """Round moments from 0 to `last`, at most `most` + 1 of them."""
    rough = last / most
    size = 10.0 ** np.floor(np.log10(rough))
    steps = [size * factor for factor in (1, 2, 2.5, 5, 10)]
    least = rough * (1 - 1e-9)
    step = next(step for step in steps if step >= least)
    moments = np.arange(0, last * (1 + 1e-9), step)
    return [float(moment) for moment in moments]


def _x(time: float, last: float) -> float:
    wide = _WIDE - _LEFT - _RIGHT
    return _LEFT + (time / last) * wide


def _y(survival: float) -> float:
    high = _HIGH - _TOP - _BELOW
    return _TOP + (1 - survival) * high


def _axes(moments: Sequence[float], last: float) -> str:
    """Lines at shares alive with their per cents, and the moments below."""
    lines, words = [], []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(share)
        place = f'x="{_LEFT - 8}" y="{y + 4:.1f}"'
        lines.append(f"M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}")
        words.append(f'<text {place} text-anchor="end">{100 * share:.0f} %</text>')
    for moment in moments:
        x, y = _x(moment, last), _HIGH - _BELOW + 20
        place = f'x="{x:.1f}" y="{y}"'
        words.append(f'<text {place} text-anchor="middle">{moment:g}</text>')
    drawn = f'<path d="{"".join(lines)}" fill="none" stroke="var(--line, #d5d9de)"/>'
    return drawn + f'<g font-size="11" fill="var(--muted, #626a73)">{"".join(words)}</g>'


def _curve(curve: pd.DataFrame, last: float, colour: str, name: str) -> str:
    """The steps of one curve, with a mark where a patient is censored."""
    if curve.empty:
        return ""
    path = f"M{_x(0, last):.1f} {_y(1):.1f}"
    for time, survival in zip(curve["time"], curve["survival"], strict=True):
        x, y = _x(time, last), _y(survival)
        path += f"H{x:.1f}V{y:.1f}"
    censored = curve[curve["censored"] > 0]
    marks = ""
    for time, survival in zip(censored["time"], censored["survival"], strict=True):
        x, y = _x(time, last), _y(survival)
        marks += f"M{x:.1f} {y - 4:.1f}v8"
    label = f"<title>{escape(name)}</title>"
    drawn = f'<path stroke-width="2" d="{path}"/><path opacity=".55" d="{marks}"/>'
    return f'<g fill="none" stroke="{colour}">{label}{drawn}</g>'
