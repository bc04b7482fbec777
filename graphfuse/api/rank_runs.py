"""Rankings of saved runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.api.ranking_checks import RankingChecks
from graphfuse.api.resample_runs import found_recipe
from graphfuse.data.cohort import Cohort
from graphfuse.data.fetch.fetch_files import nothing_requested
from graphfuse.data.load_cohort import as_cohort, load
from graphfuse.errors import FetchError, InputError
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.provenance import network_hash
from graphfuse.evaluate.read_run_tables import load_predictions
from graphfuse.evaluate.run_directory import load_record, load_replicas
from graphfuse.explain.biology.known_genes import GeneSets, KnownGenes, Markers
from graphfuse.explain.half_samples import settled
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.rank_over_folds import rank as rank_replicas
from graphfuse.explain.ranking import BESIDE, Ranking
from graphfuse.files.atomic_write import undamaged
from graphfuse.files.file_references import referenced
from graphfuse.files.json import damaged
from graphfuse.files.safe_paths import inside
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.learn.device import pick_device
from graphfuse.report.run_page import write_report
from graphfuse.schema import Recipe, RunRecord
from graphfuse.schema.check_arguments import Count, Draws, checked
from graphfuse.schema.read_run_json import shaped

log = logging.getLogger(__name__)

SAME = 1e-3  # how far a fold's model may be from its predictions: machines round differently


@checked
def rank_run(
    folder: str | Path,
    top: Count = 50,
    cohort: Cohort | str | Path | None = None,
    *,
    method: str = DEFAULT,
    network: str | Path | None = None,
    gene_sets: GeneSets | None = None,
    markers: Markers | None = None,
    knockoffs: Draws = 0,
    resamples: Draws = 0,
    nulls: Draws = 0,
    faithfulness: bool = False,
    recovery: Draws = 0,
    planted: Count = 10,
    allow_parts: Iterable[str | Path] = (),
    device: str = "auto",
) -> Ranking:
    """Ranks a saved run, and writes its `rankings/`, the scores on its `graph/` and its report
    anew.

    Parameters and errors are those of `graphfuse.rank`.
    """
    folder = Path(folder)
    inside(folder, "rankings")
    known = KnownGenes.read(gene_sets, markers)
    ranking = rank_saved(
        folder,
        top,
        cohort,
        method=method,
        network=network,
        known=known,
        checks=RankingChecks(knockoffs, resamples, nulls, faithfulness, recovery, planted),
        allow_parts=allow_parts,
        device=device,
    )
    _log_dropped(folder / "rankings", ranking)
    ranking.write(folder / "rankings")
    _write_onto_graph(ranking, inside(folder, "graph"))
    with undamaged(folder):
        write_report(folder)
    return ranking


def _log_dropped(folder: Path, ranking: Ranking) -> None:
    """Logs which tables of an older ranking the new one, which replaces it, does not have."""
    old = [name for name in BESIDE if (folder / f"{name}.csv").is_file()]
    dropped = [f"{name}.csv" for name in old if name not in ranking.beside]
    if dropped:
        log.warning(
            "%s: replaced by a ranking without %s, which were not asked for again; ask for all in "
            "one command to have them beside it",
            folder,
            ", ".join(dropped),
        )


def _write_onto_graph(ranking: Ranking, folder: Path) -> None:
    """Writes a run's graph anew, with the scores of a ranking; a graph that cannot carry them stays
    as it is, and a warning says why."""
    if not (folder / "hetero.json").is_file():
        return
    try:
        with undamaged(folder):
            PatientGraph.read(folder).with_ranking(ranking).write(folder)
    except InputError as error:
        log.warning(
            "%s: does not carry the scores of this ranking, since %s; `graphfuse build COHORT "
            "-r RECIPE -o %s` makes the graph again, and `graphfuse rank` adds the scores",
            folder,
            error,
            folder,
        )


def rank_saved(
    folder: Path,
    top: int,
    cohort: Cohort | str | Path | None,
    *,
    method: str,
    network: str | Path | None,
    known: KnownGenes,
    checks: RankingChecks,
    allow_parts: Iterable[str | Path],
    device: str,
) -> Ranking:
    """Ranks a saved run by explaining its fold models on its cohort; nothing is written.

    Parameters
    ----------
    folder : Path
        The run directory.
    top : int
        How many a print shows.
    cohort : Cohort, str, Path or None
        The cohort that the run was trained on, or its manifest; by default the manifest that the
        run names, of which only files that are here already are read.
    method : str
        How columns and edges are scored, as in `graphfuse.rank`; never what the run directory says.
    network : str, Path or None
        The run's gene network; by default the one that the run names, likewise.
    known : KnownGenes
        Gene sets and markers that its first genes are tested for.
    checks : RankingChecks
        What is measured beside its tables.
    allow_parts : iterable of str or Path
        Python files whose parts the models may use (`FusionModel.load`).
    device : str
        Where gradients are computed: "auto", "cpu" or "cuda".

    Returns
    -------
    Ranking

    Raises
    ------
    InputError
        Where the method, the cohort, the network or the device is not here, or no longer that of
        the run, or the run is damaged.
    """
    device = pick_device(device)
    chosen = ranking_method(method)
    record = load_record(folder)
    cohort = own_cohort(folder, record) if cohort is None else as_cohort(cohort)
    if cohort.digest() != record.hashes.get("data"):
        raise InputError(
            f"{folder}: the data of cohort {cohort.name!r} are not, or no longer, those of this "
            "run; give the cohort that it was trained on, or train again"
        )
    replicas = load_replicas(folder, cohort, record.target, allow_parts=allow_parts)
    if any(replica.model.task_.unfitted != record.task for replica in replicas):
        raise damaged(folder, "its models are of another outcome than run.json says")
    check_folds(folder, record, replicas, cohort)
    checks.require(replicas, cohort, record)
    cohort, genes = _gene_side(folder, record, cohort, network)
    with undamaged(folder), np.errstate(over="ignore", invalid="ignore"):
        halves = None
        if checks.halves:
            recipe = settled(shaped(record.recipe, Recipe, folder / "run.json"), replicas)
            recipe = found_recipe(recipe, folder, allow_parts)
            halves = checks.half_samples(replicas, cohort, genes, recipe, record, device)
        ranking = rank_replicas(replicas, cohort, genes, device, chosen, halves, checks.nulls)
    ranking = ranking.top(top)
    _check_finite(folder, ranking)
    ranking = checks.added_to(ranking, replicas, cohort, genes, record, chosen, device)
    return ranking.with_biology(genes, known)


def own_cohort(folder: Path, record: RunRecord) -> Cohort:
    """The cohort of the manifest that a run names, from files that are here already.

    Parameters
    ----------
    folder : Path
        The run directory.
    record : RunRecord
        Its record.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        Where they are not here.
    """
    again = f"give its manifest: `graphfuse rank {folder} COHORT` (Python: cohort=…)"
    if record.manifest is None:
        raise InputError(
            f"{folder}: was trained on tables in memory; rank it there with "
            f"graphfuse.rank(report), or {again}"
        )
    is_shipped = _is_plain(record.manifest)
    path = record.manifest if is_shipped else referenced(record.manifest, folder)
    if path is None:
        raise InputError(
            f"{folder}: its manifest {record.manifest!r} is not to be found from here (was the "
            f"run or the manifest moved?); {again}"
        )
    try:
        with nothing_requested():
            return load(path)
    except FetchError as error:
        fetch = f"`graphfuse fetch {path}`, then rank again; or " if is_shipped else ""
        raise InputError(
            f"{folder}: the files of its cohort are not here, and a run directory fetches "
            f"nothing: {fetch}{again}\n{error}"
        ) from None


def _is_plain(name: str) -> bool:
    """Whether a name is one of something shipped, not a path."""
    return bool(name) and not set(name) & set("/\\:.")


def _gene_side(
    folder: Path, record: RunRecord, cohort: Cohort, network: str | Path | None
) -> tuple[Cohort, GeneNetwork | None]:
    """The cohort and the gene network in the symbols of the run; raises `InputError` where the
    network is not that of the run."""
    recipe = shaped(record.recipe, Recipe, folder / "run.json")
    request = nothing_requested if network is None else nullcontext
    own = None
    if network is None and record.hashes.get("network"):
        if "network" in record.fitted:
            network = _here(folder, record.fitted["network"], "gene network")
        else:
            own = _here(folder, recipe.gene.network or "", "gene network")
    aliases = recipe.gene.aliases and _here(folder, recipe.gene.aliases, "alias table")
    gene = {"network": own, "required": own is not None, "aliases": aliases}
    recipe = recipe.model_copy(update={"gene": recipe.gene.model_copy(update=gene)})
    with request():
        cohort, genes, _ = gene_side(recipe, cohort, network, record.seed)
    if network_hash(genes) != record.hashes.get("network", ""):
        raise InputError(
            f"{folder}: the gene network is no longer that of this run; bring it back, give it "
            "with --network, or train again"
        )
    return cohort, genes


def _here(folder: Path, name: str, what: str) -> str:
    """The path of a file that the run names, or its shipped name."""
    if _is_plain(name):
        return name
    path = referenced(name, folder)
    if path is None:
        raise InputError(
            f"{folder}: its {what} {name!r} is not to be found from here; put it into the "
            "working folder" + (", or give it with --network" if what == "gene network" else "")
        )
    return str(path)


def check_folds(
    folder: Path, record: RunRecord, replicas: Iterable[Replica], cohort: Cohort
) -> None:
    """Check that each fold's model predicts what the run says of its patients: else it may have
    been trained on them.

    Parameters
    ----------
    folder : Path
        The run directory.
    record : RunRecord
        Its record.
    replicas : iterable of Replica
        Fold models.
    cohort : Cohort
        Of the run.

    Raises
    ------
    InputError
        Where one does not.
    """
    table = load_predictions(folder, record.task)
    written = table.set_index(["repeat", "fold", "patient"])
    for replica in replicas:
        tested = cohort.take(replica.tested)
        rows = [(replica.repeat, replica.fold, patient) for patient in tested.patients.astype(str)]
        with undamaged(folder):
            output = replica.model.output(tested)
            predicted = pd.DataFrame(replica.model.task_.table(output)).select_dtypes("number")
            recorded = written.reindex(index=rows, columns=predicted.columns).astype(float)
        if not np.allclose(predicted, recorded, rtol=0, atol=SAME):
            name = f"model/folds/r{replica.repeat}f{replica.fold}"
            why = "it does not give what predictions.csv holds of this fold's patients"
            raise damaged(folder / name, why, "damaged model")


def _check_finite(folder: Path, ranking: Ranking) -> None:
    """Raises `InputError` where a score is no number: nothing of such a model means anything."""
    for table in (ranking.nodes, ranking.edges, ranking.modalities):
        if not np.isfinite(table["score"].to_numpy(float)).all():
            raise damaged(folder, "its models give scores that are no numbers", "damaged model")
