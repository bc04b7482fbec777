"""The recipe's steps for the modalities of a cohort."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.prepare.step import check_options, step
from graphfuse.data.prepare.step_contract import check_step
from graphfuse.errors import InputError, nearest
from graphfuse.files.hashes import file_sha256
from graphfuse.schema import Recipe
from graphfuse.schema.prepare import StepSpec

ENTITIES = ("gene", "cpg", "mirna", "protein", "none")
KINDS = ("omics", "embedding", "ehr")


def steps_of(recipe: Recipe, cohort: Cohort) -> dict[str, tuple[StepSpec, ...]]:
    """The steps of each modality.

    Keys of `[prepare] steps` are modalities, entities, kinds or `default`; the earlier of these
    takes precedence.

    Parameters
    ----------
    recipe : Recipe
    cohort : Cohort

    Returns
    -------
    dict of str to tuple of StepSpec
        By modality.

    Raises
    ------
    InputError
        For unknown keys, for steps and options that do not exist, and for custom steps that break
        the contract.
    """
    given = recipe.prepare.steps
    known = {"default", *cohort.modalities, *ENTITIES, *KINDS}
    for key in given if isinstance(given, dict) else ():
        if key not in known:
            raise InputError(
                f"recipe {recipe.name!r}: [prepare] steps names {key!r}{nearest(key, known)}"
            )
    steps = {name: recipe.steps_of(*_names(each)) for name, each in cohort.modalities.items()}
    distinct = {repr(spec): spec for specs in steps.values() for spec in specs}
    for spec in distinct.values():
        _check(spec)
    return steps


def _names(modality: Modality) -> tuple[str, str, str]:
    """The keys by which `[prepare] steps` may name a modality."""
    return modality.name, modality.entity, modality.kind


def _check(spec: StepSpec) -> None:
    """Raises `InputError` for a step that does not exist, takes other options, or is faulty."""
    kind = step(spec.step)
    check_options(spec.step, kind, spec.options)
    if ":" in spec.step:
        file = Path(spec.step.rpartition(":")[0])
        _check_own(spec.step, json.dumps(spec.options), file_sha256(file))


@lru_cache(maxsize=64)
def _check_own(name: str, options: str, sha256: str) -> None:
    """Checks the contract of a custom step, once for each content of its file."""
    check_step(step(name), name, json.loads(options))


def reads_target(recipe: Recipe, cohort: Cohort) -> bool:
    """Whether any step uses labels, so that its tables are fitted anew for each inner fold."""
    specs = [spec for specs in steps_of(recipe, cohort).values() for spec in specs]
    return any(step(spec.step).reads_target(**spec.options) for spec in specs)


def unlabelled_steps(recipe: Recipe, modality: Modality) -> list[StepSpec]:
    """The steps of a modality where there are no labels: `select` keeps all columns."""
    specs = recipe.prepare.of(*_names(modality))
    select_all = StepSpec(step="select")
    return [select_all if spec.step == "select" else spec for spec in specs]
