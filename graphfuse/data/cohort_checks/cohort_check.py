"""The check of a whole cohort before training: ids matched, columns mapped, values as declared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.declared_values import sniff_values
from graphfuse.data.cohort_checks.variation import barely_varying
from graphfuse.data.draft.column_roles import look
from graphfuse.data.groups import group_known
from graphfuse.data.leak_audit.run import label_leaks
from graphfuse.data.modality import Modality
from graphfuse.data.read_manifest_cohort import read_cohort
from graphfuse.errors import FEW, Faults, counted, few, few_counted, few_of
from graphfuse.task.outcome import Outcome

_UNKNOWN = None  # a key beside the names of groups, which are text
_PATTERNS_SHOWN = 8  # combinations of modalities, the most frequent


@dataclass(frozen=True, eq=False)
class Checked:
    """The results of a check; `str()` lists them.

    Parameters
    ----------
    name : str
        The name of the cohort.
    where : str
        The manifest.
    cohort : Cohort or None
        None where none can be built.
    faults : list of str
        What has to be corrected; `stop` raises them.
    notices : list of str
        What is odd and can be used.
    match : DataFrame
        One row per modality: kind, columns, genes, patients, only_here, labelled, missing_cells,
        declared, looks_like.
    patterns : Series
        Combination of modalities → the number of patients who have just these.
    refused : list of str, optional
        Why `train` would refuse the cohort; empty where it would not, None where that was not
        checked.
    """

    name: str
    where: str
    cohort: Cohort | None
    faults: list[str]
    notices: list[str]
    match: pd.DataFrame
    patterns: pd.Series
    refused: list[str] | None = None

    def stop(self) -> None:
        """Raises `InputError` with all faults if there are any."""
        faults = Faults(self.where)
        faults.messages = list(self.faults)
        faults.stop()

    def __str__(self) -> str:
        lines = [self.name]
        if self.cohort is not None:
            lines = [f"{self.name}: {few_counted(len(self.cohort), 'patient')}"]
            lines += ["", self._match_in_words(), "", *_patterns_in_words(self.patterns), ""]
            lines += [_outcome_in_words(outcome) for outcome in self.cohort.outcomes.values()]
            lines += [_group_in_words(name, values) for name, values in self.cohort.groups.items()]
        lines += _listed("warnings", self.notices)
        if not self.faults:
            lines += ["", *self._verdict()]
        return "\n".join(lines)

    def _match_in_words(self) -> str:
        """The table `match` without numbers under 5, and without numbers from which the size of
        such a class follows."""
        labelled = self.match["labelled"]
        shown = labelled.map(few)
        first = next(iter(self.cohort.outcomes.values()), None)
        if first is not None and _has_few(first):
            hidden = np.where(labelled < FEW, f"<{FEW}", f"{FEW} or more")
            shown = np.where(labelled == 0, "0", hidden)
        table = self.match.assign(
            patients=self.match["patients"].map(few),
            only_here=self.match["only_here"].map(few),
            labelled=shown,
        )
        return table.to_string()

    def _verdict(self) -> list[str]:
        """Whether the cohort can be trained on, for tables without faults."""
        if self.refused is None:
            return ["The tables have no faults."]
        if not self.refused:
            return ["No faults."]
        reasons = [f"  - {reason}" for reason in self.refused]
        return ["The tables can be read, but train would refuse them as they stand:", *reasons]


def check(name_or_path: str | Path) -> Checked:
    """Reads a cohort and checks its tables; nothing is trained.

    Parameters
    ----------
    name_or_path : str or Path
        A path to a manifest, or a name in `data_manifests/`.

    Returns
    -------
    Checked
        Faults of the data are gathered in its `faults`, not raised.

    Raises
    ------
    InputError
        For a manifest that cannot be read.
    FetchError
        For files that cannot be obtained.
    """
    reading = read_cohort(name_or_path)
    name, where = reading.manifest.name, reading.faults.where
    cohort = reading.cohort
    faults = list(reading.faults.messages)
    notices = list(reading.notices)
    if cohort is None:
        return Checked(name, where, None, faults, notices, pd.DataFrame(), pd.Series(dtype=int))
    notices += [*_outside_the_network(cohort), *barely_varying(cohort), *label_leaks(cohort)]
    return Checked(name, where, cohort, faults, notices, _match(cohort), _patterns(cohort))


def _outside_the_network(cohort: Cohort) -> list[str]:
    """Notices for protein tables that are not mapped to the gene network although their columns are
    named as genes are."""
    notices = []
    for modality in cohort.modalities.values():
        is_outside = modality.entity == "protein" and not any(modality.symbols)
        if is_outside and look(modality.table, "").entity == "gene":
            notices.append(
                f"[modality.{modality.name}] its columns look like gene symbols, but entity = "
                '"protein" keeps them out of the gene network: entity = "gene" lets it in; for '
                '[signalling], keep "protein" and say symbol = "^(.+)$"'
            )
    return notices


def _match(cohort: Cohort) -> pd.DataFrame:
    """One row per modality: its size, its patients, how many have only it, how many of them have
    the first outcome."""
    present = cohort.present
    labelled = np.zeros(len(cohort), dtype=bool)
    if cohort.outcomes:
        labelled = cohort.outcome().known
    has_one = present.sum(axis=1).to_numpy() == 1
    if present.shape[1] == 1:
        has_one = np.zeros(len(cohort), dtype=bool)
    rows = {}
    for name, modality in cohort.modalities.items():
        has_it = present[name].to_numpy()
        is_ehr = modality.kind == "ehr"
        rows[name] = {
            "kind": modality.kind,
            "columns": modality.table.shape[1],
            "genes": sum(symbol is not None for symbol in modality.symbols),
            "patients": int(has_it.sum()),
            "only_here": int((has_it & has_one).sum()),
            "labelled": int((has_it & labelled).sum()),
            "missing_cells": f"{_missing(modality.table[has_it]):.1%}",
            "declared": "-" if is_ehr else _declared(modality),
            "looks_like": "-" if is_ehr else sniff_values(modality.table),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _declared(modality: Modality) -> str:
    """The declared scale of the values, and the transform."""
    if modality.transform == "none":
        return modality.declared
    return f"{modality.declared}, {modality.transform}"


def _missing(table: pd.DataFrame) -> float:
    """The share of missing cells."""
    return float(table.isna().to_numpy().mean()) if table.size else 0.0


def _patterns(cohort: Cohort) -> pd.Series:
    """Combination of modalities ('rna + clinical') → patients who have just these, most frequent
    first."""
    names = cohort.present.apply(lambda row: " + ".join(row.index[row]), axis=1)
    return names.value_counts()


def _patterns_in_words(patterns: pd.Series) -> list[str]:
    """A line for each of the most frequent combinations."""
    lines = ["modalities together:"]
    for names, patients in patterns.head(_PATTERNS_SHOWN).items():
        lines.append(f"  {few_counted(patients, 'patient has', 'patients have')} {names}")
    more = len(patterns) - _PATTERNS_SHOWN
    if more > 0:
        lines.append(f"  and {counted(more, 'more pattern')}")
    return lines


def _outcome_in_words(outcome: Outcome) -> str:
    """The categories and their sizes, and the modalities from which the outcome was derived."""
    parents = ", ".join(outcome.derived_from)
    derived = f"; derived from {parents}" if parents else ""
    return f"outcome {outcome.name}: {outcome.task.in_words(outcome.target)}{derived}"


def _has_few(outcome: Outcome) -> bool:
    """Whether a category is so small that its size is not shown."""
    labels, names = outcome.task.categories(outcome.target)
    sizes = np.bincount(labels[labels >= 0], minlength=len(names))
    return bool(((sizes > 0) & (sizes < FEW)).any())


def _group_in_words(name: str, values: np.ndarray) -> str:
    """The number of groups, and the smallest and largest of them."""
    known = group_known(values)
    sizes = pd.Series(values[known]).value_counts()
    parts = sizes.to_dict() | {_UNKNOWN: int((~known).sum())}
    *shown, unknown = few_of(parts, _UNKNOWN).values()
    each = f", {shown[-1]} to {shown[0]} patients each" if len(sizes) else ""
    rest = "" if unknown == "0" else f"; {unknown} unknown"
    return f"group {name}: {counted(len(sizes), 'value')}{each}{rest}"


def _listed(title: str, lines: list[str]) -> list[str]:
    """A title and a list, or nothing where there are no lines."""
    if not lines:
        return []
    return ["", f"{title}:", *(f"  - {line}" for line in lines)]
