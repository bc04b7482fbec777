"""A trained model as it stood: its hashes, and who trained it, as far as it says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.run_report import Report, load_record
from graphfuse.evaluate.run_tables import load_folds
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
    """A trained model as it stood: `hashes` sha256 of its files; of its training, as far as is
    known, the patients' `ids` and what is predicted of a patient by these alone, the `null` `[O]`;
    `about`: the run it is of."""

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
        folder = recover(Path(run))
        if (folder / "model.json").is_file() and not (folder / "run.json").is_file():
            model = FusionModel.load(folder, allow_parts=allow_parts)
            null = model.task_.null_on_record({})
            return cls(model, _hashes(folder), folder.name, null=null)
        record, saved = load_record(folder), inside(folder, "model")
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
    """bool `[N]`: whose profile in some modality is a training patient's, as the model sees it; and
    the modalities looked at.

    A model keeps no profiles, but for each modality its training patients' linear logits by
    pattern, `[patterns × classes]` numbers that hardly two profiles share to 1e-11. Looked at:
    tables of numbers, and in them rows with at least 10 different values; EHR columns and small
    tables say too little of who somebody is. A rounded or rescaled copy is not found (for these:
    `graphfuse audit`).
    """
    fitted, looked = model.fitted_, []
    views, found = fitted.preparation.views(cohort), np.zeros(len(cohort), bool)
    for m, has in views.has.items():
        if (
            m not in cohort.modalities
            or cohort.modalities[m].kind == "ehr"
            or not fitted.linear.memory[m].any()
        ):
            continue
        rich = has & (cohort.modalities[m].table.nunique(axis=1) >= _VALUES).to_numpy()
        trained = fitted.preparation.present[:, list(views.own).index(m)]
        mine = np.hstack([views.own[m] @ slope for slope in fitted.linear.slopes[m]])
        theirs = np.hstack(list(fitted.linear.memory[m]))[trained]
        if rich.any():
            looked.append(m)
            limit = _SAME * np.abs(theirs).max()
            near, _ = cKDTree(theirs).query(mine[rich], p=np.inf, distance_upper_bound=limit)
            found[np.flatnonzero(rich)[np.isfinite(near)]] = True
    return found, looked
