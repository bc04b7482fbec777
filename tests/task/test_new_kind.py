"""A new kind of outcome is one new file: a count, of which the package knows nothing, is trained,
predicted, ranked and reported."""

import re
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
import graphfuse.task
from graphfuse.task import registry
from graphfuse.task.registry import kind_of, kinds, trained_kinds
from graphfuse.task.task import Task

HERE = Path(registry.__file__).parent
SIGNS = {"rna:G0": 1, "rna:G1": -1, "protein:P0": 1}


pytestmark = pytest.mark.usefixtures("some_trees")


@pytest.fixture
def add_kind(tmp_path, monkeypatch):
    """A function that puts a file in a copy of the folder of tasks, which stands for it till the
    test is over."""
    folder = tmp_path / "task"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(registry, "__file__", str(folder / "registry.py"))
    monkeypatch.setattr(graphfuse.task, "__path__", [str(folder)])
    added = []

    def add(name: str, source: str) -> None:
        (folder / f"{name}.py").write_text(source)
        added.append(name)
        kinds.cache_clear()

    yield add
    kinds.cache_clear()
    for name in added:
        sys.modules.pop(f"graphfuse.task.{name}", None)
        vars(graphfuse.task).pop(name, None)


def counts(patients: int, seed: int):
    """Tables of two modalities, and counts that three of their columns tell."""
    rng = np.random.default_rng(seed)
    ids = [f"{seed}-{row:03d}" for row in range(patients)]
    tables = {
        "rna": pd.DataFrame(rng.normal(size=(patients, 8)), ids, [f"G{k}" for k in range(8)]),
        "protein": pd.DataFrame(rng.normal(size=(patients, 5)), ids, [f"P{k}" for k in range(5)]),
    }
    mean = np.exp(1.5 + 0.6 * (tables["rna"]["G0"] - tables["rna"]["G1"] + tables["protein"]["P0"]))
    return tables, pd.Series(rng.poisson(mean), ids, name="visits", dtype=float)


def test_one_file_is_trained_predicted_ranked_and_reported(add_kind, tmp_path):
    add_kind("count", Path(__file__).with_name("count.py").read_text())
    assert trained_kinds() == ["class", "count", "number"]
    tables, visits = counts(100, 0)
    cohort = gf.Cohort.from_frames(tables, visits, kind="count")
    recipe = gf.Recipe(name="quick", train={"epochs": 3, "seeds": 1})
    report, ranking = gf.run(cohort, tmp_path / "run", recipe, cv=(2, 1), ledger=False)

    models = report.metrics.models
    assert models["graphfuse"]["log_error"].mean < 0.8 * models["usual"]["log_error"].mean
    signs = dict(zip(ranking.nodes["id"], ranking.nodes["sign"], strict=True))
    assert set(ranking.nodes["id"].head(3)) == set(SIGNS)
    assert {name: signs[name] for name in SIGNS} == SIGNS
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    recipe_left_out = page[: page.index("[net]")]  # its head is called "class"
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", recipe_left_out, flags=re.DOTALL)
    assert "log error" in words and "a count ·" in words
    assert not re.search(r"\bclass|accuracy|probabilit", words)

    others, truth = counts(80, 1)
    model = gf.FusionModel.load(tmp_path / "run" / "model")
    table = model.table(gf.Cohort.from_frames(others))
    assert list(table) == ["patient", "count", "flag"] and (table["count"] >= 0).all()
    assert np.corrcoef(table["count"], truth)[0, 1] > 0.7


def example() -> str:
    """The module that the folder's page shows."""
    shown = graphfuse.task.__doc__.split("::\n")[1]
    return dedent(shown[: shown.index("\n`")])


def test_the_example_of_the_page_on_kinds_works(add_kind):
    add_kind("share", example())
    assert "share" in trained_kinds()
    tables, visits = counts(60, 2)
    share = visits.rank(pct=True)
    cohort = gf.Cohort.from_frames(tables, share, kind="share")
    model = gf.FusionModel(gf.Recipe(name="quick", train={"epochs": 1, "seeds": 1})).fit(cohort)
    table = model.table(cohort)
    assert table["lo"].min() == 0 and table["hi"].max() == 1 and model.score(cohort) > 0.5


def test_the_page_on_kinds_names_all_that_a_kind_must_say(add_kind):
    page = graphfuse.task.__doc__
    assert [name for name in Task.__abstractmethods__ if f"`{name}`" not in page] == []
    source = "from graphfuse.task.task import Task\n\nclass Bare(Task):\n    kind = 'bare'\n"
    add_kind("bare", source)
    with pytest.raises(TypeError, match="abstract.*calibrated_loss.*width"):
        kind_of("bare")()
