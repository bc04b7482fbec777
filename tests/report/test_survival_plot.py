"""Survival curves drawn by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from graphfuse.report.survival_plot import at_risk, survival_figure, ticks
from graphfuse.statistics.survival import kaplan_meier


def curves(count=20):
    time = np.arange(1.0, count + 1)
    parts = [
        kaplan_meier(time * (c + 1), np.arange(count) % 2 == 0).assign(cluster=c) for c in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_curve_starts_at_one_and_ends_where_few_are_at_risk():
    drawn = survival_figure(curves(), "overall", least=5)
    paths = re.findall(r'stroke-width="2" d="([^"]+)"', drawn)
    assert len(paths) == 2 and all(path.startswith("M46.0 12.0H46.0V12.0") for path in paths)
    assert [path.count("H") for path in paths] == [
        17,
        17,
    ]  # the start, and 16 times with 5 or more at risk
    assert [
        path.count("H")
        for path in re.findall(r'stroke-width="2" d="([^"]+)"', survival_figure(curves(4), "x"))
    ] == []


def test_titles_are_escaped_and_the_same_numbers_give_the_same_bytes():
    drawn = survival_figure(curves(), '<script>"')
    assert "<script>" not in drawn and drawn == survival_figure(curves(), '<script>"')


def test_at_risk_counts_those_followed_up_to_a_moment():
    time = np.array([0.0, 1, 1, 4, 6])
    curve = kaplan_meier(time, np.array([False, True, False, True, True]))
    moments = [0, 0.5, 1, 2, 4, 5, 6, 7]
    assert at_risk(curve, moments) == [int((time >= m).sum()) for m in moments]


@pytest.mark.parametrize(
    ("last", "expected"),
    [(3653.0, [0, 1000, 2000, 3000]), (6.0, [0, 1, 2, 3, 4, 5, 6]), (0.7, [0, 0.2, 0.4, 0.6])],
)
def test_ticks_are_round(last, expected):
    assert ticks(last) == pytest.approx(expected)
