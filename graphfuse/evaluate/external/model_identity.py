"""A trained model as it is when it is scored: its hashes, and whom it was trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.read_run_tables import load_folds
from graphfuse.evaluate.run_directory import load_record
from graphfuse.evaluate.run_results import Report
from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.files.safe_paths import inside
from graphfuse.files.working_folders import recover
from graphfuse.learn.model import FusionModel
from graphfuse.text.id_spelling import style, visible

_VALUES = 10  # different values that a row needs for it to be anybody's profile
_SAME = 1e-11  # of the largest logit
_FILES = ("model.json", "model.safetensors")


@dataclass(frozen=True, eq=False)
class Frozen:
    """A trained model as it is when it is scored.

    Attributes
    ----------
    model : FusionModel
    hashes : dict of str to str
        sha256 of its files.
    about : str
        The run it is of.
    ids : frozenset of str or None
        Of the patients it was trained on; `None` where they are not known.
    null : np.ndarray or None
        `[O]`, the output of the task's baseline on these patients; `None` where it is not known.
    """

    model: FusionModel
    hashes: dict[str, str]
    about: str
    ids: frozenset[str] | None = None
    null: np.ndarray | None = None

    @property
    def sha256(self) -> str:
        """One hash of the model's files."""
        return text_sha256("".join(self.hashes[name] for name in sorted(self.hashes)))

    @classmethod
    def of(
        cls, run: str | Path | Report | FusionModel, allow_parts: Iterable[str | Path] = ()
    ) -> Frozen:
        """Of a run directory, a report, or a model (or its folder), of which no ids are known, nor
        what its run has on record; `allow_parts`: as in `FusionModel.load`."""
        if isinstance(run, FusionModel):
            return cls(run, _hashes_of(run), "in memory", null=run.task_.null_on_record({}))
        if isinstance(run, Report):
            null = run.model.task_.null_on_record(run.record.fitted)
            ids = frozenset(run.folds["patient"].astype(str))
            return cls(run.model, _hashes_of(run.model), run.record.cohort, ids, null)
        return cls._of_folder(recover(Path(run)), allow_parts)

    @classmethod
    def _of_folder(cls, folder: Path, allow_parts: Iterable[str | Path]) -> Frozen:
        """Of a run directory, or the folder of a model."""
        if (folder / "model.json").is_file() and not (folder / "run.json").is_file():
            model = FusionModel.load(folder, allow_parts=allow_parts)
            null = model.task_.null_on_record({})
            return cls(model, _hashes(folder), folder.name, null=null)
        record = load_record(folder)
        saved = inside(folder, "model")
        model = FusionModel.load(saved, allow_parts=allow_parts)
        ids = frozenset(load_folds(folder)["patient"])
        null = model.task_.null_on_record(record.fitted)
        return cls(model, _hashes(saved), folder.resolve().name, ids, null)


def alike(ids: Iterable[str]) -> pd.Series:
    """Ids without what spelling may change: case, width, and dots, dashes or blanks."""
    return pd.Series([style(visible(name)) for name in ids], dtype=str)


def _hashes(folder: Path) -> dict[str, str]:
    return {name: file_sha256(folder / name) for name in _FILES}


def _hashes_of(model: FusionModel) -> dict[str, str]:
    """Of the files that saving it writes."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        return _hashes(Path(folder))


def known_profiles(model: FusionModel, cohort: Cohort) -> tuple[np.ndarray, list[str]]:
    """Patients whose profile in some modality is that of a training patient, as the model sees it.

    A model keeps no profiles, but for each modality its training patients' linear logits by
    pattern, `[patterns × classes]` numbers that hardly two profiles share to 1e-11. Only rows with
    at least 10 different values in tables of numbers are compared: EHR columns and small tables do
    not identify a patient. A rounded or rescaled copy is not recognised (for these: `graphfuse
    audit`).

    Returns
    -------
    is_known : np.ndarray
        bool `[N]`.
    compared : list of str
        The modalities that could be compared.
    """
    preparation = model.fitted_.preparation
    views = preparation.views(cohort)
    is_known, compared = np.zeros(len(cohort), bool), []
    linear = model.fitted_.linear
    for number, (m, own) in enumerate(views.own.items()):
        rows = np.flatnonzero(views.has[m] & _is_rich(cohort, m))
        if not len(rows) or not linear.memory[m].any():
            continue
        compared.append(m)
        has = preparation.present[:, number]
        trained = np.hstack(list(linear.memory[m]))[has]
        logits = np.hstack([own @ slope for slope in linear.slopes[m]])
        is_known[rows[_has_equal(logits[rows], trained)]] = True
    return is_known, compared


def _is_rich(cohort: Cohort, modality: str) -> np.ndarray:
    """bool `[N]`: whose row of a modality has enough values to identify a patient."""
    if modality not in cohort.modalities or cohort.modalities[modality].kind == "ehr":
        return np.zeros(len(cohort), bool)
    different = cohort.modalities[modality].table.nunique(axis=1).to_numpy()
    return different >= _VALUES


def _has_equal(rows: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """bool `[q]`: which rows `[q, F]` are among those `trained` `[n, F]`, to rounding."""
    limit = _SAME * np.abs(trained).max()
    distance, _ = cKDTree(trained).query(rows, p=np.inf, distance_upper_bound=limit)
    return np.isfinite(distance)
