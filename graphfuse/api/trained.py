"""What a trained report or model is used for: rankings, predictions, scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.evaluate import external
from graphfuse.evaluate.report import Report
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.ranking import rank as rank_replicas
from graphfuse.files.inside import inside
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel
from graphfuse.schema.arguments import Count, Seed, checked


@checked
def rank(report: Report, top: Count = 50, *, device: str = "auto") -> Ranking:
    """Ranked features, genes, edges and modalities of a trained report; `top` is how many a print
    shows."""
    return rank_replicas(
        report.replicas,
        report.cohort,
        report.network,
        report.model.class_names,
        pick_device(device),
    ).top(top)


@checked
def predict(
    model: FusionModel | str | Path,
    cohort: Cohort | str | Path,
    *,
    allow_shift: bool = False,
    device: str | None = None,
    allow_parts: Iterable[str | Path] = (),
) -> pd.DataFrame:
    """`patient, call, p_<class>…, flag` for patients that the model may never have seen.

    Parameters
    ----------
    model : FusionModel, str or Path
        Fitted, or its run directory, of which nothing is run.
    cohort : Cohort, str or Path
        Patients, or their manifest, which is then read by the model's types of columns, so that no
        row depends on the file's others.
    allow_shift : bool
        Whether tables far from the scale of training are told of only, not refused.
    device : str or None
        Where it is computed; by default the model's own.
    allow_parts : iterable of str or Path
        Python files whose parts the run directory's model may use (`FusionModel.load`).

    Returns
    -------
    pandas.DataFrame
        `flag` says why a row should not be trusted, blank where nothing was found.

    Raises
    ------
    InputError
        Where there is no such model, cohort or device, or tables are far from the scale of training
        (`FusionModel.shifts`).
    """
    if not isinstance(model, FusionModel):
        model = FusionModel.load(inside(Path(model), "model"), allow_parts=allow_parts)
    model = model.on(device)
    return model.table(as_cohort(cohort, like=model), allow_shift=allow_shift)


@checked
def score(
    run: str | Path | Report | FusionModel,
    cohort: Cohort | str | Path,
    target: str | None = None,
    *,
    seed: Seed = 0,
    allow_shift: bool = False,
    device: str | None = None,
    allow_parts: Iterable[str | Path] = (),
):
    """An `External`: a trained run on a cohort that it never saw, both frozen by hash
    (`evaluate.external.score`)."""
    return external.score(
        run,
        cohort,
        target,
        seed=seed,
        allow_shift=allow_shift,
        device=device,
        allow_parts=allow_parts,
    )
