"""Ids that look like several samples of one patient."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np

from graphfuse.data.leak_audit.duplicate_patients import as_tuples, sizes_in_words
from graphfuse.data.leak_audit.finding import Finding, Subject
from graphfuse.data.tcga_barcodes import LENGTH, tcga_share, uniform
from graphfuse.errors import few

_REPEAT = re.compile(
    r"^(.*\d.*?)[-_. ]?(?:rep|replicate|dup|duplicate|copy|bis)[-_. ]?\d{0,2}$", re.IGNORECASE
)
_NUMBER = re.compile(r"^(.+)[-_. ](\d+)$")
_VISITS = 4  # a stem with more numbers than this is a clinic, and the numbers are its patients


def related_ids(subject: Subject) -> list[Finding]:
    """Ids that look like samples of one patient: barcodes with one beginning, `P7` with `P7_2`,
    `P7_1` with `P7_2`, `P7-rep`.

    Numbers count where the stem is itself an id, or holds a digit and no stem has more than four:
    `clinic_1` to `clinic_90` are patients.
    """
    ids = subject.cohort.patients
    stems = _stems(list(map(str, ids)))
    sets = [np.array(rows) for rows in stems if len(rows) > 1]
    if not sets:
        return []
    patients = sum(map(len, sets))
    message = (
        f"{few(patients)} ids look like samples of one patient, in sets of {sizes_in_words(sets)}"
    )
    if subject.folds is not None:
        split, folds = subject.split(sets)
        message += f"; {few(split)} sets are on both sides of a fold, in {folds} folds"
    cure = (
        "keep one sample of each patient, or declare the patient as a group and score with "
        "folds grouped by it"
    )
    rows = as_tuples(sets)
    return [Finding("related-ids", "warning", "patients", message, patients, cure, patients=rows)]


def _stems(ids: list[str]) -> list[list[int]]:
    """The rows of each patient, by the stems of ids."""
    rows_of = defaultdict(list)
    if tcga_share(ids) > 0.5:
        for row, name in enumerate(ids):
            patient = uniform(name)[: LENGTH["tcga-patient"]]
            rows_of[patient].append(row)
        return list(rows_of.values())
    numbered = {name: match[1] for name in ids if (match := _NUMBER.match(name))}
    largest = max(Counter(numbered.values()).values(), default=0)
    are_clinics = largest > _VISITS
    known = set(ids)
    for row, name in enumerate(ids):
        stem = numbered.get(name, name)
        repeat = _REPEAT.match(name)
        if repeat:
            patient = repeat[1]
        elif stem in known or (not are_clinics and re.search(r"\d", stem)):
            patient = stem
        else:
            patient = name
        rows_of[patient].append(row)
    return list(rows_of.values())
