"""Progress of long work: every part is counted, who looks sees it once, and nobody else a thing."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from graphfuse import api
from graphfuse.data.synth import planted
from graphfuse.learn.progress import duration, progress
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees")
QUICK = Recipe.model_validate(
    {"name": "quick", "net": {"width": 4}, "train": {"epochs": 1, "seeds": 1}}
)
COHORT = planted(40, {"rna": 8, "meth": 6}, seed=1).cohort
MESSAGE = r"training: (\d+) of (\d+) parts, about .* left"


@pytest.fixture
def plain_log():
    """The package's log as it stands in a script that has not touched it."""
    log = logging.getLogger("graphfuse")
    level = log.level
    log.setLevel(logging.NOTSET)
    yield log
    log.setLevel(level)


def look_at(monkeypatch) -> None:
    """From here on, the standard error is a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


@pytest.mark.slow
@pytest.mark.parametrize("beside", [{}, {"ledger": False}, {"modalities": True}])
def test_every_part_of_a_training_is_counted(small, caplog, beside):
    caplog.set_level(logging.INFO, "graphfuse")
    api.train(small.cohort, QUICK, cv=(2, 2), device="cpu", **beside)
    found = [tuple(map(int, pair)) for pair in re.findall(MESSAGE, caplog.text)]
    total = found[0][1]
    assert found == [(number, total) for number in range(1, total)]  # the last has nothing left


def test_a_terminal_shows_a_bar_and_no_lines(plain_log, monkeypatch, capsys):
    look_at(monkeypatch)
    report = api.train(COHORT, QUICK, cv=(2, 1), ledger=False, device="cpu")
    api.rank(report)
    shown = capsys.readouterr()
    assert "training: 100%" in shown.err and "ranking: 100%" in shown.err and shown.out == ""
    assert re.search(r"[1-9]\d*/(\d+) .*part", shown.err) and "left" not in shown.err


def test_nothing_is_shown_where_nobody_looks(plain_log, capsys):
    api.rank(api.train(COHORT, QUICK, cv=(2, 1), ledger=False, device="cpu"))
    assert capsys.readouterr() == ("", "")


def test_who_asks_for_quiet_has_it(plain_log, monkeypatch, capsys):
    look_at(monkeypatch)
    plain_log.setLevel(logging.ERROR)
    with progress("work", 2) as step:
        step()
    assert capsys.readouterr() == ("", "")


def test_work_within_work_is_silent_and_what_was_there_is_not_counted(caplog):
    caplog.set_level(logging.INFO, "graphfuse")
    with progress("outer", 4) as step, progress("inner", 9) as other:
        other()
        step(False)
        step()
    assert re.findall(r"\w+: \d of \d", caplog.text) == ["outer: 1 of 3"]
    with progress("next", 2) as step:
        step()
    assert "next: 1 of 2 parts" in caplog.text


@pytest.mark.parametrize(
    "seconds, said", [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (7500, "2 h 5 min")]
)
def test_time_left_in_words(seconds, said):
    assert duration(seconds) == said
