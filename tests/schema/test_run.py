"""Scores of a run directory that others wrote: only metrics of the run's kind of outcome stand in
them."""

import json

import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.score_lines import score_lines
from graphfuse.schema import Evaluation, Metrics
from graphfuse.schema.read_run_json import read_shape

SCORE = {"mean": 0.8, "sd": 0.1, "ci95": [0.7, 0.9]}
PAIR = {
    "a": "graphfuse", "b": "early", "difference": 0.1, "ci95": [0.0, 0.2], "p": 0.05,
    "verdict": "better",
}  # fmt: skip


def metrics(row=None, **other):
    row = {"accuracy": SCORE, "fit_seconds": 1.5} if row is None else row
    return {"schema": 1, "target": "t", "protocol": {}, "models": {"graphfuse": row}} | other


def written(folder, **files):
    for name, table in files.items():
        (folder / f"{name}.json").write_text(json.dumps(table))
    return folder


def test_what_a_run_wrote_is_read(tmp_path):
    table = metrics(comparisons=[PAIR | {"metric": "auroc"}])
    found = read_shape(written(tmp_path, metrics=table) / "metrics.json", Metrics)
    assert found.kind == "class" and found.models["graphfuse"]["fit_seconds"] == 1.5
    assert score_lines(found)[1].split() == ["graphfuse", "0.800", "(0.700-0.900)", "-", "-"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (metrics(kind="survival"), "no model is trained of outcomes of kind .survival."),
        (
            metrics(kind="clas"),
            "of outcomes of kind .clas. .did you mean .class.",
        ),
        (
            metrics({"acuracy": SCORE}),
            "'acuracy' is none of such outcomes .did you mean 'accuracy'",
        ),
        (metrics({"accuracy": 0.8}), "accuracy of model 'graphfuse' is no mean with its interval"),
        (metrics({"fit_seconds": SCORE}), "fit_seconds of model 'graphfuse' is no number"),
        (metrics(variants={"gene:empty": {"r2": SCORE}}), "metric 'r2' is none of such outcomes"),
        (metrics(comparisons=[PAIR | {"metric": "r2"}]), "metric 'r2' is none of such outcomes"),
    ],
)
def test_what_is_no_metric_of_the_kind_is_refused(tmp_path, table, said):
    with pytest.raises(InputError, match=said):
        read_shape(written(tmp_path, metrics=table) / "metrics.json", Metrics)


@pytest.mark.parametrize("part", ["contributions", "cross_modal", "subgroups"])
def test_so_it_is_in_the_evaluation(tmp_path, part):
    rows = {
        "contributions": {"modality": "rna", "value": 0.1, "ci95": [0.0, 0.2]},
        "cross_modal": PAIR,
        "subgroups": {
            "group": "site", "level": "a", "patients": 30, "score": 0.8, "ci95": [0.7, 0.9],
            "gap": 0.0, "gap_ci95": [-0.1, 0.1], "verdict": "no gap shown",
        },
    }  # fmt: skip
    for metric in ("auroc", "c_index"):
        evaluation = {"schema": 1, part: [rows[part] | {"metric": metric}]}
        path = written(tmp_path, evaluation=evaluation) / "evaluation.json"
        if metric == "auroc":
            assert len(getattr(read_shape(path, Evaluation), part)) == 1
        else:
            with pytest.raises(InputError, match="metric 'c_index' is none of such outcomes"):
                read_shape(path, Evaluation)
