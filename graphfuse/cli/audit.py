"""The command that looks for data leakage in a cohort's own tables: audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.options import CohortName, Folds, Quiet, Target, app, speak


@app.command(epilog="Example: graphfuse audit cohort.toml --folds folds.csv -o findings.csv")
def audit(
    cohort: CohortName,
    target: Target = None,
    folds: Folds = None,
    strict: Annotated[bool, typer.Option("--strict",
    help="Exit code 2 where a leak is found.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o",
        help="A csv of all findings, with the columns and patient ids they are about."),
    ] = None,
    quiet: Quiet = False,
):  # fmt: skip
    """Look for data leakage in the tables: duplicate and related patients, features, ids or missing
    values that give the label away, sites confounded with the label, and columns that were made,
    chosen or corrected with everybody's labels."""
    speak(quiet)
    from graphfuse.data.leak_audit.run import audit as audit_cohort
    from graphfuse.data.load_cohort import load
    from graphfuse.data.overwrite_guard import output_file

    if out is not None:
        output_file(out, cohort, [folds])
    loaded = load(cohort)
    result = audit_cohort(loaded, target, None if folds is None else _folds(folds, loaded, target))
    typer.echo(str(result))
    if out is not None:
        typer.echo(f"\nfindings: {result.to_csv(out)}")
    if strict and result.leaks:
        raise typer.Exit(2)


def _folds(path: Path, cohort, target: str | None):
    """The folds file, checked against the cohort. Raises `InputError`."""
    from graphfuse.evaluate.folds import read_folds

    known = cohort.outcome(target).known
    return read_folds(path, cohort.patients, known)
