"""Survival curves as SVG for a page: steps per cluster, ticks for the censored, the same bytes for
the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from markupsafe import Markup

COLOURS = ("#0b6a88", "#c2571a", "#5b7f2b", "#7a4fa3", "#b3364b", "#3f5fb0", "#8a6d1d", "#2b8c7e")
_WIDE, _HIGH, _LEFT, _BELOW, _TOP, _RIGHT = 640, 340, 46, 40, 12, 16


def survival_figure(curves: pd.DataFrame, title: str, least: int = 5) -> Markup:
    """Kaplan-Meier curves of every cluster, drawn as far as `least` patients are at risk; columns
    as in `survival.csv`."""
    last = float(curves["time"].max()) or 1.0
    parts = [_axes(ticks(last), last)]
    for i, (cluster, curve) in enumerate(curves.groupby("cluster", sort=True)):
        parts.append(
            _curve(
                curve[curve["at_risk"] >= least],
                last,
                COLOURS[i % len(COLOURS)],
                f"cluster {cluster}",
            )
        )
    label = escape(title, quote=True)
    return Markup(
        f'<svg role="img" aria-label="{label}" style="max-width:760px" viewBox="0 0 {_WIDE} '
        f'{_HIGH}">{"".join(parts)}</svg>'
    )


def at_risk(curve: pd.DataFrame, moments: Sequence[float]) -> list[int]:
    """How many patients of one curve are followed up to each moment or beyond."""
    place = np.searchsorted(curve["time"].to_numpy(), np.asarray(moments, float), side="left")
    return [int(curve["at_risk"].iloc[i]) if i < len(curve) else 0 for i in place]


def ticks(last: float, most: int = 6) -> list[float]:
    """Round moments from 0 to `last`, at most `most` + 1 of them."""
    rough = last / most
    size = 10.0 ** np.floor(np.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-9))
    return [float(t) for t in np.arange(0, last * (1 + 1e-9), step)]


def _x(time: float, last: float) -> float:
    return _LEFT + (time / last) * (_WIDE - _LEFT - _RIGHT)


def _y(survival: float) -> float:
    return _TOP + (1 - survival) * (_HIGH - _TOP - _BELOW)


def _axes(moments: Sequence[float], last: float) -> str:
    lines, words = [], []
    for share in (0, 0.25, 0.5, 0.75, 1):
        lines.append(f"M{_LEFT} {_y(share):.1f}H{_WIDE - _RIGHT}")
        words.append(
            f'<text x="{_LEFT - 8}" y="{_y(share) + 4:.1f}" '
            f'text-anchor="end">{100 * share:.0f} %</text>'
        )
    for moment in moments:
        words.append(
            f'<text x="{_x(moment, last):.1f}" y="{_HIGH - _BELOW + 20}" '
            f'text-anchor="middle">{moment:g}</text>'
        )
    drawn = f'<path d="{"".join(lines)}" fill="none" stroke="var(--line, #d5d9de)"/>'
    return drawn + f'<g font-size="11" fill="var(--muted, #626a73)">{"".join(words)}</g>'


def _curve(curve: pd.DataFrame, last: float, colour: str, name: str) -> str:
    if curve.empty:
        return ""
    path = f"M{_x(0, last):.1f} {_y(1):.1f}"
    for time, survival in zip(curve["time"], curve["survival"], strict=True):
        path += f"H{_x(time, last):.1f}V{_y(survival):.1f}"
    gone = curve[curve["censored"] > 0]
    marks = "".join(
        f"M{_x(t, last):.1f} {_y(s) - 4:.1f}v8"
        for t, s in zip(gone["time"], gone["survival"], strict=True)
    )
    label = f"<title>{escape(name)}</title>"
    return (
        f'<g fill="none" stroke="{colour}">{label}<path stroke-width="2" d="{path}"/><path '
        f'opacity=".55" d="{marks}"/></g>'
    )
