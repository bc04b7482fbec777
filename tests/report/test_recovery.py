"""What is recovered from planted cohorts, in a report."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from graphfuse.explain.recovery.recovery import RECOVERY_COLUMNS
from graphfuse.report.run_page import write_report

pytestmark = pytest.mark.usefixtures("words_alone")


def table(planted: bool) -> pd.DataFrame:
    """Two planted cohorts in which most is found, or none where no effect is shown."""
    p = 0.01 if planted else 0.6
    real = {"ridge_r2": 0.3, "ridge_r2_lo": 0.1, "ridge_r2_hi": 0.5, "p": p}
    rows = [("real", "", name, None, None, None, value, None) for name, value in real.items()]
    for cohort in ("1", "2")[: 2 * planted]:
        rows += [(cohort, "", "strength", None, None, None, 0.6, None)]
        rows += [(cohort, "", "ridge_r2", None, None, None, 0.31, None)]
        for kind in ("columns", "groups"):
            rows += [(cohort, kind, "average_precision", None, 10, 2000, 0.7, 0.005)]
            rows += [(cohort, kind, "found", 10, 10, 2000, 5 + int(cohort), 0.05)]
            rows += [(cohort, kind, "found", 100, 10, 2000, 9, 0.5)]
    return pd.DataFrame(rows, columns=list(RECOVERY_COLUMNS))


def page(run, tmp_path, planted: bool) -> str:
    folder = tmp_path / "recovered"
    shutil.copytree(run, folder)
    table(planted).to_csv(folder / "rankings" / "recovery.csv", index=False)
    return write_report(folder).read_text(encoding="utf-8")


def test_what_is_found_stands_beside_chance(run, tmp_path):
    shown = page(run, tmp_path, True)
    assert "Would this list find what is there?" in shown
    assert "Recovery: in 2 cohorts like this one, with effects as large as found here" in shown
    assert "6.5 (6.0 to 7.0); chance 0.05" in shown and "0.70 (0.70 to 0.70)" in shown
    assert "10 groups of correlated columns" in shown


def test_where_no_effect_is_shown_the_report_says_so(run, tmp_path):
    shown = page(run, tmp_path, False)
    assert "nothing would be found: read the list as noise." in shown
    assert "average precision" not in shown.split("Would this list")[1].split("<h3>")[0]
