"""Commands that evaluate: score, nulls, bench."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.options import (
    AllowPart,
    AllowShift,
    CohortName,
    Cv,
    Device,
    GraphAblation,
    Modalities,
    Out,
    Quiet,
    RecipeName,
    Seed,
    Target,
    app,
    folds_of,
    speak,
)
from graphfuse.errors import InputError


@app.command(epilog="Example: graphfuse score runs/mine other-hospital.toml")
def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: CohortName,
    out: Annotated[Path | None, typer.Option("--out", "-o",
    help="A folder; default: external/COHORT beside DIR.")] = None,
    target: Annotated[str | None, typer.Option("--target", "-t",
    help="The outcome; default: the one of the same name as the run's.")] = None,
    allow_shift: AllowShift = False, allow_part: AllowPart = None,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Validate a trained run on an external cohort; external validations are logged."""
    speak(quiet)
    from graphfuse.evaluate.external import scoring

    found = scoring.score(
        folder,
        cohort,
        target,
        seed=seed,
        allow_shift=allow_shift,
        device=device,
        allow_parts=allow_part or (),
    )
    saved = found.save(out or scoring.default_folder(folder, found.cohort))
    typer.echo(str(found))
    typer.echo(f"\nevaluation: {saved}")


@app.command(epilog="Example: graphfuse nulls cohort.toml --cv 5x1")
def nulls(
    cohort: CohortName, recipe: RecipeName = "multiplex", target: Target = None, cv: Cv = "5x1",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A csv of the table.")] = None,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Negative controls: scores of the net and the baseline models on shuffled labels and on noise,
    and with epochs chosen on test patients."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.data.overwrite_guard import output_file
    from graphfuse.data.safe_csv import safe_csv

    if out is not None:
        output_file(out, cohort, [recipe])
    found = api.nulls(api.load(cohort), recipe, target, cv=folds_of(cv), seed=seed, device=device)
    typer.echo(str(found))
    if out is not None:
        typer.echo(f"\ntable: {safe_csv(found.table, out)}")


@app.command(
    epilog=(
        "Example: graphfuse bench one.toml other.toml --recipe multiplex --recipe snf -o "
        "benches/mine"
    )
)
def bench(
    context: typer.Context,
    out: Out,
    cohorts: Annotated[list[str] | None, typer.Argument(metavar="[COHORT]...",
    help="Manifests, or names.")] = None,
    plan: Annotated[Path | None, typer.Option("--plan", "-p",
    help="A bench file, in place of COHORTs and options.")] = None,
    recipes: Annotated[list[str] | None, typer.Option("--recipe", "-r",
    help="A recipe; repeatable.")] = None,
    target: Target = None, cv: Cv = "5x5", ledger: GraphAblation = True,
    modalities: Modalities = False, device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Run cohorts x recipes and the baseline models under one protocol; the same command resumes
    where it was stopped."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.schema import Bench, BenchEntry

    if (plan is None) == (not cohorts):
        raise InputError("bench: give COHORTs, or a bench file with --plan")
    if plan is None:
        folds, repeats = folds_of(cv)
        contents = Bench(
            name=out.absolute().name,
            folds=folds,
            repeats=repeats,
            cohort=[BenchEntry(cohort=name, target=target) for name in cohorts],
            recipes=recipes or ["multiplex"],
            ledger=ledger,
            modalities=modalities,
        )
    else:
        _refuse_options_beside_a_plan(context)
        contents = Bench.read(plan)
    command = shlex.join(["graphfuse", *sys.argv[1:]])
    api.bench(contents, out, seed=seed, device=device, command=command)
    typer.echo((out / "bench.md").read_text(encoding="utf-8"))
    typer.echo(f"bench: {out}   page: {out / 'bench.html'}   rows: {out / 'results.csv'}")


def _refuse_options_beside_a_plan(context: typer.Context) -> None:
    """Raises `InputError` where options are given on the command line that a plan holds."""
    in_plan = ("recipes", "target", "cv", "ledger", "modalities")
    sources = {name: context.get_parameter_source(name).name for name in in_plan}
    given = [name for name, source in sources.items() if source == "COMMANDLINE"]
    if given:
        raise InputError(
            f"bench --plan: {', '.join(given)} stand in the plan; leave the options out, or the "
            "plan"
        )
