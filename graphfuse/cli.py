"""The same verbs for the shell. Exit codes: 0; 2 for bad input, with one message; 130 after Ctrl-C."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

import graphfuse
from graphfuse.errors import GraphfuseError, InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    epilog="Begin with: graphfuse run tcga-brca -o runs/tcga-brca",
)

CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="A manifest's path, or a name in data_manifests/.")]
RecipeName = Annotated[str, typer.Option("--recipe", "-r", help="A recipe's path, or a name in graphs/.")]
Target = Annotated[str | None, typer.Option("--target", "-t", help="The outcome; default: the manifest's first.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The output folder.")]
OutFile = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Network = Annotated[
    Path | None,
    typer.Option(
        "--network", help="Your own gene network: a card, or an edge list (source, target[, score]; no cut is applied)."
    ),
]
Folds = Annotated[
    Path | None,
    typer.Option("--folds", help="Your own folds: a csv with patient, fold[, repeat]; a blank fold always trains."),
]
Cv = Annotated[str, typer.Option("--cv", help="FOLDSxREPEATS.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option("--seed", help="The seed of everything drawn by chance.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
PatientControl = Annotated[
    str | None, typer.Option("--patient-control", help="none, rewired, random, identity or empty patient layers.")
]
Search = Annotated[bool, typer.Option("--search", help="Search fusions, encoders and propagators on inner folds (slow).")]
GeneControl = Annotated[str | None, typer.Option("--gene-control", help="The same for the gene network.")]
Top = Annotated[int, typer.Option("--top", min=1, help="How many to print; files hold all.")]


@app.callback()
def common(version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False):
    """Graph neural networks for multi-omics: build graphs, train classifiers, rank biomarkers."""
    if version:
        typer.echo(f"graphfuse {graphfuse.__version__}")
        raise typer.Exit


@app.command(epilog="Example: graphfuse init rna.csv meth.csv clinical.csv -o cohort.toml")
def init(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Your tables.")],
    out: OutFile = Path("cohort.toml"),
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Look at tables and draft a manifest for them."""
    _speak(quiet)
    from graphfuse.data.draft import draft

    if out.exists():
        raise InputError(f"{out}: is there already; give another with -o")
    text = draft(files, out.stem)
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: read it, mend what is wrong, then: graphfuse check {out}")


