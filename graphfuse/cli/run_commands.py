"""Commands that train and use what was trained: build, train, rank, predict, run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from graphfuse.cli.options import (
    AllowPart,
    AllowShift,
    CohortName,
    Cv,
    Device,
    Faithful,
    Folds,
    GeneControl,
    GeneSets,
    GraphAblation,
    GroupBy,
    Holdout,
    Knockoffs,
    LeaveOut,
    Markers,
    Modalities,
    Network,
    Out,
    OutFile,
    Overwrite,
    PatientControl,
    Permutations,
    Planted,
    Quiet,
    RankingMethod,
    RecipeName,
    Recovery,
    Resamples,
    Resume,
    Search,
    Seed,
    Split,
    Target,
    Top,
    app,
    controlled,
    given_by_user,
    speak,
    training,
)
from graphfuse.errors import InputError, few
from graphfuse.explain.methods import DEFAULT

log = logging.getLogger(__name__)


@app.command(epilog="Example: graphfuse build tcga-brca -o graphs/tcga-brca")
def build(
    cohort: CohortName, out: Out, recipe: RecipeName = "multiplex", network: Network = None,
    patient_control: PatientControl = None, gene_control: GeneControl = None,
    seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Build the graphs of a cohort and write them in every export format."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.graph.export.write_folder import GRAPH

    GRAPH.refuse_foreign(out)
    graph = api.build(
        api.load(cohort),
        controlled(recipe, patient_control, gene_control),
        network=network,
        seed=seed,
    )
    typer.echo(repr(graph))
    typer.echo(f"written to {graph.write(out)}")


@app.command(epilog="Example: graphfuse train cohort.toml --recipe multiplex --cv 5x5 -o runs/mine")
def train(
    context: typer.Context, cohort: CohortName, out: Out, recipe: RecipeName = "multiplex",
    target: Target = None,
    cv: Cv = "5x5", folds: Folds = None, group_by: GroupBy = None, leave_out: LeaveOut = None,
    split: Split = None,
    holdout: Holdout = None, network: Network = None, patient_control: PatientControl = None,
    gene_control: GeneControl = None, search: Search = False, ledger: GraphAblation = True,
    modalities: Modalities = False, resume: Resume = False, overwrite: Overwrite = False,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Cross-validate a recipe and the baseline models on the same folds, and fit a final model."""
    speak(quiet)
    from graphfuse import api

    recipe = controlled(recipe, patient_control, gene_control)
    with _printed_if_incomplete():
        report, _ = api.save_run(out, cohort, recipe, ranked=False, **training(context))
    typer.echo(str(report))
    typer.echo(
        f"\nrun: {out}   report: {out / 'report.html'}   next: graphfuse rank {out} {cohort}"
    )


@contextmanager
def _printed_if_incomplete() -> Iterator[None]:
    """Prints the scores of a run that was saved without all its add-ons, before that is an
    error."""
    from graphfuse.report.run_extras import IncompleteRunError

    try:
        yield
    except IncompleteRunError as error:
        typer.echo(str(error.report))
        raise


@app.command(epilog="Example: graphfuse rank runs/mine my-cohort.toml --top 50")
def rank(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: Annotated[str | None, typer.Argument(metavar="[COHORT]",
    help="The cohort that it was trained on; default: the run's own, where its files are here.")]
    = None,
    method: RankingMethod = DEFAULT, top: Top = 50, network: Network = None,
    gene_sets: GeneSets = None, markers: Markers = None, knockoffs: Knockoffs = 0,
    resamples: Resamples = 0, nulls: Permutations = 0,
    faithfulness: Faithful = False, recovery: Recovery = 0, planted: Planted = 10,
    allow_part: AllowPart = None, device: Device = "auto", quiet: Quiet = False,
):  # fmt: skip
    """Rank the features, genes and edges of a trained run; rewrites its rankings/ (csv, parquet)
    and the scores on its graph/ (GraphML, PyG, AnnData for scanpy)."""
    speak(quiet)
    from graphfuse import api

    if given_by_user(context, ["planted"]) and not recovery:
        raise InputError("--planted: says what --recovery plants; give --recovery COHORTS too")
    given = {"method": method, "network": network, "device": device}
    given |= {"gene_sets": gene_sets, "markers": markers, "knockoffs": knockoffs}
    given |= {"resamples": resamples, "nulls": nulls}
    given |= {"faithfulness": faithfulness, "recovery": recovery, "planted": planted}
    ranking = api.rank_run(folder, top, cohort, allow_parts=allow_part or (), **given)
    typer.echo(repr(ranking))
    typer.echo(f"\nrankings: {folder / 'rankings'}")


