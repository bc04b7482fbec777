"""What a trained model is used for: rankings, predictions, scores on other cohorts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from graphfuse.api.rank_runs import rank_saved
from graphfuse.api.ranking_checks import RankingChecks
from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.evaluate.external import scoring
from graphfuse.evaluate.run_results import Report
from graphfuse.explain.biology.known_genes import GeneSets, KnownGenes, Markers
from graphfuse.explain.half_samples import settled
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.rank_over_folds import rank as rank_replicas
from graphfuse.explain.ranking import Ranking
from graphfuse.files.safe_paths import inside
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel
from graphfuse.schema.check_arguments import Count, Draws, Seed, checked


@checked
def rank(
    report: Report | str | Path,
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
    """Ranks the features, genes, edges and modalities of a trained run.

    Each fold's model is explained on the patients it was not trained on.

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
    gene_sets : str, Path or mapping of str to sequence of str, optional
        Gene sets that are tested for over-representation among the first genes: a `.gmt` file, a
        name in `graphs/gene_sets/` (`reactome` is fetched once), or the sets themselves.
    markers : str, Path or sequence of str, optional
        Known markers, as a positive control: a text file with a gene a line, or the genes. Where
        no column has a gene they are ids of features, such as `rna:ESR1_2099`.
    knockoffs : int
        How many times knockoffs are drawn, for a list of features and groups with a bounded
        false-discovery rate; 10 are enough to be stable. At a rate of 0.1 no list has fewer than
        10 items, whatever the data. By default there is no such list.
    resamples : int
        How many models of halves of the training patients are fitted, an even number such as 50:
        ranges of ranks and the stability of the first items are over them. By default ranges are
        over the fold models.
    nulls : int
        How many permutations of the labels scores are compared with (`null_quantile`), such as 100,
        on the halves of these resamples; 50 of them are made where none are asked for. Fewer than
        10 permutations have no part in the verdict.
    faithfulness : bool
        Whether it is measured, on held-out patients, how far models depend on what is ranked
        first, and models are trained anew on the first columns, some twenty in each fold.
    recovery : int
        In how many planted cohorts shaped like this one it is counted what the recipe and its
        ranking find; each is trained as long as the run's net was. 5 are enough for a first look.
    planted : int
        How many columns the outcome of a planted cohort depends on, at most a quarter of all.
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
        damaged; where none of the gene sets' genes, or of the markers, is measured.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 20, "meth": 10}, effect=2.0, seed=1).cohort
    >>> recipe = gf.Recipe.model_validate({"name": "quick", "train": {"epochs": 2, "seeds": 1}})
    >>> ranking = gf.rank(gf.train(cohort, recipe, cv=(2, 1), ledger=False))
    >>> len(ranking.nodes)
    30
    """
    folder = report.folder if isinstance(report, Report) else Path(report)
    known = KnownGenes.read(gene_sets, markers)
    checks = RankingChecks(knockoffs, resamples, nulls, faithfulness, recovery, planted)
    if folder is not None:
        return rank_saved(
            folder,
            top,
            cohort,
            method=method,
            network=network,
            known=known,
            checks=checks,
            allow_parts=allow_parts,
            device=device,
        )
    models = (report.replicas, report.cohort, report.network)
    device, chosen, record = pick_device(device), ranking_method(method), report.record
    checks.require(report.replicas, report.cohort, record)
    halves = None
    if checks.halves:
        recipe = settled(report.recipe, report.replicas)
        halves = checks.half_samples(*models, recipe, record, device)
    ranking = rank_replicas(*models, device, chosen, halves, checks.nulls)
    ranking = checks.added_to(ranking, *models, record, chosen, device)
    return ranking.top(top).with_biology(report.network, known)


@checked
def predict(
    model: FusionModel | Report | str | Path,
    cohort: Cohort | str | Path,
    *,
    allow_shift: bool = False,
    device: str | None = None,
    allow_parts: Iterable[str | Path] = (),
) -> pd.DataFrame:
    """Predicts the outcome of patients, whom the model need not have seen.

    Parameters
    ----------
    model : FusionModel, Report, str or Path
        Fitted, the report of its run, or its run directory or model folder, of which nothing is
        run.
    cohort : Cohort, str or Path
        Patients, or their manifest, which is then read by the model's types of columns, so that no
        row depends on the file's others.
    allow_shift : bool
        Whether tables far from the scale of training give a warning only, and no error.
    device : str or None
        Where it is computed; by default the model's own.
    allow_parts : iterable of str or Path
        Python files whose parts the run directory's model may use (`FusionModel.load`).

    Returns
    -------
    pandas.DataFrame
        A row for each patient: `patient, call, p_<class>…, flag` for classes, `patient, value, lo,
        hi, flag` for numbers. `flag` says why a row should not be trusted; blank where nothing
        speaks against it.

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
    """The model that is given, or that of a report, a run directory or a model folder.

    Raises
    ------
    InputError
        As `FusionModel.load` does.
    """
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
    """Scores a trained model on a cohort that it never saw, both identified by hash.

    Nothing is fitted, chosen or calibrated on that cohort. Patients may lack modalities.

    Parameters
    ----------
    run : FusionModel, Report, str or Path
        A fitted model, the report of its run, or its run directory.
    cohort : Cohort, str or Path
        Patients with an outcome, or their manifest. Classes are matched by their names.
    target : str, optional
        The cohort's outcome; by default the one with the name that the model was trained on.
    seed : int
        Of the draws of patients behind the intervals.
    allow_shift : bool
        Whether tables far from the scale of training are scored with a warning, not refused.
    device : str, optional
        Where it is computed; by default the model's own.
    allow_parts : iterable of str or Path
        Python files whose parts the run directory's model may use (`FusionModel.load`).

    Returns
    -------
    External
        Scores with intervals, predictions, and the hashes of the model and the cohort.

    Raises
    ------
    InputError
        For labels that the model was not trained on, tables far from the scale of training, and a
        device that is not there.
    LeakError
        Where patients of the cohort trained the model, by id or by profile.
    """
    return scoring.score(
        run,
        cohort,
        target,
        seed=seed,
        allow_shift=allow_shift,
        device=device,
        allow_parts=allow_parts,
    )
