"""The picture of one patient's explanation: the largest attributions, and LIME's beside them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.report.svg import ACCENT, HEADING, INK, SMALL_LABEL, canvas, clip, panel

SHOWN = 15
AGAINST = "#b5542c"
ROW, LEFT, WIDE, RIGHT = 0.27, 3.3, 4.2, 0.4  # inches
ABOVE, BELOW = 0.55, 0.75
RESOLUTION = 200  # dots an inch


def draw(attributions: pd.DataFrame, title: str, direction: str, unit: str, path: Path) -> None:
    """Draw the largest attributions as bars, and what LIME says of the same columns as rings.

    Parameters
    ----------
    attributions : pandas.DataFrame
        `feature, value, attribution, lime`, the largest first.
    title : str
        Above the picture.
    direction : str
        What attributions are of, such as "the probability of class1".
    unit : str
        What they are measured in, such as "in the unit of the outcome".
    path : pathlib.Path
        The PNG file to write.
    """
    shown = attributions.head(SHOWN).iloc[::-1]
    high = ROW * max(len(shown), 1)
    size = (LEFT + WIDE + RIGHT, ABOVE + high + BELOW)
    with canvas(*size, "patient", title) as drawn:
        axes = panel(drawn.figure, LEFT, BELOW, WIDE, high)
        colours = [ACCENT if value > 0 else AGAINST for value in shown["attribution"]]
        places = range(len(shown))
        axes.barh(places, shown["attribution"], height=0.62, color=colours)
        axes.scatter(
            shown["lime"], places, s=22, facecolor="white", edgecolor=INK, lw=0.9, zorder=3
        )
        axes.axvline(0, color=INK, lw=0.8)
        axes.set_yticks(
            places, [_label(*row) for row in zip(shown["feature"], shown["value"], strict=True)]
        )
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(
            f"attribution, {unit}\n+ raises {direction}, - lowers it   (ring: LIME)",
            **SMALL_LABEL,
        )
        drawn.figure.text(0.02, 1 - 0.3 / size[1], clip(title, 95), **_title())
        drawn.figure.savefig(path, format="png", dpi=RESOLUTION, facecolor="white")


def _title() -> dict:
    """The style of a heading, as text of a figure takes it."""
    style = {name: value for name, value in HEADING.items() if name != "loc"}
    return style | {"ha": "left", "va": "center"}


def _label(feature: str, value: object) -> str:
    """`rna:ESR1 = 8.21`."""
    if pd.isna(value):
        return f"{clip(feature)} missing"
    number = f"{value:.3g}" if isinstance(value, float) else clip(str(value), 12)
    return f"{clip(feature)} = {number}"
