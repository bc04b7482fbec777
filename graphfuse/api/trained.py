"""What a trained report or model is used for: rankings, predictions, scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.evaluate import external
from graphfuse.evaluate.report import Report
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.ranking import rank as rank_replicas
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel


def rank(report: Report, top: int = 50, *, device: str = "auto") -> Ranking:
    """Ranked features, genes, edges and modalities of a trained report; `top` is how many a print
    shows."""
    return rank_replicas(
        report.replicas,
        report.cohort,
        report.network,
        report.model.class_names,
        pick_device(device),
    ).top(top)


def predict(
    model: FusionModel | str | Path,
    cohort: Cohort | str | Path,
    *,
    allow_shift: bool = False,
    device: str | None = None,
) -> pd.DataFrame:
    """`patient, call, p_<class>…, flag` for patients that the model may never have seen; `model`:
    fitted, or its run directory; `cohort`: theirs, or its manifest, which is then read by the
    model's types of columns, so that no row depends on the file's others. `flag` says why a row
    should not be trusted, blank where nothing was found. Raises `InputError` where tables are far
    from the scale of training, unless `allow_shift` (`FusionModel.shifts`), and for a `device`
    (default: the model's own) that is not there."""
    if not isinstance(model, FusionModel):
        model = FusionModel.load(Path(model) / "model")
    model = model.on(device)
    return model.table(as_cohort(cohort, like=model), allow_shift=allow_shift)


def score(
    run: str | Path | Report | FusionModel,
    cohort: Cohort | str | Path,
    target: str | None = None,
    *,
    seed: int = 0,
    allow_shift: bool = False,
    device: str | None = None,
):
    """An `External`: a trained run on a cohort that it never saw, both frozen by hash
    (`evaluate.external.score`)."""
    return external.score(run, cohort, target, seed=seed, allow_shift=allow_shift, device=device)
