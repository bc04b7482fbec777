"""Plans: the time, memory and disk that a training would take."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.api.plan_by_probes import Planner, quiet
from graphfuse.api.training_inputs import TrainingInputs
from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.evaluate.cost_plan.estimate import (
    Plan,
    Spent,
)
from graphfuse.evaluate.protocol import Protocol
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.device import pick_device
from graphfuse.learn.recipe_parts import with_parts
from graphfuse.schema import DEFAULT_RECIPE, Recipe


def plan(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    target: str | None = None,
    *,
    cv: tuple[int, int] | int = (5, 5),
    folds: str | Path | pd.DataFrame | None = None,
    group: str | None = None,
    leave_out: str | None = None,
    split: str | None = None,
    holdout: float | tuple[float, int] | None = None,
    network: str | Path | GeneNetwork | None = None,
    search: bool = False,
    ledger: bool = True,
    modalities: bool = False,
    ranked: bool = False,
    seed: int = 0,
    device: str = "auto",
) -> Plan:
    """Says what the command `train` with the same arguments would take: time, memory, disk.

    Trainings of some patients (64, 128, …, for as long as that is cheap) are timed part by part
    and extrapolated to all of them; ridge regressions, the nets' steps and the graphs' files are
    timed near full size. Memory is computed from the sizes of what is kept. Nets are assumed to
    stop as early as in the largest of those trainings. The command also writes a report and
    graphs; `gf.train` does not take what these do.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest.
    recipe, target, cv, folds, group, leave_out, split, holdout, network, search, ledger, \
modalities, seed, device
        As in `train`.
    ranked : bool
        Whether rankings are made too, as `run` does.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        For input that `train` would not take either.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(40, {"rna": 8}, effect=2.0, seed=1).cohort
    >>> recipe = gf.Recipe.model_validate({"name": "quick", "train": {"epochs": 2, "seeds": 1}})
    >>> plan = gf.plan(cohort, recipe, cv=(2, 1), ledger=False)
    >>> plan.patients, plan.probed
    (40, (40,))
    """
    began = Spent.now()
    device = pick_device(device)
    protocol = Protocol.of(
        cv, folds=folds, group=group, leave_out=leave_out, split=split, holdout=holdout
    )
    recipe = with_parts(Recipe.of(recipe).searched() if search else recipe)
    cohort = as_cohort(cohort)
    reading = began.since()
    began = Spent.now()
    with quiet():
        inputs = TrainingInputs.of(
            cohort,
            recipe,
            target,
            protocol,
            Beside(ledger, modalities),
            network=network,
            seed=seed,
            device=device,
        )
    before = {"reading": reading, "checks, gene network": began.since()}
    return Planner(inputs).plan(before, ranked)
