"""Commands that look at tables: init, check, fetch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphfuse.cli.options import (
    CohortName,
    Cv,
    Network,
    OutFile,
    Quiet,
    Seed,
    Target,
    app,
    folds_of,
    speak,
)
from graphfuse.errors import InputError

if TYPE_CHECKING:
    from graphfuse.data.cohort_checks.cohort_check import Checked


@app.command(epilog="Example: graphfuse init rna.csv meth.csv clinical.csv -o cohort.toml")
def init(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Your tables.")],
    out: OutFile = Path("cohort.toml"),
    quiet: Quiet = False,
):  # fmt: skip
    """Draft a manifest from tables."""
    speak(quiet)
    from graphfuse.data.draft.draft_manifest import draft
    from graphfuse.files.atomic_write import whole

    if out.exists():
        raise InputError(f"{out}: exists already; give another with -o")
    text = draft(files, out.stem, out.parent)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    typer.echo(_outlook(out))
    typer.echo(f"{out}: read it, correct what is wrong, then: graphfuse check {out}")


def _outlook(path: Path) -> str:
    """Which outcomes of a manifest there are, and which of them train."""
    from graphfuse.files.toml import read_toml
    from graphfuse.schema import Manifest
    from graphfuse.task.registry import kind_of, trained_kinds

    outcomes = read_toml(path, Manifest).outcome
    if not outcomes:
        return f"no outcome was recognised: name the column to predict in {path}"
    listed = ", ".join(f"{name} ({spec.kind})" for name, spec in outcomes.items())
    first = next(iter(outcomes.values()))
    if kind_of(first.kind).trains:
        which = "the first is what train takes"
    else:
        kinds = " and ".join(trained_kinds())
        which = f"only outcomes of kind {kinds} train so far, and none was recognised"
    return f"outcomes found: {listed}; {which}"


@app.command(epilog="Example: graphfuse check cohort.toml --recipe multiplex")
def check(
    cohort: CohortName,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r",
    help="Also show how its networks, gene sets and steps match the cohort.")] = None,
    network: Network = None, target: Target = None, cv: Cv = "5x5",
    seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Check a cohort: ids matched, features mapped, value types, gene-network coverage and whether
    train would run. Nothing is trained."""
    speak(quiet)
    from graphfuse.evaluate.readiness import check as check_cohort

    checked = check_cohort(cohort, target, cv=folds_of(cv), seed=seed)
    is_usable = checked.cohort is not None and not checked.faults
    lines = []
    if is_usable and (recipe is not None or network is not None):
        try:
            lines = _of_recipe(checked, target, recipe, network)
        except InputError as error:
            typer.echo(str(replace(checked, faults=[str(error)])))
            raise
    typer.echo("\n".join([str(checked), *lines]))
    checked.stop()


def _of_recipe(
    checked: Checked, target: str | None, recipe: str | None, network: Path | None
) -> list[str]:
    """Lines on what a gene network covers of the cohort, on what the recipe's other files hold of
    it, and warnings of what has no effect.

    Raises `InputError` where a file or a step cannot be used, or the recipe's fusion does not fit
    the outcome.
    """
    from graphfuse import api
    from graphfuse.learn.fusion_support import require_fusion
    from graphfuse.learn.recipe_steps import steps_of
    from graphfuse.learn.signals.net_channels import describe_files, notices
    from graphfuse.schema import DEFAULT_RECIPE, Recipe

    cohort = checked.cohort
    recipe = Recipe.named(recipe or DEFAULT_RECIPE)
    steps_of(recipe, cohort)
    if not checked.refused:
        require_fusion(recipe, cohort.outcome(target).task)
    files = describe_files(recipe, cohort)
    covered = api.coverage(cohort, recipe, network=network)
    lines = ["", str(covered), *files]
    warnings = notices(recipe, cohort, network or recipe.gene.network)
    if warnings:
        lines += ["", "warnings:"]
    return lines + [f"  - {warning}" for warning in warnings]


@app.command(epilog="Example: graphfuse fetch tcga-brca")
def fetch(cohort: CohortName, quiet: Quiet = False):
    """Download a cohort's files once, verify and cache them."""
    speak(quiet)
    from graphfuse.data.fetch.fetch_files import obtain
    from graphfuse.files.toml import read_toml, resolve
    from graphfuse.schema import Manifest

    path = resolve(cohort, "data_manifests")
    manifest = read_toml(path, Manifest)
    folder = obtain(
        manifest.source, beside=path.parent, how_to_get=manifest.how_to_get, where=str(path)
    )
    typer.echo(f"{manifest.name}: files are in {folder}")
