"""Check says "No faults" where train would run, and else what train would refuse."""

import numpy as np
import pandas as pd
import pytest

import graphfuse
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError
from graphfuse.evaluate.readiness import check

MANIFEST = """name = "made"
[outcome.grade]
kind = "class"
file = "about.csv"
column = "grade"
[outcome.overall]
kind = "survival"
file = "about.csv"
time = ["days"]
event = { column = "dead", value = "1" }
[modality.rna]
file = "rna.csv"
kind = "omics"
"""
MORE = '[modality.cnv]\nfile = "cnv.csv"\nkind = "omics"\n'
N = 40


@pytest.fixture
def lab(tmp_path):
    rng = np.random.default_rng(2)
    ids = pd.Index([f"P{i:02d}" for i in range(N)], name="id")
    about = {"grade": np.resize(["high", "low"], N), "days": np.arange(N) + 9, "dead": 1}
    about["dead"] = np.resize([0, 1, 1], N)
    pd.DataFrame(about, ids).to_csv(tmp_path / "about.csv")
    pd.DataFrame(rng.normal(size=(N, 6)), ids).add_prefix("r").to_csv(tmp_path / "rna.csv")
    pd.DataFrame(2, ids, ["a", "b"]).to_csv(tmp_path / "cnv.csv")
    (tmp_path / "m.toml").write_text(MANIFEST)
    return tmp_path


def grades(lab, labels):
    about = pd.read_csv(lab / "about.csv", index_col=0)
    about.assign(grade=labels).to_csv(lab / "about.csv")


def test_what_trains_has_no_faults(lab):
    found = check(lab / "m.toml")
    assert found.refused == [] and str(found).endswith("\nNo faults.")
    assert graphfuse.check(lab / "m.toml").refused == []


def test_too_few_of_a_class_are_refused_with_the_folds_that_do(lab):
    grades(lab, ["high"] * 3 + ["low"] * (N - 3))
    found = check(lab / "m.toml")
    assert "high has <5" in found.refused[0] and "with --cv 3x1 it would run" in found.refused[0]
    assert "No faults" not in str(found) and not found.faults
    assert check(lab / "m.toml", cv=(3, 1)).refused == []
    assert check(lab / "m.toml", cv=3).refused == []
    grades(lab, ["high"] + ["low"] * (N - 1))
    assert "--cv: 5 folds" in check(lab / "m.toml").refused[0]
    assert "it would run" not in check(lab / "m.toml").refused[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text, ""),
        (lambda text: text[: text.index("[outcome")] + text[text.index("[modality") :], "no outco"),
        (lambda text: text.replace("[outcome.overall]", "[outcome.a]"), ""),
    ],
)
def test_what_it_says_is_what_train_says(lab, change, words):
    (lab / "m.toml").write_text(change(MANIFEST))
    assert all(words in reason for reason in check(lab / "m.toml").refused)
    assert bool(check(lab / "m.toml").refused) == bool(words)


def test_another_kind_of_outcome_names_the_one_that_trains(lab):
    (refused,) = check(lab / "m.toml", "overall").refused
    assert "kind 'survival'" in refused and "(--target grade)" in refused
    with pytest.raises(InputError) as caught:
        graphfuse.train(load(lab / "m.toml"), target="overall")
    assert str(caught.value) == refused
    assert "no outcome 'grads' (did you mean 'grade'?)" in check(lab / "m.toml", "grads").refused[0]


def test_one_class_only_is_refused(lab):
    grades(lab, "low")
    assert "one class" in check(lab / "m.toml").refused[0]


def test_a_constant_modality_is_told_and_nothing_else_is_refused(lab):
    (lab / "m.toml").write_text(MANIFEST + MORE)
    found = check(lab / "m.toml")
    said = [notice for notice in found.notices if "every column is constant" in notice]
    assert len(said) == 1 and said[0].startswith("[modality.cnv]") and found.refused == []
    (lab / "m.toml").write_text(MANIFEST.replace("rna.csv", "cnv.csv"))
    assert "nothing to learn from" in check(lab / "m.toml").refused[0]


def test_faults_of_the_tables_come_first(lab):
    (lab / "m.toml").write_text(MANIFEST.replace("rna.csv", "gone.csv"))
    found = check(lab / "m.toml")
    assert found.faults and found.refused is None and "train would" not in str(found)
