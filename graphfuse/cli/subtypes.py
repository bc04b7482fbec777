"""The command that finds subtypes without labels: subtype."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.options import (
    CohortName,
    Overwrite,
    Quiet,
    RecipeName,
    Seed,
    app,
    speak,
)


@app.command(epilog="Example: graphfuse subtype tcga-brca --layer snf -o runs/subtypes")
def subtype(
    cohort: CohortName,
    out: Annotated[Path | None, typer.Option("--out", "-o",
    help="A folder for tables and a page.")] = None,
    recipe: RecipeName = "multiplex",
    layer: Annotated[str, typer.Option("--layer",
    help="snf, shared, a modality, or a layer of the recipe.")] = "snf",
    method: Annotated[str, typer.Option("--method", help="spectral or leiden.")] = "spectral",
    clusters: Annotated[int | None, typer.Option("--clusters", "-k",
    help="How many clusters; chosen from the data where not given.")] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=2,
    help="Subsamples that the stability is computed over.")] = 50,
    overwrite: Overwrite = False,
    seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Find subtypes without labels: how many, how stable, and what they are associated with."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.report.subtype_page import may_hold_subtypes, save_subtypes

    options = {
        "layer": layer,
        "method": method,
        "clusters": clusters,
        "resamples": resamples,
        "seed": seed,
    }
    loaded = api.load(cohort)
    if out is not None:
        may_hold_subtypes(out, loaded, overwrite)
    found = api.subtype(loaded, recipe, **options)
    typer.echo(repr(found))
    if out is not None:
        save_subtypes(found, out)
        typer.echo(f"\ntables: {out}   page: {out / 'report.html'}")
