"""The record of how a run was made, which is `run.json`."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import sys

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.memory import largest_resident
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.folds import digest
from graphfuse.files.hashes import text_sha256
from graphfuse.graph.gene import coverage
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import Recipe, RunRecord

PACKAGES = ("graphfuse", "torch", "torch-geometric", "numpy", "scipy", "pandas", "scikit-learn")


def record_run(
    cohort: Cohort,
    recipe: Recipe,
    network: GeneNetwork | None,
    folds: pd.DataFrame,
    result: Study,
    protocol: dict,
    seed: int,
    device: str,
    notices: list[str],
    seconds: dict[str, float],
) -> RunRecord:
    """The record of a finished study; hashes are sha256."""
    made = recipe.model_dump(mode="json")
    now = datetime.datetime.now(datetime.UTC)
    hashes = {
        "manifest": cohort.about.get("manifest_sha256", ""),
        "recipe": text_sha256(json.dumps(made, sort_keys=True)),
        "data": cohort.digest(),
        "folds": digest(folds),
        "network": network_hash(network),
    }
    return RunRecord(
        created=now.isoformat(timespec="seconds"),
        cohort=cohort.name,
        manifest=cohort.about.get("manifest"),
        recipe=made,
        kind=result.outcome.kind,
        target=result.outcome.name,
        classes=list(result.outcome.classes),
        protocol=protocol,
        seed=seed,
        device=device,
        packages=packages(),
        hashes=hashes,
        timings=seconds,
        peak_memory_gb=peak_memory(),
        notices=notices,
        fitted=_fitted(cohort, network, result),
    )


def packages() -> dict[str, str]:
    """Versions of Python, of this package and of those its numbers depend on."""
    versions = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        versions[package] = importlib.metadata.version(package)
    return versions


def peak_memory() -> float:
    """Largest resident memory of this process so far, in GB; 0 where the system does not tell.

    Linux counts it in `/proc` for the process alone; `getrusage` starts a new process at the peak
    of the one that started it.
    """
    peak = largest_resident()
    if peak:
        return round(peak / 1e9, 2)
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 1e9 if sys.platform == "darwin" else 1e6
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_maxrss / unit, 2)


def _fitted(cohort: Cohort, network: GeneNetwork | None, result: Study) -> dict:
    """What the final model learned, and on whom."""
    outcome, fitted = result.outcome, result.model.fitted_
    presence = cohort.present.sum()
    return {
        "epochs": fitted.epochs,
        "fold_epochs": [replica.model.epochs_ for replica in result.replicas],
        "mix": fitted.linear.shares(),
        "gates": fitted.gates(),
        "patients": len(cohort),
        "labelled": int(outcome.known.sum()),
        "derived_from": list(outcome.derived_from),
        "presence": {m: int(n) for m, n in presence.items()},
        **outcome.task.on_record(outcome.target),
        "coverage": {} if network is None else _coverage(cohort, network),
        "checks": result.checks,
    }


def _coverage(cohort: Cohort, network: GeneNetwork) -> dict[str, list]:
    """How the columns of each modality of genes are matched to the network, step by step."""
    matched = {}
    for modality in cohort.modalities.values():
        if any(modality.symbols):
            table = coverage.by_step_with_warnings(network, modality).reset_index()
            matched[modality.name] = json.loads(table.to_json(orient="records"))
    return matched


def network_hash(network: GeneNetwork | None) -> str:
    """sha256 over a network's edges; empty for none."""
    return "" if network is None else text_sha256(network.to_frame().to_csv(index=False))
