"""What a trained report or model is used for: rankings, predictions, scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from graphfuse.api.rank_runs import rank_saved
from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.evaluate.external import scoring
from graphfuse.evaluate.run_report import Report
from graphfuse.explain.fold_ranking import rank as rank_replicas
from graphfuse.explain.method import ranking_method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.ranking import Ranking
from graphfuse.files.safe_paths import inside
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel
from graphfuse.schema.arguments import Count, Seed, checked


@checked
def rank(
    report: Report | str | Path,
    top: Count = 50,
    cohort: Cohort | str | Path | None = None,
    *,
    method: str = DEFAULT,
    network: str | Path | None = None,
    allow_parts: Iterable[str | Path] = (),
    device: str = "auto",
) -> Ranking:
    """Ranked features, genes, edges and modalities of a trained run.

    Parameters
    ----------
    report : Report, str or Path
        What `train` gave, or a run directory, of which nothing is run and to which nothing is
        written.
    top : int
        How many a print shows.
    cohort : Cohort, str or Path, optional
        The cohort that a run directory is of; default: the one it names, where its files are here.
    method : str
        How columns and edges are scored: a name in `graphfuse.explain.methods.available()`, or one
        of your own as `file.py:Class`, whose file is run (see `graphfuse.explain.method`).
    network : str or Path, optional
        Its gene network, likewise.
    allow_parts : iterable of str or Path
        Python files whose parts its models may use (`FusionModel.load`).
    device : str
        Where gradients are computed: "auto", "cpu" or "cuda".

    Returns
    -------
    Ranking

    Raises
    ------
    InputError
        Where the method, the device, or what a run directory was trained on, is not here, or it is
        damaged.
    """
    folder = report.folder if isinstance(report, Report) else Path(report)
    if folder is not None:
        given = {"network": network, "allow_parts": allow_parts, "device": device}
        given |= {"method": method}
        return rank_saved(folder, top, cohort, **given)
    return rank_replicas(
        report.replicas,
        report.cohort,
        report.network,
        pick_device(device),
        ranking_method(method),
    ).top(top)


@checked
def predict(
    model: FusionModel | Report | str | Path,
    cohort: Cohort | str | Path,
    *,
    allow_shift: bool = False,
    device: str | None = None,
    allow_parts: Iterable[str | Path] = (),
) -> pd.DataFrame:
    """`patient, call, p_<class>…, flag` of a class outcome, `patient, value, lo, hi, flag` of a
    number, for patients that the model may never have seen.

    Parameters
    ----------
    model : FusionModel, Report, str or Path
        Fitted, the report of its run, or its run directory or model folder, of which nothing is
        run.
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
    model = model_of(model, allow_parts).on(device)
    return model.table(as_cohort(cohort, like=model), allow_shift=allow_shift)


def model_of(
    given: FusionModel | Report | str | Path, allow_parts: Iterable[str | Path]
) -> FusionModel:
    """The model that is given, or that of a report, a run directory or a model folder, of which
    nothing is run. Raises `InputError` as `FusionModel.load` does."""
    if isinstance(given, FusionModel):
        return given
    if isinstance(given, Report):
        return given.model
    folder = Path(given)
    is_model = (folder / "model.json").is_file() and not (folder / "run.json").is_file()
    saved = folder if is_model else inside(folder, "model")
    return FusionModel.load(saved, allow_parts=allow_parts)


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
    (`evaluate.external.scoring.score`)."""
    return scoring.score(
        run,
        cohort,
        target,
        seed=seed,
        allow_shift=allow_shift,
        device=device,
        allow_parts=allow_parts,
    )
