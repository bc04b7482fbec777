"""`graphfuse rank --method`: a method is one file, whoever adds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.data.synth import planted
from graphfuse.errors import InputError

ROOT = Path(__file__).parents[2]
OCCLUSION = ROOT / "tests" / "explain" / "occlusion.py"
PLANTED = set(planted(60, {"rna": 24, "meth": 16}, carriers=6, effect=2.0, seed=5).genes)


@pytest.fixture(scope="module")
def trained(train_clinic):
    """The clinic's folder with a run of two folds, and the report behind it; not to be changed."""
    return train_clinic(repeats=1)


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    """A run directory of the clinic in a working folder, and the report behind it."""
    folder, report = trained
    monkeypatch.chdir(shutil.copytree(folder, tmp_path, dirs_exist_ok=True))
    return report


@pytest.fixture(scope="module")
def ranked_with_all(trained, tmp_path_factory, call):
    """The clinic's folder, its run ranked with all that may stand beside a ranking, and what was
    printed; not to be changed."""
    folder = tmp_path_factory.mktemp("ranked") / "clinic"
    shutil.copytree(trained[0], folder)
    genes = sorted(PLANTED)
    planted_set = "planted\t\t" + "\t".join(genes)
    (folder / "sets.gmt").write_text(f"{planted_set}\nother\t\tG0001\tX\n")
    (folder / "known.txt").write_text("\n".join([*genes[:3], "unmeasured"]))
    asked = ["--gene-sets", "sets.gmt", "--markers", "known.txt", "--knockoffs", "2"]
    asked += ["--resamples", "4", "--nulls", "2"]
    asked += ["--faithfulness", "--recovery", "1", "--planted", "4"]
    with chdir(folder):
        done = call("rank", "run", "clinic.toml", *asked)
    assert done.exit_code == 0, done.output
    return folder, done.output


@pytest.fixture
def printed(ranked_with_all, monkeypatch):
    """What was printed, in that folder."""
    folder, output = ranked_with_all
    monkeypatch.chdir(folder)
    return output


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(f"run/rankings/{name}.csv")


