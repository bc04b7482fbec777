"""bench, nulls and the protocols of train: what they leave, and that a stopped bench goes on to the
same numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.bench import Contest
from graphfuse.schema import Bench
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class").names

FAST = ("--recipe", "quick.toml", "--cv", "2x2", "-q")
PLAN = """name = "two"
title = "Two tasks"
folds = 2
repeats = 2
modalities = true
recipes = ["quick.toml"]
[[cohort]]
cohort = "clinic.toml"
[[cohort]]
cohort = "clinic.toml"
without = ["rna"]
"""


PLAIN = """name = "plain"
[net]
propagate = "none"
width = 4
[train]
epochs = 1
seeds = 1
"""


@pytest.fixture
def plain(clinic):
    """A recipe without graphs, which trains fast."""
    (clinic / "plain.toml").write_text(PLAIN)
    return "plain.toml"


@pytest.fixture
def plan(clinic):
    (clinic / "plan").mkdir()
    for name in ("clinic.toml", "quick.toml", "edges.csv", "rna.csv", "meth.csv", "about.csv"):
        (clinic / name).rename(clinic / "plan" / name)
    (clinic / "plan" / "two.toml").write_text(PLAN)
    return clinic / "plan" / "two.toml"


def test_a_bench_leaves_tables_figures_and_hashes(plan, call, clinic):
    plan.write_text(PLAN.replace("repeats = 2", "repeats = 1"))
    done = call("bench", "--plan", plan, "-o", "out", "-q")
    assert done.exit_code == 0, done.output
    out = clinic / "out"
    made = {
        "bench.html",
        "bench.md",
        "bench.json",
        "results.csv",
        "timings.csv",
        "scores.csv",
        "comparisons.csv",
    }
    assert {p.name for p in out.iterdir()} == made | {"modalities.csv", "README.txt", "parts"}
    rows = pd.read_csv(out / "results.csv")
    key = ["cohort", "recipe", "model", "repeat", "fold"]
    assert not rows.duplicated(key).any() and list(rows.columns) == [
        "cohort",
        "target",
        "recipe",
        "model",
        "repeat",
        "fold",
        "tested",
        "trained",
        *METRICS,
    ]
    assert set(rows["cohort"]) == {"clinic", "clinic without rna"}
    first = rows[rows["cohort"] == "clinic"]
    assert {
        "majority",
        "single:rna",
        "early",
        "late",
        "forest",
        "boosting",
        "no-graph",
        "graphfuse",
    } <= set(first["model"])
    assert {"patient:rewired", "gene:identity", "only:rna", "additive"} <= set(first["model"])
    assert (first.groupby("model").size().drop("additive") == 2).all()
    means = pd.read_csv(out / "scores.csv").set_index(["cohort", "model", "metric"])["mean"]
    assert means["clinic", "graphfuse", "auroc"] == pytest.approx(
        first[first["model"] == "graphfuse"]["auroc"].mean()
    )
    said = json.loads((out / "bench.json").read_text())
    assert all(len(sha) == 64 for c in said["contests"] for name, sha in c["hashes"].items() if sha)
    assert said["contests"][0]["hashes"]["data"] != said["contests"][1]["hashes"]["data"]
    text = (out / "bench.md").read_text()
    assert (
        "Two tasks" in text
        and "the patient graph adds" in text
        and said["contests"][0]["hashes"]["data"][:12] in text
    )
    assert (
        f"{means['clinic', 'graphfuse', 'auroc']:.3f}" in text
        and text.splitlines()[0] in done.output
    )
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3 and all(
        len({line.count("|") for line in table}) == 1 for table in tables
    )  # no row short
    assert [line.split(" | ")[0] for line in tables[0][-2:]] == ["| no-graph", "| **graphfuse**"]
    page = (out / "bench.html").read_text()
    assert page.count("<svg") == 2 and not any(
        patient in page for patient in pd.read_csv(plan.parent / "rna.csv").iloc[:, 0]
    )


@pytest.mark.slow
def test_a_bench_that_was_stopped_goes_on_to_the_same_numbers(plan, call, clinic, monkeypatch):
    assert call("bench", "--plan", plan, "-o", "whole", "-q").exit_code == 0
    run, calls = Contest.run, []

    def stopped(self, folds, device):
        calls.append(self.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(self, folds, device)

    monkeypatch.setattr(Contest, "run", stopped)
    assert call("bench", "--plan", plan, "-o", "halved", "-q").exit_code != 0
    assert {p.name for p in (clinic / "halved").iterdir()} == {"parts"}
    assert len(list((clinic / "halved" / "parts").glob("*.csv"))) == 2
    calls[:] = [None] * 10
    assert call("bench", "--plan", plan, "-o", "halved", "-q").exit_code == 0
    assert len(calls) == 12  # the two that were missing
    for name in ("results.csv", "comparisons.csv", "modalities.csv"):
        assert (clinic / "halved" / name).read_bytes() == (clinic / "whole" / name).read_bytes()


def test_what_a_part_depends_on_is_in_its_name(plan):
    def names(text=PLAN, seed=0):
        plan.write_text(text)
        return {
            key
            for contest in Contest.all_of(Bench.read(plan), seed)
            for key, _ in contest.repeats("cpu")
        }

    before = names()
    assert len(before) == 4 and names() == before
    assert (
        len(names(PLAN.replace("repeats = 2", "repeats = 3")) & before) == 4
    )  # finished repeats count
    assert not names(PLAN.replace("folds = 2", "folds = 3")) & before and not names(seed=1) & before
    assert not names(PLAN.replace("repeats", "ledger = false\nrepeats")) & before
    recipe = plan.parent / "quick.toml"
    recipe.write_text(recipe.read_text().replace("width = 4", "width = 8"))
    assert not names() & before
    recipe.write_text(recipe.read_text().replace("width = 8", "width = 4"))
    table = pd.read_csv(plan.parent / "meth.csv", index_col=0)
    (table + np.eye(*table.shape)).to_csv(plan.parent / "meth.csv")
    assert not names() & before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-o", "out"], "give COHORTs, or a bench file"),
        (["clinic.toml", "--plan", "x.toml", "-o", "out"], "give COHORTs, or a bench file"),
        (["clinic.toml", "clinic.toml", *FAST, "-o", "out"], "clinic, recipe quick appears twice"),
        (["clinic.toml", *FAST, "-o", "."], "is no folder of a bench"),
        (["clinc.toml", *FAST, "-o", "out"], "clinc"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_before_anything_is(clinic, call, arguments, message):
    done = call("bench", *arguments)
    assert isinstance(done.exception, InputError) and message in str(done.exception)
    assert not (clinic / "out").exists()


@pytest.mark.parametrize(
    "options, named", [(["--cv", "5x5"], "cv"), (["-r", "snf", "--no-ledger"], "recipes, ledger")]
)
def test_options_that_stand_in_the_plan_are_refused_beside_it(plan, call, clinic, options, named):
    done = call("bench", "--plan", plan, "-o", "out", *options)
    assert isinstance(
        done.exception, InputError
    ) and f"bench --plan: {named} stand in the plan" in str(done.exception)


def test_a_cohort_without_any_modality_is_refused(plan, call, clinic):
    plan.write_text(PLAN.replace('["rna"]', '["rna", "meth"]'))
    done = call("bench", "--plan", plan, "-o", "out", "-q")
    assert isinstance(done.exception, InputError) and "nothing is left of 'clinic'" in str(
        done.exception
    )
    assert not (clinic / "out").exists()


def test_nulls_prints_and_writes_its_table(plain, call):
    done = call("nulls", "clinic.toml", "--recipe", plain, "--cv", "2x1", "-o", "nulls.csv", "-q")
    assert done.exit_code == 0, done.output
    assert "intervals leave out chance" in done.output and "from picking" in done.output
    assert set(pd.read_csv("nulls.csv")["null"]) == {"shuffled labels", "noise features"}


@pytest.mark.parametrize(
    "options, kind, folds",
    [
        (["--leave-out", "site"], "leave-out", None),
        (["--group-by", "site", "--cv", "2x1"], "cv", 2),
        (["--split", "site=d"], "split", 1),
        (["--holdout", "0.3x2"], "holdout", 1),
    ],
)
def test_protocols(clinic, plain, call, options, kind, folds):
    asked = ("--recipe", plain, "--no-ledger", "-o", "run", "-q")
    done = call("train", "clinic.toml", *asked, *options)
    if kind == "leave-out":  # sites of 15 are too small to be folds of their own
        assert isinstance(done.exception, InputError) and "--group-by site" in str(done.exception)
        return
    assert done.exit_code == 0, done.output
    metrics = json.loads((clinic / "run" / "metrics.json").read_text())
    assert metrics["protocol"]["kind"] == kind and metrics["protocol"]["folds"] == folds
    tested = pd.read_csv(clinic / "run" / "predictions.csv")
    site = pd.read_csv("about.csv", index_col=0)["site"]
    if kind == "split":
        assert set(site[tested["patient"]]) == {"d"}
        assert metrics["protocol"]["interval"] == "patients"
        assert None not in metrics["models"]["graphfuse"]["accuracy"]["ci95"]
    if "--group-by" in options:
        assert (site[tested["patient"]].groupby(tested["fold"].to_numpy()).nunique() == 2).all()
        assert metrics["protocol"]["inner_grouped_by"] == "site"
    if kind == "holdout":
        assert (tested.groupby("repeat").size() == 18).all() and tested["repeat"].nunique() == 2
    assert json.loads((clinic / "run" / "run.json").read_text())["fitted"]["checks"][0].startswith(
        "every read in"
    )


@pytest.mark.parametrize("other", [["--holdout", "0.3"], ["--folds", "f.csv"], ["--split", "a=b"]])
def test_a_cross_validation_beside_another_choice_of_tested_patients_is_refused(
    clinic, call, other
):
    for command in ("train", "run", "plan"):
        out = [] if command == "plan" else ["-o", "run"]
        done = call(command, "clinic.toml", "--cv", "3x1", *other, *out)
        assert isinstance(done.exception, InputError)
        assert f"--cv and {other[0]}: give one of them" in str(done.exception)


@pytest.mark.parametrize("share", ["1.5", "0", "x3", "0.3x0", "half"])
def test_a_share_that_is_none_is_refused(clinic, call, share):
    done = call("train", "clinic.toml", "--holdout", share, "-o", "run")
    assert isinstance(done.exception, InputError) and "such as 0.3 or 0.3x10" in str(done.exception)
