"""Explanations of one patient's prediction, of a run's own cohort or of another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.api.rank_runs import check_folds, own_cohort
from graphfuse.api.use_model import model_of
from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.errors import InputError, counted, nearest
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import splits
from graphfuse.evaluate.read_run_tables import load_folds, load_predictions
from graphfuse.evaluate.run_directory import load_record
from graphfuse.evaluate.run_results import Report
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import Method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.patient.explain_patient import Asked, explain_patient
from graphfuse.explain.patient.explanation import EXPLANATION, Explanation
from graphfuse.files.atomic_write import whole_folder
from graphfuse.files.safe_paths import inside
from graphfuse.learn import preparation
from graphfuse.learn.device import pick_device
from graphfuse.learn.model import FusionModel
from graphfuse.report.patient_plot import draw
from graphfuse.schema import RunRecord
from graphfuse.schema.check_arguments import Count, checked

OPTIMISTIC = (
    "Explained by the final model. It was trained on this patient, whom no fold tests: the "
    "prediction may be better than that of a new patient would be."
)


@checked
def explain(
    run: Report | str | Path,
    cohort: Cohort | str | Path,
    row: str,
    *,
    method: str = DEFAULT,
    top: Count = 10,
    allow_shift: bool = False,
    allow_parts: Iterable[str | Path] = (),
    device: str = "auto",
) -> Explanation:
    """Explains the prediction of one patient.

    A patient of the run's own cohort is explained by the model of the first fold that tests them,
    which was not trained on them; one of another cohort by the final model.

    Parameters
    ----------
    run : Report, str or Path
        A run directory, or the report of a run that was saved or is still in memory.
    cohort : Cohort, str or Path
        The patients among whom the patient is, or their manifest.
    row : str
        The patient's id.
    method : str
        How columns are scored, as in `graphfuse.rank`.
    top : int
        How many columns a print shows.
    allow_shift : bool
        Whether tables far from the scale of training give a warning only, and no error.
    allow_parts : iterable of str or Path
        Python files whose parts the run's models may use (`FusionModel.load`).
    device : str
        Where it is computed: "auto", "cpu" or "cuda".

    Returns
    -------
    Explanation
        Attributions, LIME's local linear model, and counterfactuals; `save_explanation` writes it.

    Raises
    ------
    InputError
        Where there is no such run, cohort, patient or method, the patient has none of the model's
        modalities, or tables are far from the scale of training.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse import api
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 20}, carriers=2, effect=4.0, seed=1).cohort
    >>> recipe = gf.Recipe.model_validate({"name": "quick", "train": {"epochs": 0, "seeds": 1}})
    >>> report = gf.train(cohort, recipe, cv=(2, 1), ledger=False)
    >>> explanation = api.explain(report, cohort, cohort.patients[0], top=2)
    >>> sorted(explanation.attributions["feature"].head(2))
    ['rna:G0001', 'rna:G0010']
    """
    chosen = ranking_method(method)
    device = pick_device(device)
    with _each_warning_once():
        if isinstance(run, Report) and run.folder is None:
            asked = _asked_of_report(run, as_cohort(cohort), row, chosen)
        else:
            folder = run.folder if isinstance(run, Report) else Path(run)
            asked = _asked_of_folder(folder, cohort, row, chosen, allow_shift, allow_parts)
        return explain_patient(asked.on(device), chosen, top)


@contextmanager
def _each_warning_once() -> Iterator[None]:
    """Lets a warning about absent modalities pass once: the patient's columns are prepared
    often."""
    given = set()

    def is_new(record: logging.LogRecord) -> bool:
        key = (record.msg, *(record.args or ())[:1])
        seen = key in given
        given.add(key)
        return not seen

    log = logging.getLogger(preparation.__name__)
    log.addFilter(is_new)
    try:
        yield
    finally:
        log.removeFilter(is_new)


def save_explanation(explanation: Explanation, folder: str | Path) -> Path:
    """Writes an explanation's tables, its README.txt and its picture, in place of an older one.

    Parameters
    ----------
    explanation : Explanation
        Of `explain`.
    folder : str or Path
        The folder to write.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Where the folder holds other files than those of an explanation.
    """
    folder = Path(folder)
    with whole_folder(folder, EXPLANATION) as part:
        explanation.save(part)
        title = f"Patient {explanation.patient}: {explanation.said}"
        words = explanation.direction, explanation.unit
        draw(explanation.attributions, title, *words, part / "explanation.png")
    return folder


# ----------------------------------------------------------------------- which model explains whom


def _row_of(cohort: Cohort, patient: str) -> int:
    """The row of a patient in a cohort. Raises `InputError` where there is none."""
    ids = cohort.patients.astype(str)
    found = np.flatnonzero(ids == patient)
    if not len(found):
        raise InputError(
            f"--row {patient}: cohort {cohort.name!r} has no such patient"
            f"{nearest(patient, ids, limit=0)}"
        )
    return int(found[0])


def _asked_of_report(report: Report, cohort: Cohort, patient: str, method: Method) -> Asked:
    """The patient and the model of a run that is in memory."""
    if report.cohort is None or cohort.digest() != report.cohort.digest():
        return _new(report.model, cohort, patient, report.cohort, (), method)
    row = _row_of(cohort, patient)
    for replica in report.replicas:
        if row in replica.tested:
            return _tested(replica, cohort, row, report.predictions, method)
    return _untested(report.model, cohort, row, method)


def _asked_of_folder(
    folder: Path,
    cohort: Cohort | str | Path,
    patient: str,
    method: Method,
    allow_shift: bool,
    allow_parts: Iterable[str | Path],
) -> Asked:
    """The patient and the model of a run directory."""
    record = load_record(folder)
    own = as_cohort(cohort)
    if own.digest() != record.hashes.get("data"):
        model = model_of(folder, allow_parts)
        others = as_cohort(cohort, like=model)
        known = set(load_folds(folder)["patient"])
        training = _training_tables(folder, record)
        return _new(model, others, patient, training, known, method, allow_shift)
    row = _row_of(own, patient)
    for split in splits(load_folds(folder), own.outcome(record.target).known):
        if row in split.tested:
            saved = inside(folder, f"model/folds/r{split.repeat}f{split.fold}")
            model = FusionModel.load(saved, allow_parts=allow_parts)
            replica = Replica(*split, model)
            check_folds(folder, record, [replica], own)
            predictions = load_predictions(folder, record.task)
            return _tested(replica, own, row, predictions, method)
    return _untested(model_of(folder, allow_parts), own, row, method)


def _training_tables(folder: Path, record: RunRecord) -> Cohort | None:
    """The run's own cohort; `None` where its files are not here."""
    try:
        own = own_cohort(folder, record)
    except InputError:
        return None
    return own if own.digest() == record.hashes.get("data") else None