@pytest.mark.slow
def test_a_method_added_as_one_file_is_listed_and_ranks(run, tmp_path):
    """In a copy of the package, in a process of its own."""
    copy = tmp_path / "copy" / "graphfuse"
    shutil.copytree(ROOT / "graphfuse", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("graphs", "data_manifests"):
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder)
    shutil.copy(OCCLUSION, copy / "explain" / "methods" / "one_by_one.py")

    def graphfuse(*arguments):
        shell = "from graphfuse.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", shell, *arguments],
            env=os.environ | {"PYTHONPATH": str(tmp_path / "copy"), "COLUMNS": "200"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert " one-by-one, permutation;" in graphfuse("rank", "--help")
    graphfuse("rank", "run", "clinic.toml", "--method", "one-by-one", "-q")
    assert set(table("nodes")["method"]) == {"one by one"}
    assert set(table("genes")["id"].head(4)) <= PLANTED
    assert "depend on, by one by one, on patients" in Path("run/report.html").read_text()


def test_a_method_of_ones_own_ranks_runs_and_reports(run, call):
    shutil.copy(OCCLUSION, "mine.py")
    done = call("rank", "run", "clinic.toml", "--method", "mine.py:Occlusion")
    assert done.exit_code == 0, done.output
    nodes, genes = table("nodes"), table("genes")
    assert set(nodes["method"]) == {"mine.py:Occlusion"} and len(nodes) == 40
    assert set(genes["id"].head(4)) <= PLANTED
    assert nodes["sign"].abs().eq(1).all() and nodes["network_share"].isna().all()
    assert nodes["rank_lo"].notna().all() and table("modalities")["score"].sum() > 0.999
    assert table("edges").empty and len(pd.read_parquet("run/rankings/patient_edges.parquet"))
    told = Path("run/rankings/README.txt").read_text()
    assert told.count("method: mine.py:Occlusion: The fall of what is predicted") == 1
    assert "edges.csv             empty: mine.py:Occlusion gives no attribution of edges\n" in told
    graph = gf.PatientGraph.read("run/graph")
    assert (graph.scores.method, graph.scores.target) == ("mine.py:Occlusion", "subtype")
    by_gene = genes.set_index("id")["score"].reindex(graph.network.genes)
    assert graph.scores.genes["score"].to_numpy() == pytest.approx(by_gene.to_numpy(), nan_ok=True)
    live = gf.rank(run, method="mine.py:Occlusion", device="cpu")
    assert live.genes["id"].tolist() == genes["id"].tolist()
    assert abs(live.genes["score"] - genes["score"]).max() < 1e-6
    assert live.error is None

    # what the folder says now is no program, and the default is what it was
    Path("mine.py").write_text("raise SystemExit(9)\n")
    Path("run/graph/hetero.json").write_text("{}")
    again = call("rank", "run", "clinic.toml")
    assert again.exit_code == 0 and set(table("nodes")["method"]) == {"integrated gradients"}
    assert len(table("edges")) and table("nodes")["sign"].notna().all()
    assert "run/graph: does not carry the scores of this ranking, since" in again.output


def test_a_method_that_is_not_there_is_named_before_anything_is_read(call):
    done = call("rank", "nowhere", "--method", "integrated-gradient")
    assert done.exit_code != 0 and "did you mean 'integrated-gradients'?" in str(done.exception)


def test_gene_sets_and_markers_stand_beside_a_ranking(printed):
    assert "gene sets: " in printed and "strongest: planted" in printed
    assert "markers known: 3 of 4 measured" in printed
    assert table("enrichment")["gene_set"].tolist() == ["planted"]
    assert table("markers")["measured"].tolist() == [True, True, True, False]
    readme = Path("run/rankings/README.txt").read_text()
    assert "enrichment.csv        over-representation of gene sets" in readme
    page = Path("run/report.html").read_text()
    assert "Known markers: known" in page and "Gene sets among the first genes" in page


def test_knockoffs_list_features_and_groups_or_say_that_none_can_be_named(printed):
    assert "knockoffs (2 draws), false-discovery rate 0.1: none of 40 features" in printed
    found = table("knockoffs")
    assert set(found.loc[found["kind"] == "feature", "id"]) == set(table("nodes")["id"])
    assert found["q"].between(0, 1).all()
    assert "With a bounded false-discovery rate" in Path("run/report.html").read_text()
    readme = Path("run/rankings/README.txt").read_text()
    assert "knockoffs.csv         features and groups of correlated ones" in readme


def test_resamples_give_ranges_and_a_verdict(printed):
    assert "rank in resamples" in printed and "verdict: models agree" in printed
    assert table("stability")["models"].tolist() == [4, 4]
    assert pd.read_parquet("run/rankings/stability.parquet")["models"].tolist() == [4, 4]
    assert table("genes")["null_quantile"].isin([0, 0.5, 1]).all()
    told = Path("run/rankings/README.txt").read_text()
    assert "verdict: models agree beyond chance" in told
    assert "rank by each single one of\n                      4 models of half the" in told
    page = Path("run/report.html").read_text()
    assert "Verdict on the list:" in page and "rank in resamples" in page


def test_what_is_measured_of_a_ranking_is_printed_written_and_reported(printed):
    assert "faithfulness on held-out patients: " in printed
    assert "recovery: in 1 cohort like this one" in printed
    assert {"deletion", "retrained"} <= set(table("faithfulness")["measure"])
    found = table("recovery")
    assert (found.loc[found["kind"] == "columns", "planted"] == 4).all()
    readme = Path("run/rankings/README.txt").read_text()
    assert "of 4 planted columns" in " ".join(readme.split())
    page = Path("run/report.html").read_text()
    assert "Would this list find" in page and "Do the models depend on what is ranked" in page


def test_ranked_again_nothing_of_the_former_request_is_left(
    ranked_with_all, tmp_path, monkeypatch, call
):
    monkeypatch.chdir(shutil.copytree(ranked_with_all[0], tmp_path, dirs_exist_ok=True))
    before = {path.stem for path in Path("run/rankings").iterdir()}
    again = call("rank", "run", "clinic.toml")
    assert again.exit_code == 0
    gone = before - {path.stem for path in Path("run/rankings").iterdir()}
    asked = {"enrichment", "markers", "knockoffs", "stability", "faithfulness", "recovery"}
    asked.add("positive_control")
    assert gone == asked and Path("run/rankings/modules.csv").exists()
    (line,) = [
        line for line in again.output.splitlines() if "replaced by a ranking without" in line
    ]
    assert all(f"{name}.csv" in line for name in asked) and "modules" not in line
    assert "not made: no gene sets were given" in Path("run/rankings/README.txt").read_text()
    assert "rank in the folds" in Path("run/report.html").read_text()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--planted", "4"], "--planted: says what --recovery plants; give --recovery COHORTS too"),
        (["--recovery", "1", "--planted", "500"], "recovery: 500 planted .*give --planted 10 or"),
        (["--recovery", "1", "--planted", "11"], "recovery: 11 planted columns are more than a qu"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_ranked(
    run, call, monkeypatch, asked, why
):
    monkeypatch.setattr("graphfuse.api.rank_runs.rank_replicas", None)
    done = call("rank", "run", "clinic.toml", *asked)
    assert isinstance(done.exception, InputError) and re.search(why, str(done.exception))


def test_an_odd_number_of_resamples_is_refused(run, call):
    odd = call("rank", "run", "clinic.toml", "--resamples", "3")
    assert odd.exit_code != 0 and "an even number from 2 (got 3)" in str(odd.exception)


def test_a_bad_file_is_refused_before_anything_is_trained(clinic, call):
    done = call("run", "clinic.toml", "-o", "other", "--markers", "no.txt")
    assert done.exit_code != 0 and "no.txt: no such file; give a text" in str(done.exception)
    assert not Path("other").exists()
