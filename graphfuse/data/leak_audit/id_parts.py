"""Parts of ids, such as a site's letters in front, that go with the label."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from graphfuse.data.leak_audit.association import NOTED, Association, associated
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject
from graphfuse.errors import few

_SEPARATOR = re.compile(r"[^A-Za-z0-9]+")
_LETTERS = re.compile(r"^[A-Za-z]+")
_MEMBERS = 5  # patients of a part, on average; of fewer, ids tell patients or families apart


def label_in_ids(subject: Subject) -> list[Finding]:
    """The part of ids that is associated with the label most strongly (`cramers_v`).

    Parts stand between separators, and letters that a part begins with are one too: `S3-0012` has
    S3, S and 0012. A part that is a declared group is left to `confounded`.

    Parameters
    ----------
    subject
        The cohort of N patients, its groups and its label.

    Returns
    -------
    list of Finding
        A warning where Cramér's V is 0.5 or more, a note where it is 0.2 or more, or nothing.
    """
    ids = [str(patient) for patient in subject.cohort.patients]
    declared = [_numbered(values) for values in subject.cohort.groups.values()]
    parts = {}
    for name, values in id_parts(ids).items():
        is_declared = any(np.array_equal(_numbered(values), each) for each in declared)
        if not is_declared:
            parts[name] = values
    hits = {}
    for name, values in parts.items():
        found = associated(values, subject.labels)
        if found.p < RARE / len(parts) and found.v >= NOTED:
            hits[name] = found
    if not hits:
        return []
    strongest = max(hits, key=lambda name: hits[name].v)
    return [_finding(strongest, hits[strongest])]


def id_parts(ids: list[str]) -> dict[str, np.ndarray]:
    """Parts of ids that several patients share, in words → text `[N]`; '' where an id lacks it."""
    tokens = [[token for token in _SEPARATOR.split(name) if token] for name in ids]
    width = max(map(len, tokens), default=0)
    parts, known = {}, []
    for place in range(width):
        whole = np.array([each[place] if len(each) > place else "" for each in tokens])
        letters = np.array([_letters(token) for token in whole])
        for name, values in (
            (f"part {place + 1}", whole),
            (f"letters of part {place + 1}", letters),
        ):
            numbered = _numbered(values)
            groups = numbered.max(initial=0) + 1
            is_new = not any(np.array_equal(numbered, each) for each in known)
            if 1 < groups <= len(ids) / _MEMBERS and is_new:
                parts[name] = values
                known.append(numbered)
    return parts


def _letters(token: str) -> str:
    """The letters with which a token begins."""
    match = _LETTERS.match(token)
    return match[0] if match else ""


def _numbered(values: np.ndarray) -> np.ndarray:
    """The groups numbered by first appearance, so that equal groupings are equal."""
    codes, _ = pd.factorize(np.asarray(values, dtype=object))
    return codes


def _finding(name: str, found: Association) -> Finding:
    """The finding of a part of ids that goes with the label."""
    message = (
        f"{name} of ids goes with the label: {found.in_words}, {len(found.counts)} values among "
        f"{few(found.counts.sum())} patients"
    )
    cure = (
        "if it is a site, a batch or a study, declare it as a group and score with folds grouped "
        "by it; nothing that a model sees should be made from ids"
    )
    count = len(found.counts)
    return Finding("id-by-label", found.severity, "patients", message, count, cure)