def _tested(
    replica: Replica, cohort: Cohort, row: int, predictions: pd.DataFrame, method: Method
) -> Asked:
    """A patient of the run's cohort, and the model of a fold that tests them."""
    which = f"repeat {replica.repeat}, fold {replica.fold}"
    about = [f"Explained by the model of {which}, which was not trained on this patient."]
    about += _other_repeats(predictions, str(cohort.patients[row]), replica)
    tested = cohort.take(replica.tested)
    place = int(np.flatnonzero(replica.tested == row)[0])
    training = cohort.take(replica.train)
    return _asked(replica.model, tested, place, training, about, method)


def _other_repeats(predictions: pd.DataFrame, patient: str, replica: Replica) -> list[str]:
    """What models of other repeats say of the patient, in a sentence."""
    of_patient = predictions[predictions["patient"].astype(str) == patient]
    others = of_patient[of_patient["repeat"] != replica.repeat]
    if others.empty:
        return []
    said = others[replica.model.task_.columns[0]]
    if pd.api.types.is_numeric_dtype(said):
        words = f"{said.min():.4g} to {said.max():.4g}"
    else:
        words = ", ".join(f"{call} {count}x" for call, count in said.value_counts().items())
    others = counted(len(said), "other repeat")
    return [f"Models of {others}, not trained on this patient either, say: {words}."]


def _untested(model: FusionModel, cohort: Cohort, row: int, method: Method) -> Asked:
    """A patient of the run's cohort whom no fold tests, and the final model."""
    about = OPTIMISTIC
    if not cohort.outcome(model.target_).known[row]:
        about = (
            "Explained by the final model. This patient has no label, and so is tested by no "
            "fold; in its training they took part as a neighbour without one."
        )
    return _asked(model, cohort, row, cohort, [about], method)


def _new(
    model: FusionModel,
    cohort: Cohort,
    patient: str,
    training: Cohort | None,
    known: Iterable[str],
    method: Method,
    allow_shift: bool = False,
) -> Asked:
    """A patient of another cohort, and the final model."""
    row = _row_of(cohort, patient)
    flag = model.table(cohort, allow_shift=allow_shift)["flag"].iloc[row]
    about = ["Explained by the final model, as the patient is of another cohort than the run's."]
    if patient in known:
        about = [
            "Explained by the final model. The cohort is not, or no longer, that of the run, but "
            "a patient of this id was trained on: this is no test."
        ]
    if flag:
        about.append(f"Flagged: {flag}.")
    return _asked(model, cohort, row, training, about, method)


def _asked(
    model: FusionModel,
    cohort: Cohort,
    row: int,
    training: Cohort | None,
    about: list[str],
    method: Method,
) -> Asked:
    """What is asked, once the model is known to predict the patient at all."""
    model.output(cohort.take([row]))
    group_of = None
    if method.needs_groups:
        group_of = _groups(model, training, method)
    return Asked(model.fitted_, cohort, row, model.target_, training, tuple(about), group_of)


def _groups(model: FusionModel, training: Cohort | None, method: Method) -> pd.Series:
    """The group of each column, clustered on the model's training patients."""
    if training is None:
        raise InputError(
            f"method = {method.name!r} needs the run's training tables, which are not here; take "
            "another method"
        )
    modalities = [training.modalities[name] for name in model.modalities_]
    features = [feature for modality in modalities for feature in modality.feature_ids]
    groups = ColumnGroups.of(modalities, np.arange(len(training)))
    return pd.Series(groups.of_columns, features)
