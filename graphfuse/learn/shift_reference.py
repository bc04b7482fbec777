"""What a model keeps of its training patients' tables to compare those of new patients with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.data.shift.causes import in_figures, likely_cause
from graphfuse.data.shift.detect import Shift, ShiftReference
from graphfuse.errors import Faults, few_counted

FEW_VALUES = 0.5  # share of a modality's columns below which a row is flagged
FAR = 300.0  # training standard deviations beyond which a single value is flagged


@dataclass(frozen=True)
class Told:
    """What a comparison found in one modality: `message`, and whether it is `refused`."""

    message: str
    refused: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """References of a model's tables of numbers, and what its manifest declared of them.

    `references`: modality → what to compare with, for those that can be compared; `declared`:
    modality → (`values`, `transform`).
    """

    references: dict[str, ShiftReference]
    declared: dict[str, tuple[str, str]]

    @classmethod
    def fit(cls, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> Comparison:
        """Of the training patients in `cohort`, as their pipelines standardise them."""
        references, declared = {}, {}
        for name, pipeline in pipelines.items():
            modality = cohort.modalities[name]
            if modality.kind == "ehr":
                continue
            declared[name] = (modality.values, modality.transform)
            found = ShiftReference.fit(pipeline.standardise(pipeline.numbers(modality)))
            if found is not None:
                references[name] = found
        return cls(references, declared)

    def told(self, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> list[Told]:
        """What is to be said of a cohort of new patients, modality by modality."""
        found = []
        for name in self.declared:
            modality = cohort.modalities.get(name)
            if modality is None or modality.kind == "ehr":
                continue
            mismatch = self._declared_otherwise(modality)
            if mismatch:
                found.append(Told(mismatch, True))
            if name in self.references:
                found += self._shifted(modality, pipelines[name])
        return found

    def _declared_otherwise(self, modality: Modality) -> str:
        """What to say where a manifest declares other values than the model was trained on."""
        values, transform = self.declared[modality.name]
        where = f"modality {modality.name!r}"
        if "mixed" not in (values, modality.values) and values != modality.values:
            return (
                f'{where}: values = "{modality.values}" here, "{values}" in the model\'s '
                f"training; {_cure(modality.values, values)}"
            )
        if "none" not in (transform, modality.transform) and transform != modality.transform:
            return (
                f'{where}: transform = "{modality.transform}" here, "{transform}" in the model\'s '
                f'training; set transform = "{transform}"'
            )
        return ""

    def _shifted(self, modality: Modality, pipeline: Pipeline) -> list[Told]:
        reference, numbers = self.references[modality.name], pipeline.numbers(modality)
        shift = reference.compare(pipeline.standardise(numbers))
        if shift is None or not (shift.warned or shift.refused):
            return []
        known = (pipeline.sources, pipeline.medians, pipeline.standardise)
        cause = likely_cause(reference, numbers, *known)
        return [Told(_message(modality.name, shift, cause), shift.refused)]

    def flags(self, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> list[str]:
        """Why each row should not be trusted, from that row alone; blank where nothing is found."""
        reasons: list[list[str]] = [[] for _ in range(len(cohort))]
        for name, pipeline in pipelines.items():
            if name not in cohort.modalities:
                continue
            for words, rows in self._suspicious(cohort.modalities[name], pipeline):
                for row in np.flatnonzero(rows):
                    reasons[row].append(f"{name}: {words}")
        return ["; ".join(each) for each in reasons]

    def _suspicious(self, modality: Modality, pipeline: Pipeline) -> list[tuple[str, np.ndarray]]:
        """Reasons, and bool `[N]` whom each concerns."""
        table = modality.table.reindex(columns=list(pipeline.columns))
        share = table.notna().mean(axis=1).to_numpy()
        columns = pipeline.standardise(pipeline.numbers(modality))
        far = (np.abs(columns) > FAR).any(axis=1)
        found = [
            ("most columns are missing", (share > 0) & (share < FEW_VALUES)),
            ("a value far beyond those of training", far),
        ]
        if modality.name in self.references:
            unlike = self.references[modality.name].far_out(columns)
            found.append(("profile unlike any of training", unlike & ~far))
        return found

    # -------------------------------------------------------------------------------------- on disk

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the comparison."""
        arrays = {
            f"shift/{name}/{key}": value
            for name, reference in self.references.items()
            for key, value in reference.state().items()
        }
        return arrays, {name: list(each) for name, each in self.declared.items()}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], declared: dict) -> Comparison:
        """The comparison of `state`'s arrays and JSON."""
        references = {}
        for name in declared:
            start = f"shift/{name}/"
            own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            if own:
                references[name] = ShiftReference.from_state(own)
        return cls(references, {name: tuple(each) for name, each in declared.items()})


def refuse(where: str, found: list[Told]) -> None:
    """Raises `InputError` with all that is refused, if anything is."""
    faults = Faults(where)
    for told in found:
        if told.refused:
            faults.add(f"{told.message}; or go on with --allow-shift (Python: allow_shift=True)")
    faults.stop()


def _message(name: str, shift: Shift, cause: str) -> str:
    return (
        f"modality {name!r}: the tables of {few_counted(shift.patients, 'patient')} are not on the "
        f"scale that the model was trained on ({in_figures(shift)}). They look like {cause}: give "
        "values as in training"
    )


def _cure(here: str, trained: str) -> str:
    """What to do about values of another kind."""
    if trained == "log" and here == "counts":
        return 'take logarithms by transform = "log1p" or "cpm-log", as in training'
    return f"give values as in training, or correct values = where they are {trained!r} after all"
