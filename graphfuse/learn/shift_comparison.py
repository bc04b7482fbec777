"""Comparison of new patients' tables with summaries of those of the training patients."""

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
class Finding:
    """A difference between new tables and those of training in one modality.

    Attributes
    ----------
    message : str
        What differs, and the likely cause.
    refused : bool
        Whether patients are not scored unless the user allows it.
    """

    message: str
    refused: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """Summaries of a model's training tables, and what its manifest declared of them.

    Attributes
    ----------
    references : dict of str to ShiftReference
        Modality → summary of its training table, for tables of numbers that can be compared.
    declared : dict of str to tuple of str
        Modality → its `values` and `transform` in the manifest.
    """

    references: dict[str, ShiftReference]
    declared: dict[str, tuple[str, str]]

    @classmethod
    def fit(cls, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> Comparison:
        """Summaries of the tables of the training patients `cohort`, as pipelines scale them."""
        references, declared = {}, {}
        for name, pipeline in pipelines.items():
            modality = cohort.modalities[name]
            if modality.kind == "ehr":
                continue
            declared[name] = (modality.values, modality.transform)
            reference = ShiftReference.fit(pipeline.standardise(pipeline.numbers(modality)))
            if reference is not None:
                references[name] = reference
        return cls(references, declared)

    def findings(self, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> list[Finding]:
        """How the tables of new patients differ from those of training, modality by modality."""
        findings = []
        for name in self.declared:
            modality = cohort.modalities.get(name)
            if modality is None or modality.kind == "ehr":
                continue
            mismatch = self._declaration_mismatch(modality)
            if mismatch:
                findings.append(Finding(mismatch, True))
            if name in self.references:
                findings += self._shift_findings(modality, pipelines[name])
        return findings

    def _declaration_mismatch(self, modality: Modality) -> str:
        """A message where a manifest declares other values than those of training, else blank."""
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

    def _shift_findings(self, modality: Modality, pipeline: Pipeline) -> list[Finding]:
        """The finding of a modality whose values are shifted, if they are."""
        reference = self.references[modality.name]
        numbers = pipeline.numbers(modality)
        shift = reference.compare(pipeline.standardise(numbers))
        if shift is None or not (shift.warned or shift.refused):
            return []
        scales = (pipeline.sources, pipeline.medians, pipeline.standardise)
        cause = likely_cause(reference, numbers, *scales)
        return [Finding(_message(modality.name, shift, cause), shift.refused)]

    def flags(self, cohort: Cohort, pipelines: Mapping[str, Pipeline]) -> list[str]:
        """Why each row should not be trusted, from that row alone; blank where there is nothing."""
        reasons: list[list[str]] = [[] for _ in range(len(cohort))]
        for name, pipeline in pipelines.items():
            if name not in cohort.modalities:
                continue
            for reason, rows in self._suspicious(cohort.modalities[name], pipeline):
                for row in np.flatnonzero(rows):
                    reasons[row].append(f"{name}: {reason}")
        return ["; ".join(each) for each in reasons]

    def _suspicious(self, modality: Modality, pipeline: Pipeline) -> list[tuple[str, np.ndarray]]:
        """Reasons not to trust rows of a modality, and bool `[N]` which rows each concerns."""
        table = modality.table.reindex(columns=list(pipeline.columns))
        share = table.notna().mean(axis=1).to_numpy()  # [N], of the model's columns
        mostly_missing = (share > 0) & (share < FEW_VALUES)
        columns = pipeline.standardise(pipeline.numbers(modality))
        far = (np.abs(columns) > FAR).any(axis=1)
        reasons = [
            ("most columns are missing", mostly_missing),
            ("a value far beyond those of training", far),
        ]
        if modality.name in self.references:
            unlike = self.references[modality.name].far_out(columns)
            reasons.append(("profile unlike any of training", unlike & ~far))
        return reasons

    # -------------------------------------------------------------------------------------- on disk

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the comparison."""
        arrays = {}
        for name, reference in self.references.items():
            own = reference.state()
            arrays |= {f"shift/{name}/{key}": value for key, value in own.items()}
        return arrays, {name: list(each) for name, each in self.declared.items()}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], declared: dict) -> Comparison:
        """The comparison from the arrays and JSON of `state`."""
        references = {}
        for name in declared:
            start = f"shift/{name}/"
            own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            if own:
                references[name] = ShiftReference.from_state(own)
        return cls(references, {name: tuple(each) for name, each in declared.items()})


def refuse(where: str, findings: list[Finding]) -> None:
    """Raises `InputError` with all findings that are refused, if there are any."""
    faults = Faults(where)
    for finding in findings:
        if finding.refused:
            faults.add(f"{finding.message}; or go on with --allow-shift (Python: allow_shift=True)")
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