@app.command(epilog="Example: graphfuse predict runs/mine new-clinic.toml -o predictions.csv")
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: CohortName, out: OutFile = Path("predictions.csv"), allow_shift: AllowShift = False,
    allow_part: AllowPart = None, device: Device = "auto", quiet: Quiet = False,
):  # fmt: skip
    """Predict new patients with a trained run."""
    speak(quiet)
    from graphfuse import api
    from graphfuse.api.use_model import model_of
    from graphfuse.data.overwrite_guard import output_file
    from graphfuse.data.safe_csv import safe_csv

    _refuse_run_files(output_file(out, cohort), folder)
    model = model_of(folder, allow_part or ())
    table = api.predict(model, cohort, allow_shift=allow_shift, device=device)
    _warn_of_training_patients(folder, table["patient"])
    safe_csv(table, out)
    flagged = int((table["flag"] != "").sum())
    flags = f"; {few(flagged)} flagged, see the column flag" if flagged else ""
    totals = model.task_.in_total(table[model.task_.columns[0]].to_numpy())
    typer.echo(f"{totals}{flags}: {out}")


def _refuse_run_files(out: Path, folder: Path) -> None:
    """Raises `InputError` where a file to write is one of a run, and no earlier predictions."""
    within = out.resolve().is_relative_to(folder.resolve()) or (out.parent / "run.json").is_file()
    if within and out.exists():
        with out.open("rb") as file:
            columns = file.readline().rstrip().split(b",")
            if columns[:1] + columns[-1:] != [b"patient", b"flag"] or b"repeat" in columns:
                raise InputError(f"{out}: is a file of a run; name another with -o")


def _warn_of_training_patients(folder: Path, patients) -> None:
    """Logs a warning where patients are among those of the run's folds.csv, by their ids."""
    from graphfuse.evaluate.read_run_tables import load_folds

    if (folder / "folds.csv").is_file():
        count = int(patients.isin(load_folds(folder)["patient"]).sum())
        if count:
            some = f"{count:,} of {len(patients):,}" if count >= 5 else "some (fewer than 5)"
            log.warning(
                "%s patients were trained on, by their ids: these predictions are no test", some
            )


@app.command(epilog="Example: graphfuse run tcga-brca -o runs/tcga-brca")
def run(
    context: typer.Context, cohort: CohortName, out: Out, recipe: RecipeName = "multiplex",
    target: Target = None,
    cv: Cv = "5x1", folds: Folds = None, group_by: GroupBy = None, leave_out: LeaveOut = None,
    split: Split = None,
    holdout: Holdout = None, network: Network = None, top: Top = 10,
    gene_sets: GeneSets = None, markers: Markers = None,
    patient_control: PatientControl = None,
    gene_control: GeneControl = None, search: Search = False, ledger: GraphAblation = True,
    modalities: Modalities = False, resume: Resume = False, overwrite: Overwrite = False,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Train, rank, and write the graphs and the report."""
    speak(quiet)
    from graphfuse import api

    recipe = controlled(recipe, patient_control, gene_control)
    with _printed_if_incomplete():
        options = {"top": top, "gene_sets": gene_sets, "markers": markers}
        report, ranking = api.run(cohort, out, recipe, **options, **training(context))
    typer.echo(f"{report}\n\n{ranking!r}")
    typer.echo(f"\nrun: {out}   report: {out / 'report.html'}   rankings: {out / 'rankings'}")
