"""Words a user reads: README files, recipes' comments, --help, templates, the log and the report of
a training use the terms of machine learning and statistics, never the package's former ones."""

import ast
import logging
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import graphfuse as gf
from graphfuse.cli import app
from graphfuse.data.synth import planted
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import Recipe

ROOT = Path(__file__).parents[1]
FORMER = (
    r"ladders?",
    r"rungs?",
    r"twins?",
    r"ledgers?",
    r"hears?|heard|hearing",
    r"doors?",
    r"push|pushes",
    r"leans?",
    r"steadiness",
    r"lets? in",
    r"treated (rightly|in vain)",
    r"what graphfuse called them",
    r"whether its confidence holds",
    r"whether acting on it does good",
    r"speaks? (for|against)",
    r"no gap (is )?shown",
    r"no step was learned",
    r"epochs chosen on inner folds",
    r"meet the gene network",
    r"where there is nothing|where nothing is",
    r"every look|every such look|stays on record",
)
PATTERN = re.compile("|".join(rf"\b(?:{each})\b" for each in FORMER), re.IGNORECASE)
KEPT = (
    "title, ledger, modalities",  # the key of a bench's TOML file
    "layers[l].hears",  # keys of the data inside graph.html
    "layers[l].heard",
    ".push(",  # of an array in JavaScript
)
VALUES = {  # strings of the code that are keys, names of files or of options, kept by contract
    "hears", "heard",  # keys of the data inside graph.html
    "ledger",  # the key of a bench's file, and the argument of graphfuse.train
    "--ledger", "--no-ledger",  # the former flag
    "ladder ", "rungs.safetensors", "rungs.json",  # finished parts of a run that was stopped
    "rung",  # of the column kind in a bench's scores.csv
    "no gap shown",  # a verdict in evaluation.json
}  # fmt: skip
PAGES = ("README.md", "graphs/README.md", "data_manifests/README.md", "tests/benchmarks/README.md")
SHIPPED = [
    *(ROOT / page for page in PAGES),
    *sorted((ROOT / "graphs").rglob("*.toml")),
    *sorted((ROOT / "data_manifests").glob("*.toml")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "graphfuse").rglob("*.jinja")),
    *sorted((ROOT / "graphfuse").rglob("*.js")),
]
COMMANDS = sorted(get_command(app).commands)


def former(text: str) -> list[str]:
    """Former words in a text, each with what stands around it."""
    for kept in KEPT:
        text = text.replace(kept, "")
    return [text[max(0, m.start() - 40) : m.end() + 40] for m in PATTERN.finditer(text)]


def read_out(page: str) -> str:
    """The words of a page of HTML, those in titles and labels too."""
    page = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    labels = re.findall(r'(?:title|aria-label)="([^"]*)"', page)
    return " ".join([re.sub(r"<[^>]+>", " ", page), *labels])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_shipped_to_be_read(path):
    assert former(path.read_text(encoding="utf-8")) == []


def docstrings(tree: ast.AST) -> set[int]:
    """The identities of the nodes of a module's docstrings, and of strings that are statements."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return {id(node.value) for node in statements}


def test_messages_in_the_code():
    """Strings of the package that may be shown: all but docstrings and what is kept by contract."""
    found = []
    for path in sorted((ROOT / "graphfuse").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = docstrings(tree)
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in prose and node.value not in VALUES:
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                found += [f"{where}: {words}" for words in former(node.value)]
    assert found == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0 and former(shown.output) == []


def test_the_former_flag_of_the_ablation_still_works(tmp_path):
    """It is found by the parser and goes unsaid in --help; the cohort is what is missing."""
    for flag in ("--no-ledger", "--no-graph-ablation"):
        done = CliRunner().invoke(app, ["train", "no.toml", "-o", str(tmp_path / "run"), flag])
        assert "No such option" not in done.output and done.exit_code != 0
    assert "ledger" not in CliRunner().invoke(app, ["train", "--help"]).output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The log and the folder of a small training with everything that a run writes."""
    made = planted(80, {"rna": 30, "meth": 20}, batch_shift=0.5, missing={"meth": 0.2}, seed=1)
    network = GeneNetwork.from_frame(made.network)
    recipe = Recipe.named("multiplex")
    train = recipe.train.model_copy(update={"epochs": 2, "seeds": 1})
    recipe = recipe.model_copy(update={"train": train})
    folder = tmp_path_factory.mktemp("phrases") / "run"
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log = logging.getLogger("graphfuse")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        report, ranking = gf.run(
            made.cohort, folder, recipe, cv=(2, 1), network=network, device="cpu"
        )
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    return lines, f"{report}\n{ranking!r}", folder


@pytest.mark.slow
def test_the_log_of_a_training(trained):
    lines, printed, _ = trained
    assert former("\n".join(lines)) == [] and former(printed) == []
    assert sum(line.startswith("Baselines, fold ") for line in lines) == 2
    assert sum("Early stopping" in line for line in lines) == 1, "said once, not for each control"


@pytest.mark.slow
def test_the_report_and_the_texts_of_a_run(trained):
    folder = trained[2]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert former(read_out(page)) == []
    for heading in (
        "Baseline models",
        "Contribution of modalities and graphs (learned weights)",
        "Decision-curve analysis",
        "Calibration",
        "Confusion matrix (reference × prediction)",
        "Ablation: real, randomised and no graph",
        "Feature-to-network mapping",
    ):
        assert heading in page
    for text in folder.rglob("*.txt"):
        assert former(text.read_text(encoding="utf-8")) == [], text.name
