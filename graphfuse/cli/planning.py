"""The command that estimates the cost of a training: plan."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from graphfuse.cli.options import (
    CohortName,
    Cv,
    Device,
    Folds,
    GeneControl,
    GraphAblation,
    GroupBy,
    Holdout,
    LeaveOut,
    Modalities,
    Network,
    PatientControl,
    Quiet,
    RecipeName,
    Search,
    Seed,
    Split,
    Target,
    app,
    controlled,
    speak,
    training,
)


@app.command(epilog="Example: graphfuse plan cohort.toml --recipe multiplex --cv 5x5")
def plan(
    context: typer.Context, cohort: CohortName, recipe: RecipeName = "multiplex",
    target: Target = None,
    cv: Cv = "5x5", folds: Folds = None, group_by: GroupBy = None, leave_out: LeaveOut = None,
    split: Split = None,
    holdout: Holdout = None, network: Network = None, patient_control: PatientControl = None,
    gene_control: GeneControl = None, search: Search = False, ledger: GraphAblation = True,
    modalities: Modalities = False,
    ranked: Annotated[bool, typer.Option("--ranked", help="Include the rankings that run makes.")
    ] = False,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Estimate what train with the same options would take: time, memory and disk, from short
    trainings of some of the patients.

    Not covered: nets that learn for longer on all patients than on some, other work on the machine
    later on, and downloads."""
    speak(quiet)
    wall, cpu = time.perf_counter(), time.process_time()
    from graphfuse import api
    from graphfuse.evaluate.cost_plan.estimate import Spent

    loading = Spent(wall, cpu).since()
    recipe = controlled(recipe, patient_control, gene_control)
    found = api.plan(cohort, recipe, ranked=ranked, **training(context))
    typer.echo(str(found.after("loading the libraries", loading)))
