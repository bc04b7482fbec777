"""Graph neural networks for multi-omics, with honest scores and ranked biomarkers.

Classes: `Cohort`, `Modality`, `Recipe`, `PatientGraph`, `GeneNetwork`, `FusionModel`, `Report`,
`Ranking`. Functions: `load`, `check`, `audit`, `build`, `plan`, `train`, `run`, `rank`, `predict`,
`score`, `subtype`, `leak_check`. What is needed more rarely, such as a bench of many cohorts, is in
`graphfuse.api`. Each name is imported when it is first used, so that `import graphfuse` takes no
time.

Examples
--------
>>> import graphfuse as gf
>>> gf.Recipe.named("multiplex").name
'multiplex'
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

# Public name -> the module of the package that holds it.
_HOMES = {
    "Cohort": "data.cohort",
    "Modality": "data.modality",
    "Recipe": "schema",
    "PatientGraph": "graph.patient_graph",
    "GeneNetwork": "graph.gene.network",
    "FusionModel": "learn.model",
    "Report": "evaluate.run_results",
    "Ranking": "explain.ranking",
    "GraphfuseError": "errors",
    "InputError": "errors",
    "load": "data.load_cohort",
    "build": "api",
    "train": "api",
    "rank": "api",
    "predict": "api",
    "run": "api",
    "score": "api",
    "plan": "api",
    "subtype": "api",
    "check": "evaluate.readiness",
    "audit": "data.leak_audit.run",
    "leak_check": "evaluate.leakage.check",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'graphfuse' has no attribute {name!r}")
    module = importlib.import_module(f"graphfuse.{_HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value  # so that this function is asked once for each name
    return value


def __dir__() -> list[str]:
    return __all__
