"""Wrong arguments from Python: one error that names the argument, whatever is called with what."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import graphfuse as gf
from graphfuse import api
from graphfuse.data.synth import planted
from graphfuse.errors import GraphfuseError, InputError
from graphfuse.schema import Recipe
from graphfuse.schema.check_arguments import Count, Seed, check_arguments, checked

QUICK = Recipe.model_validate({"name": "quick", "train": {"epochs": 2, "seeds": 1}})
WRONG = {
    "None": None, "a number": 7, "a fraction": 2.5, "nan": float("nan"), "infinity": float("inf"),
    "a negative number": -3, "bytes": b"rna.csv", "truth": True, "no list": [], "a list": [1, "a"],
    "a dict": {"a": 1}, "a set": {1}, "an object": object(), "a type": dict, "an array": np.eye(2),
    "a frame": pd.DataFrame({"a": [1.0]}), "a path": Path("no/where.toml"), "no text": "",
    "a word": "no-where", "a null": "a\0b", "half a letter": "\ud800", "a function": len,
    "a long text": "x" * 5000, "a pair": (2.5, "b"), "a large number": 10**30,
}  # fmt: skip
ALLOWED = (GraphfuseError, NotFittedError, TypeError)


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict:
    """What the public names are called with: a value for each argument, by its name."""
    truth = planted(40, {"rna": 9, "meth": 6}, effect=2.0, seed=1)
    cohort, network = truth.cohort, gf.GeneNetwork.from_frame(truth.network)
    report = gf.train(cohort, QUICK, cv=(2, 1), ledger=False, network=network)
    found = {
        "cohort": cohort, "modality": cohort.modalities["rna"], "model": report.model,
        "report": report, "network": network, "recipe": QUICK,
        "graph": gf.build(cohort, QUICK), "ranking": gf.rank(report),
    }  # fmt: skip
    return found


def calls(given: dict):
    """(what, callable, good arguments) of everything that the package offers."""
    cohort, model, out = given["cohort"], given["model"], "never-written"
    new = gf.Cohort.from_frames
    frame = pd.DataFrame({"a": [1.0, 2.0]}, ["P1", "P2"])
    named = {
        "load": (gf.load, {"name_or_path": "tcga-brca"}),
        "check": (gf.check, {"name_or_path": "tcga-brca", "target": None, "cv": 5, "seed": 0}),
        "audit": (gf.audit, {"cohort": cohort, "target": None, "folds": None}),
        "build": (gf.build, {"cohort": cohort, "recipe": QUICK, "network": None, "seed": 0}),
        "coverage": (api.coverage, {"cohort": cohort, "recipe": QUICK, "network": None}),
        "train": (gf.train, {"cohort": cohort, "recipe": QUICK} | defaults(gf.train)),
        "nulls": (api.nulls, {"cohort": cohort, "recipe": QUICK} | defaults(api.nulls)),
        "subtype": (gf.subtype, {"cohort": cohort, "recipe": QUICK, "layer": "snf", "seed": 0}),
        "run": (gf.run, {"cohort": cohort, "out": out, "recipe": QUICK, "top": 5, "seed": 1}),
        "bench": (api.bench, {"plan": "plan.toml", "out": out} | defaults(api.bench)),
        "rank": (gf.rank, {"report": given["report"]} | defaults(gf.rank)),
        "predict": (gf.predict, {"model": model, "cohort": cohort} | defaults(gf.predict)),
        "score": (gf.score, {"run": model, "cohort": cohort} | defaults(gf.score)),
        "leak_check": (gf.leak_check, {"fit": len, "cohort": cohort, "train_rows": [1, 2]}),
        "Cohort.from_frames": (new, {"tables": {"rna": frame}} | defaults(new)),
        "Cohort.from_anndata": (gf.Cohort.from_anndata, {"adata": given["graph"].to_anndata()}
                                | defaults(gf.Cohort.from_anndata)),
        "Cohort.from_mudata": (gf.Cohort.from_mudata, {"mdata": given["graph"].to_mudata()}
                               | defaults(gf.Cohort.from_mudata)),
        "Cohort": (gf.Cohort, {"name": "c", "patients": cohort.patients,
                               "modalities": cohort.modalities, "outcomes": cohort.outcomes}),
        "Modality": (gf.Modality, {"name": "rna", "table": frame, "kind": "omics", "types": {}}),
        "Cohort.outcome": (cohort.outcome, {"name": "subtype"}),
        "Cohort.take": (cohort.take, {"rows": [1, 2]}),
        "Cohort.with_outcome": (cohort.with_outcome, {"outcome": cohort.outcome()}),
        "Modality.take": (given["modality"].take, {"rows": [1]}),
        "Modality.over": (given["modality"].over, {"patients": cohort.patients}),
        "FusionModel.save": (model.save, {"folder": out}),
        "FusionModel.load": (gf.FusionModel.load, {"folder": out}),
        "FusionModel.on": (model.on, {"device": "cpu"}),
        "FusionModel.shifts": (model.shifts, {"cohort": cohort, "allow_shift": True}),
        "FusionModel.predict": (model.predict, {"X": cohort, "allow_shift": False}),
        "FusionModel.predict_proba": (model.predict_proba, {"X": cohort, "allow_shift": False}),
        "FusionModel.table": (model.table, {"X": cohort, "allow_shift": False}),
        "FusionModel.score": (model.score, {"X": cohort, "y": "subtype"}),
        "FusionModel.flags": (model.flags, {"cohort": cohort}),
        "GeneNetwork.from_frame": (gf.GeneNetwork.from_frame, {"edges": given["network"].to_frame(),
                                   "name": "n", "directed": False, "min_score": None}),
        "GeneNetwork.on": (given["network"].on, {"symbols": ["TP53"]}),
        "PatientGraph.read": (gf.PatientGraph.read, {"folder": out}),
        "PatientGraph.with_ranking": (given["graph"].with_ranking, {"ranking": given["ranking"]}),
        "PatientGraph.to_networkx": (given["graph"].to_networkx, {"layer": None}),
        "PatientGraph.to_anndata": (given["graph"].to_anndata, {"modality": None}),
        "PatientGraph.to_hetero": (given["graph"].to_hetero, {"dtype": "float32"}),
        "PatientGraph.to_html": (given["graph"].to_html, {"path": "x.html", "seed": 0}),
        "PatientGraph.write": (given["graph"].write, {"folder": out}),
        "Ranking.top": (given["ranking"].top, {"count": 3}),
        "Ranking.with_nulls": (given["ranking"].with_nulls, {"nulls": [given["ranking"]]}),
        "Ranking.to_csv": (given["ranking"].to_csv, {"path": "x.csv"}),
        "Ranking.to_parquet": (given["ranking"].to_parquet, {"path": "x.parquet"}),
        "Ranking.write": (given["ranking"].write, {"folder": out}),
        "Recipe": (Recipe, {"name": "mine", "title": "", "net": {}, "train": {}, "select": {}}),
        "Recipe.named": (Recipe.named, {"name": "multiplex"}),
        "Recipe.of": (Recipe.of, {"given": "multiplex"}),
        "Recipe.controlled": (QUICK.controlled, {"patient": "random", "gene": None}),
        "Report.save": (given["report"].save, {"folder": out}),
    }  # fmt: skip
    return [(what, *call) for what, call in named.items()]


def defaults(function) -> dict:
    """Its optional arguments as they stand."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


