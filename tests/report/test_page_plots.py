"""Figures: the same bytes, harmless text, room for every label, nothing global."""

import re
import subprocess
import sys
from html import unescape
from itertools import pairwise

import pandas as pd
import pytest

from graphfuse.evaluate.predicted_and_observed import Observed
from graphfuse.evaluate.probability_curves import Bin
from graphfuse.report.calibration_plot import agreement, reliability
from graphfuse.report.dot_plot import Dot
from graphfuse.report.page_plots import bars, benefit, forest, ranks

DOTS = [
    Dot("majority", 0.54, 0.50, 0.58, "0.540"),
    Dot("early", 0.87, None, None, "0.870"),
    Dot("late", None),
    Dot("graphfuse", 0.88, 0.85, float("nan"), "0.880", strong=True),
    Dot("without:rna", 0.84, 0.80, 0.88, "0.840", hollow=True),
]


def labels(svg):
    """The texts of an SVG."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_a_forest_shows_every_row_and_its_value():
    svg = forest({"Accuracy": DOTS, "Macro-F1": DOTS}, "f", "models")
    shown = labels(svg)
    assert [shown.count(dot.label) for dot in DOTS] == [1] * 5
    assert shown.count("0.880") == 2 and shown.count("–") == 2 and "Macro-F1" in shown
    assert svg.startswith('<svg role="img" aria-label="models"') and svg.endswith("</svg>")


@pytest.mark.parametrize("count", [1, 5, 40])
def test_rows_do_not_touch_however_many_there_are(count):
    svg = forest({"Accuracy": [Dot(f"model {i}", i / count, 0, 1) for i in range(count)]}, "f", "t")
    lines = re.findall(
        r'<text[^>]*?translate\(([\d.]+) ([\d.]+)\)[^>]*>model|<text[^>]*? y="([\d.]+)"[^>]*>model',
        svg,
    )
    heights = sorted(float(a[1] or a[2]) for a in lines)
    assert len(heights) == count
    assert all(below - above > 13 for above, below in pairwise(heights))


def test_the_same_numbers_give_the_same_bytes_and_names_keep_figures_apart():
    rows = [Dot("ESR1", 1.5, 1, 4, "rna"), Dot("GATA3", 30, 2, 812, "meth")]
    assert ranks(rows, "a", "t") == ranks(rows, "a", "t")
    ids = [set(re.findall(r' id="([^"]*)"', ranks(rows, name, "t"))) for name in ("a", "b")]
    assert ids[0] and not ids[0] & ids[1]
    svg = ranks(rows, "a", "t")
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', svg)) <= ids[0]


def places(svg):
    """Where the markers of a figure stand from left to right."""
    return [float(x) for x in re.findall(r'<use [^>]*?x="([\d.]+)"', svg)]


def test_a_score_far_out_of_the_others_does_not_make_them_look_the_same():
    near = [Dot(f"model {i}", 0.3 + i / 20, 0.2, 0.9, "x") for i in range(8)]
    far = Dot("far", -53.0, -80.0, -30.0, "−53.000")
    apart = []
    for unbounded in ((), ("R²",)):
        svg = forest({"R²": [*near, far]}, "f", "t", unbounded)
        found = sorted(places(svg))
        apart.append(found[-1] - found[1])
        assert "−53.000" in labels(svg)
    assert apart[1] > 20 * apart[0]


def test_small_scores_have_ticks_that_say_them_in_full():
    rows = [Dot(f"model {i}", 0.0003 + i / 1e5, 0.0002, 0.0005, "0.000300") for i in range(4)]
    shown = labels(forest({"RMSE": rows}, "f", "t", ("RMSE",)))
    ticks = [text for text in shown if text.startswith("0.000") and text != "0.000300"]
    assert 2 <= len(ticks) <= 5 and not [text for text in shown if "e−" in text]


def test_agreement_shows_the_groups_on_axes_alike():
    groups = [
        Observed(40.0 + 5 * i, 41.0 + 4 * i, 38.0 + 4 * i, 44.0 + 4 * i, 20) for i in range(5)
    ]
    svg = agreement(groups, "score", "a", "title")
    assert len(places(svg)) == 5 and places(svg) == sorted(places(svg))
    shown = labels(svg)
    assert shown.count("40") == shown.count("60") == 2
    assert "score predicted, mean of a group" in shown and 'aria-label="title"' in svg


def test_ranks_have_a_log_axis_with_ticks_that_fit():
    assert {"1", "3", "10", "30", "100", "300"} <= set(
        labels(ranks([Dot("a", 1, 1, 2), Dot("b", 90, 10, 812)], "r", "t"))
    )
    assert {"1", "2", "5"} <= set(labels(ranks([Dot("a", 1, 1, 6)], "r", "t")))
    long = [Dot("x" * 30, 1, 1, 99_000, "y" * 20)]
    assert "1,000" in labels(ranks(long, "r", "t")) and "3,000" not in labels(ranks(long, "r", "t"))
    ranks([Dot("a", 1.0, None, None)], "r", "t")


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "$\\frac{", 'a&b"c', "\x00\x1b[31m\n", "😀漢字", "é" * 200, ""],
)
def test_any_text_is_harmless(text):
    svg = ranks([Dot(text, 3, 1, 9, text), Dot("other", 4, 2, 9)], "r", text) + forest(
        {"<b>": [Dot(text, 0.5)]}, "f", text
    )
    assert "<script" not in svg and "<b>" not in svg and "\x00" not in svg
    assert max(map(len, labels(svg))) <= len("rank among all (1 = strongest; log scale)")


def test_nothing_is_fetched_dated_or_painted_for_one_theme_only():
    bins = [Bin(0.55, 0.5, 0.4, 0.6, 0.3), Bin(0.95, 0.9, 0.8, 0.95, 0.7)]
    for svg in (
        reliability(bins, 0.5, "r", "t"),
        reliability([], 0.2, "r", "t"),
        forest({"m": DOTS}, "f", "t"),
        benefit({"a": curve()}, "b", "t"),
        bars(DOTS, "b", "t", "u"),
    ):
        assert (
            "://" not in svg
            and "metadata" not in svg
            and "<style" not in svg
            and "xmlns" not in svg
        )
        bare = re.sub(r"var\(--\w+, #\w+\)", "", svg)
        assert not re.findall(r"(?:fill|stroke): #\w+", bare)


def curve(points=9):
    t = [(i + 1) / (points + 1) for i in range(points)]
    table = pd.DataFrame({"threshold": t, "model": 0.3, "model_lo": 0.2, "model_hi": 0.4})
    return table.assign(all=0.4 - 0.6 * table["threshold"] / (1 - table["threshold"]))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_decision_curves_have_a_panel_a_class(count):
    svg = benefit({f"class {i}": curve() for i in range(count)}, "b", "net benefit")
    shown = labels(svg)
    assert [shown.count(f"class {i}") for i in range(count)] == [1] * count and shown.count(
        "threshold"
    ) == count
    assert svg.startswith('<svg role="img" aria-label="net benefit"') and "nan" not in svg


def test_bars_show_every_value_and_stand_on_0():
    rows = [
        Dot("rna", 21.0, 19.0, 23.0, "+21.0"),
        Dot("meth", -2.0, None, None, "−2.0"),
        Dot("x", None, note="–"),
    ]
    svg = bars(rows, "b", "Shapley", "points of accuracy")
    assert {"rna", "meth", "x", "+21.0", "−2.0", "–", "points of accuracy", "0"} <= set(labels(svg))
    assert bars(rows, "b", "Shapley", "points") == bars(rows, "b", "Shapley", "points")


def test_settings_of_matplotlib_stay_as_they_were():
    import matplotlib

    before = dict(matplotlib.rcParams)
    forest({"m": DOTS}, "f", "t")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
def test_matplotlib_is_imported_late_and_pyplot_never():
    code = (
        "import sys, graphfuse.report.run_page, graphfuse.report.page_plots as f; assert "
        "'matplotlib' not in sys.modules;"
        "f.ranks([f.Dot('a', 1, 1, 2)], 'r', 't'); assert not {'matplotlib.pyplot', "
        "'torch'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
