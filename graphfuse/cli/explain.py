"""The command that explains one patient's prediction: explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.options import (
    AllowPart,
    AllowShift,
    CohortName,
    Device,
    Out,
    Quiet,
    RankingMethod,
    Top,
    app,
    speak,
)
from graphfuse.explain.methods import DEFAULT


@app.command(epilog="Example: graphfuse explain runs/mine my-cohort.toml --row P0017 -o explained")
def explain(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: CohortName,
    row: Annotated[str, typer.Option("--row", metavar="ID", help="The patient's id.")],
    method: RankingMethod = DEFAULT, top: Top = 10, out: Out = Path("explanation"),
    allow_shift: AllowShift = False, allow_part: AllowPart = None, device: Device = "auto",
    quiet: Quiet = False,
):  # fmt: skip
    """Explain one patient's prediction: attributions, LIME, and what would flip the call, or take
    a predicted number across the training mean.

    A patient of the run's own cohort is explained by a model that was not trained on them, any
    other by the final model."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.explain.patient.explanation import EXPLANATION

    EXPLANATION.refuse_foreign(out)
    given = {"method": method, "top": top, "allow_shift": allow_shift, "device": device}
    explanation = api.explain(folder, cohort, row, allow_parts=allow_part or (), **given)
    typer.echo(repr(explanation))
    typer.echo(f"\nexplanation: {api.save_explanation(explanation, out)}")
