"""The report of a number outcome: what it says, in the outcome's units, and what it hides."""

import re
from html import unescape
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.bench import Result
from graphfuse.evaluate.score_lines import score_lines
from graphfuse.report import section
from graphfuse.report.bench_page import summary
from graphfuse.report.run_files import read_run
from graphfuse.report.run_page import write_report
from graphfuse.schema import Metrics
from graphfuse.task.outcome import Outcome
from tests.report import number_runs

pytestmark = pytest.mark.usefixtures("few_trees")
CLASS_WORDS = (
    "accuracy",
    "class",
    "predicted correctly",
    "probabilit",
    "commonest",
    "AUROC",
    " nan",
)


def text_of(source):
    """The words of a page, without its style and its tags."""
    body = re.sub(r"<style>.*?</style>", "", source, flags=re.DOTALL)
    words = unescape(re.sub(r"<[^>]*>", " ", body))
    return " ".join(words.split())


def report(folder, **options):
    return write_report(number_runs.make(folder, **options)).read_text(encoding="utf-8")


def test_it_speaks_of_numbers_and_of_no_classes(tmp_path):
    source = report(tmp_path / "run")
    text = text_of(source)
    assert not [word for word in CLASS_WORDS if word in text]
    assert "· a number · 150 patients ·" in text
    assert "Always predicting the training patients' mean scores −0.0" in text
    assert "always the training patients' mean" in text
    assert "mean of the single modalities' predictions" in text
    assert "what the net has over the training patients' mean" in text
    assert "in points" not in text and " points " not in text
    assert not [name for name in pd.read_csv(tmp_path / "run/predictions.csv")["patient"]
                if name in source]  # fmt: skip


def test_no_single_patients_value_is_in_it(tmp_path):
    source = report(tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    for column in ("truth", "value", "lo", "hi"):
        assert not [each for each in table[column] if f"{each:.4f}" in source]
    (row,) = section.made(read_run(tmp_path / "run"))[0]
    assert [each["patients"] for each in row.content["rows"]] == ["30"] * 5


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize(
    "bounds, said",
    [(1.0, "a difference from that is not shown"), (0.4, "too narrow"), (2.5, "wider than")],
)
def test_how_many_bounds_held_the_truth(tmp_path, bounds, said):
    text = text_of(report(tmp_path / "run", bounds=bounds))
    assert said in text and "of 150 (95 % interval" in text
    assert re.search(r"Calibration slope (0\.9|1\.0)\d \(0\.\d\d to 1\.\d\d\)", text)


@pytest.mark.usefixtures("words_alone")
def test_errors_are_told_in_the_units_however_small(tmp_path):
    source = report(tmp_path / "run", level=0.002, scale=0.0004)
    assert ">0.000" not in re.sub(r">0\.000\d*[1-9]", ">", source.split("</table>")[0])
    metrics = Metrics.model_validate_json((tmp_path / "run/metrics.json").read_text())
    ours = metrics.models["graphfuse"]["rmse"].mean
    assert 0.0001 < ours < 0.0004 and f"{ours:.6f}" in source
    (line,) = [line for line in score_lines(metrics) if line.startswith("graphfuse ")]
    assert f"{ours:.6f} (" in line


def test_a_range_with_an_end_below_0_has_a_word(tmp_path):
    number_runs.make(tmp_path / "run")
    metrics = Metrics.model_validate_json((tmp_path / "run/metrics.json").read_text())
    (line,) = [line for line in score_lines(metrics) if line.startswith("mean ")]
    assert re.search(r"-0\.\d{3} \(-0\.\d{3} to 0\.\d{3}\)", line)


def test_a_score_far_below_0_is_named_and_the_others_keep_their_room(tmp_path):
    source = report(tmp_path / "run", models=number_runs.MODELS | {"late": 7.0})
    (label,) = set(re.findall(r">(−\d\d\.\d{3})</text>", source))
    assert f">{label}<small>" in source


@pytest.mark.usefixtures("words_alone")
def test_too_few_patients_are_told_so(tmp_path):
    number_runs.make(tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    table[table["patient"] < "PAT-0004"].to_csv(tmp_path / "run/predictions.csv", index=False)
    text = text_of(write_report(tmp_path / "run").read_text())
    assert "Fewer than 5 patients were tested" in text


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize("column, said", [("lo", "no column lo"), ("value", "predictions.csv")])
def test_predictions_that_are_none_are_refused(tmp_path, column, said):
    number_runs.make(tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "predictions.csv", dtype=str)
    if column == "lo":
        table = table.drop(columns=column)
    else:
        table.loc[0, column] = "high"
    table.to_csv(tmp_path / "run" / "predictions.csv", index=False)
    with pytest.raises(InputError, match=said):
        write_report(tmp_path / "run")


def test_a_bench_of_several_kinds_has_a_metric_a_contest(tmp_path, evaluated):
    number_runs.make(tmp_path / "run")

    def result(name, folder, kind, classes):
        outcome = Outcome(name, kind, np.arange(3.0), tuple(classes))
        contest = SimpleNamespace(
            name=name, outcome=outcome, recipe=SimpleNamespace(name="multiplex")
        )
        return Result(
            contest, Metrics.model_validate_json((folder / "metrics.json").read_text()), []
        )

    found = summary(
        [result("a", evaluated, "class", "abc"), result("b", tmp_path / "run", "number", "")]
    )
    assert found["metrics"] == ["macro-F1", "R²"]
    rows = {row["name"]: [cell["mean"] for cell in row["cells"]] for row in found["rows"]}
    assert sorted(list(rows)[:2]) == ["majority", "mean"] and list(rows)[-1] == "graphfuse"
    assert rows["majority"][1] == rows["mean"][0] == "–"


@pytest.mark.usefixtures("words_alone")
def test_signs_of_interactions_are_not_those_of_columns(tmp_path):
    folder = number_runs.make(tmp_path / "run")
    nodes = pd.read_csv(folder / "rankings" / "nodes.csv")
    assert not (folder / "rankings" / "edges.csv").exists()
    nodes.assign(kind="edge", source="G1", target="G2").to_csv(
        folder / "rankings" / "edges.csv", index=False
    )
    text = text_of(write_report(folder).read_text(encoding="utf-8"))
    tables = text.split("Table: the first ")[1:]
    said = [table.split("Sign: ")[1].split(". Selected")[0] for table in tables]
    assert said == [
        "+ a higher value raises the predicted value, − lowers it",
        "+ the interaction moves predictions away from their mean, − towards it",
    ]
