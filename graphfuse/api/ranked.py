"""Run directories, ranked again."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.manifest import load
from graphfuse.errors import InputError
from graphfuse.evaluate.record import network_hash
from graphfuse.evaluate.report import load_record, load_replicas
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.ranking import rank as rank_replicas
from graphfuse.files.written import undamaged
from graphfuse.graph.gene_slot import gene_side
from graphfuse.learn.device import pick_device
from graphfuse.report.html import write_report
from graphfuse.schema import Recipe


def rank_run(folder: Path, top: int = 50, *, device: str = "auto") -> Ranking:
    """Rankings of a saved run: reloads its cohort, explains the fold models, writes `rankings/` and
    the report anew; `device`: where gradients are computed.

    Raises `InputError` for a device that is not there, and where the cohort's manifest has gone or
    its data are no longer those of the run.
    """
    device, record = pick_device(device), load_record(folder)
    if record.manifest is None:
        raise InputError(
            f"{folder}: was trained on tables in memory; rank it there with graphfuse.rank(report)"
        )
    cohort = load(record.manifest)
    if cohort.digest() != record.hashes["data"]:
        raise InputError(
            f"{folder}: the data behind {record.manifest} are no longer those of this run; "
            "train again"
        )
    replicas = load_replicas(folder, cohort, record.target)
    with undamaged(folder / "run.json"):
        recipe = Recipe.model_validate(record.recipe)
    cohort, genes, _ = gene_side(recipe, cohort, record.fitted.get("network"), record.seed)
    if network_hash(genes) != record.hashes["network"]:
        raise InputError(
            f"{folder}: the gene network is no longer that of this run; bring it back, or "
            "train again"
        )
    ranking = rank_replicas(replicas, cohort, genes, record.classes, device).top(top)
    ranking.write(folder / "rankings")
    with undamaged(folder):
        write_report(folder)
    return ranking