@app.command(epilog="Example: graphfuse check cohort.toml --recipe multiplex")
def check(
    cohort: CohortName,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", help="Also show what its gene network covers.")] = None,
    network: Network = None, device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Show ids matched, features mapped, value types and what a gene network covers. Nothing is trained."""
    _speak(quiet)
    from graphfuse.data.check import check as look

    found = look(cohort)
    typer.echo(str(found))
    found.stop()
    if recipe is not None or network is not None:
        from graphfuse import api

        typer.echo(f"\n{api.coverage(api.load(cohort), recipe or api.DEFAULT, network=network)}")


@app.command(epilog="Example: graphfuse fetch tcga-brca")
def fetch(cohort: CohortName, device: Device = "auto", seed: Seed = 0, quiet: Quiet = False):
    """Download a cohort's files once, verify and cache them."""
    _speak(quiet)
    from graphfuse.data.fetch import obtain
    from graphfuse.files import read_toml, resolve
    from graphfuse.schema import Manifest

    path = resolve(cohort, "data_manifests")
    manifest = read_toml(path, Manifest)
    folder = obtain(manifest.source, beside=path.parent, how_to_get=manifest.how_to_get, where=str(path))
    typer.echo(f"{manifest.name}: files are in {folder}")


@app.command(epilog="Example: graphfuse build tcga-brca -o graphs/tcga-brca")
def build(
    cohort: CohortName, out: Out, recipe: RecipeName = "multiplex", network: Network = None,
    patient_control: PatientControl = None, gene_control: GeneControl = None,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Build the graphs of a cohort and write them in every export format."""
    _speak(quiet)
    from graphfuse import api

    graph = api.build(api.load(cohort), _controlled(recipe, patient_control, gene_control), network=network, seed=seed)
    typer.echo(repr(graph))
    typer.echo(f"written to {graph.write(out)}")


@app.command(epilog="Example: graphfuse train cohort.toml --recipe multiplex --cv 5x5 -o runs/mine")
def train(
    cohort: CohortName, out: Out, recipe: RecipeName = "multiplex", target: Target = None, cv: Cv = "5x5",
    folds: Folds = None, network: Network = None,
    patient_control: PatientControl = None, gene_control: GeneControl = None, search: Search = False,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Cross-validate a recipe beside the ladder, and fit a final model."""
    _speak(quiet)
    from graphfuse import api

    options = {"target": target, "cv": _cv(cv), "folds": folds, "network": network, "search": search}
    options |= {"seed": seed, "device": device}
    recipe = _controlled(recipe, patient_control, gene_control)
    report, _ = api.save_run(out, api.load(cohort), recipe, ranked=False, **options)
    typer.echo(str(report))
    typer.echo(f"\nrun: {out}   report: {out / 'report.html'}   next: graphfuse rank {out}")


@app.command(epilog="Example: graphfuse rank runs/mine --top 50")
def rank(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    top: Top = 50, device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Rank the features, genes and edges of a trained run."""
    _speak(quiet)
    from graphfuse import api

    typer.echo(repr(api.rank_run(folder, top)))
    typer.echo(f"\nrankings: {folder / 'rankings'}")


@app.command(epilog="Example: graphfuse predict runs/mine new-clinic.toml -o predictions.csv")
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run directory.")],
    cohort: CohortName, out: OutFile = Path("predictions.csv"),
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Score new patients with a trained run."""
    _speak(quiet)
    from graphfuse import api
    from graphfuse.data.export import safe_csv

    table = api.predict(folder, api.load(cohort))
    safe_csv(table, out)
    counts = ", ".join(f"{name} {count}" for name, count in table["call"].value_counts().items())
    typer.echo(f"{len(table):,} patients called ({counts}): {out}")


@app.command(epilog="Example: graphfuse run tcga-brca -o runs/tcga-brca")
def run(
    cohort: CohortName, out: Out, recipe: RecipeName = "multiplex", target: Target = None, cv: Cv = "5x1",
    folds: Folds = None, network: Network = None, top: Top = 10,
    patient_control: PatientControl = None, gene_control: GeneControl = None, search: Search = False,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """All of it: train, rank, graphs and the report."""
    _speak(quiet)
    from graphfuse import api

    options = {"target": target, "cv": _cv(cv), "folds": folds, "network": network, "search": search}
    options |= {"seed": seed, "device": device}
    recipe = _controlled(recipe, patient_control, gene_control)
    report, ranking = api.run(api.load(cohort), out, recipe, top=top, **options)
    typer.echo(f"{report}\n\n{ranking!r}")
    typer.echo(f"\nrun: {out}   report: {out / 'report.html'}   rankings: {out / 'rankings'}")


@app.command(epilog="Example: graphfuse subtype tcga-brca --layer snf -o runs/subtypes")
def subtype(
    cohort: CohortName,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A folder for tables and a page.")] = None,
    recipe: RecipeName = "multiplex",
    layer: Annotated[str, typer.Option("--layer", help="snf, shared, a modality, or a layer of the recipe.")] = "snf",
    method: Annotated[str, typer.Option("--method", help="spectral or leiden.")] = "spectral",
    clusters: Annotated[int | None, typer.Option("--clusters", "-k", help="How many; chosen where not given.")] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=2, help="Subsamples behind the stability.")] = 50,
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Find subtypes without labels: how many, how stable, and what they go with."""
    _speak(quiet)
    from graphfuse import api
    from graphfuse.report.subtype import save_subtypes

    options = {"layer": layer, "method": method, "clusters": clusters, "resamples": resamples, "seed": seed}
    found = api.subtype(api.load(cohort), recipe, **options)
    typer.echo(repr(found))
    if out is not None:
        save_subtypes(found, out)
        typer.echo(f"\ntables: {out}   page: {out / 'report.html'}")


@app.command("check-part", epilog="Example: graphfuse check-part my.py:Bilinear")
def check_part(
    part: Annotated[str, typer.Argument(metavar="FILE.PY:CLASS", help="Your own encoder, propagator, fusion or head.")],
    device: Device = "auto", seed: Seed = 0, quiet: Quiet = False,
):  # fmt: skip
    """Run the contract suite on a part of your own."""
    _speak(quiet)
    from graphfuse.nn.contract import check_named

    typer.echo("\n".join(check_named(part)))


def _controlled(recipe: str, patient: str | None, gene: str | None):
    from graphfuse.schema import Recipe

    return Recipe.named(recipe).controlled(patient, gene)


def _cv(text: str) -> tuple[int, int]:
    folds, _, repeats = text.lower().partition("x")
    if not (folds.isdigit() and (repeats or "1").isdigit()) or int(repeats or 1) < 1:
        raise InputError(f"--cv {text}: give FOLDSxREPEATS, such as 5x5")
    return int(folds), int(repeats or 1)


def _speak(quiet: bool) -> None:
    logging.basicConfig(level=logging.ERROR if quiet else logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("graphfuse").setLevel(logging.ERROR if quiet else logging.INFO)


def main() -> None:
    """The entry point: turns graphfuse's errors into one message and exit code 2, Ctrl-C into 130."""
    try:
        code = app(standalone_mode=False)
    except GraphfuseError as error:
        typer.echo(f"graphfuse: {error}", err=True)
        code = 2
    except OSError as error:
        typer.echo(f"graphfuse: {error.filename or 'output'}: {error.strerror}; choose another place or free it", err=True)
        code = 2
    except KeyboardInterrupt:
        typer.echo("graphfuse: stopped", err=True)
        code = 130
    except typer.Abort:
        code = 130
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        error.show()  # a usage error of the command line itself
        code = error.exit_code
    sys.exit(code or 0)
