"""A ranking's faithfulness in a report: its figure, its table, and nothing where it was not
measured."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.explain.faithfulness.faithfulness import FAITHFULNESS_COLUMNS, sentence
from graphfuse.report.run_page import write_report

SHARES = {0: 0.0, 10: 0.1, 50: 0.5, 100: 1.0}


def rows():
    """Of 100 columns, of which the first ten decide all."""
    points = []
    for order, moved in {"ranked": 0.4, "random": 0.1}.items():
        for k, share in SHARES.items():
            out = 0.4 if k == 100 else moved * (k > 0)
            kept = 0.0 if k == 100 else 0.4 - moved * (k > 0)
            points += [
                ("deletion", order, "", k, share, out),
                ("insertion", order, "", k, share, kept),
            ]
            if k == 10:
                points.append(("fidelity+", order, "", k, share, out))
                points.append(("fidelity-", order, "", k, share, kept))
        points += [("deletion area", order, "", None, None, moved)]
        points += [("insertion area", order, "", None, None, 0.4 - moved)]
    points += [("deletion area", "ranked", "random", None, None, 0.3)]
    points += [("insertion area", "ranked", "random", None, None, -0.3)]
    made = []
    for measure, order, against, k, share, value in points:
        made.append((measure, order, against, k, share, "", value, value - 0.02, value + 0.02))
    made.append(("retrained", "all columns", "", 100, 1.0, "accuracy", 0.9, 0.85, 0.95))
    made.append(("retrained", "ranked", "", 10, 0.1, "accuracy", 0.88, 0.83, 0.93))
    made.append(("retrained", "random", "", 10, 0.1, "accuracy", 0.6, 0.5, 0.7))
    made.append(("retrained", "ranked", "random", 10, 0.1, "accuracy", 0.28, 0.2, 0.36))
    return pd.DataFrame(made, columns=list(FAITHFULNESS_COLUMNS))


@pytest.fixture
def measured_run(run, tmp_path):
    folder = tmp_path / "measured"
    shutil.copytree(run, folder)
    rows().to_csv(folder / "rankings" / "faithfulness.csv", index=False)
    return folder


def test_figure_and_table_are_shown(measured_run):
    page = write_report(measured_run).read_text(encoding="utf-8")
    assert "Do the models depend on what is ranked first?" in page
    assert "How far predictions move by the share" in page
    for words in ("ranked − random", "+0.280 (0.200 to 0.360)", "trained anew on 10 columns"):
        assert words in page
    assert "+0.300 (0.280 to 0.320)" in page and "0.900 (0.850 to 0.950)" in page
    assert "Degree: of the gene" not in page


@pytest.mark.usefixtures("words_alone")
def test_nothing_of_it_is_shown_where_it_was_not_measured(run):
    assert "Do the models depend" not in write_report(run).read_text(encoding="utf-8")


def test_a_damaged_table_is_refused(measured_run):
    path = measured_run / "rankings" / "faithfulness.csv"
    pd.read_csv(path).drop(columns="order").to_csv(path, index=False)
    with pytest.raises(InputError, match="faithfulness.csv"):
        write_report(measured_run)


def test_the_sentence():
    text = sentence(rows(), "predictions change by")
    assert text == (
        "faithfulness on held-out patients: predictions change by 0.400 without the first 10 "
        "columns (random ones: 0.100) and 0.000 with these alone (0.300); area of deletion +0.300 "
        "(+0.280 to +0.320) and of insertion -0.300 (-0.320 to -0.280) against random order; "
        "trained anew on the first 10: accuracy 0.880 (random ones: 0.600); on all: 0.900"
    )
