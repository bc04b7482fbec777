"""The command line's app, and the options that its commands share."""

from __future__ import annotations

import inspect
import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
import typer.core

import graphfuse
from graphfuse.errors import InputError
from graphfuse.explain.methods import available


class _Commands(typer.core.TyperGroup):
    """The group of all commands."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple:
        """The command and its arguments; former names of options still work."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, [_FORMER.get(word, word) for word in rest]

    def invoke(self, ctx: typer.Context) -> object:
        """Runs a command. typer would turn Ctrl-C into a bare exit code and lose its notes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Begin with: graphfuse run tcga-brca -o runs/tcga-brca",
)

MOST_SEED = 2**32 - 1  # the largest that every generator of numpy takes
MOST_REPEATS = 1_000  # of a cross-validation or a hold-out
_FORMER = {"--ledger": "--graph-ablation", "--no-ledger": "--no-graph-ablation"}  # former → name

CohortName = Annotated[
    str, typer.Argument(metavar="COHORT", help="A manifest's path, or a name in data_manifests/.")
]
RecipeName = Annotated[
    str, typer.Option("--recipe", "-r", help="A recipe's path, or a name in graphs/.")
]
Target = Annotated[
    str | None, typer.Option("--target", "-t", help="The outcome; default: the manifest's first.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The output folder.")]
OutFile = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Network = Annotated[
    Path | None,
    typer.Option(
        "--network",
        help=(
            "Your own gene network: a card, or an edge list (source, target[, score]; no cut is "
            "applied)."
        ),
    ),
]
Folds = Annotated[
    Path | None,
    typer.Option(
        "--folds",
        help="Your own folds: a csv with patient, fold[, repeat]; a blank fold always trains.",
    ),
]
Cv = Annotated[str, typer.Option("--cv", help="FOLDSxREPEATS.")]
GroupBy = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        help="A declared group (site, family) that is never split between training and test.",
    ),
]
LeaveOut = Annotated[
    str | None, typer.Option("--leave-out", help="Test each value of a declared group by itself.")
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="GROUP=VALUE: hold those patients out, once, such as split=test."),
]
Holdout = Annotated[
    str | None,
    typer.Option(
        "--holdout", help="SHARE or SHARExREPEATS: hold that share out, such as 0.3 or 0.3x10."
    ),
]
GraphAblation = Annotated[
    bool,
    typer.Option(
        "--graph-ablation/--no-graph-ablation",
        help="Also train the net with rewired, random, identity and no graphs.",
    ),
]
Modalities = Annotated[
    bool,
    typer.Option(
        "--modalities",
        help="Also train on every subset of modalities: Shapley values, interactions (slow).",
    ),
]
AllowShift = Annotated[
    bool,
    typer.Option(
        "--allow-shift", help="Accept tables that are not on the scale of the training tables."
    ),
]
AllowPart = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow-part",
        help="A Python file whose parts the run was trained with and may use; repeatable.",
    ),
]
RankingMethod = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help=f"How columns and edges are scored: {', '.join(available())}; or your own, as "
        "FILE.PY:CLASS. On a linear model (0 epochs) integrated-gradients, gradient-x-input and "
        "occlusion agree.",
    ),
]
GeneSets = Annotated[
    str | None,
    typer.Option(
        "--gene-sets",
        metavar="FILE",
        help="Gene sets to test among the first genes: a .gmt file, or reactome (fetched once).",
    ),
]
Markers = Annotated[
    Path | None,
    typer.Option(
        "--markers",
        metavar="FILE",
        help="Known markers, a gene a line: a positive control of the ranking.",
    ),
]
Knockoffs = Annotated[
    int,
    typer.Option(
        "--knockoffs",
        min=0,
        max=1000,
        metavar="DRAWS",
        help="Draws of knockoffs, such as 10: a list of features and groups with a bounded "
        "false-discovery rate. At a rate of 0.1 no list has fewer than 10 items: fewer effects are "
        "not named, however strong.",
    ),
]
Resamples = Annotated[
    int,
    typer.Option(
        "--resamples",
        min=0,
        max=10_000,
        metavar="MODELS",
        help="Models of halves of the training patients, such as 50, an even number: ranges of "
        "ranks and the stability of the list are over them.",
    ),
]
Permutations = Annotated[
    int,
    typer.Option(
        "--nulls",
        min=0,
        max=100_000,
        metavar="PERMUTATIONS",
        help="Permutations of the labels, such as 100, with which scores are compared, on halves "
        "of the patients (--resamples, or 50): null_quantile moves in steps of 1/PERMUTATIONS, and "
        "10 or more decide the verdict.",
    ),
]
Recovery = Annotated[
    int,
    typer.Option(
        "--recovery",
        min=0,
        max=1000,
        metavar="COHORTS",
        help="Planted cohorts shaped like this one, such as 5, in which the recipe and its ranking "
        "are tried: each takes as long as the net's training.",
    ),
]
Planted = Annotated[
    int,
    typer.Option(
        "--planted",
        min=1,
        metavar="COLUMNS",
        help="Columns that the outcome of a planted cohort depends on, at most a quarter of all "
        "(with --recovery).",
    ),
]
Faithful = Annotated[
    bool,
    typer.Option(
        "--faithfulness",
        help="Measure whether models depend on what is ranked first, and train models anew on the "
        "first columns: takes no number, and some times as long as training.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Seed = Annotated[
    int,
    typer.Option("--seed", min=0, max=MOST_SEED, help="The random seed."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keep finished parts when stopped, and resume from those of a stopped run.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace a result of other data, or one that is damaged."),
]
PatientControl = Annotated[
    str | None,
    typer.Option(
        "--patient-control", help="none, rewired, random, identity or empty patient layers."
    ),
]
Search = Annotated[
    bool,
    typer.Option(
        "--search", help="Search fusions, encoders and propagators on inner folds (slow)."
    ),
]
GeneControl = Annotated[
    str | None, typer.Option("--gene-control", help="The same for the gene network.")
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many to print; the files hold all.")]


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
):
    """Graph neural networks for multi-omics: build graphs, train models, rank biomarkers."""
    if version:
        typer.echo(f"graphfuse {graphfuse.__version__}")
        raise typer.Exit


def controlled(recipe: str, patient: str | None, gene: str | None):
    """The named recipe with these controls of its graphs."""
    from graphfuse.schema import Recipe

    return Recipe.named(recipe).controlled(patient, gene)


def folds_of(text: str) -> tuple[int, int]:
    """`5x3` → (5, 3). Raises `InputError`."""
    match = re.fullmatch(r"([0-9]{1,9})(?:x([0-9]{1,9}))?", text.lower())
    if match is None:
        raise InputError(f"--cv {text}: give FOLDSxREPEATS, such as 5x5")
    folds = int(match[1])
    repeats = int(match[2] or 1)
    if folds < 2:
        raise InputError(f"--cv {text}: {folds} folds; at least 2 are needed")
    if not 1 <= repeats <= MOST_REPEATS:
        raise InputError(f"--cv {text}: repeats must be 1 to {MOST_REPEATS:,}, such as 5x5")
    return folds, repeats


def share_of(text: str | None) -> tuple[float, int] | None:
    """`0.3` → (0.3, 1), `0.3x10` → (0.3, 10). Raises `InputError`."""
    if text is None:
        return None
    before, _, after = text.lower().partition("x")
    try:
        share = float(before)
        repeats = int(after or 1)
    except ValueError:
        share, repeats = 0.0, 0  # which are refused
    if not 0 < share < 1 or not 1 <= repeats <= MOST_REPEATS:
        raise InputError(
            f"--holdout {text}: give a share between 0 and 1, or SHARExREPEATS, such as 0.3 "
            "or 0.3x10"
        )
    return share, repeats


# Options that commands and `graphfuse.train` call alike.
_OPTIONS_OF_TRAIN = (
    "target", "folds", "leave_out", "split", "network", "search", "ledger", "modalities", "seed",
    "device",
)  # fmt: skip


def given_by_user(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Those of some options that stand on the command line, as they are written there."""
    sources = {name: context.get_parameter_source(name).name for name in names}
    given = [name for name, source in sources.items() if source == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in given]


def training(context: typer.Context) -> dict:
    """The options of `graphfuse.train` in a command's parameters, and of its run directory where
    the command writes one. Raises `InputError` where two say who is tested."""
    given = context.params
    tested = given_by_user(context, ("cv", "folds", "leave_out", "split", "holdout"))
    if len(tested) > 1:
        raise InputError(f"{' and '.join(tested)}: give one of them; each says who is tested when")
    of_folder = [name for name in ("resume", "overwrite") if name in given]
    options = {name: given[name] for name in (*_OPTIONS_OF_TRAIN, *of_folder)}
    options["cv"] = folds_of(given["cv"])
    options["group"] = given["group_by"]
    options["holdout"] = share_of(given["holdout"])
    return options


def speak(quiet: bool) -> None:
    """Logs to the standard error: progress, or errors only."""
    logging.basicConfig(
        level=logging.ERROR if quiet else logging.WARNING,
        format="%(message)s",
        stream=sys.stderr,
        force=True,
    )
    logging.getLogger("graphfuse").setLevel(logging.ERROR if quiet else logging.INFO)


def unwrapped(text: str) -> str:
    """A docstring with each paragraph on one line, which the terminal breaks where it is narrow."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
