"""From a manifest (TOML) to a cohort."""

from __future__ import annotations

import logging
from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.read_manifest_cohort import read_cohort
from graphfuse.data.records.encode import Trained
from graphfuse.schema.check_arguments import checked

log = logging.getLogger(__name__)


@checked
def load(name_or_path: str | Path, like: Trained | None = None) -> Cohort:
    """Reads the cohort that a manifest describes.

    Its patients are the union over modalities, sorted; a patient without a modality has a row of
    missing values there. Notices go to the log as warnings.

    Parameters
    ----------
    name_or_path : str or Path
        A path to a .toml, or a name in `data_manifests/`.
    like : FusionModel, optional
        The model that is to be applied. Columns of records then have the types with which it was
        trained, and none is guessed from the rows of this file.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        With every fault of files, columns, values and ids.
    FetchError
        Where files cannot be obtained.

    Examples
    --------
    >>> written = Path("rna.csv").write_text("patient,TP53,arm\\nP1,1.5,a\\nP2,2.5,b\\n")
    >>> manifest = '''
    ... name = "clinic"
    ... [outcome.arm]
    ... kind = "class"
    ... file = "rna.csv"
    ... column = "arm"
    ... [modality.rna]
    ... file = "rna.csv"
    ... kind = "omics"
    ... entity = "gene"
    ... '''
    >>> written = Path("clinic.toml").write_text(manifest)
    >>> load("clinic.toml")
    Cohort(clinic: 2 patients)
      Modality(rna: omics, 2 of 2 patients, 1 columns, 1 columns with a gene)
      Outcome(arm: class; a 1, b 1; unlabelled 0)
    """
    reading = read_cohort(name_or_path, None if like is None else like.record_types)
    reading.faults.stop()
    for notice in reading.notices:
        log.warning("%s: %s", reading.manifest.name, notice)
    return reading.cohort


@checked
def as_cohort(cohort: Cohort | str | Path, like: Trained | None = None) -> Cohort:
    """A cohort as it is, or loaded from its manifest (`like` as in `load`). Raises `InputError` for
    anything else."""
    return cohort if isinstance(cohort, Cohort) else load(cohort, like)
