"""A cohort: patients, their modalities, outcomes and groups."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graphfuse.data.from_frames.constructors import FromMemory
from graphfuse.data.groups import group_known
from graphfuse.data.modality import Modality
from graphfuse.data.patient_selection import rows_of
from graphfuse.errors import InputError, nearest
from graphfuse.schema.check_arguments import checked
from graphfuse.task.outcome import Outcome


@checked
@dataclass(frozen=True, eq=False)
class Cohort(FromMemory):
    """Patients, their modalities, outcomes and groups, all in one patient order.

    `graphfuse.load` builds one from a manifest; `from_frames`, `from_anndata` and `from_mudata`
    build one from tables in memory. A cohort is never changed: its methods return other cohorts.
    `len(cohort)` is the number of patients, and `cohort[rows]` is `take`.

    Parameters
    ----------
    name : str
        The name of the cohort.
    patients : Index
        Ids of the N patients.
    modalities : dict of str to Modality
        Name → table `[N, F]`; patients without the modality have a row of missing values.
    outcomes : dict of str to Outcome
        Name → what is to be predicted of each patient.
    groups : dict of str to array
        Name of a grouping, such as site or batch → each patient's group, text `[N]`.
    about : dict of str to str
        Title, licence, citation, and path and sha256 of the manifest, where there is one.

    Examples
    --------
    >>> rna = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
    >>> cohort = Cohort.from_frames({"rna": rna}, pd.Series({"P1": "a", "P2": "b"}, name="arm"))
    >>> len(cohort), cohort.shape
    (2, (2, 1))
    >>> cohort.modalities["rna"].table
             TP53
    patient
    P1        1.5
    P2        2.5
    """

    name: str
    patients: pd.Index
    modalities: dict[str, Modality]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def present(self) -> pd.DataFrame:
        """Which patient has which modality: a frame of bool `[N, M]`, indexed by patient."""
        present = {modality.name: modality.present for modality in self.modalities.values()}
        return pd.DataFrame(present, index=self.patients)

    def outcome(self, name: str | None = None) -> Outcome:
        """One of the cohort's outcomes.

        Parameters
        ----------
        name : str, optional
            Which one; by default the first.

        Returns
        -------
        Outcome

        Raises
        ------
        InputError
            Where there is no such outcome, or none at all.

        Examples
        --------
        >>> rna = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> arm = pd.Series({"P1": "a", "P2": "b"}, name="arm")
        >>> Cohort.from_frames({"rna": rna}, arm).outcome().classes
        ('a', 'b')
        """
        if not self.outcomes:
            raise InputError(
                f"cohort {self.name!r} has no outcome; declare [outcome.NAME] in its manifest"
            )
        if name is None:
            return next(iter(self.outcomes.values()))
        if name not in self.outcomes:
            raise InputError(
                f"cohort {self.name!r} has no outcome {name!r}{nearest(name, self.outcomes)}"
            )
        return self.outcomes[name]

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of patients and of modalities."""
        return len(self.patients), len(self.modalities)

    def __getitem__(self, rows) -> Cohort:
        """As `take`; scikit-learn indexes like an array, `cohort[rows, ...]`."""
        return self.take(rows[0] if isinstance(rows, tuple) else rows)

    __iter__ = None  # otherwise Python would iterate by __getitem__

    def __array__(self, *args, **options):
        raise TypeError("a Cohort is no array; take cohort.modalities[NAME].table")

    def __sklearn_clone__(self) -> Cohort:
        return self  # a cohort is never changed, and too large to copy in every fold

    def take(self, rows) -> Cohort:
        """The cohort of some patients.

        Parameters
        ----------
        rows : array-like, slice, int or str
            Row numbers, ids, or a truth value for each patient.

        Returns
        -------
        Cohort
            Its patients are in the order of `rows`.

        Raises
        ------
        InputError
            For rows and ids that are not there, and for ids given twice.

        Examples
        --------
        >>> rna = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> cohort = Cohort.from_frames({"rna": rna})
        >>> list(cohort.take(["P2"]).patients), list(cohort.take([True, False]).patients)
        (['P2'], ['P1'])
        """
        rows = rows_of(rows, self.patients)
        modalities = {name: modality.take(rows) for name, modality in self.modalities.items()}
        outcomes = {name: outcome.take(rows) for name, outcome in self.outcomes.items()}
        groups = {name: values[rows] for name, values in self.groups.items()}
        return replace(
            self,
            patients=self.patients[rows],
            modalities=modalities,
            outcomes=outcomes,
            groups=groups,
        )

    def without(self, *names: str) -> Cohort:
        """The cohort without some of its modalities.

        Parameters
        ----------
        *names : str
            The modalities to leave out.

        Returns
        -------
        Cohort
            Of the same patients.

        Examples
        --------
        >>> table = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
        >>> cohort = Cohort.from_frames({"rna": table, "protein": table})
        >>> list(cohort.without("rna").modalities)
        ['protein']
        """
        kept = {name: each for name, each in self.modalities.items() if name not in names}
        return replace(self, modalities=kept)

    def with_outcome(self, outcome: Outcome) -> Cohort:
        """The cohort with one more outcome.

        Parameters
        ----------
        outcome : Outcome
            Of the same patients in the same order. It replaces an outcome of the same name.

        Returns
        -------
        Cohort
        """
        return replace(self, outcomes={**self.outcomes, outcome.name: outcome})

    def ordered(self) -> Cohort:
        """The cohort with its modalities sorted by name.

        Models are fitted in this order, so that no number depends on the order of tables in a
        manifest.

        Returns
        -------
        Cohort
        """
        return replace(self, modalities=dict(sorted(self.modalities.items())))

    def digest(self) -> str:
        """A hash of ids, columns, values and outcomes.

        Returns
        -------
        str
            sha256 in hex; equal for two cohorts exactly where these are equal.
        """
        sha = hashlib.sha256()
        tables = [modality.table for modality in self.modalities.values()]
        for part in [pd.Series(self.patients), *tables]:
            columns = getattr(part, "columns", ())
            hashes = pd.util.hash_pandas_object(part, index=False)
            sha.update("\0".join(map(str, columns)).encode())
            sha.update(hashes.to_numpy().tobytes())
        for outcome in self.outcomes.values():
            sha.update(repr(outcome.classes).encode())
            sha.update(np.ascontiguousarray(outcome.values).tobytes())
            if outcome.event is not None:
                sha.update(np.ascontiguousarray(outcome.event).tobytes())
        return sha.hexdigest()

    def __repr__(self) -> str:
        lines = [f"Cohort({self.name}: {len(self):,} patients)"]
        lines += [f"  {part!r}" for part in self.modalities.values()]
        lines += [f"  {part!r}" for part in self.outcomes.values()]
        for name, values in self.groups.items():
            distinct = set(values[group_known(values)])
            lines.append(f"  Group({name}: {len(distinct):,} values)")
        return "\n".join(lines)