SLOW = {"train", "run", "nulls", "bench", "subtype", "load", "check", "leak_check", "build", "rank"}
"""Called only with what is refused before anything is done."""


def refusals(given: dict) -> list[tuple[str, str, str, Exception | None]]:
    """(what, argument, kind of wrong value, what was raised) of every call with one wrong value."""
    found = []
    for what, function, good in calls(given):
        for name in good:
            for kind, wrong in WRONG.items():
                arguments = good | {name: wrong}
                if what.split(".")[0] in SLOW and not refused_at_once(function, arguments):
                    continue
                found.append((what, name, kind, raised(function, arguments)))
    return found


def refused_at_once(function, arguments: dict) -> bool:
    plain = inspect.unwrap(function)
    return raised(lambda: check_arguments(plain, arguments), {}) is not None


def raised(function, arguments: dict) -> Exception | None:
    try:
        function(**arguments)
    except Exception as error:
        return error
    return None


@pytest.mark.slow
def test_every_wrong_argument_is_named(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = refusals(given)
    refused = [each for each in found if each[3] is not None]
    assert len(refused) >= 500
    strange = {
        (what, name, kind): f"{type(error).__name__}: {error}"[:200]
        for what, name, kind, error in refused
        if not isinstance(error, ALLOWED) or not is_named(name, WRONG[kind], str(error))
    }
    assert not strange


def is_named(argument: str, value, message: str) -> bool:
    """Whether a message names the argument (or one of its things: a table of `tables`), or shows
    the word that it was given."""
    if not isinstance(value, str | Path):
        return argument.removesuffix("s") in message
    shown = repr(str(value))[1:40].rstrip("'")
    ways = {shown, str(value)[:40]} if shown else {"''", "'.'", ".:"}
    return argument.removesuffix("s") in message or any(way in message for way in ways)


def test_a_model_before_its_fit_says_so(given):
    bare = gf.FusionModel()
    for call in (bare.save, bare.table, bare.flags, lambda what: gf.predict(bare, what)):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            call(given["cohort"] if call != bare.save else "folder")


def test_arguments_that_changed_places_are_named(given):
    cohort, model, report = given["cohort"], given["model"], given["report"]
    for call, name in [
        (lambda: gf.predict(cohort, model), "model"),
        (lambda: gf.score(cohort, report), "run"),
        (lambda: gf.train(QUICK, cohort), "cohort"),
        (lambda: gf.run("out", cohort, QUICK), "out"),
        (lambda: gf.train(cohort, "subtype", QUICK), "target"),
        (lambda: gf.rank(5, report), "report"),
        (lambda: gf.FusionModel(cohort).fit(cohort), "recipe"),
        (lambda: gf.FusionModel(seed="a").fit(cohort), "seed"),
    ]:
        with pytest.raises(InputError, match=f"argument '{name}': expected"):
            call()


def test_arguments_that_are_missing_or_too_many_are_named(given):
    with pytest.raises(TypeError, match="'cohort'"):
        gf.train()
    with pytest.raises(TypeError, match="'cohrt'"):
        gf.predict(given["model"], given["cohort"], cohrt=given["cohort"])


def test_what_an_annotation_allows_passes():
    @checked
    def taken(
        a: int | None = None,
        b: float = 0.0,
        c: tuple[int, int] | int = 1,
        d: dict[str, int] | list[str] = [],  # noqa: B006
        seed: Seed = 0,
        top: Count = 1,
        **more,
    ):
        return a, b, c, d, seed, top, more

    assert taken(np.int64(3), np.float32(2), (1, np.int8(2)), {"a": 1}, x=5)[-1] == {"x": 5}
    assert taken(b=7, d=["a"], seed=2**32 - 1, top=np.uint8(1))[1] == 7
    wrong = [{"a": 1.0}, {"a": True}, {"b": True}, {"b": float("nan")}, {"c": (1,)}]
    wrong += [{"c": (1, "a")}, {"d": {1: 1}}, {"d": [1]}, {"d": ("a",)}, {"d": "a"}]
    wrong += [{"seed": -1}, {"seed": 2**32}, {"seed": 0.0}, {"top": 0}]
    for arguments in wrong:
        with pytest.raises(
            InputError, match=f"taken: argument '{next(iter(arguments))}': expected"
        ):
            taken(**arguments)
    said = r"argument 'c': expected \(int, int\) or int \(got tuple\)"
    with pytest.raises(InputError, match=said):
        taken(c=(1, 2, 3))
