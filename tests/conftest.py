"""Planted cohorts and quick recipes that many tests share."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests themselves run side by side

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import Planted, planted
from graphfuse.evaluate import tree_baselines
from graphfuse.evaluate.folds import repeated
from graphfuse.graph.gene.network import GeneNetwork
from tests.commands import call, logging_kept


class ProgressLines:
    """Prints a line a minute while tests run: how many are done, of how many, and what failed."""

    EVERY = 60  # seconds

    def __init__(self, config: pytest.Config):
        self.config = config
        self.began = self.printed = time.monotonic()
        self.total = self.done = self.failed = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = max(self.total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids: list[str]) -> None:
        self.total = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += report.failed
        self.done += report.when == "teardown"
        now = time.monotonic()
        if now - self.printed < self.EVERY:
            return
        self.printed = now
        minutes = (now - self.began) / 60
        line = f"{minutes:.0f} min: {self.done:,} of {self.total:,} tests, {self.failed} failed"
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write(f"\n{line}\n", flush=True)


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of collected tests need not be looked through again and again


@pytest.hookimpl(trylast=True)  # after the terminal's reporter is there
def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if not is_worker and config.pluginmanager.has_plugin("terminalreporter"):
        config.pluginmanager.register(ProgressLines(config), "progress-lines")


@pytest.fixture(autouse=True)
def logs():
    """A test leaves logging as it was."""
    with logging_kept():
        yield


@pytest.fixture(scope="session")
def shell():
    """`shell(folder, *arguments)`: what graphfuse's command does in a folder, in this process."""
    return call


@contextmanager
def trees_cut(forest: int, tried: int, stages: int) -> Iterator[None]:
    """Forests and boosting of so many trees: what many find is tested in
    `evaluate/test_tree_baselines.py`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"TREES": forest, "TRIED": tried, "STAGES": stages}.items():
            patch.setattr(tree_baselines, name, count)
        yield


@pytest.fixture(scope="module")
def few_trees():
    """Trees for a module in which no number hangs on them."""
    with trees_cut(forest=6, tried=5, stages=2):
        yield


@pytest.fixture(scope="module")
def some_trees():
    """As many trees as find what is strong."""
    with trees_cut(forest=30, tried=25, stages=10):
        yield


@pytest.fixture(scope="session")
def small() -> Planted:
    """80 patients, two gene tables, a third of the patients without the second."""
    return planted(
        80, {"rna": 40, "meth": 24}, carriers=5, effect=2.0, missing={"meth": 0.3}, seed=3
    )


@pytest.fixture(scope="session")
def network(small: Planted) -> GeneNetwork:
    return GeneNetwork.from_frame(small.network, "planted")


@pytest.fixture(scope="session")
def spoiled(small: Planted) -> tuple[pd.DataFrame, Cohort]:
    """One fold of four, and `small` with the values and labels of those whom it holds out set to
    something else."""
    cohort, outcome = small.cohort, small.cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 4, 1, 0)
    folds["fold"] = folds["fold"].where(folds["fold"] == 0)
    held = folds["fold"].notna().to_numpy()
    tables = {m.name: m.table.copy() for m in cohort.modalities.values()}
    for table in tables.values():
        table.loc[held] = np.random.default_rng(0).normal(50, 9, (held.sum(), table.shape[1]))
    labels = pd.Series(np.asarray(outcome.classes)[outcome.values], cohort.patients, name="subtype")
    labels[held] = labels[held].to_numpy()[::-1]
    return folds, Cohort.from_frames(
        tables, labels, symbols={name: {g: g for g in table} for name, table in tables.items()}
    )
