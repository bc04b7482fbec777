"""Evaluation of what was trained, on patients it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.app import CohortName, Device, Quiet, Seed, app, speak


@app.command(epilog="Example: graphfuse evaluate runs/mine other-hospital.toml")
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: CohortName,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A folder; default: external/COHORT beside DIR.")] = None,
    target: Annotated[str | None, typer.Option("--target", "-t", help="The outcome; default: of the run's own name.")] = None,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Score a trained run on a cohort it never saw; every such look stays on record."""
    speak(quiet)
    from graphfuse.evaluate.external import beside
    from graphfuse.evaluate.external import evaluate as score

    found = score(folder, cohort, target, seed=seed)
    saved = found.save(out or beside(folder, found.cohort))
    typer.echo(str(found))
    typer.echo(f"\nevaluation: {saved}")
