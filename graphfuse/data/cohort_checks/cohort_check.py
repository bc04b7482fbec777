"""A look at a cohort before anything is trained: ids matched, columns mapped, values as
declared."""

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
from graphfuse.data.manifest_reading import read_cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import FEW, Faults, counted, few, few_counted, few_of
from graphfuse.task.outcome import Outcome

_UNLABELLED = None  # among names of classes, which are text
_PATTERNS_SHOWN = 8  # of modalities, the most frequent


@dataclass(frozen=True, eq=False)
class Checked:
    """What was found: `cohort` (None where none could be built), `faults` (empty when fine; `stop`
    raises them), `notices`, and `where`, the manifest.

    `match`: modality × (columns, genes, patients, only_here, labelled, declared, looks_like);
    `patterns`: which modalities patients have, and how many have just these. `refused`: why `train`
    would refuse the cohort as it stands, which `evaluate.readiness` knows; empty where it would
    not, None where nobody asked.
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
        parts = [self.name]
        if self.cohort is not None:
            parts = [f"{self.name}: {few_counted(len(self.cohort), 'patient')}"]
            parts += ["", self._match_in_words(), "", *_patterns_in_words(self.patterns), ""]
            parts += [_outcome_in_words(outcome) for outcome in self.cohort.outcomes.values()]
            parts += [_group_in_words(name, values) for name, values in self.cohort.groups.items()]
        parts += _listed("warnings", self.notices)
        parts += [] if self.faults else ["", *self._verdict()]
        return "\n".join(parts)

    def _match_in_words(self) -> str:
        """The table `match` without a number under 5, and without one that would tell such a
        class by subtraction."""
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
        """What may be done with tables that have no faults."""
        if self.refused is None:
            return ["The tables have no faults."]
        if not self.refused:
            return ["No faults."]
        reasons = [f"  - {reason}" for reason in self.refused]
        return ["The tables can be read, but train would refuse them as they stand:", *reasons]


def check(name_or_path: str | Path) -> Checked:
    """Reads the cohort and says what is there and what is wrong; nothing is trained.

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
        For files that cannot be had.
    """
    reading = read_cohort(name_or_path)
    name, where = reading.manifest.name, reading.faults.where
    cohort, faults, notices = reading.cohort, list(reading.faults.messages), list(reading.notices)
    if cohort is None:
        nothing = pd.DataFrame(), pd.Series(dtype=int)
        return Checked(name, where, None, faults, notices, *nothing)
    notices += [*_outside_the_network(cohort), *barely_varying(cohort), *label_leaks(cohort)]
    return Checked(name, where, cohort, faults, notices, _match(cohort), _patterns(cohort))


def _outside_the_network(cohort: Cohort) -> list[str]:
    """Notices for protein tables that no gene network reaches although their columns are called as
    genes are."""
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
    """One row a modality: its size, its patients, how many only it has, how many carry the first
    outcome."""
    present = cohort.present
    labelled = cohort.outcome().known if cohort.outcomes else np.zeros(len(cohort), dtype=bool)
    has_one_only = (present.sum(axis=1).to_numpy() == 1) & (present.shape[1] > 1)
    rows = {}
    for name, modality in cohort.modalities.items():
        here, table = present[name].to_numpy(), modality.table
        is_ehr = modality.kind == "ehr"
        row = {"kind": modality.kind, "columns": table.shape[1]}
        row["genes"] = sum(symbol is not None for symbol in modality.symbols)
        row["patients"] = int(here.sum())
        row["only_here"] = int((here & has_one_only).sum())
        row["labelled"] = int((here & labelled).sum())
        row["missing_cells"] = f"{_missing(table[here]):.1%}"
        row["declared"] = "-" if is_ehr else _declared(modality)
        row["looks_like"] = "-" if is_ehr else sniff_values(table)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _declared(modality: Modality) -> str:
    """What the manifest says of the values, and what is done with them."""
    if modality.transform == "none":
        return modality.declared
    return f"{modality.declared}, {modality.transform}"


def _missing(table: pd.DataFrame) -> float:
    return float(table.isna().to_numpy().mean()) if table.size else 0.0


def _patterns(cohort: Cohort) -> pd.Series:
    """How many patients have just these modalities ('rna + clinical'), most frequent first."""
    names = cohort.present.apply(lambda row: " + ".join(row.index[row]), axis=1)
    return names.value_counts()


def _patterns_in_words(patterns: pd.Series) -> list[str]:
    lines = ["modalities together:"]
    for names, patients in patterns.head(_PATTERNS_SHOWN).items():
        lines.append(f"  {few_counted(patients, 'patient has', 'patients have')} {names}")
    more = len(patterns) - _PATTERNS_SHOWN
    if more > 0:
        lines.append(f"  and {counted(more, 'more pattern')}")
    return lines


def _outcome_in_words(outcome: Outcome) -> str:
    """Who has what, and from which modalities it was derived."""
    parents = ", ".join(outcome.derived_from)
    derived = f"; derived from {parents}" if parents else ""
    return f"outcome {outcome.name}: {outcome.task.in_words(outcome.target)}{derived}"


def _has_few(outcome: Outcome) -> bool:
    """Whether a category is so small that its number of patients is not said."""
    codes, names = outcome.task.categories(outcome.target)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    return bool(((sizes > 0) & (sizes < FEW)).any())


def _group_in_words(name: str, values: np.ndarray) -> str:
    known = group_known(values)
    sizes = pd.Series(values[known]).value_counts()
    parts = sizes.to_dict() | {_UNLABELLED: int((~known).sum())}
    *shown, unknown = few_of(parts, _UNLABELLED).values()
    each = f", {shown[-1]} to {shown[0]} patients each" if len(sizes) else ""
    rest = "" if unknown == "0" else f"; {unknown} unknown"
    return f"group {name}: {counted(len(sizes), 'value')}{each}{rest}"


def _listed(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:", *(f"  - {line}" for line in lines)] if lines else []
