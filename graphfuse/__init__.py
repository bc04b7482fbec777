"""graphfuse: graph neural networks for multi-omics, with honest scores and ranked biomarkers.

Nouns: Cohort, Modality, Recipe, PatientGraph, GeneNetwork, FusionModel, Report, Ranking. Verbs:
load, check, audit, build, train, rank, predict, score, run, bench. Everything is imported when it
is first used.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Cohort": "data.cohort",
    "Modality": "data.modality",
    "Recipe": "schema",
    "PatientGraph": "graph.patient_graph",
    "GeneNetwork": "graph.gene.network",
    "FusionModel": "learn.model",
    "Report": "evaluate.run_report",
    "Ranking": "explain.ranking",
    "GraphfuseError": "errors",
    "InputError": "errors",
    "load": "data.manifest",
    "build": "api",
    "train": "api",
    "rank": "api",
    "predict": "api",
    "run": "api",
    "score": "api",
    "bench": "api",
    "nulls": "api",
    "plan": "api",
    "subtype": "api",
    "coverage": "api",
    "check": "evaluate.readiness",
    "audit": "data.leak_audit.run",
    "leak_check": "evaluate.leakage.check",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'graphfuse' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"graphfuse.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
