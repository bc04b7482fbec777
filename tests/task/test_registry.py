"""The folder of tasks is its own registry."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import graphfuse.task
from graphfuse.schema import Metrics, Score
from graphfuse.task import registry
from graphfuse.task.registry import kinds, metrics_of

HERE = Path(registry.__file__).parent
MADE = """
import numpy as np
from graphfuse.task.task import Task
from graphfuse.task.metric import Metric, MetricSet

def _error(y, output, weights):
    return weights @ np.abs(y - output) / weights.sum(1)

_MAE = Metric("mae", "MAE", "mean distance from the truth", _error, lambda y: 0.0,
              bounds=(0.0, np.inf), lower_is_better=True, percent=False, compared=True)

class Made(Task):
    kind = "made"
    metrics = MetricSet("made", (_MAE,), "mae", "mae", lambda width: "mae", "always MAE")
"""


@pytest.fixture
def with_a_kind(tmp_path, monkeypatch):
    """A copy of the folder with one file more stands for it."""
    folder = tmp_path / "task"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "made_up.py").write_text(MADE)
    monkeypatch.setattr(registry, "__file__", str(folder / "registry.py"))
    monkeypatch.setattr(graphfuse.task, "__path__", [str(folder)])
    kinds.cache_clear()
    yield
    kinds.cache_clear()


def test_one_file_adds_a_kind_of_outcome_with_metrics(with_a_kind):
    assert list(kinds()) == ["class", "made", "number", "survival"]
    metrics = metrics_of("made")
    assert metrics["mae"].in_points(0.5) == "+0.500" and not metrics["mae"].is_better(0.1)
    assert metrics.scores(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == {"mae": 1.0}


def test_a_run_holds_the_metrics_of_its_kind_and_says_which_unless_of_classes(with_a_kind):
    given = {"target": "age", "protocol": {}}
    error = Metrics(**given, kind="made", models={"graphfuse": {"mae": Score.none()}})
    accuracy = Metrics(**given, models={"graphfuse": {"accuracy": Score.none()}})
    assert "kind" not in accuracy.model_dump(by_alias=True)
    assert error.model_dump(by_alias=True)["kind"] == "made"
    for made in (error, accuracy):
        assert Metrics.model_validate(made.model_dump(mode="json", by_alias=True)) == made
    with pytest.raises(ValueError, match="metric 'mae' is none of such outcomes"):
        Metrics(**given, models=error.models)


def test_the_copy_is_gone_afterwards():
    assert "made" not in kinds()
